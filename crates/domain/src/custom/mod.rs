//! Fields that an organisation adds to its records at run time.
//!
//! A definition is a record of the kind `field`; here is what it means: how a value is read, kept, shown, compared. A
//! value is kept as JSON under the number of its field, which is never given twice: another field of the same key
//! never reads it.

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;

use crate::vocabulary;

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
    /// Whether it is out of use: nobody sees or writes it, and its values stay.
    pub retired: bool,
}

/// The custom values of one record, by the numbers of their fields, as they are kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CustomValues(pub BTreeMap<i64, Value>);
