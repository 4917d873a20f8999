//! Whether everything that one JSON schema lets through is let through by another one.
//!
//! Read is what OpenAPI 3.1 documents of this house say; a keyword that is not known here must stay as it is.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::place::{DEPTH, Place, could_be, has_choices, listed, types};

/// Whose schema it is: the same difference breaks one side and not the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// What a client sends: what was taken before must be taken now.
    Request,
    /// What a client reads: what comes now must be what was promised before. New members are no surprise.
    Answer,
    /// What a client reads where it failed: new codes are no surprise either.
    Failure,
}

/// Keywords that explain and do not restrict.
const WORDS: &[&str] =
    &["title", "description", "default", "example", "examples", "deprecated", "readOnly", "writeOnly", "$comment"];
/// Keywords that are compared below.
const COMPARED: &[&str] = &[
    "$ref",
    "type",
    "enum",
    "const",
    "required",
    "properties",
    "additionalProperties",
    "patternProperties",
    "items",
    "anyOf",
    "oneOf",
    "allOf",
];
/// Limits from below.
const LEAST: &[&str] = &["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"];
/// Limits from above.
const MOST: &[&str] = &["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"];
/// What `inner` lets through and `outer` does not, each with the way there. Schemas that both call by the same name are
/// compared apart: their names are put into `named`.
pub(super) fn beyond(
    inner: Place<'_>,
    outer: Place<'_>,
    side: Side,
    named: &mut BTreeSet<(String, Side)>,
) -> Vec<String> {
    let mut comparison = Comparison { side, named, found: Vec::new() };
    comparison.compare(inner, outer, "", DEPTH);
    comparison.found
}

/// The same of two schemas whose name is known to be the same.
pub(super) fn beyond_named(
    inner: Place<'_>,
    outer: Place<'_>,
    side: Side,
    named: &mut BTreeSet<(String, Side)>,
) -> Vec<String> {
    let mut comparison = Comparison { side, named, found: Vec::new() };
    comparison.insides(inner, outer, "", DEPTH);
    comparison.found
}

/// What is compared: where both stand, and all of their members, those of what they refer to among them.
#[derive(Clone, Copy)]
struct Pair<'p> {
    inner: Place<'p>,
    one: &'p Map<String, Value>,
    outer: Place<'p>,
    other: &'p Map<String, Value>,
}

struct Comparison<'a> {
    side: Side,
    named: &'a mut BTreeSet<(String, Side)>,
    found: Vec<String>,
}

