//! Records that are named by a key instead of their id: nobody reaches further by one, nor finds by what he may not see.

use serde_json::{Value, json};

use super::ask::Ask;
use super::description::Kind;
use super::table::Sight;
use super::world::Rec;

/// The id of the source that every record of this test has.
fn shop(rec: &Rec) -> Option<String> {
    rec.view["external_ids"]["shop"].as_str().map(str::to_owned)
}

impl Ask<'_> {
    /// Whether the ids of sources are as if unknown to the subject.
    fn hides_keys(&self, kind: &Kind) -> bool {
        self.subject.policy.hides_some("read", &kind.name, "external_ids")
    }

    /// Reads a record by its key.
    pub(super) fn read_by_key(&mut self, kind: &Kind, rec: &Rec, status: u16) {
        let Some(shop) = shop(rec).filter(|_| kind.has("get_by")) else { return };
        let status = if status != 403 && self.hides_keys(kind) { 400 } else { status };
        let path = format!("{}/by/external_id:shop/{shop}", kind.path);
        let Some(reply) = self.expect(status, "GET", &path, None) else { return };
        if status == 200 {
            self.compare("get", rec, &reply.json(), None);
        }
        self.mark("get_by", &kind.name, "*");
    }

    /// Writes by key what is there: who may not change it changes nothing, and who may not read it does not find it.
    pub(super) fn write_by_key(&mut self, kind: &Kind, rec: &Rec) {
        // Changed a moment ago, perhaps.
        let before = self.as_administrator(kind, &rec.id);
        let Some(shop) = before["external_ids"]["shop"].as_str().filter(|_| kind.has("put_by")) else { return };
        let policy = &self.subject.policy;
        let may = policy.can("create", &kind.name) || policy.can("update", &kind.name);
        let found = policy.can("read", &kind.name)
            && self.subject.may("read", rec)
            && self.subject.sight(rec, "external_ids") != Sight::Hidden;
        let changes = policy.can("update", &kind.name) && self.subject.may("update", rec);
        let hidden = self.hides_keys(kind);
        let path = format!("{}/by/external_id:shop/{shop}", kind.path);
        // Nothing is said but the key: of a new record too much is missing. What says the key must be let write it.
        let writes = policy.writes(&kind.name, "external_ids");
        let status = match (may, hidden, found, changes) {
            (false, ..) => 403,
            (true, true, ..) => 400,
            (true, false, true, false) => 403,
            (true, false, true, true) if writes => 200,
            (true, false, ..) => 422,
        };
        let _ = self.expect(status, "PUT", &path, Some(&json!({})));
        let body = json!({
            "match_on": ["external_id:shop"], "on_match": "skip", "items": [{"external_ids": {"shop": shop}}],
        });
        let status = match (may, hidden, found) {
            (false, ..) => 403,
            (true, true, _) => 422,
            (true, false, true) => 200,
            (true, false, false) => 207,
        };
        if let Some(reply) = self.expect(status, "POST", &format!("{}/upsert", kind.path), Some(&body)) {
            let told = reply.json()["data"][0]["id"].clone();
            let expected = if status == 200 { Value::from(rec.id.as_str()) } else { Value::Null };
            if told != expected {
                self.flaw(format!("upsert of {} {}: finds {told}, not {expected}", rec.kind, rec.id));
            }
        }
        self.unchanged(kind, &rec.id, &before, &path);
        self.mark("put_by", &kind.name, "*");
        self.mark("upsert", &kind.name, "*");
    }
}
