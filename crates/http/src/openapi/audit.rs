//! The journal: the changes of one record, and the organisation's log.

use serde_json::{Map, Value, json};

use super::operation::{Answer, Operation, parameter_ref};
use super::shapes::{described, object, or_null, schema_ref, whole};
use crate::problem_codes as codes;

/// The operations on the log; the history of a record is one of its kind's.
pub(super) fn operations() -> Vec<Operation> {
    vec![list(), get(), verify(), last_verification()]
}

fn operation(path: &str, id: &str, summary: &str, description: &str) -> Operation {
    Operation {
        summary: summary.to_owned(),
        description: description.to_owned(),
        problems: vec![&codes::FORBIDDEN],
        ..Operation::new("get", path, id, "audit")
    }
}

fn list() -> Operation {
    let text = "Changes, what was seen or refused, sign-ins, and what administrators did; for whoever has the right \
                `audit.read`. `-at` gives the newest first. `seq` gives the journal's own order for whoever follows it: \
                `page.next` is always there, also at the end, and nothing ever appears before a place that was passed. \
                Conditions must all hold. Fast at any size are `record_id`, `actor_id`, `class` (but `change`) and \
                `outcome` (but `ok`); where others leave too much to be read, the newest are 400 `too_expensive`, and a \
                page of `seq` is short. That the log was read is journaled, once for a question and an hour.";
    let mut list = operation("/v1/audit", "audit_list", "Read the log", text);
    list.parameters = vec![
        json!({
            "name": "filter", "in": "query", "style": "deepObject", "explode": true, "schema": filter(),
            "description": "Conditions, such as `filter[class]=security&filter[at.gte]=2026-11-01`.",
        }),
        json!({
            "name": "sort", "in": "query", "schema": { "type": "string", "enum": ["-at", "seq"], "default": "-at" },
            "description": "The newest first, or the journal's own order.",
        }),
        parameter_ref("Limit"),
        parameter_ref("After"),
    ];
    list.answers = vec![Answer::json(200, "A page of entries.", schema_ref("AuditPage"))];
    list.problems.push(&codes::TOO_EXPENSIVE);
    list.asks = true;
    list
}

fn get() -> Operation {
    let text = "An entry of the log.";
    let mut get = operation("/v1/audit/{id}", "audit_get", "Read an entry of the log", text);
    get.parameters = vec![parameter_ref("RecordId")];
    get.answers = vec![Answer::json(200, "The entry.", schema_ref("AuditEntry"))];
    get.problems.push(&codes::NOT_FOUND);
    get
}

fn verify() -> Operation {
    let text = "Compares every entry of the organisation, or of one record, with the signed chain, as a job; \
                `GET /v1/jobs/{id}` tells how far it is, and then its `result`: whether the journal is `sound`, or else \
                the first entry that was changed, removed, moved or added. Write the `head` of a result down elsewhere: \
                a later verification that is given it also tells whether an older copy of the database was put in place.";
    let mut verify = operation("/v1/audit/verify", "audit_verify", "Verify the log", text);
    verify.method = "post";
    verify.body = Some((&["application/json"], schema_ref("ToVerify")));
    verify.answers = vec![Answer::json(202, "The job.", schema_ref("Job")).with_headers(&["Location"])];
    verify
}

