//! What stands beside the values, so that a list is filtered and ordered by it.

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::filter::{self, Class, Op};
use crate::text::normalise;

use super::number::{DECIMALS, minor_digits, scaled};
use super::text::parse_url;
use super::{CustomField, CustomType, SLOTS, Slot, SlotValue, time};

/// How many characters of a text stand in a slot whole.
const MAX_SLOT: usize = 200;
/// How many characters of a longer text stand there: by them it is ordered and found by its beginning.
pub const SLOT_PREFIX: usize = 167;
/// What parts the beginning of a longer text from its digest; no normalised text has it, so that a short text is never
/// taken for a long one.
pub const SLOT_CUT: char = '\u{1}';
/// How many characters of a text that is cut in its slot stand in one link.
const PIECE: usize = 500;
/// How far apart pieces begin: whatever is not longer stands in one of them whole.
const STEP: usize = 250;
/// The link of a sealed value: that it is there, and nothing of it.
const THERE: &str = "there";

impl Slot {
    /// The word under which it is kept and shown: `text_3`.
    #[must_use]
    pub fn to_stored(self) -> String {
        match self {
            Self::Text(at) => format!("text_{at}"),
            Self::Number(at) => format!("number_{at}"),
        }
    }

    /// The slot of that word.
    #[must_use]
    pub fn from_stored(word: &str) -> Option<Self> {
        let (sort, at) = word.split_once('_')?;
        let at = at.parse().ok().filter(|at| (1..=SLOTS).contains(at))?;
        match sort {
            "text" => Some(Self::Text(at)),
            "number" => Some(Self::Number(at)),
            _ => None,
        }
    }

    /// Every slot of a sort.
    pub fn all(column: SlotColumn) -> impl Iterator<Item = Self> {
        (1..=SLOTS).map(move |at| match column {
            SlotColumn::Text => Self::Text(at),
            SlotColumn::Number => Self::Number(at),
        })
    }
}

/// Which sort of slot values of a type take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SlotColumn {
    /// A text.
    Text,
    /// A number.
    Number,
}

const SEALED: &[Op] = &[Op::Eq, Op::Ne, Op::In, Op::IsNull];

impl CustomType {
    /// The slot that open values of it take; nothing, where they cannot be asked for, or stand in links (choices).
    #[must_use]
    pub const fn slot_column(self) -> Option<SlotColumn> {
        match self {
            Self::Text | Self::Url | Self::Choice | Self::Reference => Some(SlotColumn::Text),
            Self::Number | Self::Money | Self::Date | Self::Time | Self::Boolean => Some(SlotColumn::Number),
            Self::LongText | Self::Choices | Self::Phone | Self::Email => None,
        }
    }
}

/// A text as it stands in a slot: normalised; a long one is cut, and a digest of the whole (half of a SHA-256) follows,
/// so that two texts are the same there only if they are the same to a person who searches.
fn slot_text(text: &str) -> String {
    let whole = normalise(text);
    if whole.chars().count() <= MAX_SLOT {
        return whole;
    }
    let mut out: String = whole.chars().take(SLOT_PREFIX).collect();
    out.push(SLOT_CUT);
    for byte in Sha256::digest(whole.as_bytes()).iter().take(16) {
        out.push_str(&format!("{byte:02x}"));
    }
    out
}

/// Pieces of a text that is cut in its slot: each part of it that may be asked for stands in one of them.
fn pieces(text: &str) -> Vec<String> {
    let whole: Vec<char> = normalise(text).chars().collect();
    let mut pieces: Vec<String> = Vec::new();
    if whole.len() <= MAX_SLOT {
        return pieces;
    }
    for begin in (0..whole.len()).step_by(STEP) {
        let piece: String = whole.iter().skip(begin).take(PIECE).collect();
        if !pieces.contains(&piece) {
            pieces.push(piece);
        }
        if begin + PIECE >= whole.len() {
            break;
        }
    }
    pieces
}

/// An address that is asked for, in the form in which one is kept.
pub(super) fn as_kept(url: &str) -> String {
    parse_url(url).unwrap_or_else(|_| url.to_owned())
}

impl CustomField {
    /// What stands in the slot for a kept value; nothing for what is sealed or takes none.
    #[must_use]
    pub fn slot_value(&self, kept: &Value) -> Option<SlotValue> {
        if self.sensitive {
            return None;
        }
        match self.holds {
            CustomType::Text | CustomType::Url => kept.as_str().map(slot_text).map(SlotValue::Text),
            CustomType::Choice | CustomType::Reference => kept.as_str().map(str::to_owned).map(SlotValue::Text),
            CustomType::Number => scaled(kept, DECIMALS).ok().map(SlotValue::Number),
            CustomType::Money => {
                let digits = minor_digits(kept.get("currency")?.as_str()?);
                scaled(kept.get("amount")?, digits).ok().map(SlotValue::Number)
            }
            CustomType::Date => time::parse_date(kept.as_str()?).ok().map(time::days).map(SlotValue::Number),
            CustomType::Time => kept.as_i64().map(SlotValue::Number),
            CustomType::Boolean => kept.as_bool().map(i64::from).map(SlotValue::Number),
            CustomType::LongText | CustomType::Choices | CustomType::Phone | CustomType::Email => None,
        }
    }

