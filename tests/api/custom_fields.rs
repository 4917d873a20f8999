//! Fields that an organisation adds: what a definition says, who may write it, and what becomes of filters.

kehu_tests::on_both_engines!(
    a_field_is_added_and_used_and_changed,
    what_a_definition_may_not_say_is_refused_by_name,
    a_key_is_free_after_deletion_and_its_values_are_not_anothers,
    a_field_that_comes_back_has_its_values,
    an_item_that_is_left_out_is_retired,
    places_for_filters_are_given_back_empty,
    what_is_asked_for_later_is_filled_by_a_job,
    a_stricter_rule_is_checked_before_it_is_set,
    fields_are_read_by_all_and_written_by_who_may,
    a_kind_has_two_hundred_fields_at_most,
);

#[cfg(test)]
pub(crate) mod tests {
    use std::time::{Duration, Instant};

    use kehu_tests::{Engine, Org, Session, company};
    use serde_json::{Value, json};

    pub(crate) fn definition(key: &str, holds: &str, more: &Value) -> Value {
        let mut body = json!({"kind": "customer", "key": key, "type": holds, "label": {"zh-CN": key}});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    }

    pub(crate) fn add(admin: &Session, key: &str, holds: &str, more: &Value) -> Value {
        admin.post("/v1/fields", &definition(key, holds, more)).expect(201).json()
    }

    pub(crate) fn path(field: &Value) -> String {
        format!("/v1/fields/{}", field["id"].as_str().unwrap())
    }

    pub(crate) fn customer(admin: &Session, custom: Value) -> String {
        let mut body = company("字段有限公司");
        body["custom"] = custom;
        admin.post("/v1/customers?on_duplicate=allow", &body).expect(201).id()
    }

