//! What a field is: its shape on the wire, who may see it, what may be asked of it.

use crate::codes;
use crate::flaw::Flaw;
use crate::record::{FieldValue, member_name};

/// A fixed vocabulary: keys are stable, labels may be changed by an organisation.
#[derive(Debug, PartialEq, Eq)]
pub struct Vocabulary {
    /// The name of the vocabulary's schema: `Stage`.
    pub name: &'static str,
    /// Key, Chinese label, English label; in order.
    pub items: &'static [(&'static str, &'static str, &'static str)],
}

/// A key with its English label, where that says more.
fn named(key: &str, en: &str) -> String {
    if en.eq_ignore_ascii_case(&key.replace('_', " ")) { key.to_owned() } else { format!("{key} ({en})") }
}

impl Vocabulary {
    /// What is wrong with a key that is none of these: programs read the keys, people what they are called too.
    #[must_use]
    pub fn unknown(&self, key: &str) -> Flaw {
        let list = |write: &dyn Fn(&(&str, &str, &str)) -> String, between: &str| {
            self.items.iter().map(write).collect::<Vec<_>>().join(between)
        };
        Flaw::new(&codes::CHOICE_UNKNOWN)
            .with("value", key)
            .with("choices", list(&|(key, ..)| (*key).to_owned(), ", "))
            .with("choices_zh", list(&|(key, zh, _)| format!("{key}（{zh}）"), "、"))
            .with("choices_en", list(&|(key, _, en)| named(key, en), ", "))
    }
}

/// An item of a vocabulary, declared with [`vocabulary!`](crate::vocabulary).
pub trait Keyed: Copy + PartialEq + Send + Sync + 'static {
    /// The vocabulary.
    const KNOWN: &'static Vocabulary;
    /// The item with that key.
    fn of_key(key: &str) -> Option<Self>;
    /// The stable key.
    fn key_of(self) -> &'static str;
}

/// The shape of a field's value on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One line of text, at most so many characters.
    Line(usize),
    /// Text of several lines, at most so many characters.
    Text(usize),
    /// A key of a vocabulary.
    Choice(&'static Vocabulary),
    /// Keys of a vocabulary, each once.
    Choices(&'static Vocabulary),
    /// So many lines of text at most, each of so many characters at most.
    Lines(usize, usize),
    /// True or false.
    Flag,
    /// A whole number.
    Count,
    /// A moment, RFC 3339 UTC with milliseconds.
    Instant,
    /// A calendar day, `2026-11-22`.
    Date,
    /// A day of birth: `YYYY-MM-DD`, or a day of the Chinese calendar.
    Birthday,
    /// A quarter, `2026-Q1`.
    Quarter,
    /// A range of money: text or bounds in, `{"min", "max", "unit"}` out.
    Budget,
    /// The number of an identity card.
    IdNumber,
    /// A sign-in name, a unified social credit code, a number given by the system: a short machine-readable text.
    Word,
    /// The id of a record whose kind another field names.
    Id,
    /// The id of another record (its kind's name); the answer carries `{"id", "name"}` beside it.
    Ref(&'static str),
    /// Text in, `{"code", "name"}` out.
    Industry,
    /// Text in, `{"code", "province", "city", "district"}` out.
    Region,
    /// A list of phones, e-mails or bank accounts, each an element with an id.
    Elements(Element),
    /// Names or ids in, `[{"id", "name", "color"}]` out.
    Tags,
    /// A list of words made by the system.
    Words,
    /// Ids in other systems, by source.
    ExternalIds,
    /// Structured data with a schema of its own, by name.
    Data(&'static str),
}

/// What an element of a list field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// A phone number in E.164.
    Phone,
    /// An e-mail address.
    Email,
    /// The number of a bank account.
    BankAccount,
}

/// Which part of the visibility policy covers a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Seen by whoever sees the record.
    General,
    /// Phones, e-mails, WeChat, street, birthday.
    Contact,
    /// ID number, bank accounts.
    Identity,
}

/// Under which class a sealed field is found by equality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Find {
    /// Phone numbers, over all kinds.
    Phone,
    /// E-mail addresses, over all kinds.
    Email,
    /// WeChat ids.
    Wechat,
    /// ID numbers.
    IdNumber,
    /// Numbers of bank accounts.
    BankAccount,
    /// Birthdays, by month and day.
    Birthday,
    /// Ids in other systems, each with its kind and source: in clear in its row, and found like what is sealed.
    ExternalId,
}

