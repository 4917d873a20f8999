//! What the organisation's rules ask for, as a form shows it.

use kehu_domain::entry_rule::{Check, Rule, Stages};
use kehu_domain::kinds::{Severity, Stage};
use kehu_domain::show::Out;
use serde_json::{Value, json};

fn keys(stages: &Stages) -> Vec<&'static str> {
    stages.0.iter().map(|stage| stage.key()).collect()
}

/// One rule.
pub(super) fn described(rule: &Rule) -> Value {
    let mut check = Out::new();
    rule.rule.check.write(&mut check);
    let check: Value = serde_json::from_str(&check.into_text()).unwrap_or_default();
    let message = rule.rule.message.as_ref().map(|message| super::label(&message.0.zh, &message.0.en));
    json!({
        "id": rule.id, "field": rule.rule.field.as_str(), "stages": rule.rule.stages.as_ref().map(keys), "check": check,
        "severity": rule.rule.severity.key(), "message": message,
    })
}

/// The stages at which rules refuse a record without a field; every one where the kind has none.
pub(super) fn required_at(rules: &[Rule], field: &str) -> Vec<&'static str> {
    let needs = |rule: &&Rule| {
        let check = (&rule.rule.check, rule.rule.severity);
        rule.rule.field.as_str() == field && matches!(check, (Check::Required, Severity::Refuse))
    };
    let all = Stage::VOCABULARY.items.iter().map(|(key, ..)| *key);
    let rules: Vec<&Rule> = rules.iter().filter(needs).collect();
    let needed =
        |key: &&str| Stage::from_key(key).is_some_and(|stage| rules.iter().any(|rule| rule.holds_at(Some(stage))));
    all.filter(needed).collect()
}
