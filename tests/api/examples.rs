//! The examples of answers in the description are answers of the program: given to the examples of bodies, with ids, times
//! and secrets made the same every time.

kehu_tests::on_both_engines!(examples_are_real_answers);

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::Path;

    use kehu_tests::{Engine, Org, PASSWORD, Reply, Session, env};
    use serde_json::{Map, Value, json};

    const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/http/src/openapi/examples.json");
    /// The id that stands in examples of bodies for that of another record.
    const SOME_ID: &str = "0190a3c4-7e1b-7c3d-8f00-5b1f0c2d3e4f";
    /// Times that the examples of bodies say; others are those of the run.
    const SAID: &[&str] = &["2026-11-22T00:30:00.000Z", "2026-11-25T01:00:00.000Z", "2026-12-01T01:00:00.000Z"];
    /// Members that are another one every time, and what stands in their place.
    const SECRET: &[(&str, &str)] = &[
        ("access_token", "eyJhbGciOiJFZERTQSIsImtpZCI6IjEifQ.…"),
        ("refresh_token", "rt_…"),
        ("token", "…"),
        ("url", "/v1/…?ticket=…"),
        ("public_key", "pk_…"),
        ("hook_key", "hk_…"),
        ("key", "sk_…"),
        ("next", "AAGaGQ…"),
        ("prev", "AAGaGQ…"),
        ("request_id", "0190a3c47e1b7c3d8f005b1f0c2d3e4f"),
        ("slug", "acme"),
        ("address", "203.0.113.7"),
        ("user_agent", "Mozilla/5.0"),
        ("sha256", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
    ];
    /// Members of that name that are values of a record, and not of the run.
    const KEPT: &[&str] = &["customer", "contact", "field", "role", "entry_rule", "form"];

    /// Makes what is another one every time the same.
    #[derive(Default)]
    struct Same {
        ids: HashMap<String, String>,
        slug: String,
    }

    impl Same {
        fn value(&mut self, value: &Value, name: &str, of: &str) -> Value {
            match value {
                Value::Object(members) => {
                    members.iter().map(|(name, value)| (name.clone(), self.value(value, name, of))).collect()
                }
                Value::Array(items) => items.iter().map(|item| self.value(item, name, of)).collect(),
                Value::String(text) => self.text(text, name, of).into(),
                Value::Number(_) if name == "failed_since" => 0.into(),
                other => other.clone(),
            }
        }

        fn text(&mut self, text: &str, name: &str, of: &str) -> String {
            let secret = SECRET.iter().find(|(secret, _)| *secret == name);
            let kept = KEPT.contains(&of) && ["key", "address", "url"].contains(&name);
            if let Some((_, shown)) = secret.filter(|_| !kept) {
                return (*shown).to_owned();
            }
            if is_time(text) && !SAID.contains(&text) {
                return "2026-11-22T12:29:38.808Z".to_owned();
            }
            let mut words = Vec::new();
            for part in text.split('/') {
                words.push(if is_id(part) { self.id(part) } else { part.replace(&self.slug, "acme") });
            }
            let text = words.join("/");
            // A number begins with the year.
            match text.split_once("-IT-") {
                Some((year, count)) if year.len() == 4 => format!("2026-IT-{count}"),
                _ => text,
            }
        }

        fn id(&mut self, id: &str) -> String {
            let next = self.ids.len() + 1;
            let made = || format!("0190a3c4-7e1b-7c3d-8f00-{next:012x}");
            self.ids.entry(id.to_owned()).or_insert_with(made).clone()
        }
    }

    fn is_id(text: &str) -> bool {
        text.len() == 36 && text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
    }

    fn is_time(text: &str) -> bool {
        text.len() == 24 && text.ends_with('Z') && text.as_bytes()[10] == b'T'
    }

    struct Told<'a> {
        admin: &'a Session,
        document: Value,
        same: Same,
        answers: Map<String, Value>,
    }

    impl Told<'_> {
        /// Keeps an answer as the example of an operation.
        fn keep(&mut self, operation: &str, of: &str, reply: &Reply) -> Value {
            let body = reply.json();
            assert!(reply.status < 300 && !body.is_null(), "{operation}: {} {}", reply.status, reply.text);
            let shown = self.same.value(&body, "", of);
            let entry = self.answers.entry(operation).or_insert_with(|| json!({}));
            entry[reply.status.to_string()] = shown;
            body
        }

        /// The example of a body of an operation.
        fn body(&self, method: &str, path: &str) -> Value {
            let content = &self.document["paths"][path][method]["requestBody"]["content"]["application/json"];
            assert!(content["example"].is_object(), "{method} {path} has no example");
            content["example"].clone()
        }

        /// Everything that every kind has, with one record of it.
        fn kind(&mut self, kind: &str, path: &str, ids: &[(&str, &str)]) -> String {
            let base = format!("/v1/{path}");
            let filled = |body: Value| {
                let mut text = body.to_string();
                for (member, id) in ids {
                    text = text.replace(&format!("\"{member}\":\"{SOME_ID}\""), &format!("\"{member}\":\"{id}\""));
                }
                text.replace(&format!(",\"team_id\":\"{SOME_ID}\""), "")
            };
            let send = |admin: &Session, method: &str, path: &str, body: &str| {
                admin.send(method, path, body.as_bytes(), "application/json")
            };
            let body = filled(self.body("post", &base));
            let made = self.keep(&format!("{path}_create"), kind, &send(self.admin, "POST", &base, &body));
            let id = made["id"].as_str().unwrap().to_owned();
            let one = format!("{base}/{id}");
            self.keep(&format!("{path}_get"), kind, &self.admin.get(&one));
            let change = filled(self.body("patch", &format!("{base}/{{id}}")));
            self.keep(&format!("{path}_update"), kind, &send(self.admin, "PATCH", &one, &change));
            self.keep(&format!("{path}_list"), kind, &self.admin.get(&format!("{base}?limit=1&count=exact")));
            self.keep(
                &format!("{path}_search"),
                kind,
                &self.admin.post(&format!("{base}/search"), &json!({"limit": 1})),
            );
            self.keep(&format!("{path}_access"), kind, &self.admin.get(&format!("{one}/access")));
            self.keep(&format!("{path}_history"), kind, &self.admin.get(&format!("{one}/history?limit=1")));
            if self.document["paths"].get(format!("{base}/validate")).is_some() {
                self.keep(
                    &format!("{path}_validate"),
                    kind,
                    &send(self.admin, "POST", &format!("{base}/validate"), &body),
                );
                let tried = send(self.admin, "POST", &format!("{one}/validate"), &change);
                self.keep(&format!("{path}_validate_update"), kind, &tried);
            }
            if self.document["paths"][format!("{base}/{{id}}")].get("delete").is_some() {
                self.keep(&format!("{path}_delete"), kind, &self.admin.delete(&format!("{one}?dry_run=true")));
            }
            id
        }
    }

    /// What the program answers to the examples of the description.
    fn answers(engine: Engine) -> Value {
        let org = Org::new(engine);
        let document = org.admin.get("/openapi.json").expect(200).json();
        let same = Same { slug: org.slug.clone(), ..Same::default() };
        let mut told = Told { admin: &org.admin, document, same, answers: Map::new() };
        let anybody = Session::anonymous(org.admin.base());
        let login = json!({"login": format!("admin@{}.test", org.slug), "password": PASSWORD});
        told.keep("auth_login", "", &anybody.post("/v1/auth/login", &login));
        told.keep("me_get", "", &org.admin.get("/v1/me"));
        told.keep("health_get", "", &anybody.get("/healthz"));
        told.keep("ready_get", "", &anybody.get("/readyz"));
        told.keep("industries_list", "", &org.admin.get("/v1/industries?q=%E8%BD%AF%E4%BB%B6"));
        told.keep("regions_list", "", &org.admin.get("/v1/regions?parent=310000"));
        // Before the customer that carries it.
        told.kind("tag", "tags", &[]);
        let customer = told.kind("customer", "customers", &[]);
        let contact = told.kind("contact", "contacts", &[("customer_id", &customer)]);
        told.kind("follow_up", "follow_ups", &[("customer_id", &customer)]);
        told.kind("note", "notes", &[("record_id", &customer)]);
        let team = told.kind("team", "teams", &[]);
        told.kind("user", "users", &[]);
        told.kind("role", "roles", &[]);
        told.kind("form", "forms", &[("team_id", &team)]);
        // Definitions of fields are left out: linters take their `default` and `pattern` for those of a schema.
        told.kind("entry_rule", "entry_rules", &[]);
        told.kind("segment", "segments", &[]);
        let items =
            json!({"items": [{"name": "丁戊己贸易有限公司", "kind": "company"}, {"name": "", "kind": "company"}]});
        told.keep("customers_batch", "customer", &org.admin.post("/v1/customers/batch", &items));
        told.keep("lookup", "", &org.admin.post("/v1/lookup", &json!({"phone": "13900139000"})));
        let asked = json!({"fields": ["id_number"], "reason": "核对合同上的证件号码"});
        told.keep("contacts_reveal", "contact", &org.admin.post(&format!("/v1/contacts/{contact}/reveal"), &asked));
        told.keep("tags_sets_list", "field", &org.admin.get("/v1/tag_sets"));
        told.keep("jobs_list", "", &org.admin.get("/v1/jobs?limit=1"));
        told.answers.into()
    }

    pub(super) fn examples_are_real_answers(engine: Engine) {
        let answers = answers(engine);
        let committed: Value = serde_json::from_str(&std::fs::read_to_string(COMMITTED).unwrap()).unwrap();
        if answers != committed {
            let fresh = Path::new(&env("KEHU_TEST_DIR")).join(format!("logs/examples.{engine:?}.json"));
            std::fs::write(&fresh, serde_json::to_string_pretty(&answers).unwrap() + "\n").unwrap();
            let differs = |(name, told): &(&String, &Value)| committed.get(name.as_str()) != Some(told);
            let names: Vec<&String> =
                answers.as_object().unwrap().iter().filter(differs).map(|(name, _)| name).collect();
            panic!(
                "{names:?} are answered otherwise than the examples: where that is meant, copy {} to \
                 crates/http/src/openapi/examples.json and run `make openapi`",
                fresh.display()
            );
        }
    }
}
