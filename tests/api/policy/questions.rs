//! What is asked of lists: conditions, orders, words, pages. None tells of what is hidden or out of reach.

use std::collections::{BTreeMap, BTreeSet};

use kehu_tests::{Reply, encoded};
use serde_json::{Value, json};

use super::ask::{Ask, ids};
use super::description::Kind;
use super::world::Rec;

/// The value by which a member is asked for: of a list, the first one.
fn asked_by(rec: &Rec, member: &str, field: Option<&str>) -> Value {
    let name = field.unwrap_or(member);
    let value = rec.brought.get(name).unwrap_or(&rec.view[name]);
    let value = value.as_array().map_or(value, |items| items.first().unwrap_or(&Value::Null));
    match value {
        Value::Object(one) if one.contains_key("value") => one["value"].clone(),
        Value::Object(one) if one.contains_key("code") => one["code"].clone(),
        Value::Object(one) => one.get("name").cloned().unwrap_or_default(),
        other => other.clone(),
    }
}

impl Ask<'_> {
    /// Every question that lists of a kind answer.
    pub(super) fn ask(&mut self, kind: &Kind) {
        if !self.subject.policy.can("read", &kind.name) {
            // Refused as a whole, whatever is asked.
            let body = json!({"where": {"field": "id", "op": "is_null"}});
            let _ = self.expect(403, "POST", &format!("{}/search", kind.path), Some(&body));
            let body = json!({"by": ["created_at.year"]});
            let _ = self.expect(403, "POST", &format!("{}/facets", kind.path), Some(&body));
            self.mark_all("facets", kind);
            self.counted(kind, None);
            self.filters_done(kind);
            return;
        }
        for (member, ops) in &kind.filters {
            if self.is_hidden(kind, member) {
                self.hidden_member(kind, member, ops);
            } else {
                // Text of several lines is asked for by its words alone.
                let op = if ops.iter().any(|op| op == "eq") { "eq" } else { "contains" };
                self.member(kind, member, op);
            }
            self.mark("filter", &kind.name, member);
        }
        for sort in &kind.sorts {
            self.order(kind, sort);
            self.mark("sort", &kind.name, sort);
        }
        for (relation, to) in &kind.related {
            self.relation(kind, relation, self.world.kind(to));
        }
        self.pages(kind);
        self.words(kind);
        for field in &kind.fields {
            self.groups(kind, &field.name, field.sealed);
            self.mark("facets", &kind.name, &field.name);
        }
        self.counted(kind, Some(self.visible(&kind.name).len()));
    }

    /// A count of a kind is of what is within reach, and nobody counts what he may not read.
    fn counted(&mut self, kind: &Kind, expected: Option<usize>) {
        let body = json!({"all": {"kind": kind.name}, "again": {"kind": kind.name, "where": {"and": []}}});
        let status = if expected.is_some() { 200 } else { 403 };
        let Some(reply) = self.expect(status, "POST", "/v1/counts", Some(&body)) else { return };
        let json = reply.json();
        for name in ["all", "again"].into_iter().filter(|_| expected.is_some()) {
            let told = json[name]["count"].as_u64().and_then(|count| usize::try_from(count).ok());
            if told != expected {
                self.flaw(format!("/v1/counts of {}: {told:?}, not {expected:?}", kind.name));
            }
        }
    }

    /// Groups are made of what is within reach, by what is seen of all of it; a hidden or sealed field is as unknown as
    /// one that does not exist.
    fn groups(&mut self, kind: &Kind, name: &str, sealed: bool) {
        let hidden = sealed || self.subject.policy.hides_some("read", &kind.name, name);
        let (path, body) = (format!("{}/facets", kind.path), json!({"by": [name], "top": 400}));
        let reply = self.call("POST", &path, Some(&body));
        let codes = reply.errors();
        let unknown = reply.status == 400 && codes.iter().any(|(_, code)| code == "facet_unknown");
        if reply.status != 200 || hidden {
            if !unknown {
                self.flaw(format!("{path} by {name}: {} {codes:?}", reply.status));
            }
            return;
        }
        let mut expected: BTreeMap<String, u64> = BTreeMap::new();
        for rec in self.world.of(&kind.name).filter(|rec| self.subject.may("read", rec)) {
            let value = match &rec.view[name] {
                // One that has several is in several groups.
                Value::Array(_) => return,
                Value::Object(one) => &one["code"],
                other => other,
            };
            *expected.entry(value.to_string()).or_default() += 1;
        }
        let json = reply.json();
        let groups = json["data"][name]["groups"].as_array().into_iter().flatten();
        let told: BTreeMap<String, u64> =
            groups.map(|group| (group["value"].to_string(), group["count"].as_u64().unwrap_or_default())).collect();
        if told != expected || json["data"][name]["other"] != 0 {
            self.flaw(format!("{path} by {name}: {told:?}, not {expected:?}"));
        }
    }

    fn filters_done(&mut self, kind: &Kind) {
        kind.filters.iter().for_each(|(member, _)| self.mark("filter", &kind.name, member));
        kind.sorts.iter().for_each(|sort| self.mark("sort", &kind.name, sort));
    }

    /// Whether a member would tell of a field that is hidden of some record within reach. A customer is found by its
    /// contacts' values as well.
    fn is_hidden(&self, kind: &Kind, member: &str) -> bool {
        let policy = &self.subject.policy;
        let hides = |kind: &Kind| {
            let field = kind.field_of(member);
            field.is_some_and(|field| policy.hides_some("read", &kind.name, &field.name))
        };
        let sealed = kind.field_of(member).is_some_and(|field| field.sealed);
        hides(kind) || kind.name == "customer" && sealed && hides(self.world.kind("contact"))
    }

    /// A hidden member is as unknown as one that does not exist, with every operator and in the address.
    fn hidden_member(&mut self, kind: &Kind, member: &str, ops: &[String]) {
        let path = format!("{}/search", kind.path);
        let rec = self.world.of(&kind.name).last();
        let field = kind.field_of(member).map(|field| field.name.as_str());
        let value = rec.map(|rec| asked_by(rec, member, field)).unwrap_or_default();
        for op in ops {
            let asked = match op.as_str() {
                "in" | "nin" | "has_any" | "has_all" => json!([value]),
                "between" => json!([value, value]),
                "is_null" => json!(true),
                _ => value.clone(),
            };
            let body = json!({"where": {"not": {"field": member, "op": op, "value": asked}}, "count": "exact"});
            self.refused(&path, "POST", Some(&body), "filter_field_unknown");
        }
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let path = format!("{}?filter[{member}]={}", kind.path, encoded(&text));
        self.refused(&path, "GET", None, "filter_field_unknown");
    }

    fn refused(&mut self, path: &str, method: &str, body: Option<&Value>, code: &str) {
        let Some(reply) = self.expect(400, method, path, body) else { return };
        if reply.errors().iter().all(|(_, told)| told != code) {
            self.flaw(format!("{method} {path}: refused with {:?}", reply.errors()));
        }
    }

    /// Finds the records within reach that have a value, and no others, and counts no others.
    fn found(&mut self, kind: &Kind, condition: &Value, expected: &BTreeSet<&str>) {
        let body = json!({"where": condition, "limit": 500, "count": "exact", "fields": ["id"]});
        let path = format!("{}/search", kind.path);
        if let Some(reply) = self.expect(200, "POST", &path, Some(&body)) {
            self.same(&format!("{path} {condition}"), &reply, expected);
        }
    }

    fn same(&mut self, what: &str, reply: &Reply, expected: &BTreeSet<&str>) {
        let data = reply.data();
        let count = reply.json()["page"]["count"].as_u64();
        let right = ids(&data) == *expected && data.len() == expected.len();
        if !right || count.is_some_and(|count| Some(count) != u64::try_from(expected.len()).ok()) {
            self.flaw(format!("{what}: {:?} (counted {count:?}), not {expected:?}", ids(&data)));
        }
    }

    /// A member that may be asked for, with a value of a record within reach and one of a record that is not.
    fn member(&mut self, kind: &Kind, member: &str, op: &str) {
        let world = self.world;
        let field = kind.field_of(member);
        let name = field.map(|field| field.name.as_str());
        let (near, far): (Vec<&Rec>, Vec<&Rec>) =
            world.of(&kind.name).filter(|rec| !rec.brought.is_empty()).partition(|rec| self.subject.may("read", rec));
        let examples = [near.last(), far.last()].into_iter().flatten();
        let mut values: Vec<Value> = examples.map(|rec| asked_by(rec, member, name)).collect();
        let sealed = field.is_some_and(|field| field.sealed);
        if kind.name == "customer" && sealed {
            // By what their contacts are reached under, too.
            let of_contact = world.kind("contact").field_of(member).map(|field| field.name.as_str());
            let contact = world
                .of("contact")
                .find(|contact| near.last().is_some_and(|rec| contact.customer.as_ref() == Some(&rec.id)));
            values.extend(contact.filter(|_| of_contact.is_some()).map(|rec| asked_by(rec, member, of_contact)));
        }
        values.retain(|value| !value.is_null());
        for value in &values {
            let has = |rec: &Rec, name: Option<&str>| asked_by(rec, member, name) == *value;
            let of_contact = |rec: &Rec| {
                let same = world.kind("contact").field_of(member).map(|field| field.name.as_str());
                let mut contacts = world.of("contact").filter(|one| one.customer.as_ref() == Some(&rec.id));
                same.is_some() && contacts.any(|one| self.subject.may("read", one) && has(one, same))
            };
            let holds = |rec: &&Rec| {
                has(rec, name)
                    || name == Some("tags") && tagged(rec, value)
                    || kind.name == "customer" && sealed && of_contact(rec)
            };
            let all = || world.of(&kind.name).filter(|rec| self.subject.may("read", rec));
            let with: BTreeSet<&str> = all().filter(holds).map(|rec| rec.id.as_str()).collect();
            self.found(kind, &json!({"field": member, "op": op, "value": value}), &with);
            if sealed {
                let without = all().filter(|rec| !holds(rec)).map(|rec| rec.id.as_str()).collect();
                self.found(kind, &json!({"field": member, "op": "ne", "value": value}), &without);
            }
        }
    }

    /// The members of related records: those out of reach are not felt, nor is what is hidden of them.
    fn relation(&mut self, kind: &Kind, relation: &str, to: &Kind) {
        let world = self.world;
        let path = format!("{}/search", kind.path);
        if !self.subject.policy.can("read", &to.name) {
            let known = json!({"where": {"field": format!("{relation}.id"), "op": "is_null", "value": false}});
            self.refused(&path, "POST", Some(&known), "filter_field_unknown");
            let known = json!({"where": {"related": relation, "where": {"and": []}}});
            self.refused(&path, "POST", Some(&known), "filter_relation_unknown");
            return;
        }
        let many = kind.fields.iter().all(|field| field.name != format!("{relation}_id"));
        let leads = |rec: &Rec, other: &Rec| match many {
            true => other.customer.as_ref() == Some(&rec.id),
            false => rec.view[format!("{relation}_id")].as_str() == Some(other.id.as_str()),
        };
        let readable = |of: &str| world.of(of).filter(|rec| self.subject.may("read", rec)).collect::<Vec<&Rec>>();
        let (own, theirs) = (readable(&kind.name), readable(&to.name));
        let with_any = own.iter().filter(|rec| theirs.iter().any(|other| leads(rec, other)));
        let with_any: BTreeSet<&str> = with_any.map(|rec| rec.id.as_str()).collect();
        self.found(kind, &json!({"related": relation, "where": {"and": []}}), &with_any);
        // Text of several lines is asked for by its words alone.
        for (member, _) in to.filters.iter().filter(|(_, ops)| ops.iter().any(|op| op == "eq")) {
            let asked = format!("{relation}.{member}");
            let field = to.field_of(member);
            let name = field.map(|field| field.name.as_str());
            // One that is found, and one that is out of reach.
            let far = world.of(&to.name).filter(|rec| !self.subject.may("read", rec) && !rec.brought.is_empty()).last();
            let near = theirs.iter().rev().find(|rec| !rec.brought.is_empty()).copied();
            let values = [near, far].into_iter().flatten().map(|rec| asked_by(rec, member, name));
            for value in values.filter(|value| !value.is_null()).collect::<Vec<Value>>() {
                let body = json!({"field": asked, "value": value});
                if self.is_hidden(to, member) {
                    self.refused(&path, "POST", Some(&json!({"where": body})), "filter_field_unknown");
                    continue;
                }
                // A customer's sealed values are its contacts' too: that is compared where customers are asked.
                if to.name == "customer" && field.is_some_and(|field| field.sealed) {
                    continue;
                }
                let has =
                    |rec: &Rec| asked_by(rec, member, name) == value || name == Some("tags") && tagged(rec, &value);
                let fits = |rec: &&&Rec| theirs.iter().any(|other| leads(rec, other) && has(other));
                let expected: BTreeSet<&str> = own.iter().filter(fits).map(|rec| rec.id.as_str()).collect();
                self.found(kind, &body, &expected);
            }
        }
    }

    /// An order is the one that the administrator sees, of what is within reach.
    fn order(&mut self, kind: &Kind, sort: &str) {
        let name = sort.trim_start_matches('-');
        let known = kind.fields.iter().any(|field| field.name == name);
        if known && self.subject.policy.hides_some("read", &kind.name, name) {
            self.refused(&format!("{}?sort={sort}", kind.path), "GET", None, "sort_unknown");
            let body = json!({"sort": [sort]});
            self.refused(&format!("{}/search", kind.path), "POST", Some(&body), "sort_unknown");
            return;
        }
        let path = format!("{}?limit=500&fields=id&sort={sort}", kind.path);
        let Some(reply) = self.expect(200, "GET", &path, None) else { return };
        let visible = self.visible(&kind.name);
        let order = &self.world.orders[&(kind.name.clone(), sort.to_owned())];
        let data = reply.data();
        let told = data.iter().filter_map(|one| one["id"].as_str());
        if told.ne(order.iter().map(String::as_str).filter(|id| visible.contains(id))) {
            self.flaw(format!("{path}: not the order of what is within reach"));
        }
    }

    /// Pages together are the list.
    fn pages(&mut self, kind: &Kind) {
        let (mut told, mut after) = (Vec::new(), String::new());
        for _ in 0..200 {
            let path = format!("{}?limit=11&fields=id{after}", kind.path);
            let Some(reply) = self.expect(200, "GET", &path, None) else { return };
            told.extend(reply.data());
            match reply.json()["page"]["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        let expected = self.visible(&kind.name);
        if ids(&told) != expected || told.len() != expected.len() {
            self.flaw(format!("{}: pages have {} records, not {}", kind.path, told.len(), expected.len()));
        }
    }

    /// Words of names.
    fn words(&mut self, kind: &Kind) {
        if kind.fields.iter().all(|field| field.name != "name") {
            return;
        }
        for rec in self.world.samples(self.subject, &kind.name) {
            let Some(name) = rec.view["name"].as_str() else { continue };
            let path = format!("{}?limit=500&fields=id&count=exact&q={}", kind.path, encoded(name));
            let Some(reply) = self.expect(200, "GET", &path, None) else { continue };
            let same = self.world.of(&kind.name).filter(|one| one.view["name"] == rec.view["name"]);
            let expected = same.filter(|one| self.subject.may("read", one)).map(|one| one.id.as_str()).collect();
            self.same(&path, &reply, &expected);
        }
    }
}

/// Whether a record has a tag of that name.
fn tagged(rec: &Rec, name: &Value) -> bool {
    rec.view["tags"].as_array().into_iter().flatten().any(|tag| tag["name"] == *name)
}
