//! Every door of the description that writes or takes a body, called with words of its own in everything it takes.
//!
//! A door that needs more than its schema says has a line in [`Walk::call`]; one that the walk cannot call fails the
//! test with what is to be added.

use kehu_tests::{PASSWORD, Reply, Session};
use serde_json::{Value, json};

use super::bodies::Bodies;
use super::sown::Sown;

/// The fields of every form that is made: what a lead brings, and where it goes.
pub(super) fn form_fields() -> Value {
    json!([
        {"key": "who", "maps_to": "customer.name"}, {"key": "mobile", "maps_to": "customer.phone"},
        {"key": "mail", "maps_to": "customer.email"}, {"key": "place", "maps_to": "customer.address"},
        {"key": "chat", "maps_to": "contact.wechat"}, {"key": "said", "maps_to": "customer.remark"},
    ])
}

/// An operation of the description.
pub(super) struct Door<'a> {
    pub(super) method: String,
    pub(super) path: &'a str,
    pub(super) name: String,
    value: &'a Value,
    parameters: Vec<&'a Value>,
}

impl Door<'_> {
    fn copied(&self) -> Door<'_> {
        let parameters = self.parameters.clone();
        Door { method: self.method.clone(), path: self.path, name: self.name.clone(), value: self.value, parameters }
    }

    /// The content types that it takes, with their schemas.
    fn contents(&self) -> Vec<(&str, &Value)> {
        let content = self.value["requestBody"]["content"].as_object();
        content.into_iter().flatten().map(|(kind, content)| (kind.as_str(), &content["schema"])).collect()
    }

    /// The kind in its path: `/v1/customers/{id}/restore` → `customers`.
    fn kind(&self) -> &str {
        self.path.split('/').nth(2).unwrap_or_default()
    }
}

/// A walk through the doors of a server.
pub(super) struct Walk<'a> {
    pub(super) base: &'a str,
    document: &'a Value,
    pub(super) admin: Session,
    customer: String,
    contact: String,
    job: String,
    called: usize,
    pub(super) sown: Sown,
}

impl<'a> Walk<'a> {
    /// Begins one, as an administrator.
    pub(super) fn new(base: &'a str, document: &'a Value, admin: &Session) -> Self {
        let mut sown = Sown::default();
        // Every request names its client so; the journal and the sessions keep it.
        let admin = admin.with("user-agent", &sown.ascii("User-Agent"));
        let customer = admin.post("/v1/customers", &json!({"name": "行走公司", "kind": "company"})).expect(201).id();
        let contact = admin.post("/v1/contacts", &json!({"customer_id": customer, "name": "周行"})).expect(201).id();
        let job = admin.post("/v1/audit/verify", &json!({})).expect(202).id();
        Self { base, document, admin, customer, contact, job, called: 0, sown }
    }

