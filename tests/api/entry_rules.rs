//! Rules that an organisation lays down for what is entered.

kehu_tests::on_both_engines!(
    a_rule_refuses_what_does_not_keep_it,
    every_check_refuses_what_it_should,
    a_rule_that_warns_refuses_nothing_and_is_told,
    a_later_stage_asks_for_more,
    an_old_record_is_changed_elsewhere,
    what_is_masked_is_left_alone_and_never_quoted,
    contacts_and_batches_are_judged_alike,
    a_lead_is_flagged_and_judged_at_its_next_stage,
    a_rule_that_makes_no_sense_is_refused_with_its_place,
    rules_are_laid_down_by_administrators,
    an_organisation_has_so_many_rules_at_most,
);

#[cfg(test)]
pub(crate) mod tests {
    use kehu_tests::{Engine, Org, Reply, Session, company, mobile};
    use serde_json::{Value, json};

    pub(crate) fn lay_down(org: &Org, rule: &Value) -> String {
        org.admin.post("/v1/entry_rules", rule).expect(201).id()
    }

    fn required(field: &str, stages: &Value) -> Value {
        json!({"kind": "customer", "field": field, "stages": stages, "check": {"type": "required"}})
    }

    fn at(pointer: &str, code: &str) -> Vec<(String, String)> {
        vec![(pointer.to_owned(), code.to_owned())]
    }

    fn path(reply: &Reply) -> String {
        format!("/v1/customers/{}", reply.id())
    }

    fn flags(session: &Session, path: &str) -> Value {
        session.get(path).expect(200).json()["flags"].clone()
    }

    pub(super) fn a_rule_refuses_what_does_not_keep_it(engine: Engine) {
        let org = Org::new(engine);
        let free = org.admin.post("/v1/customers", &company("自由有限公司")).expect(201);
        assert_eq!(free.json()["warnings"], json!([]));
        let id = lay_down(&org, &required("remark", &json!(null)));
        let refused = org.admin.post("/v1/customers", &company("守规有限公司")).expect(422);
        assert_eq!(refused.errors(), at("/remark", "rule_required"));
        let error = &refused.json()["errors"][0];
        assert_eq!((&error["params"]["rule"], &error["message"]), (&json!(id), &json!("“Remark” must be filled in.")));
        let chinese = org.admin.with("accept-language", "zh-CN");
        let refused = chinese.post("/v1/customers", &company("守规有限公司")).expect(422).json();
        assert_eq!(refused["errors"][0]["message"], "“备注”必须填写。");
        let said = json!({"message": {"zh-CN": "请写备注", "en": "Write a remark"}});
        let _ = org.admin.patch(&format!("/v1/entry_rules/{id}"), &said).expect(200);
        for (session, message) in [(&org.admin, "Write a remark"), (&chinese, "请写备注")] {
            let refused = session.post("/v1/customers", &company("守规有限公司")).expect(422).json();
            assert_eq!(refused["errors"][0]["message"], message);
        }
        let mut whole = company("守规有限公司");
        whole["remark"] = json!("有");
        let kept = org.admin.post("/v1/customers", &whole).expect(201);
        assert_eq!(
            org.admin.patch(&path(&kept), &json!({"remark": null})).expect(422).errors(),
            at("/remark", "rule_required")
        );
        // A rule that is off or gone asks for nothing.
        let _ = org.admin.patch(&format!("/v1/entry_rules/{id}"), &json!({"active": false})).expect(200);
        let _ = org.admin.post("/v1/customers", &company("停用有限公司")).expect(201);
        let _ = org.admin.patch(&format!("/v1/entry_rules/{id}"), &json!({"active": true})).expect(200);
        let _ = org.admin.post("/v1/customers", &company("启用有限公司")).expect(422);
        let _ = org.admin.delete(&format!("/v1/entry_rules/{id}")).expect(204);
        let _ = org.admin.post("/v1/customers", &company("删除有限公司")).expect(201);
    }

