//! Records that are made together: each is judged as if it came alone.

kehu_tests::on_both_engines!(
    items_of_a_batch_meet_each_other_and_what_was_there,
    what_is_refused_leaves_nothing_behind,
    numbers_are_in_a_row_and_in_order,
    contacts_and_tags_come_along,
    follow_ups_of_a_batch_settle_their_customers,
    one_primary_contact_is_left,
    an_atomic_batch_is_undone_whole,
    a_name_is_found_among_many_like_it,
    what_was_refused_under_a_key_stays_refused_under_it,
    items_far_apart_meet_each_other,
    a_long_batch_is_replayed_whole,
    a_tag_that_stands_twice_is_made_once,
    a_part_of_a_name_is_found_in_ones_own_organisation,
);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use kehu_tests::{Engine, Org, company, encoded, mobile};
    use serde_json::{Value, json};

    fn batch(org: &Org, path: &str, items: &[Value], status: u16) -> Vec<Value> {
        org.admin.post(path, &json!({ "items": items })).expect(status).data()
    }

    fn with_phone(name: &str, phone: &str) -> Value {
        let mut body = company(name);
        body["phones"] = json!([phone]);
        body
    }

    fn statuses(done: &[Value]) -> Vec<i64> {
        done.iter().map(|item| item["status"].as_i64().unwrap()).collect()
    }

    pub(super) fn items_of_a_batch_meet_each_other_and_what_was_there(engine: Engine) {
        let org = Org::new(engine);
        let (old, new, third) = (mobile(), mobile(), mobile());
        let known = org.admin.post("/v1/customers", &with_phone("旧有限公司", &old)).expect(201).id();
        let mut contact = company("带联系人有限公司");
        contact["contacts"] = json!([{"name": "张三", "phones": [new]}]);
        let items = [
            with_phone("一有限公司", &new),
            with_phone("二有限公司", &old),
            contact,
            with_phone("四有限公司", &third),
            with_phone("五有限公司", &third),
            company("六有限公司"),
        ];
        let done = batch(&org, "/v1/customers/batch", &items, 207);
        assert_eq!(statuses(&done), [201, 409, 409, 201, 409, 201]);
        let existing = |at: usize| &done[at]["error"]["existing"];
        assert_eq!(existing(1)["id"], known.as_str());
        // One that was made a moment before, in the same request, is told of as any other.
        assert_eq!((&existing(2)["id"], &existing(2)["state"]), (&done[0]["id"], &json!("yours")));
        assert_eq!((&existing(4)["id"], &existing(4)["name"]), (&done[3]["id"], &json!("四有限公司")));
        assert_eq!(done[2]["error"]["errors"][0]["pointer"], "/contacts/0/phones/0");
        let asked = json!({"where": {"field": "phone", "op": "in", "value": [old, new, third]}});
        assert_eq!(org.admin.post("/v1/customers/search", &asked).expect(200).data().len(), 3);

        let coded = |name: &str| {
            let mut body = company(name);
            body["credit_code"] = json!("911101084JURQ2830A");
            body
        };
        let items = [coded("码一有限公司"), company("无码有限公司"), coded("码二有限公司")];
        let done = batch(&org, "/v1/customers/batch", &items, 207);
        assert_eq!(statuses(&done), [201, 201, 409]);
        assert_eq!(done[2]["error"]["existing"]["id"], done[0]["id"]);
        assert_eq!(done[2]["error"]["errors"][0]["pointer"], "/credit_code");
    }

    pub(super) fn what_is_refused_leaves_nothing_behind(engine: Engine) {
        let org = Org::new(engine);
        let phone = mobile();
        let mut refused = with_phone("重号有限公司", &phone);
        refused["tags"] = json!(["只在被拒绝的里"]);
        refused["contacts"] = json!([{"name": "李四", "phones": [mobile()]}]);
        let mut unknown = company("标签不明有限公司");
        unknown["tags"] = json!(["也只在被拒绝的里"]);
        unknown["contacts"] = json!([{"name": "赵六", "tags": ["0199a000-0000-7000-8000-000000000000"]}]);
        let items = [with_phone("先有限公司", &phone), refused, company("后有限公司"), unknown];
        assert_eq!(statuses(&batch(&org, "/v1/customers/batch", &items, 207)), [201, 409, 201, 422]);
        assert_eq!(org.admin.get("/v1/customers").expect(200).data().len(), 2);
        assert_eq!(org.admin.get("/v1/contacts").expect(200).data().len(), 0);
        let tags = org.admin.get("/v1/tags").expect(200).data();
        assert!(tags.is_empty(), "{tags:?}");
        let named = json!({"where": {"field": "name", "op": "contains", "value": "重号"}});
        assert_eq!(org.admin.post("/v1/customers/search", &named).expect(200).data().len(), 0);
    }

    pub(super) fn numbers_are_in_a_row_and_in_order(engine: Engine) {
        let org = Org::new(engine);
        let industry = |at: usize| if at.is_multiple_of(3) { "FIN" } else { "IT" };
        let items: Vec<Value> = (0..130)
            .map(|at| {
                let mut body = company(&format!("编号{at}有限公司"));
                body["industry"] = json!(industry(at));
                if at == 50 {
                    body["name"] = json!("");
                }
                body
            })
            .collect();
        let done = batch(&org, "/v1/customers/batch", &items, 207);
        let mut counts = [0, 0];
        for (at, item) in done.iter().enumerate().filter(|(at, _)| *at != 50) {
            let path = format!("/v1/customers/{}", item["id"].as_str().unwrap());
            let number = org.admin.get(&path).expect(200).json()["number"].as_str().unwrap().to_owned();
            let count = &mut counts[usize::from(at.is_multiple_of(3))];
            *count += 1;
            assert!(number.ends_with(&format!("-{}-{count:03}", industry(at))), "{at}: {number}");
        }
        // The next one alone goes on.
        let mut next = company("下一家有限公司");
        next["industry"] = json!("IT");
        let number = org.admin.post("/v1/customers", &next).expect(201).json()["number"].clone();
        assert!(number.as_str().unwrap().ends_with(&format!("-IT-{:03}", counts[0] + 1)), "{number}");
    }

    pub(super) fn contacts_and_tags_come_along(engine: Engine) {
        let org = Org::new(engine);
        let phones: Vec<String> = (0..60).map(|_| mobile()).collect();
        let items: Vec<Value> = phones
            .iter()
            .enumerate()
            .map(|(at, phone)| {
                let mut body = company(&format!("同来{at}有限公司"));
                body["tags"] = json!(["重点", format!("第{}批", at % 4)]);
                body["contacts"] = json!([{"name": "王一", "phones": [phone]}, {"name": "王二", "primary": true}]);
                body
            })
            .collect();
        let done = batch(&org, "/v1/customers/batch", &items, 200);
        // Each tag was made once.
        assert_eq!(org.admin.get("/v1/tags").expect(200).data().len(), 5);
        for at in [0, 31, 59] {
            let path = format!("/v1/customers/{}?expand=contacts", done[at]["id"].as_str().unwrap());
            let read = org.admin.get(&path).expect(200).json();
            let names: Vec<&str> =
                read["contacts"].as_array().unwrap().iter().map(|contact| contact["name"].as_str().unwrap()).collect();
            assert_eq!((read["version"].as_i64(), names.len()), (Some(1), 2), "{read}");
            assert_eq!(read["tags"].as_array().unwrap().len(), 2);
            let asked = json!({"where": {"field": "phone", "op": "eq", "value": phones[at]}});
            let found = org.admin.post("/v1/customers/search", &asked).expect(200).data();
            assert_eq!((found.len(), &found[0]["id"]), (1, &done[at]["id"]));
        }
        let tagged = json!({"where": {"field": "tags", "op": "has_all", "value": ["重点", "第3批"]}, "limit": 100});
        assert_eq!(org.admin.post("/v1/customers/search", &tagged).expect(200).data().len(), 15);
    }

    pub(super) fn follow_ups_of_a_batch_settle_their_customers(engine: Engine) {
        let org = Org::new(engine);
        let made: Vec<String> = (0..3)
            .map(|at| org.admin.post("/v1/customers", &company(&format!("跟进{at}有限公司"))).expect(201).id())
            .collect();
        let follow_up = |customer: &str, day: usize| {
            json!({
                "customer_id": customer, "kind": "call", "summary": format!("第{day}天"),
                "happened_at": format!("2026-03-{day:02}T01:00:00.000Z"),
            })
        };
        let mut items: Vec<Value> = (0..27).map(|at| follow_up(&made[at % 3], at + 1)).collect();
        items.push(follow_up("0199a000-0000-7000-8000-000000000000", 1));
        let done = batch(&org, "/v1/follow_ups/batch", &items, 207);
        assert_eq!(statuses(&done)[..27], [201; 27]);
        assert_eq!(
            (&done[27]["status"], &done[27]["error"]["errors"][0]["pointer"]),
            (&json!(422), &json!("/customer_id"))
        );
        for (at, id) in made.iter().enumerate() {
            let read = org.admin.get(&format!("/v1/customers/{id}")).expect(200).json();
            assert_eq!(read["last_follow_up_at"], format!("2026-03-{:02}T01:00:00.000Z", 25 + at));
            assert_eq!(read["version"], 2, "one change of the summary for all of them");
        }
    }

    pub(super) fn one_primary_contact_is_left(engine: Engine) {
        let org = Org::new(engine);
        let customer = org.admin.post("/v1/customers", &company("主联系人有限公司")).expect(201).id();
        let contact = |name: &str| json!({"customer_id": customer, "name": name, "primary": true});
        let items = [contact("赵一"), contact("钱二"), contact("孙三")];
        let done = batch(&org, "/v1/contacts/batch", &items, 200);
        let contacts = org.admin.get("/v1/contacts").expect(200).data();
        let primary: Vec<&Value> = contacts.iter().filter(|contact| contact["primary"] == true).collect();
        assert_eq!((primary.len(), &primary[0]["id"]), (1, &done[2]["id"]));
    }

    pub(super) fn an_atomic_batch_is_undone_whole(engine: Engine) {
        let org = Org::new(engine);
        let phone = mobile();
        let mut first = with_phone("全一有限公司", &phone);
        first["tags"] = json!(["全有或全无"]);
        let items =
            json!({"atomic": true, "items": [first, company("全二有限公司"), with_phone("全三有限公司", &phone)]});
        let refused = org.admin.post("/v1/customers/batch", &items).expect(409);
        assert_eq!(refused.errors()[0].0, "/items/2/phones/0");
        for path in ["/v1/customers", "/v1/tags"] {
            assert_eq!(org.admin.get(path).expect(200).data().len(), 0, "{path}");
        }
        // The phone is free, and the number was not taken.
        let made = org.admin.post("/v1/customers", &with_phone("全四有限公司", &phone)).expect(201).json();
        assert!(made["number"].as_str().unwrap().ends_with("-001"), "{}", made["number"]);
    }

    /// More records than a look-up gathers hold what is asked for, or a part of it; others share all of its tokens.
    pub(super) fn a_name_is_found_among_many_like_it(engine: Engine) {
        let org = Org::new(engine);
        let many: Vec<Value> =
            (0..700).map(|at| company(&format!("华信科技有限公司第{at}分公司 Falcon {at}"))).collect();
        let _ = batch(&org, "/v1/customers/batch", &many, 200);
        let _ = batch(&org, "/v1/customers/batch", &[company("信华 科技 有限公司"), company("falcon 华信")], 200);
        let found = |op: &str, text: &str| {
            let asked = json!({"where": {"field": "name", "op": op, "value": text}, "limit": 500});
            org.admin.post("/v1/customers/search", &asked).expect(200).data().len()
        };
        assert_eq!(found("contains", "华信科技有限公司第421分"), 1);
        assert_eq!(found("contains", "华信科技"), 500);
        assert_eq!(found("contains", "信科技有限"), 500);
        assert_eq!(found("contains", "信华"), 1);
        assert_eq!(found("starts_with", "FALCON 华"), 1);
        assert_eq!(found("contains", "Falcon 69"), 11);
        assert_eq!(found("contains", "Falcon 699"), 1);
        assert_eq!(found("contains", "falcon 8000"), 0);
        // Words of `q` may stand anywhere; what is denied is denied.
        let q = org.admin.get("/v1/customers?q=falcon%20%E5%8D%8E%E4%BF%A1%20421&limit=500").expect(200).data();
        assert_eq!(q.len(), 1, "{q:?}");
        let not = json!({"where": {"and": [
            {"field": "name", "op": "contains", "value": "falcon"},
            {"not": {"field": "name", "op": "contains", "value": "有限"}},
        ]}});
        assert_eq!(org.admin.post("/v1/customers/search", &not).expect(200).data().len(), 1);
        let or = json!({"where": {"or": [
            {"field": "name", "op": "contains", "value": "信华"},
            {"field": "name", "op": "contains", "value": "第421分"},
        ]}});
        assert_eq!(org.admin.post("/v1/customers/search", &or).expect(200).data().len(), 2);
    }

    pub(super) fn what_was_refused_under_a_key_stays_refused_under_it(engine: Engine) {
        let org = Org::new(engine);
        let phone = mobile();
        let known = org.admin.post("/v1/customers", &with_phone("占号有限公司", &phone)).expect(201).id();
        let items = [company("甲有限公司"), with_phone("乙有限公司", &phone), json!({"name": "", "kind": "company"})];
        let keyed = |key: &str| {
            let keyed = org.admin.with("idempotency-key", key);
            keyed.post("/v1/customers/batch", &json!({ "items": items })).expect(207)
        };
        let done = keyed("refused-0123456789abcdef").data();
        assert_eq!(statuses(&done), [201, 409, 422]);
        assert_eq!(done[1]["error"]["existing"]["id"], known.as_str());
        // What was in the way goes; under the same key the item is not tried again.
        let _ = org.admin.delete(&format!("/v1/customers/{known}")).expect(204);
        let again = keyed("refused-0123456789abcdef");
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        let again = again.data();
        assert_eq!(statuses(&again), [201, 409, 422]);
        assert_eq!((&again[0]["id"], &again[1]["error"]["code"]), (&done[0]["id"], &json!("refused_before")));
        assert_eq!(again[2]["error"]["errors"][0]["pointer"], "/name");
        assert_eq!(org.admin.get("/v1/customers").expect(200).data().len(), 1);
        // Under a new one it is; the first item meets the one that it made before.
        let anew = keyed("anew-0123456789abcdef").data();
        assert_eq!(statuses(&anew), [409, 201, 422]);
        assert_eq!(anew[0]["error"]["existing"]["id"], done[0]["id"]);
        assert_eq!(org.admin.get("/v1/customers").expect(200).data().len(), 2);
    }

    /// Further than what one transaction takes.
    pub(super) fn items_far_apart_meet_each_other(engine: Engine) {
        let org = Org::new(engine);
        let phone = mobile();
        let mut items: Vec<Value> = (0..140).map(|at| company(&format!("相距{at}有限公司"))).collect();
        items[5] = with_phone("先到有限公司", &phone);
        items[130] = with_phone("后到有限公司", &phone);
        let done = batch(&org, "/v1/customers/batch", &items, 207);
        let refused: Vec<&Value> = done.iter().filter(|item| item["status"] != 201).collect();
        assert_eq!((done.len(), refused.len()), (140, 1), "{refused:?}");
        assert_eq!((&refused[0]["index"], &refused[0]["status"]), (&json!(130), &json!(409)));
        assert_eq!(refused[0]["error"]["existing"]["id"], done[5]["id"]);
        let asked = json!({"where": {"field": "phone", "op": "eq", "value": phone}});
        let found = org.admin.post("/v1/customers/search", &asked).expect(200).data();
        assert_eq!((found.len(), &found[0]["id"]), (1, &done[5]["id"]));
    }

    pub(super) fn a_long_batch_is_replayed_whole(engine: Engine) {
        let org = Org::new(engine);
        let mut items: Vec<Value> = (0..250).map(|at| company(&format!("重放{at}有限公司"))).collect();
        let keyed = org.admin.with("idempotency-key", "long-0123456789abcdef");
        let send = |items: &[Value]| keyed.post("/v1/customers/batch", &json!({ "items": items }));
        let done = send(&items).expect(200);
        let again = send(&items).expect(200);
        assert_eq!((done.header("idempotency-replayed"), again.header("idempotency-replayed")), (None, Some("true")));
        assert_eq!(again.text, done.text);
        let ids: HashSet<String> = done.data().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
        let all = org.admin.get("/v1/customers?limit=500").expect(200).data();
        let stored: HashSet<String> = all.iter().map(|record| record["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!((ids.len(), all.len()), (250, 250));
        assert_eq!(ids, stored);
        // Another body, be it in the last chunk, is another request.
        items[249] = company("另一家有限公司");
        assert_eq!(send(&items).expect(422).code(), "idempotency_key_reused");
        assert_eq!(org.admin.get("/v1/customers?limit=500").expect(200).data().len(), 250);
    }

    pub(super) fn a_tag_that_stands_twice_is_made_once(engine: Engine) {
        let org = Org::new(engine);
        let items = ["重点", "VIP", "重点", "vip", "普通"].map(|name| json!({ "name": name }));
        let done = batch(&org, "/v1/tags/batch", &items, 207);
        assert_eq!(statuses(&done), [201, 201, 422, 422, 201]);
        for at in [2, 3] {
            let error = &done[at]["error"]["errors"][0];
            assert_eq!((&error["pointer"], &error["code"]), (&json!("/name"), &json!("name_taken")), "{at}");
        }
        assert_eq!(org.admin.get("/v1/tags").expect(200).data().len(), 3);
        // All or none.
        let whole = json!({"atomic": true, "items": [{"name": "新"}, {"name": "新"}]});
        let refused = org.admin.post("/v1/tags/batch", &whole).expect(422);
        assert_eq!(refused.errors(), [("/items/1/name".to_owned(), "name_taken".to_owned())]);
        assert_eq!(org.admin.get("/v1/tags").expect(200).data().len(), 3);
    }

    /// More than a look-up gathers are in another organisation.
    pub(super) fn a_part_of_a_name_is_found_in_ones_own_organisation(engine: Engine) {
        let (large, small) = (Org::new(engine), Org::new(engine));
        let many: Vec<Value> = (0..600).map(|_| company("同名远航科技有限公司")).collect();
        let _ = batch(&large, "/v1/customers/batch", &many, 200);
        let own = small.admin.post("/v1/customers", &company("同名远航科技有限公司")).expect(201).id();
        let _ = small.admin.post("/v1/customers", &company("另有其名有限公司")).expect(201);
        for (op, text) in [("contains", "名远航"), ("starts_with", "同名"), ("eq", "同名远航科技有限公司")]
        {
            let asked = json!({"where": {"field": "name", "op": op, "value": text}, "limit": 500});
            let found = small.admin.post("/v1/customers/search", &asked).expect(200).data();
            assert_eq!((found.len(), &found[0]["id"]), (1, &json!(own)), "{op}");
            assert_eq!(large.admin.post("/v1/customers/search", &asked).expect(200).data().len(), 500, "{op}");
        }
        let by_words = format!("/v1/customers?q={}&count=exact", encoded("远航"));
        let count = |org: &Org| org.admin.get(&by_words).expect(200).json()["page"]["count"].clone();
        assert_eq!((count(&small), count(&large)), (json!(1), json!(600)));
        // What the other one has, one does not find.
        let asked = json!({"where": {"field": "name", "op": "contains", "value": "另有其名"}});
        assert_eq!(large.admin.post("/v1/customers/search", &asked).expect(200).data().len(), 0);
    }
}
