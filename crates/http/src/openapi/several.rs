//! Things done to several records in one request, in the description.

use kehu_store::machine::resources;
use serde_json::{Map, Value, json};

use super::operation::{Answer, Operation, parameter_ref};
use super::records::writing;
use super::shapes::{described, object, or_null, schema_ref, whole};
use crate::problem_codes as codes;

const JSON: &[&str] = &["application/json"];

/// The operations.
pub(super) fn operations() -> Vec<Operation> {
    let text = "Operations on records of several kinds, done in their order: POST makes a record, PATCH changes one by a \
                merge patch, DELETE deletes one, POST of `…/restore` takes one back; each with the rights that it takes \
                alone. An operation with a `ref` may be referred to by later ones: `{{ref}}` stands for the id of its \
                record, as a part of `path` and as the whole of any text within `body`. All operations of an atomic \
                batch are done, or none. Otherwise each stands for itself, and one that refers to one that failed fails \
                with `reference_failed`.";
    let mut batch = Operation::new("post", "/v1/batch", "batch", "batch");
    (batch.summary, batch.description) = ("Do several things at once".to_owned(), text.to_owned());
    batch.parameters = ["IdempotencyKey", "OnDuplicate", "ChangeReason"].into_iter().map(parameter_ref).collect();
    batch.body = Some((JSON, schema_ref("OperationsBatch")));
    batch.example = Some(json!({
        "atomic": true,
        "operations": [
            { "ref": "c1", "method": "POST", "path": "/v1/customers", "body": { "name": "青岛海尔智家", "kind": "company" } },
            { "method": "POST", "path": "/v1/contacts", "body": { "customer_id": "{{c1}}", "name": "王芳" } },
            { "method": "PATCH", "path": "/v1/customers/{{c1}}", "body": { "stage": "active" } },
        ],
    }));
    let result = || schema_ref("OperationsResult");
    batch.answers = vec![
        Answer::json(200, "Every operation was done.", result()).with_headers(&["Idempotency-Replayed"]),
        Answer::json(207, "Some operations were not done.", result()).with_headers(&["Idempotency-Replayed"]),
    ];
    batch.problems = vec![
        &codes::FORBIDDEN,
        &codes::NOT_FOUND,
        &codes::DUPLICATE,
        &codes::READ_LIMIT,
        &codes::COMPARE_LIMIT,
        &codes::VERSION_CONFLICT,
    ];
    batch.problems.extend(writing());
    vec![batch]
}

/// What became of one of several.
pub(super) fn done(of: &str, named: bool) -> Value {
    let mut members = json!({
        "index": { "type": "integer", "minimum": 0, "description": "Its place in the request, from 0." },
        "status": { "type": "integer", "description": "The status that it would have had alone." },
        "id": { "type": ["string", "null"], "format": "uuid", "description": "The record; null where nothing was done." },
        "version": { "type": ["integer", "null"], "format": "int64", "description": "Its version now; null where nothing was done, and of what is deleted." },
        "error": described(or_null(schema_ref("Problem")), "Why nothing was done; null otherwise."),
        "warnings": { "type": "array", "items": schema_ref("ProblemError"), "description": "What rules say of it, and refuse nothing for." },
    });
    if let Some(members) = members.as_object_mut().filter(|_| named) {
        let name = described(json!({ "type": ["string", "null"] }), "What the request calls it.");
        members.insert("ref".to_owned(), name);
    }
    let item = whole(&format!("What became of one {of}."), members);
    let list = json!({ "type": "array", "items": item, "description": format!("One entry per {of}.") });
    whole(&format!("What became of each {of}, in the order of the request."), json!({ "data": list }))
}

/// Schemas of bodies.
pub(super) fn schemas() -> Map<String, Value> {
    let paths = resources().filter(|resource| resource.batched()).map(|resource| resource.kind().path);
    let path = format!("^/v1/({})(/[^/?]+(/restore)?)?$", paths.collect::<Vec<_>>().join("|"));
    let name = json!({
        "type": ["string", "null"], "pattern": "^[A-Za-z0-9_-]{1,64}$",
        "description": "What later operations call it.",
    });
    let mut members = Map::new();
    members.insert("ref".into(), name);
    let method = json!({ "type": "string", "enum": ["POST", "PATCH", "DELETE"], "description": "What is done." });
    members.insert("method".into(), method);
    let path = json!({ "type": "string", "pattern": path, "description": "The address, without parameters; `{{ref}}` may stand for an id." });
    members.insert("path".into(), path);
    let body = json!({
        "type": ["object", "null"], "additionalProperties": true,
        "description": "The new record, or the merge patch, as the address alone takes it; of a DELETE and a restore nothing.",
    });
    members.insert("body".into(), body);
    let version = or_null(json!({ "type": "integer", "format": "int64" }));
    members.insert("version".into(), described(version, "The version that was read, as `If-Match` says it."));
    let operation = object("One thing that is to be done.", members, &["method", "path"], true);
    let mut batch = Map::new();
    let atomic = json!({ "type": "boolean", "default": false });
    batch.insert("atomic".into(), described(atomic, "Whether all are done or none; at most 200 operations then."));
    let list = json!({
        "type": "array", "minItems": 1, "maxItems": 1000, "items": schema_ref("Operation"),
        "description": "The operations, in their order.",
    });
    batch.insert("operations".into(), list);
    [
        ("Operation", operation),
        ("OperationsBatch", object("Several things that are to be done.", batch, &["operations"], true)),
        ("OperationsResult", done("operation", true)),
    ]
    .into_iter()
    .map(|(name, schema)| (name.to_owned(), schema))
    .collect()
}
