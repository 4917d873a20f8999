//! Segments in the description: the filter that one keeps, who is in it, and how many.

use kehu_domain::kinds::{SegmentKind, kind_named};
use kehu_store::segments::{MOST_BY_FILTER, MOST_BY_ID, MOST_COUNTED};
use serde_json::{Map, Value, json};

use super::operation::{Answer, Operation, parameter_ref};
use super::shapes::{described, object, or_null, schema_ref, whole};
use crate::problem_codes as codes;

const TAG: &str = "segments";
const JSON: &[&str] = &["application/json"];

/// The operations.
pub(super) fn operations() -> Vec<Operation> {
    vec![members(), change_members(), count(), counts()]
}

fn members() -> Operation {
    let text = "A page of the records, as the list of their kind gives it and with the same parameters; in the segment's own \
                order where none is asked for, or in that of the list for who may not order by it. A segment shows nobody a record that he may not read. One whose filter asks \
                for a field that is no longer there, or that the caller may not ask for, is 400 `segment_unusable`.";
    let mut members = Operation::new("get", "/v1/segments/{id}/members", "segments_members_list", TAG);
    (members.summary, members.description) = ("List the records of a segment".to_owned(), text.to_owned());
    let query = |name: &str, schema: Value, doc: &str| json!({ "name": name, "in": "query", "schema": schema, "description": doc });
    let names = || json!({ "type": "array", "items": { "type": "string" } });
    let listed = |name: &str, doc: &str| {
        let mut parameter = query(name, names(), doc);
        if let Some(parameter) = parameter.as_object_mut() {
            parameter.insert("style".into(), "form".into());
            parameter.insert("explode".into(), false.into());
        }
        parameter
    };
    let conditions = "Conditions beside the segment's own, as the list of the kind takes them.";
    let conditions = object(conditions, Map::new(), &[], false);
    members.parameters = vec![
        parameter_ref("RecordId"),
        json!({
            "name": "filter", "in": "query", "style": "deepObject", "explode": true, "schema": conditions,
            "description": "Conditions beside the segment's own, such as `filter[updated_at.gte]=2026-01-01`.",
        }),
        query("sort", json!({ "type": "string" }), "In which order; a leading `-` turns it round."),
        parameter_ref("Limit"),
        parameter_ref("After"),
        listed("fields", "Which members to show, separated by commas; absent: all."),
        listed("expand", "Which related records to bring along, separated by commas."),
        parameter_ref("Words"),
        parameter_ref("Count"),
    ];
    let kinds = SegmentKind::VOCABULARY.items.iter().filter_map(|(key, ..)| kind_named(key));
    let pages: Vec<Value> = kinds.map(|kind| schema_ref(&format!("{}Page", kind.schema))).collect();
    let page = json!({ "anyOf": pages, "description": "A page of records of the segment's kind." });
    members.answers = vec![Answer::json(200, "A page of records.", page)];
    members.problems = vec![&codes::FORBIDDEN, &codes::NOT_FOUND, &codes::TOO_EXPENSIVE];
    members.asks = true;
    members
}

fn change_members() -> Operation {
    let text = "Puts records into a static segment and takes others out, in one transaction; what is in already, or is not \
                in, stays so. `where` puts in what fits it now. Records that are out of the caller's reach are refused in \
                `add`, and passed over in `remove`. Takes the right to change the segment. A record that is deleted is out \
                of it, and back in it when it is restored; one that is erased is gone.";
    let mut change = Operation::new("post", "/v1/segments/{id}/members", "segments_members_change", TAG);
    (change.summary, change.description) = ("Change who is in a static segment".to_owned(), text.to_owned());
    change.parameters = vec![parameter_ref("RecordId"), parameter_ref("ChangeReason")];
    change.body = Some((JSON, schema_ref("SegmentMembersChange")));
    change.example = Some(json!({ "add": ["0190a3c4-7e1b-7c3d-8f00-5b1f0c2d3e4f"] }));
    change.answers = vec![Answer::json(200, "How many went in and out.", schema_ref("SegmentMembersChanged"))];
    change.problems = vec![
        &codes::FORBIDDEN,
        &codes::NOT_FOUND,
        &codes::CONFLICT,
        &codes::TOO_EXPENSIVE,
        &codes::COMPARE_LIMIT,
        &codes::DATABASE_READ_ONLY,
        &codes::DISK_FULL,
    ];
    change
}

