//! Values of fields that an organisation added, between records and readers: unique among children, named by reference,
//! not guessed behind a mask.

kehu_tests::on_both_engines!(
    a_unique_value_is_one_contacts_of_a_customer,
    unique_values_go_and_come_with_the_customer,
    a_reference_names_what_the_reader_reads,
    a_name_that_is_no_field_is_refused,
    a_mask_is_not_guessed_where_nothing_finds_it,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, Session, company};
    use serde_json::{Value, json};

    use crate::custom_values::tests::{add, add_to, make};

    pub(super) fn a_unique_value_is_one_contacts_of_a_customer(engine: Engine) {
        let org = Org::new(engine);
        add_to(&org, "contact", "badge", json!({"type": "text", "unique": true, "filterable": true}));
        let contact = |badge: &str| json!({"name": "孙三", "custom": {"badge": badge}});
        let mut body = company("两枚有限公司");
        body["contacts"] = json!([contact("B-1"), contact("B-1")]);
        let refused = org.admin.post("/v1/customers", &body).expect(422);
        assert_eq!(refused.errors(), [("/contacts/1/custom/badge".to_owned(), "value_twice".to_owned())]);
        body["contacts"] = json!([contact("B-1"), contact("B-2")]);
        let customer = org.admin.post("/v1/customers", &body).expect(201).id();
        // The same customer's, and allowed duplicates: the value is one record's all the same.
        let mut third = contact("B-1");
        third["customer_id"] = customer.clone().into();
        let refused = org.admin.post("/v1/contacts?on_duplicate=allow", &third).expect(409);
        assert_eq!(refused.errors(), [("/custom/badge".to_owned(), "unique_value_taken".to_owned())]);
        assert_eq!(refused.json()["existing"]["resource"], "contact", "{}", refused.text);
        third["custom"]["badge"] = "B-3".into();
        let path = format!("/v1/contacts/{}", org.admin.post("/v1/contacts", &third).expect(201).id());
        let _ = org.admin.patch(&path, &json!({"custom": {"badge": "B-2"}})).expect(409);
        let _ = org.admin.patch(&path, &json!({"custom": {"badge": "B-3"}, "remark": "一"})).expect(200);
        // Two of one batch.
        let items: Vec<Value> = ["B-4", "B-4"]
            .map(|badge| {
                let mut item = contact(badge);
                item["customer_id"] = customer.clone().into();
                item
            })
            .into();
        let _ = org.admin.post("/v1/contacts/batch", &json!({"items": items}));
        let found = org.admin.get("/v1/contacts?filter[custom.badge]=B-4").expect(200).data();
        assert!(found.len() <= 1, "{found:?}");
    }

    pub(super) fn unique_values_go_and_come_with_the_customer(engine: Engine) {
        let org = Org::new(engine);
        for kind in ["note", "follow_up"] {
            add_to(&org, kind, "code", json!({"type": "text", "unique": true, "filterable": true}));
        }
        let customer = |name: &str| org.admin.post("/v1/customers", &company(name)).expect(201).id();
        let (first, second) = (customer("先来有限公司"), customer("后到有限公司"));
        let note = |on: &str, code: &str| json!({"record_kind": "customer", "record_id": on, "body": "备注", "custom": {"code": code}});
        let follow_up = |on: &str, code: &str| {
            json!({"customer_id": on, "kind": "call", "summary": "电话", "happened_at": "2026-11-22T00:00:00Z",
                "custom": {"code": code}})
        };
        let _ = org.admin.post("/v1/notes", &note(&first, "N-1")).expect(201);
        let _ = org.admin.post("/v1/follow_ups", &follow_up(&first, "F-1")).expect(201);
        let met = org.admin.post("/v1/notes", &note(&second, "N-1")).expect(409).json();
        assert_eq!((&met["existing"]["resource"], &met["existing"]["name"]), (&json!("note"), &json!("先来有限公司")));
        // Deleted with the customer: the values are free.
        let path = format!("/v1/customers/{first}");
        let _ = org.admin.delete(&path).expect(204);
        let taken = org.admin.post("/v1/notes", &note(&second, "N-1")).expect(201).id();
        // And keep it from coming back while somebody else has one.
        let _ = org.admin.post(&format!("{path}/restore"), &json!({})).expect(409);
        let _ = org.admin.delete(&format!("/v1/notes/{taken}")).expect(204);
        let _ = org.admin.post(&format!("{path}/restore"), &json!({})).expect(200);
        let _ = org.admin.post("/v1/notes", &note(&second, "N-1")).expect(409);
        let _ = org.admin.post("/v1/follow_ups", &follow_up(&second, "F-1")).expect(409);
    }

    pub(super) fn a_reference_names_what_the_reader_reads(engine: Engine) {
        let org = Org::new(engine);
        add(&org, "partner", json!({"type": "reference", "target": "customer"}));
        let (one, other) = (org.user("salesperson", None).session, org.user("salesperson", None).session);
        let far = make(&one, "远方密名有限公司", json!({}));
        let near = make(&other, "近处有限公司", json!({}));
        let path = |made: &Value| format!("/v1/customers/{}", made["id"].as_str().unwrap());
        let (far, near) = (path(&far), path(&near));
        let id = json!(far.rsplit('/').next().unwrap());
        let _ = org.admin.patch(&near, &json!({"custom": {"partner": id}})).expect(200);
        let shown = |session: &Session| session.get(&near).expect(200).json()["custom"]["partner"].clone();
        assert_eq!(shown(&org.admin), json!({"id": id, "name": "远方密名有限公司"}));
        let _ = other.get(&far).expect(404);
        assert_eq!(shown(&other), json!({"id": id, "name": null}));
        let listed = other.get("/v1/customers?fields=custom.partner").expect(200);
        assert!(!listed.text.contains("远方密名"), "{}", listed.text);
        // What was read may be sent back, and answers to writes name no more.
        let same = other.patch(&near, &json!({"custom": {"partner": shown(&other)}, "remark": "一"})).expect(200);
        assert!(!same.text.contains("远方密名"), "{}", same.text);
        let history = other.get(&format!("{near}/history")).expect(200);
        assert!(!history.text.contains("远方密名"), "{}", history.text);
        let _ = org.admin.delete(&far).expect(204);
        assert_eq!(shown(&org.admin), json!({"id": id, "name": null}), "it was deleted");
    }

    pub(super) fn a_name_that_is_no_field_is_refused(engine: Engine) {
        let org = Org::new(engine);
        add(&org, "level", json!({"type": "number"}));
        let made = make(&org.admin, "错名有限公司", json!({"level": 1}));
        let path = format!("/v1/customers/{}", made["id"].as_str().unwrap());
        for path in [format!("{path}?fields=name,custom.typo"), "/v1/customers?fields=custom.typo".to_owned()] {
            let refused = org.admin.get(&path).expect(400);
            assert!(refused.text.contains("custom.typo") && refused.text.contains("custom.level"), "{}", refused.text);
        }
        let _ = org.admin.post("/v1/customers/search", &json!({"fields": ["custom.typo"]})).expect(400);
        let _ = org.admin.patch(&path, &json!({"remark": "一"})).expect(200);
        // A member of that name is none, also beside an old version.
        for body in [json!({"custom.level": 2}), json!({"custom.level": 2, "version": 1})] {
            let refused = org.admin.patch(&path, &body).expect(422);
            assert_eq!(refused.errors(), [("/custom.level".to_owned(), "field_unknown".to_owned())], "{body}");
        }
    }

    pub(super) fn a_mask_is_not_guessed_where_nothing_finds_it(engine: Engine) {
        let org = Org::new(engine);
        add(&org, "pass", json!({"type": "text", "sensitive": true}));
        let made = make(&org.admin, "口令有限公司", json!({"pass": "8821"}));
        let path = format!("/v1/customers/{}", made["id"].as_str().unwrap());
        let rights = json!({
            "kinds": {"customer": {"read": ["all"], "update": ["all"]}},
            "contact_data": {"own": "masked", "team": "masked", "other": "masked"},
        });
        let _ = org.admin.post("/v1/roles", &json!({"key": "guesser", "name": "猜测员", "rights": rights})).expect(201);
        let guesser = org.user("guesser", None).session;
        let compared = || {
            let entries = org.admin.get("/v1/audit?limit=500&filter[class]=access").expect(200).data();
            entries.iter().filter(|entry| entry["type"] == "customer.compared").count()
        };
        let _ = org.admin.patch(&path, &json!({"custom": {"pass": "7702"}})).expect(200);
        assert_eq!(compared(), 0, "who sees it compares nothing");
        // Beside an old version the right value changes nothing, and a wrong one conflicts.
        let _ = guesser.patch(&path, &json!({"version": 1, "custom": {"pass": "7702"}})).expect(200);
        assert_eq!(compared(), 1);
        let _ = guesser.patch(&path, &json!({"version": 1, "custom": {"pass": "1111"}})).expect(412);
        assert_eq!(compared(), 2);
        // What is written is told by the record and the journal.
        let _ = guesser.patch(&path, &json!({"custom": {"pass": "2222"}})).expect(200);
        assert_eq!(compared(), 2);
    }
}