    /// Calls every door; how many there were.
    pub(super) fn through_every_door(&mut self) -> usize {
        let document = self.document;
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, value) in methods.as_object().unwrap() {
                if !["post", "put", "patch", "delete"].contains(&method.as_str()) {
                    continue;
                }
                let method = method.to_uppercase();
                let named = |parameter: &'a Value| match parameter["$ref"].as_str() {
                    Some(name) => document.pointer(name.trim_start_matches('#')).unwrap(),
                    None => parameter,
                };
                let parameters = value["parameters"].as_array().into_iter().flatten().map(named).collect();
                let name = format!("{method} {path}");
                self.sown.door.clone_from(&name);
                self.call(&Door { method, path, name, value, parameters });
                self.called += 1;
            }
        }
        self.called
    }

    fn call(&mut self, door: &Door<'_>) {
        let anybody = Session::anonymous(self.base);
        match door.name.as_str() {
            "POST /v1/auth/login" => {
                for body in self.bodies(door) {
                    // Two names for one member.
                    for name in ["login", "email"] {
                        let mut body = body.clone();
                        body.as_object_mut().unwrap().remove(name);
                        let _ = anybody.post(door.path, &body).expect(401);
                    }
                }
            }
            "POST /v1/auth/refresh" => {
                for body in self.bodies(door) {
                    let _ = anybody.post(door.path, &body).expect(401);
                }
                let tokens = self.signed_in().1;
                let again = anybody.post(door.path, &json!({"refresh_token": tokens["refresh_token"]})).expect(200);
                self.tell_tokens(&again.json());
            }
            "POST /v1/auth/accept_invitation" => {
                let body = json!({"name": "受邀人", "role": "salesperson", "user_name": self.sown.ascii("user_name")});
                let made = self.admin.post("/v1/users", &body).expect(201).json();
                let token = made["invitation"]["token"].as_str().unwrap();
                self.sown.told("invitation", token);
                for mut body in self.bodies(door) {
                    body["token"] = token.into();
                    let _ = anybody.post(door.path, &body).expect(204);
                }
            }
            "POST /v1/me/password" => {
                let (session, _) = self.signed_in();
                for mut body in self.bodies(door) {
                    let _ = self.with_headers(door, &session).post(door.path, &body).expect(422);
                    body["old_password"] = PASSWORD.into();
                    let _ = self.with_headers(door, &session).post(door.path, &body).expect(204);
                }
            }
            "POST /v1/me/second_factor"
            | "POST /v1/me/second_factor/confirm"
            | "POST /v1/me/second_factor/recovery_codes"
            | "DELETE /v1/me/second_factor" => self.factor(door),
            "DELETE /v1/users/{id}/second_factor" => {
                let (session, _) = self.signed_in();
                let _ = self.enrolled(&session);
                let me = session.get("/v1/me").expect(200).json();
                let path = door.path.replace("{id}", me["user"]["id"].as_str().unwrap());
                let admin = self.admin.clone();
                self.send(door, &admin, &path, None);
            }
            "PATCH /v1/identity_providers/{id}" | "DELETE /v1/identity_providers/{id}" => {
                let settings = json!({
                    "name": "提供方", "issuer": "https://id.example.com", "client_id": "kehu",
                    "redirect_uris": ["https://crm.example.com/back"],
                });
                let id = self.admin.post("/v1/identity_providers", &settings).expect(201).id();
                let admin = self.admin.clone();
                self.send_all(door, &admin, &door.path.replace("{id}", &id));
            }
            "POST /v1/auth/external/start" | "POST /v1/auth/external" => self.external(door),
            "POST /v1/auth/logout" => {
                let (session, _) = self.signed_in();
                self.send(door, &session, door.path, None);
            }
            "DELETE /v1/me/sessions/{id}" => {
                let (session, _) = self.signed_in();
                let listed = session.get("/v1/me/sessions").expect(200).json();
                let id = listed["data"][0]["id"].as_str().unwrap().to_owned();
                self.send(door, &session, &door.path.replace("{id}", &id), None);
            }
            "PATCH /v1/organisation" => {
                let session = self.with_headers(door, &self.admin.clone());
                let name = self.sown.open("name");
                let _ = session.patch(door.path, &json!({"name": name})).expect(200);
                let wrong = json!({"settings": {"addresses": {"allow": [self.sown.ascii("no network")]}}});
                let _ = session.patch(door.path, &wrong).expect(422);
            }
            "POST /v1/organisation/numbers/preview" => {
                let session = self.with_headers(door, &self.admin.clone());
                let _ = session.post(door.path, &json!({"template": "{yyyy}{seq:3}"})).expect(200);
                let wrong =
                    json!({"template": self.sown.ascii("template"), "examples": [{"kind": self.sown.text("kind")}]});
                let _ = session.post(door.path, &wrong).expect(422);
            }
            "POST /v1/tags/{id}/merge" => {
                let mut tag = || self.admin.post("/v1/tags", &json!({"name": self.sown.open("name")})).expect(201).id();
                let (from, into) = (tag(), tag());
                let (admin, path) = (self.admin.clone(), door.path.replace("{id}", &from));
                self.send(door, &admin, &path, Some(&json!({"into": into})));
                let wrong = json!({"into": self.sown.ascii("into")});
                let _ = self.with_headers(door, &admin).post(&path, &wrong).expect(422);
            }
            "POST /v1/segments/{id}/members" => {
                let list = json!({"name": self.sown.open("name"), "kind": "customer", "type": "static"});
                let (admin, id) = (self.admin.clone(), self.admin.post("/v1/segments", &list).expect(201).id());
                self.send_all(door, &admin, &door.path.replace("{id}", &id));
                // What is confidential is kept in no filter, and is nowhere after it was refused.
                let kept = json!({"field": "phone", "op": "eq", "value": self.sown.phone("where")});
                let kept = json!({"name": "不存", "kind": "customer", "type": "live", "where": kept});
                let _ = admin.post("/v1/segments", &kept).expect(422);
            }
            "POST /v1/tag_sets/{key}" => {
                let (admin, path) = (self.admin.clone(), door.path.replace("{key}", "needs"));
                self.send(door, &admin, &path, Some(&json!({"language": "en"})));
                let wrong = json!({"language": self.sown.ascii("language")});
                let _ = self.with_headers(door, &admin).post(&path, &wrong).expect(422);
            }
            "POST /v1/batch" => {
                let mut body = json!({
                    "name": self.sown.open("name"), "kind": "company", "phones": [self.sown.phone("phones")],
                    "emails": [self.sown.mail("emails")], "address": self.sown.text("address"),
                });
                let made = json!({"ref": "c", "method": "POST", "path": "/v1/customers", "body": body});
                body = json!({"customer_id": "{{c}}", "name": self.sown.open("name"), "wechat": self.sown.ascii("wechat")});
                let hung = json!({"method": "POST", "path": "/v1/contacts", "body": body});
                let admin = self.admin.clone();
                self.send(door, &admin, door.path, Some(&json!({"operations": [made, hung]})));
                let wrong = json!({"phones": [self.sown.ascii("no phone")], "no_member": self.sown.text("unknown")});
                let path = format!("/v1/customers/{}", self.customer);
                let wrong = json!({"operations": [{"method": "PATCH", "path": path, "body": wrong}]});
                let _ = self.with_headers(door, &admin).post(door.path, &wrong).expect(207);
            }
            "POST /v1/organisation/apply_preset" => {
                let session = self.with_headers(door, &self.admin.clone());
                // Who administers here has every duty.
                let _ = session.post(door.path, &json!({"preset": "dengbao_3"})).expect(422);
            }
            "POST /v1/users/{id}/reset_password" => {
                let session = self.with_headers(door, &self.admin.clone());
                let reply = session.send(&door.method, &self.target(door), &[], "").expect(200);
                self.sown.told("reset", reply.json()["token"].as_str().unwrap());
            }
            name if name.ends_with("/bulk") => self.bulk(door),
            "POST /v1/jobs/{id}/cancel" | "POST /v1/jobs/{id}/retry" | "POST /v1/jobs/{id}/undo" => {
                // It may have ended, and is no bulk change.
                let reply = self.admin.send("POST", &door.path.replace("{id}", &self.job), &[], "");
                assert!([200, 409].contains(&reply.status), "{}: {}", door.name, reply.text);
            }
            "DELETE /v1/me/sessions" => {
                let (session, _) = self.signed_in();
                self.send(door, &session, door.path, None);
            }
            "DELETE /v1/users/{id}/sessions" | "DELETE /v1/users/{id}/sessions/{session_id}" => {
                let (session, _) = self.signed_in();
                let me = session.get("/v1/me").expect(200).json();
                let (user, id) = (me["user"]["id"].as_str().unwrap(), me["session"]["id"].as_str().unwrap());
                let (admin, path) = (self.admin.clone(), door.path.replace("{id}", user).replace("{session_id}", id));
                self.send(door, &admin, &path, None);
            }
            "POST /v1/api_keys" | "POST /v1/me/tokens" => {
                let admin = self.admin.clone();
                self.send_all(door, &admin, door.path);
                self.key(door.path);
            }
            "PATCH /v1/api_keys/{id}" => {
                let (admin, id) = (self.admin.clone(), self.key("/v1/api_keys"));
                self.send_all(door, &admin, &door.path.replace("{id}", &id));
            }
            "DELETE /v1/api_keys/{id}" | "DELETE /v1/me/tokens/{id}" => {
                let id = self.key(door.path.trim_end_matches("/{id}"));
                let (admin, path) = (self.admin.clone(), door.path.replace("{id}", &id));
                self.send(door, &admin, &path, None);
            }
            "POST /v1/attachments" => {
                let _ = self.attached();
                // What is refused is nowhere either.
                let secret = format!("<html>{}", self.sown.text("a page"));
                let refused = self.admin.attach("customer", &self.customer, "a.html", secret.as_bytes());
                assert_eq!(refused.status, 415, "{}", refused.text);
            }
            "POST /v1/tickets" => {
                let body = json!({"path": format!("/v1/customers/{}", self.customer)});
                let url = self.admin.post(door.path, &body).expect(200).json()["url"].as_str().unwrap().to_owned();
                self.sown.told("ticket", url.split_once("ticket=").unwrap().1);
                let _ = anybody.get(&url).expect(200);
                let _ = anybody.get(&format!("{url}x")).expect(401);
                // An access token in an address is nowhere either.
                let token = self.admin.token().unwrap().to_owned();
                let _ = anybody.get(&format!("/v1/me?access_token={token}")).expect(400);
            }
            "POST /v1/users/{id}/leave" => {
                let me = self.admin.get("/v1/me").expect(200).json();
                let leaver = self.somebody();
                for mut body in self.bodies(door) {
                    body["successor_id"] = me["user"]["id"].clone();
                    let admin = self.admin.clone();
                    self.send(door, &admin, &door.path.replace("{id}", &leaver), Some(&body));
                }
            }
            "POST /v1/fields/{id}/check" => {
                let (admin, path) = (self.admin.clone(), self.target(door));
                let body = json!({"help": {"en": self.sown.text("help")}});
                self.send(door, &admin, &path, Some(&body));
            }
            "POST /v1/access_reviews/{id}/close" => {
                let (admin, review) = (self.admin.clone(), self.review(None));
                self.send(door, &admin, &door.path.replace("{id}", &review), None);
            }
            "POST /v1/access_reviews/{id}/items/{user}/decide" => {
                let user = self.somebody();
                let (admin, review) = (self.admin.clone(), self.review(Some(&user)));
                let path = door.path.replace("{id}", &review).replace("{user}", &user);
                for mut body in self.bodies(door) {
                    let refused = self.with_headers(door, &admin).post(&path, &body).expect(422);
                    assert!(refused.text.contains("/role"), "{}", refused.text);
                    for (name, value) in
                        [("decision", json!("change")), ("role", json!("service")), ("other_roles", json!([]))]
                    {
                        body[name] = value;
                    }
                    self.send(door, &admin, &path, Some(&body));
                }
            }
            "POST /v1/counts" => {
                let admin = self.admin.clone();
                let phone = json!({"field": "phone", "value": self.sown.phone("phone")});
                let body =
                    json!({self.sown.text("a name"): {"kind": "customer", "where": phone, "q": self.sown.text("q")}});
                self.send(door, &admin, door.path, Some(&body));
                let wrong = json!({self.sown.ascii("a name"): {"kind": self.sown.ascii("kind")}});
                let _ = self.with_headers(door, &admin).post(door.path, &wrong).expect(400);
            }
            name if name.ends_with("/upsert") => self.upserted(door),
            name if name.starts_with("PUT ") && name.ends_with("/by/{key}/{value}") => self.put(door),
            "POST /v1/forms/{id}/submissions" | "POST /v1/hooks/{key}" => self.submit(door, &anybody),
            _ => {
                let admin = self.admin.clone();
                let path = self.target(door);
                self.send_all(door, &admin, &path);
            }
        }
    }

    /// Records that are named, and those that a filter finds; what is refused is kept, and is nowhere in clear.
    fn bulk(&mut self, door: &Door<'_>) {
        let document = self.document;
        let (_, schema) = door.contents()[0];
        let name = schema["$ref"].as_str().unwrap().replace("Bulk", "Patch");
        let patch = document.pointer(name.trim_start_matches('#')).unwrap();
        let bodies = Bodies { document, customer: &self.customer, contact: &self.contact };
        let change = bodies.of(patch, &mut self.sown).remove(0);
        let path = self.target(&Door { path: &door.path.replace("/bulk", "/{id}"), ..door.copied() });
        let id = path.rsplit('/').next().unwrap();
        let session = self.with_headers(door, &self.admin.clone());
        let query = format!("{}?on_duplicate=allow", door.path);
        for preview in [true, false] {
            let body = json!({"ids": [id], "change": change, "preview": preview});
            let reply = if preview { self.admin.post(&query, &body) } else { session.post(&query, &body) };
            let refused = if preview { reply.json()["refused"] != 0 } else { reply.data()[0]["status"] != 200 };
            assert!(!refused, "{}: {}", door.name, reply.text);
        }
        if door.kind() != "customers" {
            return;
        }
        let phone = json!({"field": "phone", "op": "eq", "value": self.sown.phone("where")});
        let mail = json!({"field": "email", "op": "eq", "value": self.sown.mail("where")});
        let found = json!({"field": "updated_at", "op": "within_last", "value": 1});
        let change = json!({"grade": self.sown.text("no grade"), "remark": "x"});
        let body = json!({"where": {"or": [phone, mail, found]}, "change": change});
        let job = self.admin.post(door.path, &body).expect(202).id();
        let told = self.admin.done(&format!("/v1/jobs/{job}"), 60);
        assert!(told["result"]["refused"].as_i64().unwrap_or_default() > 0, "{told}");
    }

    /// A user.
    fn somebody(&mut self) -> String {
        let login = self.sown.ascii("user_name");
        let user = json!({"name": "过客", "role": "salesperson", "user_name": login, "password": PASSWORD});
        self.admin.post("/v1/users", &user).expect(201).id()
    }

    /// A review of a user, or of everybody.
    fn review(&self, user: Option<&str>) -> String {
        let users: Option<Vec<&str>> = user.map(|user| vec![user]);
        self.admin.post("/v1/access_reviews", &json!({"users": users})).expect(201).id()
    }

    /// Somebody who signed in just now, and the tokens.
    pub(super) fn signed_in(&mut self) -> (Session, Value) {
        let login = self.sown.ascii("user_name");
        let user = json!({"name": "过客", "role": "salesperson", "user_name": login, "password": PASSWORD});
        let _ = self.admin.post("/v1/users", &user).expect(201);
        let sign_in = json!({"login": login, "password": PASSWORD, "device_name": self.sown.open("device_name")});
        let tokens = Session::anonymous(self.base).post("/v1/auth/login", &sign_in).expect(200).json();
        self.tell_tokens(&tokens);
        let session = Session::anonymous(self.base).with_token(tokens["access_token"].as_str());
        (session, tokens)
    }

    /// A file of several chunks with words of its own, that was read again; its id.
    fn attached(&mut self) -> String {
        let name = format!("{}.txt", self.sown.open("name"));
        let word = self.sown.text("what is in a file");
        let content = format!("{word}\n{}", format!("{}\n", self.sown.text("more of a file")).repeat(5000));
        let made = self.admin.attach("contact", &self.contact, &name, content.as_bytes()).expect(201).id();
        let read = self.admin.get(&format!("/v1/attachments/{made}/content")).expect(200);
        assert_eq!(read.text, content);
        made
    }

    /// Makes a key or a personal token, and uses it; its id.
    fn key(&mut self, path: &str) -> String {
        let mut body = json!({"name": self.sown.open("name")});
        if path == "/v1/api_keys" {
            body["role"] = "manager".into();
        }
        let made = self.admin.post(path, &body).expect(201).json();
        let key = made["key"].as_str().unwrap();
        self.sown.told("key", key);
        let _ = Session::anonymous(self.base).with_token(Some(key)).get("/v1/me").expect(200);
        made["id"].as_str().unwrap().to_owned()
    }

    pub(super) fn tell_tokens(&mut self, tokens: &Value) {
        for name in ["access_token", "refresh_token"] {
            let token = tokens[name].as_str().unwrap().to_owned();
            self.sown.told(name, &token);
        }
    }

    pub(super) fn bodies(&mut self, door: &Door<'_>) -> Vec<Value> {
        let bodies = Bodies { document: self.document, customer: &self.customer, contact: &self.contact };
        let (_, schema) = door.contents()[0];
        bodies.of(schema, &mut self.sown)
    }

    /// The path, with a new record in the place of its id.
    fn target(&mut self, door: &Door<'_>) -> String {
        if !door.path.contains('{') {
            return door.path.to_owned();
        }
        if door.kind() == "attachments" {
            let id = self.attached();
            if door.path.ends_with("/restore") {
                let _ = self.admin.delete(&format!("/v1/attachments/{id}")).expect(204);
            }
            return door.path.replace("{id}", &id);
        }
        let collection = format!("/v1/{}", door.kind());
        let made = &self.document["paths"][&collection]["post"];
        assert!(
            made.is_object() && door.path.matches('{').count() == 1 && door.path.contains("{id}"),
            "{} is not called by this test: say in Walk::call what its path means",
            door.name
        );
        let schema = &made["requestBody"]["content"]["application/json"]["schema"];
        let bodies = Bodies { document: self.document, customer: &self.customer, contact: &self.contact };
        let body = bodies.of(schema, &mut self.sown).remove(0);
        let id = self.admin.post(&format!("{collection}?on_duplicate=allow"), &body).expect(201).id();
        if door.path.ends_with("/restore") {
            let _ = self.admin.delete(&format!("{collection}/{id}")).expect(204);
        }
        door.path.replace("{id}", &id)
    }

    /// The headers that it takes, each with a word of its own.
    pub(super) fn with_headers(&mut self, door: &Door<'_>, session: &Session) -> Session {
        let mut session = session.clone();
        for parameter in &door.parameters {
            let name = parameter["name"].as_str().unwrap();
            session = match (parameter["in"].as_str().unwrap(), name) {
                ("header", "Idempotency-Key") => session.with("idempotency-key", &self.sown.ascii(name).repeat(2)),
                ("header", "X-Change-Reason") => {
                    let reason = self.sown.text(name);
                    session.with("x-change-reason", &kehu_tests::encoded(&reason))
                }
                ("header", "If-Match" | "If-None-Match" | "Accept-Language")
                | ("path", _)
                | ("query", "on_duplicate" | "dry_run") => session,
                other => panic!("{} takes {other:?}: say in Walk::with_headers what it is given", door.name),
            };
        }
        session
    }

    /// Sends what the schema says, and then what it does not say.
    fn send_all(&mut self, door: &Door<'_>, session: &Session, path: &str) {
        if door.contents().is_empty() {
            return self.send(door, session, path, None);
        }
        for body in self.bodies(door) {
            self.send(door, session, path, Some(&body));
        }
        // What is refused is nowhere either.
        let body = json!({ self.sown.ascii("an unknown member"): self.sown.text("an unknown value") });
        let reply = session.send(&door.method, path, body.to_string().as_bytes(), "application/json");
        // A write that is tried tells what is wrong, and is answered.
        let refused = (400..500).contains(&reply.status) || door.path.ends_with("/validate") && reply.status == 200;
        assert!(refused, "{}: {} {}", door.name, reply.status, reply.text);
        let broken = format!("{{\"name\": \"{}", self.sown.ascii("a broken body"));
        let _ = session.send(&door.method, path, broken.as_bytes(), "application/json").expect(400);
    }

    fn send(&mut self, door: &Door<'_>, session: &Session, path: &str, body: Option<&Value>) {
        let session = self.with_headers(door, session);
        let takes = |name: &str| door.parameters.iter().any(|parameter| parameter["name"] == name);
        let query = if takes("on_duplicate") { "?on_duplicate=allow" } else { "" };
        let path = format!("{path}{query}");
        let send = |session: &Session| -> Reply {
            match body {
                Some(body) => session.send(&door.method, &path, body.to_string().as_bytes(), "application/json"),
                None => session.send(&door.method, &path, &[], ""),
            }
        };
        let reply = send(&session);
        assert!(
            reply.status < 300 && reply.status != 207,
            "{} refused the body that this test made ({}): {}\n{body:?}\nSay in bodies.rs what the member takes, or in \
             Walk::call what the door needs.",
            door.name,
            reply.status,
            reply.text
        );
        if takes("Idempotency-Key") {
            // The answer was kept.
            assert_eq!(send(&session).status, reply.status, "{}", door.name);
        }
    }

    /// Made by a key, and changed by it; what says nothing of the key is refused.
    fn upserted(&mut self, door: &Door<'_>) {
        let admin = self.admin.clone();
        let path = format!("{}?on_duplicate=allow", door.path);
        for mut body in self.bodies(door) {
            body["match_on"] = json!(["external_id:shop"]);
            body["on_match"] = "update".into();
            let item = body["items"][0].as_object_mut().unwrap();
            // The system's to give.
            item.remove("number");
            let without = item.clone();
            item.insert("external_ids".to_owned(), json!({"shop": self.sown.open("external id")}));
            let refused = self.with_headers(door, &admin);
            let unnamed = json!({"match_on": ["external_id:shop"], "items": [without]});
            let _ = refused.post(&path, &unnamed).expect(207);
            self.send(door, &admin, door.path, Some(&body));
        }
        let wrong =
            json!({"match_on": [self.sown.ascii("match_on")], "items": [], "on_match": self.sown.ascii("on_match")});
        let _ = admin.post(&path, &wrong).expect(422);
    }

    /// Put under a key of a source.
    fn put(&mut self, door: &Door<'_>) {
        let admin = self.admin.clone();
        for mut body in self.bodies(door) {
            body.as_object_mut().unwrap().remove("number");
            let key = kehu_tests::encoded(&self.sown.open("external id"));
            let path = door.path.replace("{key}", "external_id:shop").replace("{value}", &key);
            self.send(door, &admin, &path, Some(&body));
            let sent = body.to_string();
            let put =
                |tag: &str| admin.with("if-none-match", tag).send("PUT", &path, sent.as_bytes(), "application/json");
            let _ = (put("*").expect(412), put(&self.sown.ascii("If-None-Match")).expect(400));
            let wrong = json!({ self.sown.ascii("an unknown member"): self.sown.text("an unknown value") });
            let refused = admin.send("PUT", &path, wrong.to_string().as_bytes(), "application/json");
            assert_eq!(refused.status, 422, "{}", refused.text);
        }
        // What is sealed stands in no address, and is not kept where it did.
        let path = door.path.replace("{key}", "phone").replace("{value}", &self.sown.phone("a phone in an address"));
        let refused = admin.send("PUT", &path, b"{}", "application/json");
        assert_eq!(refused.status, 400, "{}", refused.text);
    }

    /// A lead in each content type, with values that the form knows and does not know.
    fn submit(&mut self, door: &Door<'_>, anybody: &Session) {
        let form = json!({"name": "表单", "fields": form_fields(), "source_id": "/lead_id"});
        let form = self.admin.post("/v1/forms", &form).expect(201).json();
        let (public, hook) = (form["public_key"].as_str().unwrap(), form["hook_key"].as_str().unwrap());
        self.sown.told("public_key", public);
        self.sown.told("hook_key", hook);
        let path = door.path.replace("{id}", form["id"].as_str().unwrap()).replace("{key}", hook);
        let visitor = if door.path.contains("hooks") { anybody.clone() } else { anybody.with_token(Some(public)) };
        for (content_type, _) in door.contents() {
            let values = [
                ("who", self.sown.open("name")),
                ("mobile", self.sown.phone("mobile")),
                ("mail", self.sown.mail("mail")),
                ("place", self.sown.text("place")),
                ("chat", self.sown.ascii("chat")),
                ("said", self.sown.open("remark")),
                ("lead_id", self.sown.ascii("lead_id")),
                ("utm_source", self.sown.ascii("utm_source")),
                ("landing_url", format!("https://www.example.com/?x={}", self.sown.ascii("landing_url"))),
                ("unmapped", self.sown.text("unmapped")),
            ];
            let (body, content_type) = encoded(content_type, &values, &door.name);
            let visitor = self.with_headers(door, &visitor);
            let reply = visitor.send("POST", &path, body.as_bytes(), &content_type);
            assert!(reply.status < 300, "{} {content_type}: {}", door.name, reply.text);
            let mixed = [("who", self.sown.open("name")), ("mobile", self.sown.mail("mail in mobile"))];
            let (body, content_type) = encoded(&content_type, &mixed, &door.name);
            let _ = visitor.send("POST", &path, body.as_bytes(), &content_type);
        }
    }
}

/// Values in a content type, and what that is called on the wire.
fn encoded(content_type: &str, values: &[(&str, String)], door: &str) -> (String, String) {
    if content_type.starts_with("application/json") {
        let values: Value =
            values.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str()))).collect();
        return (values.to_string(), content_type.to_owned());
    }
    if content_type == "application/x-www-form-urlencoded" {
        let pair = |(name, value): &(&str, String)| format!("{name}={}", kehu_tests::encoded(value));
        return (values.iter().map(pair).collect::<Vec<_>>().join("&"), content_type.to_owned());
    }
    assert!(
        content_type.starts_with("multipart/form-data"),
        "{door} takes {content_type}: say in encoded() how it is written"
    );
    let part = |(name, value): &(&str, String)| {
        format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let body: String = values.iter().map(part).collect();
    (format!("{body}--edge--\r\n"), "multipart/form-data; boundary=edge".to_owned())
}
