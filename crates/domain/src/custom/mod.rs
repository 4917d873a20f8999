//! Fields that an organisation adds to its records at run time.
//!
//! A definition is a record of the kind `field`; here is what it means: how a value is read, kept, shown, compared. A
//! value is kept as JSON under the number of its field, which is never given twice: another field of the same key
//! never reads it.

mod bound;
mod choice;
mod choice_list;
mod labels;
mod names;
mod number;
mod pattern;
mod said;
mod sealed;
mod set;
mod slot;
mod text;
mod time;

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;

use crate::codes;
use crate::field::Sight;
use crate::flaw::Flaw;
use crate::read::Reader;
use crate::show::Out;
use crate::vocabulary;

pub use bound::{read_bound, show_bound};
pub use choice_list::ChoiceList;
pub use labels::Labels;
pub use names::{CurrencyCode, FieldKey, KindName, PatternText};
pub use number::minor_digits;
pub use pattern::{MAX_PATTERN, compile as compile_pattern};
pub use said::Said;
pub use set::CustomFields;
pub use slot::{SLOT_CUT, SLOT_PREFIX, SlotColumn};
pub use text::{MAX_LONG_TEXT, MAX_TEXT, MAX_URL};

vocabulary! {
    /// What a custom field holds.
    CustomType {
        Text = "text", "文本", "Text";
        LongText = "long_text", "长文本", "Long text";
        Number = "number", "数字", "Number";
        Money = "money", "金额", "Money";
        Date = "date", "日期", "Date";
        Time = "time", "时间", "Time";
        Boolean = "boolean", "是/否", "Boolean";
        Choice = "choice", "单选", "Choice";
        Choices = "choices", "多选", "Choices";
        Phone = "phone", "电话", "Phone";
        Email = "email", "邮箱", "E-mail";
        Url = "url", "网址", "URL";
        Reference = "reference", "关联记录", "Reference";
    }
}

/// One item that a choice picks from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChoiceItem {
    /// What is kept and compared.
    pub key: String,
    /// Chinese label.
    pub zh: String,
    /// English label.
    pub en: String,
    /// Whether nobody may pick it any more; records that have it keep it.
    pub retired: bool,
}

/// The column beside the values by which a filterable field is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slot {
    /// A text column, 1 to [`SLOTS`].
    Text(u8),
    /// A number column, 1 to [`SLOTS`].
    Number(u8),
}

/// How many texts and how many numbers of a kind can be filterable.
pub const SLOTS: u8 = 12;

/// What stands in a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotValue {
    /// Normalised text, cut to what an index takes.
    Text(String),
    /// Millionths of a number, minor units of money, days since 1970, milliseconds, 0 or 1.
    Number(i64),
}

/// A custom field, as values are read and shown with it.
#[derive(Clone, Debug)]
pub struct CustomField {
    /// The id of its definition.
    pub id: Uuid,
    /// Under which number values are kept.
    pub no: i64,
    /// Its key: the member of `custom`.
    pub key: String,
    /// Its name among the members of a record: `custom.annual_output`.
    pub name: String,
    /// What it holds.
    pub holds: CustomType,
    /// Chinese label.
    pub zh: String,
    /// English label.
    pub en: String,
    /// What to write there, in Chinese and English.
    pub help: Option<(String, String)>,
    /// The group that a form shows it in.
    pub group: Option<String>,
    /// Its place in a form.
    pub order: i64,
    /// Whether a record must have it.
    pub required: bool,
    /// Whether no two records may have the same value.
    pub unique: bool,
    /// Whether its values are sealed.
    pub sensitive: bool,
    /// Whether lists can be asked for it.
    pub filterable: bool,
    /// Whether `q` finds its text.
    pub searchable: bool,
    /// The value of a new record that says none, as it is kept.
    pub default: Option<Value>,
    /// What a choice picks from.
    pub choices: Vec<ChoiceItem>,
    /// The least, as [`SlotValue::Number`] counts; characters, where it is a text.
    pub min: Option<i64>,
    /// The most, likewise.
    pub max: Option<i64>,
    /// What a text must match as a whole.
    pub pattern: Option<regex::Regex>,
    /// The currency of money.
    pub currency: Option<String>,
    /// The kind that a reference points to.
    pub target: Option<&'static str>,
    /// Where it is asked for, where it is filterable.
    pub slot: Option<Slot>,
    /// Whether every record's value stands in its slot by now.
    pub is_indexed: bool,
    /// Whether links tell of every record what they tell now: an older program wrote less.
    pub is_linked: bool,
    /// Whether a job is at what stands beside the values: some of it may be missing.
    pub is_filling: bool,
    /// Whether it is out of use: nobody sees or writes it, and its values stay.
    pub retired: bool,
}

/// The custom values of one record, by the numbers of their fields, as they are kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CustomValues(pub BTreeMap<i64, Value>);

impl CustomField {
    /// Reads a JSON value that is not null into the form that is kept; every flaw is noted at the reader's place.
    /// `old` is what is kept of the record, in a PATCH: a mask that comes back, a choice that was retired since, and a
    /// number that JSON cannot carry whole mean it.
    pub fn read(&self, json: &Value, reader: &mut Reader<'_>, old: Option<&Value>) -> Option<Value> {
        if let Some(masked) = self.read_mask(json, reader, old) {
            return masked;
        }
        match self.holds {
            CustomType::Text | CustomType::LongText | CustomType::Url => self.read_text(json, reader),
            CustomType::Number => self.read_number(json, reader, old),
            CustomType::Money => self.read_money(json, reader, old),
            CustomType::Date => self.read_date(json, reader),
            CustomType::Time => self.read_time(json, reader),
            CustomType::Boolean => reader.typed(json.as_bool(), "true or false", "true 或 false").map(Value::Bool),
            CustomType::Choice => self.read_choice(json, reader, old),
            CustomType::Choices => self.read_choices(json, reader, old),
            CustomType::Phone => sealed::read_phone(json, reader),
            CustomType::Email => sealed::read_email(json, reader),
            CustomType::Reference => {
                let raw = reader.text(json)?;
                let id = Uuid::parse_str(raw.trim());
                let quoted = crate::value::quoted(raw);
                let id = reader.keep(id.map_err(|_| Flaw::new(&codes::ID_INVALID).with("value", quoted)))?;
                Some(Value::from(id.to_string()))
            }
        }
    }

    /// Writes what is kept as a client sees it; never called with [`Sight::Hidden`].
    pub fn show(&self, kept: &Value, out: &mut Out, sight: Sight) {
        if sight != Sight::Full && self.sensitive {
            out.text(&self.mask(kept));
            return;
        }
        match (self.holds, kept) {
            // A decimal text is a JSON number as it stands.
            (CustomType::Number, Value::String(decimal)) => out.raw(decimal),
            (CustomType::Time, kept) => time::show_time(kept, out),
            (_, kept) => out.raw(&kept.to_string()),
        }
    }
}

/// Whether a text can be the key of a custom field: `annual_output`.
#[must_use]
pub fn is_key(text: &str) -> bool {
    let mut letters = text.bytes();
    let first = letters.next().is_some_and(|letter| letter.is_ascii_lowercase());
    first && text.len() <= 40 && letters.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
