//! The codes that a kind's doors answer with.

use std::collections::BTreeSet;

use kehu_domain::field::{Element, Field, Shape};
use kehu_domain::record::Kind;
use serde_json::{Value, json};

use crate::openapi::operations;
use crate::problem_codes::{Entry, entries};

/// Codes of what any value can be.
const ALWAYS: &[&str] = &[
    "type_wrong",
    "required",
    "field_unknown",
    "field_hidden",
    "read_only",
    "list_too_long",
    "reference_unknown",
    "name_taken",
    "duplicate_value",
    "unique_value_taken",
    "taken_meanwhile",
];

/// How the codes begin that a field's values are refused with.
pub(super) fn beginnings(field: &Field) -> Vec<String> {
    let own = format!("{}_", field.name.trim_end_matches('s'));
    let of_shape: &[&str] = match field.shape {
        Shape::Line(_) | Shape::Text(_) if field.name == "name" => &["text_", "name_", "person_name_", "company_name_"],
        Shape::Line(_) | Shape::Text(_) => &["text_"],
        Shape::Choice(_) => &["choice_"],
        Shape::Instant => &["time_"],
        Shape::Date => &["date_"],
        Shape::IdNumber => &["id_number_"],
        Shape::Industry => &["industry_"],
        Shape::Region => &["region_"],
        Shape::Elements(Element::Phone) => &["phone_", "element_", "mask_"],
        Shape::Elements(Element::Email) => &["email_", "element_", "mask_"],
        Shape::Elements(Element::BankAccount) => &["bank_account_", "element_", "mask_"],
        Shape::Tags => &["tag_", "text_"],
        Shape::ExternalIds => &["external_"],
        _ => &[],
    };
    of_shape.iter().map(|start| (*start).to_owned()).chain([own]).collect()
}

/// Codes of single values of a field.
pub(super) fn of_field(field: &Field) -> Vec<&'static str> {
    let starts = beginnings(field);
    let known = entries().into_iter().filter(|entry| entry.status == 422);
    known.map(|entry| entry.code).filter(|code| starts.iter().any(|start| code.starts_with(start.as_str()))).collect()
}

/// Every code of a kind, with its words: of whole answers, and of what is wrong with a value.
pub(super) fn of(kind: &'static Kind) -> Value {
    let path = format!("/v1/{}", kind.path);
    let mine = operations().into_iter().filter(|operation| {
        operation.path.strip_prefix(&path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    let mut codes: BTreeSet<&'static str> =
        mine.flat_map(|operation| operation.codes().into_values().flatten()).collect();
    codes.extend(kind.fields.iter().flat_map(of_field));
    codes.extend(ALWAYS);
    let is_rule =
        |code: &str| matches!(code, "rule_required" | "rule_pattern" | "rule_range" | "rule_choices" | "rule_naming");
    let known = |entry: &Entry| codes.contains(entry.code) || is_rule(entry.code);
    let written =
        |entry: Entry| json!({ "code": entry.code, "status": entry.status, "label": super::label(entry.zh, entry.en) });
    entries().into_iter().filter(known).map(written).collect()
}
