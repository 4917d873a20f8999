//! The description for one organisation: the same, with the fields that it added.

use kehu_domain::custom::{CustomField, CustomType};
use kehu_domain::kinds::{KINDS, kind_named};
use kehu_domain::rights::CUSTOM;
use kehu_store::Caller;
use serde_json::{Map, Value, json};

use super::kinds::BROUGHT_ALONG;
use super::shapes::{or_null, schema_ref};

/// What a client writes there, and is shown.
pub(crate) fn value_schema(field: &CustomField) -> Value {
    let keys = || field.choices.iter().map(|item| item.key.as_str()).collect::<Vec<_>>();
    let choice = || json!({ "type": "string", "x-extensible-enum": keys() });
    let mut schema = match field.holds {
        CustomType::Text | CustomType::LongText => json!({ "type": "string" }),
        CustomType::Url => json!({ "type": "string", "format": "uri" }),
        CustomType::Number => json!({ "type": "number" }),
        CustomType::Money => json!({
            "type": "object", "required": ["amount", "currency"],
            "properties": {
                "amount": { "type": "string", "description": "A decimal: `1280.00`." },
                "currency": { "type": "string", "description": "ISO 4217." },
            },
        }),
        CustomType::Date => json!({ "type": "string", "format": "date" }),
        CustomType::Time => json!({ "type": "string", "format": "date-time" }),
        CustomType::Boolean => json!({ "type": "boolean" }),
        CustomType::Choice => choice(),
        CustomType::Choices => json!({ "type": "array", "items": choice() }),
        CustomType::Phone | CustomType::Email => json!({ "type": "string" }),
        CustomType::Reference => json!({ "anyOf": [{ "type": "string", "format": "uuid" }, schema_ref("Reference")] }),
    };
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("title".into(), field.en.as_str().into());
        schema.insert("x-label".into(), json!({ "zh-CN": field.zh, "en": field.en }));
        if let Some((zh, en)) = &field.help {
            schema.insert("description".into(), en.as_str().into());
            schema.insert("x-help".into(), json!({ "zh-CN": zh, "en": en }));
        }
        if field.sensitive {
            schema.insert("x-sealed".into(), true.into());
        }
    }
    or_null(schema)
}

/// The member `custom` of a kind: closed where a client says it, with what a create must bring.
fn custom(caller: &Caller, kind: &str, asks: bool, closed: bool) -> Value {
    let fields = caller.org().custom(kind);
    let properties: Map<String, Value> = fields.iter().map(|field| (field.key.clone(), value_schema(field))).collect();
    let needed = fields.iter().filter(|field| asks && field.required && field.default.is_none());
    let required: Vec<&str> = needed.map(|field| field.key.as_str()).collect();
    json!({
        "type": if closed { json!(["object", "null"]) } else { json!("object") },
        "description": "The values of fields that the organisation added.", "properties": properties,
        "required": required, "additionalProperties": !closed,
    })
}

/// The description with the fields that the caller's organisation added.
pub(crate) fn document_of(caller: &Caller) -> Value {
    let mut document = super::document();
    let along = BROUGHT_ALONG.iter().filter_map(|(parent, child, _)| {
        let (parent, child) = (kind_named(parent)?, kind_named(child)?);
        Some((child.name, format!("{}{}Input", parent.schema, child.schema), true, true))
    });
    let own = KINDS.iter().flat_map(|kind| {
        let form = |suffix: &str, asks, closed| (kind.name, format!("{}{suffix}", kind.schema), asks, closed);
        [form("", false, false), form("Input", true, true), form("Create", true, true), form("Patch", false, true)]
    });
    for (kind, schema, asks, closed) in own.chain(along) {
        let place = format!("/components/schemas/{schema}/properties/{CUSTOM}");
        if let Some(place) = document.pointer_mut(&place) {
            *place = custom(caller, kind, asks, closed);
        }
    }
    document
}
