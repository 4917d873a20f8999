//! What is read: one by one, listed, searched, brought along, its history, who may see it, what is revealed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::ask::{Ask, ids, names};
use super::description::Kind;
use super::table::{ACTIONS, Sight};
use super::world::Rec;

/// The kind of the records that a relation brings.
fn kind_of(relation: &str) -> &str {
    match relation {
        "owner" => "user",
        "reports_to" => "contact",
        other => other.trim_end_matches('s'),
    }
}

impl<'w> Ask<'w> {
    /// Every door that reads records of a kind.
    pub(super) fn read(&mut self, kind: &Kind) {
        self.whole_lists(kind);
        for rec in self.world.samples(self.subject, &kind.name) {
            self.one(kind, rec);
            self.history(kind, rec);
            self.access(kind, rec);
            if kind.has("reveal") {
                self.reveal(kind, rec);
            }
        }
    }

    /// The status of reading a record.
    fn status(&self, kind: &Kind, rec: &Rec) -> u16 {
        match (self.subject.policy.can("read", &kind.name), self.subject.may("read", rec)) {
            (false, _) => 403,
            (true, false) => 404,
            (true, true) => 200,
        }
    }

    /// The ids of the records of a kind that are within reach.
    pub(super) fn visible(&self, kind: &str) -> BTreeSet<&'w str> {
        self.world.of(kind).filter(|rec| self.subject.may("read", rec)).map(|rec| rec.id.as_str()).collect()
    }

    fn whole_lists(&mut self, kind: &Kind) {
        let world = self.world;
        let readable = self.subject.policy.can("read", &kind.name);
        let status = if readable { 200 } else { 403 };
        let list = self.expect(status, "GET", &format!("{}?limit=500&count=exact&can=true", kind.path), None);
        let all = json!({"limit": 500, "count": "exact"});
        let search = self.expect(status, "POST", &format!("{}/search", kind.path), Some(&all));
        for (operation, reply) in [("list", list), ("search", search)] {
            let Some(reply) = reply else { continue };
            if !readable {
                self.mark_all(operation, kind);
                continue;
            }
            let (json, data) = (reply.json(), reply.data());
            let (told, expected) = (ids(&data), self.visible(&kind.name));
            let count = json["page"]["count"].as_u64();
            if told != expected || data.len() != expected.len() {
                let more: Vec<_> = told.symmetric_difference(&expected).collect();
                self.flaw(format!(
                    "{operation} {}: {} records, not {}: {more:?}",
                    kind.path,
                    data.len(),
                    expected.len()
                ));
            }
            if count != u64::try_from(expected.len()).ok() {
                self.flaw(format!("{operation} {}: counts {count:?}, not {}", kind.path, expected.len()));
            }
            for shown in &data {
                if let Some(rec) = world.rec(shown["id"].as_str().unwrap_or_default()) {
                    self.compare(operation, rec, shown, None);
                    if operation == "list" {
                        self.doable(kind, rec, shown);
                    }
                }
            }
            if data.is_empty() {
                self.mark_all(operation, kind);
            }
        }
    }

    fn one(&mut self, kind: &Kind, rec: &Rec) {
        let (path, status) = (format!("{}/{}", kind.path, rec.id), self.status(kind, rec));
        self.read_by_key(kind, rec, status);
        let Some(reply) = self.expect(status, "GET", &path, None) else { return };
        if status != 200 {
            self.mark_all("get", kind);
            return;
        }
        self.compare("get", rec, &reply.json(), None);
        self.doable(kind, rec, &reply.json());
        // A member that is asked for alone is not seen better.
        for field in kind.fields.iter().filter(|field| self.subject.sight(rec, &field.name) != Sight::Full).take(3) {
            let asked = [field.name.as_str(), "hidden"];
            let path = format!("{path}?fields={}", asked.join(","));
            if let Some(reply) = self.expect(200, "GET", &path, None) {
                self.compare("fields", rec, &reply.json(), Some(&asked));
            }
        }
        for relation in &kind.expand {
            self.expanded(rec, &path, relation);
        }
    }

    /// What a record says that may be done to it is what the table says.
    fn doable(&mut self, kind: &Kind, rec: &Rec, shown: &Value) {
        let may: BTreeSet<&str> = ACTIONS
            .into_iter()
            .filter(|action| !["create", "read"].contains(action) && self.subject.may(action, rec))
            .collect();
        let told = names(&shown["can"]);
        if told != may {
            self.flaw(format!("{} {}: can {told:?}, not {may:?}", kind.path, rec.id));
        }
    }

    /// A relation that is brought along: records within reach, each as it is seen by itself.
    fn expanded(&mut self, rec: &Rec, path: &str, relation: &str) {
        let world = self.world;
        let (relation, second) =
            relation.split_once('.').map_or((relation, None), |(first, second)| (first, Some(second)));
        let (to, deeper) = (kind_of(relation), second.map(kind_of));
        let may = |kind: &str| self.subject.policy.can("read", kind);
        let status = if may(to) && deeper.is_none_or(may) { 200 } else { 403 };
        let whole = second.map_or(relation.to_owned(), |second| format!("{relation}.{second}"));
        let Some(reply) = self.expect(status, "GET", &format!("{path}?expand={whole}"), None) else { return };
        if status != 200 {
            return;
        }
        let json = reply.json();
        self.compare("get", rec, &json, None);
        let target = rec.view[format!("{relation}_id")].as_str();
        let belongs = |one: &&Rec| match target {
            Some(id) => one.id == id,
            None => one.customer.as_ref() == Some(&rec.id),
        };
        let expected = world.of(to).filter(belongs).filter(|one| self.subject.may("read", one));
        let expected: BTreeSet<&str> = expected.map(|one| one.id.as_str()).collect();
        let brought = match &json[relation] {
            Value::Array(many) => many.clone(),
            Value::Null => Vec::new(),
            one => vec![one.clone()],
        };
        if ids(&brought) != expected {
            self.flaw(format!("{path}?expand={relation}: {:?}, not {expected:?}", ids(&brought)));
        }
        for shown in &brought {
            if let Some(one) = world.rec(shown["id"].as_str().unwrap_or_default()) {
                self.compare("expand", one, shown, None);
            }
        }
    }

    fn history(&mut self, kind: &Kind, rec: &Rec) {
        let (path, status) = (format!("{}/{}/history?limit=200", kind.path, rec.id), self.status(kind, rec));
        let Some(reply) = self.expect(status, "GET", &path, None) else { return };
        if status != 200 {
            self.mark_all("history", kind);
            return;
        }
        for entry in reply.data() {
            for change in entry["changes"].as_array().into_iter().flatten() {
                let name = change["field"].as_str().unwrap_or_default();
                let sight = self.subject.sight(rec, name);
                let listed = names(&entry["masked"]).contains(name);
                if sight == Sight::Hidden || listed != (sight == Sight::Masked) {
                    self.flaw(format!("{path}: {name} is {sight:?}, and told as {change}"));
                }
            }
            for name in names(&entry["hidden"]) {
                if self.subject.sight(rec, name) != Sight::Hidden {
                    self.flaw(format!("{path}: {name} is not hidden, and left out"));
                }
            }
        }
        self.mark_all("history", kind);
    }

    /// Who can see a record, told by the program itself.
    fn access(&mut self, kind: &Kind, rec: &Rec) {
        let (path, status) = (format!("{}/{}/access", kind.path, rec.id), self.status(kind, rec));
        let Some(reply) = self.expect(status, "GET", &path, None) else { return };
        self.mark_all("access", kind);
        let may_ask = self.subject.policy.grants("rights.grant") || self.subject.may("transfer", rec);
        let of_others = match status {
            200 if !may_ask => 403,
            other => other,
        };
        let _ = self.expect(of_others, "GET", &format!("{path}?user={}", self.world.colleague), None);
        if status != 200 {
            return;
        }
        let told = reply.json();
        for action in ACTIONS {
            let can = told["can"][action].as_array().is_some_and(|rules| !rules.is_empty());
            if can != self.subject.may(action, rec) {
                self.flaw(format!("{path}: {action} is told as {can}"));
            }
        }
        let subject = self.subject;
        let seen = |sight: Sight| {
            let fields = kind.fields.iter().map(|field| field.name.as_str());
            fields.filter(move |name| subject.sight(rec, name) == sight).collect::<BTreeSet<_>>()
        };
        let read_only = kind.fields.iter().map(|field| field.name.as_str());
        let read_only = read_only.filter(|name| !self.subject.policy.writes(&kind.name, name)).collect();
        let expected = [("hidden", seen(Sight::Hidden)), ("masked", seen(Sight::Masked)), ("read_only", read_only)];
        for (name, expected) in expected {
            if names(&told[name]) != expected {
                self.flaw(format!("{path}: {name} is {}, not {expected:?}", told[name]));
            }
        }
    }

    fn reveal(&mut self, kind: &Kind, rec: &Rec) {
        let path = format!("{}/{}/reveal", kind.path, rec.id);
        let fields: Vec<&str> =
            kind.fields.iter().filter(|field| field.sealed).map(|field| field.name.as_str()).collect();
        let policy = &self.subject.policy;
        let status = match self.status(kind, rec) {
            _ if !policy.can("reveal", &kind.name) => 403,
            200 if !self.subject.may("reveal", rec) => 403,
            other => other,
        };
        if status != 200 {
            let body = json!({"fields": fields, "reason": "核对"});
            let _ = self.expect(status, "POST", &path, Some(&body));
            self.mark_all("reveal", kind);
            return;
        }
        let (hidden, seen): (Vec<&str>, Vec<&str>) =
            fields.iter().partition(|field| self.subject.sight(rec, field) == Sight::Hidden);
        if !hidden.is_empty() {
            let body = json!({"fields": fields, "reason": "核对"});
            if let Some(reply) = self.expect(422, "POST", &path, Some(&body)) {
                let refused = reply.errors();
                let named = |(at, name): (usize, &&str)| hidden.contains(name).then(|| format!("/fields/{at}"));
                let expected: Vec<_> = fields.iter().enumerate().filter_map(named).collect();
                if refused.iter().map(|(at, _)| at).ne(&expected)
                    || refused.iter().any(|(_, code)| code != "reveal_hidden")
                {
                    self.flaw(format!("{path}: refuses {refused:?}, not {hidden:?}"));
                }
            }
        }
        if !seen.is_empty() {
            self.revealed(rec, &path, &seen);
        }
        self.mark_all("reveal", kind);
    }

    /// What is masked is given for a reason, and it is that record's.
    fn revealed(&mut self, rec: &Rec, path: &str, seen: &[&str]) {
        let body = json!({"fields": seen, "reason": "核对"});
        let reply = self.subject.session.post(path, &body);
        let given = reply.json()["fields"].clone();
        for name in seen {
            let mut wanted = Vec::new();
            super::canary::words(&rec.brought.get(*name).cloned().unwrap_or_default(), &mut wanted);
            let text = given[*name].to_string();
            if reply.status != 200 || wanted.iter().any(|word| !text.contains(word.as_str())) {
                self.flaw(format!("{path}: {} gives {text} of {name}, not {wanted:?}", reply.status));
            }
        }
    }
}
