//! What of one description of the API a client of an older one would stumble over.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::place::Place;
use super::schema::{Side, beyond, beyond_named};

/// Methods that a path of a description may have.
const METHODS: &[&str] = &["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// One difference that breaks clients.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Break {
    /// Where: `POST /v1/customers`, or `schema Customer`.
    pub(super) place: String,
    /// What is different.
    pub(super) what: String,
}

/// Every difference between two descriptions that breaks clients of the old one.
pub(super) fn breaks(old: &Value, new: &Value) -> BTreeSet<Break> {
    let mut walk = Walk { old, new, found: BTreeSet::new(), named: BTreeSet::new() };
    let (before, now) = (operations(old), operations(new));
    for (place, operation) in &before {
        match now.get(place) {
            Some(same) => walk.operation(place, operation, same),
            None => walk.say(place, "is gone"),
        }
    }
    walk.schemas();
    walk.found
}

/// The operations of a description, by method and path.
fn operations(document: &Value) -> BTreeMap<String, &Map<String, Value>> {
    let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
    paths
        .flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten();
            methods.filter(|(method, _)| METHODS.contains(&method.as_str())).filter_map(move |(method, operation)| {
                Some((format!("{} {path}", method.to_uppercase()), operation.as_object()?))
            })
        })
        .collect()
}

struct Walk<'a> {
    old: &'a Value,
    new: &'a Value,
    found: BTreeSet<Break>,
    /// Schemas that both call by the same name, and on which side they stand.
    named: BTreeSet<(String, Side)>,
}

impl<'a> Walk<'a> {
    fn say(&mut self, place: &str, what: impl Into<String>) {
        self.found.insert(Break { place: place.to_owned(), what: what.into() });
    }

    fn operation(&mut self, place: &str, old: &'a Map<String, Value>, new: &'a Map<String, Value>) {
        // Generated clients call an operation by its id.
        let id = |operation: &Map<String, Value>| operation.get("operationId").cloned().unwrap_or_default();
        if id(old) != id(new) {
            self.say(place, format!("operationId was {} and is {}", id(old), id(new)));
        }
        self.parameters(place, old, new);
        self.body(place, old, new);
        self.answers(place, old, new);
        self.security(place, old, new);
    }

    fn parameters(&mut self, place: &str, old: &'a Map<String, Value>, new: &'a Map<String, Value>) {
        let (before, now) = (parameters(self.old, old), parameters(self.new, new));
        for (name, (shared, parameter)) in &before {
            match now.get(name) {
                Some((shared_now, same)) => {
                    // One that both share with other operations is told once.
                    let shared = shared.filter(|shared| Some(*shared) == *shared_now);
                    let place = shared.map_or_else(|| place.to_owned(), |shared| format!("parameter {shared}"));
                    if required(same) && !required(parameter) {
                        self.say(&place, format!("{name} is required now"));
                    }
                    let (was, is) = (serialised(parameter), serialised(same));
                    if was != is {
                        self.say(&place, format!("{name} was written as {was} and is as {is}"));
                    }
                    self.compare(&place, name, schema(parameter), schema(same), Side::Request);
                }
                // What is not known is refused.
                None => self.say(place, format!("{name} is gone")),
            }
        }
        for (name, _) in now.iter().filter(|(name, (_, parameter))| required(parameter) && !before.contains_key(*name))
        {
            self.say(place, format!("{name} is new and required"));
        }
    }

