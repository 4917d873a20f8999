//! Which check makes sense of which field.

use crate::codes;
use crate::custom::CustomType;
use crate::field::{Field, Shape, Vocabulary, Write};
use crate::flaw::Flaw;
use crate::kinds::kind_named;

use super::bound::At;
use super::check::{Check, Range};

/// What a field holds, as checks see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A text.
    Text,
    /// A key of a vocabulary.
    Key(&'static Vocabulary),
    /// Several keys of a vocabulary.
    Keys(&'static Vocabulary),
    /// A value that is known by a code: an industry, a region.
    Code,
    /// A number, or an amount.
    Number,
    /// A day, or a moment.
    Day,
    /// A list of texts.
    Texts,
    /// Another list.
    List,
    /// True or false: it is always there.
    Flag,
    /// Something else: it is there or not.
    Other,
    /// It is a field that the organisation made, and is looked up elsewhere.
    Custom,
}

impl Holds {
    /// The checks that make sense of it.
    #[must_use]
    pub fn checks(&self) -> &'static [&'static str] {
        match self {
            Self::Text => &["required", "pattern", "choices", "naming"],
            Self::Key(_) | Self::Code => &["required", "choices"],
            Self::Number | Self::Day | Self::List => &["required", "range"],
            Self::Keys(_) => &["required", "range", "choices"],
            Self::Texts => &["required", "pattern", "range"],
            Self::Flag => &[],
            Self::Other | Self::Custom => &["required"],
        }
    }
}

/// What a field of a kind holds.
///
/// # Errors
/// There is no such field, or nobody writes it.
pub fn holds(kind: &str, field: &str) -> Result<Holds, Flaw> {
    if field.strip_prefix("custom.").is_some_and(|key| !key.is_empty()) {
        return Ok(Holds::Custom);
    }
    let fields = kind_named(kind).map(|kind| kind.fields).unwrap_or_default();
    let is_written = |known: &&Field| known.write != Write::Never;
    match fields.iter().filter(is_written).find(|known| known.name == field) {
        Some(known) => Ok(of(known)),
        None => {
            let known: Vec<&str> = fields.iter().filter(is_written).map(|known| known.name).collect();
            let shown: String = field.chars().take(100).collect();
            Err(Flaw::new(&codes::RULE_FIELD_UNKNOWN).with("value", shown).with("known", known.join(", ")))
        }
    }
}

fn of(field: &Field) -> Holds {
    match field.shape {
        Shape::Line(_) | Shape::Text(_) | Shape::Word | Shape::IdNumber | Shape::Quarter => Holds::Text,
        Shape::Choice(vocabulary) => Holds::Key(vocabulary),
        Shape::Choices(vocabulary) => Holds::Keys(vocabulary),
        Shape::Industry | Shape::Region => Holds::Code,
        Shape::Count | Shape::Budget => Holds::Number,
        Shape::Instant | Shape::Date => Holds::Day,
        Shape::Elements(_) | Shape::Lines(..) => Holds::Texts,
        Shape::Tags | Shape::Words => Holds::List,
        Shape::Flag => Holds::Flag,
        _ => Holds::Other,
    }
}

/// What a field that an organisation made holds.
#[must_use]
pub fn of_custom(holds: CustomType) -> Holds {
    match holds {
        CustomType::Text | CustomType::LongText | CustomType::Url | CustomType::Phone | CustomType::Email => {
            Holds::Text
        }
        CustomType::Number | CustomType::Money => Holds::Number,
        CustomType::Date | CustomType::Time => Holds::Day,
        CustomType::Choice => Holds::Code,
        CustomType::Choices => Holds::List,
        // Unlike a built-in one it may be missing.
        CustomType::Boolean | CustomType::Reference => Holds::Other,
    }
}

/// What makes no sense of a check for a field that holds that.
#[must_use]
pub fn unfit(check: &Check, field: &str, holds: &Holds) -> Vec<Flaw> {
    let known = holds.checks();
    if !known.contains(&check.kind()) {
        let flaw = Flaw::new(&codes::RULE_CHECK_UNFIT).with("check", check.kind()).with("field", field);
        return vec![flaw.with("known", if known.is_empty() { "-".to_owned() } else { known.join(", ") })];
    }
    match (check, holds) {
        (Check::Range(range), holds) => bounds(range, field, holds),
        (Check::Choices(choices), Holds::Key(vocabulary) | Holds::Keys(vocabulary)) => {
            let keys: Vec<&str> = vocabulary.items.iter().map(|(key, ..)| *key).collect();
            let unknown = choices.iter().filter(|choice| !keys.contains(&choice.as_str()));
            let flaw = |choice: &String| {
                let flaw = Flaw::new(&codes::RULE_CHOICE_UNKNOWN).with("value", choice).with("field", field);
                flaw.with("known", keys.join(", "))
            };
            unknown.map(flaw).collect()
        }
        _ => Vec::new(),
    }
}

/// A number bounds numbers and lists, a day bounds days.
fn bounds(range: &Range, field: &str, holds: &Holds) -> Vec<Flaw> {
    let is_day = *holds == Holds::Day;
    let wrong =
        [&range.min, &range.max].into_iter().flatten().filter(|bound| matches!(bound.at(), At::Day(_)) != is_day);
    let (en, zh) =
        if is_day { ("a date such as 2026-11-22", "日期（如 2026-11-22）") } else { ("a number", "数字") };
    let flaw = |text: String| {
        let flaw = Flaw::new(&codes::RULE_BOUND_INVALID).with("value", text).with("field", field);
        flaw.with("expected_en", en).with("expected_zh", zh)
    };
    wrong.map(|bound| flaw(bound.text())).collect()
}