    /// Whether something of its values stands in links.
    #[must_use]
    pub const fn has_links(&self) -> bool {
        if self.sensitive {
            return self.holds.has_index_form();
        }
        matches!(self.holds, CustomType::Choices | CustomType::Text)
    }

    /// What stands in links for a kept value: the keys of several choices, the pieces of a text that is cut in its slot,
    /// of a sealed value that it is there.
    #[must_use]
    pub fn links(&self, kept: &Value) -> Vec<String> {
        match self.holds {
            _ if self.sensitive => self.index_form(kept).map(|_| THERE.to_owned()).into_iter().collect(),
            CustomType::Choices => {
                kept.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            CustomType::Text => kept.as_str().map(pieces).unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// Whether links are looked at for an operator that was not known when they were first written.
    #[must_use]
    pub fn asks_links(&self, op: Op) -> bool {
        match self.holds {
            _ if self.sensitive => op == Op::IsNull,
            CustomType::Text => op == Op::Contains,
            _ => false,
        }
    }

    /// The text in which `q` looks.
    #[must_use]
    pub fn search_text<'v>(&self, kept: &'v Value) -> Option<&'v str> {
        let is_text = matches!(self.holds, CustomType::Text | CustomType::LongText);
        kept.as_str().filter(|_| is_text && self.searchable && !self.sensitive)
    }

    /// The record that a value points to.
    #[must_use]
    pub fn reference(&self, kept: &Value) -> Option<Uuid> {
        let id = kept.as_str().filter(|_| self.holds == CustomType::Reference)?;
        Uuid::parse_str(id).ok()
    }

    /// A value that is asked for, as it stands in the slot, or in links; a time may be a day, which begins in `zone`.
    /// A choice is said by its key or a label; one that there is not is found nowhere.
    #[must_use]
    pub fn operand(&self, json: &Value, zone: Tz) -> Option<SlotValue> {
        let text = json.as_str();
        match self.holds {
            CustomType::Text => text.map(slot_text).map(SlotValue::Text),
            CustomType::Url => text.map(|text| SlotValue::Text(slot_text(&as_kept(text)))),
            CustomType::Choice | CustomType::Choices => {
                self.choice(text?).map(|item| SlotValue::Text(item.key.clone()))
            }
            CustomType::Reference => Uuid::parse_str(text?).ok().map(|id| SlotValue::Text(id.to_string())),
            CustomType::Number => scaled(json, DECIMALS).ok().map(SlotValue::Number),
            CustomType::Money => {
                let said = json.get("currency").is_none_or(|said| said.as_str() == Some(self.currency()));
                let amount = json.get("amount").unwrap_or(json);
                scaled(amount, minor_digits(self.currency())).ok().filter(|_| said).map(SlotValue::Number)
            }
            CustomType::Date => time::parse_date(text?).ok().map(time::days).map(SlotValue::Number),
            CustomType::Time => filter::time(json, zone).map(|time| SlotValue::Number(time.timestamp_millis())),
            CustomType::Boolean => {
                let flag = json.as_bool().or_else(|| text?.parse().ok());
                flag.map(i64::from).map(SlotValue::Number)
            }
            CustomType::LongText | CustomType::Phone | CustomType::Email => None,
        }
    }

    /// A day, as it stands in the slot.
    #[must_use]
    pub fn slot_of_day(day: NaiveDate) -> SlotValue {
        SlotValue::Number(time::days(day))
    }

    /// The beginning of a text, as it stands in the slot; nothing where it is longer than what a slot tells.
    #[must_use]
    pub fn prefix(&self, json: &Value) -> Option<String> {
        let prefix = normalise(json.as_str()?);
        (!prefix.is_empty() && prefix.chars().count() <= SLOT_PREFIX).then_some(prefix)
    }

    /// A part of a text, normalised; nothing where there is none to look for, or where it may stand in no piece whole.
    #[must_use]
    pub fn part(said: &str) -> Option<String> {
        let part = normalise(said);
        (!part.is_empty() && part.chars().count() <= STEP).then_some(part)
    }

    /// The operators that its values know, where they can be asked for.
    #[must_use]
    pub const fn ops(&self) -> &'static [Op] {
        match self.holds {
            holds if self.sensitive => {
                if holds.has_index_form() {
                    SEALED
                } else {
                    &[]
                }
            }
            CustomType::Text => Class::Phrase.ops(),
            CustomType::LongText if self.searchable => Class::Prose.ops(),
            CustomType::Url => Class::Word.ops(),
            CustomType::Choice | CustomType::Reference => Class::Choice.ops(),
            CustomType::Number | CustomType::Money => Class::Int.ops(),
            CustomType::Date | CustomType::Time => Class::Time.ops(),
            CustomType::Boolean => Class::Flag.ops(),
            CustomType::Choices => Class::Choices.ops(),
            CustomType::LongText | CustomType::Phone | CustomType::Email => &[],
        }
    }

    /// Whether a list can be ordered by it, once it is filterable and indexed.
    #[must_use]
    pub const fn is_sortable(&self) -> bool {
        !self.sensitive && self.holds.slot_column().is_some()
    }
}
