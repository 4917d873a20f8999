//! Erasing persons and companies for good: who may, what goes, and what is told of it.

kehu_tests::on_both_engines!(
    a_customer_is_gone_and_the_log_says_so,
    only_who_has_the_right_erases_and_says_why,
    a_contact_goes_and_its_customer_stays,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, Reply, Session, company, encoded, mobile, new_id};
    use serde_json::{Value, json};

    const WHY: &str = "应本人要求删除";

    fn erase(session: &Session, path: &str) -> Reply {
        session.post(&format!("{path}/erase"), &json!({"reason": WHY}))
    }

    /// The job once it is done.
    fn done(session: &Session, accepted: Reply) -> Value {
        let accepted = accepted.expect(202);
        let location = accepted.header("location").unwrap().to_owned();
        session.done(&location, 30)
    }

    /// The newest first; several may be of the same moment.
    fn log(session: &Session, id: &str) -> Vec<Value> {
        let mut entries = session.get(&format!("/v1/audit?limit=500&filter[record_id]={id}")).expect(200).data();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry["seq"].as_i64()));
        entries
    }

    pub(super) fn a_customer_is_gone_and_the_log_says_so(engine: Engine) {
        let org = Org::new(engine);
        let admin = &org.admin;
        let (phone, key) = (mobile(), "erase-me-0123456789");
        let body = json!({
            "name": "遗忘有限公司", "kind": "company", "phones": [phone],
            "contacts": [{"name": "周忘", "phones": [mobile()]}],
        });
        let id = admin.with("idempotency-key", key).post("/v1/customers", &body).expect(201).id();
        let path = format!("/v1/customers/{id}");
        let contact = admin.get(&format!("{path}?expand=contacts")).expect(200).json()["contacts"][0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let follow_up =
            json!({"customer_id": id, "kind": "call", "summary": "谈过", "happened_at": "2026-11-22T00:00:00Z"});
        let _ = admin.post("/v1/follow_ups", &follow_up).expect(201);
        let _ = admin.patch(&path, &json!({"remark": "回忆", "tags": ["VIP"]})).expect(200);
        let other = admin.post("/v1/customers", &company("留下有限公司")).expect(201).id();

        let accepted = erase(admin, &path).expect(202);
        let job = accepted.id();
        // Out of sight at once, and not to be brought back.
        let _ = admin.get(&path).expect(404);
        let _ = admin.post(&format!("{path}/restore"), &json!({})).expect(404);
        let told = done(admin, accepted);
        assert_eq!(
            (&told["kind"], &told["result"]["kind"], &told["result"]["id"]),
            (&json!("records.erase"), &json!("customer"), &json!(id))
        );
        let erased = &told["result"]["erased"];
        for (table, many) in
            [("customers", 1), ("contacts", 1), ("follow_ups", 1), ("tag_links", 1), ("kept_answers", 1)]
        {
            assert_eq!(erased[table], many, "{table}: {erased}");
        }
        // A lost answer: the same job again.
        assert_eq!(erase(admin, &path).expect(202).id(), job);
        for gone in [path.as_str(), &format!("/v1/contacts/{contact}")] {
            let _ = admin.get(gone).expect(404);
            let _ = admin.get(&format!("{gone}/history")).expect(404);
        }
        assert_eq!(admin.post("/v1/lookup", &json!({"phone": phone})).expect(200).data(), Vec::<Value>::new());
        assert_eq!(admin.get(&format!("/v1/customers?q={}", encoded("遗忘"))).expect(200).data(), Vec::<Value>::new());
        let _ = admin.get(&format!("/v1/customers/{other}")).expect(200);

        // The log: that it was there, when and by whom, and why it went; no values.
        let entries = log(admin, &id);
        let types: Vec<&str> = entries.iter().map(|entry| entry["type"].as_str().unwrap()).collect();
        let events = ["erased", "deleted", "updated", "updated", "created"];
        assert_eq!(types, events.map(|event| format!("customer.{event}")));
        let (said, before) = entries.split_first().unwrap();
        assert_eq!((&said["class"], &said["reason"], &said["erased"]), (&json!("admin"), &json!(WHY), &json!(false)));
        for entry in before {
            assert_eq!((&entry["erased"], &entry["changes"]), (&json!(true), &json!([])), "{entry}");
            assert_eq!((&entry["address"], &entry["actor"]["kind"]), (&Value::Null, &json!("user")));
        }
        assert_eq!(log(admin, &contact)[0]["type"], "contact.erased");
        let verified = done(admin, admin.post("/v1/audit/verify", &json!({})));
        assert_eq!(verified["result"]["sound"], true, "{verified}");
        assert!(verified["result"]["erased"].as_i64().unwrap() >= 5, "{verified}");
        let verified = done(admin, admin.post("/v1/audit/verify", &json!({"record_id": id})));
        assert_eq!(verified["result"]["sound"], true, "{verified}");

        // The number is free, and so is the key.
        let _ = admin.with("idempotency-key", key).post("/v1/customers", &company("新来有限公司")).expect(201);
    }

    pub(super) fn only_who_has_the_right_erases_and_says_why(engine: Engine) {
        let (org, other) = (Org::new(engine), Org::new(engine));
        let id = org.admin.post("/v1/customers", &company("不忘有限公司")).expect(201).id();
        let path = format!("/v1/customers/{id}");
        for role in ["manager", "salesperson"] {
            let user = org.user(role, None);
            let _ = erase(&user.session, &path).expect(403);
        }
        assert_eq!(log(&org.admin, &id)[0]["type"], "customer.erase_refused");
        let _ = Session::anonymous(&engine.base()).post(&format!("{path}/erase"), &json!({"reason": WHY})).expect(401);
        let none = format!("/v1/customers/{}", new_id());
        let theirs = erase(&other.admin.with("x-request-id", "same"), &path).expect(404).text;
        assert_eq!(theirs, erase(&other.admin.with("x-request-id", "same"), &none).expect(404).text);
        let _ = erase(&org.admin, "/v1/customers/nonsense").expect(404);
        let _ = erase(&org.admin, &format!("/v1/contacts/{id}")).expect(404);
        for kind in ["follow_ups", "tags", "users", "teams", "forms"] {
            let _ = erase(&org.admin, &format!("/v1/{kind}/{id}")).expect(404);
        }
        let refused = |body: Value| org.admin.post(&format!("{path}/erase"), &body).expect(422).errors();
        let at = |code: &str| vec![("/reason".to_owned(), code.to_owned())];
        assert_eq!(refused(json!({})), at("required"));
        assert_eq!(refused(json!({"reason": "  "})), at("reason_invalid"));
        assert_eq!(refused(json!({"reason": "一\u{7}二"})), at("reason_invalid"));
        assert_eq!(refused(json!({"reason": 7})), at("type_wrong"));
        assert_eq!(refused(json!({"reason": "长".repeat(301)})), at("reason_invalid"));
        assert_eq!(refused(json!({"reason": WHY, "force": true})), [("/force".to_owned(), "field_unknown".to_owned())]);
        let _ = org.admin.get(&path).expect(200);
        // A deleted one goes as well.
        let _ = org.admin.delete(&path).expect(204);
        let told = done(&org.admin, org.admin.post(&format!("{path}/erase"), &json!({"reason": "长".repeat(300)})));
        assert_eq!(told["result"]["erased"]["customers"], 1);
        let _ = org.admin.post(&format!("{path}/restore"), &json!({})).expect(404);
    }

    pub(super) fn a_contact_goes_and_its_customer_stays(engine: Engine) {
        let org = Org::new(engine);
        let admin = &org.admin;
        let customer = admin.post("/v1/customers", &company("常在有限公司")).expect(201).id();
        let body = json!({"customer_id": customer, "name": "郑离", "phones": [mobile()]});
        let contact = admin.post("/v1/contacts", &body).expect(201).id();
        let follow_up = json!({
            "customer_id": customer, "contact_id": contact, "kind": "call", "summary": "谈过",
            "happened_at": "2026-11-22T00:00:00Z",
        });
        let follow_up =
            admin.with("idempotency-key", "follow-up-0123456789").post("/v1/follow_ups", &follow_up).expect(201).id();
        let path = format!("/v1/contacts/{contact}");
        // Deleted with its customer, it does not come back with it.
        let _ = admin.delete(&format!("/v1/customers/{customer}")).expect(204);
        let accepted = erase(admin, &path).expect(202);
        let _ = admin.post(&format!("/v1/customers/{customer}/restore"), &json!({})).expect(200);
        let _ = admin.get(&path).expect(404);
        let told = done(admin, accepted);
        assert_eq!(
            (&told["result"]["erased"]["contacts"], &told["result"]["erased"]["mentions"]),
            (&json!(1), &json!(1))
        );
        let left = admin.get(&format!("/v1/follow_ups/{follow_up}")).expect(200).json();
        assert_eq!((&left["contact_id"], &left["summary"]), (&Value::Null, &json!("谈过")));
        let _ = admin.get(&format!("/v1/customers/{customer}")).expect(200);
        assert!(!admin.get(&format!("/v1/follow_ups/{follow_up}/history")).expect(200).text.contains("郑离"));
    }
}
