//! A rule for names that people read: what they end with, what must stand in them and what must not, how long they are.

use serde_json::Value;

use crate::codes;
use crate::flaw::Flaw;
use crate::read::{Members, Reader};
use crate::show::Out;

use super::check::texts;

/// What a name must be like; texts are compared as they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Naming {
    /// It ends with one of these.
    pub ends_with: Vec<String>,
    /// Each of these stands in it.
    pub contains: Vec<String>,
    /// None of these stands in it.
    pub not_contains: Vec<String>,
    /// It has so many characters at least.
    pub min_length: Option<u64>,
    /// It has so many characters at most.
    pub max_length: Option<u64>,
}

/// The members of such a check.
pub(super) const MEMBERS: [&str; 6] = ["type", "ends_with", "contains", "not_contains", "min_length", "max_length"];

/// The most texts of a list.
const MAX: usize = 50;
/// The longest name that a rule speaks of.
const MAX_LENGTH: u64 = 10_000;

/// A number of characters. What is larger than any name is refused: it could not be shown as it was said.
fn length(said: &Value, reader: &mut Reader<'_>) -> Option<u64> {
    let length = reader.typed(said.as_u64(), "a number of characters", "字符数")?;
    if length > MAX_LENGTH {
        let flaw = Flaw::new(&codes::NUMBER_OUT_OF_RANGE).with("value", length);
        reader.flaw(flaw.with("min", 0).with("max", MAX_LENGTH));
        return None;
    }
    Some(length)
}

impl Naming {
    pub(super) fn read(members: &Members, reader: &mut Reader<'_>) -> Option<Self> {
        let mut list = |name: &str| match members.get(name).filter(|list| !list.is_null()) {
            Some(list) => reader.inside(name, |reader| texts(list, MAX, reader)),
            None => Some(Vec::new()),
        };
        let (ends_with, contains, not_contains) = (list("ends_with"), list("contains"), list("not_contains"));
        let mut bound = |name: &str| match members.get(name).filter(|length| !length.is_null()) {
            Some(said) => reader.inside(name, |reader| length(said, reader).map(Some)),
            None => Some(None),
        };
        let (min_length, max_length) = (bound("min_length"), bound("max_length"));
        let naming = Self {
            ends_with: ends_with?,
            contains: contains?,
            not_contains: not_contains?,
            min_length: min_length?,
            max_length: max_length?,
        };
        if naming == Self::default() {
            let known = "ends_with, contains, not_contains, min_length, max_length";
            reader.flaw(Flaw::new(&codes::RULE_EMPTY).with("known", known));
            return None;
        }
        if naming.min_length.zip(naming.max_length).is_some_and(|(min, max)| min > max) {
            reader.inside("min_length", |reader| reader.flaw(Flaw::new(&codes::RULE_RANGE_TURNED)));
            return None;
        }
        Some(naming)
    }

    pub(super) fn write(&self, out: &mut Out) {
        for (name, list) in
            [("ends_with", &self.ends_with), ("contains", &self.contains), ("not_contains", &self.not_contains)]
        {
            out.key(name).texts(list.iter().map(String::as_str));
        }
        for (name, length) in [("min_length", self.min_length), ("max_length", self.max_length)] {
            match length.and_then(|length| i64::try_from(length).ok()) {
                Some(length) => out.key(name).number(length),
                None => out.key(name).null(),
            }
        }
    }

    /// The first thing that a name is not, in English and Chinese: `end with 公司`.
    pub(super) fn broken(&self, name: &str) -> Option<(String, String)> {
        let length = u64::try_from(name.chars().count()).unwrap_or(u64::MAX);
        if !self.ends_with.is_empty() && !self.ends_with.iter().any(|end| name.ends_with(end.as_str())) {
            let (en, zh) = (self.ends_with.join(", "), self.ends_with.join("、"));
            return Some((format!("end with one of: {en}"), format!("以下列之一结尾：{zh}")));
        }
        if let Some(part) = self.contains.iter().find(|part| !name.contains(part.as_str())) {
            return Some((format!("contain “{part}”"), format!("包含“{part}”")));
        }
        if let Some(part) = self.not_contains.iter().find(|part| name.contains(part.as_str())) {
            return Some((format!("not contain “{part}”"), format!("不含“{part}”")));
        }
        if let Some(min) = self.min_length.filter(|min| length < *min) {
            return Some((format!("have {min} characters at least"), format!("至少有 {min} 个字符")));
        }
        let max = self.max_length.filter(|max| length > *max)?;
        Some((format!("have {max} characters at most"), format!("最多有 {max} 个字符")))
    }
}
