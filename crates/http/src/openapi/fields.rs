//! Definitions of custom fields in the description: what their members hold, and the check before a stricter one.

use kehu_domain::custom::ChoiceList;
use serde_json::{Map, Value, json};

use super::operation::{Answer, Operation, parameter_ref};
use super::shapes::{object, schema_ref};
use crate::problem_codes as codes;

/// The operations.
pub(super) fn operations() -> Vec<Operation> {
    let text = "Reads the records that are there against the definition, changed by this merge patch: what a stricter rule \
                would hit, before it is set. Nothing is changed. A job does it; its `result` is `{\"checked\", \"wrong\", \
                \"codes\": {code: how many}, \"examples\": [{\"id\", \"code\"}]}` with 100 examples at most. A value is judged \
                as if it were said anew, so that one of a retired choice is told. Takes the right to change fields, and to read \
                every record of the kind with the field in full: a bound that is moved tells the value.";
    let mut check = Operation::new("post", "/v1/fields/{id}/check", "fields_check", "fields");
    (check.summary, check.description) = ("Check records against a definition".to_owned(), text.to_owned());
    check.parameters = vec![parameter_ref("RecordId")];
    check.body = Some((&["application/json"], schema_ref("FieldDefinitionPatch")));
    check.example = Some(json!({ "max": 100 }));
    check.answers = vec![Answer::json(202, "The job.", schema_ref("Job")).with_headers(&["Location"])];
    check.problems = vec![&codes::FORBIDDEN, &codes::NOT_FOUND, &codes::DATABASE_READ_ONLY, &codes::DISK_FULL];
    vec![check]
}

/// Schemas of what a definition holds.
pub(super) fn schemas() -> Map<String, Value> {
    let label = |doc: &str| json!({ "type": ["string", "null"], "minLength": 1, "maxLength": 500, "description": doc });
    let labels = json!({
        "zh-CN": label("Chinese; where only English is said, that."),
        "en": label("English; where only Chinese is said, that."),
    });
    let choice = json!({
        "key": {
            "type": "string", "minLength": 1, "maxLength": 60, "pattern": r"^[\p{L}\p{N}_.-]+$",
            "description": "What records keep and filters ask for: letters, digits, `_`, `-`, `.`.",
        },
        "label": schema_ref("FieldLabel"),
        "retired": { "type": ["boolean", "null"], "description": "Whether nobody picks it any more." },
    });
    let members = |json: Value| json.as_object().cloned().unwrap_or_default();
    let choice = object("An item of a choice.", members(choice), &["key"], true);
    let mut all = Map::new();
    let doc = "What people call it, in Chinese, English or both. In a PATCH a language that is not said stays.";
    all.insert("FieldLabel".into(), object(doc, members(labels), &[], true));
    all.insert(
        "FieldChoices".into(),
        json!({
            "type": "array", "maxItems": ChoiceList::MAX, "items": choice,
            "description": "What a choice picks from, in order. One that a PATCH leaves out is retired.",
        }),
    );
    all.insert(
        "FieldValue".into(),
        json!({
            "type": ["string", "number", "boolean", "array", "object", "null"], "items": {},
            "description": "A value as a record of this type holds it; of `min` and `max` of a text the count of characters, \
                            of choices that of items.",
        }),
    );
    all
}
