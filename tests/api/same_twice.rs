//! The same request twice, and two people at one record: what api.md says of `Idempotency-Key` and `If-Match`, sentence by
//! sentence, as far as no other file does.

kehu_tests::on_both_engines!(
    a_key_has_16_to_255_characters,
    a_key_is_of_one_principal_and_one_request,
    an_overridden_patch_is_the_same_patch,
    what_was_done_comes_back_whole,
    what_changed_nothing_is_not_kept,
    a_repeat_is_not_judged_anew,
    reads_and_sign_ins_know_no_key,
    values_of_custom_fields_merge_one_by_one,
    lists_conflict_as_a_whole,
    summaries_conflict_with_nobody,
    a_tag_stands_for_exactly_one_answer,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, PASSWORD, Session, company, mobile};
    use serde_json::{Value, json};

    pub(super) fn a_key_has_16_to_255_characters(engine: Engine) {
        let org = Org::new(engine);
        for (length, status) in [(15, 400), (16, 201), (255, 201), (256, 400)] {
            let keyed = org.admin.with("idempotency-key", &"k".repeat(length));
            let reply = keyed.post("/v1/tags", &json!({"name": format!("标{length}")})).expect(status);
            if status == 400 {
                assert_eq!(reply.code(), "idempotency_key_invalid");
            }
        }
        let keyed = org.admin.with("idempotency-key", "tab\tin-a-key-0123456789");
        assert_eq!(keyed.post("/v1/tags", &json!({"name": "标"})).expect(400).code(), "idempotency_key_invalid");
    }

    pub(super) fn a_key_is_of_one_principal_and_one_request(engine: Engine) {
        let org = Org::new(engine);
        let key = "one-key-0123456789abcdef";
        let body = json!({"name": "一键有限公司", "kind": "company"});
        let keyed = |session: &Session| session.with("idempotency-key", key);
        let made = keyed(&org.admin).post("/v1/customers", &body).expect(201).id();
        let other = org.user("manager", None);
        let theirs = keyed(&other.session).post("/v1/customers", &body).expect(201);
        assert_eq!(theirs.header("idempotency-replayed"), None);
        assert_ne!(theirs.id(), made);
        // Written otherwise, it is the same body.
        let spaced = b"{ \"name\":\"\\u4e00\xe9\x94\xae\xe6\x9c\x89\xe9\x99\x90\xe5\x85\xac\xe5\x8f\xb8\",\n\"kind\" : \"company\" }";
        let again = keyed(&org.admin).send("POST", "/v1/customers", spaced, "application/json").expect(201);
        assert_eq!((again.id(), again.header("idempotency-replayed")), (made.clone(), Some("true")));
        let one = format!("/v1/customers/{made}");
        let reused = |method: &str, path: &str, body: &Value| {
            let reply = keyed(&org.admin).send(method, path, body.to_string().as_bytes(), "application/json");
            assert_eq!(reply.expect(422).code(), "idempotency_key_reused", "{method} {path}");
        };
        reused("POST", "/v1/customers", &json!({"name": "两键有限公司", "kind": "company"}));
        reused("POST", "/v1/customers?on_duplicate=allow", &body);
        reused("POST", "/v1/contacts", &json!({"customer_id": made, "name": "王键"}));
        reused("PATCH", &one, &json!({"remark": "键"}));
        let gone = keyed(&org.admin).send("DELETE", &one, &[], "");
        assert_eq!(gone.expect(422).code(), "idempotency_key_reused");
        let _ = org.admin.get(&one).expect(200);
    }

    pub(super) fn an_overridden_patch_is_the_same_patch(engine: Engine) {
        let org = Org::new(engine);
        let path =
            format!("/v1/customers/{}", org.admin.post("/v1/customers", &company("改写有限公司")).expect(201).id());
        let keyed = org.admin.with("idempotency-key", "override-0123456789abcdef");
        let body = json!({"remark": "改"});
        let done = keyed.patch(&path, &body).expect(200);
        let again = keyed.with("x-http-method-override", "PATCH").post(&path, &body).expect(200);
        assert_eq!((again.header("idempotency-replayed"), &again.text), (Some("true"), &done.text));
    }

    pub(super) fn what_was_done_comes_back_whole(engine: Engine) {
        let org = Org::new(engine);
        let path =
            format!("/v1/customers/{}", org.admin.post("/v1/customers", &company("回放有限公司")).expect(201).id());
        let keyed = |key: &str| org.admin.with("idempotency-key", &format!("{key}-0123456789abcdef"));
        let body = json!({"remark": "一"});
        let done = keyed("patch").patch(&path, &body).expect(200);
        // As it was then, whatever was written since.
        let _ = org.admin.patch(&path, &json!({"remark": "二"})).expect(200);
        let again = keyed("patch").patch(&path, &body).expect(200);
        assert_eq!((again.header("etag"), &again.text), (done.header("etag"), &done.text));
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        assert_eq!(org.admin.get(&path).expect(200).json()["remark"], "二");
        for _ in 0..2 {
            let _ = keyed("delete").delete(&path).expect(204);
        }
        let restore = format!("{path}/restore");
        let back = keyed("restore").post(&restore, &json!({})).expect(200);
        let again = keyed("restore").post(&restore, &json!({})).expect(200);
        assert_eq!((again.header("etag"), again.header("idempotency-replayed")), (back.header("etag"), Some("true")));
        // A deletion that is told again does not delete what came back.
        let gone = keyed("delete").delete(&path).expect(204);
        assert_eq!(gone.header("idempotency-replayed"), Some("true"));
        let _ = org.admin.get(&path).expect(200);
    }

    pub(super) fn what_changed_nothing_is_not_kept(engine: Engine) {
        let org = Org::new(engine);
        let keyed = org.admin.with("idempotency-key", "refused-0123456789abcdef");
        let phone = mobile();
        let mut body = company("占用有限公司");
        body["phones"] = json!([phone]);
        let first = org.admin.post("/v1/customers", &body).expect(201).id();
        assert_eq!(keyed.post("/v1/customers", &body).expect(409).code(), "duplicate");
        let wrong = json!({"kind": "company"});
        let _ = keyed.post("/v1/customers", &wrong).expect(422);
        let _ = org.admin.delete(&format!("/v1/customers/{first}")).expect(204);
        let made = keyed.post("/v1/customers", &body).expect(201);
        assert_eq!(made.header("idempotency-replayed"), None);
        assert_eq!(keyed.post("/v1/customers", &wrong).expect(422).code(), "idempotency_key_reused");
    }

    /// What is asked of bodies by now changes nothing of what was done.
    pub(super) fn a_repeat_is_not_judged_anew(engine: Engine) {
        let org = Org::new(engine);
        let keyed = |key: &str| org.admin.with("idempotency-key", &format!("{key}-0123456789abcdef"));
        let body = company("先前有限公司");
        let made = keyed("alone").post("/v1/customers", &body).expect(201);
        let items = json!({"atomic": true, "items": [company("先前批有限公司")]});
        let batch = keyed("batch").post("/v1/customers/batch", &items).expect(200);
        let field =
            json!({"kind": "customer", "key": "must", "type": "text", "label": {"en": "Must"}, "required": true});
        let _ = org.admin.post("/v1/fields", &field).expect(201);
        let _ = org.admin.post("/v1/customers", &company("之后有限公司")).expect(422);
        let again = keyed("alone").post("/v1/customers", &body).expect(201);
        assert_eq!((again.id(), again.header("idempotency-replayed")), (made.id(), Some("true")));
        assert_eq!(keyed("batch").post("/v1/customers/batch", &items).expect(200).text, batch.text);
        let atomic = json!({"atomic": true, "items": [company("之后批有限公司")]});
        let refused = keyed("other").post("/v1/customers/batch", &atomic).expect(422);
        assert_eq!(refused.errors()[0].0, "/items/0/custom/must");
    }

    pub(super) fn reads_and_sign_ins_know_no_key(engine: Engine) {
        let org = Org::new(engine);
        let key = "ignored-0123456789abcdef";
        let user = org.user("manager", None);
        let anybody = Session::anonymous(&engine.base()).with("idempotency-key", key);
        let sign_in = json!({"login": user.login, "password": PASSWORD});
        let tokens: Vec<Value> = (0..2)
            .map(|_| {
                let reply = anybody.post("/v1/auth/login", &sign_in).expect(200);
                assert_eq!(reply.header("idempotency-replayed"), None);
                reply.json()["refresh_token"].clone()
            })
            .collect();
        assert_ne!(tokens[0], tokens[1]);
        let keyed = org.admin.with("idempotency-key", key);
        let person = json!({"name": "王揭", "kind": "person", "id_number": "11010119900307002X"});
        let made = org.admin.post("/v1/customers", &person).expect(201).id();
        for name in ["王揭", "无人"] {
            let asked = json!({"where": {"field": "name", "op": "eq", "value": name}});
            let found = keyed.post("/v1/customers/search", &asked).expect(200);
            assert_eq!(found.data().len(), usize::from(name == "王揭"));
            assert_eq!(found.header("idempotency-replayed"), None);
        }
        let reveal = json!({"fields": ["id_number"], "reason": "核对身份"});
        for _ in 0..2 {
            let shown = keyed.post(&format!("/v1/customers/{made}/reveal"), &reveal).expect(200);
            assert_eq!(shown.header("idempotency-replayed"), None);
        }
        let revealed = org.admin.get("/v1/audit?filter[event]=customer.revealed").expect(200).data();
        assert_eq!(revealed.len(), 2, "each is a revelation of its own");
    }

    fn field(org: &Org, key: &str) {
        let field = json!({"kind": "customer", "key": key, "type": "text", "label": {"en": key}});
        let _ = org.admin.post("/v1/fields", &field).expect(201);
    }

    pub(super) fn values_of_custom_fields_merge_one_by_one(engine: Engine) {
        let org = Org::new(engine);
        field(&org, "plan");
        field(&org, "place");
        let made = org.admin.post("/v1/customers", &company("并改有限公司")).expect(201);
        let path = format!("/v1/customers/{}", made.id());
        let seen = org.admin.with("if-match", made.header("etag").unwrap());
        let _ = seen.patch(&path, &json!({"custom": {"plan": "甲"}})).expect(200);
        let both = seen.patch(&path, &json!({"custom": {"place": "乙"}})).expect(200).json();
        assert_eq!(both["custom"], json!({"plan": "甲", "place": "乙"}));
        // By the body as well; a value that is what it is conflicts with nobody.
        let same = json!({"version": 1, "custom": {"plan": "甲", "place": "乙"}});
        assert_eq!(org.admin.patch(&path, &same).expect(200).json()["version"], both["version"]);
        let refused = json!({"version": 1, "custom": {"plan": "丙", "place": "丁"}, "remark": "同来"});
        let refused = org.admin.patch(&path, &refused).expect(412).json();
        let mut told: Vec<(&str, &Value, &Value)> = refused["conflicts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|conflict| (conflict["field"].as_str().unwrap(), &conflict["yours"], &conflict["theirs"]))
            .collect();
        told.sort_by_key(|(field, ..)| *field);
        assert_eq!(told, [("custom.place", &json!("丁"), &json!("乙")), ("custom.plan", &json!("丙"), &json!("甲"))]);
        assert_eq!(org.admin.get(&path).expect(200).json()["remark"], json!(null), "nothing of it was done");
    }

    /// A list is one field, however its elements are brought.
    pub(super) fn lists_conflict_as_a_whole(engine: Engine) {
        let org = Org::new(engine);
        let made = org.admin.post("/v1/customers", &company("列表有限公司")).expect(201);
        let path = format!("/v1/customers/{}", made.id());
        let seen = org.admin.with("if-match", made.header("etag").unwrap());
        for (field, one, other) in [
            ("tags", json!({"add": ["甲"]}), json!({"add": ["乙"]})),
            ("phones", json!({"add": [mobile()]}), json!({"add": [mobile()]})),
        ] {
            let _ = seen.patch(&path, &json!({ field: one })).expect(200);
            let refused = seen.patch(&path, &json!({ field: other })).expect(412).json();
            assert_eq!(refused["conflicts"][0]["field"], field);
            assert_eq!(
                (&refused["conflicts"][0]["yours"], refused["conflicts"].as_array().unwrap().len()),
                (&other, 1)
            );
        }
        let read = org.admin.get(&path).expect(200).json();
        assert_eq!((read["phones"].as_array().unwrap().len(), read["tags"].as_array().unwrap().len()), (2, 1));
        // An element that is kept changes nothing, and conflicts with nothing.
        let kept: Vec<Value> = read["phones"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| json!({"id": one["id"], "label": one["label"], "primary": one["primary"]}))
            .collect();
        let _ = seen.patch(&path, &json!({"phones": kept, "remark": "只改这里"})).expect(200);
    }

    pub(super) fn summaries_conflict_with_nobody(engine: Engine) {
        let org = Org::new(engine);
        let made = org.admin.post("/v1/customers", &company("汇总有限公司")).expect(201);
        let path = format!("/v1/customers/{}", made.id());
        let seen = org.admin.with("if-match", made.header("etag").unwrap());
        let follow_up = json!({
            "customer_id": made.id(), "kind": "call", "summary": "谈", "happened_at": "2026-03-01T01:00:00Z",
        });
        let _ = org.admin.post("/v1/follow_ups", &follow_up).expect(201);
        assert_eq!(org.admin.get(&path).expect(200).json()["version"], 2);
        let mut whole = made.json();
        whole["remark"] = json!("旧答案送回");
        let patched = seen.patch(&path, &whole).expect(200).json();
        assert_eq!((&patched["remark"], &patched["follow_up_count"]), (&json!("旧答案送回"), &json!(1)));
        assert_eq!(seen.delete(&path).expect(412).code(), "version_conflict");
    }

    pub(super) fn a_tag_stands_for_exactly_one_answer(engine: Engine) {
        let org = Org::new(engine);
        let seller = org.user("salesperson", None);
        let body = json!({"name": "一签有限公司", "kind": "company", "owner_id": seller.id, "phones": [mobile()]});
        let made = org.admin.post("/v1/customers", &body).expect(201);
        let path = format!("/v1/customers/{}", made.id());
        let whole = org.admin.get(&path).expect(200);
        let tag = whole.header("etag").unwrap();
        assert!(tag.starts_with("\"1-"), "{tag}");
        let knows = org.admin.with("if-none-match", tag);
        assert_eq!(knows.get(&path).expect(304).header("etag"), Some(tag));
        let weak = org.admin.with("if-none-match", &format!("\"9-ab\", W/{tag}"));
        let _ = weak.get(&path).expect(304);
        // Another answer of the same version has another tag.
        assert_ne!(knows.get(&format!("{path}?fields=id,name")).expect(200).header("etag"), Some(tag));
        let _ = org.admin.patch(&format!("/v1/users/{}", seller.id), &json!({"name": "改了名"})).expect(200);
        let renamed = knows.get(&path).expect(200);
        assert_eq!((&renamed.json()["version"], &renamed.json()["owner"]["name"]), (&json!(1), &json!("改了名")));
        // The number is what If-Match compares.
        let _ = org.admin.with("if-match", &format!("W/{tag}")).patch(&path, &json!({"remark": "x"})).expect(200);
    }
}
