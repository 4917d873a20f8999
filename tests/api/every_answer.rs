//! What holds for every answer of every operation that is described: its headers, its problems, the methods of its address,
//! and the limits that it stands within.

kehu_tests::on_both_engines!(
    answers_carry_the_headers_of_the_house,
    other_methods_are_told_which_there_are,
    head_is_get_without_a_body,
    what_is_not_known_is_refused_by_name,
    bodies_have_a_type_a_size_and_a_depth,
    a_body_that_does_not_come_is_given_up,
    answers_are_packed_and_their_tags_are_true,
    requests_are_counted,
    every_answer_tells_of_the_limit,
    the_description_is_kept_until_it_changes,
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use kehu_tests::server::Home;
    use kehu_tests::{Engine, Org, Reply, Session, company, new_id, own_postgres};
    use serde_json::{Value, json};

    /// An operation of the description.
    struct Operation {
        method: String,
        path: String,
        id: String,
        value: Value,
        parameters: Vec<Value>,
    }

    impl Operation {
        /// Its address, with ids of nothing in it.
        fn address(&self) -> String {
            let id = new_id();
            let part = |part| match part {
                "{key}" if self.path.contains("/by/") => "external_id:shop",
                part if str::starts_with(part, "{") => id.as_str(),
                part => part,
            };
            self.path.split('/').map(part).collect::<Vec<&str>>().join("/")
        }

        fn takes_json(&self) -> bool {
            self.value["requestBody"]["content"]
                .as_object()
                .is_some_and(|content| content.contains_key("application/json"))
        }

        /// Whether whoever is signed in calls it by that.
        fn by_token(&self) -> bool {
            let schemes = self.value["security"].as_array().unwrap();
            schemes.iter().any(|scheme| scheme.get("bearer").is_some())
        }

        fn send(&self, session: &Session, path: &str) -> Reply {
            match self.method.as_str() {
                "GET" | "DELETE" if !self.takes_json() => session.send(&self.method, path, &[], ""),
                method => session.send(method, path, b"{}", "application/json"),
            }
        }
    }

    fn operations(document: &Value) -> Vec<Operation> {
        let paths = document["paths"].as_object().unwrap();
        let resolved = |parameter: &Value| match parameter["$ref"].as_str() {
            Some(target) => document.pointer(&target[1..]).unwrap().clone(),
            None => parameter.clone(),
        };
        paths
            .iter()
            .flat_map(|(path, item)| item.as_object().unwrap().iter().map(move |(method, value)| (path, method, value)))
            .map(|(path, method, value)| Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                id: value["operationId"].as_str().unwrap().to_owned(),
                value: answered(document, value),
                parameters: value["parameters"].as_array().into_iter().flatten().map(resolved).collect(),
            })
            .collect()
    }

    /// An operation with the answers that it shares with others in their places.
    fn answered(document: &Value, operation: &Value) -> Value {
        let mut operation = operation.clone();
        for answer in operation["responses"].as_object_mut().unwrap().values_mut() {
            if let Some(target) = answer["$ref"].as_str() {
                *answer = document.pointer(&target[1..]).unwrap().clone();
            }
        }
        operation
    }

    /// The description, and an administrator in an organisation. Who ends sessions ends none that is asked with.
    fn begun(engine: Engine) -> (Org, Vec<Operation>) {
        let org = Org::new(engine);
        let all = operations(&org.admin.get("/openapi.json").expect(200).json());
        assert!(all.len() > 200, "only {} operations", all.len());
        (org, all)
    }

    /// Operations that would end the session which asks, or the rights of who asks.
    const ENDING: &[&str] = &["auth_logout", "me_sessions_end_others", "me_sessions_delete_others", "me_password"];

    fn is_ending(operation: &Operation) -> bool {
        ENDING.contains(&operation.id.as_str()) || (operation.method == "DELETE" && operation.path == "/v1/me/sessions")
    }

    pub(super) fn answers_carry_the_headers_of_the_house(engine: Engine) {
        let (org, all) = begun(engine);
        let mut asked = BTreeSet::new();
        for operation in all.iter().filter(|operation| !is_ending(operation)) {
            let who = format!("{} {}", operation.method, operation.path);
            let named = org.admin.with("x-request-id", "the-caller.s-own");
            let reply = operation.send(&named, &operation.address());
            assert!(reply.status < 500, "{who}: {}", reply.text);
            assert_eq!(reply.header("x-request-id"), Some("the-caller.s-own"), "{who}");
            assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{who}");
            assert!(reply.header("cache-control").is_some(), "{who}");
            if operation.path.starts_with("/v1/") {
                let vary = reply.header("vary").unwrap_or_default();
                assert!(["Authorization", "Accept-Language"].iter().all(|name| vary.contains(name)), "{who}: {vary}");
            }
            if reply.status >= 400 {
                problem(&reply, operation);
                let zh = operation.send(&named.with("accept-language", "zh-CN"), &operation.address()).json();
                let chinese =
                    zh["title"].as_str().unwrap_or_default().chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
                assert!(chinese, "{who}: {zh}");
            }
            asked.insert(reply.status);
        }
        for status in [200, 400, 404, 422] {
            assert!(asked.contains(&status), "no {status}: {asked:?}");
        }
    }

    /// A problem is what the description says it is, with a code that it lists.
    fn problem(reply: &Reply, operation: &Operation) {
        let who = format!("{} {}: {}", operation.method, operation.path, reply.text);
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{who}");
        let body = reply.json();
        assert_eq!(body["status"], reply.status, "{who}");
        assert_eq!(body["type"], format!("/problems/{}", body["code"].as_str().unwrap()), "{who}");
        assert_eq!(body["request_id"].as_str(), reply.header("x-request-id"), "{who}");
        for member in ["title", "detail"] {
            assert!(body[member].as_str().is_some_and(|text| !text.is_empty() && !text.contains('{')), "{who}");
        }
        for error in body["errors"].as_array().unwrap() {
            assert!(error["pointer"].is_string() != error["parameter"].is_string(), "{who}");
            assert!(error["code"].is_string() && error["message"].is_string(), "{who}");
        }
        let described = &operation.value["responses"][reply.status.to_string()];
        let schema = &described["content"]["application/problem+json"]["schema"];
        let codes = schema["allOf"][1]["properties"]["code"]["enum"].as_array();
        let codes = codes.unwrap_or_else(|| panic!("{who}: {} is not described", reply.status));
        assert!(codes.contains(&body["code"]), "{who}: its codes are {codes:?}");
    }

    pub(super) fn other_methods_are_told_which_there_are(engine: Engine) {
        let (org, all) = begun(engine);
        let paths: BTreeSet<&str> = all.iter().map(|operation| operation.path.as_str()).collect();
        for path in paths {
            let here: Vec<&Operation> = all.iter().filter(|operation| operation.path == path).collect();
            let mut expected: BTreeSet<&str> = here.iter().map(|operation| operation.method.as_str()).collect();
            let acts = path.starts_with("/v1/hooks/") || path == "/v1/auth/external/callback";
            if expected.contains("GET") && !acts {
                expected.insert("HEAD");
            }
            expected.insert("OPTIONS");
            let allowed = |reply: &Reply| -> BTreeSet<String> {
                reply.header("allow").unwrap_or_default().split(", ").map(str::to_owned).collect()
            };
            let address = here[0].address();
            let told = org.admin.send("OPTIONS", &address, &[], "");
            assert_eq!((told.status, told.text.as_str()), (204, ""), "{path}: {}", told.text);
            assert_eq!(allowed(&told), expected.iter().map(|method| (*method).to_owned()).collect(), "{path}");
            for method in ["PUT", "DELETE", "TRACE"].into_iter().filter(|method| !expected.contains(method)) {
                let refused = org.admin.send(method, &address, &[], "");
                assert_eq!((refused.status, refused.code().as_str()), (405, "method_not_allowed"), "{method} {path}");
                assert_eq!(allowed(&refused), allowed(&told), "{method} {path}");
            }
        }
        assert_eq!(org.admin.send("OPTIONS", "/v1/nothing", &[], "").status, 404);
    }

    pub(super) fn head_is_get_without_a_body(engine: Engine) {
        let (org, all) = begun(engine);
        let id = org.admin.post("/v1/customers", &company("头部有限公司")).expect(201).id();
        let own =
            [format!("/v1/customers/{id}"), format!("/v1/customers/{id}?fields=x"), "/v1/customers?limit=1".to_owned()];
        let described = all.iter().filter(|operation| operation.method == "GET").map(Operation::address);
        let acts = |path: &str| path.starts_with("/v1/hooks/") || path == "/v1/auth/external/callback";
        let mut asked = 0;
        for path in described.chain(own).filter(|path| !acts(path)) {
            let session = org.admin.with("x-request-id", "the-same");
            let (get, head) = (session.get(&path), session.send("HEAD", &path, &[], ""));
            assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path}");
            for name in ["content-type", "content-length", "etag", "vary", "cache-control", "x-request-id", "location"]
            {
                // The list of keys and of sessions tells when they were last used, figures what they are now.
                assert_eq!(head.header(name).is_some(), get.header(name).is_some(), "{path} {name}");
                if !["content-length", "etag"].contains(&name) || path.starts_with("/v1/customers") {
                    assert_eq!(head.header(name), get.header(name), "{path} {name}");
                }
            }
            asked += 1;
        }
        assert!(asked > 80, "only {asked} addresses");
    }

    pub(super) fn what_is_not_known_is_refused_by_name(engine: Engine) {
        let (org, all) = begun(engine);
        let (mut parameters, mut members, mut conditions) = (0, 0, 0);
        // Where a form is wanted the type of the body is looked at first.
        let asking = |operation: &&Operation| operation.value.get("requestBody").is_none() || operation.takes_json();
        let mine = all.iter().filter(|operation| operation.by_token() && !is_ending(operation));
        for operation in mine.filter(asking) {
            let who = format!("{} {}", operation.method, operation.path);
            let address = operation.address();
            let reply = operation.send(&org.admin, &format!("{address}?nosuch=1"));
            // What hangs on a record that is not there may be told so first.
            if reply.status == 404 && operation.path.contains('{') {
                continue;
            }
            assert_eq!(reply.status, 400, "{who}: {}", reply.text);
            assert_eq!(
                reply.errors()[0],
                ("nosuch".to_owned(), "parameter_unknown".to_owned()),
                "{who}: {}",
                reply.text
            );
            parameters += 1;
            if operation.parameters.iter().any(|parameter| parameter["name"] == "filter") {
                for (name, code) in
                    [("filter[nosuch]", "filter_field_unknown"), ("filter[created_at.nosuch]", "filter_operator")]
                {
                    let reply = operation.send(&org.admin, &format!("{address}?{name}=1"));
                    assert_eq!(reply.status, 400, "{who}: {}", reply.text);
                    let found = reply.errors();
                    let named = found.iter().any(|(at, found)| at == name && !found.is_empty());
                    assert!(named, "{who} {code}: {}", reply.text);
                }
                conditions += 1;
            }
            // Without items there is nothing to look at.
            let closed = operation.takes_json() && closes(operation) && !operation.path.ends_with("/batch");
            if closed && !operation.path.contains('{') && operation.method != "GET" {
                let reply =
                    org.admin.send(&operation.method, &address, br#"{"no_such_member": 1}"#, "application/json");
                // A write that is tried tells what is wrong, and is answered.
                let tried = operation.path.ends_with("/validate") && reply.status == 200;
                assert!(tried || [400, 422].contains(&reply.status), "{who}: {}", reply.text);
                assert!(reply.text.contains("no_such_member"), "{who}: {}", reply.text);
                members += 1;
            }
        }
        assert!(parameters > 180 && members > 50 && conditions > 10, "{parameters} {members} {conditions}");
    }

    /// Whether its body has a schema that lets nothing else in; all of them do, but those that senders of forms fill.
    fn closes(operation: &Operation) -> bool {
        !operation.path.starts_with("/v1/hooks/") && !operation.path.ends_with("/submissions")
    }

    pub(super) fn bodies_have_a_type_a_size_and_a_depth(engine: Engine) {
        let (org, all) = begun(engine);
        let mut asked = 0;
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        let taking =
            all.iter().filter(|operation| operation.takes_json() && operation.by_token() && !is_ending(operation));
        for operation in taking.filter(|operation| closes(operation)) {
            let (who, address) = (format!("{} {}", operation.method, operation.path), operation.address());
            let send = |body: &[u8], kind: &str| org.admin.send(&operation.method, &address, body, kind);
            let typed = send(b"{}", "text/plain");
            assert_eq!((typed.status, typed.code().as_str()), (415, "media_type_unsupported"), "{who}: {}", typed.text);
            let broken = send(b"{", "application/json");
            assert_eq!((broken.status, broken.code().as_str()), (400, "not_json"), "{who}: {}", broken.text);
            let deep = send(deep.as_bytes(), "application/json");
            assert_eq!((deep.status, deep.errors()[0].1.as_str()), (400, "json_too_deep"), "{who}: {}", deep.text);
            let packed =
                org.admin.with("content-encoding", "gzip").send(&operation.method, &address, b"{}", "application/json");
            assert_eq!(packed.status, 415, "{who}");
            let large = said_large(org.admin.base(), operation, &address, org.admin.token().unwrap());
            assert!(large.starts_with("HTTP/1.1 413"), "{who}: {large}");
            asked += 1;
        }
        assert!(asked > 80, "only {asked} operations");
        let csv = org.admin.with("accept", "text/csv").get("/v1/customers").expect(406);
        assert_eq!(csv.code(), "not_acceptable");
    }

    /// The answer to a head that announces a body of a hundred megabytes, none of which is sent.
    fn said_large(base: &str, operation: &Operation, address: &str, token: &str) -> String {
        let host = base.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
        let method = &operation.method;
        let head = format!(
            "{method} {address} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
             content-length: 104857600\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = [0; 64];
        let read = stream.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..read]).into_owned()
    }

    pub(super) fn a_body_that_does_not_come_is_given_up(engine: Engine) {
        let org = Org::new(engine);
        let host = org.admin.base().trim_start_matches("http://").to_owned();
        let mut stream = TcpStream::connect(&host).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_secs(120))).unwrap();
        let token = org.admin.token().unwrap();
        let head = format!(
            "POST /v1/tags HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
             content-length: 100\r\n\r\n{{\"name\": "
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("request_timeout"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }

    pub(super) fn answers_are_packed_and_their_tags_are_true(engine: Engine) {
        let org = Org::new(engine);
        let remark = "很长的备注。".repeat(300);
        let mut body = company("压缩有限公司");
        body["remark"] = remark.into();
        let path = format!("/v1/customers/{}", org.admin.post("/v1/customers", &body).expect(201).id());
        let packing = org.admin.with("accept-encoding", "gzip");
        let (plain, packed) = (org.admin.get(&path).expect(200), packing.get(&path).expect(200));
        assert_eq!((plain.header("content-encoding"), packed.header("content-encoding")), (None, Some("gzip")));
        assert!(packed.bytes.starts_with(&[0x1f, 0x8b]) && packed.bytes.len() < plain.bytes.len() / 2);
        assert!(packed.header("vary").unwrap().contains("Accept-Encoding"));
        let (tag, other) = (plain.header("etag").unwrap(), packed.header("etag").unwrap());
        assert_ne!(tag, other, "other bytes have another tag");
        // Either is known again, and told as it was.
        for tag in [tag, other] {
            let same = org.admin.with("if-none-match", tag).get(&path).expect(304);
            assert_eq!((same.header("etag"), same.text.as_str()), (Some(tag), ""));
        }
        let _ = org.admin.with("if-match", other).patch(&path, &json!({"remark": "短"})).expect(200);
        for tag in [tag, other] {
            let _ = org.admin.with("if-none-match", tag).get(&path).expect(200);
            let _ = org.admin.with("if-match", tag).patch(&path, &json!({"remark": "更短"})).expect(412);
        }
        // What is small is sent as it is, and so is a problem.
        let small = packing.get("/v1/tags").expect(200);
        assert_eq!(small.header("content-encoding"), None);
        assert_eq!(packing.get("/v1/tags?x=1").expect(400).json()["code"], "parameter_unknown");
    }

    pub(super) fn requests_are_counted(engine: Engine) {
        let home = match engine {
            Engine::Sqlite => Home::sqlite(),
            Engine::Postgres => Home::postgres(own_postgres().url),
        };
        let mut command = home.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("KEHU_RATE_LIMIT", "600");
        let server = home.start_from(command);
        let admin = server.admin();
        let number = |reply: &Reply, name: &str| -> u32 { reply.header(name).unwrap().parse().unwrap() };
        for (path, status) in
            [("/v1/me", 200), ("/v1/customers?x=1", 400), ("/v1/nothing", 404), ("/openapi.json", 200)]
        {
            let reply = admin.get(path).expect(status);
            assert_eq!(number(&reply, "ratelimit-limit"), 600, "{path}");
            let left = number(&reply, "ratelimit-remaining");
            assert!(left < 600 && number(&reply, "ratelimit-reset") <= 60, "{path}: {left}");
        }
        // A supervisor may ask as often as it likes.
        assert_eq!(admin.get("/healthz").expect(200).header("ratelimit-limit"), None);
        assert!(server.stop().success());
    }

    pub(super) fn every_answer_tells_of_the_limit(engine: Engine) {
        let home = match engine {
            Engine::Sqlite => Home::sqlite(),
            Engine::Postgres => Home::postgres(own_postgres().url),
        };
        let mut command = home.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("KEHU_RATE_LIMIT", "1000000");
        let server = home.start_from(command);
        let admin = server.admin();
        let limited = |who: &str, reply: &Reply| {
            for name in ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"] {
                assert!(reply.header(name).is_some(), "{who}: {} without {name}", reply.status);
            }
        };
        let all = operations(&admin.get("/openapi.json").expect(200).json());
        let free = |operation: &&Operation| {
            ["/healthz", "/readyz"].contains(&operation.path.as_str()) || operation.path.starts_with("/v1/hooks/")
        };
        let mut refused = 0;
        for operation in all.iter().filter(|operation| !free(operation) && !is_ending(operation)) {
            let (who, address) = (format!("{} {}", operation.method, operation.path), operation.address());
            limited(&who, &operation.send(&admin, &address));
            limited(&format!("OPTIONS {}", operation.path), &admin.send("OPTIONS", &address, &[], ""));
            limited(&format!("TRACE {}", operation.path), &admin.send("TRACE", &address, &[], ""));
            let other = operation.send(&admin.with("accept", "application/xml"), &address);
            limited(&format!("{who} as XML"), &other);
            refused += usize::from(other.status == 406);
        }
        assert!(refused > 180, "only {refused} are 406");
        let overridden = admin.with("x-http-method-override", "DELETE");
        for path in ["/v1/customers", "/v1/nothing", "/docs"] {
            let reply = overridden.send("POST", path, b"{}", "application/json");
            assert_eq!((reply.status, reply.code().as_str()), (400, "method_override_invalid"), "{path}");
            limited(path, &reply);
        }
        assert_eq!(overridden.send("POST", "/healthz", &[], "").status, 400);
        assert!(server.stop().success());
    }

    pub(super) fn the_description_is_kept_until_it_changes(engine: Engine) {
        let org = Org::new(engine);
        let anybody = Session::anonymous(org.admin.base());
        for (session, path, vary, kept) in [
            (&anybody, "/openapi.json", "Accept-Encoding", "no-cache"),
            (&org.admin, "/openapi.json?view=organisation", "Authorization, Accept-Encoding", "private, no-cache"),
        ] {
            let (plain, packed) =
                (session.get(path).expect(200), session.with("accept-encoding", "gzip").get(path).expect(200));
            let (tag, other) = (plain.header("etag").unwrap(), packed.header("etag").unwrap());
            assert_ne!(tag, other, "{path}: other bytes have another tag");
            assert_eq!(packed.header("content-encoding"), Some("gzip"), "{path}");
            for tag in [tag, other] {
                let same = session.with("if-none-match", tag).get(path).expect(304);
                assert_eq!((same.header("etag"), same.text.as_str()), (Some(tag), ""), "{path}");
                assert_eq!((same.header("vary"), same.header("cache-control")), (Some(vary), Some(kept)), "{path}");
            }
            for reply in [&plain, &packed] {
                assert_eq!((reply.header("vary"), reply.header("cache-control")), (Some(vary), Some(kept)), "{path}");
            }
            let _ = session.with("if-none-match", "\"other\"").get(path).expect(200);
        }
        // That of an organisation changes with its fields.
        let path = "/openapi.json?view=organisation";
        let before = org.admin.get(path).expect(200);
        let field = json!({"kind": "customer", "key": "shade", "type": "text", "label": {"en": "Shade"}});
        let _ = org.admin.post("/v1/fields", &field).expect(201);
        let after = org.admin.with("if-none-match", before.header("etag").unwrap()).get(path).expect(200);
        assert!(after.text.contains("shade") && after.header("etag") != before.header("etag"));
    }
}