    pub(super) fn every_check_refuses_what_it_should(engine: Engine) {
        let org = Org::new(engine);
        for (field, check) in [
            ("remark", json!({"type": "pattern", "pattern": "[A-Z]{2}-\\d+|无"})),
            ("phones", json!({"type": "range", "min": 1, "max": 2})),
            ("grade", json!({"type": "choices", "choices": ["a", "b"]})),
            (
                "name",
                json!({"type": "naming", "ends_with": ["有限公司", "股份公司"], "not_contains": ["分公司"], "max_length": 20}),
            ),
        ] {
            let _ = lay_down(&org, &json!({"kind": "customer", "field": field, "check": check}));
        }
        let mut good = company("检查有限公司");
        (good["remark"], good["grade"]) = (json!("AB-12"), json!("a"));
        let made = org.admin.post("/v1/customers", &good).expect(201);
        for (member, value, code) in [
            ("remark", json!("AB-12x"), "rule_pattern"),
            ("remark", json!("无无"), "rule_pattern"),
            ("phones", json!([mobile(), mobile(), mobile()]), "rule_range"),
            ("grade", json!("vip"), "rule_choices"),
            ("name", json!("检查分公司有限公司"), "rule_naming"),
            ("name", json!("检查商贸有限责任公司"), "rule_naming"),
        ] {
            let mut body = good.clone();
            body["phones"] = json!([mobile()]);
            body[member] = value.clone();
            let pointer = format!("/{member}");
            assert_eq!(org.admin.post("/v1/customers", &body).expect(422).errors(), at(&pointer, code), "{value}");
            assert_eq!(org.admin.patch(&path(&made), &json!({member: value})).expect(422).errors(), at(&pointer, code));
        }
        let _ = lay_down(
            &org,
            &json!({"kind": "follow_up", "field": "happened_at", "check": {"type": "range", "min": "2026-01-01"}}),
        );
        let mut met =
            json!({"customer_id": made.id(), "kind": "call", "summary": "x", "happened_at": "2025-12-31T15:59:59Z"});
        assert_eq!(org.admin.post("/v1/follow_ups", &met).expect(422).errors(), at("/happened_at", "rule_range"));
        // It is the next day already where the organisation is.
        met["happened_at"] = json!("2025-12-31T16:00:00Z");
        let _ = org.admin.post("/v1/follow_ups", &met).expect(201);
        // What follows from another field is there: the region of the address.
        let _ = lay_down(&org, &required("region", &json!(["active"])));
        let mut placed = good.clone();
        (placed["phones"], placed["stage"], placed["address"]) =
            (json!([mobile()]), json!("active"), json!("北京市海淀区中关村大街1号"));
        let _ = org.admin.post("/v1/customers", &placed).expect(201);
    }

    pub(super) fn a_rule_that_warns_refuses_nothing_and_is_told(engine: Engine) {
        let org = Org::new(engine);
        let mut rule = required("remark", &json!(null));
        (rule["severity"], rule["message"]) =
            (json!("warn"), json!({"zh-CN": "最好写备注", "en": "Better with a remark"}));
        let id = lay_down(&org, &rule);
        let made = org.admin.post("/v1/customers", &company("提醒有限公司")).expect(201);
        let body = made.json();
        let warning = json!({"pointer": "/remark", "code": "rule_required", "message": "Better with a remark"});
        for (name, value) in warning.as_object().unwrap() {
            assert_eq!(&body["warnings"][0][name], value);
        }
        assert_eq!(body["warnings"][0]["params"]["rule"], json!(id));
        assert_eq!(body.as_object().unwrap().keys().next_back().unwrap(), "warnings");
        // The record is what is read, and so is its tag.
        let read = org.admin.get(&path(&made)).expect(200);
        assert!(read.json().get("warnings").is_none());
        assert_eq!(read.header("etag"), made.header("etag"));
        // The same again, in the language of whoever asks.
        let sent = company("提醒二有限公司");
        let keyed = org.admin.with("idempotency-key", "warned-and-replayed-2");
        let first = keyed.post("/v1/customers", &sent).expect(201);
        let second = keyed.with("accept-language", "zh").post("/v1/customers", &sent).expect(201);
        assert_eq!(second.header("idempotency-replayed"), Some("true"));
        assert_eq!(second.json()["warnings"][0]["message"], "最好写备注");
        assert_eq!(
            (second.json()["id"].clone(), second.header("etag")),
            (first.json()["id"].clone(), first.header("etag"))
        );
        // What a write answered may be sent back whole; a change elsewhere is not warned of.
        let same = org.admin.patch(&path(&made), &body).expect(200).json();
        assert_eq!((&same["version"], &same["warnings"]), (&json!(1), &json!([])));
        let changed = org.admin.patch(&path(&made), &json!({"grade": "a"})).expect(200).json();
        assert_eq!((&changed["version"], &changed["warnings"]), (&json!(2), &json!([])));
        let _ = org.admin.delete(&path(&made)).expect(204);
        let back = org.admin.send("POST", &format!("{}/restore", path(&made)), &[], "").expect(200).json();
        assert_eq!(back["warnings"], json!([]));
        assert!(org.admin.get("/v1/customers").expect(200).data().iter().all(|one| one.get("warnings").is_none()));
    }

