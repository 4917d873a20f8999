//! Operations that every kind of record has: one function each, whatever the kind.

use kehu_domain::record::Kind;
use kehu_store::machine::{Resource, expansion_paths, resource};
use serde_json::{Value, json};

use super::counting;
use super::examples;
use super::kinds::{PAGE, can_be_deleted, member_schema, order_schema, shown};
use super::operation::{Answer, Operation, parameter_ref};
use super::shapes::schema_ref;
use super::{attachments, bulk, keyed, people};
use super::{reveal, rights, validation};
use crate::problem_codes as codes;

const JSON: &[&str] = &["application/json"];
const PATCH: &[&str] = &["application/merge-patch+json", "application/json"];

/// Every operation of a kind, in the order of the description.
pub(super) fn operations(kind: &'static Kind) -> Vec<Operation> {
    let mut all = vec![list(kind), make(kind), get(kind), update(kind), history(kind)];
    // People and teams are disabled or left empty instead.
    if can_be_deleted(kind) {
        all.extend([delete(kind), restore(kind)]);
    }
    if resource(kind.name).is_some_and(Resource::erasable) {
        all.push(erase(kind));
    }
    all.push(rights::access(kind));
    all.extend(reveal::operation(kind));
    all.extend([search(kind), counting::facets(kind)]);
    all.extend(keyed::operations(kind));
    if resource(kind.name).is_some_and(Resource::batched) {
        all.push(batch(kind));
        all.push(bulk::operation(kind));
        all.extend(validation::operations(kind));
    }
    all
}

/// An operation on a kind with what all of them share.
fn operation(
    kind: &Kind,
    method: &'static str,
    verb: &str,
    path: &str,
    summary: String,
    description: &str,
) -> Operation {
    let (path, id) = (format!("/v1/{}{path}", kind.path), format!("{}_{verb}", kind.path));
    Operation {
        summary,
        description: description.to_owned(),
        problems: vec![&codes::FORBIDDEN],
        ..Operation::new(method, path, id, kind.path)
    }
}

/// `follow-up`, with its article.
fn one(kind: &Kind) -> String {
    let name = kind.name.replace('_', "-");
    let article = if name.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
    format!("{article} {name}")
}

fn many(kind: &Kind) -> String {
    kind.path.replace('_', "-")
}

fn sch(kind: &Kind, suffix: &str) -> Value {
    schema_ref(&format!("{}{suffix}", kind.schema))
}

/// The answer to a write: the record, and what rules warn of.
fn written(record: &Value) -> Value {
    json!({ "allOf": [record, schema_ref("Warned")] })
}

fn refs(names: &[&str]) -> Vec<Value> {
    names.iter().copied().map(parameter_ref).collect()
}

/// A query parameter that is a list of names separated by commas.
fn listed(name: &str, names: &[&str], doc: &str) -> Value {
    json!({
        "name": name, "in": "query", "style": "form", "explode": false, "description": doc,
        "schema": { "type": "array", "items": { "type": "string", "enum": names } },
    })
}

fn fields(kind: &'static Kind) -> Value {
    let doc = "Which members to show, separated by commas; absent: all. Only this leaves members out of an answer.";
    json!({
        "name": "fields", "in": "query", "style": "form", "explode": false, "description": doc,
        "schema": { "type": "array", "items": member_schema(kind) },
    })
}

fn expand(kind: &'static Kind) -> Option<Value> {
    let related = expansion_paths(kind.name);
    let related: Vec<&str> = related.iter().map(String::as_str).collect();
    let doc = "Which related records to bring along, separated by commas; theirs behind a dot.";
    (!related.is_empty()).then(|| listed("expand", &related, doc))
}

/// What of one record is shown.
pub(super) fn showing(kind: &'static Kind) -> impl Iterator<Item = Value> {
    std::iter::once(fields(kind)).chain(expand(kind))
}

/// Asking for deleted records too, where there are such.
fn deleted(kind: &Kind) -> Option<Value> {
    can_be_deleted(kind).then(|| parameter_ref("Deleted"))
}

fn list(kind: &'static Kind) -> Operation {
    let text = "Conditions stand in `filter[member]` or `filter[member.operator]` and must all hold. Confidential members \
                (phones, e-mails) never stand in an address: use the search.";
    let mut list = operation(kind, "get", "list", "", format!("List {}", many(kind)), text);
    list.parameters = vec![
        json!({
            "name": "filter", "in": "query", "style": "deepObject", "explode": true, "schema": sch(kind, "Filter"),
            "description": "Conditions, such as `filter[updated_at.gte]=2026-01-01`.",
        }),
        json!({
            "name": "sort", "in": "query", "schema": order_schema(kind),
            "description": "In which order; a leading `-` turns it round.",
        }),
    ];
    list.parameters.extend(refs(&["Limit", "After", "PageNumber"]));
    list.parameters.push(fields(kind));
    list.parameters.extend(expand(kind));
    if kind.takes_words() {
        list.parameters.extend(refs(&["Words"]));
    }
    list.parameters.extend(refs(&["Count", "Can"]));
    list.parameters.extend(deleted(kind));
    list.answers = vec![Answer::json(200, "A page of records.", sch(kind, "Page"))];
    list.problems.push(&codes::TOO_EXPENSIVE);
    list.asks = true;
    list
}