/// How much of a field a caller may see; more is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// Nothing: null, and the name stands in `hidden`.
    Hidden,
    /// A mask, and the name stands in `masked`.
    Masked,
    /// The value.
    Full,
}

/// When a client may say a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// At creation and in a PATCH.
    Always,
    /// At creation only.
    Once,
    /// Only with the right to transfer.
    Transfer,
    /// Never: the system gives it.
    Never,
}

/// One field of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The member's name, snake_case.
    pub name: &'static str,
    /// Chinese label.
    pub zh: &'static str,
    /// English label.
    pub en: &'static str,
    /// What it is, for the description.
    pub doc: &'static str,
    /// Its shape.
    pub shape: Shape,
    /// Whether a value may be missing: null in answers.
    pub nullable: bool,
    /// Whether a create must bring it: nothing stands where none is said.
    pub required: bool,
    /// Whether it is sealed before it is stored.
    pub sealed: bool,
    /// Whether equality finds it although it is sealed.
    pub find: Option<Find>,
    /// Which part of the visibility policy covers it.
    pub group: Group,
    /// When a client may say it.
    pub write: Write,
    /// Whether lists can be ordered by it.
    pub sortable: bool,
    /// Whether `q` looks into it.
    pub searched: bool,
}

impl Field {
    /// What is wrong where its value is missing: programs read its name, people what it is called too.
    #[must_use]
    pub fn missing(&self) -> Flaw {
        Flaw::new(&codes::REQUIRED).with("field", self.name).with("field_zh", format!("{}（{}）", self.zh, self.name))
    }

    /// A plain field with its Chinese and English labels; name, shape and text are given by the kind's declaration.
    #[must_use]
    pub const fn new(zh: &'static str, en: &'static str) -> Self {
        Self {
            name: "",
            zh,
            en,
            doc: "",
            shape: Shape::Flag,
            nullable: false,
            required: false,
            sealed: false,
            find: None,
            group: Group::General,
            write: Write::Always,
            sortable: false,
            searched: false,
        }
    }

    /// The same field, sealed before storage and covered by a group of the visibility policy.
    #[must_use]
    pub const fn sealed(mut self, group: Group, find: Option<Find>) -> Self {
        self.sealed = true;
        self.group = group;
        self.find = find;
        self
    }

    /// The same field, found by equality although no column is compared.
    #[must_use]
    pub const fn found(mut self, find: Find) -> Self {
        self.find = Some(find);
        self
    }

    /// The same field, said under another rule than "always".
    #[must_use]
    pub const fn write(mut self, write: Write) -> Self {
        self.write = write;
        self
    }

    /// The same field, usable as an order.
    #[must_use]
    pub const fn sortable(mut self) -> Self {
        self.sortable = true;
        self
    }

    /// The same field, into which `q` looks.
    #[must_use]
    pub const fn searched(mut self) -> Self {
        self.searched = true;
        self
    }

    /// The same field with what the declaration knows of it.
    #[must_use]
    pub const fn typed<T: FieldValue>(mut self, name: &'static str, doc: &'static str) -> Self {
        self.name = member_name(name);
        self.doc = doc;
        self.shape = T::SHAPE;
        self.nullable = T::NULLABLE;
        self.required = T::REQUIRED && !matches!(self.write, Write::Never);
        self
    }

    /// Whether a role may be kept from seeing it. What a record is called, and what it belongs to, whoever sees it knows.
    #[must_use]
    pub fn can_be_hidden(&self) -> bool {
        !matches!(self.shape, Shape::Ref(_)) && !matches!(self.name, "name" | "number" | "key")
    }

    /// Whether it has a mask.
    #[must_use]
    pub fn has_mask(&self) -> bool {
        self.sealed && self.group != Group::General
    }

    /// The member that shows what a reference points to: `owner` beside `owner_id`.
    #[must_use]
    pub fn display_name(&self) -> Option<&'static str> {
        match self.shape {
            Shape::Ref(_) => self.name.strip_suffix("_id"),
            _ => None,
        }
    }
}
