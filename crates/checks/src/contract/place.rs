//! A JSON schema in its document, and what it says at a glance.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// How deep schemas are followed into each other; what is deeper is the same tree again.
pub(super) const DEPTH: usize = 24;

/// A schema in its document.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) document: &'a Value,
    pub(super) schema: &'a Value,
}

impl<'a> Place<'a> {
    /// Another schema of the same document.
    pub(super) fn at<'b>(self, schema: &'b Value) -> Place<'b>
    where
        'a: 'b,
    {
        Place { document: self.document, schema }
    }

    /// What it refers to.
    pub(super) fn reference(self) -> Option<&'a str> {
        self.schema.get("$ref")?.as_str()
    }

    /// The schema as one object: references followed, `allOf` put together.
    pub(super) fn whole(self, depth: usize) -> Map<String, Value> {
        let mut whole = self.schema.as_object().cloned().unwrap_or_default();
        if self.schema == &Value::Bool(false) {
            whole.insert("not".into(), Value::Object(Map::new()));
        }
        if depth == 0 {
            return whole;
        }
        whole.remove("$ref");
        let target = self.reference().and_then(|target| self.document.pointer(target.trim_start_matches('#')));
        let all = whole.remove("allOf");
        let parts = all.as_ref().and_then(Value::as_array).into_iter().flatten().chain(target);
        for part in parts {
            let part = Place { document: self.document, schema: part }.whole(depth - 1);
            part.into_iter().for_each(|(keyword, value)| join(&mut whole, keyword, value));
        }
        whole
    }
}

/// Adds what another part of the same schema asks.
fn join(whole: &mut Map<String, Value>, keyword: String, value: Value) {
    match (whole.get_mut(&keyword), value) {
        (Some(Value::Object(known)), Value::Object(more)) if keyword == "properties" => {
            for (name, schema) in more {
                match known.remove(&name) {
                    Some(before) => known.insert(name, serde_json::json!({ "allOf": [before, schema] })),
                    None => known.insert(name, schema),
                };
            }
        }
        (Some(Value::Array(known)), Value::Array(more)) if keyword == "required" => known.extend(more),
        // Said twice: the part that stands outermost is the narrower one in documents of this house.
        (Some(_), _) => {}
        (None, value) => {
            whole.insert(keyword, value);
        }
    }
}

/// The types that a schema names.
pub(super) fn types(schema: &Map<String, Value>) -> Option<BTreeSet<&str>> {
    match schema.get("type")? {
        Value::String(one) => Some(BTreeSet::from([one.as_str()])),
        Value::Array(several) => Some(several.iter().filter_map(Value::as_str).collect()),
        _ => None,
    }
}

/// Whether a value of that type may pass.
pub(super) fn could_be(schema: &Map<String, Value>, kind: &str) -> bool {
    types(schema).is_none_or(|types| types.contains(kind))
}

/// The only values that a schema lets through.
pub(super) fn listed(schema: &Map<String, Value>) -> Option<Vec<Value>> {
    let one = schema.get("const").map(|only| vec![only.clone()]);
    one.or_else(|| schema.get("enum").and_then(Value::as_array).cloned())
}

/// Whether it names alternatives.
pub(super) fn has_choices(schema: &Map<String, Value>) -> bool {
    schema.contains_key("anyOf") || schema.contains_key("oneOf")
}
