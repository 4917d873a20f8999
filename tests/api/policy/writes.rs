//! What is written: field by field, whole records, deleted and taken back. What may not be written is refused by name,
//! and nothing changes.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::ask::Ask;
use super::canary::{value, words};
use super::description::{Field, Kind};
use super::table::{Policy, Sight, Standing};
use super::world::Rec;

/// Fields of users that are about rights: they take a right of their own.
const RIGHTS: [&str; 3] = ["role", "other_roles", "team_id"];
/// Fields of users that they sign in by.
const LOGINS: [&str; 3] = ["email", "mobile", "user_name"];
/// Rights about no record.
const BESIDES: [&str; 5] = ["audit.read", "data.purge", "rights.grant", "settings.manage", "keys.manage"];
/// A value that no field that nobody writes has.
const JUNK: &str = "qzjunkjunk";

type Refused = BTreeMap<String, String>;

/// The member by which what hangs on a customer names it.
fn parent(kind: &Kind) -> &'static str {
    if kind.fields.iter().any(|field| field.name == "record_id") { "record_id" } else { "customer_id" }
}

impl Ask<'_> {
    /// Every door that writes records of a kind.
    pub(super) fn write(&mut self, kind: &Kind) {
        for rec in self.world.samples(self.subject, &kind.name) {
            self.update(kind, rec);
            self.write_by_key(kind, rec);
            if kind.name == "customer" {
                self.give_away(kind, rec);
            }
        }
        self.create(kind, false);
        self.create(kind, true);
        if kind.has("delete") {
            for rec in self.world.samples(self.subject, &kind.name) {
                self.delete(kind, rec);
            }
            self.mark("delete", &kind.name, "*");
            self.mark("restore", &kind.name, "*");
        }
    }

    /// The status of a change that the record's standing decides.
    pub(super) fn write_status(&self, action: &str, kind: &Kind, rec: &Rec, done: u16) -> u16 {
        let policy = &self.subject.policy;
        match () {
            () if !policy.can("read", &kind.name) || !policy.can(action, &kind.name) => 403,
            () if !self.subject.may("read", rec) => 404,
            () if !self.subject.may(action, rec) => 403,
            () => done,
        }
    }

    /// A tag that is there.
    fn known_tag(&self) -> Value {
        let tag = self.world.of("tag").last().unwrap();
        json!([tag.id])
    }

    pub(super) fn as_administrator(&self, kind: &Kind, id: &str) -> Value {
        self.world.org.admin.get(&format!("{}/{id}", kind.path)).json()
    }

    /// A value for every field that a body can bring, those too that nobody says.
    fn body(&self, kind: &Kind) -> Map<String, Value> {
        let brought = |field: &Field| match field.write.as_str() {
            "never" => json!(JUNK),
            _ => value(&kind.name, &field.name),
        };
        let fields = kind.fields.iter().map(|field| (field.name.clone(), brought(field)));
        let mut body: Map<String, Value> = fields.filter(|(_, value)| !value.is_null()).collect();
        if kind.name == "user" {
            for name in RIGHTS.iter().filter(|name| !self.subject.policy.writes("user", name)) {
                body.insert((*name).to_owned(), json!(JUNK));
            }
        }
        body
    }

    fn update(&mut self, kind: &Kind, rec: &Rec) {
        let path = format!("{}/{}?on_duplicate=allow", kind.path, rec.id);
        let mut body = self.body(kind);
        if body.contains_key("customer_id") || kind.fields.iter().any(|field| field.name == "customer_id") {
            body.insert("customer_id".to_owned(), json!(kehu_tests::new_id()));
        }
        if body.contains_key("record_kind") {
            body.insert("record_id".to_owned(), json!(kehu_tests::new_id()));
        }
        let status = self.write_status("update", kind, rec, 422);
        self.mark_all("update", kind);
        let before = self.as_administrator(kind, &rec.id);
        if body.contains_key("stage") {
            // What is there already is let through from who may not write it.
            body.insert("stage".to_owned(), json!(if before["stage"] == "lost" { "partner" } else { "lost" }));
        }
        let policy = &self.subject.policy;
        let refusal = |field: &Field| match field.write.as_str() {
            // What is there already says nothing.
            "never" | "create" if before.get(&field.name) == body.get(&field.name) => None,
            _ if !policy.writes(&kind.name, &field.name) => Some("read_only"),
            "never" | "create" => Some("read_only"),
            _ => (self.subject.sight(rec, &field.name) == Sight::Hidden).then_some("field_hidden"),
        };
        let refused = refused(kind, &body, refusal);
        self.try_update(kind, rec, &body, if status == 422 && refused.is_empty() { 200 } else { status });
        if status != 422 {
            let _ = self.expect(status, "PATCH", &path, Some(&body.clone().into()));
            self.unchanged(kind, &rec.id, &before, &path);
            return;
        }
        if !refused.is_empty() {
            let reply = self.expect(422, "PATCH", &path, Some(&body.clone().into()));
            self.refuses(&path, reply.map(|reply| reply.errors()), &refused);
            self.unchanged(kind, &rec.id, &before, &path);
        }
        body.retain(|name, _| !refused.contains_key(&format!("/{name}")));
        if body.is_empty() {
            return;
        }
        if body.contains_key("tags") && !self.subject.policy.can("create", "tag") {
            // To name a tag that does not exist is to make one.
            let reply = self.expect(422, "PATCH", &path, Some(&body.clone().into()));
            let unknown = Refused::from([("/tags".to_owned(), "reference_unknown".to_owned())]);
            self.refuses(&path, reply.map(|reply| reply.errors()), &unknown);
            self.unchanged(kind, &rec.id, &before, &path);
            body.insert("tags".to_owned(), self.known_tag());
        }
        if kind.name == "user"
            && LOGINS.iter().any(|name| body.contains_key(*name))
            && self.would_take_over(rec, &before)
        {
            // A new name to sign in with is as good as a new password.
            let reply = self.expect(422, "PATCH", &path, Some(&body.clone().into()));
            let told = reply.map(|reply| reply.errors()).unwrap_or_default();
            let is_name = |at: &str| LOGINS.iter().any(|name| at == format!("/{name}"));
            if !matches!(told.as_slice(), [(at, code)] if is_name(at) && code == "right_missing") {
                self.flaw(format!("{path}: names to sign in with are refused with {told:?}"));
            }
            self.unchanged(kind, &rec.id, &before, &path);
            body.retain(|name, _| !LOGINS.contains(&name.as_str()));
            if body.is_empty() {
                return;
            }
        }
        // What is brought may be told to whoever brings it; what is answered is judged field by field.
        let Some(reply) = self.expect(200, "PATCH", &path, Some(&body.clone().into())) else { return };
        let after = self.as_administrator(kind, &rec.id);
        for field in &kind.fields {
            let name = field.name.as_str();
            let written = body.get(name).is_none_or(|value| holds(&after[name], value));
            let derived = matches!(name, "initial" | "region" | "flags") || name.ends_with("follow_up_at");
            if !written || !body.contains_key(name) && !derived && after[name] != before[name] {
                self.flaw(format!("PATCH {path}: {name} is {} after {body:?}", after[name]));
            }
        }
        self.seen_as_written(kind, rec, &reply.json(), &path);
    }

    /// Whether a user has a right about no record that the subject lacks: then his account is not taken over.
    fn would_take_over(&self, rec: &Rec, user: &Value) -> bool {
        let theirs = self.world.subjects.iter().find(|subject| user["role"] == subject.role.as_str());
        let lacks =
            |policy: &Policy| BESIDES.iter().any(|right| policy.grants(right) && !self.subject.policy.grants(right));
        rec.id != self.subject.id && theirs.is_some_and(|theirs| lacks(&theirs.policy))
    }

    /// The answer to a write shows what the subject sees of the record, not what was brought.
    fn seen_as_written(&mut self, kind: &Kind, rec: &Rec, shown: &Value, path: &str) {
        for field in &kind.fields {
            let (name, told) = (field.name.as_str(), &shown[field.name.as_str()]);
            let sight = self.subject.sight(rec, name);
            let text = told.to_string();
            let wrong = match sight {
                Sight::Hidden => !told.is_null(),
                Sight::Masked => text.bytes().any(|c| c.is_ascii_digit()) && !text.contains("***"),
                Sight::Full => false,
            };
            if wrong {
                self.flaw(format!("{path}: {name} is {sight:?}, and answered as {text}"));
            }
        }
    }

    fn refuses(&mut self, what: &str, errors: Option<Vec<(String, String)>>, expected: &Refused) {
        let Some(errors) = errors else { return };
        // A field that is refused is missing after that.
        let mut told = Refused::new();
        for (pointer, code) in errors {
            told.entry(pointer).or_insert(code);
        }
        if told != *expected {
            self.flaw(format!("{what}: refuses {told:?}, not {expected:?}"));
        }
    }

    pub(super) fn unchanged(&mut self, kind: &Kind, id: &str, before: &Value, what: &str) {
        let after = self.as_administrator(kind, id);
        if after["version"] != before["version"] {
            self.flaw(format!("{what}: refused, and changed all the same"));
        }
    }

    /// Owner, team and those whom it is shared with: by whoever may give it away, the last by its owner too.
    fn give_away(&mut self, kind: &Kind, rec: &Rec) {
        if self.write_status("update", kind, rec, 200) != 200 {
            return;
        }
        let (path, colleague) = (format!("{}/{}", kind.path, rec.id), self.world.colleague.clone());
        let mut before = self.as_administrator(kind, &rec.id);
        let gives = self.subject.may("transfer", rec);
        let shares = gives || self.subject.standing(rec).own;
        let mut shared = before["collaborators"].as_array().cloned().unwrap_or_default();
        shared.push(json!({"user_id": self.world.subjects[0].id, "access": "read"}));
        let shared: Vec<Value> = shared.into_iter().filter(|one| one["user_id"] != *self.subject.id).collect();
        let is_shared = self.subject.standing(rec).shared.is_some();
        for (name, value, may, code) in [
            ("collaborators", json!(shared), shares, "sharing_forbidden"),
            ("owner_id", json!(colleague), gives, "owner_out_of_reach"),
        ] {
            let same = name == "owner_id" && before["owner_id"] == value || name == "collaborators" && is_shared && may;
            if same || !self.subject.policy.writes("customer", name) {
                continue;
            }
            let body = json!({name: value});
            if may {
                let _ = self.expect(200, "PATCH", &path, Some(&body));
                // One after the other: a new owner brings the own team along.
                let admin = &self.world.org.admin;
                let back = json!({"owner_id": before["owner_id"], "collaborators": before["collaborators"]});
                let _ = admin.patch(&path, &back).expect(200);
                before = admin.patch(&path, &json!({"team_id": before["team_id"]})).expect(200).json();
                continue;
            }
            let reply = self.expect(422, "PATCH", &path, Some(&body));
            let expected = Refused::from([(format!("/{name}"), code.to_owned())]);
            self.refuses(&path, reply.map(|reply| reply.errors()), &expected);
            self.unchanged(kind, &rec.id, &before, &path);
        }
        self.mark("transfer", "customer", "*");
    }

    fn create(&mut self, kind: &Kind, batch: bool) {
        if batch && !kind.has("batch") {
            return;
        }
        let operation = if batch { "batch" } else { "create" };
        self.mark_all(operation, kind);
        let hangs = kind.fields.iter().any(|field| field.name == "customer_id");
        if !hangs {
            let standing = Standing { own: true, team: true, shared: None };
            self.create_in(kind, None, standing, batch);
            return;
        }
        for customer in self.world.samples(self.subject, "customer") {
            if kind.name == "attachment" {
                self.attach(customer);
                continue;
            }
            self.create_in(kind, Some(customer), self.subject.standing(customer), batch);
        }
    }

    /// Files come as forms.
    fn attach(&mut self, customer: &Rec) {
        let policy = &self.subject.policy;
        let reads = self.subject.may("read", customer);
        let covers = policy.covers("create", "attachment", self.subject.standing(customer));
        let status = match (policy.can("create", "attachment"), reads, covers) {
            (false, ..) => 403,
            (true, false, _) => 422,
            (true, true, false) => 403,
            (true, true, true) => 201,
        };
        let reply = self.subject.session.attach("customer", &customer.id, "a.txt", b"text");
        let unknown = [("/record_id".to_owned(), "reference_unknown".to_owned())];
        if reply.status != status || status == 422 && reply.errors() != unknown {
            self.flaw(format!("a file for {}: expected {status}, got {} {}", customer.id, reply.status, reply.text));
        }
    }

    fn create_in(&mut self, kind: &Kind, customer: Option<&Rec>, standing: Standing, batch: bool) {
        let policy = &self.subject.policy;
        let mut body = self.body(kind);
        if let Some(customer) = customer {
            body.insert(parent(kind).to_owned(), json!(customer.id));
            if body.contains_key("record_kind") {
                body.insert("record_kind".to_owned(), json!("customer"));
            }
        }
        if !policy.can("create", &kind.name) {
            let _ = self.made(kind, &body, batch, 403);
            return;
        }
        let refusal = |field: &Field| match field.write.as_str() {
            _ if !policy.writes(&kind.name, &field.name) => Some("read_only"),
            _ if policy.hides_all("create", &kind.name, &field.name) => Some("field_hidden"),
            "never" => Some("read_only"),
            _ => None,
        };
        let refused = refused(kind, &body, refusal);
        if !refused.is_empty() {
            let errors = self.made(kind, &body, batch, 422);
            self.refuses(&kind.path, errors, &refused);
        }
        let needed = kind.fields.iter().any(|field| {
            matches!(field.name.as_str(), "name" | "summary" | "body" | "happened_at" | "kind" | "key")
                && refused.contains_key(&format!("/{}", field.name))
        });
        body.retain(|name, _| !refused.contains_key(&format!("/{name}")));
        if needed {
            return;
        }
        if body.contains_key("tags") && !self.subject.policy.can("create", "tag") {
            body.insert("tags".to_owned(), self.known_tag());
        }
        let reads = customer.is_none_or(|customer| self.subject.may("read", customer));
        let covers = self.subject.policy.covers("create", &kind.name, standing);
        match (reads, covers) {
            (false, _) => {
                let errors = self.made(kind, &body, batch, 422);
                let unknown = Refused::from([(format!("/{}", parent(kind)), "reference_unknown".to_owned())]);
                self.refuses(&kind.path, errors, &unknown);
            }
            (true, false) => drop(self.made(kind, &body, batch, 403)),
            (true, true) => drop(self.made(kind, &body, batch, 201)),
        }
    }

    /// Makes a record, by itself or in a batch of one; what was refused of it.
    fn made(
        &mut self,
        kind: &Kind,
        body: &Map<String, Value>,
        batch: bool,
        status: u16,
    ) -> Option<Vec<(String, String)>> {
        let body = Value::Object(body.clone());
        if !batch {
            self.try_create(kind, &body, status);
            let path = format!("{}?on_duplicate=allow", kind.path);
            return self.expect(status, "POST", &path, Some(&body)).map(|reply| reply.errors());
        }
        let path = format!("{}/batch?on_duplicate=allow", kind.path);
        let items = json!({"items": [body]});
        if status == 403 && !self.subject.policy.can("create", &kind.name) {
            return self.expect(403, "POST", &path, Some(&items)).map(|_| Vec::new());
        }
        let whole = if status == 201 { 200 } else { 207 };
        let reply = self.expect(whole, "POST", &path, Some(&items))?;
        let item = reply.data().into_iter().next().unwrap_or_default();
        if item["status"] != status {
            self.flaw(format!("POST {path}: expected {status} of the item, got {item}"));
            return None;
        }
        let text = |error: &Value, name: &str| error[name].as_str().unwrap_or_default().to_owned();
        let errors = item["error"]["errors"].as_array().cloned().unwrap_or_default();
        Some(errors.iter().map(|error| (text(error, "pointer"), text(error, "code"))).collect())
    }

    /// Deletes a record and takes it back.
    fn delete(&mut self, kind: &Kind, rec: &Rec) {
        let path = format!("{}/{}", kind.path, rec.id);
        let status = self.write_status("delete", kind, rec, 204);
        let before = self.as_administrator(kind, &rec.id);
        // What would go is told to whom it may be deleted by, and nothing goes.
        let told = if status == 204 { 200 } else { status };
        let _ = self.expect(told, "DELETE", &format!("{path}?dry_run=true"), None);
        self.unchanged(kind, &rec.id, &before, &path);
        if self.expect(status, "DELETE", &path, None).is_none() {
            return;
        }
        if status != 204 {
            self.unchanged(kind, &rec.id, &before, &path);
            // Somebody else deleted it: who may not delete does not see it come back either.
            let (admin, restore) = (&self.world.org.admin, format!("{path}/restore"));
            let gone = admin.delete(&path).status;
            let can = self.subject.policy.can("delete", &kind.name);
            let _ = self.expect(if can { 404 } else { 403 }, "POST", &restore, None);
            let back = admin.send("POST", &restore, &[], "").status;
            if (gone, back) != (204, 200) {
                self.flaw(format!("{path}: the administrator got {gone} and {back}"));
            }
            return;
        }
        let _ = self.expect(404, "GET", &path, None);
        let _ = self.expect(404, "DELETE", &path, None);
        let _ = self.expect(200, "POST", &format!("{path}/restore"), None);
    }
}

/// Which members of a body are refused, each with its code.
fn refused<'c>(kind: &Kind, body: &Map<String, Value>, refusal: impl Fn(&Field) -> Option<&'c str>) -> Refused {
    let brought = kind.fields.iter().filter(|field| body.contains_key(&field.name));
    brought.filter_map(|field| Some((format!("/{}", field.name), refusal(field)?.to_owned()))).collect()
}

/// Whether a value, as the administrator is shown it, is what was brought: masked ones are not compared.
fn holds(shown: &Value, brought: &Value) -> bool {
    let mut wanted = Vec::new();
    words(brought, &mut wanted);
    let text = shown.to_string();
    text.contains("***") || wanted.iter().all(|word| text.contains(word.as_str()))
}
