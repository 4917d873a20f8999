//! `POST /v1/batch`: several things to records of several kinds, later ones with what earlier ones made.

kehu_tests::on_both_engines!(
    later_operations_use_what_earlier_ones_made,
    what_refers_to_a_failure_fails_and_the_rest_is_done,
    an_atomic_batch_is_done_whole_or_not_at_all,
    one_record_may_be_written_again_and_again,
    what_is_built_wrong_is_told_with_its_place_and_nothing_is_done,
    a_repeat_under_its_key_goes_on_where_the_first_one_was,
    each_operation_takes_its_own_rights_and_version,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, Reply, company, encoded, mobile, new_id};
    use serde_json::{Value, json};

    fn op(method: &str, path: &str, body: &Value) -> Value {
        json!({"method": method, "path": path, "body": body})
    }

    fn named(name: &str, method: &str, path: &str, body: &Value) -> Value {
        let mut operation = op(method, path, body);
        operation["ref"] = name.into();
        operation
    }

    fn statuses(reply: &Reply) -> Vec<i64> {
        reply.data().iter().map(|one| one["status"].as_i64().unwrap()).collect()
    }

    #[track_caller]
    fn found(org: &Org, q: &str) -> usize {
        org.admin.get(&format!("/v1/customers?q={}", encoded(q))).expect(200).data().len()
    }

    pub(super) fn later_operations_use_what_earlier_ones_made(engine: Engine) {
        let org = Org::new(engine);
        let operations = json!([
            named("vip", "POST", "/v1/tags", &json!({"name": "批量贵宾"})),
            named("c1", "POST", "/v1/customers", &company("引用有限公司")),
            named("w", "POST", "/v1/contacts", &json!({"customer_id": "{{c1}}", "name": "王芳", "tags": ["{{vip}}"]})),
            named("f", "POST", "/v1/follow_ups", &json!({
                "customer_id": "{{c1}}", "contact_id": "{{w}}", "kind": "call", "summary": "约了下周",
                "happened_at": "2026-11-20T08:00:00Z",
            })),
            op("PATCH", "/v1/customers/{{c1}}", &json!({"stage": "active", "tags": {"add": ["{{vip}}"]}})),
            op("PATCH", "/v1/follow_ups/{{f}}", &json!({"summary": "改到周三"})),
            {"method": "DELETE", "path": "/v1/contacts/{{w}}"},
            {"method": "POST", "path": "/v1/contacts/{{w}}/restore"},
            op("POST", "/v1/notes", &json!({"record_kind": "customer", "record_id": "{{c1}}", "body": "{{c1}} 之外"})),
        ]);
        for atomic in [true, false] {
            let mut operations = operations.clone();
            operations[0]["body"]["name"] = format!("批量贵宾{atomic}").into();
            operations[1]["body"]["phones"] = json!([mobile()]);
            let done = org.admin.post("/v1/batch", &json!({"atomic": atomic, "operations": operations})).expect(200);
            assert_eq!(statuses(&done), [201, 201, 201, 201, 200, 200, 204, 200, 201], "{}", done.text);
            let data = done.data();
            assert_eq!((&data[1]["ref"], &data[4]["ref"], &data[4]["index"]), (&json!("c1"), &json!(null), &json!(4)));
            assert_eq!((&data[1]["id"], &data[2]["id"]), (&data[4]["id"], &data[6]["id"]));
            assert_eq!((&data[6]["version"], data[4]["version"].is_i64()), (&Value::Null, true));
            let customer =
                org.admin.get(&format!("/v1/customers/{}", data[1]["id"].as_str().unwrap())).expect(200).json();
            assert_eq!((&customer["stage"], &customer["contact_count"]), (&json!("active"), &json!(1)), "{customer}");
            assert_eq!(customer["tags"][0]["id"], data[0]["id"]);
            assert_eq!(customer["last_follow_up_at"], "2026-11-20T08:00:00.000Z");
            let follow_up =
                org.admin.get(&format!("/v1/follow_ups/{}", data[3]["id"].as_str().unwrap())).expect(200).json();
            assert_eq!((&follow_up["summary"], &follow_up["contact_id"]), (&json!("改到周三"), &data[2]["id"]));
        }
        assert_eq!(found(&org, "引用有限"), 2);
    }

    pub(super) fn what_refers_to_a_failure_fails_and_the_rest_is_done(engine: Engine) {
        let org = Org::new(engine);
        let taken = company("先来有限公司");
        let first = org.admin.post("/v1/customers", &taken).expect(201).id();
        let operations = json!([
            named("bad", "POST", "/v1/customers", &taken),
            named("below", "POST", "/v1/contacts", &json!({"customer_id": "{{bad}}", "name": "李雷"})),
            op("PATCH", "/v1/contacts/{{below}}", &json!({"name": "李磊"})),
            op("POST", "/v1/customers", &company("后到有限公司")),
            op("PATCH", "/v1/customers/no-id", &json!({"remark": "x"})),
            op("PATCH", &format!("/v1/customers/{first}"), &json!({"phones": ["12"], "nobody": 1})),
        ]);
        let done = org.admin.post("/v1/batch", &json!({"operations": operations})).expect(207);
        assert_eq!(statuses(&done), [409, 424, 424, 201, 404, 422], "{}", done.text);
        let data = done.data();
        assert_eq!(data[0]["error"]["existing"]["id"], json!(first));
        assert_eq!(data[1]["error"]["code"], "reference_failed");
        assert!(data[1]["error"]["detail"].as_str().unwrap().contains("“bad”"), "{}", data[1]);
        assert_eq!((&data[1]["id"], &data[1]["ref"]), (&Value::Null, &json!("below")));
        let pointers: Vec<&str> =
            data[5]["error"]["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
        assert_eq!(pointers, ["/phones/0", "/nobody"]);
        assert_eq!((found(&org, "后到有限"), found(&org, "先来有限")), (1, 1));
    }

    pub(super) fn an_atomic_batch_is_done_whole_or_not_at_all(engine: Engine) {
        let org = Org::new(engine);
        let body = company("旁人有限公司");
        let other = org.admin.post("/v1/customers", &body).expect(201).json();
        let path = format!("/v1/customers/{}", other["id"].as_str().unwrap());
        let batch = |last: Value| {
            let operations = json!([
                named("c", "POST", "/v1/customers", &company("半途有限公司")),
                op("PATCH", &path, &json!({"remark": "{{c}}"})),
                last,
            ]);
            org.admin.post("/v1/batch", &json!({"atomic": true, "operations": operations}))
        };
        let refused = batch(op("POST", "/v1/contacts", &json!({"customer_id": "{{c}}", "name": "", "phones": ["1"]})));
        let refused = refused.expect(422);
        assert_eq!(refused.json()["operation"], 2, "{}", refused.text);
        assert!(refused.errors().iter().all(|(place, _)| place.starts_with("/operations/2/body/")), "{}", refused.text);
        let gone = batch(json!({"method": "DELETE", "path": format!("/v1/contacts/{}", new_id())})).expect(404);
        assert_eq!((&gone.json()["operation"], gone.code().as_str()), (&json!(2), "not_found"));
        let twin = json!({"name": "双", "kind": "company", "phones": body["phones"]});
        let twin = batch(op("POST", "/v1/customers", &twin)).expect(409);
        assert_eq!(twin.errors()[0].0, "/operations/2/body/phones/0", "{}", twin.text);
        assert_eq!((found(&org, "半途有限"), org.admin.get(&path).json()["remark"].clone()), (0, Value::Null));
        let entries = org.admin.get(&format!("{path}/history")).expect(200).data().len();
        let done = batch(op("PATCH", &path, &json!({"grade": "b"}))).expect(200);
        assert_eq!(statuses(&done), [201, 200, 200]);
        assert_eq!(org.admin.get(&path).json()["remark"], done.data()[0]["id"]);
        assert_eq!(org.admin.get(&format!("{path}/history")).expect(200).data().len(), entries + 2);
    }

    pub(super) fn one_record_may_be_written_again_and_again(engine: Engine) {
        for atomic in [true, false] {
            let org = Org::new(engine);
            let (one, two) = (mobile(), mobile());
            let make = |name: &str, phone: &str| json!({"name": name, "kind": "company", "phones": [phone]});
            let operations = json!([
                named("c", "POST", "/v1/customers", &make("旧名有限公司", &one)),
                op("PATCH", "/v1/customers/{{c}}", &json!({"name": "新名有限公司", "phones": [two], "tags": ["甲"]})),
                op("PATCH", "/v1/customers/{{c}}", &json!({"tags": ["乙"]})),
                // What the first one had is free.
                named("d", "POST", "/v1/customers", &make("接手有限公司", &one)),
                {"method": "DELETE", "path": "/v1/customers/{{d}}"},
                named("e", "POST", "/v1/customers", &make("再接有限公司", &one)),
                op("PATCH", "/v1/customers/{{c}}", &json!({"tags": ["甲"]})),
            ]);
            let done = org.admin.post("/v1/batch", &json!({"atomic": atomic, "operations": operations})).expect(200);
            let data = done.data();
            assert_eq!((found(&org, "旧名有限"), found(&org, "新名有限"), found(&org, "接手有限")), (0, 1, 0));
            let holder = |phone: &str| org.admin.post("/v1/lookup", &json!({"phone": phone})).expect(200).data();
            assert_eq!((holder(&one).len(), &holder(&one)[0]["id"]), (1, &data[5]["id"]), "{}", done.text);
            assert_eq!((holder(&two).len(), &holder(&two)[0]["id"]), (1, &data[0]["id"]));
            let tagged = |tag: &str| {
                let path = format!("/v1/customers?filter[tags.has_any]={}", encoded(tag));
                org.admin.get(&path).expect(200).data().len()
            };
            assert_eq!((tagged("甲"), tagged("乙")), (1, 0));
            let _ = org.admin.post("/v1/customers", &make("冲突有限公司", &two)).expect(409);
        }
    }

    pub(super) fn what_is_built_wrong_is_told_with_its_place_and_nothing_is_done(engine: Engine) {
        let org = Org::new(engine);
        let good = || named("c", "POST", "/v1/customers", &company("不该有限公司"));
        let refused =
            |operations: Value| org.admin.post("/v1/batch", &json!({"operations": operations})).expect(422).errors();
        let told = |place: &str, code: &str| (place.to_owned(), code.to_owned());
        for (wrong, place, code) in [
            (op("PATCH", "/v1/customers/{{x}}", &json!({})), "path", "operation_unknown"),
            (op("POST", "/v1/contacts", &json!({"a": [{"b/c": "{{x}}"}]})), "body/a/0/b~1c", "operation_unknown"),
            (named("l", "PATCH", "/v1/customers/{{l}}", &json!({})), "path", "operation_later"),
            (named("c", "POST", "/v1/tags", &json!({})), "ref", "operation_name_twice"),
            (named("c 1", "POST", "/v1/tags", &json!({})), "ref", "operation_name"),
            (op("PUT", "/v1/customers", &json!({})), "method", "operation_method"),
            (op("post", "/v1/customers", &json!({})), "method", "operation_method"),
            (op("GET", "/v1/customers/{{c}}", &json!({})), "method", "operation_method"),
            (op("POST", "/v1/customers/{{c}}", &json!({})), "method", "operation_method"),
            (op("POST", "/v1/customers/batch", &json!({})), "method", "operation_method"),
            (op("DELETE", "/v1/teams/{{c}}", &json!(null)), "method", "operation_method"),
            (op("POST", "/v1/users", &json!({})), "path", "operation_path"),
            (op("POST", "/v1/customers?on_duplicate=allow", &json!({})), "path", "operation_path"),
            (op("POST", "https://example.com/v1/customers", &json!({})), "path", "operation_path"),
            (op("POST", "/v1/customers/{{c}}/restore/x", &json!({})), "path", "operation_path"),
            (op("DELETE", "/v1/customers/{{c}}", &json!({"a": 1})), "body", "operation_body"),
            (json!({"method": "POST", "path": "/v1/customers"}), "body", "required"),
            (json!({"method": "DELETE", "path": "/v1/customers/{{c}}", "headers": {}}), "headers", "field_unknown"),
            (json!({"method": "DELETE", "path": "/v1/customers/{{c}}", "version": "1"}), "version", "type_wrong"),
            (json!({"path": "/v1/customers", "body": {}}), "method", "required"),
        ] {
            assert_eq!(refused(json!([good(), wrong])), [told(&format!("/operations/1/{place}"), code)], "{wrong}");
        }
        assert_eq!(refused(json!([good(), 7])), [told("/operations/1", "type_wrong")]);
        // An operation that stands later, and everything at once.
        let later = json!([op("PATCH", "/v1/customers/{{c}}", &json!({"remark": "{{z}}"})), good()]);
        let both =
            [told("/operations/0/path", "operation_later"), told("/operations/0/body/remark", "operation_unknown")];
        assert_eq!(refused(later), both);
        let many = |many: usize, atomic: bool| json!({"atomic": atomic, "operations": vec![op("PATCH", "/v1/tags/x", &json!({})); many]});
        for (many, status) in [(many(1001, false), 422), (many(201, true), 422), (many(1000, false), 207)] {
            assert_eq!(org.admin.post("/v1/batch", &many).status, status);
        }
        for body in [
            json!([]),
            json!({}),
            json!({"operations": 1}),
            json!({"operations": [], "atomic": 1}),
            json!({"operations": [], "x": 1}),
        ] {
            let _ = org.admin.post("/v1/batch", &body).expect(422);
        }
        assert_eq!(org.admin.post("/v1/batch", &json!({"operations": []})).expect(200).json(), json!({"data": []}));
        assert_eq!(found(&org, "不该有限"), 0);
    }

    pub(super) fn a_repeat_under_its_key_goes_on_where_the_first_one_was(engine: Engine) {
        let org = Org::new(engine);
        let mut operations = vec![named("c", "POST", "/v1/customers", &company("重复有限公司"))];
        operations.push(op("POST", "/v1/contacts", &json!({"customer_id": "{{c}}", "phones": ["1"], "name": "错"})));
        // The reference reaches into the next transaction.
        let names = ["赵一", "钱二", "孙三", "李四", "周五", "吴六", "郑七", "王八一", "冯九", "陈十"];
        let contact = |at: usize| op("POST", "/v1/contacts", &json!({"customer_id": "{{c}}", "name": names[at % 10]}));
        operations.extend((0..130).map(contact));
        let body = json!({"operations": operations});
        let keyed = org.admin.with("idempotency-key", "operations-0123456789");
        let first = keyed.post("/v1/batch", &body).expect(207);
        assert_eq!(first.header("idempotency-replayed"), None);
        let again = keyed.post("/v1/batch", &body).expect(207);
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        let (first, again) = (first.data(), again.data());
        assert_eq!((first.len(), &first[0], &first[131]), (132, &again[0], &again[131]));
        assert_eq!(
            (&first[1]["error"]["code"], &again[1]["error"]["code"]),
            (&json!("validation"), &json!("refused_before"))
        );
        let path = format!("/v1/customers/{}", first[0]["id"].as_str().unwrap());
        assert_eq!(org.admin.get(&path).json()["contact_count"], 130);
        let other = json!({"operations": [operations[0]]});
        assert_eq!(keyed.post("/v1/batch", &other).expect(422).code(), "idempotency_key_reused");
    }

    pub(super) fn each_operation_takes_its_own_rights_and_version(engine: Engine) {
        let org = Org::new(engine);
        let seller = org.user("salesperson", None);
        let theirs = org.admin.post("/v1/customers", &company("他人有限公司")).expect(201).id();
        let own = seller.session.post("/v1/customers", &company("自己有限公司")).expect(201).id();
        let path = |id: &str| format!("/v1/customers/{id}");
        let _ = seller.session.patch(&path(&own), &json!({"remark": "二"})).expect(200);
        let operations = json!([
            op("PATCH", &path(&theirs), &json!({"remark": "x"})),
            op("POST", "/v1/teams", &json!({"name": "新队"})),
            op("PATCH", &path(&own), &json!({"remark": "三"})),
            {"method": "DELETE", "path": path(&own), "version": 1},
            {"method": "PATCH", "path": path(&own), "version": 1, "body": {"remark": "四"}},
            {"method": "PATCH", "path": path(&own), "version": 1, "body": {"grade": "a"}},
        ]);
        let done = seller.session.post("/v1/batch", &json!({"operations": operations})).expect(207);
        assert_eq!(statuses(&done), [404, 403, 200, 403, 412, 200], "{}", done.text);
        assert_eq!(done.data()[4]["error"]["conflicts"][0]["field"], "remark");
        assert_eq!(done.data()[2]["version"], 3);
        let old = json!({"method": "DELETE", "path": path(&own), "version": 3});
        let now = json!({"method": "DELETE", "path": path(&own), "version": 4});
        let deleted = org.admin.post("/v1/batch", &json!({"operations": [old, now]})).expect(207);
        assert_eq!(statuses(&deleted), [412, 204], "{}", deleted.text);
        let refusals = org.admin.get("/v1/audit?filter[outcome]=denied").expect(200).data();
        let events: Vec<&str> = refusals.iter().filter_map(|entry| entry["type"].as_str()).collect();
        assert!(events.contains(&"team.create_refused"), "{events:?}");
    }
}
