//! Roles that an organisation makes, and several roles of a user.

kehu_tests::on_both_engines!(
    a_role_gives_what_it_says_and_no_more,
    what_a_role_may_not_see_it_cannot_ask_for,
    what_a_role_may_not_write_is_refused_by_name,
    two_roles_reach_as_far_as_either,
    a_role_is_named_by_its_key_and_is_not_deleted_while_somebody_has_it,
    a_role_that_changes_counts_at_once,
    rights_are_granted_by_those_who_may,
    nobody_without_a_role_does_anything,
    it_is_told_by_which_rule_somebody_sees_a_record,
    the_catalogue_can_be_made_into_roles,
    the_built_in_roles_do_what_the_table_says,
    what_was_kept_is_not_shown_to_who_sees_less_now,
    what_is_deleted_comes_back_to_who_may_read_it,
    a_team_is_moved_by_who_grants_rights,
    what_was_asked_for_is_told_without_a_right_over_jobs,
);

#[cfg(test)]
pub(crate) mod tests {
    use kehu_tests::{Engine, Org, Session, company, mobile, unique};
    use serde_json::{Value, json};

    /// Makes a role of those rights; gives its key.
    fn role(org: &Org, rights: &Value) -> String {
        let key = format!("role_{}", unique());
        let body = json!({"key": key, "name": format!("角色{key}"), "rights": rights});
        let _ = org.admin.post("/v1/roles", &body).expect(201);
        key
    }

    fn reads(reach: &str) -> Value {
        json!({"customer": {"read": [reach]}, "contact": {"read": [reach]}, "follow_up": {"read": [reach]}})
    }

    pub(crate) fn customer(session: &Session, name: &str) -> Value {
        let mut body = company(name);
        body["remark"] = json!("机密备注");
        body["contacts"] = json!([{"name": "孙三", "phones": [mobile()]}]);
        session.post("/v1/customers", &body).expect(201).json()
    }

    pub(crate) fn path(record: &Value) -> String {
        format!("/v1/customers/{}", record["id"].as_str().unwrap())
    }

    pub(super) fn a_role_gives_what_it_says_and_no_more(engine: Engine) {
        let org = Org::new(engine);
        let team = org.team(None);
        let seller = org.user("salesperson", Some(&team));
        let (near, far) = (customer(&seller.session, "近处有限公司"), customer(&org.admin, "远处有限公司"));
        let rights = json!({"kinds": {"customer": {"read": ["team"]}}, "contact_data": {"team": "masked"}});
        let key = role(&org, &rights);
        let reader = org.user(&key, Some(&team));
        let seen = reader.session.get(&path(&near)).expect(200).json();
        assert_eq!(
            (&seen["masked"], &seen["phones"][0]["value"].as_str().unwrap().contains("****")),
            (&json!(["address", "phones", "emails", "wechat"]), &true)
        );
        assert_eq!(seen["hidden"], json!(["id_number", "bank_accounts"]));
        let _ = reader.session.get(&path(&far)).expect(404);
        assert_eq!(reader.session.get("/v1/customers").expect(200).data().len(), 1);
        for (kind, status) in [("contacts", 403), ("follow_ups", 403), ("users", 403), ("roles", 403), ("jobs", 403)] {
            let _ = reader.session.get(&format!("/v1/{kind}")).expect(status);
        }
        let _ = reader.session.patch(&path(&near), &json!({"stage": "active"})).expect(403);
        let _ = reader.session.post("/v1/customers", &company("新建有限公司")).expect(403);
        let me = reader.session.get("/v1/me").expect(200).json();
        assert_eq!((&me["roles"], &me["can"]["customer"]["read"]), (&json!([key]), &json!(["team"])));
        assert_eq!(me["contact_data"], json!({"own": "hidden", "team": "masked", "other": "hidden"}));
    }

