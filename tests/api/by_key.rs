//! Records that an address names by a key of theirs.

kehu_tests::on_both_engines!(
    a_put_makes_or_changes_the_record,
    a_put_heeds_versions_and_keys,
    a_put_may_be_only_for_what_is_new,
    a_key_is_read_as_its_field_reads_it,
    a_record_is_read_by_its_keys,
    what_is_sealed_stands_in_no_address,
    nobody_reaches_further_by_a_key,
    puts_at_once_make_one_record,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, Reply, Session, company, encoded};
    use serde_json::{Value, json};

    fn put(session: &Session, path: &str, body: &Value) -> Reply {
        session.send("PUT", path, body.to_string().as_bytes(), "application/json")
    }

    pub(super) fn a_put_makes_or_changes_the_record(engine: Engine) {
        let org = Org::new(engine);
        let path = "/v1/customers/by/external_id:shop/10086";
        let body = company("按键科技有限公司");
        let made = put(&org.admin, path, &body).expect(201);
        assert_eq!(made.header("location"), Some(format!("/v1/customers/{}", made.id()).as_str()));
        assert_eq!(made.json()["external_ids"], json!({"shop": "10086"}));
        let again = put(&org.admin, path, &body).expect(200);
        assert_eq!((again.id(), &again.json()["version"], again.header("location")), (made.id(), &json!(1), None));
        let changed = put(&org.admin, path, &json!({"remark": "改", "external_ids": {"erp": "E"}})).expect(200).json();
        assert_eq!(
            (&changed["remark"], &changed["external_ids"], &changed["name"]),
            (&json!("改"), &json!({"erp": "E", "shop": "10086"}), &json!("按键科技有限公司"))
        );
        // The body says the key of the address, or none.
        let refused = put(&org.admin, path, &json!({"external_ids": {"shop": "2"}})).expect(422);
        assert_eq!(refused.errors(), [("/external_ids/shop".to_owned(), "key_mismatch".to_owned())]);
        // Nor does it take that key away.
        for (body, at) in [
            (json!({"external_ids": {"shop": null}}), "/external_ids/shop"),
            (json!({"external_ids": {"shop": 10086}}), "/external_ids/shop"),
            (json!({"external_ids": null}), "/external_ids"),
        ] {
            let refused = put(&org.admin, path, &body).expect(422);
            assert_eq!(refused.errors(), [(at.to_owned(), "key_mismatch".to_owned())], "{body}");
        }
        let same = put(&org.admin, path, &json!({"external_ids": {"shop": " 10086 "}})).expect(200);
        assert_eq!((same.id(), &same.json()["external_ids"]["shop"]), (made.id(), &json!("10086")));
        let refused = put(&org.admin, path, &json!({"external_ids": []})).expect(422).errors();
        assert!(refused.contains(&("/external_ids".to_owned(), "type_wrong".to_owned())), "{refused:?}");
        assert_eq!(put(&org.admin, path, &json!([])).expect(422).errors()[0].1, "type_wrong");
        assert_eq!(put(&org.admin, path, &json!({"typo": 1})).expect(422).errors()[0].0, "/typo");
        // By credit code, and by a number, which makes none.
        let by_code = "/v1/customers/by/credit_code/911101084JURQ2830A";
        let firm = put(&org.admin, by_code, &company("信用科技有限公司")).expect(201).json();
        assert_eq!(firm["credit_code"], "911101084JURQ2830A");
        let by_number = format!("/v1/customers/by/number/{}", firm["number"].as_str().unwrap());
        assert_eq!(put(&org.admin, &by_number, &json!({"remark": "号"})).expect(200).json()["remark"], "号");
        let _ = put(&org.admin, "/v1/customers/by/number/NO-1", &company("无号有限公司")).expect(404);
        // Other kinds have their own keys.
        let note = json!({"record_kind": "customer", "record_id": made.id(), "body": "记"});
        let _ = put(&org.admin, "/v1/notes/by/external_id:shop/1", &note).expect(201);
        let _ = put(&org.admin, "/v1/notes/by/number/1", &note).expect(400);
        let _ = put(&org.admin, "/v1/tags/by/external_id:shop/1", &json!({"name": "标"})).expect(404);
        assert_eq!(org.admin.get("/v1/customers").expect(200).data().len(), 2);
    }

    pub(super) fn a_put_heeds_versions_and_keys(engine: Engine) {
        let org = Org::new(engine);
        let path = "/v1/customers/by/external_id:shop/1";
        let keyed = org.admin.with("idempotency-key", "put-0123456789abcdef");
        let body = company("幂等按键有限公司");
        let made = put(&keyed, path, &body).expect(201);
        let again = put(&keyed, path, &body).expect(201);
        assert_eq!((again.header("idempotency-replayed"), &again.text), (Some("true"), &made.text));
        assert_eq!(again.header("location"), made.header("location"));
        assert_eq!(put(&keyed, path, &json!({"remark": "x"})).expect(422).code(), "idempotency_key_reused");
        let other = "/v1/customers/by/external_id:shop/2";
        assert_eq!(put(&keyed, other, &body).expect(422).code(), "idempotency_key_reused");
        let seen = org.admin.with("if-match", made.header("etag").unwrap());
        let _ = put(&seen, path, &json!({"remark": "一"})).expect(200);
        let _ = put(&seen, path, &json!({"grade": "a"})).expect(200);
        let refused = put(&seen, path, &json!({"remark": "二"})).expect(412).json();
        assert_eq!(refused["conflicts"][0]["field"], "remark");
        // A version is of a record that is there.
        let refused = put(&seen, other, &company("没有版本有限公司")).expect(412).json();
        assert_eq!(
            (&refused["conflicts"][0]["field"], &refused["conflicts"][0]["theirs"]),
            (&json!("version"), &json!(null))
        );
    }

    pub(super) fn a_put_may_be_only_for_what_is_new(engine: Engine) {
        let org = Org::new(engine);
        let path = "/v1/customers/by/external_id:shop/1";
        let only_new = org.admin.with("if-none-match", "*");
        let body = company("只建不改有限公司");
        let keyed = only_new.with("idempotency-key", "only-new-0123456789ab");
        let made = put(&keyed, path, &body).expect(201);
        // A lost answer is told again; whoever asks anew is told that it is there.
        assert_eq!(put(&keyed, path, &body).expect(201).text, made.text);
        let refused = put(&only_new, path, &json!({"remark": "改"})).expect(412);
        assert_eq!(refused.code(), "record_exists");
        let existing = refused.json()["existing"].clone();
        assert_eq!(
            (&existing["id"], &existing["resource"], &existing["name"], &existing["state"]),
            (&json!(made.id()), &json!("customer"), &json!("只建不改有限公司"), &json!("yours"))
        );
        let stays = org.admin.get(path).expect(200).json();
        assert_eq!((&stays["version"], &stays["remark"]), (&json!(1), &json!(null)));
        let zh = put(&only_new.with("accept-language", "zh-CN"), path, &body).expect(412).json();
        assert_eq!(zh["title"], "记录已存在");
        // Deleted, it is no longer there.
        let _ = org.admin.delete(&format!("/v1/customers/{}", made.id())).expect(204);
        let _ = put(&only_new, path, &body).expect(201);
        // A number makes nothing, and a tag is not compared.
        let _ = put(&only_new, "/v1/customers/by/number/NO-1", &body).expect(404);
        for header in ["\"1-5f\"", "*, \"1-5f\"", ""] {
            let refused = put(&org.admin.with("if-none-match", header), path, &body).expect(400);
            assert_eq!(refused.code(), "header_invalid", "{header}");
        }
        // What is out of reach is met as any new record meets it.
        let near = org.user("salesperson", None);
        let met = put(&near.session.with("if-none-match", "*"), path, &company("近处只建有限公司")).expect(409);
        assert_eq!(met.code(), "external_id_taken");
        // One of several at once makes it.
        let path = "/v1/customers/by/external_id:shop/2";
        let body = company("同时只建有限公司");
        let mut statuses: Vec<u16> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| put(&only_new, path, &body).status)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 412, 412, 412]);
    }

    pub(super) fn a_key_is_read_as_its_field_reads_it(engine: Engine) {
        let org = Org::new(engine);
        let code = "911101084JURQ2830A";
        let made = put(&org.admin, "/v1/customers/by/credit_code/911101084jurq2830a", &company("代码有限公司"));
        let made = made.expect(201).json();
        assert_eq!(made["credit_code"], code);
        let ways = [
            code.to_owned(),
            code.to_lowercase(),
            " 9111 0108 4JUR Q283 0A ".into(),
            "９１１１０１０８４ＪＵＲＱ２８３０Ａ".into(),
        ];
        for way in ways {
            let by = format!("/v1/customers/by/credit_code/{}", encoded(&way));
            assert_eq!(org.admin.get(&by).expect(200).id(), made["id"].as_str().unwrap(), "{way}");
            for body in [json!({}), json!({"credit_code": code}), json!({"credit_code": code.to_lowercase()})] {
                assert_eq!(put(&org.admin, &by, &body).expect(200).json()["version"], 1, "{way} {body}");
            }
            for body in
                [json!({"credit_code": null}), json!({"credit_code": ""}), json!({"credit_code": "91310115FQEFLCR61T"})]
            {
                let refused = put(&org.admin, &by, &body).expect(422);
                assert_eq!(refused.errors(), [("/credit_code".to_owned(), "key_mismatch".to_owned())], "{way} {body}");
            }
        }
        let wrong = put(&org.admin, "/v1/customers/by/credit_code/911101084JURQ2830B", &company("错码有限公司"));
        assert_eq!(wrong.expect(422).errors(), [("/credit_code".to_owned(), "credit_code_check".to_owned())]);
        let _ = org.admin.get("/v1/customers/by/credit_code/1").expect(404);
        // A number in small letters, with blanks around it.
        let number = made["number"].as_str().unwrap();
        for way in [number.to_owned(), number.to_lowercase(), format!(" {number} ")] {
            let by = format!("/v1/customers/by/number/{}", encoded(&way));
            assert_eq!(org.admin.get(&by).expect(200).json()["number"], number, "{way}");
            for body in [json!({}), json!({"number": number}), json!({"number": number.to_lowercase()})] {
                assert_eq!(put(&org.admin, &by, &body).expect(200).json()["version"], 1, "{way} {body}");
            }
            let refused = put(&org.admin, &by, &json!({"number": null})).expect(422);
            assert_eq!(refused.errors(), [("/number".to_owned(), "key_mismatch".to_owned())]);
        }
        // Numbers with small letters of their own.
        let template = json!({"settings": {"numbers": {"template": "c{seq:3}x", "reset": "never"}}});
        let _ = org.admin.patch("/v1/organisation", &template).expect(200);
        let small = org.admin.post("/v1/customers", &company("小写有限公司")).expect(201).json();
        let by = format!("/v1/customers/by/number/{}", small["number"].as_str().unwrap());
        assert_eq!(org.admin.get(&by).expect(200).json()["id"], small["id"]);
        // Ids of other systems are kept as they are, but for blanks around them.
        let made =
            put(&org.admin, "/v1/customers/by/external_id:shop/%20Ab%201%20", &company("外部有限公司")).expect(201);
        assert_eq!(made.json()["external_ids"]["shop"], "Ab 1");
        assert_eq!(org.admin.get("/v1/customers/by/external_id:shop/Ab%201").expect(200).id(), made.id());
        let _ = org.admin.get("/v1/customers/by/external_id:shop/ab%201").expect(404);
        // What was read may be sent back whole.
        let whole = org.admin.get("/v1/customers/by/external_id:shop/Ab%201").expect(200).json();
        assert_eq!(
            put(&org.admin, "/v1/customers/by/external_id:shop/Ab%201", &whole).expect(200).json()["version"],
            1
        );
    }

    pub(super) fn a_record_is_read_by_its_keys(engine: Engine) {
        let org = Org::new(engine);
        let shop = "A/1 b+c%2F:号";
        let mut body = company("按键读取有限公司");
        body["external_ids"] = json!({ "shop": shop });
        let made = org.admin.post("/v1/customers", &body).expect(201).json();
        let by = format!("/v1/customers/by/external_id:shop/{}", encoded(shop));
        let by_id = org.admin.get(&format!("/v1/customers/{}", made["id"].as_str().unwrap())).expect(200);
        let read = org.admin.get(&by).expect(200);
        assert_eq!((&read.text, read.header("etag")), (&by_id.text, by_id.header("etag")));
        let _ = org.admin.with("if-none-match", read.header("etag").unwrap()).get(&by).expect(304);
        let fields = org.admin.get(&format!("{by}?fields=id,name&expand=contacts")).expect(200).json();
        assert_eq!((fields.get("remark"), &fields["contacts"]), (None, &json!([])));
        let by_number = format!("/v1/customers/by/number/{}", made["number"].as_str().unwrap());
        assert_eq!(org.admin.get(&by_number).expect(200).id(), by_id.id());
        let _ = org.admin.get("/v1/customers/by/external_id:shop/none").expect(404);
        let _ = org.admin.get("/v1/customers/by/external_id:erp/1").expect(404);
        let _ = org.admin.delete(&format!("/v1/customers/{}", by_id.id())).expect(204);
        let _ = org.admin.get(&by).expect(404);
        let _ = org.admin.get(&by_number).expect(404);
        assert!(org.admin.delete(&by).expect(405).header("allow").is_some());
    }

    pub(super) fn what_is_sealed_stands_in_no_address(engine: Engine) {
        let org = Org::new(engine);
        for (key, code) in [
            ("phone", "sealed_in_url"),
            ("email", "sealed_in_url"),
            ("wechat", "sealed_in_url"),
            ("id_number", "sealed_in_url"),
            ("id", "question_invalid"),
            ("name", "question_invalid"),
            ("external_id:", "question_invalid"),
            ("external_id:Shop", "question_invalid"),
            ("custom.member", "question_invalid"),
        ] {
            let path = format!("/v1/customers/by/{key}/1");
            assert_eq!(org.admin.get(&path).expect(400).code(), code, "{key}");
            assert_eq!(put(&org.admin, &path, &company("封存有限公司")).expect(400).code(), code, "{key}");
        }
        let refused = org.admin.get("/v1/customers/by/name/1").expect(400).json();
        assert_eq!(refused["errors"][0]["params"]["known"], "external_id:<source>, number, credit_code");
    }

    pub(super) fn nobody_reaches_further_by_a_key(engine: Engine) {
        let org = Org::new(engine);
        let path = "/v1/customers/by/external_id:shop/1";
        let made = put(&org.admin, path, &company("远方按键有限公司")).expect(201).json();
        let near = org.user("salesperson", None);
        let by_number = format!("/v1/customers/by/number/{}", made["number"].as_str().unwrap());
        let _ = near.session.get(path).expect(404);
        let _ = near.session.get(&by_number).expect(404);
        let _ = put(&near.session, &by_number, &json!({"remark": "x"})).expect(404);
        let met = put(&near.session, path, &company("近处按键有限公司")).expect(409).json();
        assert_eq!(
            (&met["code"], &met["existing"]),
            (&json!("external_id_taken"), &json!({"state": "owned", "claimable": false}))
        );
        // In another organisation the key is nobody's.
        let other = Org::new(engine);
        let _ = other.admin.get(path).expect(404);
        let _ = put(&other.admin, path, &company("别家按键有限公司")).expect(201);
        let reader = org.user("auditor", None);
        assert!([403, 404].contains(&put(&reader.session, path, &json!({"remark": "x"})).status));
        let version = org.admin.get(path).expect(200).json()["version"].clone();
        assert_eq!(version, 1);
    }

    pub(super) fn puts_at_once_make_one_record(engine: Engine) {
        let org = Org::new(engine);
        let path = "/v1/customers/by/external_id:shop/1";
        let body = json!({"name": "同时按键有限公司", "kind": "company"});
        let mut statuses: Vec<u16> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| put(&org.admin, path, &body).status)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 200, 200, 200, 201]);
        assert_eq!(org.admin.get("/v1/customers").expect(200).data().len(), 1);
    }
}
