//! Writes that are tried and not done, and what rules say of those that are.

use kehu_domain::record::Kind;
use serde_json::{Map, Value, json};

use super::examples;
use super::operation::{Answer, Operation, parameter_ref};
use super::shapes::{described, or_null, schema_ref, whole};
use crate::problem_codes as codes;

/// Tries a create and a change of a kind.
pub(super) fn operations(kind: &'static Kind) -> [Operation; 2] {
    let name = kind.name.replace('_', "-");
    let text = "Everything is done that the write does, references, duplicates, numbers and rules included, and given up: \
                nothing is written, journaled or numbered. It takes the right to the write. Values for fields that the \
                caller sees masked count as those of a write of which nothing came.";
    let operation = |path: &str, id: &str, summary: String| Operation {
        summary,
        description: text.to_owned(),
        answers: vec![Answer::json(200, "What would come of it.", schema_ref("Validation"))],
        problems: vec![
            &codes::FORBIDDEN,
            &codes::HEADER_INVALID,
            &codes::IDEMPOTENCY_KEY_INVALID,
            &codes::CONFLICT,
            &codes::READ_LIMIT,
            &codes::COMPARE_LIMIT,
            &codes::DATABASE_READ_ONLY,
            &codes::DISK_FULL,
        ],
        ..Operation::new("post", format!("/v1/{}{path}", kind.path), format!("{}_{id}", kind.path), kind.path)
    };
    // Whatever it is, it is told what is wrong with it.
    let form = |suffix: &str| {
        let anything = json!({ "type": ["object", "array", "string", "number", "boolean", "null"], "items": {}, "description": "What would be refused." });
        json!({ "anyOf": [schema_ref(&format!("{}{suffix}", kind.schema)), anything] })
    };
    let mut create = operation("/validate", "validate", format!("Try to make a new {name}"));
    create.parameters = vec![parameter_ref("OnDuplicate")];
    create.body = Some((&["application/json"], form("Input")));
    create.example = examples::input(kind.name);
    let mut update = operation("/{id}/validate", "validate_update", format!("Try to change the {name}"));
    update.parameters = ["RecordId", "IfMatch", "OnDuplicate"].into_iter().map(parameter_ref).collect();
    update.body = Some((&["application/merge-patch+json", "application/json"], form("Patch")));
    update.example = examples::patch(kind.name);
    update.problems.extend([&codes::NOT_FOUND, &codes::VERSION_CONFLICT]);
    [create, update]
}

/// Schemas of what is told of a write.
pub(super) fn schemas() -> Map<String, Value> {
    let mut all = Map::new();
    let list = |doc: &str| json!({ "type": "array", "items": schema_ref("ProblemError"), "description": doc });
    let warnings = || list("What rules say of it, and refuse nothing for.");
    let told = "What the answer to a write tells beside the record; its ETag knows nothing of it.";
    all.insert("Warned".into(), whole(told, json!({ "warnings": warnings() })));
    let existing = described(or_null(schema_ref("ExistingRecord")), "The record that it would meet.");
    all.insert(
        "Validation".into(),
        whole(
            "What would come of a write.",
            json!({
                "valid": { "type": "boolean", "description": "Whether it would be done." },
                "errors": list("Why it would be refused."),
                "warnings": warnings(),
                "duplicate": existing,
            }),
        ),
    );
    all
}