    pub(super) fn what_a_role_may_not_see_it_cannot_ask_for(engine: Engine) {
        let org = Org::new(engine);
        let made = customer(&org.admin, "隐藏有限公司");
        let mut rights = json!({"kinds": reads("all"), "contact_data": "masked", "identity": "masked"});
        rights["kinds"]["customer"]["fields"] = json!({
            "remark": {"sees": "hidden"}, "stage": {"sees": "hidden"}, "tags": {"sees": "hidden"},
            "last_follow_up_at": {"sees": "hidden"}, "phones": {"sees": "hidden"},
        });
        let blind = org.user(&role(&org, &rights), None).session;
        let seen = blind.get(&path(&made)).expect(200);
        assert!(!seen.text.contains("机密备注"), "{}", seen.text);
        let seen = seen.json();
        assert_eq!((&seen["remark"], &seen["stage"]), (&json!(null), &json!(null)));
        assert_eq!(seen["hidden"], json!(["stage", "phones", "remark", "tags", "last_follow_up_at"]));
        for question in
            ["filter[stage]=active", "filter[stage.in]=active,lost", "filter[tags]=VIP", "sort=-last_follow_up_at"]
        {
            let refused = blind.get(&format!("/v1/customers?{question}")).expect(400);
            assert!(!refused.text.contains("potential"), "{}", refused.text);
        }
        let phone = made["phones"][0]["value"].as_str().unwrap();
        let by_phone = json!({"where": {"or": [{"not": {"field": "phone", "value": phone}}]}});
        let refused = blind.post("/v1/customers/search", &by_phone).expect(400);
        assert_eq!(refused.errors()[0], ("/where/or/0/not/field".to_owned(), "filter_field_unknown".to_owned()));
        assert_eq!(blind.post("/v1/lookup", &json!({"phone": phone})).expect(200).data().len(), 0);
        let mail = json!({"where": {"field": "email", "value": "nobody@example.com"}});
        assert_eq!(
            blind.post("/v1/customers/search", &mail).expect(200).data().len(),
            0,
            "masked is asked, and counted"
        );
        let _ = org.admin.patch(&path(&made), &json!({"stage": "active", "remark": "机密备注二"})).expect(200);
        let history = blind.get(&format!("{}/history", path(&made))).expect(200);
        assert!(!history.text.contains("机密备注") && !history.text.contains("active"), "{}", history.text);
    }

    pub(super) fn what_a_role_may_not_write_is_refused_by_name(engine: Engine) {
        let org = Org::new(engine);
        let mut rights = json!({"kinds": reads("own"), "contact_data": "full"});
        rights["kinds"]["customer"] = json!({
            "create": ["own"], "read": ["own"], "update": ["own"],
            "fields": {"stage": {"writes": false}, "remark": {"sees": "hidden"}, "grade": {"sees": "full", "writes": false}},
        });
        let writer = org.user(&role(&org, &rights), None);
        let body = json!({"name": "只读有限公司", "kind": "company", "stage": "active", "remark": "x", "grade": null});
        let refused = writer.session.post("/v1/customers", &body).expect(422);
        let wrong = [("/remark", "field_hidden"), ("/stage", "read_only")];
        let mut told = refused.errors();
        told.sort();
        assert_eq!(told, wrong.map(|(at, code)| (at.to_owned(), code.to_owned())));
        let made = writer.session.post("/v1/customers", &company("只读有限公司")).expect(201).json();
        assert_eq!((&made["stage"], &made["remark"]), (&json!("potential"), &json!(null)));
        for (change, at, code) in [
            (json!({"stage": "lost"}), "/stage", "read_only"),
            (json!({"grade": "vip"}), "/grade", "read_only"),
            (json!({"remark": "改"}), "/remark", "field_hidden"),
        ] {
            let refused = writer.session.patch(&path(&made), &change).expect(422);
            assert_eq!(refused.errors(), [(at.to_owned(), code.to_owned())]);
        }
        // What GET gave may be sent back whole.
        let _ = writer.session.patch(&path(&made), &made).expect(200);
        let after = org.admin.get(&path(&made)).expect(200).json();
        assert_eq!((&after["stage"], &after["version"]), (&json!("potential"), &json!(1)));
    }

