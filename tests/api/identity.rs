//! ID numbers and bank accounts: checked, found, masked for everybody.

kehu_tests::on_both_engines!(
    numbers_are_checked_and_found,
    birthdays_are_found_by_day_and_by_date,
    an_id_number_is_one_persons,
    an_account_that_looks_wrong_is_flagged,
    an_answer_sent_back_changes_nothing_for_any_role,
    masks_stand_for_what_they_hide,
    history_and_log_mask_as_the_record_does,
);

#[cfg(test)]
pub(crate) mod tests {
    use kehu_tests::{Engine, Org, Session, company, mobile, unique};
    use serde_json::{Value, json};

    pub(crate) const CARD: &str = "6222026360837783531";

    /// An ID number that no other test uses, with its check character.
    pub(crate) fn id_number() -> String {
        let digits = format!("11010119900307{:03}", unique() % 1000);
        let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
        let values = digits.bytes().map(|digit| usize::from(digit - b'0'));
        let sum: usize = values.zip(weights).map(|(digit, weight)| digit * weight).sum();
        format!("{digits}{}", ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'][sum % 11])
    }

    pub(crate) fn person(id_number: &str) -> Value {
        json!({"name": "周芷若", "kind": "person", "id_number": id_number, "bank_accounts": [CARD]})
    }

    pub(crate) fn found(session: &Session, kind: &str, field: &str, value: &str) -> usize {
        let asked = json!({"where": {"field": field, "value": value}});
        session.post(&format!("/v1/{kind}/search"), &asked).expect(200).data().len()
    }

    pub(super) fn numbers_are_checked_and_found(engine: Engine) {
        let org = Org::new(engine);
        let number = id_number();
        let made = org.admin.post("/v1/customers", &person(&number.to_lowercase())).expect(201);
        for (field, value, code) in [
            ("id_number", json!("110101199003070260"), "id_number_check"),
            ("id_number", json!("110101199002300129"), "id_number_date"),
            ("id_number", json!("000101199003070265"), "id_number_region"),
            ("id_number", json!("1101011990"), "id_number_length"),
            ("bank_accounts", json!(["622202636083778353a"]), "bank_account_invalid"),
            ("bank_accounts", json!([{"value": "1234567"}]), "bank_account_invalid"),
        ] {
            let refused = org.admin.post("/v1/customers", &json!({"name": "周芷若", "kind": "person", field: value}));
            assert_eq!(refused.expect(422).errors()[0].1, code, "{field}");
        }
        let mut firm = company("身份有限公司");
        firm["id_number"] = json!(id_number());
        let refused = org.admin.post("/v1/customers", &firm).expect(422);
        assert_eq!(refused.errors(), [("/id_number".to_owned(), "id_number_of_company".to_owned())]);

        // By any spelling, also through a contact; never in an address.
        let inner = id_number();
        let mut firm = company("查人有限公司");
        firm["contacts"] = json!([{"name": "周一", "id_number": inner}]);
        let _ = org.admin.post("/v1/customers", &firm).expect(201);
        for (kind, value, many) in [
            ("customers", number.as_str(), 1),
            ("customers", &format!("{}-{}", &number[..6], &number[6..].to_lowercase()), 1),
            ("customers", inner.as_str(), 1),
            ("contacts", inner.as_str(), 1),
            ("contacts", number.as_str(), 0),
        ] {
            assert_eq!(found(&org.admin, kind, "id_number", value), many, "{kind} {value}");
        }
        assert_eq!(found(&org.admin, "customers", "bank_account", "6222 0263 6083 7783 531"), 1);
        assert_eq!(found(&org.admin, "customers", "bank_account", "6217003740681241586"), 0);
        let empty = json!({"where": {"and": [{"field": "bank_account", "op": "is_null"}, {"field": "id_number", "op": "is_null"}]}});
        assert_eq!(org.admin.post("/v1/customers/search", &empty).expect(200).data().len(), 1);
        for name in ["id_number", "bank_account"] {
            let told = org.admin.post("/v1/lookup", &json!({name: if name == "id_number" { &number } else { CARD }}));
            assert_eq!(told.expect(200).data()[0]["id"], json!(made.id()), "{name}");
            let refused = org.admin.get(&format!("/v1/customers?filter[{name}]={number}")).expect(400);
            assert_eq!((refused.code().as_str(), refused.text.contains(&number)), ("sealed_in_url", false));
        }
        let wrong = json!({"where": {"field": "id_number", "value": "1***************X"}});
        let wrong = org.admin.post("/v1/customers/search", &wrong).expect(400);
        assert_eq!(wrong.errors()[0].1, "id_number_length");
        let refused = org.admin.post("/v1/lookup", &json!({"birthday": "03-07"})).expect(422);
        assert_eq!(refused.errors()[0].0, "/birthday");
        // What is gone is not found, and what is put back is.
        let path = format!("/v1/customers/{}", made.id());
        let _ = org.admin.patch(&path, &json!({"id_number": null, "bank_accounts": null})).expect(200);
        assert_eq!(found(&org.admin, "customers", "id_number", &number), 0);
        assert_eq!(found(&org.admin, "customers", "bank_account", CARD), 0);
        let _ = org.admin.patch(&path, &json!({"id_number": number})).expect(200);
        assert_eq!(found(&org.admin, "customers", "id_number", &number), 1);
    }

    pub(super) fn birthdays_are_found_by_day_and_by_date(engine: Engine) {
        let org = Org::new(engine);
        let mut firm = company("生日有限公司");
        let born = ["1990-03-07", "1985-03-07", "1990-07-03", "2000-02-29"];
        let contacts = born.iter().map(|day| json!({"name": "周一", "birthday": day}));
        // More than a bucket's worth of one day.
        let crowd = (0..20).map(|_| json!({"name": "周二", "birthday": "1970-12-31"}));
        firm["contacts"] = contacts.chain(crowd).collect();
        let _ = org.admin.post("/v1/customers", &firm).expect(201);
        let by = |value: &str| found(&org.admin, "contacts", "birthday", value);
        assert_eq!([by("03-07"), by("1990-03-07"), by("1991-03-07"), by("02-29")], [2, 1, 0, 1]);
        assert_eq!([by("12-31"), by("1970-12-31"), by("01-01")], [20, 20, 0]);
        let not = json!({"where": {"field": "birthday", "op": "ne", "value": "12-31"}});
        assert_eq!(org.admin.post("/v1/contacts/search", &not).expect(200).data().len(), 4);
        let several =
            json!({"where": {"field": "birthday", "op": "in", "value": ["1990-07-03", "02-29", "1985-01-01"]}});
        assert_eq!(org.admin.post("/v1/contacts/search", &several).expect(200).data().len(), 2);
        for bad in ["3-7", "02-30", "1990", "生日"] {
            let asked = json!({"where": {"field": "birthday", "value": bad}});
            let refused = org.admin.post("/v1/contacts/search", &asked).expect(400);
            assert_eq!(refused.errors()[0].1, "birthday_invalid", "{bad}");
        }
        // A birthday that changes is found by its new day alone.
        let asked = json!({"where": {"field": "birthday", "value": "1985-03-07"}});
        let id = org.admin.post("/v1/contacts/search", &asked).expect(200).data()[0]["id"].clone();
        let path = format!("/v1/contacts/{}", id.as_str().unwrap());
        let _ = org.admin.patch(&path, &json!({"birthday": "1985-03-08"})).expect(200);
        assert_eq!([by("03-07"), by("03-08")], [1, 1]);
    }

    pub(super) fn an_id_number_is_one_persons(engine: Engine) {
        let org = Org::new(engine);
        let (one, other) = (org.user("salesperson", None), org.user("salesperson", None));
        let number = id_number();
        let made = one.session.post("/v1/customers", &person(&number)).expect(201);
        let again = one.session.post("/v1/customers", &person(&number)).expect(409);
        assert_eq!(again.json()["existing"]["id"], json!(made.id()));
        assert_eq!(again.errors()[0], ("/id_number".to_owned(), "duplicate_value".to_owned()));
        // That a masked number is right is told to the journal, within reach too.
        let told = org.admin.get("/v1/audit?filter[event]=duplicate.disclosed").expect(200).data();
        assert_eq!((told.len(), &told[0]["details"]["records"][0]["id"]), (1, &json!(made.id())));
        // Out of reach it says no more than a phone does.
        let told = other.session.post("/v1/customers", &person(&number)).expect(409).json();
        assert_eq!(told["existing"], json!({"state": "owned", "claimable": false}));
        let mut firm = company("重号有限公司");
        firm["contacts"] = json!([{"name": "周一", "id_number": number}]);
        assert_eq!(one.session.post("/v1/customers", &firm).expect(409).errors()[0].0, "/contacts/0/id_number");
        let second = one.session.post("/v1/customers", &person(&id_number())).expect(201);
        let path = format!("/v1/customers/{}", second.id());
        let _ = one.session.patch(&path, &json!({"id_number": number})).expect(409);
        // Several may be paid through one account.
        assert_eq!(found(&one.session, "customers", "bank_account", CARD), 2);
        let _ = one.session.post("/v1/customers?on_duplicate=allow", &person(&number)).expect(201);
    }

    pub(super) fn an_account_that_looks_wrong_is_flagged(engine: Engine) {
        let org = Org::new(engine);
        let mut firm = company("账户有限公司");
        firm["bank_accounts"] = json!(["6222026360837783532", "0200003609027104475"]);
        let made = org.admin.post("/v1/customers", &firm).expect(201).json();
        assert_eq!(made["flags"], json!(["bank_account_check"]), "kept, and marked");
        let path = format!("/v1/customers/{}", made["id"].as_str().unwrap());
        let still = org.admin.patch(&path, &json!({"remark": "等待核实"})).expect(200).json();
        assert_eq!(still["flags"], json!(["bank_account_check"]));
        let mended = json!({"bank_accounts": {
            "remove": [made["bank_accounts"][0]["id"]], "add": [{"value": CARD, "bank": "中国工商银行"}],
        }});
        let mended = org.admin.patch(&path, &mended).expect(200).json();
        assert_eq!((&mended["flags"], mended["bank_accounts"].as_array().unwrap().len()), (&json!([]), 2));
    }

    /// For every kind of record and every role that may read and change it.
    pub(super) fn an_answer_sent_back_changes_nothing_for_any_role(engine: Engine) {
        let org = Org::new(engine);
        let team = org.team(None);
        let manager = org.user("manager", Some(&team));
        let seller = org.user("salesperson", Some(&team));
        let mut body = person(&id_number());
        body["phones"] = json!([mobile()]);
        body["address"] = json!("上海市浦东新区世纪大道100号");
        body["contacts"] = json!([{
            "name": "周一", "phones": [mobile()], "wechat": "wx_1", "birthday": "1990-03-07", "id_number": id_number(),
        }]);
        let customer = seller.session.post("/v1/customers", &body).expect(201).id();
        let follow_up =
            json!({"customer_id": customer, "kind": "call", "summary": "x", "happened_at": "2026-11-22T00:00:00Z"});
        let _ = seller.session.post("/v1/follow_ups", &follow_up).expect(201);
        let _ = org.admin.post("/v1/tags", &json!({"name": "原样"})).expect(201);
        let form = json!({"name": "表单", "fields": [{"key": "mobile", "maps_to": "customer.phone"}]});
        let _ = org.admin.post("/v1/forms", &form).expect(201);
        let rights = json!({"kinds": {"customer": {"read": ["team"], "fields": {"remark": {"sees": "hidden"}}}}});
        let _ = org.admin.post("/v1/roles", &json!({"key": "same", "name": "原样", "rights": rights})).expect(201);
        let field = json!({"kind": "customer", "key": "same", "type": "text", "label": {"zh-CN": "原样"}});
        let _ = org.admin.post("/v1/fields", &field).expect(201);
        let rule = json!({"kind": "customer", "field": "remark", "check": {"type": "required"}, "active": false});
        let _ = org.admin.post("/v1/entry_rules", &rule).expect(201);
        let note = json!({"record_kind": "customer", "record_id": customer, "body": "原样"});
        let _ = seller.session.post("/v1/notes", &note).expect(201);
        let _ = seller.session.attach("customer", &customer, "原样.txt", b"text").expect(201);
        let document = org.admin.get("/openapi.json").expect(200).json();
        let paths = document["paths"].as_object().unwrap();
        // Records have a history.
        let is_record = |path: &str| paths.contains_key(&format!("{path}/history"));
        let kinds = paths.iter().filter(|(path, verbs)| path.ends_with("/{id}") && verbs.get("patch").is_some());
        let kinds = kinds.filter(|(path, _)| is_record(path));
        let kinds: Vec<&str> = kinds.filter_map(|(path, _)| path.strip_suffix("/{id}")).collect();
        assert_eq!(kinds.len(), 13, "{kinds:?}");
        // Segments are private: everybody has one.
        let filter = json!({"field": "stage", "value": "active"});
        let segment = json!({"name": "原样", "kind": "customer", "type": "live", "where": filter});
        for session in [&org.admin, &manager.session, &seller.session] {
            let _ = session.post("/v1/segments", &segment).expect(201);
        }
        let mut masked = 0;
        for (role, session) in [("admin", &org.admin), ("manager", &manager.session), ("seller", &seller.session)] {
            let can = session.get("/v1/me").expect(200).json()["can"].clone();
            for kind in &kinds {
                let name = kind.trim_start_matches("/v1/").trim_end_matches('s');
                if can[name]["read"] == json!([]) || can[name]["update"] == json!([]) {
                    continue;
                }
                let records = session.get(&format!("{kind}?limit=5")).expect(200).data();
                assert!(!records.is_empty(), "{role} {kind}");
                for record in records {
                    let path = format!("{kind}/{}", record["id"].as_str().unwrap());
                    let read = session.get(&path).expect(200);
                    masked += read.json()["masked"].as_array().unwrap().len();
                    let back = session.patch(&path, &read.json()).expect(200);
                    // A write tells of warnings beside.
                    let mut same = back.json();
                    let _ = same.as_object_mut().unwrap().remove("warnings");
                    assert_eq!(same, read.json(), "{role} {kind}");
                    assert_eq!(back.header("etag"), read.header("etag"), "{role} {kind}");
                }
            }
        }
        // Three roles: two of the customer, one of its contact.
        assert_eq!(masked, 9);
    }

    pub(super) fn masks_stand_for_what_they_hide(engine: Engine) {
        let org = Org::new(engine);
        let number = id_number();
        let mut body = person(&number);
        body["bank_accounts"] = json!([CARD, "0200003609027103531", "0200003609027104475"]);
        let made = org.admin.post("/v1/customers", &body).expect(201).json();
        let path = format!("/v1/customers/{}", made["id"].as_str().unwrap());
        let patch = |body: Value| org.admin.patch(&path, &body);
        let mask = made["id_number"].as_str().unwrap();
        assert_eq!(patch(json!({"id_number": mask})).expect(200).json()["version"], 1);
        // The mask of somebody else, a part of one, an edited one.
        for text in ["2***************9", "1***************", &format!("{mask}1"), "110101***********X"] {
            let refused = patch(json!({"id_number": text})).expect(422).errors();
            assert_eq!(refused, [("/id_number".to_owned(), "mask_in_text".to_owned())], "{text}");
        }
        // Two accounts end alike: their mask alone does not say which one is meant.
        let accounts = made["bank_accounts"].as_array().unwrap();
        let refused = patch(json!({"bank_accounts": ["************3531"]})).expect(422).errors();
        assert_eq!(refused, [("/bank_accounts/0".to_owned(), "mask_ambiguous".to_owned())]);
        let refused = patch(json!({"bank_accounts": ["************0000"]})).expect(422).errors();
        assert_eq!(refused[0].1, "mask_in_text");
        // With its id it does; the label changes, the number stays.
        let kept = json!({"bank_accounts": [
            {"id": accounts[1]["id"], "value": "************3531", "label": "货款", "bank": "中国银行"},
            "************4475",
        ]});
        let kept = patch(kept).expect(200).json();
        assert_eq!((&kept["version"], kept["bank_accounts"].as_array().unwrap().len()), (&json!(2), 2));
        assert_eq!(kept["bank_accounts"][0]["bank"], "中国银行");
        assert_eq!(found(&org.admin, "customers", "bank_account", "0200003609027103531"), 1);
        assert_eq!(found(&org.admin, "customers", "bank_account", CARD), 0);
        // What is written in clear is taken, and masked from then on.
        let new = id_number();
        let changed = patch(json!({"id_number": new})).expect(200);
        assert!(!changed.text.contains(&new), "{}", changed.text);
        assert_eq!(changed.json()["version"], 3);
        let refused = patch(json!({"bank_accounts": [{"value": CARD, "branch": "x"}]})).expect(422);
        assert!(refused.text.contains("id, value, label, bank, primary, verified_at"), "{}", refused.text);
        let refused = patch(json!({"phones": [{"value": mobile(), "bank": "x"}]})).expect(422);
        assert_eq!(refused.errors()[0].1, "field_unknown");
    }

    pub(super) fn history_and_log_mask_as_the_record_does(engine: Engine) {
        let org = Org::new(engine);
        let (old, new) = (id_number(), id_number());
        let made = org.admin.post("/v1/customers", &person(&old)).expect(201);
        let path = format!("/v1/customers/{}", made.id());
        let _ = org.admin.patch(&path, &json!({"id_number": new, "bank_accounts": null})).expect(200);
        let told = org.admin.get(&format!("{path}/history")).expect(200);
        let log = org.admin.get(&format!("/v1/audit?filter[record_id]={}", made.id())).expect(200);
        for text in [&told.text, &log.text] {
            assert!(![&old, &new, CARD].iter().any(|secret| text.contains(*secret)), "{text}");
        }
        for entry in [&told.data()[0], &log.data()[0]] {
            assert_eq!(entry["masked"], json!(["id_number", "bank_accounts"]));
            let changes = entry["changes"].as_array().unwrap();
            let change = changes.iter().find(|change| change["field"] == "id_number").unwrap();
            assert_eq!(change["from"], made.json()["id_number"]);
            let change = changes.iter().find(|change| change["field"] == "bank_accounts").unwrap();
            assert_eq!(change["from"], made.json()["bank_accounts"]);
        }
    }
}
