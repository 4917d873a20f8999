//! Records that are written and read by keys of theirs.

use kehu_domain::record::Kind;
use kehu_store::machine::{Resource, resource};
use serde_json::{Map, Value, json};

use super::examples;
use super::operation::{Answer, Operation, parameter_ref};
use super::records::writing;
use super::shapes::{described, or_null, schema_ref};
use crate::problem_codes as codes;

/// The most items of an upsert.
const ITEMS: usize = 1000;
/// The most keys that records are matched on.
const KEYS: usize = 5;

/// Whether a kind's records may come from other systems.
pub(super) fn is_keyed(kind: &Kind) -> bool {
    resource(kind.name).is_some_and(Resource::keyed)
}

/// The doors of such a kind.
pub(super) fn operations(kind: &'static Kind) -> Vec<Operation> {
    if is_keyed(kind) { vec![upsert(kind), get(kind), put(kind)] } else { Vec::new() }
}

fn operation(kind: &Kind, method: &'static str, verb: &str, path: &str, summary: &str, text: &str) -> Operation {
    let name = kind.name.replace('_', "-");
    Operation {
        summary: summary.replace("{}", &name),
        description: text.to_owned(),
        problems: vec![&codes::FORBIDDEN],
        ..Operation::new(method, format!("/v1/{}{path}", kind.path), format!("{}_{verb}", kind.path), kind.path)
    }
}

fn sch(kind: &Kind, suffix: &str) -> Value {
    schema_ref(&format!("{}{suffix}", kind.schema))
}

/// The keys that an address names a record by.
fn in_address(kind: &Kind) -> Vec<&'static str> {
    let columns = ["number", "credit_code"].into_iter().filter(|name| kind.field(name).is_some());
    std::iter::once("external_id:<source>").chain(columns).collect()
}

fn parameters(kind: &Kind) -> Vec<Value> {
    let known = in_address(kind);
    let columns: Vec<&str> = known.iter().copied().filter(|key| !key.contains('<')).collect();
    let source = "external_id:[a-z][a-z0-9_]{0,39}".to_owned();
    let pattern: Vec<String> = std::iter::once(source).chain(columns.iter().map(|key| (*key).to_owned())).collect();
    let key =
        json!({ "type": "string", "pattern": format!("^({})$", pattern.join("|")), "examples": ["external_id:shop"] });
    vec![
        json!({
            "name": "key", "in": "path", "required": true, "schema": key,
            "description": format!("By what: {}. What is sealed stands in no address.", known.join(", ")),
        }),
        json!({
            "name": "value", "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 },
            "description": "Its value, percent-encoded.",
        }),
    ]
}

fn get(kind: &'static Kind) -> Operation {
    let text = "The same as by its id.";
    let mut get = operation(kind, "get", "get_by", "/by/{key}/{value}", "Read a {} by a key", text);
    get.parameters = parameters(kind);
    get.parameters.push(parameter_ref("IfNoneMatch"));
    get.parameters.extend(super::records::showing(kind));
    get.answers = vec![
        Answer::json(200, "The record.", super::kinds::shown(kind)).with_headers(&["ETag"]),
        Answer::empty(304, "It is what the given ETag stands for.").with_headers(&["ETag"]),
    ];
    get.problems.push(&codes::NOT_FOUND);
    get.asks = true;
    get
}

fn put(kind: &'static Kind) -> Operation {
    let text = "Makes the record where no living one has the key, else changes it as a merge patch does: what is absent \
                stays. Sent again it changes nothing more. The body need not say the key; where it does, it is the one \
                of the address, which is read as the field reads it. With `If-None-Match: *` the record is made, and one \
                that is there is left as it is: 412 `record_exists`. A number is the system's to give: by it a record is changed and never made.";
    let mut put = operation(kind, "put", "put_by", "/by/{key}/{value}", "Make or change a {} by a key", text);
    put.parameters = parameters(kind);
    put.parameters.extend(["IfMatch", "OnlyNew", "IdempotencyKey", "OnDuplicate", "ChangeReason"].map(parameter_ref));
    put.body = Some((&["application/json"], sch(kind, "Put")));
    put.example = said(kind);
    let record = || json!({ "allOf": [sch(kind, ""), schema_ref("Warned")] });
    put.answers = vec![
        Answer::json(200, "The record as it is now.", record()).with_headers(&["ETag", "Idempotency-Replayed"]),
        Answer::json(201, "The new record.", record()).with_headers(&["ETag", "Location", "Idempotency-Replayed"]),
    ];
    put.problems.extend(writing());
    put.problems.extend([
        &codes::QUESTION_INVALID,
        &codes::NOT_FOUND,
        &codes::DUPLICATE,
        &codes::EXTERNAL_ID_TAKEN,
        &codes::MATCHES_SEVERAL,
        &codes::READ_LIMIT,
        &codes::COMPARE_LIMIT,
        &codes::VERSION_CONFLICT,
        &codes::RECORD_EXISTS,
    ]);
    put.asks = true;
    put
}

/// An example of what is said of a record that may be there: what only a new one brings along is not in it.
fn said(kind: &Kind) -> Option<Value> {
    let mut said = examples::input(kind.name)?;
    for (_, child, _) in super::kinds::along(kind) {
        said.as_object_mut()?.shift_remove(child.path);
    }
    Some(said)
}