fn search(kind: &'static Kind) -> Operation {
    let text = "As the list, with a tree of conditions in the body, and by confidential members too.";
    let mut search = operation(kind, "post", "search", "/search", format!("Search {}", many(kind)), text);
    search.body = Some((JSON, sch(kind, "Search")));
    search.example = Some(
        json!({ "where": { "field": "updated_at", "op": "within_last", "value": 30 }, "sort": ["-updated_at"], "limit": PAGE / 10 }),
    );
    search.answers = vec![Answer::json(200, "A page of records.", sch(kind, "Page"))];
    search.problems.extend([&codes::TOO_EXPENSIVE, &codes::COMPARE_LIMIT]);
    search.asks = true;
    search
}

fn get(kind: &'static Kind) -> Operation {
    let mut get =
        operation(kind, "get", "get", "/{id}", format!("Read {}", one(kind)), "The record as the caller may see it.");
    get.parameters = refs(&["RecordId", "IfNoneMatch"]);
    get.parameters.extend(showing(kind));
    get.parameters.extend(deleted(kind));
    get.answers = vec![
        Answer::json(200, "The record.", shown(kind)).with_headers(&["ETag"]),
        Answer::empty(304, "It is what the given ETag stands for.").with_headers(&["ETag"]),
    ];
    get.problems.push(&codes::NOT_FOUND);
    get.asks = true;
    get
}

fn history(kind: &'static Kind) -> Operation {
    let text = "The changes of the record, the newest first: who changed what and why, each value as the caller may see \
                the record's field now. What cannot be read cannot have its history read.";
    let mut history =
        operation(kind, "get", "history", "/{id}/history", format!("Read the history of {}", one(kind)), text);
    history.parameters = refs(&["RecordId", "Limit", "After"]);
    history.answers = vec![Answer::json(200, "A page of changes.", schema_ref("ChangePage"))];
    history.problems.push(&codes::NOT_FOUND);
    history.asks = true;
    history
}

/// Making one, as JSON or with a file.
fn make(kind: &'static Kind) -> Operation {
    if resource(kind.name).is_some_and(Resource::uploaded) { attachments::upload(kind) } else { create(kind) }
}

fn create(kind: &'static Kind) -> Operation {
    let mut create = operation(
        kind,
        "post",
        "create",
        "",
        format!("Make {}", one(kind)),
        "The answer is the record as it can be read.",
    );
    create.parameters = refs(&["IdempotencyKey", "OnDuplicate", "ChangeReason"]);
    let (takes, gives) = people::create_forms(kind);
    create.body = Some((JSON, sch(kind, takes)));
    create.example = examples::input(kind.name);
    create.answers = vec![Answer::json(201, "The new record.", written(&sch(kind, gives))).with_headers(&[
        "ETag",
        "Location",
        "Idempotency-Replayed",
    ])];
    create.problems.extend(writing());
    create.problems.extend([&codes::DUPLICATE, &codes::READ_LIMIT, &codes::COMPARE_LIMIT]);
    if keyed::is_keyed(kind) {
        create.problems.extend([&codes::EXTERNAL_ID_TAKEN, &codes::ID_TAKEN]);
        let again = "Of a record whose id the client made: the same client said the same before, and has it.";
        create.answers.push(Answer::json(200, again, sch(kind, "")).with_headers(&["ETag"]));
    }
    create
}

fn update(kind: &'static Kind) -> Operation {
    let text = "A JSON merge patch (RFC 7396): what is absent stays, null clears. Read-only members are taken as long as \
                they are what was read, so an answer can be sent back whole. With If-Match (or `version` in the body), \
                fields that nobody else touched since are changed; an overlap is 412.";
    let mut update = operation(kind, "patch", "update", "/{id}", format!("Change {}", one(kind)), text);
    update.parameters = refs(&["RecordId", "IfMatch", "IdempotencyKey", "OnDuplicate", "ChangeReason"]);
    update.body = Some((PATCH, sch(kind, "Patch")));
    update.example = examples::patch(kind.name);
    update.answers = vec![
        Answer::json(200, "The record as it is now.", written(&sch(kind, "")))
            .with_headers(&["ETag", "Idempotency-Replayed"]),
    ];
    update.problems.extend(writing());
    update.problems.extend([
        &codes::NOT_FOUND,
        &codes::DUPLICATE,
        &codes::READ_LIMIT,
        &codes::COMPARE_LIMIT,
        &codes::VERSION_CONFLICT,
    ]);
    if keyed::is_keyed(kind) {
        update.problems.push(&codes::EXTERNAL_ID_TAKEN);
    }
    update
}

