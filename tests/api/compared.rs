//! A mask is not guessed out: what is compared with a masked value is counted, by whatever door.

kehu_tests::on_both_engines!(
    a_mask_is_not_guessed_out,
    a_mask_is_not_guessed_out_by_writes,
    a_long_import_is_not_counted,
);

#[cfg(test)]
mod tests {
    use kehu_tests::server::Home;
    use kehu_tests::{Engine, Session, mobile, own_postgres};
    use serde_json::{Value, json};

    use crate::identity::tests::{CARD, found, id_number, person};

    pub(super) fn a_mask_is_not_guessed_out(engine: Engine) {
        let home = match engine {
            Engine::Sqlite => Home::sqlite(),
            Engine::Postgres => Home::postgres(own_postgres().url),
        };
        let server = home.start_with(&["--read-limit", "4"]);
        let admin = server.admin();
        let number = id_number();
        let _ = admin.post("/v1/customers", &person(&number)).expect(201);
        // What is seen in full may be asked for as often as one likes; so may whether there is anything.
        let free =
            json!({"where": {"or": [{"field": "phone", "value": mobile()}, {"field": "id_number", "op": "is_null"}]}});
        for _ in 0..6 {
            let _ = admin.post("/v1/customers/search", &free).expect(200);
        }
        let guess = |values: Value| {
            let asked = json!({"where": {"not": {"field": "id_number", "op": "in", "value": values}}});
            admin.post("/v1/customers/search", &asked)
        };
        assert_eq!(guess(json!([number, id_number()])).expect(200).data().len(), 0);
        let _ = admin.post("/v1/lookup", &json!({"id_number": number})).expect(200);
        // Each value counts, however they are asked.
        let refused = guess(json!([id_number(), id_number()])).expect(429);
        assert_eq!(refused.code(), "compare_limit");
        assert!(refused.header("retry-after").is_some());
        let account = json!({"where": {"field": "bank_account", "value": CARD}});
        assert_eq!(admin.post("/v1/customers/search", &account).expect(200).data().len(), 1);
        let _ = admin.post("/v1/customers/search", &account).expect(429);
        let _ = admin.post("/v1/lookup", &json!({"bank_account": CARD})).expect(429);
        let _ = admin.post("/v1/customers/search", &free).expect(200);
        let mut entries = admin.get("/v1/audit?limit=500&filter[class]=access").expect(200).data();
        entries.reverse();
        let told: Vec<Value> = entries
            .iter()
            .filter(|entry| entry["type"].as_str().unwrap().ends_with(".compared"))
            .map(|entry| json!([entry["type"], entry["outcome"], entry["details"]["values"]]))
            .collect();
        let expected = json!([
            ["customer.compared", "ok", 2],
            ["lookup.compared", "ok", 1],
            ["customer.compared", "denied", 2],
            ["customer.compared", "ok", 1],
        ]);
        assert_eq!(json!(told), expected);
        assert!(!json!(entries).to_string().contains(&number), "what was asked for is not told");
        assert!(server.stop().success());
    }

    fn limited(engine: Engine, limit: &str) -> kehu_tests::server::Server {
        let home = match engine {
            Engine::Sqlite => Home::sqlite(),
            Engine::Postgres => Home::postgres(own_postgres().url),
        };
        home.start_with(&["--read-limit", limit])
    }

    fn compared(admin: &Session) -> Vec<Value> {
        let mut entries = admin.get("/v1/audit?limit=500&filter[class]=access").expect(200).data();
        entries.reverse();
        let compared = entries.iter().filter(|entry| entry["type"].as_str().unwrap().ends_with(".compared"));
        compared.map(|entry| json!([entry["type"], entry["outcome"], entry["details"]["values"]])).collect()
    }

