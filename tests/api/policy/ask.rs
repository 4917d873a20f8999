//! Asking as one subject, and comparing what is answered with what the table says.

use std::collections::BTreeSet;

use kehu_tests::Reply;
use serde_json::{Value, json};

use super::canary::Forbidden;
use super::description::Kind;
use super::table::Sight;
use super::world::{Rec, Subject, World};

/// What was looked at: operation, and `kind.field` (`kind.*` where an operation is about no field).
pub(super) type Cell = (String, String);

/// One subject's questions.
pub(super) struct Ask<'w> {
    pub(super) world: &'w World,
    pub(super) subject: &'w Subject,
    pub(super) forbidden: Forbidden,
    pub(super) cells: BTreeSet<Cell>,
    /// What was not as the table says.
    pub(super) flaws: Vec<String>,
    pub(super) calls: usize,
}

/// Members of a list as a set.
pub(super) fn names(value: &Value) -> BTreeSet<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

pub(super) fn ids(records: &[Value]) -> BTreeSet<&str> {
    records.iter().filter_map(|one| one["id"].as_str()).collect()
}

impl<'w> Ask<'w> {
    pub(super) fn new(world: &'w World, subject: &'w Subject) -> Self {
        let forbidden = world.forbidden(subject);
        Self { world, subject, forbidden, cells: BTreeSet::new(), flaws: Vec::new(), calls: 0 }
    }

    pub(super) fn flaw(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.flaws.push(format!("{}: {what}", self.subject.role));
    }

    /// Sends a request; whatever is answered tells nothing that the subject may not know.
    pub(super) fn call(&mut self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        self.calls += 1;
        let session = &self.subject.session;
        let reply = match body {
            Some(body) => session.send(method, path, body.to_string().as_bytes(), "application/json"),
            None => session.send(method, path, &[], ""),
        };
        for told in self.forbidden.in_answer(&reply) {
            let asked = body.map(|body| format!(" {body}")).unwrap_or_default();
            self.flaw(format!("{method} {path}{asked} tells {told}"));
        }
        if reply.status >= 500 || reply.status == 401 || reply.status == 429 {
            self.flaw(format!("{method} {path}: {} {}", reply.status, reply.text));
        }
        reply
    }

    /// Sends a request that is answered with one of these.
    pub(super) fn expect(&mut self, status: u16, method: &str, path: &str, body: Option<&Value>) -> Option<Reply> {
        let reply = self.call(method, path, body);
        if reply.status == status {
            return Some(reply);
        }
        let text: String = reply.text.chars().take(600).collect();
        let asked = body.map(Value::to_string).unwrap_or_default();
        self.flaw(format!("{method} {path} {asked}: expected {status}, got {} {text}", reply.status));
        None
    }

    pub(super) fn mark(&mut self, operation: &str, kind: &str, field: &str) {
        self.cells.insert((operation.to_owned(), format!("{kind}.{field}")));
    }

    /// Marks every field: an operation was refused as a whole, so that nothing of any is told or changed.
    pub(super) fn mark_all(&mut self, operation: &str, kind: &Kind) {
        for field in &kind.fields {
            self.mark(operation, &kind.name, &field.name);
        }
    }

    /// Compares a record in an answer with what the subject may see of it. `fields`: the members that were asked for.
    pub(super) fn compare(&mut self, operation: &str, rec: &Rec, shown: &Value, fields: Option<&[&str]>) {
        let world = self.world;
        let kind = world.kind(&rec.kind);
        let wants = |name: &str| fields.is_none_or(|fields| fields.contains(&name));
        let mut veiled: [BTreeSet<&str>; 2] = Default::default();
        for field in &kind.fields {
            let name = field.name.as_str();
            let sight = self.subject.sight(rec, name);
            match sight {
                Sight::Hidden => veiled[0].insert(name),
                Sight::Masked => veiled[1].insert(name),
                Sight::Full => false,
            };
            if !wants(name) {
                if shown.get(name).is_some() {
                    self.flaw(format!("{operation} {} {}: {name} was not asked for", rec.kind, rec.id));
                }
                continue;
            }
            if let Some(flaw) = self.wrong(rec, name, sight, shown.get(name)) {
                self.flaw(format!("{operation} {} {}: {name} {flaw}", rec.kind, rec.id));
            }
            self.mark(operation, &rec.kind, name);
        }
        for (name, expected) in ["hidden", "masked"].into_iter().zip(&veiled) {
            let told = names(&shown[name]);
            if wants(name) && told != *expected {
                self.flaw(format!("{operation} {} {}: {name} is {told:?}, not {expected:?}", rec.kind, rec.id));
            }
        }
    }

    /// What is wrong with a value that is seen so.
    fn wrong(&self, rec: &Rec, name: &str, sight: Sight, shown: Option<&Value>) -> Option<String> {
        let Some(shown) = shown else { return Some("is missing".to_owned()) };
        let known = &rec.view[name];
        let empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        match sight {
            Sight::Hidden => (!shown.is_null()).then(|| format!("is hidden, and shown as {shown}")),
            Sight::Masked if empty(known) => (!empty(shown)).then(|| format!("is empty, and shown as {shown}")),
            Sight::Masked => {
                let masks = match shown {
                    Value::Array(items) => items.iter().all(|item| stars(&item["value"])),
                    other => stars(other),
                };
                (!masks || empty(shown)).then(|| format!("is masked, and shown as {shown}"))
            }
            // It changes by itself.
            Sight::Full if name == "last_login_at" => None,
            Sight::Full => {
                let mut known = known.clone();
                if name == "tags" && self.subject.policy.sight("tag", "color", 2) == Sight::Hidden {
                    known.as_array_mut().into_iter().flatten().for_each(|tag| tag["color"] = json!(null));
                }
                (known != *shown).then(|| format!("is {known}, and shown as {shown}"))
            }
        }
    }
}

fn stars(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains("***"))
}