    pub(super) fn a_later_stage_asks_for_more(engine: Engine) {
        let org = Org::new(engine);
        for field in ["credit_code", "industry"] {
            let _ = lay_down(&org, &required(field, &json!(["active", "partner"])));
        }
        let made = org.admin.post("/v1/customers", &company("阶段有限公司")).expect(201);
        let both = [
            ("/credit_code".to_owned(), "rule_required".to_owned()),
            ("/industry".to_owned(), "rule_required".to_owned()),
        ];
        let refused = org.admin.patch(&path(&made), &json!({"stage": "active"})).expect(422);
        assert_eq!(refused.errors(), both);
        let _ = org.admin.patch(&path(&made), &json!({"stage": "dormant"})).expect(200);
        let one = json!({"stage": "active", "industry": "IT"});
        assert_eq!(org.admin.patch(&path(&made), &one).expect(422).errors(), at("/credit_code", "rule_required"));
        let all = json!({"stage": "active", "industry": "IT", "credit_code": "911101084JURQ2830A"});
        let _ = org.admin.patch(&path(&made), &all).expect(200);
        // At its stage the field stays; back at another one it may go.
        let gone = json!({"industry": null});
        assert_eq!(org.admin.patch(&path(&made), &gone).expect(422).errors(), at("/industry", "rule_required"));
        let _ = org.admin.patch(&path(&made), &json!({"stage": "lost", "industry": null})).expect(200);
        let mut at_once = company("直接有限公司");
        at_once["stage"] = json!("partner");
        assert_eq!(org.admin.post("/v1/customers", &at_once).expect(422).errors(), both);
    }

    pub(super) fn an_old_record_is_changed_elsewhere(engine: Engine) {
        let org = Org::new(engine);
        let old = org.admin.post("/v1/customers", &company("早年有限公司")).expect(201);
        let _ = lay_down(&org, &required("remark", &json!(null)));
        let _ = lay_down(
            &org,
            &json!({"kind": "customer", "field": "name", "check": {"type": "naming", "contains": ["上海"]}}),
        );
        let mut whole = org.admin.get(&path(&old)).expect(200).json();
        let _ = org.admin.patch(&path(&old), &json!({"grade": "b"})).expect(200);
        // Whole, as it was read, with one change.
        whole["grade"] = json!("c");
        whole.as_object_mut().unwrap().remove("version");
        whole.as_object_mut().unwrap().remove("updated_at");
        let _ = org.admin.patch(&path(&old), &whole).expect(200);
        let renamed = org.admin.patch(&path(&old), &json!({"name": "早年二有限公司"})).expect(422);
        assert_eq!(renamed.errors(), at("/name", "rule_naming"));
        let _ = org.admin.patch(&path(&old), &json!({"name": "上海早年有限公司"})).expect(200);
    }

    pub(super) fn what_is_masked_is_left_alone_and_never_quoted(engine: Engine) {
        let org = Org::new(engine);
        let team = org.team(None);
        let (owner, colleague) = (org.user("salesperson", Some(&team)), org.user("manager", Some(&team)));
        let rights = json!({"kinds": {"customer": {"read": ["team"], "update": ["team"]}}, "contact_data": "masked"});
        let role = json!({"key": "half_blind", "name": "半盲", "rights": rights});
        let _ = org.admin.post("/v1/roles", &role).expect(201);
        let blind = org.user("half_blind", Some(&team));
        let mut body = company("遮盖有限公司");
        let phone = mobile();
        body["phones"] = json!([phone]);
        let made = owner.session.post("/v1/customers", &body).expect(201);
        let pattern = json!({"type": "pattern", "pattern": "\\+8621\\d+"});
        let _ = lay_down(&org, &json!({"kind": "customer", "field": "phones", "check": pattern}));
        let masked = blind.session.get(&path(&made)).expect(200).json();
        assert!(masked["masked"].as_array().unwrap().contains(&json!("phones")));
        let back = json!({"phones": masked["phones"], "grade": "a"});
        let _ = blind.session.patch(&path(&made), &back).expect(200);
        // The whole record is judged at a new stage: what is wrong is told, and not what is there.
        let refused = blind.session.patch(&path(&made), &json!({"stage": "active"})).expect(422);
        assert_eq!(refused.errors(), at("/phones", "rule_pattern"));
        assert!(!refused.text.contains(phone.trim_start_matches('1')), "{}", refused.text);
        assert_eq!(
            colleague.session.patch(&path(&made), &json!({"stage": "active"})).expect(422).errors(),
            at("/phones", "rule_pattern")
        );
    }

