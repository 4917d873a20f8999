//! Writes that are tried: the door takes the right to the write, and writes nothing.

use serde_json::{Map, Value, json};

use super::ask::Ask;
use super::description::Kind;
use super::world::Rec;

impl Ask<'_> {
    /// Tries to make a record: it is refused to whoever may not make one, and said to be wrong where it would be.
    pub(super) fn try_create(&mut self, kind: &Kind, body: &Value, status: u16) {
        self.mark("validate", &kind.name, "*");
        if !kind.has("validate") {
            return;
        }
        let path = format!("{}/validate?on_duplicate=allow", kind.path);
        let reply = self.expect(if status == 403 { 403 } else { 200 }, "POST", &path, Some(body));
        if let Some(told) = reply.filter(|_| status != 403).map(|reply| reply.json())
            && told["valid"] != (status == 201)
        {
            self.flaw(format!("{path}: {status} is tried as {told}"));
        }
    }

    /// Tries to change a record: as the change is refused, and nothing is written.
    pub(super) fn try_update(&mut self, kind: &Kind, rec: &Rec, body: &Map<String, Value>, status: u16) {
        self.try_bulk(kind, rec, body, status);
        self.mark("validate_update", &kind.name, "*");
        if !kind.has("validate_update") {
            return;
        }
        let path = format!("{}/{}/validate?on_duplicate=allow", kind.path, rec.id);
        let before = self.as_administrator(kind, &rec.id);
        let expected = if status == 422 { 200 } else { status };
        let _ = self.expect(expected, "POST", &path, Some(&body.clone().into()));
        self.unchanged(kind, &rec.id, &before, &path);
    }

    /// Tries to change a record among many: each is refused as the change of it alone, and nothing is written.
    fn try_bulk(&mut self, kind: &Kind, rec: &Rec, body: &Map<String, Value>, status: u16) {
        self.mark("bulk", &kind.name, "*");
        if !kind.has("bulk") {
            return;
        }
        let path = format!("{}/bulk?on_duplicate=allow", kind.path);
        let before = self.as_administrator(kind, &rec.id);
        let policy = &self.subject.policy;
        let may = policy.can("read", &kind.name) && policy.can("update", &kind.name);
        let asked = json!({"ids": [rec.id], "change": body, "preview": true});
        let reply = self.expect(if may { 200 } else { 403 }, "POST", &path, Some(&asked));
        if let Some(told) = reply.filter(|_| may).map(|reply| reply.json()) {
            let refused = &told["reasons"][0]["error"]["status"];
            let expected = if status == 200 { Value::Null } else { status.into() };
            if *refused != expected {
                self.flaw(format!("{path}: {status} is tried as {told}"));
            }
        }
        self.unchanged(kind, &rec.id, &before, &path);
    }
}
