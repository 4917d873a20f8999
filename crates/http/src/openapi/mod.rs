//! The description of the API, OpenAPI 3.1: made by walking the kinds of record and the list of special operations, so
//! that it says what the program does.

mod audit;
mod codes;
mod credentials;
mod deleting;
mod docs;
mod envelopes;
mod examples;
mod external;
mod fields;
mod intake;
mod jobs;
mod kinds;
mod leaving;
mod numbers;
mod operation;
mod people;
mod policies;
mod records;
mod reveal;
mod reviews;
mod rights;
mod second_factor;
mod shapes;
mod shared;
mod special;
mod tags;
mod standard;

use std::fs;
use std::io;
use std::path::Path;

use kehu_domain::kinds::KINDS;
use serde_json::{Map, Value, json};

pub use codes::{codes, pages};
pub use docs::configure;
pub use operation::{Answer, Guard, Operation};

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
        .chain(fields::operations())
        .chain(numbers::operations())
        .chain(tags::operations())
        .chain(standard::operations())
        .collect()
}

/// The whole description.
#[must_use]
pub fn document() -> Value {
    let mut responses = Map::new();
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations() {
        let value = operation.to_value(&mut responses);
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(operation.method.into(), value);
        }
    }
    let mut schemas = envelopes::schemas();
    schemas.extend(KINDS.iter().flat_map(|kind| kinds::schemas(kind)));
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
    schemas.extend(deleting::schemas());
    schemas.extend(standard::schemas());
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
            "headers": shared::headers(),
            "securitySchemes": shared::security_schemes(),
        },
    })
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
