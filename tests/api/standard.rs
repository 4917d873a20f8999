//! The fields of the trade: what a customer looks for, who decides there, what a follow-up came to, and what of it is
//! counted.

kehu_tests::on_both_engines!(
    needs_are_said_in_many_ways_and_asked_for,
    what_is_no_need_is_named,
    counts_follow_what_hangs_on_a_customer,
    counts_are_right_when_many_write_at_once,
    an_erased_contact_is_not_counted_and_nobody_reports_to_it,
    a_follow_up_says_what_came_of_it,
    industries_and_regions_are_there_to_pick,
    names_of_industries_and_regions_find_their_codes,
    throw_away_mailboxes_are_refused_where_the_organisation_says_so,
    odd_names_and_addresses_are_taken,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, Session, company, encoded};
    use serde_json::{Value, json};

    fn firm(org: &Org, more: &Value) -> Value {
        let mut body = company("上海汇卓信息技术有限公司");
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        org.admin.post("/v1/customers", &body).expect(201).json()
    }

    fn id_of(record: &Value) -> &str {
        record["id"].as_str().unwrap()
    }

    pub(super) fn needs_are_said_in_many_ways_and_asked_for(engine: Engine) {
        let org = Org::new(engine);
        let one = firm(
            &org,
            &json!({
                "needs": ["after_sales", "purchase", "purchase"], "need_products": ["交换机", "路由器", "交换机"],
                "budget": "50万-100万", "purchase_window": "2026年第一季度", "preferences": "邮件联系", "cooperation_history": "2019 年起供货",
                "cooperation_since": "2019-05-01",
            }),
        );
        let two = firm(&org, &json!({"needs": ["partnership"], "budget": {"min": 0.5}, "purchase_window": "26Q3"}));
        let three = firm(&org, &json!({}));
        assert_eq!(one["needs"], json!(["purchase", "after_sales"]), "in the vocabulary's order, each once");
        assert_eq!(one["need_products"], json!(["交换机", "路由器"]));
        assert_eq!(one["budget"], json!({"min": "50", "max": "100", "unit": "10k_cny"}));
        assert_eq!((&one["purchase_window"], &one["cooperation_since"]), (&json!("2026-Q1"), &json!("2019-05-01")));
        assert_eq!(two["budget"], json!({"min": "0.5", "max": null, "unit": "10k_cny"}));
        assert_eq!([&three["needs"], &three["need_products"]], [&json!([]), &json!([])]);
        assert_eq!([&three["budget"], &three["purchase_window"], &three["preferences"]], [&Value::Null; 3]);

        let found = |filter: &str| {
            let list = org.admin.get(&format!("/v1/customers?{filter}&sort=created_at&fields=id")).expect(200).data();
            list.iter().map(|found| id_of(found).to_owned()).collect::<Vec<_>>()
        };
        let [a, b, c] = [&one, &two, &three].map(|record| id_of(record).to_owned());
        assert_eq!(found("filter[needs.has_any]=purchase,partnership"), [a.clone(), b.clone()]);
        assert_eq!(found("filter[needs.has_all]=purchase,after_sales"), std::slice::from_ref(&a));
        assert_eq!(found("filter[needs.is_null]=true"), std::slice::from_ref(&c));
        assert_eq!(found("filter[budget_min.gte]=50"), std::slice::from_ref(&a));
        assert_eq!(found("filter[budget_min.lt]=0.6"), std::slice::from_ref(&b));
        assert_eq!(found("filter[budget_max.between]=50,100"), std::slice::from_ref(&a));
        assert_eq!(found("filter[budget_max.is_null]=true"), [b.clone(), c]);
        assert_eq!(found("filter[purchase_window]=2026Q1"), std::slice::from_ref(&a));
        assert_eq!(found("filter[purchase_window.gt]=2026-Q1"), std::slice::from_ref(&b));
        assert_eq!(found("filter[purchase_window.between]=2026-Q1,2026-Q4"), [a.clone(), b]);
        assert_eq!(found("filter[cooperation_since.lte]=2019-12-31"), [a]);
        for (name, wrong, code) in [
            ("needs.has_any", "sale", "choice_unknown"),
            ("budget_min", "x", "filter_value_invalid"),
            ("purchase_window", "2026", "filter_value_invalid"),
            ("cooperation_since", "may", "filter_value_invalid"),
        ] {
            let refused = org.admin.get(&format!("/v1/customers?filter[{name}]={wrong}")).expect(400);
            assert_eq!(refused.errors()[0].1, code, "{name}");
        }

        let path = format!("/v1/customers/{}", id_of(&one));
        assert_eq!(org.admin.patch(&path, &one).expect(200).json(), one, "what GET gave may be sent back whole");
        let changed =
            org.admin.patch(&path, &json!({"budget": "≥100", "needs": null, "need_products": []})).expect(200);
        let changed = changed.json();
        assert_eq!(changed["budget"], json!({"min": "100", "max": null, "unit": "10k_cny"}));
        assert_eq!([&changed["needs"], &changed["need_products"]], [&json!([]), &json!([])]);
        let history = org.admin.get(&format!("{path}/history")).expect(200).data();
        let told = &history[0]["changes"];
        let budget = told.as_array().unwrap().iter().find(|change| change["field"] == "budget").unwrap();
        assert_eq!((&budget["from"]["max"], &budget["to"]["min"]), (&json!("100"), &json!("100")));
    }

    pub(super) fn what_is_no_need_is_named(engine: Engine) {
        let org = Org::new(engine);
        for (body, pointer, code) in [
            (json!({"needs": ["sale"]}), "/needs/0", "choice_unknown"),
            (json!({"needs": "purchase"}), "/needs", "type_wrong"),
            (json!({"need_products": vec!["x"; 21]}), "/need_products", "list_too_long"),
            (json!({"need_products": ["好", "长".repeat(101)]}), "/need_products/1", "text_too_long"),
            (json!({"budget": "面议"}), "/budget", "budget_invalid"),
            (json!({"budget": "100-50"}), "/budget", "budget_reversed"),
            (json!({"budget": {"min": "x"}}), "/budget/min", "budget_invalid"),
            (json!({"budget": {"least": "1"}}), "/budget/least", "field_unknown"),
            (json!({"budget": {"min": "1", "unit": "usd"}}), "/budget/unit", "choice_unknown"),
            (json!({"purchase_window": "2026-Q5"}), "/purchase_window", "quarter_invalid"),
            (json!({"cooperation_since": "2019-02-30"}), "/cooperation_since", "date_invalid"),
            (json!({"contact_count": 3}), "/contact_count", "read_only"),
        ] {
            let mut customer = company("上海汇卓信息技术有限公司");
            customer.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
            let refused = org.admin.post("/v1/customers", &customer).expect(422);
            assert_eq!(refused.errors(), [(pointer.to_owned(), code.to_owned())], "{body}");
        }
    }

    fn counts(admin: &Session, path: &str) -> (i64, i64) {
        let seen = admin.get(path).expect(200).json();
        (seen["contact_count"].as_i64().unwrap(), seen["follow_up_count"].as_i64().unwrap())
    }

    fn call(customer: &str) -> Value {
        json!({"customer_id": customer, "kind": "call", "summary": "电话", "happened_at": "2026-11-01T00:00:00Z"})
    }

    pub(super) fn counts_follow_what_hangs_on_a_customer(engine: Engine) {
        let org = Org::new(engine);
        let made = firm(&org, &json!({"contacts": [{"name": "周一"}, {"name": "周二"}]}));
        assert_eq!((&made["contact_count"], &made["version"]), (&json!(2), &json!(1)), "in the row that is made");
        let id = id_of(&made);
        let path = format!("/v1/customers/{id}");
        let contact = org.admin.post("/v1/contacts", &json!({"customer_id": id, "name": "周三"})).expect(201).id();
        assert_eq!(counts(&org.admin, &path), (3, 0));
        let items = |n: usize| json!({"items": vec![call(id); n]});
        let _ = org.admin.post("/v1/follow_ups/batch", &items(3)).expect(200);
        let mut all = items(2);
        all["atomic"] = json!(true);
        let _ = org.admin.post("/v1/follow_ups/batch", &all).expect(200);
        assert_eq!(counts(&org.admin, &path), (3, 5));
        // One of an atomic batch is refused: none is counted.
        all["items"][1]["summary"] = Value::Null;
        assert!(org.admin.post("/v1/follow_ups/batch", &all).status >= 400);
        // One of the others is refused: the rest is.
        let mut some = items(3);
        some["items"][1]["contact_id"] = json!(kehu_tests::new_id());
        let _ = org.admin.post("/v1/follow_ups/batch", &some);
        assert_eq!(counts(&org.admin, &path), (3, 7));
        let follow_up = org.admin.post("/v1/follow_ups", &call(id)).expect(201).id();
        let _ = org.admin.patch(&format!("/v1/follow_ups/{follow_up}"), &json!({"summary": "改"})).expect(200);
        let _ = org.admin.patch(&format!("/v1/contacts/{contact}"), &json!({"position": "经理"})).expect(200);
        assert_eq!(counts(&org.admin, &path), (3, 8), "a change counts nothing");
        let _ = org.admin.delete(&format!("/v1/contacts/{contact}")).expect(204);
        let _ = org.admin.delete(&format!("/v1/follow_ups/{follow_up}")).expect(204);
        assert_eq!(counts(&org.admin, &path), (2, 7));
        // What goes with its customer comes back with it; what went before does not.
        let _ = org.admin.delete(&path).expect(204);
        let _ = org.admin.post(&format!("{path}/restore"), &json!({})).expect(200);
        assert_eq!(counts(&org.admin, &path), (2, 7));
        assert_eq!(org.admin.get(&format!("/v1/contacts?filter[customer_id]={id}")).expect(200).data().len(), 2);
        let _ = org.admin.post(&format!("/v1/contacts/{contact}/restore"), &json!({})).expect(200);
        let _ = org.admin.post(&format!("/v1/follow_ups/{follow_up}/restore"), &json!({})).expect(200);
        assert_eq!(counts(&org.admin, &path), (3, 8));
        let many = org.admin.get("/v1/customers?filter[contact_count.gte]=3&filter[follow_up_count]=8").expect(200);
        assert_eq!(many.data().len(), 1);
    }

    pub(super) fn counts_are_right_when_many_write_at_once(engine: Engine) {
        let org = Org::new(engine);
        let made = firm(&org, &json!({}));
        let id = id_of(&made);
        std::thread::scope(|scope| {
            for at in 0..6 {
                let admin = &org.admin;
                scope.spawn(move || {
                    for turn in 0..4 {
                        let name = format!("周{}", ["一", "二", "三", "四", "五", "六"][at]);
                        let contact = json!({"customer_id": id, "name": name});
                        let contact = admin.post("/v1/contacts", &contact).expect(201).id();
                        let _ = admin.post("/v1/follow_ups", &call(id)).expect(201);
                        if turn % 2 == 0 {
                            let _ = admin.delete(&format!("/v1/contacts/{contact}")).expect(204);
                        }
                    }
                });
            }
        });
        assert_eq!(counts(&org.admin, &format!("/v1/customers/{id}")), (12, 24));
    }

    /// Waits until the job of an erasure is done.
    fn erased(org: &Org, path: &str) {
        let job = org.admin.post(&format!("{path}/erase"), &json!({"reason": "本人要求"})).expect(202).id();
        let _ = org.admin.done(&format!("/v1/jobs/{job}"), 60);
    }

    pub(super) fn an_erased_contact_is_not_counted_and_nobody_reports_to_it(engine: Engine) {
        let org = Org::new(engine);
        let made = firm(&org, &json!({}));
        let id = id_of(&made);
        let path = format!("/v1/customers/{id}");
        let contact = |name: &str| json!({"customer_id": id, "name": name});
        let chief = org.admin.post("/v1/contacts", &contact("周一")).expect(201).id();
        let mut below = contact("周二");
        below["reports_to_id"] = json!(chief);
        let below = org.admin.post("/v1/contacts", &below).expect(201).id();
        erased(&org, &format!("/v1/contacts/{chief}"));
        assert_eq!(counts(&org.admin, &path), (1, 0));
        let seen = org.admin.get(&format!("/v1/contacts/{below}")).expect(200).json();
        assert_eq!((&seen["reports_to_id"], &seen["reports_to"]), (&Value::Null, &Value::Null));
        // Erased while its customer is deleted: it does not come back, and is not counted.
        let _ = org.admin.delete(&path).expect(204);
        erased(&org, &format!("/v1/contacts/{below}"));
        let _ = org.admin.post(&format!("{path}/restore"), &json!({})).expect(200);
        assert_eq!(counts(&org.admin, &path), (0, 0));
    }

    pub(super) fn a_follow_up_says_what_came_of_it(engine: Engine) {
        let org = Org::new(engine);
        let made = firm(&org, &json!({}));
        let mut body = call(id_of(&made));
        body.as_object_mut().unwrap().extend(
            json!({"duration_minutes": 25, "outcome": "interested", "needs_heard": "需要 20 台", "pain_points": "交货慢"})
                .as_object()
                .unwrap()
                .clone(),
        );
        let written = org.admin.post("/v1/follow_ups", &body).expect(201).json();
        assert_eq!((&written["duration_minutes"], &written["outcome"]), (&json!(25), &json!("interested")));
        assert_eq!((&written["needs_heard"], &written["pain_points"]), (&json!("需要 20 台"), &json!("交货慢")));
        let long =
            org.admin.get("/v1/follow_ups?filter[duration_minutes.gte]=20&filter[outcome]=interested").expect(200);
        assert_eq!(long.data().len(), 1);
        for (member, value, code) in [
            ("duration_minutes", json!(-1), "number_out_of_range"),
            ("duration_minutes", json!(1.5), "type_wrong"),
            ("outcome", json!("fine"), "choice_unknown"),
        ] {
            body[member] = value;
            let refused = org.admin.post("/v1/follow_ups", &body).expect(422).errors();
            assert_eq!(refused, [(format!("/{member}"), code.to_owned())]);
            body[member] = Value::Null;
        }
    }

    pub(super) fn industries_and_regions_are_there_to_pick(engine: Engine) {
        let org = Org::new(engine);
        let reader = org.user("auditor", None).session;
        let get = |path: &str| reader.get(path).expect(200).data();
        let all = get("/v1/industries");
        assert_eq!(all.len(), 117);
        let it = json!({"code": "65", "name": "软件和信息技术服务业", "level": "division", "parent": "I", "short_code": "IT"});
        assert!(all.contains(&it), "{all:?}");
        assert_eq!(get("/v1/industries?parent=I").len(), 3);
        assert_eq!(get(&format!("/v1/industries?q={}", encoded("制造业-计算机设备制造")))[0]["code"], "39");
        assert_eq!(get("/v1/regions").len(), 34);
        let pudong = json!({
            "code": "310115", "name": "浦东新区", "level": "district", "parent": "310000", "full_name": "上海市浦东新区", "has_children": false,
        });
        assert!(get("/v1/regions?parent=310000").contains(&pudong));
        assert_eq!(get(&format!("/v1/regions?q={}", encoded("浦东")))[0], pudong);
        assert!(
            get(&format!("/v1/regions?q={}&parent=220000", encoded("朝阳")))
                .iter()
                .all(|found| { found["code"].as_str().unwrap().starts_with("22") })
        );
        for path in ["/v1/industries", "/v1/regions?parent=510000"] {
            let first = reader.get(path).expect(200);
            let tag = first.header("etag").unwrap().to_owned();
            assert!(first.header("cache-control").unwrap().contains("max-age"));
            assert_eq!(reader.with("if-none-match", &tag).get(path).status, 304);
            assert_eq!(Session::anonymous(reader.base()).get(path).status, 401);
        }
        for (path, parameter) in [
            ("/v1/industries?parent=65", "parent"),
            ("/v1/regions?parent=999999", "parent"),
            ("/v1/regions?name=x", "name"),
        ] {
            let refused = reader.get(path).expect(400).json();
            assert_eq!(refused["errors"][0]["parameter"], parameter, "{path}");
        }
    }

    pub(super) fn names_of_industries_and_regions_find_their_codes(engine: Engine) {
        let org = Org::new(engine);
        for (said, code) in
            [("制造业-计算机设备制造", "39"), ("IT", "I"), ("软件和信息技术服务业", "65"), ("餐饮", "62")]
        {
            assert_eq!(firm(&org, &json!({"industry": said}))["industry"]["code"], code, "{said}");
        }
        let made = firm(&org, &json!({"address": "四川省成都市武侯区创业街563号"}));
        assert_eq!(
            made["region"],
            json!({"code": "510107", "province": "四川省", "city": "成都市", "district": "武侯区"})
        );
        let mut body = company("上海汇卓信息技术有限公司");
        body["region"] = json!("朝阳区");
        let refused = org.admin.post("/v1/customers", &body).expect(422);
        assert_eq!(refused.errors(), [("/region".to_owned(), "region_ambiguous".to_owned())]);
        assert!(refused.text.contains("110105") && refused.text.contains("220104"), "{}", refused.text);
    }

    pub(super) fn throw_away_mailboxes_are_refused_where_the_organisation_says_so(engine: Engine) {
        let org = Org::new(engine);
        let mut body = company("上海汇卓信息技术有限公司");
        body["contacts"] = json!([{"name": "周一", "emails": ["a@mailinator.com"]}]);
        let made = org.admin.post("/v1/customers", &body).expect(201).id();
        let strict = json!({"settings": {"emails": {"refuse_disposable": true}}});
        let shown = org.admin.patch("/v1/organisation", &strict).expect(200).json();
        assert_eq!(shown["settings"]["emails"], json!({"refuse_disposable": true}));
        body["contacts"][0]["emails"] = json!(["b@mailinator.com"]);
        let refused = org.admin.post("/v1/customers", &body).expect(422);
        assert_eq!(refused.errors(), [("/contacts/0/emails".to_owned(), "email_disposable".to_owned())]);
        // A record that has one already is changed elsewhere all the same.
        let contact = org.admin.get(&format!("/v1/contacts?filter[customer_id]={made}")).expect(200).data();
        let path = format!("/v1/contacts/{}", id_of(&contact[0]));
        let _ = org.admin.patch(&path, &json!({"position": "经理"})).expect(200);
        assert_eq!(
            org.admin.patch(&path, &json!({"emails": ["c@mailinator.com"]})).expect(422).errors()[0].0,
            "/emails"
        );
    }

    pub(super) fn odd_names_and_addresses_are_taken(engine: Engine) {
        let org = Org::new(engine);
        for name in ["阿里巴巴", "上海汇卓贸易公司", "汇卓科技有限公司-采购部", "Acme"] {
            let _ = org.admin.post("/v1/customers", &company(name)).expect(201);
        }
        let made = firm(
            &org,
            &json!({"emails": ["info@gmial.com"], "contacts": [{"name": "王芳李娜张", "emails": ["a@qq.com"]}]}),
        );
        assert_eq!(made["flags"], json!([]), "a warning marks nothing");
        for name in ["某公司", "测试"] {
            assert_eq!(org.admin.post("/v1/customers", &company(name)).expect(422).errors()[0].1, "name_placeholder");
        }
    }
}