fn count() -> Operation {
    let text = "How many of its records the caller may read. Counting ends at 10,000: `count_is` is then `at_least`.";
    let mut count = Operation::new("get", "/v1/segments/{id}/count", "segments_count", TAG);
    (count.summary, count.description) = ("Count the records of a segment".to_owned(), text.to_owned());
    count.parameters = vec![parameter_ref("RecordId")];
    count.answers = vec![Answer::json(200, "How many.", schema_ref("SegmentCount"))];
    count.problems = vec![&codes::QUESTION_INVALID, &codes::FORBIDDEN, &codes::NOT_FOUND, &codes::TOO_EXPENSIVE];
    count
}

fn counts() -> Operation {
    let text = "The same of several segments, all at one moment. One that is not there, cannot be asked, or is too \
                expensive (`too_expensive`), says so in its place, and the others are counted: each at a moment of its own \
                where one was too expensive.";
    let mut counts = Operation::new("post", "/v1/segments/counts", "segments_counts", TAG);
    (counts.summary, counts.description) = ("Count the records of several segments".to_owned(), text.to_owned());
    counts.body = Some((JSON, schema_ref("SegmentsToCount")));
    counts.example = Some(json!({ "ids": ["0190a3c4-7e1b-7c3d-8f00-5b1f0c2d3e4f"] }));
    counts.answers = vec![Answer::json(200, "How many, in the order of the ids.", schema_ref("SegmentCounts"))];
    counts.problems = vec![&codes::FORBIDDEN];
    counts
}

fn ids(most: usize, doc: &str) -> Value {
    let items = json!({ "type": "string", "format": "uuid" });
    json!({ "type": "array", "maxItems": most, "items": items, "description": doc })
}

/// Schemas of bodies, and of the filter that a segment keeps.
pub(super) fn schemas() -> Map<String, Value> {
    let members = |json: Value| json.as_object().cloned().unwrap_or_default();
    let number = |doc: &str| json!({ "type": "integer", "format": "int64", "minimum": 0, "description": doc });
    let id = json!({ "type": "string", "format": "uuid", "description": "The segment." });
    let is = || json!({ "type": "string", "enum": ["exact", "at_least"] });
    let kept = "The filter of a segment, as a search of its kind takes it: kept as it is said, and read anew at each \
                question, so that today stays today. Tags are named by name or id, and shown by the name that they have now; one that \
                was deleted by its id. Values of confidential fields do not stand in it.";
    let filter = format!("A filter: what fits it now is put in, {MOST_BY_FILTER} records at most.");
    let change = json!({
        "add": or_null(ids(MOST_BY_ID, "Records to put in.")),
        "remove": or_null(ids(MOST_BY_ID, "Records to take out.")),
        "where": described(or_null(schema_ref("Filter")), &filter),
    });
    let changed = json!({
        "id": id, "added": number("How many were put in."), "removed": number("How many were taken out."),
    });
    let count = json!({
        "count": number("How many records the caller may read."),
        "count_is": described(is(), "Whether that is all of them."),
    });
    let error = described(
        or_null(schema_ref("Problem")),
        "Why it cannot be told: `not_found`, `segment_unusable`, `too_expensive` …",
    );
    let counted = whole(
        "How many records are in a segment.",
        json!({
            "id": id,
            "count": described(or_null(number("")), "How many records the caller may read; null with an `error`."),
            "count_is": described(or_null(is()), "Whether that is all of them."),
            "error": error,
        }),
    );
    let counts = json!({ "type": "array", "items": counted, "description": "One for each id." });
    let asked = json!({ "ids": ids(MOST_COUNTED, "The segments.") });
    [
        ("SegmentWhere", described(schema_ref("Filter"), kept)),
        ("SegmentMembersChange", object("Who goes in and who out.", members(change), &[], true)),
        ("SegmentMembersChanged", whole("What was done.", changed)),
        ("SegmentCount", whole("How many records are in a segment.", count)),
        ("SegmentsToCount", object("Which segments.", members(asked), &["ids"], true)),
        ("SegmentCounts", whole("How many records are in segments.", json!({ "data": counts }))),
    ]
    .into_iter()
    .map(|(name, schema)| (name.to_owned(), schema))
    .collect()
}
