//! The description is true: every operation in it asks for a token, keeps organisations apart, and answers what it says.

kehu_tests::on_both_engines!(
    it_is_the_committed_one,
    without_a_token_nothing_is_answered,
    an_id_of_another_organisation_is_like_none,
    real_answers_are_as_described,
    the_documentation_loads_nothing_from_outside,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, Reply, Session, company, new_id};
    use serde_json::{Value, json};

    use crate::planted::plant;

    /// An operation of the description.
    struct Operation {
        method: String,
        path: String,
        public: bool,
        /// Whether another key than a user's token opens it.
        keyed: bool,
        value: Value,
    }

    fn document(base: &str) -> Value {
        Session::anonymous(base).get("/openapi.json").expect(200).json()
    }

    fn operations(document: &Value) -> Vec<Operation> {
        let mut all = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, value) in methods.as_object().unwrap() {
                if !["get", "post", "put", "patch", "delete"].contains(&method.as_str()) {
                    continue;
                }
                let security = value.get("security").or_else(|| document.get("security")).cloned().unwrap_or_default();
                let schemes = security.as_array().cloned().unwrap_or_default();
                all.push(Operation {
                    method: method.to_uppercase(),
                    path: path.clone(),
                    public: schemes.is_empty() || schemes.contains(&json!({})),
                    keyed: schemes.iter().all(|scheme| scheme.get("bearer").is_none()),
                    value: value.clone(),
                });
            }
        }
        all
    }

    /// The path with ids in the place of its parameters.
    fn filled(path: &str, id: &str) -> String {
        let parts: Vec<&str> = path.split('/').map(|part| if part.starts_with('{') { id } else { part }).collect();
        parts.join("/")
    }

    fn call(session: &Session, operation: &Operation, path: &str) -> Reply {
        match operation.method.as_str() {
            "GET" | "DELETE" => session.send(&operation.method, path, &[], ""),
            // The example of the doors that tell what is missing before they look.
            method if ["/erase", "/leave", "/decide", "/merge"].iter().any(|door| path.ends_with(door)) => {
                let example = operation.value["requestBody"]["content"]["application/json"]["example"].to_string();
                session.send(method, path, example.as_bytes(), "application/json")
            }
            method => session.send(method, path, b"{}", "application/json"),
        }
    }

    pub(super) fn it_is_the_committed_one(engine: Engine) {
        let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/openapi.json");
        let committed: Value = serde_json::from_str(&std::fs::read_to_string(committed).unwrap()).unwrap();
        assert!(document(&engine.base()) == committed, "openapi/openapi.json differs: run `make openapi`");
    }

    pub(super) fn without_a_token_nothing_is_answered(engine: Engine) {
        let nobody = Session::anonymous(&engine.base());
        let document = document(&engine.base());
        let mut asked = 0;
        for operation in operations(&document).iter().filter(|operation| !operation.public) {
            let reply = call(&nobody, operation, &filled(&operation.path, &new_id()));
            let expected = if operation.keyed { [401, 404] } else { [401, 401] };
            assert!(expected.contains(&reply.status), "{} {}: {}", operation.method, operation.path, reply.text);
            if reply.status == 401 {
                assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
            }
            // Nor is a body or a parameter looked at.
            let path = format!("{}?x=%", filled(&operation.path, &new_id()));
            if operation.method != "GET" && !operation.keyed {
                let unread = nobody.send(&operation.method, &path, b"{broken", "text/plain");
                assert_eq!(unread.status, 401, "{} {}: {}", operation.method, operation.path, unread.text);
            }
            asked += 1;
        }
        assert!(asked > 40, "only {asked} operations");
        let garbage = nobody.with_token(Some("eyJhbGciOiJub25lIn0.e30."));
        assert_eq!(garbage.get("/v1/customers").expect(401).code(), "token_invalid");
    }

    pub(super) fn an_id_of_another_organisation_is_like_none(engine: Engine) {
        let (org, other) = (Org::new(engine), Org::new(engine));
        let customer = org.admin.post("/v1/customers", &company("他人有限公司")).expect(201).id();
        let contact =
            org.admin.post("/v1/contacts", &json!({"customer_id": customer, "name": "周一"})).expect(201).id();
        let follow_up =
            json!({"customer_id": customer, "kind": "call", "summary": "x", "happened_at": "2026-11-22T00:00:00Z"});
        let note = json!({"record_kind": "customer", "record_id": customer, "body": "x"});
        let attachment = org.admin.attach("customer", &customer, "a.txt", b"x").expect(201).id();
        let ids = [
            ("/v1/customers/", customer),
            ("/v1/contacts/", contact),
            ("/v1/follow_ups/", org.admin.post("/v1/follow_ups", &follow_up).expect(201).id()),
            ("/v1/attachments/", attachment),
            ("/v1/notes/", org.admin.post("/v1/notes", &note).expect(201).id()),
            ("/v1/tags/", org.admin.post("/v1/tags", &json!({"name": "他人"})).expect(201).id()),
            ("/v1/teams/", org.team(None)),
            ("/v1/users/", org.user("salesperson", None).id),
            ("/v1/forms/", org.admin.post("/v1/forms", &form()).expect(201).id()),
            ("/v1/jobs/", plant(&org, None, "dead")),
            ("/v1/access_reviews/", org.admin.post("/v1/access_reviews", &json!({})).expect(201).id()),
        ];
        let session = other.admin.with("x-request-id", "the-same-request");
        let document = document(&engine.base());
        let mut asked = 0;
        // Keys are no ids: by_key.rs keeps organisations apart there.
        let by_id = |operation: &&Operation| operation.path.contains('{') && !operation.path.contains("/by/");
        for operation in operations(&document).iter().filter(by_id) {
            let Some((_, id)) = ids.iter().find(|(prefix, _)| operation.path.starts_with(prefix)) else { continue };
            if operation.public || operation.keyed {
                continue;
            }
            let theirs = call(&session, operation, &filled(&operation.path, id));
            let none = call(&session, operation, &filled(&operation.path, &new_id()));
            assert_eq!(theirs.status, 404, "{} {}: {}", operation.method, operation.path, theirs.text);
            assert_eq!(theirs.text, none.text, "{} {}", operation.method, operation.path);
            asked += 1;
        }
        assert!(asked >= 21, "only {asked} operations with an id");
    }

    fn form() -> Value {
        json!({"name": "官网表单", "fields": [{"key": "mobile", "maps_to": "customer.phone"}]})
    }

    /// Holds an answer against the schema that the description gives for its status.
    fn check(document: &Value, method: &str, path: &str, reply: &Reply) {
        let all = operations(document);
        let operation = all.iter().find(|operation| operation.method == method && operation.path == path);
        let operation = operation.unwrap_or_else(|| panic!("{method} {path} is not described"));
        let mut response = &operation.value["responses"][reply.status.to_string()];
        assert!(!response.is_null(), "{method} {path}: {} is not described", reply.status);
        if let Some(name) = response["$ref"].as_str() {
            response = &document["components"]["responses"][name.trim_start_matches("#/components/responses/")];
        }
        let content = response["content"].as_object().and_then(|content| content.values().next());
        let Some(content) = content else {
            assert!(reply.text.is_empty(), "{method} {path}: a body that is not described");
            return;
        };
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "components": document["components"], "allOf": [content["schema"]],
        });
        let validator = jsonschema::validator_for(&schema).unwrap();
        let body = reply.json();
        let errors: Vec<String> =
            validator.iter_errors(&body).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{method} {path} {}: {errors:#?}\n{}", reply.status, reply.text);
    }

    /// The same description of answers that `fields` did not cut: of a record or its part, the record.
    fn whole(value: Value) -> Value {
        match value {
            Value::Object(members) => {
                let choices = members.get("anyOf").and_then(Value::as_array);
                if let Some([record, part]) = choices.map(Vec::as_slice) {
                    let named = part["$ref"].as_str().and_then(|part| part.strip_suffix("Part"));
                    if named.is_some() && named == record["$ref"].as_str() {
                        return record.clone();
                    }
                }
                members.into_iter().map(|(name, value)| (name, whole(value))).collect()
            }
            Value::Array(items) => items.into_iter().map(whole).collect(),
            plain => plain,
        }
    }

    pub(super) fn real_answers_are_as_described(engine: Engine) {
        let org = Org::new(engine);
        let described = document(&engine.base());
        let cut = org.admin.post("/v1/tags", &json!({"name": "片段"})).expect(201).id();
        check(&described, "GET", "/v1/tags/{id}", &org.admin.get(&format!("/v1/tags/{cut}?fields=name")).expect(200));
        check(&described, "GET", "/v1/tags", &org.admin.get("/v1/tags?fields=id").expect(200));
        let document = whole(described);
        let admin = &org.admin;
        let team = org.team(None);
        let seller = org.user("salesperson", Some(&team));
        let full = json!({
            "name": "描述科技有限公司", "kind": "company", "stage": "active", "grade": "a", "industry": "I", "size": "10-49",
            "credit_code": "911101084JURQ2830A", "address": "北京市海淀区中关村大街1号", "phones": ["13800138000"],
            "emails": ["a@example.com"], "wechat": "wx1", "source": "expo",
            "bank_accounts": [{"value": "6222026360837783531", "bank": "工商银行"}], "remark": "无", "tags": ["甲"],
            "contacts": [{"name": "王五", "phones": ["13900139000"], "birthday": "1990-03-07", "role": "finance"}],
        });
        let made = admin.post("/v1/customers", &full);
        check(&document, "POST", "/v1/customers", &made);
        check(&document, "POST", "/v1/customers", &admin.post("/v1/customers", &full).expect(409));
        check(&document, "POST", "/v1/customers", &admin.post("/v1/customers", &json!({"kind": "x"})).expect(422));
        check(
            &document,
            "POST",
            "/v1/customers",
            &admin.send("POST", "/v1/customers", b"{", "application/json").expect(400),
        );
        check(
            &document,
            "POST",
            "/v1/customers",
            &admin.send("POST", "/v1/customers", b"{}", "text/plain").expect(415),
        );
        let id = made.id();
        let one = format!("/v1/customers/{id}");
        check(&document, "GET", "/v1/customers/{id}", &admin.get(&format!("{one}?expand=contacts")).expect(200));
        check(&document, "PATCH", "/v1/customers/{id}", &admin.patch(&one, &json!({"remark": "改"})).expect(200));
        let old = admin.with("if-match", "\"1-0\"");
        check(&document, "PATCH", "/v1/customers/{id}", &old.patch(&one, &json!({"remark": "再改"})).expect(412));
        let list = admin.get("/v1/customers?expand=contacts&count=exact").expect(200);
        check(&document, "GET", "/v1/customers", &list);
        check(&document, "GET", "/v1/customers", &admin.get("/v1/customers?sort=x").expect(400));
        let asked = json!({"where": {"field": "phone", "value": "13800138000"}});
        check(&document, "POST", "/v1/customers/search", &admin.post("/v1/customers/search", &asked).expect(200));
        let items = json!({"items": [company("一有限公司"), {}]});
        check(&document, "POST", "/v1/customers/batch", &admin.post("/v1/customers/batch", &items).expect(207));
        let follow_up =
            json!({"customer_id": id, "kind": "call", "summary": "x", "happened_at": "2026-11-22T00:00:00Z"});
        check(&document, "POST", "/v1/follow_ups", &admin.post("/v1/follow_ups", &follow_up).expect(201));
        let field = json!({"kind": "customer", "key": "floor", "type": "choice", "label": {"en": "Floor"}, "choices": [{"key": "1"}], "default": "1"});
        let field = admin.post("/v1/fields", &field).expect(201);
        check(&document, "POST", "/v1/fields", &field);
        check(&document, "POST", "/v1/fields", &admin.post("/v1/fields", &json!({"key": "X"})).expect(422));
        let told = admin.post(&format!("/v1/fields/{}/check", field.id()), &json!({"retired": true})).expect(202);
        check(&document, "POST", "/v1/fields/{id}/check", &told);
        let note = json!({"record_kind": "customer", "record_id": id, "body": "x"});
        let attached = |name: &str| admin.attach("customer", &id, name, b"text");
        check(&document, "POST", "/v1/attachments", &attached("a.txt").expect(201));
        check(&document, "POST", "/v1/attachments", &attached("a.exe").expect(415));
        check(&document, "POST", "/v1/notes", &admin.post("/v1/notes", &note).expect(201));
        for path in [
            "/v1/contacts",
            "/v1/follow_ups",
            "/v1/notes",
            "/v1/attachments",
            "/v1/tags",
            "/v1/users",
            "/v1/teams",
            "/v1/forms",
            "/v1/fields",
        ] {
            check(&document, "GET", path, &admin.get(path).expect(200));
        }
        check(&document, "GET", "/v1/users", &seller.session.get("/v1/users").expect(200));
        check(&document, "GET", "/v1/me", &seller.session.get("/v1/me").expect(200));
        check(
            &document,
            "POST",
            "/v1/lookup",
            &seller.session.post("/v1/lookup", &json!({"phone": "13900139000"})).expect(200),
        );
        check(&document, "POST", "/v1/users", &seller.session.post("/v1/users", &json!({})).expect(403));
        check(&document, "POST", "/v1/forms", &admin.post("/v1/forms", &form()).expect(201));
        check(&document, "DELETE", "/v1/customers/{id}", &admin.delete(&one).expect(204));
        check(&document, "GET", "/v1/customers/{id}", &admin.get(&one).expect(404));
        check(
            &document,
            "POST",
            "/v1/customers/{id}/restore",
            &admin.post(&format!("{one}/restore"), &json!({})).expect(200),
        );
        let reveal = |fields: Value| admin.post(&format!("{one}/reveal"), &json!({"fields": fields, "reason": "x"}));
        let described = "/v1/customers/{id}/reveal";
        check(&document, "POST", described, &reveal(json!(["phones", "address", "bank_accounts"])).expect(200));
        check(&document, "POST", described, &reveal(json!(["name"])).expect(422));
        let job = plant(&org, Some(&seller.id), "dead");
        check(&document, "GET", "/v1/jobs", &admin.get("/v1/jobs").expect(200));
        check(&document, "GET", "/v1/jobs", &admin.get("/v1/jobs?filter[state]=x").expect(400));
        check(&document, "GET", "/v1/jobs/{id}", &seller.session.get(&format!("/v1/jobs/{job}")).expect(200));
        for (door, status) in [("cancel", 409), ("retry", 200), ("retry", 409), ("cancel", 200)] {
            let told = admin.post(&format!("/v1/jobs/{job}/{door}"), &json!({})).expect(status);
            check(&document, "POST", &format!("/v1/jobs/{{id}}/{door}"), &told);
        }
        let history = admin.with("x-change-reason", "checked").patch(&one, &json!({"phones": ["13800138001"]}));
        check(&document, "PATCH", "/v1/customers/{id}", &history.expect(200));
        let history = admin.get(&format!("{one}/history")).expect(200);
        check(&document, "GET", "/v1/customers/{id}/history", &history);
        check(&document, "GET", "/v1/customers/{id}/history", &admin.get(&format!("{one}/history?q=x")).expect(400));
        let why = json!({"reason": "应本人要求"});
        let gone = admin.post("/v1/customers", &company("遗忘有限公司")).expect(201).id();
        let door = "/v1/customers/{id}/erase";
        let gone = door.replace("{id}", &gone);
        check(&document, "POST", door, &seller.session.post(&gone, &why).expect(403));
        check(&document, "POST", door, &admin.post(&gone, &json!({})).expect(422));
        check(&document, "POST", door, &admin.post(&gone, &why).expect(202));
        let review = admin.post("/v1/access_reviews", &json!({"revoke_unanswered": true}));
        check(&document, "POST", "/v1/access_reviews", &review);
        let (door, review) = ("/v1/access_reviews/{id}", format!("/v1/access_reviews/{}", review.id()));
        check(&document, "GET", "/v1/access_reviews", &admin.get("/v1/access_reviews").expect(200));
        check(&document, "GET", door, &admin.get(&review).expect(200));
        let decide = "/v1/access_reviews/{id}/items/{user}/decide";
        let decided = |body: Value| admin.post(&format!("{review}/items/{}/decide", seller.id), &body);
        check(&document, "POST", decide, &decided(json!({"decision": "revoke", "reason": "x"})).expect(200));
        check(&document, "POST", decide, &decided(json!({"decision": "x"})).expect(422));
        let items = admin.get(&format!("{review}/items?limit=1")).expect(200);
        check(&document, "GET", "/v1/access_reviews/{id}/items", &items);
        let close = "/v1/access_reviews/{id}/close";
        check(&document, "POST", close, &admin.post(&format!("{review}/close"), &json!({})).expect(200));
        check(&document, "POST", close, &admin.post(&format!("{review}/close"), &json!({})).expect(409));
        check(
            &document,
            "POST",
            "/v1/access_reviews",
            &seller.session.post("/v1/access_reviews", &json!({})).expect(403),
        );
        let leaver = org.user("salesperson", None).id;
        let (door, leave) = ("/v1/users/{id}/leave", format!("/v1/users/{leaver}/leave"));
        let me = admin.get("/v1/me").expect(200).json()["user"]["id"].clone();
        check(&document, "POST", door, &admin.post(&leave, &json!({"successor_id": me, "dry_run": true})).expect(200));
        check(&document, "POST", door, &admin.post(&leave, &json!({"successors": []})).expect(422));
        check(&document, "POST", door, &admin.post(&leave, &json!({"successor_id": me})).expect(202));
        let log = admin.get("/v1/audit").expect(200);
        check(&document, "GET", "/v1/audit", &log);
        check(&document, "GET", "/v1/audit", &admin.get("/v1/audit?sort=seq").expect(200));
        check(&document, "GET", "/v1/audit", &admin.get("/v1/audit?filter[class]=x").expect(400));
        check(&document, "GET", "/v1/audit", &seller.session.get("/v1/audit").expect(403));
        let entry = format!("/v1/audit/{}", log.data()[0]["id"].as_str().unwrap());
        check(&document, "GET", "/v1/audit/{id}", &admin.get(&entry).expect(200));
        let bad = admin.with("x-change-reason", "%").patch(&one, &json!({"remark": "x"})).expect(400);
        check(&document, "PATCH", "/v1/customers/{id}", &bad);
        check(&document, "GET", "/healthz", &admin.get("/healthz").expect(200));
        check(&document, "GET", "/readyz", &admin.get("/readyz").expect(200));
    }

    pub(super) fn the_documentation_loads_nothing_from_outside(engine: Engine) {
        let nobody = Session::anonymous(&engine.base());
        let page = [nobody.get("/docs"), nobody.get("/docs/")].into_iter().find(|page| page.status == 200).unwrap();
        for load in ["src=\"http", "href=\"http", "src=\"//", "href=\"//", "@import"] {
            assert!(!page.text.contains(load), "{load}: {}", page.text);
        }
        assert!(page.text.contains("<script"), "{}", page.text);
    }
}