    pub(super) fn contacts_and_batches_are_judged_alike(engine: Engine) {
        let org = Org::new(engine);
        let _ = lay_down(&org, &json!({"kind": "contact", "field": "position", "check": {"type": "required"}}));
        let mut warn = required("remark", &json!(null));
        warn["severity"] = json!("warn");
        let _ = lay_down(&org, &warn);
        let mut body = company("随行有限公司");
        body["contacts"] = json!([{"name": "周一", "position": "经理"}, {"name": "周二"}]);
        let refused = org.admin.post("/v1/customers", &body).expect(422);
        assert_eq!(refused.errors(), at("/contacts/1/position", "rule_required"));
        let customer = org.admin.post("/v1/customers", &company("主客户有限公司")).expect(201).id();
        let alone = json!({"customer_id": customer, "name": "周三"});
        assert_eq!(org.admin.post("/v1/contacts", &alone).expect(422).errors(), at("/position", "rule_required"));
        let items = json!({"items": [company("甲一有限公司"), body]});
        let done =
            org.admin.with("idempotency-key", "batch-of-entry-rules").post("/v1/customers/batch", &items).expect(207);
        let data = done.data();
        assert_eq!((&data[0]["status"], &data[1]["status"]), (&json!(201), &json!(422)));
        assert_eq!((&data[0]["warnings"][0]["code"], &data[1]["warnings"]), (&json!("rule_required"), &json!([])));
        assert_eq!(data[1]["error"]["errors"][0]["pointer"], "/contacts/1/position");
        let again = org.admin.with("idempotency-key", "batch-of-entry-rules").post("/v1/customers/batch", &items);
        assert_eq!(again.data()[0]["warnings"], data[0]["warnings"], "{}", again.text);
        let atomic = json!({"atomic": true, "items": [company("甲二有限公司"), body]});
        let refused = org.admin.post("/v1/customers/batch", &atomic).expect(422);
        assert_eq!(refused.errors(), at("/items/1/contacts/1/position", "rule_required"));
    }

    pub(super) fn a_lead_is_flagged_and_judged_at_its_next_stage(engine: Engine) {
        let org = Org::new(engine);
        let _ = lay_down(&org, &required("industry", &json!(null)));
        let mut warn = required("grade", &json!(null));
        warn["severity"] = json!("warn");
        let _ = lay_down(&org, &warn);
        let form = json!({"name": "官网", "fields": [{"key": "company", "maps_to": "customer.name"}, {"key": "mobile", "maps_to": "contact.phone"}]});
        let form = org.admin.post("/v1/forms", &form).expect(201).json();
        let visitor = Session::anonymous(&org.engine.base()).with_token(form["public_key"].as_str());
        let address = format!("/v1/forms/{}/submissions", form["id"].as_str().unwrap());
        let sent = json!({"values": {"company": "线索有限公司", "mobile": mobile()}});
        let id = visitor.post(&address, &sent).expect(202).id();
        let told = org.admin.get(&format!("{address}/{id}")).expect(200).json();
        assert_eq!((&told["status"], &told["flags"]), (&json!("created"), &json!(["rule_required"])));
        let path = format!("/v1/customers/{}", told["customer_id"].as_str().unwrap());
        assert_eq!(flags(&org.admin, &path), json!(["rule_required"]), "a warning is no flag");
        // Elsewhere it is changed; at a new stage the rule speaks up, and what keeps it settles the flag.
        let _ = org.admin.patch(&path, &json!({"remark": "已电话"})).expect(200);
        assert_eq!(
            org.admin.patch(&path, &json!({"stage": "active"})).expect(422).errors(),
            at("/industry", "rule_required")
        );
        assert_eq!(flags(&org.admin, &path), json!(["rule_required"]));
        let _ = org.admin.patch(&path, &json!({"stage": "active", "industry": "IT"})).expect(200);
        assert_eq!(flags(&org.admin, &path), json!([]));
    }

