//! Doors that are not those of a kind of record, each with how it is judged. One that stands in the description and not
//! here fails the test.

use serde_json::{Value, json};

use super::ask::{Ask, ids};
use super::canary::{letters, words};
use super::description::{Door, record_door};
use super::table::Sight;

/// How a door is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judge {
    /// Answers anybody, and says nothing of any record.
    Public,
    /// Answers everybody who is signed in, about nothing but himself or the program.
    Own,
    /// Answers who has a right that is about no record, and 403 to everybody else.
    Right(&'static str),
    /// The same, for who may change every user as well.
    RightOverUsers(&'static str),
    /// Does something to a user that takes changing that user.
    OfUser,
    /// Judged by a function of this file.
    ByHand,
    /// Called by a test of its own, which is named: what it does cannot be undone, or takes more than a role says.
    Elsewhere(&'static str),
}

/// The doors, in the order of the description.
const DOORS: &[(&str, &str, Judge)] = &[
    ("POST", "/v1/auth/login", Judge::Public),
    ("POST", "/v1/auth/refresh", Judge::Public),
    ("POST", "/v1/auth/logout", Judge::Public),
    ("POST", "/v1/auth/accept_invitation", Judge::Public),
    ("POST", "/v1/auth/external/start", Judge::Public),
    ("POST", "/v1/auth/external", Judge::Public),
    ("GET", "/v1/auth/external/callback", Judge::Public),
    ("GET", "/v1/identity_providers", Judge::Right("settings.manage")),
    ("GET", "/v1/identity_providers/{id}", Judge::Right("settings.manage")),
    ("POST", "/v1/identity_providers", Judge::RightOverUsers("settings.manage")),
    ("PATCH", "/v1/identity_providers/{id}", Judge::RightOverUsers("settings.manage")),
    ("DELETE", "/v1/identity_providers/{id}", Judge::RightOverUsers("settings.manage")),
    ("GET", "/v1/api_keys", Judge::Right("keys.manage")),
    ("POST", "/v1/api_keys", Judge::Right("keys.manage")),
    ("GET", "/v1/api_keys/{id}", Judge::Right("keys.manage")),
    ("PATCH", "/v1/api_keys/{id}", Judge::Right("keys.manage")),
    ("DELETE", "/v1/api_keys/{id}", Judge::Right("keys.manage")),
    ("GET", "/v1/users/{id}/sessions", Judge::OfUser),
    ("DELETE", "/v1/users/{id}/sessions", Judge::OfUser),
    ("DELETE", "/v1/users/{id}/sessions/{session_id}", Judge::OfUser),
    ("DELETE", "/v1/users/{id}/second_factor", Judge::OfUser),
    ("GET", "/v1/organisation", Judge::Own),
    ("PATCH", "/v1/organisation", Judge::Right("settings.manage")),
    ("POST", "/v1/organisation/numbers/preview", Judge::Right("settings.manage")),
    ("POST", "/v1/tags/{id}/merge", Judge::ByHand),
    ("GET", "/v1/segments/{id}/members", Judge::ByHand),
    ("POST", "/v1/segments/{id}/members", Judge::ByHand),
    ("GET", "/v1/segments/{id}/count", Judge::ByHand),
    ("POST", "/v1/segments/counts", Judge::ByHand),
    ("GET", "/v1/tag_sets", Judge::ByHand),
    ("POST", "/v1/tag_sets/{key}", Judge::ByHand),
    ("POST", "/v1/organisation/apply_preset", Judge::Elsewhere("organisation.rs")),
    ("POST", "/v1/users/{id}/reset_password", Judge::Elsewhere("policies.rs")),
    ("POST", "/v1/users/{id}/leave", Judge::Elsewhere("reviews.rs")),
    ("GET", "/v1/attachments/{id}/content", Judge::ByHand),
    ("GET", "/v1/access_reviews", Judge::ByHand),
    ("GET", "/v1/access_reviews/{id}", Judge::ByHand),
    ("GET", "/v1/access_reviews/{id}/items", Judge::ByHand),
    ("POST", "/v1/access_reviews", Judge::Elsewhere("reviews.rs")),
    ("POST", "/v1/access_reviews/{id}/items/{user}/decide", Judge::Elsewhere("reviews.rs")),
    ("POST", "/v1/access_reviews/{id}/close", Judge::Elsewhere("reviews.rs")),
    ("GET", "/v1/me", Judge::Own),
    ("GET", "/v1/me/second_factor", Judge::Own),
    ("POST", "/v1/me/second_factor", Judge::Own),
    ("DELETE", "/v1/me/second_factor", Judge::Own),
    ("POST", "/v1/me/second_factor/confirm", Judge::Own),
    ("POST", "/v1/me/second_factor/recovery_codes", Judge::Own),
    ("GET", "/v1/me/tokens", Judge::Own),
    ("POST", "/v1/me/tokens", Judge::Own),
    ("DELETE", "/v1/me/tokens/{id}", Judge::Own),
    ("POST", "/v1/tickets", Judge::Own),
    ("DELETE", "/v1/me/sessions", Judge::Own),
    ("POST", "/v1/me/password", Judge::Own),
    ("GET", "/v1/me/sessions", Judge::Own),
    ("DELETE", "/v1/me/sessions/{id}", Judge::Own),
    ("POST", "/v1/lookup", Judge::ByHand),
    // Asked for each kind, where its lists are.
    ("POST", "/v1/counts", Judge::Own),
    ("GET", "/.well-known/jwks.json", Judge::Public),
    ("GET", "/healthz", Judge::Public),
    ("GET", "/readyz", Judge::Public),
    ("GET", "/openapi.json", Judge::Public),
    ("GET", "/docs", Judge::Public),
    ("POST", "/v1/forms/{id}/submissions", Judge::Public),
    ("GET", "/v1/forms/{id}/submissions", Judge::ByHand),
    ("GET", "/v1/forms/{id}/submissions/{submission_id}", Judge::ByHand),
    ("POST", "/v1/hooks/{key}", Judge::Public),
    ("GET", "/v1/hooks/{key}", Judge::Public),
    ("GET", "/v1/audit", Judge::ByHand),
    ("GET", "/v1/audit/{id}", Judge::Right("audit.read")),
    ("POST", "/v1/audit/verify", Judge::Right("audit.read")),
    ("GET", "/v1/audit/verify", Judge::Right("audit.read")),
    ("GET", "/v1/jobs", Judge::ByHand),
    ("GET", "/v1/jobs/{id}", Judge::ByHand),
    ("POST", "/v1/jobs/{id}/cancel", Judge::ByHand),
    ("POST", "/v1/jobs/{id}/retry", Judge::ByHand),
    ("GET", "/v1/jobs/{id}/records", Judge::ByHand),
    ("POST", "/v1/jobs/{id}/undo", Judge::ByHand),
    ("GET", "/v1/rights", Judge::Own),
    ("POST", "/v1/fields/{id}/check", Judge::ByHand),
    ("POST", "/v1/batch", Judge::ByHand),
    ("GET", "/v1/industries", Judge::Own),
    ("GET", "/v1/regions", Judge::Own),
    ("GET", "/v1/schema", Judge::Own),
    ("GET", "/v1/schema/{resource}", Judge::Own),
];

/// A body that a door takes whole: what is refused is refused for the right.
fn body_of(door: &Door) -> Value {
    match door.path.as_str() {
        "/v1/identity_providers" => {
            json!({"name": letters(), "issuer": "https://id.example.com", "client_id": "kehu", "redirect_uris": ["https://crm.example.com/back"]})
        }
        "/v1/api_keys" => json!({"name": letters(), "role": "salesperson"}),
        path if path.ends_with("/erase") => json!({"reason": "试验"}),
        _ => json!({}),
    }
}

/// How a door is judged, where it is none of a kind of record.
fn judge(door: &Door) -> Option<Judge> {
    DOORS.iter().find(|(method, path, _)| *method == door.method && *path == door.path).map(|(_, _, judge)| *judge)
}

impl Ask<'_> {
    /// Every door but those of the kinds.
    pub(super) fn other_doors(&mut self) {
        for door in &self.world.doors {
            if let Some((kind, operation)) = record_door(&self.world.kinds, door) {
                if operation == "erase" {
                    self.takes_right(door, self.subject.policy.grants("data.purge"));
                    self.mark("erase", &kind.name, "*");
                }
                continue;
            }
            match judge(door) {
                None => self.flaw(format!("{} {} is not judged: say in doors.rs how", door.method, door.path)),
                Some(Judge::Public | Judge::Own) if door.method == "GET" && !door.path.contains('{') => self.open(door),
                Some(Judge::Public | Judge::Own | Judge::Elsewhere(_)) => {}
                Some(Judge::Right(right)) => self.takes_right(door, self.subject.policy.grants(right)),
                Some(Judge::RightOverUsers(right)) => {
                    let policy = &self.subject.policy;
                    let may = policy.grants(right) && policy.reach("update", "user").contains("all");
                    self.takes_right(door, may);
                }
                Some(Judge::OfUser) => self.of_users(door),
                Some(Judge::ByHand) => {
                    let known = self.by_hand(door);
                    if !known {
                        self.flaw(format!("{} {} is judged by hand, and no hand knows it", door.method, door.path));
                    }
                }
            }
        }
    }

    /// A door that is open to everybody: it tells of oneself at most.
    fn open(&mut self, door: &Door) {
        let own: Vec<String> = self.world.own_words(self.subject).into_iter().map(str::to_owned).collect();
        let known = std::mem::take(&mut self.forbidden);
        self.forbidden = self.world.forbidden(self.subject);
        own.iter().for_each(|word| self.forbidden.remove(word));
        let reply = self.call("GET", &door.path, None);
        if reply.status == 403 {
            self.flaw(format!("GET {} is open, and answers 403", door.path));
        }
        self.forbidden = known;
    }

    /// A door that takes a right: 403 exactly without it. The record in its address is none.
    fn takes_right(&mut self, door: &Door, may: bool) {
        let path = door.path.replace("{id}", &kehu_tests::new_id());
        let body = matches!(door.method.as_str(), "POST" | "PATCH").then(|| body_of(door));
        let reply = self.call(&door.method, &path, body.as_ref());
        if (reply.status == 403) == may {
            let may = if may { "may" } else { "may not" };
            self.flaw(format!("{} {path} answers {} to who {may}: {}", door.method, reply.status, reply.text));
        }
    }

    /// What is done to a user: by who may change that one.
    fn of_users(&mut self, door: &Door) {
        let world = self.world;
        let user = world.kind("user");
        for rec in world.samples(self.subject, "user").into_iter().filter(|rec| rec.id != self.subject.id) {
            let status = self.write_status("update", user, rec, 200);
            // Others go on asking: what may be done is done to somebody who never signed in.
            let id = if status == 200 { &world.colleague } else { &rec.id };
            let path = door.path.replace("{id}", id).replace("{session_id}", &kehu_tests::new_id());
            let reply = self.call(&door.method, &path, None);
            let right = if status == 200 { reply.status != 403 } else { reply.status == status };
            if !right {
                self.flaw(format!("{} {path}: expected {status}, got {} {}", door.method, reply.status, reply.text));
            }
        }
    }

    fn by_hand(&mut self, door: &Door) -> bool {
        match (door.method.as_str(), door.path.as_str()) {
            ("POST", "/v1/lookup") => self.look_up(),
            ("GET", "/v1/forms/{id}/submissions") => {
                let status = if self.subject.policy.can("read", "form") { 200 } else { 403 };
                let path = format!("/v1/forms/{}/submissions", self.world.submission.0);
                let _ = self.expect(status, "GET", &path, None);
            }
            ("GET", "/v1/forms/{id}/submissions/{submission_id}") => {
                let policy = &self.subject.policy;
                let status = if policy.can("read", "form") && policy.can("update", "form") { 200 } else { 403 };
                let (form, submission, _) = &self.world.submission;
                let _ = self.expect(status, "GET", &format!("/v1/forms/{form}/submissions/{submission}"), None);
            }
            ("GET", path) if path.starts_with("/v1/access_reviews") => {
                // Who says what others may do, who looks at it, and who leads a team.
                let policy = &self.subject.policy;
                let leads = policy.reach("transfer", "customer").iter().any(|word| matches!(*word, "team" | "all"));
                self.takes_right(door, policy.grants("rights.grant") || policy.grants("audit.read") || leads);
            }
            ("GET", "/v1/attachments/{id}/content") => self.contents(),
            ("POST", "/v1/tags/{id}/merge") => {
                let policy = &self.subject.policy;
                self.takes_right(door, policy.can("update", "tag") && policy.can("delete", "tag"));
            }
            ("GET", "/v1/segments/{id}/members") => self.segment_members(),
            ("POST", "/v1/segments/{id}/members") => self.change_members(),
            ("GET", "/v1/segments/{id}/count") => self.segment_counts(),
            // With the counts of one.
            ("POST", "/v1/segments/counts") => {}
            ("GET", "/v1/tag_sets") => self.takes_right(door, self.subject.policy.can("read", "tag")),
            // There is no such set: nothing is made.
            ("POST", "/v1/tag_sets/{key}") => self.takes_right(door, self.subject.policy.can("create", "tag")),
            ("GET", "/v1/audit") => self.log(),
            ("GET", "/v1/jobs") => self.jobs(),
            ("GET", "/v1/jobs/{id}") => self.job("GET", "", "read"),
            ("POST", "/v1/jobs/{id}/cancel") => self.job("POST", "/cancel", "update"),
            ("POST", "/v1/fields/{id}/check") => {
                let policy = &self.subject.policy;
                // What it finds tells of every record.
                let reads_all = policy.reach("read", "customer").contains("all");
                let may = policy.can("read", "field") && policy.can("update", "field") && reads_all;
                let status = if may { 202 } else { 403 };
                let field = &self.world.of("field").next().unwrap().id;
                let _ = self.expect(status, "POST", &format!("/v1/fields/{field}/check"), Some(&json!({})));
            }
            ("POST", "/v1/jobs/{id}/retry") => self.job("POST", "/retry", "update"),
            ("GET", "/v1/jobs/{id}/records") => self.no_bulk_change("GET", "/records", "read", 404),
            ("POST", "/v1/jobs/{id}/undo") => self.no_bulk_change("POST", "/undo", "update", 409),
            ("POST", "/v1/batch") => self.operations(),
            _ => return false,
        }
        true
    }

    /// An operation is let do what the same change is let do alone, and tells as little.
    fn operations(&mut self) {
        let world = self.world;
        for name in ["customer", "contact", "follow_up", "note", "tag", "team", "role"] {
            let kind = world.kind(name);
            for rec in world.samples(self.subject, name) {
                let status = self.write_status("update", kind, rec, 200);
                let path = format!("{}/{}", kind.path, rec.id);
                let operation = json!({"method": "PATCH", "path": path, "body": {}});
                let whole = if status == 200 { 200 } else { 207 };
                let body = json!({"operations": [operation]});
                let Some(reply) = self.expect(whole, "POST", "/v1/batch", Some(&body)) else { continue };
                let told = reply.data()[0]["status"].as_u64();
                if told != Some(status.into()) {
                    self.flaw(format!("an operation on {path}: expected {status}, got {}", reply.text));
                }
            }
        }
    }

    /// Whoever reads an attachment reads what is in it.
    fn contents(&mut self) {
        for rec in self.world.samples(self.subject, "attachment") {
            let status = match (self.subject.policy.can("read", "attachment"), self.subject.may("read", rec)) {
                (false, _) => 403,
                (true, false) => 404,
                (true, true) => 200,
            };
            let _ = self.expect(status, "GET", &format!("/v1/attachments/{}/content", rec.id), None);
        }
    }

    /// The log, all of it: what is hidden or out of reach is not told there either.
    fn log(&mut self) {
        let mut after = String::new();
        for _ in 0..50 {
            let status = if self.subject.policy.grants("audit.read") { 200 } else { 403 };
            let path = format!("/v1/audit?limit=500{after}");
            let Some(reply) = self.expect(status, "GET", &path, None) else { return };
            match reply.json()["page"]["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return,
            }
        }
        self.flaw("the log has no end".to_owned());
    }

    fn jobs(&mut self) {
        if !self.subject.policy.can("read", "job") {
            let _ = self.expect(403, "GET", "/v1/jobs", None);
            return;
        }
        let Some(reply) = self.expect(200, "GET", "/v1/jobs?limit=500", None) else { return };
        let data = reply.data();
        let told = ids(&data).contains(self.world.job.as_str());
        if told != self.subject.policy.reach("read", "job").contains("all") {
            self.flaw("/v1/jobs tells of others' jobs, or not of them".to_owned());
        }
    }

    /// Somebody else's job.
    fn job(&mut self, method: &str, what: &str, action: &str) {
        let policy = &self.subject.policy;
        let status = match (policy.can(action, "job"), policy.reach(action, "job").contains("all")) {
            (false, _) => 403,
            (true, false) => 404,
            (true, true) if method == "GET" => 200,
            // It has ended, or was taken back by somebody before.
            (true, true) => return,
        };
        let _ = self.expect(status, method, &format!("/v1/jobs/{}{what}", self.world.job), None);
    }

    /// Somebody else's job, which changes no records.
    fn no_bulk_change(&mut self, method: &str, what: &str, action: &str, found: u16) {
        let policy = &self.subject.policy;
        let status = match (policy.can(action, "job"), policy.reach(action, "job").contains("all")) {
            (false, _) => 403,
            (true, false) => 404,
            (true, true) => found,
        };
        let _ = self.expect(status, method, &format!("/v1/jobs/{}{what}", self.world.job), None);
    }

    /// Who is calling? Found by what is hidden is nothing; out of reach nothing is told but a state.
    fn look_up(&mut self) {
        let world = self.world;
        let policy = &self.subject.policy;
        if !policy.can("read", "customer") {
            let _ = self.expect(403, "POST", "/v1/lookup", Some(&json!({"phone": "13900000000"})));
            return;
        }
        for kind in ["customer", "contact"] {
            for rec in world.samples(self.subject, kind) {
                for (field, name) in [
                    ("phones", "phone"),
                    ("emails", "email"),
                    ("wechat", "wechat"),
                    ("id_number", "id_number"),
                    ("bank_accounts", "bank_account"),
                ] {
                    let Some(value) = rec.brought.get(field) else { continue };
                    let value = value.as_array().and_then(|items| items.first()).unwrap_or(value);
                    let value = value.get("value").unwrap_or(value);
                    let Some(reply) = self.expect(200, "POST", "/v1/lookup", Some(&json!({name: value}))) else {
                        continue;
                    };
                    self.looked_up(rec, field, &reply.data());
                }
            }
        }
    }

    fn looked_up(&mut self, rec: &super::world::Rec, field: &str, data: &[Value]) {
        let hidden = self.subject.sight(rec, field) == Sight::Hidden;
        let within = self.subject.may("read", rec);
        let told = match data {
            [] => None,
            [one] => Some(one["id"].as_str() == Some(rec.id.as_str()) && one["name"] == rec.view["name"]),
            many => return self.flaw(format!("lookup of {field} of {}: {many:?}", rec.id)),
        };
        let expected = (!hidden).then_some(within);
        if told != expected {
            let what = format!("{} {field}", rec.kind);
            self.flaw(format!("lookup of {what} of {}: told {told:?}, not {expected:?}: {data:?}", rec.id));
        }
        let mut own = Vec::new();
        words(&rec.view["name"], &mut own);
        if !within && own.iter().any(|word| json!(data).to_string().contains(word.as_str())) {
            self.flaw(format!("lookup of {field} tells the name of {}", rec.id));
        }
    }
}