    pub(super) fn two_roles_reach_as_far_as_either(engine: Engine) {
        let org = Org::new(engine);
        let made = customer(&org.admin, "两职有限公司");
        let seller = org.user("salesperson", None);
        let _ = seller.session.get(&path(&made)).expect(404);
        let user = format!("/v1/users/{}", seller.id);
        let refused = org.admin.patch(&user, &json!({"other_roles": ["finance", "nobody"]})).expect(422);
        assert_eq!(refused.errors(), [("/other_roles/1".to_owned(), "role_unknown".to_owned())]);
        let both = org.admin.patch(&user, &json!({"other_roles": ["finance"]})).expect(200).json();
        assert_eq!((&both["role"], &both["other_roles"]), (&json!("salesperson"), &json!(["finance"])));
        let seen = seller.session.get(&path(&made)).expect(200).json();
        assert_eq!(seen["masked"], json!(["address", "phones", "emails", "wechat", "id_number", "bank_accounts"]));
        let _ = seller.session.patch(&path(&made), &json!({"stage": "active"})).expect(403);
        let _ = seller.session.post("/v1/customers", &company("自己有限公司")).expect(201);
        let _ = org.admin.patch(&user, &json!({"other_roles": []})).expect(200);
        let _ = seller.session.get(&path(&made)).expect(404);
    }

    pub(super) fn a_role_is_named_by_its_key_and_is_not_deleted_while_somebody_has_it(engine: Engine) {
        let org = Org::new(engine);
        let body = |key: &str, name: &str| json!({"key": key, "name": name, "rights": {"kinds": reads("own")}});
        for (key, code) in [("manager", "name_taken"), ("Lead", "role_key_invalid"), ("x", "role_key_invalid")] {
            let refused = org.admin.post("/v1/roles", &body(key, "区域经理")).expect(422);
            assert_eq!(refused.errors(), [("/key".to_owned(), code.to_owned())]);
        }
        let made = org.admin.post("/v1/roles", &body("lead", "区域经理")).expect(201);
        let at = format!("/v1/roles/{}", made.id());
        assert_eq!(made.json()["rights"]["kinds"]["customer"]["read"], json!(["own"]));
        let refused = org.admin.post("/v1/roles", &body("lead", "别名")).expect(422);
        assert_eq!(refused.errors()[0], ("/key".to_owned(), "name_taken".to_owned()));
        let _ = org.admin.patch(&at, &json!({"key": "other"})).expect(422);
        let user = org.user("lead", None);
        let refused = org.admin.delete(&at).expect(422);
        assert_eq!(refused.errors()[0], ("/key".to_owned(), "role_in_use".to_owned()));
        let _ = user.session.get("/v1/customers").expect(200);
        let _ = org.admin.patch(&format!("/v1/users/{}", user.id), &json!({"role": null})).expect(200);
        let _ = org.admin.delete(&at).expect(204);
        let again = org.admin.post("/v1/roles", &body("lead", "区域经理")).expect(201);
        let _ = org.admin.post(&format!("{at}/restore"), &json!({})).expect(409);
        let unused = format!("/v1/roles/{}", again.id());
        let _ = org.admin.delete(&unused).expect(204);
        let _ = org.admin.post(&format!("{at}/restore"), &json!({})).expect(200);
        let told = org.admin.get("/v1/audit?filter[event]=role.rights_changed").expect(200).data();
        assert_eq!(told.len(), 5, "made, deleted, made, deleted, taken back");
    }

    pub(super) fn a_role_that_changes_counts_at_once(engine: Engine) {
        let org = Org::new(engine);
        let made = customer(&org.admin, "变化有限公司");
        let role =
            json!({"key": "shrinking", "name": "收缩", "rights": {"kinds": reads("all"), "contact_data": "full"}});
        let role = format!("/v1/roles/{}", org.admin.post("/v1/roles", &role).expect(201).id());
        let user = org.user("shrinking", None).session;
        assert_eq!(user.get(&path(&made)).expect(200).json()["masked"], json!([]));
        let narrower = json!({"rights": {"kinds": reads("all"), "contact_data": "masked"}});
        let _ = org.admin.patch(&role, &narrower).expect(200);
        assert_eq!(
            user.get(&path(&made)).expect(200).json()["masked"],
            json!(["address", "phones", "emails", "wechat"])
        );
        let _ = org.admin.patch(&role, &json!({"rights": {"kinds": reads("own")}})).expect(200);
        let _ = user.get(&path(&made)).expect(404);
        let _ = org.admin.patch(&role, &json!({"rights": {}})).expect(200);
        let _ = user.get(&path(&made)).expect(403);
    }

