//! Revealing sealed values: one operation for every kind that has any.

use kehu_domain::field::{Field, Shape};
use kehu_domain::reason;
use kehu_domain::record::Kind;
use serde_json::{Map, Value, json};

use super::operation::{Answer, Operation, parameter_ref};
use super::shapes::{Form, described, field_schema, object, schema_ref, whole};
use crate::problem_codes as codes;

/// The most fields of one request.
const FIELDS: usize = 20;

fn sealed(kind: &'static Kind) -> impl Iterator<Item = &'static Field> {
    kind.fields.iter().filter(|field| field.sealed)
}

/// The operation of a kind; none where nothing of it is sealed.
pub(super) fn operation(kind: &'static Kind) -> Option<Operation> {
    let name = kind.name.replace('_', "-");
    let description = "Values that the record shows as masks. It is told to the journal and counted before anything is \
                       given: 30 fields of a user and an hour, unless the server says otherwise. The answer is not to \
                       be kept.";
    let problems = [
        &codes::FORBIDDEN,
        &codes::NOT_FOUND,
        &codes::REVEAL_LIMIT,
        &codes::CONFLICT,
        &codes::DATABASE_READ_ONLY,
        &codes::DISK_FULL,
    ];
    kind.has_masked().then(|| Operation {
        summary: format!("Reveal sealed values of a {name}"),
        description: description.to_owned(),
        parameters: vec![parameter_ref("RecordId")],
        body: Some((&["application/json"], schema_ref(&format!("{}Reveal", kind.schema)))),
        example: sealed(kind).next().map(|field| json!({ "fields": [field.name], "reason": "核对客户身份" })),
        answers: vec![
            Answer::json(200, "The values in clear.", schema_ref(&format!("{}Revealed", kind.schema)))
                .with_headers(&["Cache-Control"]),
        ],
        problems: problems.to_vec(),
        ..Operation::new("post", format!("/v1/{}/{{id}}/reveal", kind.path), format!("{}_reveal", kind.path), kind.path)
    })
}

/// What it takes and gives.
pub(super) fn schemas(kind: &'static Kind) -> Vec<(String, Value)> {
    if !kind.has_masked() {
        return Vec::new();
    }
    let names: Vec<String> = sealed(kind)
        .map(|field| match field.shape {
            Shape::Elements(_) => format!("{}(/[0-9a-fA-F-]{{36}})?", field.name),
            _ => field.name.to_owned(),
        })
        .collect();
    let item = json!({ "type": "string", "pattern": format!("^({})$", names.join("|")) });
    let fields = json!({ "type": "array", "minItems": 1, "maxItems": FIELDS, "items": item });
    let reason = json!({ "type": "string", "minLength": 1, "maxLength": reason::MAX });
    let mut members = Map::new();
    members.insert("fields".into(), described(fields, "Names of sealed fields; of a list also `phones/<element id>`."));
    members.insert("reason".into(), described(reason, "What the values are needed for. It stands in the journal."));
    let takes = object("What is to be revealed, and why.", members, &["fields", "reason"], true);
    let values: Map<String, Value> =
        sealed(kind).map(|field| (field.name.to_owned(), field_schema(field, Form::Answer))).collect();
    let values = object("The fields that were asked for, in clear.", values, &[], true);
    let gives = whole(
        "Sealed values of a record, in clear.",
        json!({
            "id": { "type": "string", "format": "uuid", "description": "The record's id." },
            "fields": values,
            "derived": schema_ref("Derived"),
        }),
    );
    vec![(format!("{}Reveal", kind.schema), takes), (format!("{}Revealed", kind.schema), gives)]
}
