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
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, company, mobile};
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
}