    pub(super) fn rights_are_granted_by_those_who_may(engine: Engine) {
        let org = Org::new(engine);
        let (system, security) = (org.user("system_admin", None), org.user("security_admin", None));
        let login = format!("new{}@{}.test", unique(), org.slug);
        let body = json!({"name": "新人", "email": login, "role": "manager"});
        let refused = system.session.post("/v1/users", &body).expect(422);
        assert_eq!(refused.errors(), [("/role".to_owned(), "read_only".to_owned())]);
        let made = system.session.post("/v1/users", &json!({"name": "新人", "email": login})).expect(201);
        assert_eq!(made.json()["role"], json!(null));
        let user = format!("/v1/users/{}", made.id());
        let refused = system.session.patch(&user, &json!({"role": "administrator"})).expect(422);
        assert_eq!(refused.errors(), [("/role".to_owned(), "read_only".to_owned())]);
        let _ = security.session.patch(&user, &json!({"role": "manager"})).expect(200);
        let refused = security.session.patch(&user, &json!({"name": "改名"})).expect(422);
        assert_eq!(refused.errors(), [("/name".to_owned(), "read_only".to_owned())]);
        let _ = security.session.post("/v1/users", &json!({"name": "甲", "email": "a@b.test"})).expect(403);
        let rights = json!({"key": "own_role", "name": "自设", "rights": {"kinds": reads("all")}});
        let _ = system.session.post("/v1/roles", &rights).expect(403);
        let _ = security.session.post("/v1/roles", &rights).expect(201);
        // Whoever may change users and roles, and not grant rights, gains nothing by it.
        let sly = json!({"kinds": {"user": {"read": ["all"], "update": ["all"]}, "role": {"create": ["all"], "read": ["all"]}}});
        let sly = org.user(&role(&org, &sly), None);
        let own = format!("/v1/users/{}", sly.id);
        for change in [json!({"role": "administrator"}), json!({"other_roles": ["administrator"]})] {
            let refused = sly.session.patch(&own, &change).expect(422);
            assert_eq!(refused.errors()[0].1, "right_missing");
        }
        let _ = sly.session.post("/v1/roles", &json!({"key": "sly", "name": "取巧", "rights": {}})).expect(403);
        for session in [&system.session, &security.session] {
            let _ = session.get("/v1/customers").expect(403);
        }
    }

    pub(super) fn nobody_without_a_role_does_anything(engine: Engine) {
        let org = Org::new(engine);
        let user = org.user("salesperson", None);
        let _ = org.admin.patch(&format!("/v1/users/{}", user.id), &json!({"role": null})).expect(200);
        let me = user.session.get("/v1/me").expect(200).json();
        assert_eq!((&me["roles"], &me["can"]["customer"]["read"]), (&json!([]), &json!([])));
        for kind in ["customers", "contacts", "follow_ups", "tags", "users", "teams", "roles", "forms", "fields"] {
            let _ = user.session.get(&format!("/v1/{kind}")).expect(403);
        }
        let _ = user.session.post("/v1/lookup", &json!({"phone": mobile()})).expect(403);
        let _ = user.session.get("/v1/audit").expect(403);
    }

