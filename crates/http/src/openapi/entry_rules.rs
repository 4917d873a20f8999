//! What an entry rule is made of.

use kehu_domain::kinds::Stage;
use serde_json::{Map, Value, json};

use super::shapes::{described, schema_ref};

fn texts(doc: &str, most: usize) -> Value {
    let items = json!({ "type": "string", "minLength": 1, "maxLength": 200 });
    json!({ "type": ["array", "null"], "maxItems": most, "items": items, "description": doc })
}

fn length(doc: &str) -> Value {
    json!({ "type": ["integer", "null"], "minimum": 0, "description": doc })
}

fn bound(doc: &str) -> Value {
    json!({ "type": ["number", "string", "null"], "description": doc })
}

/// One kind of check: its name, its own members, and which of them it needs.
fn check(name: &str, doc: &str, members: &Value, needs: &[&str]) -> Value {
    let mut properties = Map::new();
    properties.insert("type".into(), json!({ "const": name, "description": "Which check it is." }));
    properties.extend(members.as_object().cloned().unwrap_or_default());
    let required: Vec<&str> = std::iter::once("type").chain(needs.iter().copied()).collect();
    json!({
        "type": "object", "title": name, "description": doc, "properties": properties, "required": required,
        "additionalProperties": false,
    })
}

/// Schemas of the parts of a rule.
pub(super) fn schemas() -> Map<String, Value> {
    let pattern = json!({ "type": "string", "minLength": 1, "maxLength": 500, "description":
        "A regular expression in linear time, without look-around and back-references." });
    let checks = [
        check("required", "There is a value.", &json!({}), &[]),
        check("pattern", "The whole value matches; each one of a list.", &json!({ "pattern": pattern }), &["pattern"]),
        check(
            "range",
            "A number, an amount, a day or the length of a list lies between two ends, which are in it.",
            &json!({
                "min": bound("The least: a number, a decimal as text, or a date."),
                "max": bound("The most: a number, a decimal as text, or a date."),
            }),
            &[],
        ),
        check(
            "choices",
            "It is one of these: texts, keys, or codes of an industry or a region.",
            &json!({ "choices": { "type": "array", "minItems": 1, "maxItems": 200, "description": "What is allowed.",
                "items": { "type": "string", "minLength": 1, "maxLength": 200 } } }),
            &["choices"],
        ),
        check(
            "naming",
            "A text is such a name; what is given is compared as it is written.",
            &json!({
                "ends_with": texts("It ends with one of these.", 50),
                "contains": texts("Each of these stands in it.", 50),
                "not_contains": texts("None of these stands in it.", 50),
                "min_length": length("It has so many characters at least."),
                "max_length": length("It has so many characters at most."),
            }),
            &[],
        ),
    ];
    let sentence =
        |doc: &str| json!({ "type": ["string", "null"], "minLength": 1, "maxLength": 300, "description": doc });
    let stages = json!({ "type": "array", "minItems": 1, "items": schema_ref(Stage::VOCABULARY.name) });
    let mut all = Map::new();
    all.insert("EntryCheck".into(), json!({ "description": "What a rule asks for.", "anyOf": checks }));
    all.insert("EntryStages".into(), described(stages, "Stages of a customer's life."));
    all.insert(
        "EntryMessage".into(),
        json!({
            "type": "object", "additionalProperties": false, "minProperties": 1,
            "description": "What is said where a rule is not kept. One language alone stands for both.",
            "properties": { "zh-CN": sentence("In Chinese."), "en": sentence("In English.") },
        }),
    );
    all
}