    pub(crate) fn found(admin: &Session, condition: &str) -> Vec<String> {
        let data = admin.get(&format!("/v1/customers?filter[{condition}")).expect(200).data();
        data.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits for a record that fits.
    pub(crate) fn wait(admin: &Session, path: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let told = admin.get(path).expect(200).json();
            if fits(&told) {
                return told;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "{path} is still {told}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub(super) fn a_field_is_added_and_used_and_changed(engine: Engine) {
        let org = Org::new(engine);
        let field = add(
            &org.admin,
            "annual_output",
            "number",
            &json!({
                "label": {"zh-CN": "年产值", "en": "Annual output"}, "min": 0, "filterable": true, "order": 2,
            }),
        );
        assert_eq!(field["label"], json!({"zh-CN": "年产值", "en": "Annual output"}));
        assert_eq!((&field["no"], &field["slot"], &field["indexed"]), (&json!(1), &json!("number_1"), &json!(true)));
        assert_eq!(
            (&field["sensitive"], &field["retired"], &field["version"]),
            (&json!(false), &json!(false), &json!(1))
        );
        let second = add(&org.admin, "owner_phone", "phone", &json!({}));
        assert_eq!((&second["no"], &second["sensitive"], &second["slot"]), (&json!(2), &json!(true), &Value::Null));
        let other = org.admin.post(
            "/v1/fields",
            &json!({
                "kind": "contact", "key": "annual_output", "type": "text", "label": {"en": "Output"},
            }),
        );
        let other = other.expect(201).json();
        assert_eq!((&other["no"], &other["label"]["zh-CN"]), (&json!(1), &json!("Output")), "each kind counts its own");
        let listed = org.admin.get("/v1/fields?filter[kind]=customer&sort=created_at").expect(200).data();
        let keys: Vec<&str> = listed.iter().map(|one| one["key"].as_str().unwrap()).collect();
        assert_eq!(keys, ["annual_output", "owner_phone"]);

        let one = customer(&org.admin, json!({"annual_output": 12.5}));
        assert_eq!(found(&org.admin, "custom.annual_output.gte]=12"), std::slice::from_ref(&one));
        let refused = org.admin.patch(&format!("/v1/customers/{one}"), &json!({"custom": {"annual_output": -1}}));
        assert_eq!(refused.expect(422).errors()[0].1, "value_too_small");
        let after =
            org.admin.patch(&path(&field), &json!({"min": -5, "help": {"en": "In 10,000 CNY"}})).expect(200).json();
        assert_eq!((&after["min"], &after["help"]["zh-CN"]), (&json!(-5), &json!("In 10,000 CNY")));
        let _ = org.admin.patch(&format!("/v1/customers/{one}"), &json!({"custom": {"annual_output": -1}})).expect(200);
        for (name, value) in
            [("key", json!("x")), ("type", json!("text")), ("kind", json!("contact")), ("no", json!(9))]
        {
            let refused = org.admin.patch(&path(&field), &json!({name: value})).expect(422);
            assert_eq!(refused.errors(), [(format!("/{name}"), "read_only".to_owned())]);
        }
        // What GET gave may be sent back whole.
        let same = org.admin.get(&path(&field)).expect(200).json();
        let again = org.admin.patch(&path(&field), &same).expect(200).json();
        assert_eq!(again["version"], same["version"]);
        let _ = org.admin.patch(&path(&field), &json!({"retired": true})).expect(200);
        let unseen = org.admin.get(&format!("/v1/customers/{one}")).expect(200).json();
        assert!(unseen["custom"].get("annual_output").is_none(), "{}", unseen["custom"]);
        let refused = org.admin.patch(&format!("/v1/customers/{one}"), &json!({"custom": {"annual_output": 1}}));
        let _ = refused.expect(422);
    }

    pub(super) fn what_a_definition_may_not_say_is_refused_by_name(engine: Engine) {
        let org = Org::new(engine);
        for (body, pointer, code) in [
            (definition("name", "text", &json!({})), "/key", "field_key_reserved"),
            (definition("Output", "text", &json!({})), "/key", "field_key_invalid"),
            (definition("x", "formula", &json!({})), "/type", "choice_unknown"),
            (definition("x", "text", &json!({"kind": "field"})), "/kind", "field_kind_unknown"),
            (definition("x", "text", &json!({"label": {}})), "/label", "label_missing"),
            (definition("x", "text", &json!({"pattern": "a["})), "/pattern", "pattern_invalid"),
            (definition("x", "text", &json!({"pattern": "(\\w{100}){100}"})), "/pattern", "pattern_too_large"),
            (definition("x", "number", &json!({"min": 2, "max": 1})), "/min", "field_bounds_crossed"),
            (definition("x", "number", &json!({"max": 1, "default": 2})), "/default", "value_too_large"),
            (definition("x", "number", &json!({"choices": [{"key": "a"}]})), "/choices", "field_option_unfit"),
            (definition("x", "money", &json!({})), "/currency", "field_option_missing"),
            (definition("x", "text", &json!({"unique": true})), "/unique", "field_unique_unfit"),
            (
                definition("x", "text", &json!({"unique": true, "filterable": true, "default": "a"})),
                "/unique",
                "field_unique_default",
            ),
            (definition("x", "text", &json!({"slot": "text_1"})), "/slot", "read_only"),
            (definition("x", "text", &json!({"size": 3})), "/size", "field_unknown"),
        ] {
            let refused = org.admin.post("/v1/fields", &body).expect(422);
            assert_eq!(refused.errors(), [(pointer.to_owned(), code.to_owned())], "{body}");
        }
        let wrong = definition("x", "text", &json!({"pattern": "ab[c"}));
        let zh = org.admin.with("accept-language", "zh-CN").post("/v1/fields", &wrong).expect(422).json();
        assert!(zh["errors"][0]["message"].as_str().unwrap().starts_with("第 3 个字符处"), "{zh}");
        let en = org.admin.with("accept-language", "en").post("/v1/fields", &wrong).expect(422).json();
        assert!(en["errors"][0]["message"].as_str().unwrap().contains("at character 3"), "{en}");
        assert_eq!(org.admin.get("/v1/fields").expect(200).data().len(), 0, "what is refused is not there");
    }

    pub(super) fn a_key_is_free_after_deletion_and_its_values_are_not_anothers(engine: Engine) {
        let org = Org::new(engine);
        let first = add(&org.admin, "code", "text", &json!({"filterable": true}));
        let one = customer(&org.admin, json!({"code": "old"}));
        let taken = org.admin.post("/v1/fields", &definition("code", "number", &json!({}))).expect(422);
        assert_eq!(taken.errors(), [("/key".to_owned(), "name_taken".to_owned())]);
        let _ = org.admin.delete(&path(&first)).expect(204);
        let second = add(&org.admin, "code", "text", &json!({"filterable": true}));
        assert_eq!(second["no"], json!(2), "a number is never given twice");
        assert_eq!(
            (&second["slot"], &second["indexed"]),
            (&json!("text_2"), &json!(true)),
            "the other is not empty yet"
        );
        let seen = org.admin.get(&format!("/v1/customers/{one}")).expect(200).json();
        assert_eq!(seen["custom"], json!({"code": null}));
        assert_eq!(found(&org.admin, "custom.code]=old"), Vec::<String>::new());
        // The key has another owner.
        let refused = org.admin.post(&format!("{}/restore", path(&first)), &json!({}));
        assert_eq!(refused.status, 409, "{}", refused.text);
    }

    pub(super) fn a_field_that_comes_back_has_its_values(engine: Engine) {
        let org = Org::new(engine);
        let field = add(&org.admin, "code", "text", &json!({"filterable": true}));
        let one = customer(&org.admin, json!({"code": "kept"}));
        let _ = org.admin.delete(&path(&field)).expect(204);
        let _ = org.admin.get("/v1/customers?filter[custom.code]=kept").expect(400);
        let back = org.admin.post(&format!("{}/restore", path(&field)), &json!({})).expect(200).json();
        assert_eq!(back["indexed"], json!(false), "values may have been taken out of their place");
        let seen = org.admin.get(&format!("/v1/customers/{one}")).expect(200).json();
        assert_eq!(seen["custom"], json!({"code": "kept"}));
        let _ = wait(&org.admin, &path(&field), |told| told["indexed"] == true);
        assert_eq!(found(&org.admin, "custom.code]=kept"), [one]);
    }

    pub(super) fn an_item_that_is_left_out_is_retired(engine: Engine) {
        let org = Org::new(engine);
        let choices = json!([
            {"key": "gold", "label": {"zh-CN": "金牌", "en": "Gold"}}, {"key": "silver", "label": {"zh-CN": "银牌"}},
        ]);
        let field = add(&org.admin, "medal", "choice", &json!({"choices": choices, "filterable": true}));
        let one = customer(&org.admin, json!({"medal": "银牌"}));
        let after = org.admin.patch(&path(&field), &json!({"choices": [{"key": "gold"}, {"key": "bronze"}]}));
        let after = after.expect(200).json();
        let items: Vec<_> =
            after["choices"].as_array().unwrap().iter().map(|one| (&one["key"], &one["retired"])).collect();
        let expected = [(json!("gold"), json!(false)), (json!("bronze"), json!(false)), (json!("silver"), json!(true))];
        assert_eq!(items, expected.iter().map(|(key, retired)| (key, retired)).collect::<Vec<_>>());
        assert_eq!(after["choices"][0]["label"]["zh-CN"], "金牌", "what was said of an item stays");
        let path = format!("/v1/customers/{one}");
        let seen = org.admin.get(&path).expect(200).json();
        assert_eq!(seen["custom"]["medal"], "silver");
        let _ = org.admin.patch(&path, &seen).expect(200);
        assert_eq!(found(&org.admin, "custom.medal]=silver"), [one]);
        let mut body = company("另一有限公司");
        body["custom"] = json!({"medal": "silver"});
        let refused = org.admin.post("/v1/customers", &body).expect(422);
        assert_eq!(refused.errors(), [("/custom/medal".to_owned(), "choice_retired".to_owned())]);
    }

    pub(super) fn places_for_filters_are_given_back_empty(engine: Engine) {
        let org = Org::new(engine);
        let fields: Vec<Value> =
            (1..=12).map(|at| add(&org.admin, &format!("text_{at}"), "text", &json!({"filterable": true}))).collect();
        let one = customer(&org.admin, json!({"text_7": "of the seventh"}));
        let more = definition("one_more", "url", &json!({"filterable": true}));
        let refused = org.admin.post("/v1/fields", &more).expect(422);
        assert_eq!(refused.errors(), [("/filterable".to_owned(), "custom_slots_full".to_owned())]);
        assert!(refused.text.contains("text_12"), "{}", refused.text);
        // Numbers have places of their own, and what is not asked for takes none.
        let _ = add(&org.admin, "since_when", "date", &json!({"filterable": true}));
        let _ = add(&org.admin, "open", "text", &json!({}));
        let off = org.admin.patch(&path(&fields[6]), &json!({"filterable": false})).expect(200).json();
        assert_eq!((&off["slot"], &off["indexed"]), (&json!("text_7"), &json!(false)), "it is kept until it is empty");
        let refused = org.admin.post("/v1/fields", &more).expect(422);
        assert!(refused.text.contains("text_7"), "{}", refused.text);
        let _ = wait(&org.admin, &path(&fields[6]), |told| told["slot"].is_null());
        let new = org.admin.post("/v1/fields", &more).expect(201).json();
        assert_eq!((&new["slot"], &new["indexed"]), (&json!("text_7"), &json!(true)));
        let missing = found(&org.admin, "custom.one_more.is_null]=true");
        assert_eq!(missing, [one], "nothing of the seventh is left there");
    }

    pub(super) fn what_is_asked_for_later_is_filled_by_a_job(engine: Engine) {
        let org = Org::new(engine);
        let choices = json!([{"key": "a"}, {"key": "b"}]);
        let fields = [
            add(&org.admin, "size_of_site", "number", &json!({})),
            add(&org.admin, "site_needs", "choices", &json!({"choices": choices})),
            add(&org.admin, "secret", "text", &json!({"sensitive": true})),
        ];
        let made: Vec<String> = (0..130)
            .map(|at| {
                let needs = if at % 2 == 0 { json!(["a", "b"]) } else { json!(["b"]) };
                customer(&org.admin, json!({"size_of_site": at, "site_needs": needs, "secret": format!("word {at}")}))
            })
            .collect();
        for field in &fields {
            let told = org.admin.patch(&path(field), &json!({"filterable": true})).expect(200).json();
            assert_eq!(told["indexed"], json!(false));
        }
        for field in &fields {
            let told = wait(&org.admin, &path(field), |told| told["indexed"] == true);
            assert_eq!(told["version"], json!(3), "it is a change of the definition");
        }
        assert_eq!(found(&org.admin, "custom.size_of_site.gte]=129"), [made[129].clone()]);
        assert_eq!(found(&org.admin, "custom.site_needs]=a&limit=200").len(), 65);
        let secret = json!({"where": {"field": "custom.secret", "value": "word 77"}});
        let data = org.admin.post("/v1/customers/search", &secret).expect(200).data();
        assert_eq!(data.iter().map(|one| one["id"].as_str().unwrap()).collect::<Vec<_>>(), [made[77].as_str()]);
        // Records are as they were: nothing of it is a change of theirs.
        let seen = org.admin.get(&format!("/v1/customers/{}", made[3])).expect(200).json();
        assert_eq!(seen["version"], json!(1));
    }

    pub(super) fn a_stricter_rule_is_checked_before_it_is_set(engine: Engine) {
        let org = Org::new(engine);
        let field = add(&org.admin, "floor_area", "number", &json!({}));
        let made: Vec<String> = [json!(5), json!(50), json!(500), json!(5), Value::Null]
            .map(|area| customer(&org.admin, json!({"floor_area": area})))
            .into();
        let ask = |patch: Value| {
            let job = org.admin.post(&format!("{}/check", path(&field)), &patch).expect(202).id();
            org.admin.done(&format!("/v1/jobs/{job}"), 60)["result"].clone()
        };
        let told = ask(json!({"max": 100, "required": true}));
        assert_eq!((&told["checked"], &told["wrong"]), (&json!(5), &json!(2)), "{told}");
        assert_eq!(told["codes"], json!({"required": 1, "value_too_large": 1}));
        let named: Vec<&Value> = told["examples"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
        assert_eq!(named, [&json!(made[2]), &json!(made[4])]);
        assert_eq!(ask(json!({"unique": true, "filterable": true}))["codes"], json!({"unique_value_taken": 1}));
        assert_eq!(ask(json!({}))["wrong"], json!(0));
        let unchanged = org.admin.get(&path(&field)).expect(200).json();
        assert_eq!((&unchanged["version"], &unchanged["max"]), (&json!(1), &Value::Null));
        let refused = org.admin.post(&format!("{}/check", path(&field)), &json!({"min": 2, "max": 1})).expect(422);
        assert_eq!(refused.errors(), [("/min".to_owned(), "field_bounds_crossed".to_owned())]);
        let refused = org.admin.post(&format!("{}/check", path(&field)), &json!({"key": "x"})).expect(422);
        assert_eq!(refused.errors(), [("/key".to_owned(), "read_only".to_owned())]);
    }

    pub(super) fn fields_are_read_by_all_and_written_by_who_may(engine: Engine) {
        let org = Org::new(engine);
        let field = add(&org.admin, "code", "text", &json!({}));
        let body = definition("other", "text", &json!({}));
        for role in ["salesperson", "manager", "auditor", "security_admin"] {
            let somebody = org.user(role, None).session;
            assert_eq!(somebody.get(&path(&field)).expect(200).json()["key"], "code", "{role}");
            let _ = somebody.post("/v1/fields", &body).expect(403);
            let _ = somebody.patch(&path(&field), &json!({"retired": true})).expect(403);
            let _ = somebody.post(&format!("{}/check", path(&field)), &json!({})).expect(403);
            let _ = somebody.delete(&path(&field)).expect(403);
        }
        let system = org.user("system_admin", None).session;
        let _ = system.post("/v1/fields", &body).expect(201);
    }

    pub(super) fn a_kind_has_two_hundred_fields_at_most(engine: Engine) {
        let org = Org::new(engine);
        let items: Vec<Value> = (1..=200).map(|at| definition(&format!("f_{at}"), "boolean", &json!({}))).collect();
        let made = org.admin.post("/v1/fields/batch", &json!({"items": items})).expect(200).data();
        assert_eq!(made.len(), 200);
        let refused = org.admin.post("/v1/fields", &definition("one_more", "boolean", &json!({}))).expect(422);
        assert_eq!(refused.errors()[0].1, "custom_fields_full");
        let of_contacts = definition("one_more", "boolean", &json!({"kind": "contact"}));
        let _ = org.admin.post("/v1/fields", &of_contacts).expect(201);
    }
}