    pub(super) fn it_is_told_by_which_rule_somebody_sees_a_record(engine: Engine) {
        let org = Org::new(engine);
        let team = org.team(None);
        let below = org.team(Some(&team));
        let (manager, seller) = (org.user("manager", Some(&team)), org.user("salesperson", Some(&below)));
        let other = org.user("salesperson", None);
        let made = customer(&seller.session, "谁能看有限公司");
        let _ = seller.session.patch(&path(&made), &json!({"collaborators": [{"user_id": other.id}]})).expect(200);
        let at = format!("{}/access", path(&made));
        let told = |user: &str| org.admin.get(&format!("{at}?user={user}")).expect(200).json();
        let of_manager = told(&manager.id);
        assert_eq!(of_manager["can"]["read"], json!([{"role": "manager", "reach": "team"}]));
        assert_eq!(of_manager["standing"]["team"]["id"], json!(below));
        assert_eq!(
            (&of_manager["masked"], &of_manager["hidden"]),
            (&json!(["id_number", "bank_accounts"]), &json!([]))
        );
        let of_seller = told(&seller.id);
        assert_eq!(of_seller["can"]["update"], json!([{"role": "salesperson", "reach": "own"}]));
        assert_eq!(of_seller["can"]["delete"], json!([]));
        let of_other = told(&other.id);
        assert_eq!(of_other["can"]["read"], json!([{"role": "salesperson", "reach": "shared"}]));
        assert_eq!((&of_other["can"]["update"], &of_other["standing"]["shared"]), (&json!([]), &json!("read")));
        assert_eq!(seller.session.get(&at).expect(200).json(), of_seller);
        let _ = seller.session.get(&format!("{at}?user={}", manager.id)).expect(403);
        let _ = manager.session.get(&format!("{at}?user={}", other.id)).expect(200);
        let stranger = org.user("salesperson", None);
        let _ = stranger.session.get(&at).expect(404);
        let of_stranger = told(&stranger.id);
        assert_eq!(of_stranger["can"]["read"], json!([]));
        assert!(of_stranger["hidden"].as_array().unwrap().contains(&json!("phones")));
        let _ = org.admin.patch(&format!("/v1/users/{}", seller.id), &json!({"disabled": true})).expect(200);
        let gone = told(&seller.id);
        assert_eq!((&gone["disabled"], &gone["can"]["read"]), (&json!(true), &json!([])));
        let _ = org.admin.get(&format!("{at}?user={}", kehu_tests::new_id())).expect(404);
        let _ = org.admin.get(&format!("{at}?who=me")).expect(400);
    }

    pub(super) fn the_catalogue_can_be_made_into_roles(engine: Engine) {
        let org = Org::new(engine);
        let catalogue = org.admin.get("/v1/rights").expect(200).json();
        let keys: Vec<&str> =
            catalogue["roles"].as_array().unwrap().iter().map(|r| r["key"].as_str().unwrap()).collect();
        assert_eq!(keys.len(), 9);
        for built_in in catalogue["roles"].as_array().unwrap() {
            let key = format!("copy_{}", built_in["key"].as_str().unwrap());
            let body = json!({"key": key, "name": format!("复制{key}"), "rights": built_in["rights"]});
            let made = org.admin.post("/v1/roles", &body).expect(201).json();
            assert_eq!(made["rights"], built_in["rights"], "{key}");
        }
        let kinds = catalogue["kinds"].as_array().unwrap();
        let customer = kinds.iter().find(|kind| kind["kind"] == "customer").unwrap();
        assert_eq!(customer["actions"], json!(["create", "read", "update", "delete", "transfer", "reveal"]));
        let field = |name: &str| customer["fields"].as_array().unwrap().iter().find(|f| f["name"] == name).unwrap();
        assert_eq!(field("name")["sees"], json!(["full"]));
        assert_eq!(field("phones")["sees"], json!(["hidden", "masked", "full"]));
        assert_eq!(field("id_number")["sees"], json!(["hidden", "masked"]));
        let _ = Session::anonymous(&engine.base()).get("/v1/rights").expect(401);
    }

    pub(super) fn the_built_in_roles_do_what_the_table_says(engine: Engine) {
        let org = Org::new(engine);
        let mut body = company("九职有限公司");
        body["bank_accounts"] = json!([{"value": "6222021234567894", "bank": "工商银行"}]);
        let made = org.admin.post("/v1/customers", &body).expect(201).json();
        let at = path(&made);
        let follow_up = json!({"customer_id": made["id"], "kind": "call", "summary": "回访", "happened_at": "2026-11-22T08:00:00Z"});
        let reveal = json!({"fields": ["bank_accounts"], "reason": "开票"});
        let masked = |role: &str, session: &Session| -> (Value, Value) {
            let seen = session.get(&at).expect(200).json();
            assert!(!seen.is_null(), "{role}");
            (seen["masked"].clone(), seen["hidden"].clone())
        };
        let contact = ["address", "phones", "emails", "wechat"];
        let identity = ["id_number", "bank_accounts"];
        for (role, masked_fields, hidden, writes, reveals) in [
            ("service", json!(identity), json!([]), 201, 403),
            ("marketing", json!(contact), json!(identity), 403, 403),
            ("finance", json!(identity), json!(contact), 403, 200),
            ("auditor", json!(contact), json!(identity), 403, 403),
        ] {
            let session = org.user(role, None).session;
            assert_eq!(masked(role, &session), (masked_fields, hidden), "{role}");
            let _ = session.post("/v1/follow_ups", &follow_up).expect(writes);
            let _ = session.post(&format!("{at}/reveal"), &reveal).expect(reveals);
            let _ = session.patch(&at, &json!({"stage": "active"})).expect(403);
            let _ = session.get("/v1/audit").expect(if role == "auditor" { 200 } else { 403 });
        }
    }