fn upsert(kind: &'static Kind) -> Operation {
    let text = "Each item is looked for by every key of `match_on` that it has a value for. One record is changed, or left, \
                as `on_match` says; where there is none, one is made; where the keys are those of several, the item fails. \
                Records out of reach are not found, and met as any new record meets them. Items go one after the other: \
                two that mean one record are one record. With `source_updated_at`, what is older than what this source \
                wrote last is `stale`.";
    let mut upsert = operation(kind, "post", "upsert", "/upsert", "Make or change several {}s by keys", text);
    upsert.parameters = ["IdempotencyKey", "OnDuplicate", "ChangeReason"].map(parameter_ref).into();
    upsert.body = Some((&["application/json"], sch(kind, "Upsert")));
    let item = said(kind).map(|mut item| {
        if let Some(members) = item.as_object_mut() {
            members.insert("external_ids".into(), json!({ "shop": "10086" }));
        }
        item
    });
    upsert.example =
        item.map(|item| json!({ "match_on": ["external_id:shop"], "on_match": "update", "items": [item] }));
    let result = || schema_ref("UpsertResult");
    upsert.answers = vec![
        Answer::json(200, "No item failed.", result()).with_headers(&["Idempotency-Replayed"]),
        Answer::json(207, "Some items failed.", result()).with_headers(&["Idempotency-Replayed"]),
    ];
    upsert.problems.extend(writing());
    upsert.problems.extend([&codes::READ_LIMIT, &codes::COMPARE_LIMIT]);
    upsert
}

/// The schemas of a kind's upsert, of what is said of one record there, and of one that is put by a key. What is said is
/// what a new record says, none of it required: the record may be there.
pub(super) fn schemas_of(kind: &Kind, input: &Value) -> Vec<(String, Value)> {
    let said = |doc: &str, more: Value| {
        let mut schema = input.clone();
        if let Some(schema) = schema.as_object_mut() {
            schema.remove("required");
            schema.insert("description".into(), doc.into());
        }
        if let (Some(Value::Object(members)), Value::Object(more)) = (schema.get_mut("properties"), more) {
            members.extend(more);
        }
        schema
    };
    let number = || {
        let null = json!({ "type": ["string", "null"] });
        described(null, "Read-only: it may name a record, and be sent back as it was read.")
    };
    let number = if kind.field("number").is_some() { json!({ "number": number() }) } else { json!({}) };
    let time = json!({
        "type": ["string", "null"], "format": "date-time",
        "description": "When the source wrote it: of the first `external_id:<source>` of `match_on` that the item has.",
    });
    let mut of_item = number.clone();
    if let Some(members) = of_item.as_object_mut() {
        members.insert("source_updated_at".into(), time);
    }
    vec![
        (format!("{}UpsertItem", kind.schema), said("What an item says of its record.", of_item)),
        (format!("{}Put", kind.schema), said("What is said of a record that is named by a key.", number)),
        (format!("{}Upsert", kind.schema), upsert_schema(kind)),
    ]
}

fn upsert_schema(kind: &Kind) -> Value {
    let item = sch(kind, "UpsertItem");
    let key = json!({ "type": "string", "examples": ["external_id:shop", "phone"] });
    json!({
        "type": "object",
        "description": format!("Several {} to make or to change.", kind.path.replace('_', "-")),
        "properties": {
            "match_on": {
                "type": "array", "minItems": 1, "maxItems": KEYS, "items": key,
                "description": "By what records are found: `id`, `external_id:<source>`, unique fields of the \
                                organisation (`custom.key`), and of the kind's own `number`, `credit_code`, `phone`, \
                                `email`, `wechat`, `id_number`.",
            },
            "on_match": described(or_null(json!({
                "type": "string", "enum": ["update", "fill_empty", "skip", "create", "fail"], "default": "update",
            })), "What becomes of a record that is there."),
            "items": { "type": "array", "maxItems": ITEMS, "items": item, "description": "What is said of each." },
        },
        "required": ["match_on", "items"],
        "additionalProperties": false,
    })
}

/// Schemas that all kinds share.
pub(super) fn schemas() -> Map<String, Value> {
    let mut all = Map::new();
    all.insert("UpsertResult".into(), json!({
        "type": "object",
        "description": "What became of each item, in the order of the request.",
        "properties": { "data": { "type": "array", "description": "One entry per item.", "items": {
            "type": "object",
            "description": "What became of one item.",
            "properties": {
                "index": { "type": "integer", "minimum": 0, "description": "Its place in the request, from 0." },
                "status": {
                    "type": "string", "enum": ["created", "updated", "unchanged", "skipped", "stale", "failed"],
                    "description": "What was done.",
                },
                "id": { "type": ["string", "null"], "format": "uuid", "description": "The record; null where the item failed." },
                "error": described(or_null(schema_ref("Problem")), "Why nothing was done; null otherwise."),
                "warnings": { "type": "array", "items": schema_ref("ProblemError"), "description": "What rules say of it, and refuse nothing for." },
            },
            "required": ["index", "status", "id", "error", "warnings"],
        } } },
        "required": ["data"],
    }));
    all
}
