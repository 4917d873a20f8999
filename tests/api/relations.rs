//! Whole records of relations that come along, two levels deep.

kehu_tests::on_both_engines!(
    relations_of_relations_come_along,
    wrong_relations_are_named,
    of_many_a_hundred_come_along,
    what_is_out_of_reach_does_not_come_along,
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kehu_tests::{Engine, Org, company};
    use serde_json::{Value, json};

    pub(super) fn relations_of_relations_come_along(engine: Engine) {
        let org = Org::new(engine);
        let team = org.team(None);
        let seller = org.user("salesperson", Some(&team));
        let mut body = company("两层有限公司");
        body["contacts"] = json!([{"name": "周一"}, {"name": "周二"}]);
        let customer = seller.session.post("/v1/customers", &body).expect(201).id();
        let path = format!("/v1/customers/{customer}");
        let contacts = org.admin.get(&format!("{path}?expand=contacts")).expect(200).json()["contacts"].clone();
        let (boss, clerk) = (contacts[0]["id"].as_str().unwrap(), contacts[1]["id"].as_str().unwrap());
        let _ = org.admin.patch(&format!("/v1/contacts/{clerk}"), &json!({"reports_to_id": boss})).expect(200);
        let expand = "contacts.reports_to,owner.team,team";
        let whole = org.admin.get(&format!("{path}?expand={expand}")).expect(200).json();
        assert_eq!(whole["contacts"][1]["reports_to"]["name"], contacts[0]["name"]);
        assert_eq!(whole["contacts"][1]["reports_to"]["version"], 1);
        // Behind the second level names stand, as everywhere.
        assert_eq!(whole["contacts"][1]["reports_to"]["customer"], json!({"id": customer, "name": "两层有限公司"}));
        assert!(whole["contacts"][0]["reports_to"].is_null());
        assert_eq!((&whole["owner"]["id"], &whole["owner"]["role"]), (&json!(seller.id), &json!("salesperson")));
        assert_eq!(whole["owner"]["team"]["id"], json!(team));
        assert!(whole["team"]["version"].is_number() && whole["owner"]["team"]["version"].is_number());
        // In lists and searches as well, and it may be sent back whole.
        let listed = org.admin.get(&format!("/v1/customers?expand={expand}")).expect(200).data();
        let asked = json!({"expand": expand.split(',').collect::<Vec<_>>()});
        let found = org.admin.post("/v1/customers/search", &asked).expect(200).data();
        for page in [&listed, &found] {
            for name in ["contacts", "contacts_has_more", "owner", "team"] {
                assert_eq!(page[0][name], whole[name], "{name}");
            }
        }
        let _ = org.admin.patch(&path, &whole).expect(200);
        // What was not asked for is short.
        let short = org.admin.get(&format!("{path}?expand=contacts")).expect(200).json();
        assert_eq!(short["contacts"][1]["reports_to"], json!({"id": boss, "name": contacts[0]["name"]}));
        assert_eq!(short["owner"], json!({"id": seller.id, "name": "测试salesperson"}));
    }

    pub(super) fn wrong_relations_are_named(engine: Engine) {
        let org = Org::new(engine);
        for expand in
            ["contact", "contacts.contacts", "contacts.reports_to.reports_to", "contacts.", ".owner", "owner.team.x"]
        {
            let refused = org.admin.get(&format!("/v1/customers?expand={expand}")).expect(400).json();
            let error = &refused["errors"][0];
            assert_eq!(
                (&error["parameter"], &error["code"]),
                (&json!("expand"), &json!("parameter_invalid")),
                "{expand}"
            );
            assert!(error["hint"].as_str().unwrap().contains("contacts.reports_to"), "{error}");
        }
    }

    pub(super) fn of_many_a_hundred_come_along(engine: Engine) {
        let org = Org::new(engine);
        let customers: Vec<String> = (0..2)
            .map(|at| org.admin.post("/v1/customers", &company(&format!("众{at}有限公司"))).expect(201).id())
            .collect();
        // So many that a share for each does not reach.
        for (customer, count) in customers.iter().zip([230, 3]) {
            let items: Vec<Value> = (0..count)
                .map(|at| json!({"record_kind": "customer", "record_id": customer, "body": format!("第{at}条")}))
                .collect();
            let _ = org.admin.post("/v1/notes/batch", &json!({ "items": items })).expect(200);
        }
        let page = org.admin.get("/v1/customers?expand=notes&sort=created_at").expect(200).data();
        let brought = |at: usize| page[at]["notes"].as_array().unwrap();
        assert_eq!((brought(0).len(), &page[0]["notes_has_more"]), (100, &json!(true)));
        assert_eq!((brought(1).len(), &page[1]["notes_has_more"]), (3, &json!(false)));
        // The oldest.
        let oldest =
            org.admin.get(&format!("/v1/notes?filter[customer_id]={}&sort=created_at&limit=100", customers[0]));
        let oldest = oldest.expect(200).data();
        let ids = |notes: &[Value]| notes.iter().map(|note| note["id"].to_string()).collect::<BTreeSet<_>>();
        assert_eq!(ids(brought(0)), ids(&oldest));
    }

    pub(super) fn what_is_out_of_reach_does_not_come_along(engine: Engine) {
        let org = Org::new(engine);
        let (seller, other) = (org.user("salesperson", None), org.user("salesperson", None));
        let customer = other.session.post("/v1/customers", &company("别人有限公司")).expect(201).id();
        let path = format!("/v1/customers/{customer}");
        assert_eq!(seller.session.get(&format!("{path}?expand=contacts.customer,owner")).status, 404);
        let share = json!({"collaborators": [{"user_id": seller.id, "access": "read"}]});
        let _ = org.admin.patch(&path, &share).expect(200);
        // A colleague as he is seen by himself.
        let whole = seller.session.get(&format!("{path}?expand=owner")).expect(200).json();
        let colleague = seller.session.get(&format!("/v1/users/{}", other.id));
        match colleague.status {
            200 => {
                let mut alone = colleague.json();
                alone.as_object_mut().unwrap().remove("can");
                assert_eq!(whole["owner"], alone);
            }
            _ => assert!(whole["owner"].is_null(), "{whole}"),
        }
    }
}
