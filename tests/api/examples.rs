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
            if of == "facets" && ["value", "from", "until"].contains(&name) {
                // The month of the run.
                let month = [("value", "2026-11"), ("from", "2026-11-01"), ("until", "2026-12-01")];
                return month.iter().find(|(known, _)| *known == name).unwrap().1.to_owned();
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
            let filled = |body: Value| filled(&body, ids).to_string();
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

    impl Told<'_> {
        /// The doors to many records of a kind at once, and to one by a key of its own.
        fn doors(&mut self, kind: &str, path: &str, id: &str, ids: &[(&str, &str)]) {
            let base = format!("/v1/{path}");
            let has = |told: &Self, rest: &str| told.document["paths"].get(format!("{base}{rest}")).is_some();
            let facets = self.admin.post(&format!("{base}/facets"), &self.body("post", &format!("{base}/facets")));
            self.keep(&format!("{path}_facets"), "facets", &facets);
            if has(self, "/bulk") {
                let change = self.body("patch", &format!("{base}/{{id}}"));
                for body in [
                    json!({"ids": [id], "change": change, "preview": true}),
                    json!({"ids": [id, SOME_ID], "change": change}),
                ] {
                    self.keep(&format!("{path}_bulk"), kind, &self.admin.post(&format!("{base}/bulk"), &body));
                }
                // One that can be made, and one that cannot: both are told of.
                let (batch, items) = (format!("{path}_batch"), json!([filled(&self.body("post", &base), ids), {}]));
                if !self.answers.contains_key(&batch) {
                    let done = self.admin.post(&format!("{base}/batch"), &json!({"items": items}));
                    self.keep(&batch, kind, &done);
                }
            }
            if !has(self, "/upsert") {
                return;
            }
            let mut body = filled(&self.body("post", &format!("{base}/upsert")), ids);
            let upsert = format!("{base}/upsert?on_duplicate=allow");
            self.keep(&format!("{path}_upsert"), kind, &self.admin.post(&upsert, &body));
            body["items"].as_array_mut().unwrap().push(json!({}));
            self.keep(&format!("{path}_upsert"), kind, &self.admin.post(&upsert, &body));
            let by = format!("{base}/by/external_id:shop/10010");
            let body = filled(&self.body("put", &format!("{base}/by/{{key}}/{{value}}")), ids).to_string();
            for _ in 0..2 {
                let put =
                    self.admin.send("PUT", &format!("{by}?on_duplicate=allow"), body.as_bytes(), "application/json");
                self.keep(&format!("{path}_put_by"), kind, &put);
            }
            self.keep(&format!("{path}_get_by"), kind, &self.admin.get(&by));
        }

        /// A bulk change of what a filter finds, as it is asked for, and what became of it.
        fn job(&mut self, customer: &str) {
            let body = json!({"where": {"field": "id", "value": customer}, "change": {"grade": "b"}});
            let mut asked = self.admin.post("/v1/customers/bulk", &body).expect(202);
            let job = asked.header("location").unwrap().to_owned();
            let _ = self.admin.done(&job, 60);
            // It may have begun by the time that it is told of: here it has not.
            let mut told = asked.json();
            for (name, value) in [("state", json!("queued")), ("attempts", json!(0)), ("progress", json!(null))] {
                assert!(told.get(name).is_some(), "{name}: {told}");
                told[name] = value;
            }
            for name in ["started_at", "finished_at", "result"] {
                assert!(told.get(name).is_some(), "{name}: {told}");
                told[name] = Value::Null;
            }
            asked.text = told.to_string();
            self.keep("customers_bulk", "customer", &asked);
            self.keep("jobs_records", "", &self.admin.get(&format!("{job}/records")));
        }
    }

    /// An example of a body with ids of this run in it, without a team.
    fn filled(body: &Value, ids: &[(&str, &str)]) -> Value {
        let mut text = body.to_string();
        for (member, id) in ids {
            text = text.replace(&format!("\"{member}\":\"{SOME_ID}\""), &format!("\"{member}\":\"{id}\""));
        }
        serde_json::from_str(&text.replace(&format!(",\"team_id\":\"{SOME_ID}\""), "")).unwrap()
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
        let tag = told.kind("tag", "tags", &[]);
        let customer = told.kind("customer", "customers", &[]);
        let contact = told.kind("contact", "contacts", &[("customer_id", &customer)]);
        let follow_up = told.kind("follow_up", "follow_ups", &[("customer_id", &customer)]);
        let note = told.kind("note", "notes", &[("record_id", &customer)]);
        let team = told.kind("team", "teams", &[]);
        let user = told.kind("user", "users", &[]);
        let role = told.kind("role", "roles", &[]);
        let form = told.kind("form", "forms", &[("team_id", &team)]);
        // Definitions of fields are left out: linters take their `default` and `pattern` for those of a schema.
        let entry_rule = told.kind("entry_rule", "entry_rules", &[]);
        let segment = told.kind("segment", "segments", &[]);
        let items =
            json!({"items": [{"name": "丁戊己贸易有限公司", "kind": "company"}, {"name": "", "kind": "company"}]});
        told.keep("customers_batch", "customer", &org.admin.post("/v1/customers/batch", &items));
        told.keep("lookup", "", &org.admin.post("/v1/lookup", &json!({"phone": "13900139000"})));
        let asked = json!({"fields": ["id_number"], "reason": "核对合同上的证件号码"});
        told.keep("contacts_reveal", "contact", &org.admin.post(&format!("/v1/contacts/{contact}/reveal"), &asked));
        told.keep("tags_sets_list", "field", &org.admin.get("/v1/tag_sets"));
        told.keep("jobs_list", "", &org.admin.get("/v1/jobs?limit=1"));
        told.doors("tag", "tags", &tag, &[]);
        told.doors("customer", "customers", &customer, &[]);
        told.doors("contact", "contacts", &contact, &[("customer_id", &customer)]);
        told.doors("follow_up", "follow_ups", &follow_up, &[("customer_id", &customer)]);
        told.doors("note", "notes", &note, &[("record_id", &customer)]);
        told.doors("team", "teams", &team, &[]);
        told.doors("user", "users", &user, &[]);
        told.doors("role", "roles", &role, &[]);
        told.doors("form", "forms", &form, &[("team_id", &team)]);
        told.job(&customer);
        told.keep("batch", "", &org.admin.post("/v1/batch", &told.body("post", "/v1/batch")));
        let several = json!({"operations": [
            {"method": "PATCH", "path": format!("/v1/customers/{customer}"), "body": {"grade": "a"}},
            {"method": "DELETE", "path": format!("/v1/tags/{SOME_ID}")},
        ]});
        told.keep("batch", "", &org.admin.post("/v1/batch", &several));
        told.keep("counts", "", &org.admin.post("/v1/counts", &told.body("post", "/v1/counts")));
        // The example is a rule that the ones before would break.
        told.doors("entry_rule", "entry_rules", &entry_rule, &[]);
        told.doors("segment", "segments", &segment, &[]);
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
