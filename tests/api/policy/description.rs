//! The kinds of record and their doors, as the served description tells them.

use std::collections::BTreeSet;

use serde_json::Value;

/// A field of a kind.
pub(super) struct Field {
    pub(super) name: String,
    /// When it is said: `always`, `create`, `transfer`, `never`.
    pub(super) write: String,
    pub(super) sealed: bool,
}

/// A kind of record.
pub(super) struct Kind {
    /// `follow_up`.
    pub(super) name: String,
    /// `/v1/follow_ups`.
    pub(super) path: String,
    pub(super) fields: Vec<Field>,
    /// Members that can be asked for, each with its operators.
    pub(super) filters: Vec<(String, Vec<String>)>,
    /// Orders, with and without the `-`.
    pub(super) sorts: Vec<String>,
    pub(super) expand: Vec<String>,
    /// Relations along which questions are asked, each with its kind.
    pub(super) related: Vec<(String, String)>,
    /// What is done with its records: `list`, `get`, `reveal`, …
    pub(super) operations: BTreeSet<String>,
}

/// An operation of the description.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Door {
    pub(super) method: String,
    pub(super) path: String,
}

/// Doors of every kind of record: method, what follows the kind's path, and what it is called here.
const RECORD_DOORS: [(&str, &str, &str); 19] = [
    ("GET", "", "list"),
    ("POST", "", "create"),
    ("POST", "/search", "search"),
    ("POST", "/facets", "facets"),
    ("POST", "/batch", "batch"),
    ("POST", "/bulk", "bulk"),
    ("POST", "/upsert", "upsert"),
    ("GET", "/by/{key}/{value}", "get_by"),
    ("PUT", "/by/{key}/{value}", "put_by"),
    ("POST", "/validate", "validate"),
    ("POST", "/{id}/validate", "validate_update"),
    ("GET", "/{id}", "get"),
    ("PATCH", "/{id}", "update"),
    ("DELETE", "/{id}", "delete"),
    ("POST", "/{id}/restore", "restore"),
    ("GET", "/{id}/history", "history"),
    ("GET", "/{id}/access", "access"),
    ("POST", "/{id}/reveal", "reveal"),
    ("POST", "/{id}/erase", "erase"),
];

impl Kind {
    pub(super) fn has(&self, operation: &str) -> bool {
        self.operations.contains(operation)
    }

    /// The field that a member asks for: `phones` of `phone`.
    pub(super) fn field_of(&self, member: &str) -> Option<&Field> {
        let plural = format!("{member}s");
        self.fields.iter().find(|field| field.name == member || field.name == plural)
    }
}

/// Every door of a description.
pub(super) fn doors(document: &Value) -> BTreeSet<Door> {
    let mut doors = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys().filter(|method| *method != "parameters") {
            doors.insert(Door { method: method.to_uppercase(), path: path.clone() });
        }
    }
    doors
}

/// What a door does with a kind of record, where it is one of those that every kind has.
pub(super) fn record_door<'k>(kinds: &'k [Kind], door: &Door) -> Option<(&'k Kind, &'static str)> {
    kinds.iter().find_map(|kind| {
        let rest = door.path.strip_prefix(&kind.path)?;
        let known = RECORD_DOORS.iter().find(|(method, path, _)| *method == door.method && *path == rest)?;
        Some((kind, known.2))
    })
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Every kind of a description: what is listed, searched and read one by one.
pub(super) fn kinds(document: &Value) -> Vec<Kind> {
    let paths = document["paths"].as_object().unwrap();
    let of = |path: &String| {
        let search = &document["paths"][format!("{path}/search")]["post"];
        let one = &document["paths"][format!("{path}/{{id}}")]["get"];
        // The whole record, or what `fields` leaves of it.
        let schema = &one["responses"]["200"]["content"]["application/json"]["schema"];
        let schema = schema["$ref"].as_str().or_else(|| schema["anyOf"][0]["$ref"].as_str());
        let schema = schema.filter(|_| search.is_object())?.rsplit('/').next()?;
        let properties = document["components"]["schemas"][schema]["properties"].as_object()?;
        let fields = properties.iter().filter_map(|(name, property)| {
            let write = property["x-write"].as_str()?.to_owned();
            Some(Field { name: name.clone(), write, sealed: property["x-sealed"] == true })
        });
        let filters = document["components"]["schemas"][format!("{schema}Search")]["x-filter-fields"].as_object()?;
        let related = document["components"]["schemas"][format!("{schema}Search")]["x-filter-related"].as_object()?;
        let related = related.iter().map(|(name, kind)| (name.clone(), kind.as_str().unwrap().to_owned()));
        let parameters = document["paths"][path]["get"]["parameters"].as_array()?;
        let parameter = |name: &str| parameters.iter().find(|parameter| parameter["name"] == name);
        let operations = RECORD_DOORS
            .iter()
            .filter(|(method, rest, _)| document["paths"][format!("{path}{rest}")][method.to_lowercase()].is_object());
        Some(Kind {
            // What a record calls its own fields is another thing than their definition.
            name: snake(schema.strip_suffix("Definition").unwrap_or(schema)),
            path: path.clone(),
            fields: fields.collect(),
            filters: filters.iter().map(|(name, ops)| (name.clone(), texts(ops))).collect(),
            sorts: parameter("sort").map(|sort| texts(&sort["schema"]["anyOf"][0]["enum"])).unwrap_or_default(),
            expand: parameter("expand").map(|expand| texts(&expand["schema"]["items"]["enum"])).unwrap_or_default(),
            related: related.collect(),
            operations: operations.map(|(_, _, name)| (*name).to_owned()).collect(),
        })
    };
    paths.keys().filter_map(of).collect()
}