    /// A write that makes nothing, or changes nothing, tells whether a value is right: it counts, right or wrong.
    pub(super) fn a_mask_is_not_guessed_out_by_writes(engine: Engine) {
        let server = limited(engine, "10");
        let admin = server.admin();
        let number = id_number();
        let made = admin.post("/v1/customers", &person(&number)).expect(201);
        let path = format!("/v1/customers/{}", made.id());
        let _ = admin.patch(&path, &json!({"bank_accounts": {"add": ["6217003740681241586"]}})).expect(200);
        let again = id_number();
        let _ = admin.patch(&path, &json!({"id_number": again})).expect(200);
        assert_eq!(compared(&admin), Vec::<Value>::new(), "what is stored is not counted");
        // A record that cannot be made: the right number is refused as a duplicate, a wrong one for its owner.
        let doomed = |number: &str| {
            let mut body = json!({"name": "周芷若", "kind": "person", "id_number": number});
            body["owner_id"] = json!("0199a000-0000-7000-8000-000000000000");
            body
        };
        assert!(admin.post("/v1/customers", &doomed(&again)).status != 201);
        assert!(admin.post("/v1/customers", &doomed(&id_number())).status != 201);
        let items = json!({"items": [doomed(&again), doomed(&id_number())]});
        let _ = admin.post("/v1/customers/batch", &items);
        // An old version: the right number changes nothing, a wrong one conflicts.
        let _ = admin.patch(&path, &json!({"version": 1, "id_number": again})).expect(200);
        let _ = admin.patch(&path, &json!({"version": 1, "id_number": id_number()})).expect(412);
        let _ = admin.patch(&path, &json!({"version": 1, "id_number": again, "remark": "一"})).expect(200);
        // An account that is there already, and what is wrong by its form alone.
        let _ = admin.patch(&path, &json!({"bank_accounts": {"add": [CARD]}}));
        let _ = admin.patch(&path, &json!({"id_number": "110101199003070260"})).expect(422);
        let told = compared(&admin);
        let expected = [1, 1, 2, 1, 1, 1, 1].map(|many| json!(["customer.compared", "ok", many]));
        assert_eq!(told, expected);
        // Two are left. Three at once are too many, and leave none: right and wrong are refused alike.
        let items = json!({"items": [doomed(&again), doomed(&id_number()), doomed(&id_number())]});
        let refused = admin.post("/v1/customers/batch", &items);
        assert!(refused.text.matches("compare_limit").count() >= 3, "{}", refused.text);
        for guess in [again, id_number()] {
            let refused = admin.patch(&path, &json!({"version": 1, "id_number": guess, "remark": "二"})).expect(429);
            assert_eq!(refused.code(), "compare_limit");
            assert_eq!(admin.post("/v1/customers", &doomed(&guess)).expect(429).code(), "compare_limit");
        }
        let _ = admin.patch(&path, &json!({"remark": "三", "id_number": made.json()["id_number"]}));
        assert_eq!(compared(&admin).last().unwrap(), &json!(["customer.compared", "denied", 3]));
        assert!(server.stop().success());
    }

    pub(super) fn a_long_import_is_not_counted(engine: Engine) {
        let server = limited(engine, "3");
        let admin = server.admin();
        let mut numbers = std::collections::BTreeSet::new();
        while numbers.len() < 150 {
            numbers.insert(id_number());
        }
        let mut items: Vec<Value> = numbers.iter().map(|number| person(number)).collect();
        // Wrong by their form: nothing was looked up for them.
        items.extend((0..5).map(|_| json!({"name": "", "kind": "person", "id_number": id_number()})));
        let done = admin.post("/v1/customers/batch", &json!({"items": items}));
        assert!(!done.text.contains("compare_limit"), "{}", done.text);
        assert_eq!(compared(&admin), Vec::<Value>::new());
        let (first, other) = (numbers.first().unwrap(), numbers.last().unwrap());
        assert_eq!(found(&admin, "customers", "id_number", first), 1);
        assert_eq!(found(&admin, "customers", "id_number", other), 1);
        assert!(server.stop().success());
    }
}