    fn body(&mut self, place: &str, old: &'a Map<String, Value>, new: &'a Map<String, Value>) {
        let of = |document, operation: &'a Map<String, Value>| {
            operation.get("requestBody").map(|body| resolved(document, body))
        };
        match (of(self.old, old), of(self.new, new)) {
            (None, Some(body)) if required(body) => self.say(place, "a body is required now"),
            (Some(_), None) => self.say(place, "no body is taken any more"),
            (Some(before), Some(now)) => {
                if required(now) && !required(before) {
                    self.say(place, "a body is required now");
                }
                self.contents(place, "the body", before, now, Side::Request);
            }
            (None, _) => {}
        }
    }

    fn answers(&mut self, place: &str, old: &'a Map<String, Value>, new: &'a Map<String, Value>) {
        let of = |operation: &'a Map<String, Value>| operation.get("responses").and_then(Value::as_object);
        let now = of(new);
        for (status, answer) in of(old).into_iter().flatten() {
            let failure = status.starts_with(['4', '5']);
            match now.and_then(|now| now.get(status)) {
                Some(same) => {
                    let (before, now) = (resolved(self.old, answer), resolved(self.new, same));
                    let side = if failure { Side::Failure } else { Side::Answer };
                    for name in names(before, "headers").difference(&names(now, "headers")) {
                        self.say(place, format!("the answer {status} has no header {name} any more"));
                    }
                    self.contents(place, &format!("the answer {status}"), before, now, side);
                }
                // A failure that does not come any more is none.
                None if failure => {}
                None => self.say(place, format!("the answer {status} is gone")),
            }
        }
    }

    /// Bodies by their content types.
    fn contents(&mut self, place: &str, what: &str, old: &'a Value, new: &'a Value, side: Side) {
        let of = |value: &'a Value| value.get("content").and_then(Value::as_object);
        let now = of(new);
        for (kind, content) in of(old).into_iter().flatten() {
            match now.and_then(|now| now.get(kind)) {
                Some(same) => self.compare(place, what, schema(content), schema(same), side),
                None => self.say(place, format!("{what} is not {kind} any more")),
            }
        }
    }

    /// Whoever could call before can call now.
    fn security(&mut self, place: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        let ways = |document: &Value, operation: &Map<String, Value>| -> Vec<Value> {
            let own = operation.get("security").or_else(|| document.get("security"));
            let ways = own.and_then(Value::as_array).cloned().unwrap_or_default();
            // No way named is the way in without anything.
            if ways.is_empty() { vec![Value::Object(Map::new())] } else { ways }
        };
        let now = ways(self.new, new);
        for way in ways(self.old, old) {
            let needs = |way: &Value| names_of(way);
            if !now.iter().any(|open| needs(open).is_subset(&needs(&way))) {
                self.say(place, format!("security {way} does not suffice any more"));
            }
        }
    }

    fn compare(&mut self, place: &str, what: &str, old: &'a Value, new: &'a Value, side: Side) {
        let (old, new) = (Place { document: self.old, schema: old }, Place { document: self.new, schema: new });
        let (inner, outer) = if side == Side::Request { (old, new) } else { (new, old) };
        for found in beyond(inner, outer, side, &mut self.named) {
            self.say(place, format!("{what}{}", joined(&found)));
        }
    }

    /// Schemas with a name, each once a side, and those that they refer to.
    fn schemas(&mut self) {
        let mut done = BTreeSet::new();
        while let Some((target, side)) = self.named.difference(&done).next().cloned() {
            let pointer = target.trim_start_matches('#');
            if let (Some(old), Some(new)) = (self.old.pointer(pointer), self.new.pointer(pointer)) {
                let (old, new) = (Place { document: self.old, schema: old }, Place { document: self.new, schema: new });
                let (inner, outer) = if side == Side::Request { (old, new) } else { (new, old) };
                let name = target.rsplit('/').next().unwrap_or_default();
                let who = if side == Side::Request { "as it is sent" } else { "as it is read" };
                for found in beyond_named(inner, outer, side, &mut self.named) {
                    self.say(&format!("schema {name}"), format!("{who}{}", joined(&found)));
                }
            }
            done.insert((target, side));
        }
    }
}

/// A finding behind what it is about.
fn joined(found: &str) -> String {
    if found.starts_with('/') { format!(" at {found}") } else { format!(": {found}") }
}

/// The parameters of an operation, `query limit`, each with the name by which it is shared, if it is.
fn parameters<'a>(
    document: &'a Value,
    operation: &'a Map<String, Value>,
) -> BTreeMap<String, (Option<&'a str>, &'a Value)> {
    let all = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
    all.map(|said| {
        let shared = said.get("$ref").and_then(Value::as_str).and_then(|target| target.rsplit('/').next());
        let parameter = resolved(document, said);
        let text = |name: &str| parameter.get(name).and_then(Value::as_str).unwrap_or_default();
        (format!("{} {}", text("in"), text("name")), (shared, parameter))
    })
    .collect()
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value.get("$ref").and_then(Value::as_str);
    target.and_then(|target| document.pointer(target.trim_start_matches('#'))).unwrap_or(value)
}

fn required(value: &Value) -> bool {
    value.get("required").and_then(Value::as_bool).unwrap_or_default()
}

fn schema(value: &Value) -> &Value {
    value.get("schema").unwrap_or(&Value::Null)
}

fn names(value: &Value, member: &str) -> BTreeSet<String> {
    value.get(member).map(names_of).unwrap_or_default()
}

fn names_of(value: &Value) -> BTreeSet<String> {
    value.as_object().into_iter().flat_map(|members| members.keys().cloned()).collect()
}

/// How a parameter is written, with what holds where nothing is said.
fn serialised(parameter: &Value) -> String {
    let text = |name| parameter.get(name).and_then(Value::as_str);
    let query = matches!(text("in"), Some("query" | "cookie"));
    let style = text("style").unwrap_or(if query { "form" } else { "simple" });
    let exploded = parameter.get("explode").and_then(Value::as_bool).unwrap_or(style == "form");
    if exploded { format!("{style}, exploded") } else { style.to_owned() }
}