fn last_verification() -> Operation {
    let text = "The job of the verification that was asked for last.";
    let mut last = operation("/v1/audit/verify", "audit_verify_get", "The last verification", text);
    last.answers = vec![Answer::json(200, "The job.", schema_ref("Job"))];
    last.problems.push(&codes::NOT_FOUND);
    last
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn id(description: &str) -> Value {
    json!({ "type": "string", "format": "uuid", "description": description })
}

fn class() -> Value {
    let doc =
        "`change` of a record, `access` (what was seen or refused), `security` (signing in), `admin` (rights, keys).";
    json!({ "type": "string", "enum": ["change", "access", "security", "admin"], "description": doc })
}

fn outcome() -> Value {
    let doc = "`ok` done, `denied` not allowed, `failed` tried, and it did not work.";
    json!({ "type": "string", "enum": ["ok", "denied", "failed"], "description": doc })
}

fn filter() -> Value {
    let time = |doc: &str| json!({ "type": "string", "description": doc, "examples": ["2026-11-01"] });
    let properties = json!({
        "class": class(),
        "outcome": outcome(),
        "event": text("The event, `customer.updated`, or all of a kind, `customer.*`."),
        "actor_id": id("Who did it: a user, a key, a form."),
        "kind": text("The kind of the record."),
        "record_id": id("The record."),
        "via": text("The door: `api`, `ticket`, `form`, `hook`, `command`, `job`, `bulk`, `system`."),
        "session_id": id("The session, or the personal token."),
        "request_id": text("The request."),
        "at.gte": time("At that time or later; a day begins where the organisation is."),
        "at.lt": time("Before that time."),
        "changed": text("A field that was changed."),
    });
    object("Conditions on entries.", properties.as_object().cloned().unwrap_or_default(), &[], true)
}

/// Schemas of entries.
pub(super) fn schemas() -> Map<String, Value> {
    let mut all = Map::new();
    all.insert("FieldChange".into(), field_change());
    all.insert("Change".into(), whole("A change of a record.", head_and_changes(Map::new())));
    all.insert("ChangePage".into(), page("Change", "A page of changes, the newest first."));
    all.insert("AuditEntry".into(), whole("An entry of the organisation's log.", entry()));
    let to_verify = json!({
        "record_id": or_null(id("Only the history of this record; the whole journal without it.")),
        "head": or_null(text("A head that an earlier result told.")),
    });
    let to_verify = to_verify.as_object().cloned().unwrap_or_default();
    all.insert("ToVerify".into(), object("What is to be verified.", to_verify, &[], true));
    all.insert("AuditPage".into(), page("AuditEntry", "A page of entries."));
    all
}

fn page(of: &str, description: &str) -> Value {
    let data = json!({ "type": "array", "items": schema_ref(of), "description": "The entries." });
    whole(description, json!({ "data": data, "page": schema_ref("PageInfo") }))
}

fn field_change() -> Value {
    whole(
        "A field that was changed, or that a new or deleted record had.",
        json!({
            "field": text("Its name."),
            "label": text("What people call it, in the language asked for."),
            "from": { "description": "What it was; null where the record is new. A reference with the name that it has today." },
            "to": { "description": "What it became; null where the record was deleted." },
        }),
    )
}

fn actor() -> Value {
    whole(
        "Who did it.",
        json!({
            "kind": text("`user`, `api_key`, `form`, `job`, `system`."),
            "id": or_null(id("Its id.")),
            "name": or_null(text("What it is called today, where that may be known.")),
        }),
    )
}

/// What both sorts of entries have; `between` stands in the middle.
fn head_and_changes(between: Map<String, Value>) -> Value {
    let names = |doc: &str| json!({ "type": "array", "items": { "type": "string" }, "description": doc });
    let flag = |doc: &str| json!({ "type": "boolean", "description": doc });
    let mut members = Map::new();
    let mut add = |name: &str, schema: Value| members.insert(name.to_owned(), schema);
    add("id", id("The entry's id."));
    add("at", json!({ "type": "string", "format": "date-time", "description": "When." }));
    add("type", text("What happened: `customer.updated`."));
    let version = json!({ "type": "integer", "format": "int64" });
    add("version", described(or_null(version), "The version that the record then had; null where none was changed."));
    add("actor", actor());
    add("via", text("Through which door: `api`, `ticket`, `form`, `hook`, `command`, `job`, `bulk`, `system`."));
    add("request_id", text("The request."));
    for (name, schema) in between {
        add(&name, schema);
    }
    add("reason", or_null(text("Why, as `X-Change-Reason` said.")));
    let changes = json!({ "type": "array", "items": schema_ref("FieldChange") });
    add("changes", described(changes, "What was changed, as the caller may see it."));
    add("masked", names("Names of fields that are shown as a mask."));
    add(
        "hidden",
        names("Names of fields that are left out: the caller may not see them, or the kind has them no longer."),
    );
    add("erased", flag("Whether the values were erased."));
    add("broken", flag("Whether the values cannot be opened, or are not those that were written."));
    members.into()
}

fn entry() -> Value {
    let sides = |what: &str| {
        let side = |when: &str| described(or_null(schema_ref("Reference")), when);
        whole(what, json!({ "before": side("Before."), "after": side("After.") }))
    };
    let sequence = json!({ "type": "integer", "format": "int64", "description": "Its place in the journal's order." });
    let details = or_null(json!({ "type": "object", "additionalProperties": true }));
    let members = json!({
        "seq": sequence,
        "class": class(),
        "outcome": outcome(),
        "kind": or_null(text("The kind of the record that it is about.")),
        "record_id": or_null(id("The record.")),
        "session_id": or_null(id("The session, or the personal token.")),
        "owner": sides("Whose the record was and is."),
        "team": sides("Which team the record belonged to and belongs to."),
        "address": or_null(text("The client's address; null after 180 days.")),
        "user_agent": or_null(text("The client's name for itself; null after 180 days.")),
    });
    let mut members = head_and_changes(members.as_object().cloned().unwrap_or_default());
    if let Some(members) = members.as_object_mut() {
        members.insert("details".into(), described(details, "What else the entry tells; null for changes."));
    }
    members
}