    pub(super) fn what_was_kept_is_not_shown_to_who_sees_less_now(engine: Engine) {
        let org = Org::new(engine);
        let mut rights = json!({"kinds": reads("all"), "contact_data": "full"});
        rights["kinds"]["customer"]["update"] = json!(["all"]);
        let made = json!({"key": "kept", "name": "留存", "rights": rights});
        let at = format!("/v1/roles/{}", org.admin.post("/v1/roles", &made).expect(201).id());
        let record = customer(&org.admin, "留存有限公司");
        let phone = record["phones"][0]["value"].as_str().unwrap();
        let user = org.user("kept", None).session.with("idempotency-key", "kept-0123456789abcdef");
        let first = user.patch(&path(&record), &json!({"stage": "active"})).expect(200);
        assert!(first.text.contains(phone));
        assert_eq!(user.patch(&path(&record), &json!({"stage": "active"})).expect(200).text, first.text);
        rights["contact_data"] = json!("masked");
        let _ = org.admin.patch(&at, &json!({"rights": rights})).expect(200);
        let again = user.patch(&path(&record), &json!({"stage": "active"})).expect(200);
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        assert!(!again.text.contains(phone), "{}", again.text);
        assert_eq!(again.json()["masked"], json!(["address", "phones", "emails", "wechat"]));
    }

    pub(super) fn what_is_deleted_comes_back_to_who_may_read_it(engine: Engine) {
        let org = Org::new(engine);
        let rights = json!({"kinds": {"customer": {"read": ["own"], "delete": ["all"]}}});
        let sly = org.user(&role(&org, &rights), None).session;
        let record = customer(&org.admin, "恢复有限公司");
        let _ = org.admin.delete(&path(&record)).expect(204);
        let _ = sly.post(&format!("{}/restore", path(&record)), &json!({})).expect(404);
        let _ = org.admin.post(&format!("{}/restore", path(&record)), &json!({})).expect(200);
        let _ = sly.delete(&path(&record)).expect(404);
    }

    pub(super) fn a_team_is_moved_by_who_grants_rights(engine: Engine) {
        let org = Org::new(engine);
        let (own, other) = (org.team(None), org.team(None));
        let rights = json!({"kinds": {"team": {"read": ["all"], "update": ["all"]}, "customer": {"read": ["team"]}}});
        let sly = org.user(&role(&org, &rights), Some(&own)).session;
        let at = format!("/v1/teams/{other}");
        let _ = sly.patch(&at, &json!({"name": "改个名字"})).expect(200);
        let refused = sly.patch(&at, &json!({"parent_id": own})).expect(422);
        assert_eq!(refused.errors(), [("/parent_id".to_owned(), "right_missing".to_owned())]);
        let _ = org.admin.patch(&at, &json!({"parent_id": own})).expect(200);
        let below = org.admin.patch(&format!("/v1/teams/{own}"), &json!({"parent_id": other})).expect(422);
        assert_eq!(below.errors(), [("/parent_id".to_owned(), "team_cycle".to_owned())]);
    }

    pub(super) fn what_was_asked_for_is_told_without_a_right_over_jobs(engine: Engine) {
        let org = Org::new(engine);
        let rights = json!({"kinds": {"customer": {"read": ["all"]}}, "besides": ["data.purge", "audit.read"]});
        let session = org.user(&role(&org, &rights), None).session;
        let record = customer(&org.admin, "抹除有限公司");
        let told =
            session.post(&format!("{}/erase", path(&record)), &json!({"reason": "应本人要求"})).expect(202).json();
        assert_eq!(told["kind"], "records.erase");
        let _ = session.post("/v1/audit/verify", &json!({})).expect(202);
        let _ = session.get("/v1/jobs").expect(403);
    }
}
