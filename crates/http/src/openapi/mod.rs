//! The description of the API, OpenAPI 3.1: made by walking the kinds of record and the list of special operations, so
//! that it says what the program does.

mod attachments;
mod audit;
mod bulk;
mod codes;
mod conditions;
mod counting;
mod credentials;
mod deleting;
mod docs;
mod entry_rules;
mod envelopes;
mod examples;
mod external;
mod fields;
mod intake;
mod jobs;
mod keyed;
mod kinds;
mod leaving;
mod links;
mod numbers;
mod operation;
mod organisation;
mod people;
mod policies;
mod records;
mod reveal;
mod reviews;
mod rights;
mod schema;
mod second_factor;
mod segments;
mod several;
mod shapes;
mod shared;
mod special;
mod standard;
mod tags;
mod validation;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::OnceLock;

use kehu_domain::kinds::KINDS;
use kehu_domain::record::Kind;
use serde_json::{Map, Value, json};

use crate::deprecated::{DEPRECATED, Deprecation};

pub use codes::{codes, pages};
pub use docs::configure;
pub(crate) use kinds::expansions;
pub use operation::{Answer, Guard, Operation};
pub(crate) use organisation::value_schema;

/// Every operation: those of each kind, then the special ones.
#[must_use]
pub fn operations() -> Vec<Operation> {
    KINDS
        .iter()
        .flat_map(|kind| records::operations(kind))
        .chain(special::operations())
        .chain(credentials::operations())
        .chain(intake::operations())
        .chain(audit::operations())
        .chain(jobs::operations())
        .chain(policies::operations())
        .chain(self::rights::operations())
        .chain(reviews::operations())
        .chain(leaving::operations())
        .chain(attachments::operations())
        .chain(fields::operations())
        .chain(numbers::operations())
        .chain(tags::operations())
        .chain(several::operations())
        .chain(bulk::jobs())
        .chain(segments::operations())
        .chain(standard::operations())
        .chain(schema::operations())
        .chain(counting::operations())
        .collect()
}

/// The whole description.
#[must_use]
pub fn document() -> Value {
    document_with(DEPRECATED)
}

/// The whole description, with these operations as those that will go.
fn document_with(deprecated: &[Deprecation]) -> Value {
    let mut responses = Map::new();
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations() {
        let value = operation.to_value(&mut responses, Deprecation::named(deprecated, &operation.id));
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(operation.method.into(), value);
        }
    }
    links::add(&mut paths);
    let mut schemas = envelopes::schemas();
    schemas.extend(KINDS.iter().flat_map(|kind| kinds::schemas(kind)));
    schemas.extend(validation::schemas());
    schemas.extend(keyed::schemas());
    schemas.extend(entry_rules::schemas());
    schemas.extend(special::schemas());
    schemas.extend(credentials::schemas());
    schemas.extend(intake::schemas());
    schemas.extend(audit::schemas());
    schemas.extend(jobs::schemas());
    schemas.extend(policies::schemas());
    schemas.extend(self::rights::schemas());
    schemas.extend(reviews::schemas());
    schemas.extend(leaving::schemas());
    schemas.extend(fields::schemas());
    schemas.extend(numbers::schemas());
    schemas.extend(tags::schemas());
    schemas.extend(several::schemas());
    schemas.extend(bulk::schemas());
    schemas.extend(segments::schemas());
    schemas.extend(deleting::schemas());
    schemas.extend(standard::schemas());
    schemas.extend(schema::schemas());
    schemas.extend(counting::schemas());
    json!({
        "openapi": "3.1.0",
        "info": shared::info(),
        "servers": [{ "url": "/", "description": "This server." }],
        "security": [{ "bearer": [] }],
        "tags": shared::tags(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": responses,
            "parameters": shared::parameters(),
            "headers": shared::headers(!deprecated.is_empty()),
            "securitySchemes": shared::security_schemes(),
        },
    })
}

/// A schema by its name, with those that it refers to in their places.
pub(crate) fn inlined(name: &str) -> Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    let document = DOCUMENT.get_or_init(document);
    filled(document, &shapes::schema_ref(name), INLINED)
}

/// How deep schemas stand within each other where they are told whole; what is deeper refers to the description.
const INLINED: usize = 6;

fn filled(document: &Value, schema: &Value, depth: usize) -> Value {
    match schema {
        Value::Object(members) => {
            let named = members.get("$ref").and_then(Value::as_str).filter(|_| depth > 0);
            match named.and_then(|place| document.pointer(place.trim_start_matches('#'))) {
                Some(target) => {
                    let mut target = filled(document, target, depth - 1);
                    let beside = members.iter().filter(|(name, _)| *name != "$ref");
                    if let Some(target) = target.as_object_mut() {
                        target.extend(beside.map(|(name, value)| (name.clone(), value.clone())));
                    }
                    target
                }
                None => members.iter().map(|(name, value)| (name.clone(), filled(document, value, depth))).collect(),
            }
        }
        Value::Array(items) => items.iter().map(|item| filled(document, item, depth)).collect(),
        plain => plain.clone(),
    }
}

/// What an example of a create says of a field; null where it says nothing.
pub(crate) fn example(kind: &Kind, field: &str) -> Value {
    examples::input(kind.name).and_then(|body| body.get(field).cloned()).unwrap_or_default()
}

/// Writes `openapi.json`, `codes.json` and `rights.txt` into a folder, the same bytes every time.
///
/// # Errors
/// The folder cannot be written to.
pub fn write(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (name, value) in [("openapi.json", document()), ("codes.json", codes())] {
        let mut text = serde_json::to_string_pretty(&value)?;
        text.push('\n');
        fs::write(folder.join(name), text)?;
    }
    fs::write(folder.join("rights.txt"), kehu_domain::rights::matrix())
}

/// Writes `codes.md` and `codes.zh-CN.md` into a folder: every code with its words, for people.
///
/// # Errors
/// The folder cannot be written to.
pub fn write_pages(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    pages().into_iter().try_for_each(|(name, text)| fs::write(folder.join(name), text))
}

#[cfg(test)]
mod tests;