fn delete(kind: &'static Kind) -> Operation {
    let text = "It can be restored. What belongs to it goes with it. With `dry_run=true` nothing is written: the answer \
                says what would go, or what stands against it, as the deletion itself would.";
    let mut delete = operation(kind, "delete", "delete", "/{id}", format!("Delete {}", one(kind)), text);
    delete.parameters = refs(&["RecordId", "DryRun", "IfMatch", "IdempotencyKey", "ChangeReason"]);
    delete.answers = vec![
        Answer::json(200, "With `dry_run=true`: what would go.", schema_ref("DeletePreview")),
        Answer::empty(204, "It is deleted.").with_headers(&["Idempotency-Replayed"]),
    ];
    delete.problems.extend(writing());
    delete.problems.extend([&codes::NOT_FOUND, &codes::VERSION_CONFLICT]);
    if kind.name == "segment" {
        delete.problems.push(&codes::SEGMENT_IN_USE);
    }
    delete
}

fn restore(kind: &'static Kind) -> Operation {
    let text = "What was deleted with it comes back with it.";
    let mut restore = operation(kind, "post", "restore", "/{id}/restore", format!("Restore {}", one(kind)), text);
    restore.parameters = refs(&["RecordId", "IfMatch", "IdempotencyKey", "ChangeReason"]);
    restore.answers =
        vec![Answer::json(200, "The record.", written(&sch(kind, ""))).with_headers(&["ETag", "Idempotency-Replayed"])];
    restore.problems.extend(writing());
    restore.problems.extend([&codes::NOT_FOUND, &codes::DUPLICATE, &codes::READ_LIMIT, &codes::VERSION_CONFLICT]);
    restore
}

fn erase(kind: &'static Kind) -> Operation {
    let text = "For good: a living record or a deleted one, what hangs on it, what it was found under, what was sent \
                through forms and led to it, and every value in the journal, which keeps only that something was there. \
                Takes the right `data.purge`. The record is out of sight at once and cannot be restored; the rest is a job, \
                whose `result` says how much went, by table. Asked again, it gives the same job, and later one that finds \
                nothing. What is restored from an older backup is erased again.";
    let mut erase = operation(kind, "post", "erase", "/{id}/erase", format!("Erase {}", one(kind)), text);
    erase.parameters = refs(&["RecordId"]);
    erase.body = Some((JSON, schema_ref("ToErase")));
    erase.example = Some(json!({ "reason": "应本人要求删除个人信息" }));
    erase.answers = vec![Answer::json(202, "The job.", schema_ref("Job")).with_headers(&["Location"])];
    erase.problems.extend([&codes::NOT_FOUND, &codes::CONFLICT, &codes::DATABASE_READ_ONLY, &codes::DISK_FULL]);
    erase
}

fn batch(kind: &'static Kind) -> Operation {
    let text = "All items of an atomic batch are made, or none. Otherwise each stands for itself.";
    let mut batch = operation(kind, "post", "batch", "/batch", format!("Make several {}", many(kind)), text);
    batch.parameters = refs(&["OnDuplicate", "IdempotencyKey", "ChangeReason"]);
    batch.body = Some((JSON, sch(kind, "Batch")));
    batch.example = examples::input(kind.name).map(|item| json!({ "atomic": false, "items": [item] }));
    let result = || schema_ref("BatchResult");
    batch.answers = vec![
        Answer::json(200, "Every item was made.", result()).with_headers(&["Idempotency-Replayed"]),
        Answer::json(207, "Some items were not made.", result()).with_headers(&["Idempotency-Replayed"]),
    ];
    batch.problems.extend(writing());
    batch.problems.extend([&codes::DUPLICATE, &codes::READ_LIMIT, &codes::COMPARE_LIMIT]);
    if keyed::is_keyed(kind) {
        batch.problems.extend([&codes::EXTERNAL_ID_TAKEN, &codes::ID_TAKEN]);
    }
    batch
}

/// What can go wrong with whatever writes.
pub(super) fn writing() -> [&'static codes::ProblemCode; 7] {
    [
        &codes::IDEMPOTENCY_KEY_INVALID,
        &codes::IDEMPOTENCY_KEY_BUSY,
        &codes::IDEMPOTENCY_KEY_REUSED,
        &codes::HEADER_INVALID,
        &codes::CONFLICT,
        &codes::DATABASE_READ_ONLY,
        &codes::DISK_FULL,
    ]
}
