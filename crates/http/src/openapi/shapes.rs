//! The schema of one field: what an answer holds, what a create takes, what a merge patch takes.

use kehu_domain::field::{Element, Field, Group, Shape, Vocabulary, Write};
use kehu_domain::fields::{MAX_EXTERNAL_ID, MAX_SOURCES};
use serde_json::{Map, Value, json};

/// On which side of the wire a field stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Written by the server.
    Answer,
    /// Said by a client that makes a record.
    Input,
    /// Said by a client that changes a record, perhaps by sending an answer back.
    Patch,
}

/// How a mask or a day looks where a masked day may stand.
const DAY_OR_MASK: &str = r"^(\d{4}-\d{2}-\d{2}|\*{4})$";

/// A pointer to a shared schema.
pub(super) fn schema_ref(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// The same schema, or null.
pub(super) fn or_null(mut schema: Value) -> Value {
    match schema.get_mut("type") {
        Some(kind) => {
            *kind = json!([kind.take(), "null"]);
            schema
        }
        None => json!({ "anyOf": [schema, { "type": "null" }] }),
    }
}

/// The same schema with a sentence about it.
pub(super) fn described(mut schema: Value, description: &str) -> Value {
    if let Some(members) = schema.as_object_mut() {
        members.insert("description".into(), description.into());
    }
    schema
}

/// An object schema: properties in order, the names of those that are always there, closed or open.
pub(super) fn object(description: &str, properties: Map<String, Value>, required: &[&str], closed: bool) -> Value {
    let mut schema = Map::new();
    schema.insert("type".into(), "object".into());
    schema.insert("description".into(), description.into());
    schema.insert("properties".into(), properties.into());
    if !required.is_empty() {
        schema.insert("required".into(), json!(required));
    }
    if closed {
        schema.insert("additionalProperties".into(), false.into());
    }
    schema.into()
}

/// An object of which every property is always there.
pub(super) fn whole(description: &str, properties: Value) -> Value {
    let Value::Object(properties) = properties else { return Value::Null };
    let names: Vec<String> = properties.keys().cloned().collect();
    object(description, properties, &names.iter().map(String::as_str).collect::<Vec<_>>(), false)
}

/// Whether an answer can hold null there: the value may be missing, or the caller may not see it.
pub(super) fn null_in_answers(field: &Field) -> bool {
    field.nullable || field.group != Group::General
}

/// The schema of a field.
pub(super) fn field_schema(field: &Field, form: Form) -> Value {
    let shape = match form {
        Form::Answer => answer(field),
        Form::Input | Form::Patch if field.write == Write::Never => answer(field),
        Form::Input => said(field, false),
        Form::Patch => said(field, true),
    };
    let null = match form {
        Form::Answer => null_in_answers(field),
        Form::Input | Form::Patch => !field.required || null_in_answers(field),
    };
    let mut schema = if null { or_null(shape) } else { shape };
    if let Some(members) = schema.as_object_mut() {
        members.insert("title".into(), field.en.into());
        members.insert("description".into(), description(field, form).into());
        members.insert("x-label".into(), json!({ "zh-CN": field.zh, "en": field.en }));
        if form == Form::Answer {
            notes(field, members);
        } else if is_read_only(field, form) {
            members.insert("readOnly".into(), true.into());
        }
    }
    schema
}

/// Whether a client cannot say a field there: it is taken as long as it is what was read.
pub(super) fn is_read_only(field: &Field, form: Form) -> bool {
    match form {
        Form::Answer => false,
        Form::Input => field.write == Write::Never,
        Form::Patch => matches!(field.write, Write::Never | Write::Once),
    }
}

/// What programs may want to know of a field beyond its shape.
fn notes(field: &Field, members: &mut Map<String, Value>) {
    let write = match field.write {
        Write::Always => "always",
        Write::Once => "create",
        Write::Transfer => "transfer",
        Write::Never => "never",
    };
    members.insert("x-write".into(), write.into());
    if field.sealed {
        members.insert("x-sealed".into(), true.into());
    }
    if field.sortable {
        members.insert("x-sortable".into(), true.into());
    }
    if let Shape::Ref(kind) = field.shape {
        members.insert("x-kind".into(), kind.into());
    }
}

fn description(field: &Field, form: Form) -> String {
    let mut text = field.doc.trim().to_owned();
    let mut add = |sentence: &str| {
        text.push(' ');
        text.push_str(sentence);
    };
    match form {
        Form::Answer if field.group != Group::General => {
            add("Null where the caller may not see it, a mask where only that may be seen.");
        }
        Form::Answer => {}
        Form::Input | Form::Patch if is_read_only(field, form) => add("Read-only: may be sent back as it was read."),
        Form::Input | Form::Patch if field.write == Write::Transfer => add("Needs the right to transfer."),
        Form::Input | Form::Patch => {}
    }
    text
}

fn answer(field: &Field) -> Value {
    match field.shape {
        Shape::Line(_) | Shape::Text(_) | Shape::Word | Shape::IdNumber => json!({ "type": "string" }),
        Shape::Choice(vocabulary) => schema_ref(vocabulary.name),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Count => json!({ "type": "integer", "format": "int64" }),
        Shape::Instant => json!({ "type": "string", "format": "date-time" }),
        Shape::Date => day(field, true),
        Shape::Choices(vocabulary) => {
            json!({ "type": "array", "items": schema_ref(vocabulary.name), "uniqueItems": true })
        }
        Shape::Lines(..) => json!({ "type": "array", "items": { "type": "string" } }),
        Shape::Birthday => schema_ref("Birthday"),
        Shape::Quarter => json!({ "type": "string", "pattern": r"^\d{4}-Q[1-4]$", "examples": ["2026-Q1"] }),
        Shape::Budget => schema_ref("Budget"),
        Shape::Ref(_) | Shape::Id => json!({ "type": "string", "format": "uuid" }),
        Shape::Industry => schema_ref("Industry"),
        Shape::Region => schema_ref("Region"),
        Shape::Elements(element) => json!({ "type": "array", "items": schema_ref(element_name(element)) }),
        Shape::Tags => json!({ "type": "array", "items": schema_ref("TagLink") }),
        Shape::Words => json!({ "type": "array", "items": { "type": "string" } }),
        Shape::ExternalIds => external_ids(false),
        Shape::Data(name) => schema_ref(name),
    }
}

fn said(field: &Field, masks: bool) -> Value {
    match field.shape {
        Shape::Line(max) | Shape::Text(max) => json!({ "type": "string", "minLength": 1, "maxLength": max }),
        Shape::Date => day(field, masks),
        Shape::Lines(most, max) => {
            let line = json!({ "type": "string", "minLength": 1, "maxLength": max });
            json!({ "type": "array", "maxItems": most, "items": line })
        }
        Shape::Birthday => schema_ref("BirthdayInput"),
        Shape::Quarter => json!({ "type": "string", "examples": ["2026-Q1", "26Q1", "2026年第一季度"] }),
        Shape::Budget => schema_ref("BudgetInput"),
        Shape::Industry => schema_ref("IndustryInput"),
        Shape::Region => schema_ref("RegionInput"),
        Shape::Elements(element) => schema_ref(&format!("{}List", element_name(element))),
        Shape::Tags => schema_ref("TagsInput"),
        Shape::ExternalIds => external_ids(true),
        _ => answer(field),
    }
}

/// Ids by source; a patch takes one away with null.
fn external_ids(said: bool) -> Value {
    let id = if said {
        json!({ "type": ["string", "null"], "minLength": 1, "maxLength": MAX_EXTERNAL_ID })
    } else {
        json!({ "type": "string" })
    };
    let source = json!({ "type": "string", "pattern": "^[a-z][a-z0-9_]{0,39}$" });
    json!({
        "type": "object", "propertyNames": source, "additionalProperties": id, "maxProperties": MAX_SOURCES,
        "examples": [{ "shop": "123" }],
    })
}

fn day(field: &Field, masks: bool) -> Value {
    if masks && field.group != Group::General {
        json!({ "type": "string", "pattern": DAY_OR_MASK })
    } else {
        json!({ "type": "string", "format": "date" })
    }
}

/// The name of the schema of an element.
pub(super) fn element_name(element: Element) -> &'static str {
    match element {
        Element::Phone => "Phone",
        Element::Email => "Email",
        Element::BankAccount => "BankAccount",
    }
}

/// The schema of a vocabulary: its keys are known, more may come.
pub(super) fn vocabulary_schema(vocabulary: &Vocabulary) -> Value {
    let keys: Vec<&str> = vocabulary.items.iter().map(|(key, ..)| *key).collect();
    let words: Vec<String> = vocabulary.items.iter().map(|(key, zh, en)| format!("`{key}` {en} ({zh})")).collect();
    let labels: Map<String, Value> =
        vocabulary.items.iter().map(|(key, zh, en)| ((*key).to_owned(), json!({ "zh-CN": zh, "en": en }))).collect();
    json!({
        "type": "string",
        "title": vocabulary.name,
        "description": format!("One of: {}. Further keys may be added.", words.join(", ")),
        "x-extensible-enum": keys,
        "x-labels": labels,
    })
}
