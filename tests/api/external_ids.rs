//! What records are called in other systems: written by source, one record's each, found, and free when it goes.

kehu_tests::on_both_engines!(
    every_kind_that_comes_from_elsewhere_has_external_ids,
    a_patch_merges_by_source,
    an_id_of_a_source_is_one_records,
    a_deleted_record_frees_its_ids_and_takes_them_back,
    what_hangs_on_a_customer_goes_and_comes_with_its_ids,
    records_are_found_by_their_ids,
    what_two_systems_write_does_not_conflict,
    external_ids_are_journaled,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, company};
    use serde_json::{Value, json};

    fn known_as(name: &str, shop: &str) -> Value {
        let mut body = company(name);
        body["external_ids"] = json!({ "shop": shop });
        body
    }

    pub(super) fn every_kind_that_comes_from_elsewhere_has_external_ids(engine: Engine) {
        let org = Org::new(engine);
        let customer = org.admin.post("/v1/customers", &company("外部科技有限公司")).expect(201).json();
        assert_eq!(customer["external_ids"], json!({}));
        let id = &customer["id"];
        let ids = json!({"shop": "10086", "erp": "K/3 x:y"});
        for (path, body) in [
            ("/v1/customers", json!({"name": "外部二有限公司", "kind": "company"})),
            ("/v1/contacts", json!({"customer_id": id, "name": "王外"})),
            (
                "/v1/follow_ups",
                json!({"customer_id": id, "kind": "call", "summary": "谈", "happened_at": "2026-03-01T01:00:00Z"}),
            ),
            ("/v1/notes", json!({"record_kind": "customer", "record_id": id, "body": "记"})),
        ] {
            let mut body = body;
            body["external_ids"] = ids.clone();
            let made = org.admin.post(path, &body).expect(201);
            assert_eq!(made.json()["external_ids"], ids, "{path}");
            let read = org.admin.get(&format!("{path}/{}", made.id())).expect(200);
            assert_eq!(read.json()["external_ids"], ids, "{path}");
            // The same of another kind is another.
            let refused = org.admin.post(path, &body).expect(409);
            assert_eq!(refused.code(), "external_id_taken", "{path}");
            assert_eq!(refused.json()["existing"]["id"], json!(made.id()), "{path}");
        }
        for (ids, at, code) in [
            (json!({"Shop": "1"}), "/external_ids/Shop", "external_source_invalid"),
            (json!({"shop": 1}), "/external_ids/shop", "type_wrong"),
            (json!({"shop": " 1"}), "/external_ids/shop", "external_id_invalid"),
            (json!([]), "/external_ids", "type_wrong"),
        ] {
            let mut body = company("错误有限公司");
            body["external_ids"] = ids;
            let refused = org.admin.post("/v1/customers", &body).expect(422);
            assert_eq!(refused.errors(), [(at.to_owned(), code.to_owned())]);
        }
        // Contacts that come along have theirs.
        let mut body = company("同来有限公司");
        body["contacts"] = json!([{"name": "李外", "external_ids": {"shop": "c1"}}]);
        let made = org.admin.post("/v1/customers", &body).expect(201).id();
        let read = org.admin.get(&format!("/v1/customers/{made}?expand=contacts")).expect(200).json();
        assert_eq!(read["contacts"][0]["external_ids"], json!({"shop": "c1"}));
        body["contacts"] = json!([
            {"name": "王甲", "external_ids": {"shop": "c2"}}, {"name": "李乙", "external_ids": {"shop": "c2"}},
        ]);
        body["phones"] = json!([]);
        let twice = org.admin.post("/v1/customers", &body).expect(422);
        assert_eq!(twice.errors()[0].1, "value_twice");
    }

    pub(super) fn a_patch_merges_by_source(engine: Engine) {
        let org = Org::new(engine);
        let made = org.admin.post("/v1/customers", &known_as("合并科技有限公司", "1")).expect(201).json();
        let path = format!("/v1/customers/{}", made["id"].as_str().unwrap());
        let patch = |ids: Value| org.admin.patch(&path, &json!({ "external_ids": ids })).expect(200).json();
        assert_eq!(patch(json!({"erp": "A"}))["external_ids"], json!({"erp": "A", "shop": "1"}));
        let same = patch(json!({"erp": "A"}));
        assert_eq!(same["version"], 2, "nothing changed");
        assert_eq!(patch(json!({"shop": null}))["external_ids"], json!({"erp": "A"}));
        // What GET gave may be sent back whole.
        let whole = org.admin.get(&path).expect(200).json();
        assert_eq!(org.admin.patch(&path, &whole).expect(200).json()["version"], whole["version"]);
        assert_eq!(patch(Value::Null)["external_ids"], json!({}));
    }

    pub(super) fn an_id_of_a_source_is_one_records(engine: Engine) {
        let org = Org::new(engine);
        let first = org.admin.post("/v1/customers", &known_as("唯一甲有限公司", "1")).expect(201).id();
        let second = org.admin.post("/v1/customers", &known_as("唯一乙有限公司", "2")).expect(201).id();
        let path = format!("/v1/customers/{second}");
        for body in [json!({"external_ids": {"shop": "1"}}), json!({"external_ids": {"shop": "1", "erp": "9"}})] {
            let refused = org.admin.patch(&path, &body).expect(409).json();
            assert_eq!((&refused["code"], &refused["existing"]["id"]), (&json!("external_id_taken"), &json!(first)));
            assert_eq!(refused["errors"][0]["pointer"], "/external_ids/shop");
        }
        // Allowing duplicates does not allow this one.
        let refused = org.admin.post("/v1/customers?on_duplicate=allow", &known_as("唯一丙有限公司", "2"));
        assert_eq!(refused.expect(409).code(), "external_id_taken");
        let _ = org.admin.patch(&path, &json!({"external_ids": {"erp": "1"}})).expect(200);
        // In a batch the second one fails.
        let items = json!({"items": [known_as("批甲有限公司", "3"), known_as("批乙有限公司", "3")]});
        let done = org.admin.post("/v1/customers/batch", &items).expect(207).data();
        assert_eq!((&done[0]["status"], &done[1]["error"]["code"]), (&json!(201), &json!("external_id_taken")));
        // Out of reach only the state is told.
        let other = org.user("salesperson", None);
        let met = other.session.post("/v1/customers", &known_as("唯一丁有限公司", "1")).expect(409).json();
        assert_eq!(met["existing"], json!({"state": "owned", "claimable": false}));
        // Two at once make one.
        let bodies = [known_as("同时甲有限公司", "9"), known_as("同时乙有限公司", "9")];
        let mut statuses: Vec<u16> = std::thread::scope(|scope| {
            let admin = &org.admin;
            let send = |body| scope.spawn(move || admin.post("/v1/customers", body).status);
            let threads: Vec<_> = bodies.iter().map(send).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409]);
    }

    pub(super) fn a_deleted_record_frees_its_ids_and_takes_them_back(engine: Engine) {
        let org = Org::new(engine);
        let old = org.admin.post("/v1/customers", &known_as("旧人有限公司", "1")).expect(201).id();
        let path = format!("/v1/customers/{old}");
        let _ = org.admin.delete(&path).expect(204);
        let new = org.admin.post("/v1/customers", &known_as("新人有限公司", "1")).expect(201).id();
        let refused = org.admin.post(&format!("{path}/restore"), &json!({})).expect(409).json();
        assert_eq!(refused["existing"]["id"], json!(new));
        let _ = org.admin.delete(&format!("/v1/customers/{new}")).expect(204);
        let back = org.admin.post(&format!("{path}/restore"), &json!({})).expect(200).json();
        assert_eq!(back["external_ids"], json!({"shop": "1"}));
        let refused = org.admin.post("/v1/customers", &known_as("再来有限公司", "1")).expect(409).json();
        assert_eq!(refused["existing"]["id"], json!(old));
    }

    pub(super) fn what_hangs_on_a_customer_goes_and_comes_with_its_ids(engine: Engine) {
        let org = Org::new(engine);
        let note = |customer: &str| {
            json!({
                "record_kind": "customer", "record_id": customer, "body": "记", "external_ids": {"shop": "n1"},
            })
        };
        let follow_up = |customer: &str| {
            json!({
                "customer_id": customer, "kind": "call", "summary": "谈", "happened_at": "2026-03-01T01:00:00Z",
                "external_ids": {"shop": "f1"},
            })
        };
        let make = |name: &str| org.admin.post("/v1/customers", &company(name)).expect(201).id();
        let (first, second) = (make("挂靠甲有限公司"), make("挂靠乙有限公司"));
        let _ = org.admin.post("/v1/notes", &note(&first)).expect(201);
        let _ = org.admin.post("/v1/follow_ups", &follow_up(&first)).expect(201);
        assert_eq!(org.admin.post("/v1/notes", &note(&second)).expect(409).code(), "external_id_taken");
        let path = format!("/v1/customers/{first}");
        let _ = org.admin.delete(&path).expect(204);
        let taken = org.admin.post("/v1/notes", &note(&second)).expect(201).id();
        let refused = org.admin.post(&format!("{path}/restore"), &json!({})).expect(409);
        assert_eq!(refused.json()["existing"]["id"], json!(taken), "{}", refused.text);
        let _ = org.admin.delete(&format!("/v1/notes/{taken}")).expect(204);
        let _ = org.admin.post(&format!("{path}/restore"), &json!({})).expect(200);
        assert_eq!(org.admin.post("/v1/notes", &note(&second)).expect(409).code(), "external_id_taken");
        assert_eq!(org.admin.post("/v1/follow_ups", &follow_up(&second)).expect(409).code(), "external_id_taken");
    }

    pub(super) fn records_are_found_by_their_ids(engine: Engine) {
        let org = Org::new(engine);
        let ids = ["a,b", "2", "3"].map(|shop| {
            org.admin.post("/v1/customers", &known_as(&format!("查找{shop}有限公司"), shop)).expect(201).id()
        });
        // A contact's own id is not its customer's.
        let contact = json!({"customer_id": ids[0], "name": "王查", "external_ids": {"shop": "c"}});
        let contact = org.admin.post("/v1/contacts", &contact).expect(201).id();
        let found = |kind: &str, filter: Value| -> Vec<String> {
            let body = json!({ "where": filter, "sort": ["created_at"] });
            let data = org.admin.post(&format!("/v1/{kind}/search"), &body).expect(200).data();
            data.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
        };
        let is = |op: &str, value: Value| json!({"field": "external_ids.shop", "op": op, "value": value});
        assert_eq!(found("customers", is("eq", json!("a,b"))), [ids[0].clone()]);
        assert_eq!(found("customers", is("in", json!(["2", "3", "4"]))), ids[1..]);
        assert_eq!(found("customers", is("ne", json!("2"))), [ids[0].clone(), ids[2].clone()]);
        assert_eq!(found("customers", is("eq", json!("c"))), Vec::<String>::new());
        assert_eq!(found("contacts", is("eq", json!("c"))), [contact]);
        assert_eq!(found("customers", json!({"field": "external_ids.erp", "value": "2"})), Vec::<String>::new());
        let by_address = |filter: &str| org.admin.get(&format!("/v1/customers?{filter}"));
        assert_eq!(by_address("filter[external_ids.shop]=2").expect(200).data()[0]["id"], json!(ids[1]));
        assert_eq!(by_address("filter[external_ids.shop.in]=2,3").expect(200).data().len(), 2);
        for (filter, code) in [
            ("filter[external_ids.shop.contains]=2", "filter_op_unknown"),
            ("filter[external_ids.Shop]=2", "filter_field_unknown"),
            ("filter[external_ids]=2", "filter_field_unknown"),
        ] {
            assert_eq!(by_address(filter).expect(400).code(), code, "{filter}");
        }
        let tags = org.admin.get("/v1/tags?filter[external_ids.shop]=2").expect(400);
        assert_eq!(tags.code(), "filter_field_unknown");
    }

    pub(super) fn what_two_systems_write_does_not_conflict(engine: Engine) {
        let org = Org::new(engine);
        let made = org.admin.post("/v1/customers", &known_as("两边科技有限公司", "1")).expect(201);
        let path = format!("/v1/customers/{}", made.id());
        let seen = org.admin.with("if-match", made.header("etag").unwrap());
        let _ = seen.patch(&path, &json!({"external_ids": {"erp": "A"}})).expect(200);
        let both = seen.patch(&path, &json!({"external_ids": {"till": "B"}})).expect(200).json();
        assert_eq!(both["external_ids"], json!({"erp": "A", "shop": "1", "till": "B"}));
        let refused = seen.patch(&path, &json!({"external_ids": {"erp": "C"}})).expect(412).json();
        let conflict = &refused["conflicts"][0];
        assert_eq!(
            (&conflict["field"], &conflict["yours"], &conflict["theirs"]),
            (&json!("external_ids.erp"), &json!("C"), &json!("A"))
        );
        assert!(conflict["changed_by"].is_string() && conflict["changed_at"].is_string(), "{conflict}");
    }

    pub(super) fn external_ids_are_journaled(engine: Engine) {
        let org = Org::new(engine);
        let made = org.admin.post("/v1/customers", &known_as("留痕科技有限公司", "1")).expect(201).id();
        let path = format!("/v1/customers/{made}");
        let _ = org.admin.patch(&path, &json!({"external_ids": {"shop": "2"}})).expect(200);
        let history = org.admin.get(&format!("{path}/history")).expect(200).data();
        let change = &history[0]["changes"][0];
        assert_eq!(
            (&change["field"], &change["from"], &change["to"]),
            (&json!("external_ids"), &json!({"shop": "1"}), &json!({"shop": "2"})),
            "{history:?}"
        );
    }
}
