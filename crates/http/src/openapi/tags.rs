//! Merging tags and adding sets of them, in the description.

use serde_json::{Map, Value, json};

use super::operation::{Answer, Operation, parameter_ref};
use super::shapes::{described, object, or_null, schema_ref, whole};
use crate::problem_codes as codes;

const TAG: &str = "tags";
const JSON: &[&str] = &["application/json"];

/// The operations.
pub(super) fn operations() -> Vec<Operation> {
    let text = "Every record that carries the tag carries the other one instead, in the same place; each such change is \
                journaled like any other. Then the tag is deleted, and its name is free. Where more than 200 records \
                carry it, a job does so, a few records in each transaction. Takes the rights to change and to delete tags.";
    let mut merge = Operation::new("post", "/v1/tags/{id}/merge", "tags_merge", TAG);
    (merge.summary, merge.description) = ("Merge a tag into another".to_owned(), text.to_owned());
    merge.parameters = vec![parameter_ref("RecordId"), parameter_ref("ChangeReason")];
    merge.body = Some((JSON, schema_ref("TagMerge")));
    merge.example = Some(json!({ "into": "0190a3c4-7e1b-7c3d-8f00-5b1f0c2d3e4f" }));
    merge.answers = vec![
        Answer::json(200, "It is done: the tag that stays.", schema_ref("Tag")).with_headers(&["ETag"]),
        Answer::json(202, "The job that does it.", schema_ref("Job")).with_headers(&["Location"]),
    ];
    merge.problems = vec![
        &codes::FORBIDDEN,
        &codes::NOT_FOUND,
        &codes::CONFLICT,
        &codes::MERGING_ELSEWHERE,
        &codes::DATABASE_READ_ONLY,
        &codes::DISK_FULL,
    ];
    let mut sets = Operation::new("get", "/v1/tag_sets", "tags_sets_list", TAG);
    sets.summary = "List standard sets of tags".to_owned();
    sets.description = "Tags that many organisations want, in both languages, ready to be added.".to_owned();
    sets.answers = vec![Answer::json(200, "The sets.", schema_ref("TagSets"))];
    sets.problems = vec![&codes::FORBIDDEN];
    let text = "Makes the tags of the set that are not there yet; one whose name is there is left as it is, so that a set \
                may be added again. Takes the right to make tags.";
    let mut add = Operation::new("post", "/v1/tag_sets/{key}", "tags_sets_add", TAG);
    (add.summary, add.description) = ("Add a standard set of tags".to_owned(), text.to_owned());
    add.parameters = vec![parameter_ref("TagSetKey"), parameter_ref("ChangeReason")];
    add.body = Some((JSON, schema_ref("TagSetToAdd")));
    add.example = Some(json!({ "language": "zh-CN" }));
    add.answers = vec![Answer::json(200, "The tags of the set.", schema_ref("TagSetAdded"))];
    add.problems =
        vec![&codes::FORBIDDEN, &codes::NOT_FOUND, &codes::CONFLICT, &codes::DATABASE_READ_ONLY, &codes::DISK_FULL];
    vec![merge, sets, add]
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn list(item: &Value, description: &str) -> Value {
    json!({ "type": "array", "items": item, "description": description })
}

/// Schemas of bodies.
pub(super) fn schemas() -> Map<String, Value> {
    let id = |description: &str| json!({ "type": "string", "format": "uuid", "description": description });
    let both =
        |description: &str| whole(description, json!({ "zh-CN": text("In Chinese."), "en": text("In English.") }));
    let tag = whole(
        "A tag of a set.",
        json!({
            "name": both("Its name."), "group": both("The group it belongs to."), "color": text("Its colour, `#rrggbb`."),
        }),
    );
    let set = whole(
        "A set of tags.",
        json!({
            "key": text("What the address names."), "label": both("What people call it."),
            "tags": list(&tag, "Its tags."),
        }),
    );
    let added = whole(
        "A tag of the set.",
        json!({
            "id": id("Its id."), "name": text("Its name."),
            "created": described(json!({ "type": "boolean" }), "Whether it was made just now."),
        }),
    );
    let into: Map<String, Value> = [("into".to_owned(), id("The tag that stays."))].into_iter().collect();
    let language = or_null(json!({ "type": "string", "enum": ["zh-CN", "en"] }));
    let language = described(language, "In which language; that of the organisation where none is said.");
    let language: Map<String, Value> = [("language".to_owned(), language)].into_iter().collect();
    [
        ("TagMerge", object("Which tag stays.", into, &["into"], true)),
        ("TagSets", whole("Sets of tags.", json!({ "data": list(&set, "The sets.") }))),
        ("TagSetToAdd", object("How a set is added.", language, &[], true)),
        ("TagSetAdded", whole("What became of a set.", json!({ "data": list(&added, "Its tags, in their order.") }))),
    ]
    .into_iter()
    .map(|(name, schema)| (name.to_owned(), schema))
    .collect()
}
