"""The main job through the client that openapi-python-client makes of the description."""

import datetime
import os

from kehu_client import AuthenticatedClient, Client
from kehu_client.api.customers import (
    customers_batch,
    customers_create,
    customers_list,
    customers_search,
    customers_update,
)
from kehu_client.api.follow_ups import follow_ups_create
from kehu_client.api.sign_in import auth_login
from kehu_client.models import (
    CustomerBatch,
    CustomerContactInput,
    CustomerInput,
    CustomerPatch,
    CustomerSearch,
    FilterAnd,
    FilterCondition,
    FollowUpInput,
    LoginRequest,
)

url, phone = os.environ["KEHU_URL"], os.environ["KEHU_PHONE"]

login = LoginRequest(login=os.environ["KEHU_LOGIN"], password=os.environ["KEHU_PASSWORD"])
tokens = auth_login.sync(client=Client(base_url=url), body=login)
client = AuthenticatedClient(base_url=url, token=tokens.access_token, raise_on_unexpected_status=True)

contact = CustomerContactInput(name="李文静", position="采购经理", phones=[phone])
body = CustomerInput(name="寅卯辰科技有限公司", kind="company", contacts=[contact])
made = customers_create.sync_detailed(client=client, body=body, idempotency_key=f"python-{phone}-0")
assert made.status_code == 201, made.content
customer, etag = made.parsed, made.headers["ETag"]

page = customers_list.sync(client=client, sort="-updated_at", limit=5, q="寅卯")
assert page.data[0].id == customer.id, page

where = FilterAnd(and_=[FilterCondition(field="phone", value=phone)])
found = customers_search.sync(client=client, body=CustomerSearch(where=where))
assert [record.name for record in found.data] == [customer.name], found

told = FollowUpInput(
    customer_id=customer.id,
    kind="call",
    summary="询问了报价。",
    happened_at=datetime.datetime(2026, 11, 22, 8, 30, tzinfo=datetime.timezone.utc),
)
assert follow_ups_create.sync_detailed(client=client, body=told).status_code == 201

changed = customers_update.sync_detailed(
    customer.id, client=client, body=CustomerPatch.from_dict({"grade": "a"}), if_match=etag
)
assert changed.status_code == 200 and changed.parsed.grade == "a", changed.content
late = customers_update.sync_detailed(
    customer.id, client=client, body=CustomerPatch.from_dict({"grade": "b"}), if_match=etag
)
assert late.status_code == 412 and late.parsed.code == "version_conflict", late.content

items = [CustomerInput(name=name, kind="company") for name in ("巳午未贸易有限公司", "")]
batch = customers_batch.sync_detailed(client=client, body=CustomerBatch(items=items))
assert batch.status_code == 207, batch.content
assert [item.status for item in batch.parsed.data] == [201, 422], batch.content
print("python: done")
