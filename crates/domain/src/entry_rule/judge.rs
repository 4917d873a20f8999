//! What rules say of a record, as it would be after a write.

use chrono_tz::Tz;
use serde_json::Value;
use uuid::Uuid;

use crate::codes;
use crate::flaw::{Code, Flaw};
use crate::kinds::{EntryRule, Severity, Stage};
use crate::read::{Finding, Members};
use crate::record::Weight;

use super::bound::extent;
use super::check::{Check, Range};

/// A rule that holds, with what it takes to tell of it.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its id.
    pub id: Uuid,
    /// What it asks for.
    pub rule: EntryRule,
    /// What its field is called, in Chinese.
    pub zh: String,
    /// What its field is called, in English.
    pub en: String,
}

impl Rule {
    /// Whether it holds at a stage; a record without one knows only rules of every stage.
    #[must_use]
    pub fn holds_at(&self, stage: Option<Stage>) -> bool {
        self.rule.stages.as_ref().is_none_or(|stages| stage.is_some_and(|stage| stages.0.contains(&stage)))
    }

    fn flaw(&self, code: &'static Code) -> Flaw {
        let flaw = Flaw::new(code).with("rule", self.id).with("label_zh", &self.zh).with("label_en", &self.en);
        flaw.saying(self.rule.message.as_ref().map(|message| message.0.clone()))
    }

    /// What is wrong with a value. It is never quoted: it may be sealed, and the reader may see a mask of it.
    fn broken(&self, value: Option<&Value>, zone: Tz) -> Option<Flaw> {
        let value = match (value.filter(|value| !is_empty(value)), &self.rule.check) {
            (None, Check::Required) => return Some(self.flaw(&codes::RULE_REQUIRED)),
            (None, _) | (Some(_), Check::Required) => return None,
            (Some(value), _) => value,
        };
        let every = |keeps: &dyn Fn(&str) -> bool| {
            let mut texts = Vec::new();
            texts_of(value, &mut texts);
            texts.into_iter().all(keeps)
        };
        match &self.rule.check {
            Check::Required => None,
            Check::Pattern(pattern) => (!every(&|text| pattern.matches(text)))
                .then(|| self.flaw(&codes::RULE_PATTERN).with("pattern", pattern.as_str())),
            Check::Choices(choices) => (!every(&|text| choices.iter().any(|choice| choice == text)))
                .then(|| self.flaw(&codes::RULE_CHOICES).with("choices", choices.join(", "))),
            Check::Range(range) => self.out_of(range, value, zone),
            Check::Naming(naming) => {
                let (en, zh) = naming.broken(value.as_str()?)?;
                Some(self.flaw(&codes::RULE_NAMING).with("expected_en", en).with("expected_zh", zh))
            }
        }
    }

    fn out_of(&self, range: &Range, value: &Value, zone: Tz) -> Option<Flaw> {
        let (least, most) = extent(value, zone)?;
        let low = range.min.as_ref().filter(|min| least < min.at());
        let high = range.max.as_ref().filter(|max| most > max.at());
        let (en, zh) = match (low, high) {
            (Some(min), _) => (format!("{} at least", min.text()), format!("不小于 {}", min.text())),
            (None, Some(max)) => (format!("{} at most", max.text()), format!("不大于 {}", max.text())),
            (None, None) => return None,
        };
        Some(self.flaw(&codes::RULE_RANGE).with("expected_en", en).with("expected_zh", zh))
    }
}

/// Whether there is nothing where a value could be.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The texts of a value: of a list each element's, of what is known by a code the code.
fn texts_of<'v>(value: &'v Value, texts: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts_of(item, texts)),
        Value::Object(members) => {
            if let Some(value) = members.get("value").or_else(|| members.get("code")) {
                texts_of(value, texts);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What rules say of a record whose members are these, in the order of the rules. Its place in the body is `under`.
pub fn judge<'r>(
    rules: impl Iterator<Item = &'r Rule>,
    members: &Members,
    zone: Tz,
    under: &str,
) -> Vec<(Weight, Finding)> {
    let finding = |rule: &Rule| {
        let (value, path) = match rule.rule.field.custom() {
            Some(key) => (members.get("custom").and_then(|custom| custom.get(key)), format!("custom/{key}")),
            None => (members.get(rule.rule.field.as_str()), rule.rule.field.as_str().to_owned()),
        };
        let flaw = rule.broken(value, zone)?;
        let weight = if rule.rule.severity == Severity::Warn { Weight::Warns } else { Weight::Refuses };
        Some((weight, Finding { pointer: format!("{under}/{path}"), flaw }))
    };
    rules.filter_map(finding).collect()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