impl Comparison<'_> {
    fn say(&mut self, path: &str, what: &str) {
        let place = if path.is_empty() { String::new() } else { format!("{path}: ") };
        self.found.push(format!("{place}{what}"));
    }

    /// Which side is the newer one.
    fn words<'w>(&self, request: &'w str, answer: &'w str) -> &'w str {
        if self.side == Side::Request { request } else { answer }
    }

    fn compare(&mut self, inner: Place<'_>, outer: Place<'_>, path: &str, depth: usize) {
        match (inner.reference(), outer.reference()) {
            (Some(one), Some(other)) if one == other => {
                self.named.insert((one.to_owned(), self.side));
            }
            _ => self.insides(inner, outer, path, depth),
        }
    }

    fn insides(&mut self, inner: Place<'_>, outer: Place<'_>, path: &str, depth: usize) {
        if depth == 0 {
            return;
        }
        let (rest, allowed) = self.without_common(inner.schema, outer.schema);
        let (inner, outer) = (inner.at(&rest), outer.at(&allowed));
        let (one, other) = (inner.whole(DEPTH), outer.whole(DEPTH));
        self.kinds(&one, &other, path);
        self.values(&one, &other, path);
        self.limits(&one, &other, path);
        let pair = Pair { inner, one: &one, outer, other: &other };
        self.members(pair, path, depth);
        self.elements(pair, path, depth);
        self.choices(pair, path, depth);
    }

    /// Both without the parts of `allOf` that they call by the same name, which are compared apart.
    fn without_common(&mut self, inner: &Value, outer: &Value) -> (Value, Value) {
        let parts = |schema: &Value| schema.get("allOf").and_then(Value::as_array).cloned().unwrap_or_default();
        let (own, theirs) = (parts(inner), parts(outer));
        let common: Vec<&Value> =
            own.iter().filter(|part| part.get("$ref").is_some() && theirs.contains(part)).collect();
        for target in common.iter().filter_map(|part| part.get("$ref")?.as_str()) {
            self.named.insert((target.to_owned(), self.side));
        }
        let rest = |schema: &Value, parts: &[Value]| {
            let mut rest = schema.clone();
            if let Some(members) = rest.as_object_mut().filter(|_| !common.is_empty()) {
                members.insert("allOf".into(), parts.iter().filter(|part| !common.contains(part)).cloned().collect());
            }
            rest
        };
        (rest(inner, &own), rest(outer, &theirs))
    }

    fn kinds(&mut self, one: &Map<String, Value>, other: &Map<String, Value>, path: &str) {
        let Some(allowed) = types(other) else { return };
        let word = self.words("is not taken any more", "was not promised before");
        match types(one) {
            None if has_choices(one) || listed(one).is_some() => {}
            None => self.say(path, &format!("any type {word}")),
            Some(said) => {
                let missing: Vec<&str> = said
                    .iter()
                    .filter(|kind| !(allowed.contains(*kind) || **kind == "integer" && allowed.contains("number")))
                    .copied()
                    .collect();
                for kind in missing {
                    self.say(path, &format!("type {kind} {word}"));
                }
            }
        }
    }

    fn values(&mut self, one: &Map<String, Value>, other: &Map<String, Value>, path: &str) {
        let Some(allowed) = listed(other) else { return };
        let extensible = |schema: &Map<String, Value>| schema.contains_key("x-extensible-enum");
        if self.side == Side::Failure || (self.side == Side::Answer && (extensible(one) || extensible(other))) {
            return;
        }
        let word = self.words("is not taken any more", "was not promised before");
        match listed(one) {
            None if has_choices(one) => {}
            None => self.say(path, &format!("a value beyond the list {word}")),
            Some(said) => {
                for value in said.iter().filter(|value| !allowed.contains(value)) {
                    self.say(path, &format!("the value {value} {word}"));
                }
            }
        }
    }

    fn limits(&mut self, one: &Map<String, Value>, other: &Map<String, Value>, path: &str) {
        let number = |schema: &Map<String, Value>, keyword: &str| schema.get(keyword).and_then(Value::as_f64);
        // A number within a list needs no limit; nor does what no choice restricts.
        if listed(one).is_some() || has_choices(one) {
            return;
        }
        for (keywords, from_below) in [(LEAST, true), (MOST, false)] {
            for keyword in keywords {
                let Some(limit) = number(other, keyword) else { continue };
                let fits = number(one, keyword).is_some_and(|own| if from_below { own >= limit } else { own <= limit });
                if !fits {
                    let was = one.get(*keyword).map_or("none".to_owned(), Value::to_string);
                    let (before, now) = match self.side {
                        Side::Request => (was, limit.to_string()),
                        Side::Answer | Side::Failure => (limit.to_string(), was),
                    };
                    self.say(path, &format!("{keyword} was {before} and is {now}"));
                }
            }
        }
        let known = |keyword: &str| {
            WORDS.contains(&keyword)
                || COMPARED.contains(&keyword)
                || LEAST.contains(&keyword)
                || MOST.contains(&keyword)
                || keyword.starts_with("x-")
        };
        for (keyword, value) in other.iter().filter(|(keyword, _)| !known(keyword)) {
            if one.get(keyword) != Some(value) {
                self.say(path, &format!("{keyword} is another one"));
            }
        }
    }

    fn members(&mut self, pair: Pair<'_>, path: &str, depth: usize) {
        let Pair { inner, one, outer, other } = pair;
        let names = |schema: &Map<String, Value>| -> BTreeSet<String> {
            let names = schema.get("required").and_then(Value::as_array).into_iter().flatten();
            names.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let (sure, asked) = (names(one), names(other));
        for name in asked.difference(&sure).filter(|_| !has_choices(one)) {
            let word = self.words("is required now", "may be missing now");
            self.say(&format!("{path}/{name}"), word);
        }
        let of = |schema: &Map<String, Value>| schema.get("properties").and_then(Value::as_object).cloned();
        let (own, theirs) = (of(one).unwrap_or_default(), of(other).unwrap_or_default());
        let closed = !theirs.is_empty() || other.get("additionalProperties") == Some(&Value::Bool(false));
        for (name, schema) in &own {
            let path = format!("{path}/{name}");
            match theirs.get(name) {
                Some(allowed) => self.compare(inner.at(schema), outer.at(allowed), &path, depth - 1),
                None if self.side == Side::Request && closed => self.say(&path, "is gone"),
                None => {}
            }
        }
        if self.side != Side::Request && !has_choices(one) {
            for name in theirs.keys().filter(|name| !own.contains_key(*name)) {
                self.say(&format!("{path}/{name}"), "is gone");
            }
        }
        self.further(pair, path, depth);
    }

    /// Members that are not named.
    fn further(&mut self, pair: Pair<'_>, path: &str, depth: usize) {
        let Pair { inner, one, outer, other } = pair;
        for keyword in ["additionalProperties", "patternProperties"] {
            let (said, allowed) = (one.get(keyword), other.get(keyword));
            match (said, allowed) {
                (_, None | Some(Value::Bool(true))) => {}
                (said, Some(Value::Bool(false))) => {
                    if self.side == Side::Request && said != Some(&Value::Bool(false)) && could_be(one, "object") {
                        self.say(path, "members without a name here are not taken any more");
                    }
                }
                (Some(Value::Bool(false)), Some(_)) => {}
                (Some(said), Some(allowed)) if keyword == "additionalProperties" => {
                    self.compare(inner.at(said), outer.at(allowed), &format!("{path}/*"), depth - 1);
                }
                (said, allowed) => {
                    if said != allowed && could_be(one, "object") {
                        self.say(path, &format!("{keyword} is another one"));
                    }
                }
            }
        }
    }

    fn elements(&mut self, pair: Pair<'_>, path: &str, depth: usize) {
        let Pair { inner, one, outer, other } = pair;
        match (one.get("items"), other.get("items")) {
            (Some(said), Some(allowed)) => {
                self.compare(inner.at(said), outer.at(allowed), &format!("{path}/[]"), depth - 1);
            }
            // Elements of any kind are no restriction.
            (None, Some(allowed)) if allowed.as_object().is_some_and(serde_json::Map::is_empty) => {}
            (None, Some(_)) if could_be(one, "array") && !has_choices(one) => {
                self.say(path, "elements are described more narrowly");
            }
            _ => {}
        }
    }

    /// Every way that `inner` can take must be one of `outer`'s.
    fn choices(&mut self, pair: Pair<'_>, path: &str, depth: usize) {
        let Pair { inner, one, outer, other } = pair;
        let of = |schema: &Map<String, Value>| -> Vec<Value> {
            ["anyOf", "oneOf"]
                .iter()
                .filter_map(|keyword| schema.get(*keyword)?.as_array().cloned())
                .flatten()
                .collect()
        };
        let (own, theirs) = (of(one), of(other));
        let rest = |schema: &Map<String, Value>| {
            let mut rest = schema.clone();
            ["anyOf", "oneOf"].iter().for_each(|keyword| drop(rest.remove(*keyword)));
            Value::Object(rest)
        };
        // Without choices of its own a schema is its only choice.
        let (own, theirs) = match (own.is_empty(), theirs.is_empty()) {
            (true, true) => return,
            (true, false) => (vec![rest(one)], theirs),
            (false, true) => (own, vec![rest(other)]),
            (false, false) => (own, theirs),
        };
        for (at, way) in own.iter().enumerate() {
            let tried = theirs.iter().map(|allowed| {
                let mut names = BTreeSet::new();
                let mut trial = Comparison { side: self.side, named: &mut names, found: Vec::new() };
                trial.compare(inner.at(way), outer.at(allowed), path, depth - 1);
                (trial.found, names)
            });
            // The way that says least against it.
            match tried.min_by_key(|(found, _)| found.len()) {
                Some((found, names)) if found.is_empty() => self.named.extend(names),
                Some((found, _)) => {
                    let word = self.words("is not taken any more", "was not promised before");
                    let why = found.first().map(String::as_str).unwrap_or_default().to_owned();
                    self.say(path, &format!("alternative {at} {word} ({why})"));
                }
                None => {}
            }
        }
    }
}
