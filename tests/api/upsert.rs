//! Making or changing records found by keys: each item by itself, and two that mean one record are one record.

kehu_tests::on_both_engines!(
    items_make_and_change_records,
    what_becomes_of_a_match_is_said,
    what_a_source_said_earlier_is_stale,
    several_matches_fail_by_name,
    every_key_finds,
    nobody_finds_what_is_out_of_reach,
    who_may_only_make_or_only_change_does_that,
    two_items_that_mean_one_record_are_one_record,
    upserts_at_once_make_one_record,
    a_body_that_says_nothing_sensible_is_refused,
    a_repeat_under_a_key_is_told_the_same,
    masked_fields_are_compared_within_bounds,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, Session, company, mobile};
    use serde_json::{Value, json};

    fn item(name: &str, shop: &str) -> Value {
        json!({"name": name, "kind": "company", "external_ids": {"shop": shop}})
    }

    fn upsert(session: &Session, body: &Value, status: u16) -> Vec<Value> {
        session.post("/v1/customers/upsert", body).expect(status).data()
    }

    fn statuses(done: &[Value]) -> Vec<&str> {
        done.iter().map(|item| item["status"].as_str().unwrap()).collect()
    }

    pub(super) fn items_make_and_change_records(engine: Engine) {
        let org = Org::new(engine);
        let body = |items: Value| json!({"match_on": ["external_id:shop"], "items": items});
        let done = upsert(&org.admin, &body(json!([item("甲有限公司", "1"), item("乙有限公司", "2")])), 200);
        assert_eq!(statuses(&done), ["created", "created"]);
        let mut changed = item("甲甲有限公司", "1");
        changed["remark"] = json!("改");
        changed["phones"] = json!([mobile()]);
        let items = json!([changed, item("乙有限公司", "2"), item("丙有限公司", "3"), item("", "4")]);
        let again = upsert(&org.admin, &body(items), 207);
        assert_eq!(statuses(&again), ["updated", "unchanged", "created", "failed"]);
        assert_eq!((&again[0]["id"], &again[1]["id"]), (&done[0]["id"], &done[1]["id"]));
        assert_eq!(again[3]["error"]["errors"][0]["pointer"], "/name");
        let path = format!("/v1/customers/{}", done[0]["id"].as_str().unwrap());
        let read = org.admin.get(&path).expect(200).json();
        assert_eq!(
            (&read["name"], &read["remark"], &read["version"]),
            (&json!("甲甲有限公司"), &json!("改"), &json!(2))
        );
        let history = org.admin.get(&format!("{path}/history")).expect(200).data();
        assert_eq!(history.len(), 2, "{history:?}");
        // What GET gave may be sent back: read-only members that are what they are say nothing.
        let whole = upsert(&org.admin, &body(json!([read])), 200);
        assert_eq!(statuses(&whole), ["unchanged"], "{whole:?}");
        // What is absent stays, null clears, and a member that nobody knows fails the item.
        let mut cleared = json!({"external_ids": {"shop": "1"}, "remark": null});
        let _ = upsert(&org.admin, &body(json!([cleared])), 200);
        let read = org.admin.get(&path).expect(200).json();
        assert_eq!((&read["remark"], &read["name"]), (&json!(null), &json!("甲甲有限公司")));
        cleared["typo"] = json!(1);
        let refused = upsert(&org.admin, &body(json!([cleared])), 207);
        assert_eq!(refused[0]["error"]["errors"][0]["pointer"], "/typo");
        // Other kinds.
        let customer = done[0]["id"].clone();
        let note = json!({
            "record_kind": "customer", "record_id": customer, "body": "记", "external_ids": {"shop": "n"},
        });
        for status in ["created", "unchanged"] {
            let done = org.admin.post("/v1/notes/upsert", &body(json!([note]))).expect(200).data();
            assert_eq!(statuses(&done), [status]);
        }
    }

    pub(super) fn what_becomes_of_a_match_is_said(engine: Engine) {
        let org = Org::new(engine);
        let phone = mobile();
        let mut first = item("首有限公司", "1");
        first["phones"] = json!([phone]);
        first["grade"] = json!("a");
        let id = org.admin.post("/v1/customers", &first).expect(201).id();
        let path = format!("/v1/customers/{id}");
        let said = |on_match: &str, status: u16| {
            let item = json!({
                "name": "次有限公司", "kind": "company", "phones": [phone], "grade": "b", "remark": "填",
                "external_ids": {"shop": "2", "erp": "E"}, "tags": ["新"],
            });
            let body = json!({"match_on": ["phone"], "on_match": on_match, "items": [item]});
            upsert(&org.admin, &body, status).remove(0)
        };
        let skipped = said("skip", 200);
        assert_eq!((&skipped["status"], &skipped["id"]), (&json!("skipped"), &json!(id)));
        assert_eq!(org.admin.get(&path).expect(200).json()["version"], 1);
        let failed = said("fail", 207);
        assert_eq!(
            (&failed["status"], &failed["error"]["code"], &failed["error"]["existing"]["id"]),
            (&json!("failed"), &json!("duplicate"), &json!(id))
        );
        assert_eq!(failed["error"]["errors"][0]["code"], "match_exists");
        assert_eq!(said("fill_empty", 200)["status"], "updated");
        let read = org.admin.get(&path).expect(200).json();
        assert_eq!(
            (&read["name"], &read["grade"], &read["remark"], &read["external_ids"], &read["tags"][0]["name"]),
            (&json!("首有限公司"), &json!("a"), &json!("填"), &json!({"erp": "E", "shop": "1"}), &json!("新"))
        );
        assert_eq!(said("fill_empty", 200)["status"], "unchanged");
        // Another one is made; what only one may have stands in the way all the same.
        let created = said("create", 207);
        assert_eq!(created["error"]["code"], "external_id_taken");
        let other = json!({"name": "另有限公司", "kind": "company", "phones": [phone]});
        let body = json!({"match_on": ["phone"], "on_match": "create", "items": [other]});
        let created = upsert(&org.admin, &body, 200).remove(0);
        assert_eq!(created["status"], "created");
        assert_ne!(created["id"], json!(id));
    }

    pub(super) fn what_a_source_said_earlier_is_stale(engine: Engine) {
        let org = Org::new(engine);
        let said = |remark: &str, at: &str| {
            let mut item = item("时序有限公司", "1");
            item["remark"] = json!(remark);
            item["source_updated_at"] = json!(at);
            let body = json!({"match_on": ["external_id:shop", "external_id:erp"], "items": [item]});
            let done = upsert(&org.admin, &body, 200).remove(0);
            (done["status"].as_str().unwrap().to_owned(), done["id"].as_str().unwrap().to_owned())
        };
        let (made, id) = said("一", "2026-03-01T08:00:00+08:00");
        assert_eq!(made, "created");
        assert_eq!(said("三", "2026-03-03T00:00:00Z").0, "updated");
        assert_eq!(said("二", "2026-03-02T00:00:00Z").0, "stale");
        // The same moment again is no earlier one, and what changes nothing counts as well.
        assert_eq!(said("三", "2026-03-05T00:00:00Z").0, "unchanged");
        assert_eq!(said("四", "2026-03-04T00:00:00Z").0, "stale");
        assert_eq!(said("五", "2026-03-05T00:00:00Z").0, "updated");
        let path = format!("/v1/customers/{id}");
        let read = org.admin.get(&path).expect(200).json();
        assert_eq!((&read["remark"], &read["version"]), (&json!("五"), &json!(3)));
        // Another source has its own time; without a time nothing is too late.
        let mut other = json!({"external_ids": {"shop": "1"}, "remark": "无时"});
        let body = json!({"match_on": ["external_id:shop"], "items": [other]});
        assert_eq!(upsert(&org.admin, &body, 200)[0]["status"], "updated");
        let _ = org.admin.patch(&path, &json!({"external_ids": {"erp": "E"}})).expect(200);
        other["external_ids"] = json!({"erp": "E"});
        other["source_updated_at"] = json!("2020-01-01T00:00:00Z");
        let body = json!({"match_on": ["external_id:erp"], "items": [other]});
        assert_eq!(upsert(&org.admin, &body, 200)[0]["status"], "unchanged");
        // A time is of a source.
        let body = json!({"match_on": ["phone"], "items": [
            {"phones": [mobile()], "source_updated_at": "2026-03-01T00:00:00Z"},
            {"phones": [mobile()], "source_updated_at": "yesterday"},
            {"phones": [mobile()], "source_updated_at": 7},
        ]});
        let codes: Vec<Value> =
            upsert(&org.admin, &body, 207).iter().map(|it| it["error"]["errors"][0]["code"].clone()).collect();
        assert_eq!(codes, ["source_unnamed", "instant_invalid", "type_wrong"]);
    }

    pub(super) fn several_matches_fail_by_name(engine: Engine) {
        let org = Org::new(engine);
        let phone = mobile();
        let one = org.admin.post("/v1/customers", &item("甲多有限公司", "1")).expect(201).id();
        let mut body = company("乙多有限公司");
        body["phones"] = json!([phone]);
        let two = org.admin.post("/v1/customers", &body).expect(201).id();
        let mut both = item("谁有限公司", "1");
        both["phones"] = json!([phone]);
        let body = json!({"match_on": ["external_id:shop", "phone"], "items": [both]});
        let failed = upsert(&org.admin, &body, 207).remove(0);
        assert_eq!((&failed["status"], &failed["error"]["code"]), (&json!("failed"), &json!("matches_several")));
        let mut told: Vec<(&str, &str)> = failed["error"]["matches"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["id"].as_str().unwrap(), one["name"].as_str().unwrap()))
            .collect();
        told.sort_by_key(|(_, name)| *name);
        let mut expected = [(one.as_str(), "甲多有限公司"), (two.as_str(), "乙多有限公司")];
        expected.sort_by_key(|(_, name)| *name);
        assert_eq!(told, expected);
    }

    pub(super) fn every_key_finds(engine: Engine) {
        let org = Org::new(engine);
        let field = json!({"kind": "customer", "key": "member", "type": "text", "label": {"en": "Member"}, "unique": true, "filterable": true});
        let _ = org.admin.post("/v1/fields", &field).expect(201);
        let (phone, of_contact) = (mobile(), mobile());
        let body = json!({
            "name": "王键", "kind": "person", "phones": [phone], "emails": ["wang.jian@canary.cn"], "wechat": "Wang_jian",
            "id_number": "11010119900307002X", "external_ids": {"shop": "1"}, "custom": {"member": "M-1"},
            "contacts": [{"name": "李键", "phones": [of_contact]}],
        });
        let made = org.admin.post("/v1/customers", &body).expect(201).json();
        let firm = json!({"name": "键有限公司", "kind": "company", "credit_code": "911101084JURQ2830A"});
        let firm = org.admin.post("/v1/customers", &firm).expect(201).id();
        let spaced = format!("{} {} {}", &phone[..3], &phone[3..7], &phone[7..]);
        for (key, item) in [
            ("id", json!({"id": made["id"]})),
            ("number", json!({"number": made["number"]})),
            ("external_id:shop", json!({"external_ids": {"shop": "1"}})),
            ("phone", json!({"phones": [spaced]})),
            ("phone", json!({"phones": [{"value": of_contact}]})),
            ("email", json!({"emails": ["Wang.Jian@canary.cn"]})),
            ("wechat", json!({"wechat": "wang_Jian"})),
            ("id_number", json!({"id_number": "11010119900307002x"})),
            ("custom.member", json!({"custom": {"member": "M-1"}})),
        ] {
            let body = json!({"match_on": [key], "on_match": "skip", "items": [item]});
            let done = upsert(&org.admin, &body, 200);
            assert_eq!((&done[0]["status"], &done[0]["id"]), (&json!("skipped"), &made["id"]), "{key}: {done:?}");
        }
        let body =
            json!({"match_on": ["credit_code"], "on_match": "skip", "items": [{"credit_code": "911101084jurq2830a"}]});
        assert_eq!(upsert(&org.admin, &body, 200)[0]["id"], json!(firm));
        // A number is the system's to give.
        let body =
            json!({"match_on": ["number"], "items": [{"number": "NO-1", "name": "无有限公司", "kind": "company"}]});
        assert_eq!(upsert(&org.admin, &body, 207)[0]["error"]["errors"][0]["code"], "read_only");
    }

    pub(super) fn nobody_finds_what_is_out_of_reach(engine: Engine) {
        let org = Org::new(engine);
        let phone = mobile();
        let mut body = item("远方有限公司", "1");
        body["phones"] = json!([phone]);
        body["wechat"] = json!("far_away_1");
        let far = org.admin.post("/v1/customers", &body).expect(201).id();
        let near = org.user("salesperson", None);
        let told = |key: &str, item: Value, status: u16| {
            let body = json!({"match_on": [key], "on_match": "skip", "items": [item]});
            let reply = near.session.post("/v1/customers/upsert", &body).expect(status);
            assert!(!reply.text.contains(&far) && !reply.text.contains("远方"), "{}", reply.text);
            reply.data().remove(0)
        };
        // As a create would.
        let met = told("external_id:shop", item("近有限公司", "1"), 207);
        assert_eq!(met["error"]["code"], "external_id_taken");
        let met = told("phone", json!({"name": "近有限公司", "kind": "company", "phones": [phone]}), 207);
        assert_eq!(met["error"]["existing"], json!({"state": "owned", "claimable": false}));
        // Neither a number nor an id is there.
        let number = org.admin.get(&format!("/v1/customers/{far}")).expect(200).json()["number"].clone();
        let _ = told("number", json!({"number": number, "name": "近有限公司", "kind": "company"}), 207);
        let made = told("wechat", json!({"name": "近有限公司", "kind": "company", "wechat": "far_away_1"}), 200);
        assert_eq!(made["status"], "created");
        let taken = json!({"match_on": ["id"], "items": [{"id": far, "name": "近二有限公司", "kind": "company"}]});
        let reply = near.session.post("/v1/customers/upsert", &taken).expect(207);
        assert_eq!(reply.data()[0]["error"]["code"], "id_taken");
        assert!(!reply.text.contains("远方"), "{}", reply.text);
    }

    pub(super) fn who_may_only_make_or_only_change_does_that(engine: Engine) {
        let org = Org::new(engine);
        let role = |key: &str, actions: Value| {
            let rights = json!({"kinds": {"customer": actions}});
            let body = json!({"key": key, "name": key, "rights": rights});
            let _ = org.admin.post("/v1/roles", &body).expect(201);
            org.user(key, None).session
        };
        let makes = role("maker", json!({"create": ["all"], "read": ["all"]}));
        let changes = role("changer", json!({"read": ["all"], "update": ["all"]}));
        let reads = role("onlooker", json!({"read": ["all"]}));
        let body = |shop: &str, remark: &str| {
            let mut item = item("谁可有限公司", shop);
            item["remark"] = json!(remark);
            json!({"match_on": ["external_id:shop"], "items": [item]})
        };
        assert_eq!(upsert(&makes, &body("1", "一"), 200)[0]["status"], "created");
        assert_eq!(upsert(&makes, &body("1", "二"), 207)[0]["error"]["code"], "forbidden");
        assert_eq!(upsert(&changes, &body("1", "三"), 200)[0]["status"], "updated");
        assert_eq!(upsert(&changes, &body("2", "四"), 207)[0]["error"]["code"], "forbidden");
        let _ = reads.post("/v1/customers/upsert", &body("1", "五")).expect(403);
        assert_eq!(org.admin.get("/v1/customers").expect(200).data().len(), 1);
    }

    pub(super) fn two_items_that_mean_one_record_are_one_record(engine: Engine) {
        let org = Org::new(engine);
        let mut items: Vec<Value> = (0..120).map(|at| item(&format!("列{at}有限公司"), &at.to_string())).collect();
        for (at, name) in [(3, "重甲有限公司"), (4, "重乙有限公司"), (119, "重丙有限公司")] {
            items[at] = item(name, "x");
            items[at]["tags"] = json!([name]);
        }
        let body = json!({"match_on": ["external_id:shop"], "items": items});
        let done = upsert(&org.admin, &body, 200);
        assert_eq!(done.len(), 120);
        assert!(done.iter().enumerate().all(|(at, it)| it["index"] == json!(at)));
        assert_eq!(
            (&done[3]["status"], &done[4]["status"], &done[119]["status"]),
            (&json!("created"), &json!("updated"), &json!("updated"))
        );
        assert!(done[3]["id"] == done[4]["id"] && done[4]["id"] == done[119]["id"]);
        let read = org.admin.get(&format!("/v1/customers/{}", done[3]["id"].as_str().unwrap())).expect(200).json();
        assert_eq!((&read["name"], &read["version"]), (&json!("重丙有限公司"), &json!(3)));
        let tags: Vec<&Value> = read["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
        assert_eq!(tags, ["重丙有限公司"]);
        let tagged = |name: &str| {
            let asked = json!({"where": {"field": "tags", "op": "has_any", "value": [name]}});
            org.admin.post("/v1/customers/search", &asked).expect(200).data().len()
        };
        assert_eq!((tagged("重甲有限公司"), tagged("重丙有限公司")), (0, 1));
        assert_eq!(org.admin.get("/v1/customers?limit=500").expect(200).data().len(), 118);
    }

    pub(super) fn upserts_at_once_make_one_record(engine: Engine) {
        let org = Org::new(engine);
        let phones: Vec<String> = (0..20).map(|_| mobile()).collect();
        let bodies: Vec<Value> = (0..4)
            .map(|round| {
                let item = |phone: &String| {
                    json!({"name": format!("并行{round}有限公司"), "kind": "company", "phones": [phone], "wechat": format!("w{phone}")})
                };
                let mut items: Vec<Value> = phones.iter().map(item).collect();
                if round % 2 == 1 {
                    items.reverse();
                }
                json!({"match_on": ["wechat", "phone"], "items": items})
            })
            .collect();
        let done: Vec<Value> = std::thread::scope(|scope| {
            let admin = &org.admin;
            let threads: Vec<_> = bodies.iter().map(|body| scope.spawn(move || upsert(admin, body, 200))).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(done.iter().filter(|item| item["status"] == "created").count(), 20);
        assert_eq!(done.iter().filter(|item| item["status"] == "updated").count(), 60);
        assert_eq!(org.admin.get("/v1/customers?limit=500").expect(200).data().len(), 20);
    }

    pub(super) fn a_body_that_says_nothing_sensible_is_refused(engine: Engine) {
        let org = Org::new(engine);
        let some = json!([item("甲有限公司", "1")]);
        for (body, at, code) in [
            (json!([]), "", "type_wrong"),
            (json!({"items": some}), "/match_on", "required"),
            (json!({"match_on": [], "items": some}), "/match_on", "required"),
            (json!({"match_on": "phone", "items": some}), "/match_on", "type_wrong"),
            (json!({"match_on": ["name"], "items": some}), "/match_on/0", "match_key_unknown"),
            (json!({"match_on": ["phone", "external_id:Shop"], "items": some}), "/match_on/1", "match_key_unknown"),
            (json!({"match_on": ["custom.none"], "items": some}), "/match_on/0", "match_key_unknown"),
            (json!({"match_on": [7], "items": some}), "/match_on/0", "match_key_unknown"),
            (json!({"match_on": ["id", "id", "id", "id", "id", "id"], "items": some}), "/match_on", "list_too_long"),
            (json!({"match_on": ["phone"], "on_match": "merge", "items": some}), "/on_match", "choice_unknown"),
            (json!({"match_on": ["phone"]}), "/items", "required"),
            (json!({"match_on": ["phone"], "items": {}}), "/items", "type_wrong"),
            (json!({"match_on": ["phone"], "items": vec![1; 1001]}), "/items", "list_too_long"),
            (json!({"match_on": ["phone"], "items": some, "atomic": true}), "/atomic", "field_unknown"),
        ] {
            let refused = org.admin.post("/v1/customers/upsert", &body).expect(422);
            assert_eq!(refused.errors(), [(at.to_owned(), code.to_owned())], "{body}");
        }
        let items = json!([7, {"name": "无键有限公司", "kind": "company"}, {"phones": ["不是电话"]}]);
        let body = json!({"match_on": ["phone"], "items": items});
        let done = upsert(&org.admin, &body, 207);
        let codes: Vec<&Value> = done.iter().map(|item| &item["error"]["errors"][0]["code"]).collect();
        assert_eq!(codes[..2], ["type_wrong", "match_key_missing"]);
        assert!(done[2]["error"]["errors"].to_string().contains("/phones/0"), "{done:?}");
        let nothing = upsert(&org.admin, &json!({"match_on": ["phone"], "items": []}), 200);
        assert_eq!(nothing.len(), 0);
        // Kinds that come from nowhere else have no such door.
        let _ = org.admin.post("/v1/tags/upsert", &body).expect(405);
    }

    pub(super) fn a_repeat_under_a_key_is_told_the_same(engine: Engine) {
        let org = Org::new(engine);
        let _ = org.admin.post("/v1/customers", &item("已在有限公司", "7")).expect(201);
        let mut items: Vec<Value> = (0..110).map(|at| item(&format!("重放{at}有限公司"), &at.to_string())).collect();
        items[5] = item("重放五有限公司", "4");
        items[6] = item("", "6");
        let body = json!({"match_on": ["external_id:shop"], "items": items});
        let keyed = org.admin.with("idempotency-key", "upsert-0123456789abcdef");
        let done = keyed.post("/v1/customers/upsert", &body).expect(207);
        let again = keyed.post("/v1/customers/upsert", &body).expect(207);
        assert_eq!((done.header("idempotency-replayed"), again.header("idempotency-replayed")), (None, Some("true")));
        let (mut done, mut again) = (done.data(), again.data());
        // What failed changed nothing, and is not tried again under the same key.
        assert_eq!((&done[6]["status"], &done[6]["error"]["code"]), (&json!("failed"), &json!("validation")));
        assert_eq!((&again[6]["status"], &again[6]["error"]["code"]), (&json!("failed"), &json!("refused_before")));
        let _ = (done.remove(6), again.remove(6));
        assert_eq!(done, again);
        assert_eq!((&done[5]["status"], &done[6]["status"]), (&json!("updated"), &json!("updated")));
        // Under no key they are done again, and there is nothing to do.
        let anew = upsert(&org.admin, &body, 207);
        let changed: Vec<&Value> = anew.iter().filter(|item| item["status"] == "updated").collect();
        assert_eq!(changed.len(), 2, "the two that say different names of one: {changed:?}");
        let other = json!({"match_on": ["external_id:shop"], "on_match": "skip", "items": items});
        let reused = keyed.post("/v1/customers/upsert", &other).expect(422);
        assert_eq!(reused.code(), "idempotency_key_reused");
    }

    /// Everybody sees ID numbers masked: whoever matches on them guesses no more than he may.
    pub(super) fn masked_fields_are_compared_within_bounds(engine: Engine) {
        let org = Org::new(engine);
        let body = json!({"name": "王密", "kind": "person", "id_number": "11010119900307002X"});
        let id = org.admin.post("/v1/customers", &body).expect(201).id();
        let item = json!({"id_number": "11010119900307002X"});
        let body = json!({"match_on": ["id_number"], "on_match": "skip", "items": [item]});
        assert_eq!(upsert(&org.admin, &body, 200)[0]["id"], json!(id));
        let asked = "/v1/audit?filter[event]=customer.compared";
        let compared = org.admin.get(asked).expect(200).data();
        assert_eq!(compared.len(), 1, "{compared:?}");
    }
}
