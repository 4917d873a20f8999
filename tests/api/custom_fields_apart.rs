//! Fields that an organisation adds, between servers and people: what stands beside values, defaults that are gone, and
//! who checks records.

kehu_tests::on_both_engines!(
    links_of_choices_are_those_of_the_values,
    a_default_never_keeps_a_record_out,
    what_a_server_may_have_dropped_is_filled_again,
    a_check_is_for_who_reads_every_value_in_full,
);

#[cfg(test)]
mod tests {
    use kehu_tests::{Engine, Org, Session, company, mobile};
    use serde_json::{Value, json};

    use crate::custom_fields::tests::{add, customer, definition, found, path, wait};

    pub(super) fn links_of_choices_are_those_of_the_values(engine: Engine) {
        let org = Org::new(engine);
        let choices = json!({"choices": [{"key": "a"}, {"key": "b"}], "filterable": true});
        let field = add(&org.admin, "wants", "choices", &choices);
        let one = customer(&org.admin, json!({"wants": ["a", "b"]}));
        assert_eq!(found(&org.admin, "custom.wants]=a"), std::slice::from_ref(&one));
        // Off and on again before its job takes the links away.
        let _ = org.admin.patch(&path(&field), &json!({"filterable": false})).expect(200);
        let _ = org.admin.patch(&format!("/v1/customers/{one}"), &json!({"custom": {"wants": ["b"]}})).expect(200);
        let _ = org.admin.patch(&path(&field), &json!({"filterable": true})).expect(200);
        let _ = wait(&org.admin, &path(&field), |told| told["indexed"] == true);
        assert_eq!(found(&org.admin, "custom.wants]=a"), Vec::<String>::new());
        assert_eq!(found(&org.admin, "custom.wants]=b"), [one]);
    }

    pub(super) fn a_default_never_keeps_a_record_out(engine: Engine) {
        let org = Org::new(engine);
        let partner = |id: &str| definition("partner", "reference", &json!({"target": "customer", "default": id}));
        let refused = org.admin.post("/v1/fields", &partner(&kehu_tests::new_id())).expect(422);
        assert_eq!(refused.errors(), [("/default".to_owned(), "reference_unknown".to_owned())]);
        let target = customer(&org.admin, json!({}));
        let _ = org.admin.post("/v1/fields", &partner(&target)).expect(201);
        let seller = org.user("salesperson", None).session;
        let made = |session: &Session| {
            let body = company("默认有限公司");
            session.post("/v1/customers?on_duplicate=allow", &body).expect(201).json()["custom"]["partner"].clone()
        };
        // It is the organisation's word, also to who does not read the record.
        assert_eq!(made(&seller), json!({"id": target, "name": null}));
        let _ = org.admin.delete(&format!("/v1/customers/{target}")).expect(204);
        assert_eq!((made(&seller), made(&org.admin)), (Value::Null, Value::Null));
        // Least of all a lead.
        let form = json!({"name": "官网咨询", "fields": [
            {"key": "company", "maps_to": "customer.name"}, {"key": "mobile", "maps_to": "contact.phone"},
        ]});
        let form = org.admin.post("/v1/forms", &form).expect(201).json();
        let website = Session::anonymous(&org.engine.base()).with_token(form["public_key"].as_str());
        let values = json!({"values": {"company": "来客有限公司", "mobile": mobile()}});
        let submissions = format!("/v1/forms/{}/submissions", form["id"].as_str().unwrap());
        let _ = website.post(&submissions, &values).expect(202);
        let taken = org.admin.get(&submissions).expect(200).data();
        assert_eq!(taken[0]["status"], "created", "{taken:?}");
    }

    pub(super) fn what_a_server_may_have_dropped_is_filled_again(engine: Engine) {
        let org = Org::new(engine);
        let jobs = || {
            let jobs = org.admin.get("/v1/jobs?limit=100").expect(200).data();
            jobs.iter().filter(|job| job["kind"] == "fields.fill").count()
        };
        let _ = add(&org.admin, "plain", "text", &json!({"filterable": true}));
        assert_eq!(jobs(), 0, "values stand in a place that nobody else writes");
        for (at, more) in [
            json!({"unique": true, "filterable": true}),
            json!({"searchable": true, "filterable": true}),
            json!({"sensitive": true, "filterable": true}),
        ]
        .iter()
        .enumerate()
        {
            let field = add(&org.admin, &format!("found_{at}"), "text", more);
            assert_eq!((jobs(), &field["indexed"]), (at + 1, &json!(true)));
        }
    }

    /// A check says of which records a value breaks a bound: who moves the bound reads the value.
    pub(super) fn a_check_is_for_who_reads_every_value_in_full(engine: Engine) {
        let org = Org::new(engine);
        let field = add(&org.admin, "floor_area", "number", &json!({}));
        let sealed = add(&org.admin, "hotline", "text", &json!({"sensitive": true}));
        let _ = customer(&org.admin, json!({"floor_area": 730, "hotline": "8821"}));
        let check =
            |session: &Session, field: &Value, patch: Value| session.post(&format!("{}/check", path(field)), &patch);
        let system = org.user("system_admin", None).session;
        // Who defines fields need not see customers.
        let _ = system.patch(&path(&field), &json!({"order": 3})).expect(200);
        let _ = check(&system, &field, json!({"min": 700})).expect(403);
        let _ = check(&system, &sealed, json!({"pattern": "88.*"})).expect(403);
        // Reading all customers is not enough where the values of some are masked.
        let definer = |hotline: &str, key: &str| {
            let rights = json!({
                "kinds": {"customer": {"read": ["all"]}, "field": {"read": ["all"], "update": ["all"]}},
                "contact_data": {"own": "full", "team": "full", "other": hotline},
            });
            let body = json!({"key": key, "name": key, "rights": rights});
            let _ = org.admin.post("/v1/roles", &body).expect(201);
            org.user(key, None).session
        };
        let half = definer("masked", "half_definer");
        let _ = check(&half, &sealed, json!({"pattern": "88.*"})).expect(403);
        let _ = check(&half, &field, json!({"min": 700})).expect(202);
        let _ = check(&definer("full", "whole_definer"), &sealed, json!({"pattern": "88.*"})).expect(202);
        let job = check(&org.admin, &field, json!({"min": 800})).expect(202).id();
        let done = org.admin.done(&format!("/v1/jobs/{job}"), 60);
        assert_eq!(done["result"]["wrong"], json!(1), "{done}");
        let _ = check(&org.admin, &sealed, json!({"pattern": "88.*"})).expect(202);
    }
}
