//! Ids that clients make: taken as they are, and the same request again gives the record instead of another one.

kehu_tests::on_both_engines!(
    a_client_may_make_the_id,
    the_same_said_again_is_the_record,
    an_id_in_use_is_taken_whatever_has_it,
    what_is_no_uuid7_is_refused,
    in_a_batch_and_an_upsert_too,
    two_at_once_make_one_record,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, company, new_id};
    use serde_json::{Value, json};

    fn with_id(name: &str, id: &str) -> Value {
        let mut body = company(name);
        body["id"] = json!(id);
        body
    }

    pub(super) fn a_client_may_make_the_id(engine: Engine) {
        let org = Org::new(engine);
        let id = new_id();
        let mut body = with_id("自编号有限公司", &id);
        body["contacts"] = json!([{"name": "王自"}]);
        let made = org.admin.post("/v1/customers", &body).expect(201);
        assert_eq!((made.id(), made.header("location")), (id.clone(), Some(format!("/v1/customers/{id}").as_str())));
        let contacts = org.admin.get(&format!("/v1/contacts?filter[customer_id]={id}")).expect(200).data();
        assert_eq!(contacts.len(), 1);
        for (path, body) in [
            ("/v1/contacts", json!({"customer_id": id, "name": "李自"})),
            (
                "/v1/follow_ups",
                json!({"customer_id": id, "kind": "call", "summary": "谈", "happened_at": "2026-03-01T01:00:00Z"}),
            ),
            ("/v1/notes", json!({"record_kind": "customer", "record_id": id, "body": "记"})),
        ] {
            let (own, mut body) = (new_id(), body);
            body["id"] = json!(own);
            assert_eq!(org.admin.post(path, &body).expect(201).id(), own, "{path}");
            let again = org.admin.post(path, &body).expect(200);
            assert_eq!(again.id(), own, "{path}");
        }
        // Others are the system's alone.
        let refused = org.admin.post("/v1/tags", &json!({"name": "标", "id": new_id()})).expect(422);
        assert_eq!(refused.errors()[0].0, "/id");
    }

    pub(super) fn the_same_said_again_is_the_record(engine: Engine) {
        let org = Org::new(engine);
        let id = new_id();
        let body = with_id("重说有限公司", &id);
        let made = org.admin.post("/v1/customers", &body).expect(201);
        let path = format!("/v1/customers/{id}");
        let again = org.admin.post("/v1/customers", &body).expect(200);
        assert_eq!((&again.text, again.header("etag")), (&made.text, made.header("etag")));
        assert_eq!((again.header("location"), again.header("idempotency-replayed")), (None, None));
        // It is the record as it is now.
        let _ = org.admin.patch(&path, &json!({"remark": "改过"})).expect(200);
        assert_eq!(org.admin.post("/v1/customers", &body).expect(200).json()["remark"], "改过");
        assert_eq!(org.admin.get("/v1/customers").expect(200).data().len(), 1);
        // The order of members says nothing.
        let turned: Vec<String> = body.as_object().unwrap().iter().rev().map(|(k, v)| format!("{k:?}: {v}")).collect();
        let turned = format!("{{{}}}", turned.join(", "));
        let _ = org.admin.send("POST", "/v1/customers", turned.as_bytes(), "application/json").expect(200);
        // Something else, or somebody else.
        let mut other = body.clone();
        other["remark"] = json!("另");
        assert_eq!(org.admin.post("/v1/customers", &other).expect(409).code(), "id_taken");
        let somebody = org.user("manager", None);
        assert_eq!(somebody.session.post("/v1/customers", &body).expect(409).code(), "id_taken");
        // Under a key the first answer is kept; the id alone is enough for the record.
        let keyed = org.admin.with("idempotency-key", "client-id-0123456789");
        let _ = keyed.post("/v1/customers", &body).expect(200);
        // Nobody gets a deleted one back so.
        let _ = org.admin.delete(&path).expect(204);
        assert_eq!(org.admin.post("/v1/customers", &body).expect(409).code(), "id_taken");
    }

    pub(super) fn an_id_in_use_is_taken_whatever_has_it(engine: Engine) {
        let org = Org::new(engine);
        let id = new_id();
        let _ = org.admin.post("/v1/customers", &with_id("占号有限公司", &id)).expect(201);
        let tag = org.admin.post("/v1/tags", &json!({"name": "标签"})).expect(201).id();
        for taken in [&id, &tag] {
            let contact = json!({"customer_id": id, "name": "王占", "id": taken});
            assert_eq!(org.admin.post("/v1/contacts", &contact).expect(409).code(), "id_taken");
        }
        let me = org.admin.get("/v1/me").expect(200).json()["user"]["id"].as_str().unwrap().to_owned();
        assert_eq!(org.admin.post("/v1/customers", &with_id("占人有限公司", &me)).expect(409).code(), "id_taken");
        // Another organisation has its own.
        let other = Org::new(engine);
        let _ = other.admin.post("/v1/customers", &with_id("别家有限公司", &id)).expect(201);
        assert_eq!(org.admin.get(&format!("/v1/customers/{id}")).expect(200).json()["name"], "占号有限公司");
    }

    pub(super) fn what_is_no_uuid7_is_refused(engine: Engine) {
        let org = Org::new(engine);
        let (upper, old) = (new_id().to_uppercase(), "7d444840-9dc0-11d1-b245-5ffdce74fad2".to_owned());
        for id in [json!(upper), json!(old), json!("x"), json!("")] {
            let mut body = company("错号有限公司");
            body["id"] = id.clone();
            let refused = org.admin.post("/v1/customers", &body).expect(422);
            assert_eq!(refused.errors(), [("/id".to_owned(), "id_not_uuid7".to_owned())], "{id}");
        }
        let mut body = company("错型有限公司");
        body["id"] = json!(7);
        assert_eq!(org.admin.post("/v1/customers", &body).expect(422).errors()[0].1, "type_wrong");
        body["id"] = Value::Null;
        let _ = org.admin.post("/v1/customers", &body).expect(201);
    }

    pub(super) fn in_a_batch_and_an_upsert_too(engine: Engine) {
        let org = Org::new(engine);
        let (one, two) = (new_id(), new_id());
        let mut other = with_id("批二有限公司", &one);
        other["remark"] = json!("另");
        let first = with_id("批一有限公司", &one);
        let items = json!({"items": [first, first, other, with_id("批三有限公司", &two)]});
        let done = org.admin.post("/v1/customers/batch", &items).expect(207).data();
        let statuses: Vec<i64> = done.iter().map(|item| item["status"].as_i64().unwrap()).collect();
        assert_eq!(statuses, [201, 200, 409, 201]);
        assert_eq!((&done[1]["id"], &done[2]["error"]["code"]), (&json!(one), &json!("id_taken")));
        for atomic in [true, false] {
            let keyed = org.admin.with("idempotency-key", &format!("batch-of-ids-{atomic}-0123"));
            let again = json!({"atomic": atomic, "items": [first]});
            for _ in 0..2 {
                let done = keyed.post("/v1/customers/batch", &again).expect(200).data();
                assert_eq!((&done[0]["status"], &done[0]["id"]), (&json!(200), &json!(one)));
            }
        }
        let contact = json!({"customer_id": one, "name": "王批", "id": new_id()});
        let contacts = json!({"atomic": true, "items": [contact]});
        for status in [201, 200] {
            let done = org.admin.post("/v1/contacts/batch", &contacts).expect(200).data();
            assert_eq!(done[0]["status"], status);
        }
        // An upsert that matches on something else makes it under that id, and knows it again.
        let mut item = with_id("补一有限公司", &new_id());
        item["external_ids"] = json!({"shop": "u1"});
        let upsert = json!({"match_on": ["external_id:shop"], "items": [item]});
        for status in ["created", "unchanged"] {
            let done = org.admin.post("/v1/customers/upsert", &upsert).expect(200).data();
            assert_eq!((&done[0]["status"], &done[0]["id"]), (&json!(status), &item["id"]));
        }
        assert_eq!(org.admin.get("/v1/customers").expect(200).data().len(), 3);
    }

    pub(super) fn two_at_once_make_one_record(engine: Engine) {
        let org = Org::new(engine);
        let body = with_id("同时自编有限公司", &new_id());
        let mut statuses: Vec<u16> = std::thread::scope(|scope| {
            let send = || org.admin.post("/v1/customers", &body).status;
            let threads: Vec<_> = (0..6).map(|_| scope.spawn(send)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 200, 200, 200, 201]);
        assert_eq!(org.admin.get("/v1/customers").expect(200).data().len(), 1);
    }
}
