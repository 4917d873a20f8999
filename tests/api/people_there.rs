//! People at a customer: who reports to whom, who is the first to talk to, when they were born.

kehu_tests::on_both_engines!(
    a_decision_chain_has_no_circle,
    who_comes_with_a_customer_reports_to_nobody_yet,
    one_is_primary_however_many_are_made_so,
    a_lunar_birthday_shows_its_day_this_year,
    an_id_number_tells_birthday_and_sex_on_request,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, company};
    use serde_json::{Value, json};

    fn firm(org: &Org) -> Value {
        org.admin.post("/v1/customers", &company("上海汇卓信息技术有限公司")).expect(201).json()
    }

    fn id_of(record: &Value) -> &str {
        record["id"].as_str().unwrap()
    }

    pub(super) fn a_decision_chain_has_no_circle(engine: Engine) {
        let org = Org::new(engine);
        let made = firm(&org);
        let id = id_of(&made);
        let write = |name: &str, role: &str, attitude: &str, above: Option<&str>| {
            let body =
                json!({"customer_id": id, "name": name, "role": role, "attitude": attitude, "reports_to_id": above});
            org.admin.post("/v1/contacts", &body).expect(201).json()
        };
        let one = write("周一", "decision_maker", "neutral", None);
        let two = write("周二", "procurement", "supporter", Some(id_of(&one)));
        let three = write("周三", "gatekeeper", "opponent", Some(id_of(&two)));
        assert_eq!(three["reports_to"], json!({"id": two["id"], "name": "周二"}));
        assert_eq!((&two["role"], &three["attitude"]), (&json!("procurement"), &json!("opponent")));
        let below = org.admin.get(&format!("/v1/contacts?filter[reports_to_id]={}", id_of(&one))).expect(200).data();
        assert_eq!((below.len(), &below[0]["id"]), (1, &two["id"]));
        for above in [&one, &two, &three] {
            let path = format!("/v1/contacts/{}", id_of(&one));
            let refused = org.admin.patch(&path, &json!({"reports_to_id": above["id"]})).expect(422);
            assert_eq!(refused.errors(), [("/reports_to_id".to_owned(), "reports_in_circle".to_owned())]);
        }
        let elsewhere = org.admin.post("/v1/customers", &company("别家科技有限公司")).expect(201).id();
        let other = json!({"customer_id": elsewhere, "name": "周四", "reports_to_id": one["id"]});
        assert_eq!(org.admin.post("/v1/contacts", &other).expect(422).errors()[0].0, "/reports_to_id");
        let path = format!("/v1/contacts/{}", id_of(&three));
        let moved = org.admin.patch(&path, &json!({"reports_to_id": one["id"]})).expect(200).json();
        assert_eq!(moved["reports_to"]["name"], "周一");
        // However deep it goes.
        let mut last = three;
        for _ in 0..60 {
            last = write("周文", "other", "neutral", Some(id_of(&last)));
        }
        let alone = write("周五", "other", "neutral", None);
        let below = json!({"reports_to_id": last["id"]});
        let _ = org.admin.patch(&format!("/v1/contacts/{}", id_of(&alone)), &below).expect(200);
        let refused = org.admin.patch(&format!("/v1/contacts/{}", id_of(&one)), &below).expect(422);
        assert_eq!(refused.errors()[0].1, "reports_in_circle");
    }

    pub(super) fn who_comes_with_a_customer_reports_to_nobody_yet(engine: Engine) {
        let org = Org::new(engine);
        let made = firm(&org);
        let known = json!({"customer_id": id_of(&made), "name": "周一"});
        let known = org.admin.post("/v1/contacts", &known).expect(201).id();
        let bring = |above: &str| {
            let mut body = company("新家科技有限公司");
            body["contacts"] = json!([{"name": "周二", "reports_to_id": above}]);
            body
        };
        let told = [("/contacts/0/reports_to_id".to_owned(), "reports_too_early".to_owned())];
        for above in [known, kehu_tests::new_id()] {
            assert_eq!(org.admin.post("/v1/customers", &bring(&above)).expect(422).errors(), told);
            let told_too = org.admin.post("/v1/customers/validate", &bring(&above));
            assert!(told_too.text.contains("/contacts/0/reports_to_id"), "{}", told_too.text);
            let batch = org.admin.post("/v1/customers/batch", &json!({"items": [bring(&above)]}));
            assert!(batch.text.contains("reports_too_early"), "{}", batch.text);
        }
        assert_eq!(org.admin.get("/v1/customers").expect(200).data().len(), 1);
    }

    /// Two who are made primary at the same moment: one of them is, in the end.
    pub(super) fn one_is_primary_however_many_are_made_so(engine: Engine) {
        let org = Org::new(engine);
        let made = firm(&org);
        let contact = |name: &str| {
            org.admin.post("/v1/contacts", &json!({"customer_id": made["id"], "name": name})).expect(201).id()
        };
        let contacts = ["周一", "周二", "周三", "周四"].map(contact);
        for _ in 0..4 {
            std::thread::scope(|scope| {
                for id in &contacts {
                    let admin = &org.admin;
                    scope.spawn(move || {
                        admin.patch(&format!("/v1/contacts/{id}"), &json!({"primary": true})).expect(200)
                    });
                }
            });
            let listed = org.admin.get("/v1/contacts?filter[primary]=true").expect(200).data();
            assert_eq!(listed.len(), 1, "{listed:?}");
            let path = format!("/v1/contacts/{}", id_of(&listed[0]));
            let _ = org.admin.patch(&path, &json!({"primary": false})).expect(200);
        }
    }

    pub(super) fn a_lunar_birthday_shows_its_day_this_year(engine: Engine) {
        let org = Org::new(engine);
        let made = firm(&org);
        let write = |name: &str, birthday: Value| {
            let body = json!({"customer_id": made["id"], "name": name, "birthday": birthday});
            org.admin.post("/v1/contacts", &body)
        };
        let year = write("周一", json!("lunar:1990-08-15")).expect(201).json();
        let shown = &year["birthday"];
        assert_eq!((&shown["calendar"], &shown["year"], &shown["month"]), (&json!("lunar"), &json!(1990), &json!(8)));
        assert_eq!(
            (&shown["day"], &shown["leap"], &shown["born_on"]),
            (&json!(15), &json!(false), &json!("1990-10-03"))
        );
        let this_year = shown["celebrated_on"].as_str().unwrap();
        assert!(
            this_year.len() == 10 && this_year >= "2026-09-01",
            "mid-autumn lies in September or October: {this_year}"
        );
        let any = write("周二", json!({"calendar": "lunar", "month": 8, "day": 15})).expect(201).json();
        assert_eq!((&any["birthday"]["year"], &any["birthday"]["born_on"]), (&Value::Null, &Value::Null));
        assert_eq!(any["birthday"]["celebrated_on"], this_year);
        let _ = write("周三", json!("1990-08-15")).expect(201);
        let by = |value: &str| {
            let asked = json!({"where": {"field": "birthday", "value": value}});
            org.admin.post("/v1/contacts/search", &asked).expect(200).data().len()
        };
        assert_eq!([by("lunar:08-15"), by("lunar:1990-08-15"), by("08-15"), by("1990-08-15")], [2, 1, 1, 1]);
        let path = format!("/v1/contacts/{}", id_of(&year));
        assert_eq!(org.admin.patch(&path, &year).expect(200).json()["version"], year["version"]);
        let solar = org.admin.patch(&path, &json!({"birthday": "1990-10-03"})).expect(200).json();
        assert_eq!(solar["birthday"], "1990-10-03");
        assert_eq!([by("lunar:08-15"), by("10-03")], [1, 1]);
        for (wrong, code) in [
            (json!("lunar:1990-13-01"), "lunar_day_invalid"),
            (json!("lunar:2024-02L-01"), "lunar_day_invalid"),
            (json!({"calendar": "lunar", "month": 8}), "lunar_day_invalid"),
            (json!("1990-02-30"), "date_invalid"),
        ] {
            assert_eq!(write("周四", wrong.clone()).expect(422).errors()[0].1, code, "{wrong}");
        }
    }

    pub(super) fn an_id_number_tells_birthday_and_sex_on_request(engine: Engine) {
        let org = Org::new(engine);
        let body =
            json!({"name": "王芳", "kind": "person", "id_number": "110101199003070265", "wechat": "wangfang_90"});
        let id = org.admin.post("/v1/customers", &body).expect(201).id();
        let reveal = |fields: Value| {
            let body = json!({"fields": fields, "reason": "核对身份"});
            org.admin.post(&format!("/v1/customers/{id}/reveal"), &body).expect(200).json()
        };
        let shown = reveal(json!(["id_number"]));
        assert_eq!(shown["fields"], json!({"id_number": "110101199003070265"}));
        assert_eq!(shown["derived"], json!({"id_number": {"birthday": "1990-03-07", "sex": "female"}}));
        assert_eq!(reveal(json!(["wechat"]))["derived"], json!({}), "nothing is told that was not asked for");
    }
}
