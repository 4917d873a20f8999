//! The history of a record: readable, masked as the reader may see the record now, and as hard to get at as the record.

kehu_tests::on_both_engines!(
    a_change_is_told_with_names_labels_and_a_reason,
    values_are_masked_as_the_record_is,
    every_kind_has_a_history,
    what_cannot_be_read_has_no_history,
    pages_follow_without_repeats,
    a_lead_is_told_with_its_form,
    a_malformed_reason_is_refused,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, Session, company, encoded, mobile, new_id};
    use serde_json::{Value, json};

    fn history(session: &Session, path: &str) -> Vec<Value> {
        session.get(&format!("{path}/history")).expect(200).data()
    }

    fn change_of<'v>(entry: &'v Value, field: &str) -> &'v Value {
        let changes = entry["changes"].as_array().unwrap();
        changes.iter().find(|change| change["field"] == field).unwrap_or_else(|| panic!("{field}: {entry}"))
    }

    fn me(session: &Session) -> String {
        session.get("/v1/me").expect(200).json()["user"]["id"].as_str().unwrap().to_owned()
    }

    pub(super) fn a_change_is_told_with_names_labels_and_a_reason(engine: Engine) {
        let org = Org::new(engine);
        let seller = org.user("salesperson", None);
        let made = org.admin.post("/v1/customers", &company("变更科技有限公司")).expect(201);
        let path = format!("/v1/customers/{}", made.id());
        let why = org.admin.with("x-change-reason", &encoded("客户要求 100%")).with("x-request-id", "why-1");
        let change = json!({"owner_id": seller.id, "tags": ["VIP"], "remark": "改"});
        let _ = why.patch(&path, &change).expect(200);
        let _ = org.admin.delete(&path).expect(204);
        let _ = org.admin.post(&format!("{path}/restore"), &json!({})).expect(200);
        let entries = history(&org.admin.with("accept-language", "zh-CN"), &path);
        let types: Vec<&str> = entries.iter().map(|entry| entry["type"].as_str().unwrap()).collect();
        assert_eq!(types, ["customer.restored", "customer.deleted", "customer.updated", "customer.created"]);
        let versions: Vec<i64> = entries.iter().map(|entry| entry["version"].as_i64().unwrap()).collect();
        assert_eq!(versions, [4, 3, 2, 1]);
        let updated = &entries[2];
        let admin = me(&org.admin);
        assert_eq!(updated["actor"], json!({"kind": "user", "id": admin, "name": "管理员"}));
        assert_eq!((&updated["via"], &updated["request_id"]), (&json!("api"), &json!("why-1")));
        assert_eq!(updated["reason"], "客户要求 100%");
        let owner = change_of(updated, "owner_id");
        assert_eq!(owner["label"], "负责人");
        assert_eq!(owner["from"]["name"], "管理员");
        assert_eq!(owner["to"], json!({"id": seller.id, "name": "测试salesperson"}));
        assert_eq!(change_of(updated, "tags")["to"][0]["name"], "VIP");
        assert_eq!(
            change_of(updated, "remark"),
            &json!({"field": "remark", "label": "备注", "from": null, "to": "改"})
        );
        // What was made lists what it has, what was deleted what it had.
        assert_eq!(change_of(&entries[3], "name")["from"], json!(null));
        assert!(entries[3]["changes"].as_array().unwrap().iter().all(|change| change["field"] != "wechat"));
        assert_eq!(change_of(&entries[1], "name")["to"], json!(null));
        for entry in &entries {
            assert_eq!((&entry["masked"], &entry["hidden"]), (&json!([]), &json!([])));
            assert_eq!((&entry["erased"], &entry["broken"]), (&json!(false), &json!(false)));
        }
        let english = history(&org.admin.with("accept-language", "en"), &path);
        assert_eq!(change_of(&english[2], "owner_id")["label"], "Owner");
    }

    pub(super) fn values_are_masked_as_the_record_is(engine: Engine) {
        let org = Org::new(engine);
        let team = org.team(None);
        let colleague = org.user("salesperson", Some(&team));
        let login = format!("masked{}@{}.test", kehu_tests::unique(), org.slug);
        let body = json!({"name": "掩码", "email": login, "mobile": mobile(), "role": "salesperson", "team_id": team});
        let user = org.admin.post("/v1/users", &body).expect(201).id();
        let path = format!("/v1/users/{user}");
        let new = format!("new{}@{}.test", kehu_tests::unique(), org.slug);
        let _ = org.admin.patch(&path, &json!({"email": new})).expect(200);
        // A colleague sees the address masked, now and in what it was.
        let reply = colleague.session.get(&format!("{path}/history")).expect(200);
        assert!(!reply.text.contains(&login) && !reply.text.contains(&new), "{}", reply.text);
        assert!(!reply.text.contains(body["mobile"].as_str().unwrap()), "{}", reply.text);
        let updated = &reply.data()[0];
        assert_eq!(updated["masked"], json!(["email"]));
        let email = change_of(updated, "email");
        assert_eq!((&email["from"], &email["to"]), (&json!("****"), &json!("****")));
        let seen = history(&org.admin, &path);
        assert_eq!(change_of(&seen[0], "email")["from"], json!(login));
        // And what is one's own is seen.
        let own = format!("/v1/users/{}", colleague.id);
        let own = history(&colleague.session, &own);
        assert_eq!(change_of(own.last().unwrap(), "email")["to"], json!(colleague.login));

        // A manager of another team is handed a customer: what the record shows is what its past shows.
        let manager = org.user("manager", Some(&team));
        let phone = mobile();
        let made = json!({"name": "移交科技有限公司", "kind": "company", "phones": [phone], "owner_id": colleague.id});
        let id = org.admin.post("/v1/customers", &made).expect(201).id();
        let reply = manager.session.get(&format!("/v1/customers/{id}/history")).expect(200);
        assert!(reply.text.contains(&phone), "a manager sees the team's numbers");
        let _ =
            org.admin.patch(&format!("/v1/customers/{id}"), &json!({"owner_id": null, "team_id": null})).expect(200);
        let _ = manager.session.get(&format!("/v1/customers/{id}/history")).expect(404);
    }

    pub(super) fn every_kind_has_a_history(engine: Engine) {
        let org = Org::new(engine);
        let customer = org.admin.post("/v1/customers", &company("全部科技有限公司")).expect(201).id();
        let follow_up =
            json!({"customer_id": customer, "kind": "call", "summary": "x", "happened_at": "2026-11-22T00:00:00Z"});
        let bodies = [
            ("contacts", json!({"customer_id": customer, "name": "周一", "phones": [mobile()]})),
            ("follow_ups", follow_up),
            ("tags", json!({"name": "历史"})),
            ("teams", json!({"name": "历史队"})),
            ("users", json!({"name": "历史", "user_name": format!("h.{}", kehu_tests::unique()), "role": "manager"})),
            ("roles", json!({"key": "historian", "name": "史官", "rights": {"besides": ["audit.read"]}})),
            ("fields", json!({"kind": "tag", "key": "era", "type": "text", "label": {"zh-CN": "年代"}})),
            ("notes", json!({"record_kind": "customer", "record_id": customer, "body": "历史"})),
            ("forms", json!({"name": "历史表单", "fields": [{"key": "mobile", "maps_to": "customer.phone"}]})),
            ("entry_rules", json!({"kind": "customer", "field": "remark", "check": {"type": "required"}})),
            ("segments", json!({"name": "历史", "kind": "customer", "type": "static"})),
        ];
        let kinds = org.admin.get("/openapi.json").expect(200).json()["paths"].as_object().unwrap().clone();
        let kinds = kinds.keys().filter(|path| path.ends_with("/history")).count();
        // Customers, and files, which are sent otherwise.
        assert_eq!(kinds, bodies.len() + 2, "a kind whose history nobody reads");
        let file = org.admin.attach("customer", &customer, "历史.txt", b"text").expect(201);
        let made = bodies.map(|(kind, body)| (kind, org.admin.post(&format!("/v1/{kind}"), &body).expect(201)));
        for (kind, reply) in made.into_iter().chain([("attachments", file)]) {
            let entries = history(&org.admin, &format!("/v1/{kind}/{}", reply.id()));
            assert_eq!(entries.len(), 1, "{kind}");
            assert!(entries[0]["type"].as_str().unwrap().ends_with(".created"), "{kind}");
            assert_eq!(entries[0]["hidden"], json!([]), "{kind}");
            // A secret that was shown once was never written.
            assert!(!entries[0].to_string().contains("hk_"), "{kind}");
        }
        let entries = history(&org.admin, &format!("/v1/customers/{customer}"));
        assert_eq!(entries.last().unwrap()["type"], "customer.created");
    }

    pub(super) fn what_cannot_be_read_has_no_history(engine: Engine) {
        let (org, other) = (Org::new(engine), Org::new(engine));
        let (one, two) = (org.user("salesperson", None), org.user("salesperson", None));
        let id = one.session.post("/v1/customers", &company("无权科技有限公司")).expect(201).id();
        let ask = |who: &Session, id: &str| {
            let reply = who.with("x-request-id", "same").get(&format!("/v1/customers/{id}/history")).expect(404);
            (reply.text, who.with("x-request-id", "same").get(&format!("/v1/customers/{id}")).expect(404).text)
        };
        let missing = ask(&two.session, &new_id());
        assert_eq!(missing.0, missing.1);
        assert_eq!(ask(&two.session, &id), missing);
        assert_eq!(ask(&other.admin, &id), missing);
        assert_eq!(ask(&two.session, "nonsense"), missing);
        let _ = org.admin.delete(&format!("/v1/customers/{id}")).expect(204);
        assert_eq!(ask(&one.session, &id), missing);
        let form = json!({"name": "表单", "fields": [{"key": "mobile", "maps_to": "customer.phone"}]});
        let form = org.admin.post("/v1/forms", &form).expect(201).id();
        for path in [format!("/v1/forms/{form}"), format!("/v1/forms/{}", new_id())] {
            let plain = one.session.with("x-request-id", "same").get(&path).expect(403).text;
            let told = one.session.with("x-request-id", "same").get(&format!("{path}/history")).expect(403).text;
            assert_eq!(plain, told);
        }
    }

    pub(super) fn pages_follow_without_repeats(engine: Engine) {
        let org = Org::new(engine);
        let path =
            format!("/v1/customers/{}", org.admin.post("/v1/customers", &company("翻页有限公司")).expect(201).id());
        for n in 0..7 {
            let _ = org.admin.patch(&path, &json!({"remark": format!("第{n}次")})).expect(200);
        }
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let page = org.admin.get(&format!("{path}/history?limit=3{after}")).expect(200);
            seen.extend(page.data().iter().map(|entry| entry["version"].as_i64().unwrap()));
            let page = page.json()["page"].clone();
            let Some(next) = page["next"].as_str() else {
                assert_eq!(page["has_more"], false);
                break;
            };
            after = format!("&after={next}");
        }
        assert_eq!(seen, [8, 7, 6, 5, 4, 3, 2, 1]);
        for (query, code) in
            [("limit=0", "limit_invalid"), ("after=x", "cursor_invalid"), ("sort=at", "parameter_unknown")]
        {
            assert_eq!(org.admin.get(&format!("{path}/history?{query}")).expect(400).code(), code);
        }
    }

    pub(super) fn a_lead_is_told_with_its_form(engine: Engine) {
        let org = Org::new(engine);
        let form = json!({"name": "官网留言", "fields": [
            {"key": "company", "maps_to": "customer.name"}, {"key": "mobile", "maps_to": "customer.phone"},
        ]});
        let form = org.admin.post("/v1/forms", &form).expect(201).json();
        let page = Session::anonymous(&engine.base()).with_token(form["public_key"].as_str());
        let page = page.with("x-change-reason", "not asked").with("x-request-id", "lead-1");
        let lead = json!({"values": {"company": "线索科技有限公司", "mobile": mobile()}});
        let _ = page.post(&format!("/v1/forms/{}/submissions", form["id"].as_str().unwrap()), &lead).expect(202);
        let customer = org.admin.get("/v1/customers").expect(200).data()[0].clone();
        let entries = history(&org.admin, &format!("/v1/customers/{}", customer["id"].as_str().unwrap()));
        let made = entries.last().unwrap();
        assert_eq!(made["actor"], json!({"kind": "form", "id": form["id"], "name": "官网留言"}));
        assert_eq!((&made["via"], &made["request_id"]), (&json!("form"), &json!("lead-1")));
        assert_eq!(made["reason"], json!(null), "anybody may submit: why is not theirs to say");
    }

    pub(super) fn a_malformed_reason_is_refused(engine: Engine) {
        let org = Org::new(engine);
        for bad in ["%zz", "%FF", " ", &"a".repeat(301), "%E5%AE%A2".repeat(301).as_str()] {
            let reply = org.admin.with("x-change-reason", bad).post("/v1/tags", &json!({"name": "原因"})).expect(400);
            assert_eq!(reply.code(), "header_invalid");
            assert!(reply.text.contains("X-Change-Reason"), "{}", reply.text);
        }
        // Reading says why to nobody.
        let _ = org.admin.with("x-change-reason", "%zz").get("/v1/tags").expect(200);
        let long = "%E5%AE%A2".repeat(300);
        let tag = org.admin.with("x-change-reason", &long).post("/v1/tags", &json!({"name": "原因"})).expect(201).id();
        let entries = history(&org.admin, &format!("/v1/tags/{tag}"));
        assert_eq!(entries[0]["reason"].as_str().unwrap().chars().count(), 300);
    }
}
