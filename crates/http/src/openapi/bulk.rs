//! Changes of many records at once, in the description.

use kehu_domain::record::Kind;
use kehu_store::machine::{Resource, resource};
use serde_json::{Map, Value, json};

use super::operation::{Answer, Operation, parameter_ref};
use super::records::writing;
use super::shapes::{described, object, or_null, schema_ref, whole};
use super::{examples, several};
use crate::problem_codes as codes;

const JSON: &[&str] = &["application/json"];

fn removable(kind: &'static Kind) -> bool {
    resource(kind.name).is_some_and(Resource::removable)
}

/// The operation of a kind.
pub(super) fn operation(kind: &'static Kind) -> Operation {
    let many = kind.path.replace('_', "-");
    let text = "One merge patch for many records, each by itself and with the rights that its own change takes. Those of \
                `ids` are changed at once: 207 with what became of each. Those that `where` (and `q`) finds are changed by \
                a job, as whoever asked, with the rights of the moment: which ones is settled when it begins. \
                `/v1/jobs/{id}/records` says what became of each, `/v1/jobs/{id}/undo` undoes it. With `preview` (or \
                `dry_run=true`) nothing is written: the answer says what would become of the first thousand.";
    let (path, id) = (format!("/v1/{}/bulk", kind.path), format!("{}_bulk", kind.path));
    let mut bulk = Operation::new("post", path, id, kind.path);
    (bulk.summary, bulk.description) = (format!("Change many {many}"), text.to_owned());
    bulk.parameters =
        ["DryRun", "IdempotencyKey", "OnDuplicate", "ChangeReason"].into_iter().map(parameter_ref).collect();
    bulk.body = Some((JSON, schema_ref(&format!("{}Bulk", kind.schema))));
    bulk.example = examples::patch(kind.name).map(|change| {
        json!({ "where": { "field": "updated_at", "op": "within_last", "value": 30 }, "change": change, "preview": true })
    });
    bulk.answers = vec![
        Answer::json(200, "With `preview`: what would become of them.", schema_ref("BulkPreview")),
        Answer::json(202, "With `where`: the job.", schema_ref("Job"))
            .with_headers(&["Location", "Idempotency-Replayed"]),
        Answer::json(207, "With `ids`: what became of each.", schema_ref("BulkResult"))
            .with_headers(&["Idempotency-Replayed"]),
    ];
    bulk.problems = vec![&codes::FORBIDDEN, &codes::TOO_EXPENSIVE, &codes::READ_LIMIT, &codes::COMPARE_LIMIT];
    bulk.problems.extend(writing());
    bulk.asks = true;
    bulk
}

/// What a kind's door takes.
pub(super) fn schema(kind: &'static Kind) -> Value {
    let mut members = Map::new();
    let mut add = |name: &str, schema: Value, doc: &str| {
        members.insert(name.to_owned(), described(or_null(schema), doc));
    };
    let ids = json!({ "type": "array", "maxItems": 200, "items": { "type": "string", "format": "uuid" } });
    add("ids", ids, "The records.");
    add("where", schema_ref("Filter"), "Or what they must be like.");
    add("q", json!({ "type": "string" }), "And words that stand in them.");
    add("change", schema_ref(&format!("{}Patch", kind.schema)), "What is changed: a merge patch, without a version.");
    if removable(kind) {
        add("delete", json!({ "type": "boolean", "default": false }), "Or that they are deleted.");
    }
    add("preview", json!({ "type": "boolean", "default": false }), "Whether only to tell what would become of them.");
    object(&format!("A change of many {}.", kind.path.replace('_', "-")), members, &[], true)
}

