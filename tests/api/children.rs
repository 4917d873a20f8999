//! Contacts, follow-ups and tags: what hangs on customers.

kehu_tests::on_both_engines!(
    a_follow_up_shows_at_its_customer,
    one_contact_is_primary,
    a_contact_belongs_to_its_customer_for_good,
    children_go_and_come_with_their_customer,
    an_answer_with_relations_is_of_one_moment,
    a_tag_that_is_named_is_made_once,
    tags_are_added_and_removed,
);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use kehu_tests::{Engine, Org, company, mobile};
    use serde_json::{Value, json};

    pub(super) fn a_follow_up_shows_at_its_customer(engine: Engine) {
        let org = Org::new(engine);
        let id = org.admin.post("/v1/customers", &company("跟进有限公司")).expect(201).id();
        let path = format!("/v1/customers/{id}");
        let write = |at: &str, due: Value| {
            let body = json!({
                "customer_id": id, "kind": "call", "summary": "电话沟通", "happened_at": at, "next_step": "寄样品", "next_due_at": due,
            });
            org.admin.post("/v1/follow_ups", &body).expect(201).json()
        };
        write("2026-11-01T08:00:00+08:00", json!("2026-11-30T00:00:00Z"));
        let seen = org.admin.get(&path).expect(200).json();
        assert_eq!(seen["last_follow_up_at"], "2026-11-01T00:00:00.000Z");
        assert_eq!((&seen["next_follow_up_at"], &seen["version"]), (&json!("2026-11-30T00:00:00.000Z"), &json!(2)));
        let newer = write("2026-11-10T00:00:00Z", Value::Null);
        let seen = org.admin.get(&path).expect(200).json();
        assert_eq!(seen["next_follow_up_at"], Value::Null, "a newer follow-up settles the older plan");
        // An older one that is entered late changes nothing.
        write("2026-10-01T00:00:00Z", json!("2026-12-30T00:00:00Z"));
        assert_eq!(org.admin.get(&path).expect(200).json()["last_follow_up_at"], "2026-11-10T00:00:00.000Z");
        let _ = org.admin.delete(&format!("/v1/follow_ups/{}", newer["id"].as_str().unwrap())).expect(204);
        let seen = org.admin.get(&path).expect(200).json();
        assert_eq!(seen["last_follow_up_at"], "2026-11-01T00:00:00.000Z");
        // A summary never conflicts with what a person changes.
        let old = org.admin.with("if-match", "\"1-0\"");
        let _ = old.patch(&path, &json!({"remark": "不冲突"})).expect(200);
        let early = json!({
            "customer_id": id, "kind": "call", "summary": "x", "happened_at": "2026-11-02T00:00:00Z", "next_due_at": "2026-11-01T00:00:00Z",
        });
        assert_eq!(org.admin.post("/v1/follow_ups", &early).expect(422).errors()[0].0, "/next_due_at");
    }

    pub(super) fn one_contact_is_primary(engine: Engine) {
        let org = Org::new(engine);
        let id = org.admin.post("/v1/customers", &company("主联系人有限公司")).expect(201).id();
        let contact = |name: &str| json!({"customer_id": id, "name": name, "primary": true});
        let first = org.admin.post("/v1/contacts", &contact("吴一")).expect(201).id();
        let second = org.admin.post("/v1/contacts", &contact("吴二")).expect(201).id();
        let primary = |id: &str| org.admin.get(&format!("/v1/contacts/{id}")).expect(200).json()["primary"].clone();
        assert_eq!((primary(&first), primary(&second)), (json!(false), json!(true)));
        let _ = org.admin.patch(&format!("/v1/contacts/{first}"), &json!({"primary": true})).expect(200);
        assert_eq!((primary(&first), primary(&second)), (json!(true), json!(false)));
    }

    pub(super) fn a_contact_belongs_to_its_customer_for_good(engine: Engine) {
        let org = Org::new(engine);
        let one = org.admin.post("/v1/customers", &company("一号有限公司")).expect(201).id();
        let two = org.admin.post("/v1/customers", &company("二号有限公司")).expect(201).id();
        let body = json!({"customer_id": one, "name": "郑七", "birthday": "1990-03-07", "role": "decision_maker"});
        let made = org.admin.post("/v1/contacts", &body).expect(201).json();
        let path = format!("/v1/contacts/{}", made["id"].as_str().unwrap());
        assert_eq!(org.admin.patch(&path, &made).expect(200).json(), made);
        let moved = org.admin.patch(&path, &json!({"customer_id": two})).expect(422);
        assert_eq!(moved.errors()[0], ("/customer_id".to_owned(), "read_only".to_owned()));
        let nobody = json!({"customer_id": kehu_tests::new_id(), "name": "郑八"});
        assert_eq!(org.admin.post("/v1/contacts", &nobody).expect(422).errors()[0].1, "reference_unknown");
        let elsewhere = json!({
            "customer_id": two, "contact_id": made["id"], "kind": "call", "summary": "x", "happened_at": "2026-11-22T00:00:00Z",
        });
        let refused = org.admin.post("/v1/follow_ups", &elsewhere).expect(422);
        assert_eq!(refused.errors()[0].0, "/contact_id", "a contact of another customer");
    }

    pub(super) fn children_go_and_come_with_their_customer(engine: Engine) {
        let org = Org::new(engine);
        let phone = mobile();
        let body =
            json!({"name": "来去有限公司", "kind": "company", "contacts": [{"name": "冯九", "phones": [phone]}]});
        let id = org.admin.post("/v1/customers", &body).expect(201).id();
        let _ = org.admin.delete(&format!("/v1/customers/{id}")).expect(204);
        assert_eq!(org.admin.get("/v1/contacts").expect(200).data().len(), 0);
        assert_eq!(org.admin.post("/v1/lookup", &json!({"phone": phone})).expect(200).data().len(), 0);
        let _ = org.admin.post(&format!("/v1/customers/{id}/restore"), &json!({})).expect(200);
        assert_eq!(org.admin.get("/v1/contacts").expect(200).data().len(), 1);
        assert_eq!(org.admin.post("/v1/lookup", &json!({"phone": phone})).expect(200).data().len(), 1);
    }

    /// The customer and its contact go and come back together: nobody sees one without the other.
    pub(super) fn an_answer_with_relations_is_of_one_moment(engine: Engine) {
        let org = Org::new(engine);
        let mut company = company("来去有限公司");
        company["contacts"] = json!([{"name": "同去"}]);
        let id = org.admin.post("/v1/customers", &company).expect(201).id();
        let path = format!("/v1/customers/{id}");
        let ended = AtomicBool::new(false);
        let names = |customer: &Value| -> Vec<String> {
            let contacts = customer["contacts"].as_array().unwrap();
            contacts.iter().map(|contact| contact["name"].as_str().unwrap().to_owned()).collect()
        };
        let mut seen = 0;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..40 {
                    let _ = org.admin.delete(&path).expect(204);
                    let _ = org.admin.post(&format!("{path}/restore"), &json!({})).expect(200);
                }
                ended.store(true, Ordering::Relaxed);
            });
            while !ended.load(Ordering::Relaxed) {
                let one = org.admin.get(&format!("{path}?expand=contacts"));
                let page = org.admin.get("/v1/customers?expand=contacts&count=exact").expect(200).json();
                let listed = page["data"].as_array().unwrap();
                assert_eq!(page["page"]["count"], listed.len());
                let shown = listed.iter().cloned().chain((one.status == 200).then(|| one.json()));
                for customer in shown {
                    assert_eq!(names(&customer), ["同去"]);
                    seen += 1;
                }
            }
        });
        assert!(seen > 0, "the customer was never there");
    }

    pub(super) fn a_tag_that_is_named_is_made_once(engine: Engine) {
        let org = Org::new(engine);
        let _ = org.admin.post("/v1/tags", &json!({"name": "VIP", "color": "#ff0000", "group": "等级"})).expect(201);
        let mut body = company("标签有限公司");
        body["tags"] = json!(["vip", "新标签", "ＶＩＰ"]);
        let made = org.admin.post("/v1/customers", &body).expect(201).json();
        let tags = made["tags"].as_array().unwrap();
        assert_eq!(tags.len(), 2, "{tags:?}");
        assert_eq!((&tags[0]["name"], &tags[0]["color"]), (&json!("VIP"), &json!("#ff0000")));
        assert_eq!(org.admin.get("/v1/tags").expect(200).data().len(), 2);
        let taken = org.admin.post("/v1/tags", &json!({"name": "新标签"})).expect(422);
        assert_eq!(taken.errors()[0], ("/name".to_owned(), "name_taken".to_owned()));
        let wrong = org.admin.post("/v1/tags", &json!({"name": "颜色", "color": "red"})).expect(422);
        assert_eq!(wrong.errors()[0].1, "color_invalid");
    }

    pub(super) fn tags_are_added_and_removed(engine: Engine) {
        let org = Org::new(engine);
        let id = org.admin.post("/v1/customers", &company("加减有限公司")).expect(201).id();
        let path = format!("/v1/customers/{id}");
        let names = |record: &Value| -> Vec<String> {
            record["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap().to_owned()).collect()
        };
        let one = org.admin.patch(&path, &json!({"tags": {"add": ["甲", "乙"]}})).expect(200).json();
        assert_eq!(names(&one), ["甲", "乙"]);
        let two = org.admin.patch(&path, &json!({"tags": {"add": ["丙"], "remove": ["甲"]}})).expect(200).json();
        assert_eq!(names(&two), ["乙", "丙"]);
        let gone = two["tags"][0]["id"].as_str().unwrap();
        let _ = org.admin.delete(&format!("/v1/tags/{gone}")).expect(204);
        assert_eq!(names(&org.admin.get(&path).expect(200).json()), ["丙"], "a deleted tag is shown nowhere");
        let unknown = json!({"tags": [kehu_tests::new_id()]});
        assert_eq!(org.admin.patch(&path, &unknown).expect(422).errors()[0].0, "/tags/0");
    }
}
