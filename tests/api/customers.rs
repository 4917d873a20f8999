//! Customers, and with them the verbs that every kind has.

kehu_tests::on_both_engines!(
    a_customer_is_made_read_changed_deleted_and_restored,
    every_property_is_present,
    what_get_gave_may_be_sent_back_whole,
    everything_wrong_is_named_at_once_in_the_language_asked_for,
    a_text_with_a_null_character_is_refused,
    the_same_strong_key_is_a_duplicate,
    a_number_is_given_once,
    a_repeated_request_under_one_key_makes_one_record,
    changes_of_different_fields_do_not_conflict,
    a_batch_makes_what_it_can,
    an_atomic_batch_makes_all_or_none,
    phones_are_elements,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, company, mobile};
    use serde_json::{Value, json};

    pub(super) fn a_customer_is_made_read_changed_deleted_and_restored(engine: Engine) {
        let org = Org::new(engine);
        let made = org.admin.post("/v1/customers", &company("北京字节跳动科技有限公司")).expect(201);
        let id = made.id();
        assert_eq!(made.header("location"), Some(format!("/v1/customers/{id}").as_str()));
        let path = format!("/v1/customers/{id}");
        let read = org.admin.get(&path).expect(200);
        let told = format!("{},\"warnings\":[]}}", read.text.trim_end_matches('}'));
        assert_eq!(told, made.text, "a write answers the whole record as GET would, and what was warned of");
        assert_eq!(read.header("etag"), made.header("etag"));
        let tag = read.header("etag").unwrap().to_owned();
        assert_eq!(org.admin.with("if-none-match", &tag).get(&path).status, 304);

        let changed = org.admin.patch(&path, &json!({"remark": "很重要", "stage": "active"})).expect(200).json();
        assert_eq!((changed["remark"].as_str(), changed["stage"].as_str()), (Some("很重要"), Some("active")));
        assert_eq!(changed["version"], 2);
        let cleared = org.admin.patch(&path, &json!({"remark": null})).expect(200).json();
        assert_eq!((&cleared["remark"], &cleared["version"]), (&Value::Null, &json!(3)));
        let same = org.admin.patch(&path, &json!({"stage": "active"})).expect(200).json();
        assert_eq!(same["version"], 3, "what changes nothing is no new version");

        assert_eq!(org.admin.delete(&path).expect(204).text, "");
        let _ = org.admin.get(&path).expect(404);
        let back = org.admin.post(&format!("{path}/restore"), &json!({})).expect(200).json();
        assert_eq!(back["name"], "北京字节跳动科技有限公司");
        let _ = org.admin.get(&path).expect(200);
    }

    pub(super) fn every_property_is_present(engine: Engine) {
        let org = Org::new(engine);
        let least =
            org.admin.post("/v1/customers", &json!({"name": "极简科技有限公司", "kind": "company"})).expect(201);
        let most = json!({
            "name": "上海浦东软件有限公司", "kind": "company", "stage": "partner", "grade": "vip", "industry": "软件和信息技术服务业",
            "size": "50-249", "credit_code": "911101084JURQ2830A", "address": "上海市浦东新区世纪大道100号",
            "phones": ["13800138000"], "emails": ["hr@example.com"], "wechat": "pudong-soft", "source": "expo",
            "remark": "展会认识", "tags": ["VIP", "华东"],
            "contacts": [{"name": "王小明", "position": "采购经理", "phones": ["13900139000"], "primary": true}],
        });
        let most = org.admin.post("/v1/customers", &most).expect(201).json();
        let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&least.json()), names(&most));
        assert_eq!(most["industry"]["name"], "软件和信息技术服务业");
        assert_eq!(
            most["region"],
            json!({"code": "310115", "province": "上海市", "city": "上海市", "district": "浦东新区"})
        );
        assert_eq!(most["owner"]["id"], most["owner_id"]);
        assert_eq!(most["tags"].as_array().unwrap().len(), 2);
        assert_eq!(most["initial"], "S");
        let path = format!("/v1/customers/{}?expand=contacts", most["id"].as_str().unwrap());
        let contacts = org.admin.get(&path).expect(200).json()["contacts"].clone();
        assert_eq!(contacts[0]["name"], "王小明");
        assert_eq!(contacts[0]["phones"][0]["value"], "+8613900139000");
        let some = org.admin.get(&format!("{path}&fields=id,name")).expect(200).json();
        assert_eq!(names(&some), ["id", "name", "contacts", "contacts_has_more"]);
    }

    pub(super) fn what_get_gave_may_be_sent_back_whole(engine: Engine) {
        let org = Org::new(engine);
        let mut body = company("回声科技有限公司");
        body["tags"] = json!(["一", "二"]);
        body["industry"] = json!("I");
        body["address"] = json!("杭州市西湖区文三路1号");
        let made = org.admin.post("/v1/customers", &body).expect(201).json();
        let path = format!("/v1/customers/{}", made["id"].as_str().unwrap());
        let echoed = org.admin.patch(&path, &made).expect(200).json();
        assert_eq!(echoed, made, "an answer sent back changes nothing");
        let wrong = org.admin.patch(&path, &json!({"number": "2020-IT-999"})).expect(422);
        assert_eq!(wrong.errors(), [("/number".to_owned(), "read_only".to_owned())]);
    }

    pub(super) fn everything_wrong_is_named_at_once_in_the_language_asked_for(engine: Engine) {
        let org = Org::new(engine);
        let body = json!({
            "kind": "firm", "phones": ["12345", "1.38001E+10"], "emails": ["nobody@nowhere"], "colour": "red",
            "credit_code": "911101084JURQ2830B", "contacts": [{"name": "王先生"}],
        });
        let refused = org.admin.with("accept-language", "zh-CN").post("/v1/customers", &body).expect(422);
        assert_eq!(refused.header("content-type"), Some("application/problem+json"));
        let mut places: Vec<String> = refused.errors().into_iter().map(|(place, _)| place).collect();
        places.sort();
        assert_eq!(
            places,
            ["/colour", "/contacts/0/name", "/credit_code", "/emails/0", "/kind", "/name", "/phones/0", "/phones/1"]
        );
        let message = refused.json()["errors"][0]["message"].as_str().unwrap().to_owned();
        assert!(!message.is_ascii(), "{message}");
        let english = org.admin.with("accept-language", "en").post("/v1/customers", &body).expect(422);
        assert!(english.text.contains("phone_lost_digits"));
        assert_eq!(org.admin.get("/v1/customers").expect(200).data().len(), 0, "nothing was stored");
    }

    pub(super) fn a_text_with_a_null_character_is_refused(engine: Engine) {
        let org = Org::new(engine);
        let body = json!({"name": "空字符", "kind": "company", "remark": "a\u{0}b"});
        let refused = org.admin.post("/v1/customers", &body).expect(400);
        assert_eq!(refused.errors(), [("/remark".to_owned(), "json_nul".to_owned())]);
        let filter = json!({"where": {"field": "source", "value": "\u{0}"}});
        let _ = org.admin.post("/v1/customers/search", &filter).expect(400);
    }

    pub(super) fn the_same_strong_key_is_a_duplicate(engine: Engine) {
        let org = Org::new(engine);
        let phone = mobile();
        let first = json!({"name": "甲有限公司", "kind": "company", "phones": [phone]});
        let first = org.admin.post("/v1/customers", &first).expect(201).json();
        let spaced = format!("+86 {} {}", &phone[..3], &phone[3..]);
        let second =
            json!({"name": "乙有限公司", "kind": "company", "contacts": [{"name": "李四", "phones": [spaced]}]});
        let refused = org.admin.post("/v1/customers", &second).expect(409);
        assert_eq!(refused.code(), "duplicate");
        let existing = refused.json()["existing"].clone();
        assert_eq!((&existing["id"], &existing["state"]), (&first["id"], &json!("yours")));
        assert_eq!(refused.errors()[0].0, "/contacts/0/phones/0");
        let _ = org.admin.post("/v1/customers?on_duplicate=allow", &second).expect(201);
        // A deleted record frees its keys.
        let lone = json!({"name": "丙有限公司", "kind": "company", "emails": ["c@example.com"]});
        let gone = org.admin.post("/v1/customers", &lone).expect(201).id();
        let _ = org.admin.delete(&format!("/v1/customers/{gone}")).expect(204);
        let _ = org.admin.post("/v1/customers", &lone).expect(201);
        let taken = org.admin.post(&format!("/v1/customers/{gone}/restore"), &json!({})).expect(409);
        assert_eq!(taken.code(), "duplicate");
    }

    pub(super) fn a_number_is_given_once(engine: Engine) {
        let org = Org::new(engine);
        let numbers = std::sync::Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        let mut body = company("编号科技有限公司");
                        body["industry"] = json!("IT");
                        let made = org.admin.post("/v1/customers", &body).expect(201).json();
                        numbers.lock().unwrap().push(made["number"].as_str().unwrap().to_owned());
                    }
                });
            }
        });
        let mut numbers = numbers.into_inner().unwrap();
        numbers.sort();
        let count = numbers.len();
        numbers.dedup();
        assert_eq!((count, numbers.len()), (80, 80));
        assert!(numbers[0].ends_with("-IT-001"), "{}", numbers[0]);
    }

    pub(super) fn a_repeated_request_under_one_key_makes_one_record(engine: Engine) {
        let org = Org::new(engine);
        let body = company("幂等科技有限公司");
        let once = org.admin.with("idempotency-key", "key-0123456789abcdef");
        let replies: Vec<_> = std::thread::scope(|scope| {
            let send = || once.post("/v1/customers", &body).expect(201);
            let threads: Vec<_> = (0..6).map(|_| scope.spawn(send)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(replies.iter().all(|reply| reply.text == replies[0].text));
        assert_eq!(replies.iter().filter(|reply| reply.header("idempotency-replayed").is_none()).count(), 1);
        assert_eq!(org.admin.get("/v1/customers").expect(200).data().len(), 1);
        let other = once.post("/v1/customers", &company("另一家有限公司")).expect(422);
        assert_eq!(other.code(), "idempotency_key_reused");
    }

    pub(super) fn changes_of_different_fields_do_not_conflict(engine: Engine) {
        let org = Org::new(engine);
        let made = org.admin.post("/v1/customers", &company("并发科技有限公司")).expect(201);
        let path = format!("/v1/customers/{}", made.id());
        let seen = org.admin.with("if-match", made.header("etag").unwrap());
        let _ = seen.patch(&path, &json!({"remark": "一"})).expect(200);
        let _ = seen.patch(&path, &json!({"grade": "a"})).expect(200);
        let refused = seen.patch(&path, &json!({"remark": "二"})).expect(412);
        let conflict = refused.json()["conflicts"][0].clone();
        assert_eq!(
            (&conflict["field"], &conflict["yours"], &conflict["theirs"]),
            (&json!("remark"), &json!("二"), &json!("一"))
        );
        assert!(conflict["changed_by"].is_string() && conflict["changed_at"].is_string(), "{conflict}");
        let _ = seen.delete(&path).expect(412);
        let _ = org.admin.patch(&path, &json!({"remark": "二"})).expect(200);
    }

    pub(super) fn a_batch_makes_what_it_can(engine: Engine) {
        let org = Org::new(engine);
        let phone = mobile();
        let twice = json!({"name": "同号有限公司", "kind": "company", "phones": [phone]});
        let items = json!([company("批量一有限公司"), {"name": "", "kind": "company"}, twice, twice]);
        let key = org.admin.with("idempotency-key", "batch-0123456789abcdef");
        let done = key.post("/v1/customers/batch", &json!({"items": items})).expect(207);
        let statuses: Vec<i64> = done.data().iter().map(|item| item["status"].as_i64().unwrap()).collect();
        assert_eq!(statuses, [201, 422, 201, 409]);
        assert_eq!(done.data()[1]["error"]["errors"][0]["pointer"], "/name");
        let again = key.post("/v1/customers/batch", &json!({"items": items})).expect(207);
        assert_eq!(again.data()[0]["id"], done.data()[0]["id"]);
        assert_eq!(org.admin.get("/v1/customers").expect(200).data().len(), 2);
        let many: Vec<Value> = (0..120).map(|i| company(&format!("批量{i}有限公司"))).collect();
        assert_eq!(org.admin.post("/v1/customers/batch", &json!({"items": many})).expect(200).data().len(), 120);
    }

    pub(super) fn an_atomic_batch_makes_all_or_none(engine: Engine) {
        let org = Org::new(engine);
        let items = json!([company("原子一有限公司"), {"name": "原子二有限公司", "kind": "company", "phones": ["1"]}]);
        let refused = org.admin.post("/v1/customers/batch", &json!({"atomic": true, "items": items})).expect(422);
        assert_eq!(refused.errors()[0].0, "/items/1/phones/0");
        assert_eq!(org.admin.get("/v1/customers").expect(200).data().len(), 0);
    }

    pub(super) fn phones_are_elements(engine: Engine) {
        let org = Org::new(engine);
        let (one, two) = (mobile(), mobile());
        let body = json!({
            "name": "元素有限公司", "kind": "company",
            "phones": [{"value": one, "label": "总机"}, {"value": two, "primary": true}],
        });
        let made = org.admin.post("/v1/customers", &body).expect(201).json();
        let path = format!("/v1/customers/{}", made["id"].as_str().unwrap());
        assert_eq!(made["phones"][1]["primary"], true);
        let first = made["phones"][0]["id"].clone();
        let new = mobile();
        let edited = json!({"phones": [{"id": first, "value": new}, made["phones"][1]]});
        let edited = org.admin.patch(&path, &edited).expect(200).json();
        assert_eq!((&edited["phones"][0]["id"], &edited["phones"][0]["label"]), (&first, &json!("总机")));
        assert_eq!(edited["phones"][0]["value"], format!("+86{new}"));
        let less = org.admin.patch(&path, &json!({"phones": {"remove": [first]}})).expect(200).json();
        assert_eq!(less["phones"].as_array().unwrap().len(), 1);
        // The index follows: the old number finds nobody, the one that is left does.
        let find = |phone: &str| {
            let asked = json!({"where": {"field": "phone", "op": "eq", "value": phone}});
            org.admin.post("/v1/customers/search", &asked).expect(200).data().len()
        };
        assert_eq!((find(&one), find(&new), find(&two)), (0, 0, 1));
    }
}
