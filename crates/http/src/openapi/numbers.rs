//! Customer numbers in the description: how they are laid down, and shown before that.

use kehu_domain::settings::{NumberPolicy, NumberReset, NumberScope, NumberTemplate};
use serde_json::{Map, Value, json};

use super::operation::{Answer, Operation};
use super::policies::policy;
use super::shapes::{described, object, or_null, schema_ref, whole};
use crate::problem_codes as codes;

/// The operation.
pub(super) fn operations() -> Vec<Operation> {
    let text = "The next three numbers of each example, by what is laid down and what the body says instead. Nothing is \
                counted: whoever comes first gets them. Numbers that customers have are passed over. Takes the right \
                `settings.manage`.";
    let mut preview =
        Operation::new("post", "/v1/organisation/numbers/preview", "organisation_numbers_preview", "organisation");
    (preview.summary, preview.description) = ("Show the next customer numbers".to_owned(), text.to_owned());
    preview.body = Some((&["application/json"], schema_ref("NumberPreviewRequest")));
    preview.example = Some(json!({ "template": "KH{yy}{mm}-{seq:4}", "scope": "organisation", "reset": "month" }));
    preview.answers = vec![Answer::json(200, "The numbers.", schema_ref("NumberPreview"))];
    preview.problems = vec![&codes::FORBIDDEN];
    vec![preview]
}

fn members(patch: bool) -> [(&'static str, Value); 4] {
    let keys = |keys: Vec<&str>| json!({ "type": "string", "enum": keys });
    let template = "What a number says: `{yyyy}`, `{yy}`, `{mm}`, `{dd}` of the day it is given, `{industry}` (its short \
                    code, `OTH` without one), `{kind}` (`C` company, `P` person), and exactly one `{seq:N}` with N \
                    digits at least; letters of ASCII, digits and `-_.` beside them.";
    let example = NumberTemplate::default().to_string();
    let scope = "Whether numbers that say the same beside date and sequence are counted together (`template`), or all of \
                 the organisation's (`organisation`).";
    let reset = "When a counter begins anew; the template must say the year, or year and month.";
    let code = json!({ "type": "string", "pattern": format!("^[A-Z0-9]{{1,{}}}$", NumberPolicy::MAX_CODE) });
    let code = if patch { or_null(code) } else { code };
    let by_industry = json!({ "type": "object", "additionalProperties": code, "examples": [{ "I": "SOFT" }] });
    let codes = "Short codes of industries that differ from the usual ones, by code; that of a section counts for its \
                 divisions too.";
    [
        ("template", described(json!({ "type": "string", "maxLength": 100, "examples": [example] }), template)),
        ("scope", described(keys(NumberScope::ALL.iter().map(|(_, key)| *key).collect()), scope)),
        ("reset", described(keys(NumberReset::ALL.iter().map(|(_, key)| *key).collect()), reset)),
        ("industry_codes", described(by_industry, codes)),
    ]
}

/// What the settings say of numbers.
pub(super) fn settings(patch: bool) -> Value {
    policy("How customers are numbered. A number that was given never changes.", &members(patch), patch)
}

/// Schemas of bodies.
pub(super) fn schemas() -> Map<String, Value> {
    let text = |doc: &str| described(json!({ "type": "string" }), doc);
    let kind = || described(json!({ "type": "string", "enum": ["company", "person"] }), "Company or person.");
    let asked: Map<String, Value> = [
        ("industry".to_owned(), or_null(text("An industry: code, short code or name."))),
        ("kind".to_owned(), or_null(kind())),
    ]
    .into_iter()
    .collect();
    let asked = object("A customer that would be numbered.", asked, &[], true);
    let mut request: Map<String, Value> =
        members(true).into_iter().map(|(name, value)| (name.to_owned(), or_null(value))).collect();
    let examples = json!({ "type": ["array", "null"], "maxItems": 10, "items": asked });
    let examples = described(examples, "Customers that would be numbered; three usual ones where none are said.");
    request.insert("examples".to_owned(), examples);
    let industry = whole("An industry.", json!({ "code": text("Its code."), "name": text("Its name.") }));
    let shown = json!({
        "industry": described(json!({ "oneOf": [industry, { "type": "null" }] }), "The industry."),
        "kind": kind(),
        "numbers": described(json!({ "type": "array", "items": { "type": "string" } }), "The next three numbers."),
    });
    let shown = json!({ "type": "array", "items": whole("Numbers of an example.", shown) });
    let mut answer: Map<String, Value> =
        members(false).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    answer.insert("examples".to_owned(), described(shown, "The examples, in their order."));
    [
        ("NumberPreviewRequest", object("What would be laid down; what is absent stays.", request, &[], true)),
        ("NumberPreview", whole("What would be laid down, and numbers by it.", answer.into())),
    ]
    .into_iter()
    .map(|(name, schema)| (name.to_owned(), schema))
    .collect()
}
