//! Schemas that every kind shares: lists, references, filters, pages, problems.

use kehu_domain::field::{Element, Shape};
use kehu_domain::fields::LABELS;
use kehu_domain::filter::Op;
use kehu_domain::kinds::KINDS;
use serde_json::{Map, Value, json};

use super::shapes::{described, element_name, or_null, schema_ref, vocabulary_schema};

/// All of them, by name.
pub(super) fn schemas() -> Map<String, Value> {
    let mut all = Map::new();
    for field in KINDS.iter().flat_map(|kind| kind.fields) {
        if let Shape::Choice(vocabulary) | Shape::Choices(vocabulary) = field.shape {
            all.insert(vocabulary.name.into(), vocabulary_schema(vocabulary));
        }
    }
    elements(&mut all);
    values(&mut all);
    filter(&mut all);
    page(&mut all);
    problem(&mut all);
    all
}

fn uuid(description: &str) -> Value {
    json!({ "type": "string", "format": "uuid", "description": description })
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn text_or_null(description: &str) -> Value {
    json!({ "type": ["string", "null"], "description": description })
}

/// What the bank of an account is.
const BANK: &str = "The bank, and the branch where it matters.";

/// One more property.
fn add(properties: &mut Value, name: &str, schema: Value) {
    if let Some(properties) = properties.as_object_mut() {
        properties.insert(name.to_owned(), schema);
    }
}

fn elements(all: &mut Map<String, Value>) {
    for (element, value, plural) in [
        (Element::Phone, "The number in E.164, `+8613800138000`, or its mask.", "phone numbers"),
        (Element::Email, "The address, or its mask.", "e-mail addresses"),
        (Element::BankAccount, "The digits of the account or the card, or their mask.", "bank accounts"),
    ] {
        let name = element_name(element);
        let verified = "When it was verified; only verification sets it.";
        let mut members = json!({
            "id": uuid("Its id, stable while the value is edited."),
            "value": text(value),
            "label": text_or_null("What it is for: `office`."),
            "primary": { "type": "boolean", "description": "Whether it is tried first; exactly one of a list is." },
            "verified_at": { "type": ["string", "null"], "format": "date-time", "description": verified },
        });
        let mut required = vec!["id", "value", "label", "primary", "verified_at"];
        if element == Element::BankAccount {
            required.push("bank");
            add(&mut members, "bank", text_or_null(BANK));
        }
        all.insert(
            name.into(),
            json!({
                "type": "object",
                "description": format!("One of several {plural}."),
                "properties": members,
                "required": required,
            }),
        );
        let mut said = json!({
            "id": described(json!({ "type": ["string", "null"], "format": "uuid" }), "The element to keep or edit; without it a new one is added."),
            "value": text_or_null("The value; left out or its own mask: unchanged."),
            "label": label(),
            "primary": { "type": "boolean", "description": "Whether it is tried first." },
            "verified_at": described(json!({ "type": ["string", "null"], "format": "date-time", "readOnly": true }), verified),
        });
        if element == Element::BankAccount {
            let bank = json!({ "type": ["string", "null"], "minLength": 1, "maxLength": 100 });
            add(&mut said, "bank", described(bank, BANK));
        }
        all.insert(
            format!("{name}Input"),
            json!({
                "description": "A text, or an object with `value`; one with the `id` of an element keeps that element.",
                "anyOf": [
                    { "type": "string", "minLength": 1 },
                    {
                        "type": "object",
                        "properties": said,
                        "additionalProperties": false,
                    },
                ],
            }),
        );
        all.insert(format!("{name}List"), json!({
            "description": format!("The whole list of {plural}, or what to add and what to remove."),
            "anyOf": [
                { "type": "array", "maxItems": 20, "items": schema_ref(&format!("{name}Input")) },
                {
                    "type": "object",
                    "properties": {
                        "add": { "type": "array", "description": "Elements to add.", "items": schema_ref(&format!("{name}Input")) },
                        "remove": { "type": "array", "description": "Ids of elements to take away.", "items": { "type": "string", "format": "uuid" } },
                    },
                    "additionalProperties": false,
                },
            ],
        }));
    }
}

/// A label of an element: any text, and those that pages offer.
fn label() -> Value {
    let keys: Vec<&str> = LABELS.iter().map(|(key, ..)| *key).collect();
    let labels: Map<String, Value> =
        LABELS.iter().map(|(key, zh, en)| ((*key).to_owned(), json!({ "zh-CN": zh, "en": en }))).collect();
    json!({
        "type": ["string", "null"], "minLength": 1, "maxLength": 50, "description": "What it is for; any text.",
        "examples": keys, "x-labels": labels,
    })
}

fn values(all: &mut Map<String, Value>) {
    let tag = json!({
        "id": uuid("Its id."),
        "name": text("The word."),
        "color": text_or_null("Its colour, `#1677ff`."),
    });
    all.insert("TagLink".into(), json!({
        "type": "object", "description": "A tag of a record.", "properties": tag, "required": ["id", "name", "color"],
    }));
    all.insert(
        "TagPick".into(),
        json!({
            "description": "The name of a tag, its id, or a tag as it was read.",
            "anyOf": [
                { "type": "string", "minLength": 1, "maxLength": 50 },
                { "type": "object", "properties": tag, "required": ["id"] },
                { "type": "object", "properties": tag, "required": ["name"] },
            ],
        }),
    );
    let picks = json!({ "type": "array", "maxItems": 100, "items": schema_ref("TagPick") });
    all.insert("TagsInput".into(), json!({
        "description": "Names or ids of tags, or tags as they were read; or what to add and what to remove. A name that does not exist is made.",
        "anyOf": [
            picks.clone(),
            {
                "type": "object",
                "properties": {
                    "add": described(picks.clone(), "Tags to add."),
                    "remove": described(picks, "Tags to take away."),
                },
                "additionalProperties": false,
            },
        ],
    }));
    coded(
        all,
        "Industry",
        "An industry of GB/T 4754-2017.",
        "a code (`I`), a short code (`IT`), a name (`软件和信息技术服务业`) or a path (`制造业-计算机设备制造`)",
        &[("code", "Its code.", false), ("name", "Its Chinese name.", true)],
    );
    coded(
        all,
        "Region",
        "A region of GB/T 2260.",
        "a code (`310115`) or a text (`上海市浦东新区`)",
        &[
            ("code", "Its six-digit code.", false),
            ("province", "The province.", true),
            ("city", "The city.", true),
            ("district", "The district.", true),
        ],
    );
}

/// A value that is said as text and answered as a code with names.
fn coded(all: &mut Map<String, Value>, name: &str, what: &str, texts: &str, members: &[(&str, &str, bool)]) {
    let properties: Map<String, Value> = members
        .iter()
        .map(|(member, doc, null)| ((*member).to_owned(), if *null { text_or_null(doc) } else { text(doc) }))
        .collect();
    let required: Vec<&str> = members.iter().map(|(member, ..)| *member).collect();
    all.insert(
        name.into(),
        json!({
            "type": "object", "description": what, "properties": properties, "required": required,
        }),
    );
    all.insert(
        format!("{name}Input"),
        json!({
            "description": format!("{what} Said as {texts}, or as it was read."),
            "anyOf": [
                { "type": "string", "minLength": 1 },
                { "type": "object", "properties": properties, "required": ["code"] },
            ],
        }),
    );
}

fn filter(all: &mut Map<String, Value>) {
    let ops: Vec<&str> = Op::ALL.iter().map(|op| op.key()).collect();
    let parts = json!({ "type": "array", "items": schema_ref("Filter") });
    // Named: generators of clients follow a tree through names alone.
    for (name, member, part, doc) in [
        ("FilterAnd", "and", parts.clone(), "All of them hold."),
        ("FilterOr", "or", parts, "One of them holds."),
        ("FilterNot", "not", schema_ref("Filter"), "It does not hold."),
    ] {
        all.insert(name.into(), json!({
            "type": "object", "description": doc, "properties": { member: described(part, doc) }, "required": [member],
            "additionalProperties": false,
        }));
    }
    all.insert(
        "FilterRelated".into(),
        json!({
            "type": "object", "description": "One related record is like this.",
            "properties": {
                "related": text("A relation; each kind's search lists them."),
                "where": described(schema_ref("Filter"), "What one and the same related record is like."),
            },
            "required": ["related", "where"],
            "additionalProperties": false,
        }),
    );
    all.insert("FilterCondition".into(), json!({
        "type": "object",
        "description": "A condition on one member. A missing value satisfies only `is_null`, `ne`, `nin`, `not_within_last` and `not_within_next`.",
        "properties": {
            "field": text("A member that can be asked for; each kind's search lists them. `contacts.position` is a member of related records, of which one must fit."),
            "op": { "type": "string", "enum": ops, "default": "eq", "description": "How it is compared." },
            "value": { "description": "What it is compared with: a list for `in`, `nin`, `has_any`, `has_all`, two values for `between`, a number of days for `within_last`, `within_next` and their opposites. A date for a time means the whole day, as do `yesterday`, `today`, `tomorrow`, and `last_…`, `this_…`, `next_…` with `week` (from Monday), `month`, `quarter` and `year` in the organisation's time zone." },
        },
        "required": ["field"],
        "additionalProperties": false,
        "examples": [{ "field": "stage", "op": "in", "value": ["active", "partner"] }],
    }));
    all.insert("Filter".into(), json!({
        "description": "A tree of conditions: at most 20 of them, 5 levels, 500 values.",
        "anyOf": [
            schema_ref("FilterCondition"),
            schema_ref("FilterAnd"),
            schema_ref("FilterOr"),
            schema_ref("FilterNot"),
            schema_ref("FilterRelated"),
        ],
        "examples": [{ "and": [{ "field": "stage", "value": "active" }, { "not": { "field": "owner_id", "op": "is_null" } }] }],
    }));
}

fn page(all: &mut Map<String, Value>) {
    all.insert("PageInfo".into(), json!({
        "type": "object",
        "description": "Where a page stands in its list.",
        "properties": {
            "next": text_or_null("Cursor of the next page; null at the end."),
            "prev": text_or_null("Cursor of the page before; null at the beginning."),
            "has_more": { "type": "boolean", "description": "Whether more records follow." },
            "count": { "type": "integer", "minimum": 0, "description": "How many records there are, where `count` asked for it." },
            "count_is": { "type": "string", "enum": ["exact", "at_least", "estimate"], "description": "What `count` says; an exact count stops at 10,000." },
        },
        "required": ["next", "prev", "has_more"],
    }));
    all.insert("BatchResult".into(), json!({
        "type": "object",
        "description": "What became of each item, in the order of the request.",
        "properties": { "data": { "type": "array", "description": "One entry per item.", "items": {
            "type": "object",
            "description": "What became of one item.",
            "properties": {
                "index": { "type": "integer", "minimum": 0, "description": "Its place in the request, from 0." },
                "status": { "type": "integer", "description": "The status that it would have had alone." },
                "id": { "type": ["string", "null"], "format": "uuid", "description": "The record; null where none was made." },
                "error": described(or_null(schema_ref("Problem")), "Why nothing was done; null otherwise."),
                "warnings": { "type": "array", "items": schema_ref("ProblemError"), "description": "What rules say of it, and refuse nothing for." },
            },
            "required": ["index", "status", "id", "error", "warnings"],
        } } },
        "required": ["data"],
    }));
}

fn problem(all: &mut Map<String, Value>) {
    all.insert("ProblemError".into(), json!({
        "type": "object",
        "description": "One thing that is wrong, and where.",
        "properties": {
            "pointer": text("JSON pointer (RFC 6901) into the body."),
            "parameter": text("Name of the parameter or header."),
            "code": text("What programs compare; `codes.json` lists them all."),
            "params": { "type": "object", "description": "What fills the texts.", "additionalProperties": { "type": "string" } },
            "message": text("What is wrong, in the language asked for."),
            "hint": text_or_null("How to mend it."),
        },
        "required": ["code", "params", "message", "hint"],
    }));
    all.insert("ExistingRecord".into(), json!({
        "type": "object",
        "description": "The record that a create or a change met. Out of the caller's reach only `state` and `claimable` are said.",
        "properties": {
            "resource": text("Its kind."),
            "id": uuid("Its id."),
            "number": text_or_null("Its number, where it has one."),
            "name": text("Its name."),
            "state": { "type": "string", "enum": ["yours", "team", "owned", "in_pool"], "description": "How it stands to the caller." },
            "claimable": { "type": "boolean", "description": "Whether the caller could take it." },
        },
        "required": ["state", "claimable"],
    }));
    all.insert(
        "MatchedRecord".into(),
        json!({
            "type": "object",
            "description": "A record that keys mean.",
            "properties": {
                "resource": text("Its kind."),
                "id": uuid("Its id."),
                "number": text_or_null("Its number, where it has one."),
                "name": text("Its name."),
            },
            "required": ["resource", "id", "number", "name"],
        }),
    );
    all.insert("FieldConflict".into(), json!({
        "type": "object",
        "description": "A field that somebody else changed since the version of the request.",
        "properties": {
            "field": text("Its name."),
            "yours": { "description": "What the request wants it to be, as it was sent." },
            "theirs": { "description": "What it is now, as the caller may see it." },
            "changed_by": { "type": ["string", "null"], "format": "uuid", "description": "Who changed it since; null for the system." },
            "changed_at": { "type": ["string", "null"], "format": "date-time", "description": "When it was changed since." },
        },
        "required": ["field", "yours", "theirs", "changed_by", "changed_at"],
    }));
    all.insert("Problem".into(), json!({
        "type": "object",
        "description": "Why a request was not answered as it asked (RFC 9457).",
        "properties": {
            "type": { "type": "string", "format": "uri-reference", "description": "`/problems/` and the code." },
            "title": text("What happened, in the language asked for."),
            "status": { "type": "integer", "minimum": 400, "maximum": 599, "description": "The status of the answer." },
            "code": text("What programs compare; each operation lists its own."),
            "detail": text("More about this occurrence."),
            "request_id": text("The id of the request, also in `X-Request-Id`."),
            "errors": { "type": "array", "description": "Each thing that is wrong.", "items": schema_ref("ProblemError") },
            "existing": described(schema_ref("ExistingRecord"), "With `duplicate`, `external_id_taken` and `record_exists`: the record that is there already."),
            "operation": { "type": "integer", "minimum": 0, "description": "With an atomic batch of operations: the one that failed, from 0." },
            "matches": { "type": "array", "description": "With `matches_several`: the records within reach.", "items": schema_ref("MatchedRecord") },
            "conflicts": { "type": "array", "description": "With `version_conflict`: the fields in conflict.", "items": schema_ref("FieldConflict") },
        },
        "required": ["type", "title", "status", "code", "detail", "request_id", "errors"],
    }));
}
