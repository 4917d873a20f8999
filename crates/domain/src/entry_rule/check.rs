//! What a rule asks for.

use regex::Regex;
use serde_json::Value;

use crate::codes;
use crate::custom::compile_pattern;
use crate::field::{Shape, Sight};
use crate::fields::Line;
use crate::flaw::Flaw;
use crate::read::{Members, Reader};
use crate::record::FieldValue;
use crate::show::{Out, View};

use super::bound::Bound;
use super::naming::{self, Naming};

/// The most values to choose from.
const MAX_CHOICES: usize = 200;
/// The most characters of a text in a check.
const MAX_TEXT: usize = 200;

/// What a rule asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// There is a value.
    Required,
    /// The whole value matches; each one of a list.
    Pattern(Pattern),
    /// It lies between two ends; of a list, how many it has.
    Range(Range),
    /// It is one of these.
    Choices(Vec<String>),
    /// It is such a name.
    Naming(Naming),
}

/// A regular expression in linear time that a whole value matches.
#[derive(Clone, Debug)]
pub struct Pattern {
    said: String,
    whole: Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.said == other.said
    }
}

/// The ends of a range, both within it; one may be open.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    /// The least.
    pub min: Option<Bound>,
    /// The most.
    pub max: Option<Bound>,
}

/// Every check, as it is called.
pub(super) const TYPES: [&str; 5] = ["required", "pattern", "range", "choices", "naming"];

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Empty, too large, or no pattern, with the place.
    pub fn parse(said: &str) -> Result<Self, Flaw> {
        if said.is_empty() {
            return Err(Flaw::new(&codes::TEXT_EMPTY));
        }
        Ok(Self { said: said.to_owned(), whole: compile_pattern(said)? })
    }

    /// As it was said.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.said
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        self.whole.is_match(text)
    }
}

/// A list of texts, each once; at least one.
pub(super) fn texts(json: &Value, max: usize, reader: &mut Reader<'_>) -> Option<Vec<String>> {
    let items = reader.typed(json.as_array(), "a list of texts", "文本列表")?;
    if items.len() > max {
        reader.flaw(Flaw::new(&codes::LIST_TOO_LONG).with("max", max));
        return None;
    }
    let read = |(at, item)| {
        reader.inside(at, |reader| {
            let text = reader.text(item)?;
            reader.keep(Line::<MAX_TEXT>::parse(text)).map(Line::into_string)
        })
    };
    let all: Vec<Option<String>> = items.iter().enumerate().map(read).collect();
    let mut once: Vec<String> = Vec::new();
    for text in all {
        let text = text?;
        if !once.contains(&text) {
            once.push(text);
        }
    }
    Some(once)
}

impl Range {
    fn read(members: &Members, reader: &mut Reader<'_>) -> Option<Self> {
        let mut bound = |name: &str| match members.get(name).filter(|bound| !bound.is_null()) {
            Some(said) => reader.inside(name, |reader| {
                reader
                    .typed(Bound::parse(said), "a number or a date such as 2026-11-22", "数字或日期（如 2026-11-22）")
                    .map(Some)
            }),
            None => Some(None),
        };
        let (min, max) = (bound("min"), bound("max"));
        let range = Self { min: min?, max: max? };
        match (&range.min, &range.max) {
            (None, None) => reader.flaw(Flaw::new(&codes::RULE_EMPTY).with("known", "min, max")),
            // A number and a day: the one that the field does not have is refused with it.
            (Some(min), Some(max)) if min.at() > max.at() => {
                reader.inside("min", |reader| reader.flaw(Flaw::new(&codes::RULE_RANGE_TURNED)));
            }
            _ => return Some(range),
        }
        None
    }
}

impl Check {
    /// What it is called.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Pattern(_) => "pattern",
            Self::Range(_) => "range",
            Self::Choices(_) => "choices",
            Self::Naming(_) => "naming",
        }
    }

    /// The text that is stored: JSON as answers show it.
    #[must_use]
    pub fn to_stored(&self) -> String {
        let mut out = Out::new();
        self.write(&mut out);
        out.into_text()
    }

    /// The check of a stored text; `None` when it is not such a text.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        let json = serde_json::from_str(text).ok()?;
        let mut make_id = uuid::Uuid::nil;
        Self::read(&json, &mut Reader::new("", &mut make_id), None)
    }

    /// Writes it as answers show it.
    pub fn write(&self, out: &mut Out) {
        out.object(|out| {
            out.key("type").text(self.kind());
            match self {
                Self::Required => {}
                Self::Pattern(pattern) => out.key("pattern").text(&pattern.said),
                Self::Range(range) => {
                    for (name, bound) in [("min", &range.min), ("max", &range.max)] {
                        match bound {
                            Some(bound) => out.key(name).raw(&bound.said().to_string()),
                            None => out.key(name).null(),
                        }
                    }
                }
                Self::Choices(choices) => out.key("choices").texts(choices.iter().map(String::as_str)),
                Self::Naming(naming) => naming.write(out),
            }
        });
    }

    fn of(kind: &str, members: &Members, reader: &mut Reader<'_>) -> Option<Self> {
        let said = |name: &'static str| members.get(name).filter(|value| !value.is_null());
        let missing = |name: &'static str, reader: &mut Reader<'_>| {
            reader.inside(name, |reader| reader.flaw(Flaw::new(&codes::REQUIRED).with("field", name)));
        };
        match kind {
            "pattern" => {
                let Some(pattern) = said("pattern") else {
                    missing("pattern", reader);
                    return None;
                };
                reader.inside("pattern", |reader| {
                    let text = reader.text(pattern)?;
                    reader.keep(Pattern::parse(text)).map(Self::Pattern)
                })
            }
            "range" => Range::read(members, reader).map(Self::Range),
            "choices" => {
                let choices = match said("choices") {
                    Some(choices) => reader.inside("choices", |reader| texts(choices, MAX_CHOICES, reader))?,
                    None => Vec::new(),
                };
                if choices.is_empty() {
                    missing("choices", reader);
                    return None;
                }
                Some(Self::Choices(choices))
            }
            "naming" => Naming::read(members, reader).map(Self::Naming),
            _ => Some(Self::Required),
        }
    }
}

impl FieldValue for Check {
    const SHAPE: Shape = Shape::Data("EntryCheck");
    fn absent() -> Option<Self> {
        None
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let members = reader.object(json)?;
        let found = reader.findings().len();
        let kind = reader.inside("type", |reader| {
            let Some(said) = members.get("type") else {
                reader.flaw(Flaw::new(&codes::REQUIRED).with("field", "type"));
                return None;
            };
            let kind = reader.text(said)?;
            if !TYPES.contains(&kind) {
                let flaw = Flaw::new(&codes::CHOICE_UNKNOWN).with("value", kind);
                reader.flaw(flaw.with("choices", TYPES.join(", ")));
            }
            TYPES.contains(&kind).then_some(kind)
        })?;
        let known: &[&str] = match kind {
            "pattern" => &["type", "pattern"],
            "range" => &["type", "min", "max"],
            "choices" => &["type", "choices"],
            "naming" => &naming::MEMBERS,
            _ => &["type"],
        };
        let rest = members.iter().filter(|(name, _)| !known.contains(&name.as_str()));
        let rest = rest.map(|(name, value)| (name.clone(), value.clone())).collect();
        reader.refuse_rest(&rest, known);
        let check = Self::of(kind, members, reader);
        check.filter(|_| reader.findings().len() == found)
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        self.write(out);
    }
}