    pub(super) fn a_rule_that_makes_no_sense_is_refused_with_its_place(engine: Engine) {
        let org = Org::new(engine);
        let refused = |field: &str, check: &Value| {
            let rule = json!({"kind": "customer", "field": field, "check": check});
            org.admin.post("/v1/entry_rules", &rule).expect(422)
        };
        let unreadable = refused("name", &json!({"type": "pattern", "pattern": "公司(a"}));
        assert_eq!(unreadable.errors(), at("/check/pattern", "pattern_invalid"));
        assert_eq!(unreadable.json()["errors"][0]["params"]["at"], "3");
        for (field, check, pointer, code) in [
            ("no_such", json!({"type": "required"}), "/field", "rule_field_unknown"),
            ("flags", json!({"type": "required"}), "/field", "rule_field_unknown"),
            ("name", json!({"type": "range", "min": 2}), "/check", "rule_check_unfit"),
            ("grade", json!({"type": "choices", "choices": ["z"]}), "/check", "rule_choice_unknown"),
            ("name", json!({"type": "choices"}), "/check/choices", "required"),
            (
                "name",
                json!({"type": "naming", "min_length": 9, "max_length": 3}),
                "/check/min_length",
                "rule_range_turned",
            ),
            ("name", json!({"type": "sometimes"}), "/check/type", "choice_unknown"),
            ("name", json!("required"), "/check", "type_wrong"),
            ("name", json!({"type": "pattern", "pattern": "(a{1000}){1000}"}), "/check/pattern", "pattern_too_large"),
        ] {
            assert_eq!(refused(field, &check).errors(), at(pointer, code), "{field} {check}");
        }
        let staged = json!({"kind": "contact", "field": "name", "check": {"type": "required"}, "stages": ["active"]});
        assert_eq!(
            org.admin.post("/v1/entry_rules", &staged).expect(422).errors(),
            at("/stages", "rule_stages_of_customer")
        );
        let unknown =
            json!({"kind": "customer", "field": "name", "check": {"type": "required"}, "stages": ["active", "x"]});
        assert_eq!(org.admin.post("/v1/entry_rules", &unknown).expect(422).errors(), at("/stages/1", "choice_unknown"));
    }

    pub(super) fn rules_are_laid_down_by_administrators(engine: Engine) {
        let org = Org::new(engine);
        let id = lay_down(&org, &required("remark", &json!(["active"])));
        for (role, reads, writes) in
            [("system_admin", 200, 201), ("auditor", 200, 403), ("manager", 403, 403), ("salesperson", 403, 403)]
        {
            let user = org.user(role, None).session;
            let _ = user.get(&format!("/v1/entry_rules/{id}")).expect(reads);
            let _ = user.post("/v1/entry_rules", &required("grade", &json!(["active"]))).expect(writes);
        }
        let other = Org::new(engine);
        let _ = other.admin.get(&format!("/v1/entry_rules/{id}")).expect(404);
        let mut active = company("别家有限公司");
        active["stage"] = json!("active");
        let _ = other.admin.post("/v1/customers", &active).expect(201);
        let _ = org.admin.post("/v1/customers", &active).expect(422);
        let listed =
            org.admin.get("/v1/entry_rules?filter[kind]=customer&filter[active]=true&sort=-created_at").expect(200);
        assert_eq!(listed.data().len(), 2);
    }

    pub(super) fn an_organisation_has_so_many_rules_at_most(engine: Engine) {
        let org = Org::new(engine);
        let rule = json!({"kind": "customer", "field": "remark", "check": {"type": "required"}, "active": false});
        let items: Vec<&Value> = vec![&rule; 200];
        let _ = org.admin.post("/v1/entry_rules/batch", &json!({"items": items})).expect(200);
        assert_eq!(org.admin.post("/v1/entry_rules", &rule).expect(422).errors(), at("", "rule_limit"));
        let first = org.admin.get("/v1/entry_rules?limit=1").expect(200).data()[0]["id"].as_str().unwrap().to_owned();
        let _ = org.admin.delete(&format!("/v1/entry_rules/{first}")).expect(204);
        let _ = org.admin.post("/v1/entry_rules", &rule).expect(201);
        let _ = org.admin.send("POST", &format!("/v1/entry_rules/{first}/restore"), &[], "").expect(422);
    }
}
