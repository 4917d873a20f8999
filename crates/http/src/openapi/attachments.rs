//! Files in the description: how they are sent, and how they are read.

use kehu_domain::record::Kind;
use serde_json::{Value, json};

use super::operation::{Answer, Operation, parameter_ref};
use super::records::writing;
use super::shapes::{described, schema_ref};
use crate::problem_codes as codes;

/// Sending a file.
pub(super) fn upload(kind: &'static Kind) -> Operation {
    let description = "The file and what it hangs on, as parts of a form in any order. What a file is, its first bytes say, \
                       not its sender. It is sealed as it comes. Nothing is kept of one that is refused: larger than the \
                       organisation takes (`settings.attachments.max_bytes`), or of a type that it does not take \
                       (`settings.attachments.types`); programs, scripts, HTML and SVG never are.";
    Operation {
        summary: "Attach a file".into(),
        description: description.into(),
        parameters: ["IdempotencyKey", "ChangeReason"].map(parameter_ref).into(),
        body: Some((&["multipart/form-data"], parts(kind))),
        answers: vec![Answer::json(201, "The new record.", schema_ref(kind.schema)).with_headers(&[
            "ETag",
            "Location",
            "Idempotency-Replayed",
        ])],
        problems: writing()
            .into_iter()
            .chain([&codes::FORBIDDEN, &codes::FILE_TOO_LARGE, &codes::FILE_TYPE_REFUSED, &codes::FILE_AWAY])
            .collect(),
        ..Operation::new("post", "/v1/attachments", "attachments_create", kind.path)
    }
}

fn parts(kind: &Kind) -> Value {
    let name_max = 200;
    json!({
        "type": "object", "description": "A file, and what it hangs on.", "additionalProperties": false,
        "required": ["file", "kind", "record_id"],
        "properties": {
            "file": { "type": "string", "contentMediaType": "application/octet-stream", "description": "The file, with its name." },
            "kind": described(schema_ref("Noted"), kind.field("record_kind").map_or("", |field| field.doc.trim())),
            "record_id": { "type": "string", "format": "uuid", "description": "The record it hangs on." },
            "custom": {
                "type": "string", "contentMediaType": "application/json",
                "description": "Values of custom fields, an object by their keys.",
            },
            "name": {
                "type": "string", "minLength": 1, "maxLength": name_max,
                "description": "What it is called; absent: as the file was.",
            },
        },
    })
}

/// Operations that are no verb of every kind.
pub(super) fn operations() -> Vec<Operation> {
    let description = "The file as it was sent, always to be saved and never shown (`Content-Disposition: attachment`). One \
                       range of bytes may be asked for with `Range`. That it was read stands in the journal. An address \
                       with a ticket opens it without a token.";
    let binary = json!({ "type": "string", "contentMediaType": "application/octet-stream" });
    let whole = |status, text: &str| Answer {
        status,
        description: text.to_owned(),
        content: Some(("*/*", binary.clone())),
        headers: &["Content-Disposition"],
    };
    vec![Operation {
        summary: "Read a file".into(),
        description: description.into(),
        parameters: vec![parameter_ref("RecordId"), parameter_ref("Range")],
        answers: vec![whole(200, "The file."), whole(206, "The range that was asked for.")],
        problems: vec![
            &codes::FORBIDDEN,
            &codes::NOT_FOUND,
            &codes::RANGE_INVALID,
            &codes::FILE_AWAY,
            &codes::VALUE_UNREADABLE,
            &codes::DATABASE_READ_ONLY,
            &codes::DISK_FULL,
        ],
        ..Operation::new("get", "/v1/attachments/{id}/content", "attachments_content", "attachments")
    }]
}
