//! What is told of the kinds of record: enough to draw a form from it alone.

kehu_tests::on_both_engines!(
    a_form_is_drawn_from_the_schema_alone,
    it_says_what_the_caller_sees_and_writes,
    rules_stand_in_it_as_they_hold,
    it_is_kept_until_it_changes,
    its_answers_are_as_described,
);

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use kehu_tests::{Engine, Org, Session, mobile, unique};
    use serde_json::{Map, Value, json};

    use crate::entry_rules::tests::lay_down;

    /// Whoever draws forms, and knows nothing of the kinds but what the schema says.
    struct Drawer<'a> {
        session: &'a Session,
        made: HashMap<String, String>,
    }

    impl Drawer<'_> {
        fn schema(&self, path: &str) -> Value {
            self.session.get(&format!("/v1/schema/{path}")).expect(200).json()
        }

        /// A record of a kind, made as its form says; its id.
        fn record(&mut self, kind: &str) -> String {
            if let Some(id) = self.made.get(kind) {
                return id.clone();
            }
            let schema = self.schema(kind);
            let path = schema["path"].as_str().unwrap().to_owned();
            let body = self.body(&schema, true);
            let made = self.session.post(&format!("/v1/{path}"), &body);
            assert!(made.status == 201, "{kind}: {body}: {}", made.text);
            let _ = self.made.insert(kind.to_owned(), made.id());
            made.id()
        }

        /// Everything that the form asks for, or what it needs alone.
        fn body(&mut self, schema: &Value, whole: bool) -> Value {
            let mut body = Map::new();
            for field in schema["fields"].as_array().unwrap() {
                // Whoever is to sign in needs a name for it, as the example has one.
                let of_user = schema["kind"] == "user" && !field["example"].is_null();
                let needed = of_user
                    || field["required"] == true
                    || field["required_at"].as_array().unwrap().iter().any(|at| at == "potential");
                let written = field["writes"] == true && field["write"] != "transfer";
                if !written || !(whole || needed) {
                    continue;
                }
                let value = self.value(schema, field, needed);
                if !value.is_null() {
                    body.insert(field["name"].as_str().unwrap().to_owned(), value);
                }
            }
            body.into()
        }

        fn value(&mut self, schema: &Value, field: &Value, needed: bool) -> Value {
            let name = field["name"].as_str().unwrap();
            match field["type"].as_str().unwrap() {
                "line" | "text" if name == "name" && schema["kind"] == "contact" => json!("欧阳文静"),
                "line" | "text" => {
                    let text = format!("表单{}", unique());
                    let persons = ["customer", "contact", "user"];
                    let is_unique = name == "name" && !persons.iter().any(|kind| schema["kind"] == *kind);
                    let max = usize::try_from(field["max_length"].as_u64().unwrap()).unwrap();
                    // An example says more than a length: a colour, an origin.
                    if field["example"].is_null() || is_unique {
                        json!(text.chars().take(max).collect::<String>())
                    } else {
                        field["example"].clone()
                    }
                }
                // What a note is about: of the first kind that its form offers.
                _ if name == "record_id" => json!(self.record("customer")),
                "choice" => field["choices"][0]["key"].clone(),
                "choices" => json!([field["choices"][0]["key"]]),
                "lines" => json!(["一项"]),
                "quarter" => json!("2026Q4"),
                "budget" => json!({"min": 50, "max": 100}),
                "birthday" => json!("1990-03-07"),
                "flag" => json!(true),
                "integer" => json!(3),
                "instant" => json!("2026-11-22T08:30:00+08:00"),
                "date" => json!("1990-03-07"),
                "industry" => json!("IT"),
                "region" => json!("310115"),
                "phones" => json!([mobile()]),
                "emails" => json!([format!("form{}@example.com", unique())]),
                "bank_accounts" => json!(["6222026360837783531"]),
                "tags" => json!([format!("标签{}", unique())]),
                "reference" if needed => json!(self.record(field["kind"].as_str().unwrap())),
                "word" if field["example"].is_string() && schema["kind"] == "role" => {
                    json!(format!("role_{}", unique()))
                }
                // A number or a structure of which the schema gives an example.
                "word" | "words" | "id_number" | "data" if needed => field["example"].clone(),
                _ => Value::Null,
            }
        }
    }

    pub(super) fn a_form_is_drawn_from_the_schema_alone(engine: Engine) {
        let org = Org::new(engine);
        let _ = lay_down(&org, &json!({"kind": "customer", "field": "remark", "check": {"type": "required"}}));
        let kinds = org.admin.get("/v1/schema").expect(200).data();
        assert!(kinds.len() >= 9, "{kinds:?}");
        let mut drawer = Drawer { session: &org.admin, made: HashMap::new() };
        for kind in &kinds {
            let (name, path) = (kind["kind"].as_str().unwrap(), kind["path"].as_str().unwrap());
            // A file comes with an attachment, not a body of JSON.
            if kind["can"]["create"] == json!([]) || name == "attachment" {
                continue;
            }
            assert_eq!(kind["schema"], format!("/v1/schema/{path}"));
            let schema = drawer.schema(path);
            let mut drawn = |all: bool| {
                let mut body = drawer.body(&schema, all);
                if name == "segment" {
                    // One that is a list needs no filter.
                    body["type"] = json!("static");
                }
                body
            };
            let least = drawn(false);
            let made = org.admin.post(&format!("/v1/{path}"), &least);
            assert!(made.status == 201, "the least of {name}: {least}: {}", made.text);
            if schema["verbs"].as_array().unwrap().contains(&json!("validate")) && !matches!(name, "role" | "field") {
                let whole = drawn(true);
                let tried = org.admin.post(&format!("/v1/{path}/validate"), &whole).expect(200).json();
                assert_eq!(tried["valid"], true, "the whole of {name}: {whole}: {tried}");
            }
        }
    }

    fn field<'s>(schema: &'s Value, name: &str) -> &'s Value {
        schema["fields"].as_array().unwrap().iter().find(|field| field["name"] == name).unwrap()
    }

    pub(super) fn it_says_what_the_caller_sees_and_writes(engine: Engine) {
        let org = Org::new(engine);
        let seller = org.user("salesperson", None).session;
        let schema = seller.get("/v1/schema/customers").expect(200).json();
        assert_eq!(seller.get("/v1/schema/customer").expect(200).json(), schema);
        let phones = field(&schema, "phones");
        assert_eq!(phones["sees"], json!({"own": "full", "team": "masked", "other": "masked"}));
        assert_eq!(
            (&phones["type"], &phones["sealed"], &phones["data_class"], &phones["filters"][0]["member"]),
            (&json!("phones"), &json!(true), &json!("contact_data"), &json!("phone"))
        );
        assert_eq!(phones["label"], json!({"zh-CN": "电话", "en": "Phones"}));
        assert_eq!((&schema["can"]["create"], &schema["can"]["delete"]), (&json!(["own", "shared"]), &json!([])));
        let stage = field(&schema, "stage");
        assert_eq!(stage["choices"][0], json!({"key": "potential", "label": {"zh-CN": "潜在客户", "en": "Potential"}}));
        assert_eq!(
            (&field(&schema, "number")["write"], &field(&schema, "number")["writes"]),
            (&json!("never"), &json!(false))
        );
        assert_eq!(
            (&field(&schema, "owner_id")["type"], &field(&schema, "owner_id")["kind"]),
            (&json!("reference"), &json!("user"))
        );
        let has = |code: &str| schema["codes"].as_array().unwrap().iter().any(|known| known["code"] == code);
        for code in ["duplicate", "phone_invalid", "rule_required", "forbidden", "required"] {
            assert!(has(code), "{code}");
        }
        let rights = json!({"kinds": {"customer": {"read": ["all"], "update": ["all"], "fields": {
            "remark": {"sees": "hidden"}, "grade": {"writes": false}}}}});
        let _ = org.admin.post("/v1/roles", &json!({"key": "narrow", "name": "窄", "rights": rights})).expect(201);
        let narrow = org.user("narrow", None).session.get("/v1/schema/customers").expect(200).json();
        assert_eq!(field(&narrow, "remark")["sees"]["own"], "hidden");
        assert_eq!(field(&narrow, "grade")["writes"], false);
        let _ = seller.get("/v1/schema/unicorns").expect(404);
        let _ = seller.get("/v1/schema?x=1").expect(400);
    }

    pub(super) fn rules_stand_in_it_as_they_hold(engine: Engine) {
        let org = Org::new(engine);
        let seller = org.user("salesperson", None).session;
        let schema = || seller.get("/v1/schema/customers").expect(200).json();
        assert_eq!(schema()["rules"], json!([]));
        let rule = json!({"kind": "customer", "field": "grade", "stages": ["active"], "check": {"type": "required"}, "order": 2});
        let id = lay_down(&org, &rule);
        let pattern = json!({"kind": "customer", "field": "remark", "check": {"type": "pattern", "pattern": "a+"}, "severity": "warn", "order": 1,
            "message": {"zh-CN": "甲", "en": "A"}});
        let _ = lay_down(&org, &pattern);
        let told = schema();
        assert_eq!(
            (&told["rules"][0]["check"]["pattern"], &told["rules"][0]["message"]["en"]),
            (&json!("a+"), &json!("A"))
        );
        assert_eq!((&told["rules"][1]["id"], &told["rules"][1]["stages"]), (&json!(id), &json!(["active"])));
        assert_eq!(field(&told, "grade")["required_at"], json!(["active"]));
        assert_eq!(field(&told, "remark")["required_at"], json!([]));
    }

    pub(super) fn it_is_kept_until_it_changes(engine: Engine) {
        let org = Org::new(engine);
        let first = org.admin.get("/v1/schema/customers").expect(200);
        assert_eq!(first.header("cache-control"), Some("private, max-age=60"));
        let tag = first.header("etag").unwrap();
        let same = org.admin.with("if-none-match", tag).get("/v1/schema/customers").expect(304);
        assert_eq!((same.text.as_str(), same.header("etag")), ("", Some(tag)));
        let _ = lay_down(&org, &json!({"kind": "customer", "field": "grade", "check": {"type": "required"}}));
        let after = org.admin.with("if-none-match", tag).get("/v1/schema/customers").expect(200);
        assert_ne!(after.header("etag"), Some(tag));
        // Another caller's is another.
        let seller = org.user("salesperson", None).session;
        let _ = seller.with("if-none-match", after.header("etag").unwrap()).get("/v1/schema/customers").expect(200);
    }

    pub(super) fn its_answers_are_as_described(engine: Engine) {
        let org = Org::new(engine);
        let _ = lay_down(
            &org,
            &json!({"kind": "customer", "field": "phones", "check": {"type": "range", "min": 1}, "stages": ["active"]}),
        );
        let document = org.admin.get("/openapi.json").expect(200).json();
        let holds = |name: &str, body: &Value| {
            let schema = json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "$ref": format!("#/components/schemas/{name}"), "components": document["components"],
            });
            let validator = jsonschema::validator_for(&schema).unwrap();
            let wrong: Vec<String> =
                validator.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert!(wrong.is_empty(), "{name}: {wrong:#?}");
        };
        let list = org.admin.get("/v1/schema").expect(200).json();
        holds("KindList", &list);
        for kind in list["data"].as_array().unwrap() {
            let schema = org.admin.get(kind["schema"].as_str().unwrap()).expect(200).json();
            holds("KindSchema", &schema);
            for field in schema["fields"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|field| field["type"] == "data" && !field["example"].is_null())
            {
                let own = jsonschema::validator_for(
                    &json!({"components": document["components"], "allOf": [field["json_schema"]]}),
                )
                .unwrap();
                assert!(own.is_valid(&field["example"]), "{}", field["name"]);
            }
        }
    }
}