/// The operations of jobs.
pub(super) fn jobs() -> Vec<Operation> {
    let mut records = Operation::new("get", "/v1/jobs/{id}/records", "jobs_records", "jobs");
    records.summary = "List what became of the records of a bulk change".to_owned();
    records.description = "In the order in which they were found. What was found wrong in a record is told to whoever \
                           asked for the job; others who see the job are told the code."
        .to_owned();
    let status = described(schema_ref("BulkStatus"), "How it stands.");
    let filter = json!({
        "name": "filter", "in": "query", "style": "deepObject", "explode": true,
        "description": "Only those that stand so: `filter[status]=refused`.",
        "schema": { "type": "object", "additionalProperties": false, "properties": { "status": status } },
    });
    records.parameters = vec![parameter_ref("RecordId"), filter, parameter_ref("Limit"), parameter_ref("After")];
    records.answers = vec![Answer::json(200, "A page of them.", schema_ref("BulkRecordPage"))];
    records.problems = vec![&codes::FORBIDDEN, &codes::NOT_FOUND];
    records.asks = true;
    let mut undo = Operation::new("post", "/v1/jobs/{id}/undo", "jobs_undo", "jobs");
    undo.summary = "Undo a bulk change".to_owned();
    undo.description = "A job, as whoever undoes it, with the rights of the moment: a changed field that nobody touched \
                        since has the value again that it had before, a record that was deleted is restored. What stays is \
                        named: `/v1/jobs/{id}/records?filter[status]=left` of the job that is undone. Asked again while it \
                        runs, it gives the same job."
        .to_owned();
    undo.parameters = vec![parameter_ref("RecordId"), parameter_ref("ChangeReason")];
    undo.answers = vec![Answer::json(202, "The job that undoes it.", schema_ref("Job")).with_headers(&["Location"])];
    undo.problems = vec![
        &codes::FORBIDDEN,
        &codes::NOT_FOUND,
        &codes::CONFLICT,
        &codes::JOB_NOT_UNDOABLE,
        &codes::DATABASE_READ_ONLY,
        &codes::DISK_FULL,
    ];
    vec![records, undo]
}

fn number(doc: &str) -> Value {
    json!({ "type": "integer", "format": "int64", "minimum": 0, "description": doc })
}

fn id() -> Value {
    json!({ "type": "string", "format": "uuid", "description": "The record." })
}

fn list(item: &Value, doc: &str) -> Value {
    json!({ "type": "array", "items": item, "description": doc })
}

/// Schemas of answers.
pub(super) fn schemas() -> Map<String, Value> {
    let warnings = || list(&schema_ref("ProblemError"), "What rules say of it, and refuse nothing for.");
    let members = |doc: &str| json!({ "type": ["object", "null"], "additionalProperties": true, "description": doc });
    let reason = whole(
        "Why some would not be changed.",
        json!({
            "code": { "type": "string", "description": "The code of the situation." },
            "count": number("How many."),
            "ids": list(&id(), "Five of them at most."),
            "error": described(schema_ref("Problem"), "What is said of the first."),
        }),
    );
    let sample = whole(
        "A record that would be changed.",
        json!({
            "id": id(),
            "before": members("Members that would differ, as they are; null where it would be deleted."),
            "after": members("The same as they would be."),
            "warnings": warnings(),
        }),
    );
    let preview = whole(
        "What a bulk change would do.",
        json!({
            "matched": number("How many records were tried: all that it is about, up to a thousand."),
            "matched_is": { "type": "string", "enum": ["exact", "at_least"], "description": "Whether these are all." },
            "changed": number("How many would be changed, or deleted."),
            "unchanged": number("How many are like that already."),
            "refused": number("How many would not be changed."),
            "reasons": list(&reason, "Why, the most frequent first."),
            "sample": list(&sample, "The first twenty that would be changed."),
        }),
    );
    let states = [
        "`waiting` for its turn",
        "`changed`",
        "`unchanged`: it was like that",
        "`refused`",
        "`undone`",
        "`left` as it is when it was undone, in part at least",
    ];
    let status = json!({
        "type": "string", "description": format!("How a record of a bulk change stands: {}.", states.join(", ")),
        "x-extensible-enum": ["waiting", "changed", "unchanged", "refused", "undone", "left"],
    });
    let title =
        or_null(json!({ "type": "string", "description": "The situation in a few words, in the language asked for." }));
    let error = whole(
        "Why a record was not changed, or not changed back.",
        json!({
            "code": { "type": "string", "description": "The code that a single request would be answered with." },
            "title": title,
            "fields": list(&json!({ "type": "string" }), "Fields that somebody changed since."),
            "errors": list(&schema_ref("ProblemError"), "Each thing that is wrong."),
        }),
    );
    let record = whole(
        "What became of a record.",
        json!({
            "id": id(),
            "status": described(schema_ref("BulkStatus"), "How it stands."),
            "version": or_null(json!({ "type": "integer", "format": "int64", "description": "The version that came of it." })),
            "error": described(or_null(error), "Why it was not changed, or not changed back; null otherwise."),
        }),
    );
    let page = json!({ "data": list(&record, "The records."), "page": schema_ref("PageInfo") });
    [
        ("BulkPreview", preview),
        ("BulkResult", several::done("record", false)),
        ("BulkStatus", status),
        ("BulkRecordPage", whole("A page of records of a bulk change.", page)),
    ]
    .into_iter()
    .map(|(name, schema)| (name.to_owned(), schema))
    .collect()
}
