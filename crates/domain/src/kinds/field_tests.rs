use serde_json::json;

use super::*;
use crate::show::{Out, Plain};

fn read(json: &Value) -> Result<FieldDefinition, Vec<(String, &'static str)>> {
    let mut no_id = Uuid::nil;
    let mut reader = Reader::new("CN", &mut no_id);
    let mut members = json.as_object().unwrap().clone();
    let field = FieldDefinition::create(&mut members, &mut reader);
    let known: Vec<&str> = FieldDefinition::KIND.fields.iter().map(|field| field.name).collect();
    reader.refuse_rest(&members, &known);
    let mut found: Vec<_> = reader.into_findings().into_iter().map(|f| (f.pointer, f.flaw.code.key)).collect();
    if let Some(field) = &field {
        found.extend(field.rules().into_iter().map(|rule| (format!("/{}", rule.field), rule.flaw.code.key)));
    }
    match field {
        Some(field) if found.is_empty() => Ok(field),
        _ => Err(found),
    }
}

fn with_type(holds: &str, more: &Value) -> Value {
    let mut json = json!({"kind": "customer", "key": "x", "type": holds, "label": {"en": "X"}});
    json.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json
}

#[test]
fn a_definition_is_read_and_shown_whole() {
    let said = with_type(
        "choice",
        &json!({"choices": [{"key": "a", "label": {"zh-CN": "甲"}}, {"key": "b"}], "default": "甲", "order": 3}),
    );
    let field = read(&said).unwrap();
    assert_eq!(field.label, Labels { zh: "X".to_owned(), en: "X".to_owned() });
    let custom = field.to_field(Uuid::nil(), "CN");
    assert_eq!((custom.name.as_str(), custom.default), ("custom.x", Some(json!("a"))));
    let mut out = Out::new();
    out.object(|out| field.show(out, &Plain, &mut crate::record::Veiled::default()));
    let shown: Value = serde_json::from_str(&out.into_text()).unwrap();
    assert_eq!(shown["type"], json!("choice"), "{shown}");
    assert_eq!(shown["choices"][1]["label"], json!({"zh-CN": "b", "en": "b"}));
}

#[test]
fn what_does_not_go_together_is_named() {
    let one = |name: &str, code: &'static str| Err(vec![(format!("/{name}"), code)]);
    for (said, refused) in [
        (with_type("text", &json!({"choices": [{"key": "a"}]})), one("choices", "field_option_unfit")),
        (with_type("choice", &json!({})), one("choices", "field_option_missing")),
        (with_type("money", &json!({})), one("currency", "field_option_missing")),
        (with_type("reference", &json!({})), one("target", "field_option_missing")),
        (with_type("reference", &json!({"target": "tag"})), one("target", "field_target_unfit")),
        (with_type("boolean", &json!({"min": 1})), one("min", "field_option_unfit")),
        (with_type("number", &json!({"pattern": "a"})), one("pattern", "field_option_unfit")),
        (with_type("number", &json!({"searchable": true})), one("searchable", "field_option_unfit")),
        (with_type("long_text", &json!({"filterable": true})), one("filterable", "field_option_unfit")),
        (with_type("text", &json!({"unique": true})), one("unique", "field_unique_unfit")),
        (
            with_type("text", &json!({"unique": true, "filterable": true, "default": "a"})),
            one("unique", "field_unique_default"),
        ),
        (
            with_type("time", &json!({"filterable": true, "sensitive": true})),
            one("filterable", "field_sensitive_unfit"),
        ),
        (with_type("text", &json!({"searchable": true, "sensitive": true})), one("searchable", "field_search_unfit")),
        (
            with_type("long_text", &json!({"searchable": true, "sensitive": true})),
            one("searchable", "field_search_unfit"),
        ),
        (with_type("text", &json!({"searchable": true})), one("searchable", "field_search_unfit")),
        (with_type("number", &json!({"min": 2, "max": 1})), one("min", "field_bounds_crossed")),
        (with_type("number", &json!({"min": "x"})), one("min", "decimal_invalid")),
        (with_type("number", &json!({"max": 1, "default": 2})), one("default", "value_too_large")),
        (with_type("text", &json!({"pattern": "a["})), one("pattern", "pattern_invalid")),
        (with_type("text", &json!({"key": "name"})), one("key", "field_key_reserved")),
        (with_type("text", &json!({"key": "owner"})), one("key", "field_key_reserved")),
        (with_type("text", &json!({"key": "X"})), one("key", "field_key_invalid")),
        (with_type("text", &json!({"kind": "field"})), one("kind", "field_kind_unknown")),
        (with_type("text", &json!({"label": {}})), one("label", "label_missing")),
        (with_type("money", &json!({"currency": "XXX1"})), one("currency", "currency_unknown")),
        (with_type("choice", &json!({"choices": [{"key": "a"}, {"key": "a"}]})), one("choices/1", "choice_twice")),
        (with_type("choice", &json!({"choices": [{"key": "a b"}]})), one("choices/0/key", "choice_key_invalid")),
    ] {
        assert_eq!(read(&said).map(|_| ()), refused, "{said}");
    }
    for said in [
        with_type("text", &json!({"unique": true, "filterable": true})),
        with_type("text", &json!({"unique": true, "sensitive": true})),
        with_type("phone", &json!({"unique": true, "filterable": true})),
        with_type("reference", &json!({"target": "user"})),
        with_type("long_text", &json!({"searchable": true})),
        with_type("choices", &json!({"filterable": true, "choices": [{"key": "a"}], "default": ["a"]})),
    ] {
        assert!(read(&said).is_ok(), "{said}: {:?}", read(&said).err());
    }
}

#[test]
fn an_item_that_is_left_out_is_retired() {
    let field = read(&with_type("choice", &json!({"choices": [{"key": "a"}, {"key": "b"}]}))).unwrap();
    let mut no_id = Uuid::nil;
    let mut reader = Reader::new("CN", &mut no_id);
    let mut patch = json!({"choices": [{"key": "c"}, {"key": "a"}], "label": {"zh-CN": "叉"}});
    let after = field.patch(patch.as_object_mut().unwrap(), &mut reader, &Plain).unwrap();
    let keys: Vec<_> = after.choices.0.iter().map(|item| (item.key.as_str(), item.retired)).collect();
    assert_eq!(keys, [("c", false), ("a", false), ("b", true)]);
    assert_eq!((after.label.zh.as_str(), after.label.en.as_str()), ("叉", "X"), "a merge patch leaves the rest");
    assert_eq!(field.changed(&after), ["label", "choices"]);
}
