//! Who sees and does what: reach in every query, masks in every answer, organisations apart.

kehu_tests::on_both_engines!(
    a_salesperson_reaches_the_own_customers_only,
    a_manager_reaches_the_team_and_those_below,
    another_organisations_record_is_like_one_that_does_not_exist,
    contact_data_out_of_sight_is_masked_and_a_mask_changes_nothing,
    who_is_calling_is_told_without_more_than_may_be_known,
    a_duplicate_out_of_reach_tells_only_its_state,
    rights_that_change_count_at_once,
    a_transfer_takes_contacts_and_follow_ups_along,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, company, mobile};
    use serde_json::json;

    pub(super) fn a_salesperson_reaches_the_own_customers_only(engine: Engine) {
        let org = Org::new(engine);
        let (one, other) = (org.user("salesperson", None), org.user("salesperson", None));
        let mine = one.session.post("/v1/customers", &company("我的有限公司")).expect(201).json();
        assert_eq!(mine["owner_id"], json!(one.id));
        let path = format!("/v1/customers/{}", mine["id"].as_str().unwrap());
        let missing = other.session.get(&format!("/v1/customers/{}", kehu_tests::new_id())).expect(404);
        let hidden = other.session.get(&path).expect(404);
        assert_eq!(missing.json()["detail"], hidden.json()["detail"]);
        assert_eq!(other.session.get("/v1/customers").expect(200).data().len(), 0);
        let _ = other.session.patch(&path, &json!({"remark": "偷改"})).expect(404);
        let follow_up =
            json!({"customer_id": mine["id"], "kind": "call", "summary": "x", "happened_at": "2026-11-22T08:00:00Z"});
        let refused = other.session.post("/v1/follow_ups", &follow_up).expect(422);
        assert_eq!(refused.errors()[0], ("/customer_id".to_owned(), "reference_unknown".to_owned()));
        let _ = one.session.delete(&path).expect(403);
        let mut given = company("送人有限公司");
        given["owner_id"] = json!(other.id);
        assert_eq!(one.session.post("/v1/customers", &given).expect(422).errors()[0].0, "/owner_id");
        let moved = one.session.patch(&path, &json!({"owner_id": other.id})).expect(422);
        assert_eq!(moved.errors()[0].0, "/owner_id");
        let _ = one.session.post("/v1/users", &json!({"name": "x", "role": "administrator"})).expect(403);
        assert_eq!(org.admin.get("/v1/customers").expect(200).data().len(), 1);
    }

    pub(super) fn a_manager_reaches_the_team_and_those_below(engine: Engine) {
        let org = Org::new(engine);
        let top = org.team(None);
        let below = org.team(Some(&top));
        let aside = org.team(None);
        let manager = org.user("manager", Some(&top));
        for team in [&top, &below, &aside] {
            let seller = org.user("salesperson", Some(team));
            let made = seller.session.post("/v1/customers", &company("团队客户有限公司")).expect(201).json();
            assert_eq!(made["team_id"], json!(team));
        }
        let own = manager.session.post("/v1/customers", &company("经理自己的有限公司")).expect(201).json();
        let page = manager.session.get("/v1/customers?limit=2&count=exact").expect(200).json();
        assert_eq!(page["page"]["count"], 3);
        let next = page["page"]["next"].as_str().unwrap();
        let rest = manager.session.get(&format!("/v1/customers?limit=2&after={next}")).expect(200);
        assert_eq!(rest.data().len(), 1, "a record that is one's own and the team's stands once");
        let _ = manager.session.delete(&format!("/v1/customers/{}", own["id"].as_str().unwrap())).expect(204);
    }

    pub(super) fn another_organisations_record_is_like_one_that_does_not_exist(engine: Engine) {
        let (org, other) = (Org::new(engine), Org::new(engine));
        let id = org.admin.post("/v1/customers", &company("隔离有限公司")).expect(201).id();
        let ask = |id: &str| {
            let reply = other.admin.with("x-request-id", "same").get(&format!("/v1/customers/{id}")).expect(404);
            reply.text
        };
        assert_eq!(ask(&id), ask(&kehu_tests::new_id()));
        let contact = json!({"customer_id": id, "name": "周一"});
        let foreign = other.admin.post("/v1/contacts", &contact).expect(422);
        assert_eq!(foreign.errors()[0].1, "reference_unknown");
        assert_eq!(other.admin.get("/v1/customers").expect(200).data().len(), 0);
    }

    pub(super) fn contact_data_out_of_sight_is_masked_and_a_mask_changes_nothing(engine: Engine) {
        let org = Org::new(engine);
        let team = org.team(None);
        let colleague = org.user("salesperson", Some(&team));
        let users = colleague.session.get("/v1/users").expect(200);
        let admin = users.data().into_iter().find(|user| user["role"] == "administrator").unwrap();
        assert_eq!((&admin["email"], &admin["masked"]), (&json!("****"), &json!(["email", "mobile"])));
        let me = users.data().into_iter().find(|user| user["id"] == json!(colleague.id)).unwrap();
        assert_eq!(me["email"], json!(colleague.login), "one's own address is seen");

        // A mask that comes back in a text is refused where the value is seen in full.
        let mut body = company("掩码有限公司");
        body["address"] = json!("北京市海淀区中关村大街1号");
        let made = org.admin.post("/v1/customers", &body).expect(201).json();
        let path = format!("/v1/customers/{}", made["id"].as_str().unwrap());
        let masked = org.admin.patch(&path, &json!({"phones": ["138****8000"], "address": "****"})).expect(422);
        let codes: Vec<String> = masked.errors().into_iter().map(|(_, code)| code).collect();
        assert_eq!(codes, ["mask_in_text", "mask_in_text"]);
    }

    pub(super) fn who_is_calling_is_told_without_more_than_may_be_known(engine: Engine) {
        let org = Org::new(engine);
        let (one, other) = (org.user("salesperson", None), org.user("salesperson", None));
        let phone = mobile();
        let body =
            json!({"name": "来电科技有限公司", "kind": "company", "contacts": [{"name": "钱多多", "phones": [phone]}]});
        let mine = one.session.post("/v1/customers", &body).expect(201).json();
        let found = one.session.post("/v1/lookup", &json!({"phone": phone})).expect(200).data();
        assert_eq!(found.len(), 1);
        assert_eq!((&found[0]["resource"], &found[0]["name"]), (&json!("contact"), &json!("钱多多")));
        assert_eq!((&found[0]["customer"]["id"], &found[0]["state"]), (&mine["id"], &json!("yours")));
        let told = other.session.post("/v1/lookup", &json!({"phone": phone})).expect(200).data();
        assert_eq!((&told[0]["name"], &told[0]["id"]), (&json!("钱**"), &json!(null)));
        assert_eq!(told[0]["customer"]["name"], "来**");
        assert_eq!((&told[0]["owner"]["id"], &told[0]["state"]), (&json!(one.id), &json!("owned")));
        assert_eq!(one.session.post("/v1/lookup", &json!({"phone": mobile()})).expect(200).data().len(), 0);
        assert_eq!(one.session.post("/v1/lookup", &json!({"phone": "12"})).expect(422).errors()[0].0, "/phone");
        let _ = one.session.post("/v1/lookup", &json!({"colour": "red"})).expect(422);
    }

    pub(super) fn a_duplicate_out_of_reach_tells_only_its_state(engine: Engine) {
        let org = Org::new(engine);
        let (one, other) = (org.user("salesperson", None), org.user("salesperson", None));
        let body = company("抢单有限公司");
        let _ = one.session.post("/v1/customers", &body).expect(201);
        let refused = other.session.post("/v1/customers", &body).expect(409).json();
        assert_eq!(refused["existing"], json!({"state": "owned", "claimable": false}));
    }

    pub(super) fn rights_that_change_count_at_once(engine: Engine) {
        let org = Org::new(engine);
        let user = org.user("salesperson", None);
        let path = format!("/v1/users/{}", user.id);
        let _ = user.session.post("/v1/teams", &json!({"name": "越权"})).expect(403);
        let _ = org.admin.patch(&path, &json!({"role": "administrator"})).expect(200);
        let _ = user.session.post("/v1/teams", &json!({"name": "有权"})).expect(201);
        let _ = org.admin.patch(&path, &json!({"disabled": true})).expect(200);
        assert_eq!(user.session.get("/v1/me").expect(401).code(), "account_disabled");
        let _ = org.admin.patch(&path, &json!({"disabled": false})).expect(200);
        let last = org.admin.get("/v1/me").expect(200).json()["user"]["id"].as_str().unwrap().to_owned();
        let _ = org.admin.patch(&path, &json!({"role": "salesperson"})).expect(200);
        let refused = org.admin.patch(&format!("/v1/users/{last}"), &json!({"role": "manager"})).expect(422);
        assert_eq!(refused.errors()[0], ("/role".to_owned(), "last_administrator".to_owned()));
    }

    pub(super) fn a_transfer_takes_contacts_and_follow_ups_along(engine: Engine) {
        let org = Org::new(engine);
        let (one, other) = (org.user("salesperson", None), org.user("salesperson", None));
        let body = json!({"name": "交接有限公司", "kind": "company", "contacts": [{"name": "孙三"}]});
        let id = one.session.post("/v1/customers", &body).expect(201).id();
        let follow_up =
            json!({"customer_id": id, "kind": "visit", "summary": "拜访", "happened_at": "2026-11-22T08:00:00Z"});
        let _ = one.session.post("/v1/follow_ups", &follow_up).expect(201);
        let _ = org.admin.patch(&format!("/v1/customers/{id}"), &json!({"owner_id": other.id})).expect(200);
        for path in ["/v1/customers", "/v1/contacts", "/v1/follow_ups"] {
            assert_eq!(one.session.get(path).expect(200).data().len(), 0, "{path}");
            assert_eq!(other.session.get(path).expect(200).data().len(), 1, "{path}");
        }
    }
}
