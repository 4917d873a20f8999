//! Lists of phones, e-mails and bank accounts: elements with ids, sealed as one cell, masked one by one.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::codes;
use crate::field::{Shape, Sight};
use crate::filter::{Fact, Member};
use crate::flaw::Flaw;
use crate::read::Reader;
use crate::record::FieldValue;
use crate::show::{Out, View};
use crate::value::{BankAccount, Email, Phone};

use super::element_value::ElementValue;
use super::text::Line;
use super::time::{Instant, format_time};

/// What people call phones, e-mails and accounts: labels that pages offer, each with its Chinese and English words. Any
/// other text is a label too.
pub const LABELS: &[(&str, &str, &str)] = &[
    ("work", "工作", "Work"),
    ("personal", "个人", "Personal"),
    ("office", "办公室", "Office"),
    ("switchboard", "总机", "Switchboard"),
    ("mobile", "手机", "Mobile"),
    ("fax", "传真", "Fax"),
    ("finance", "财务", "Finance"),
    ("other", "其他", "Other"),
];

/// The most elements that one list may have.
const MAX: usize = 20;

/// One element.
#[derive(Clone, PartialEq)]
pub struct ElementItem<V> {
    /// Its id, stable while the value is edited.
    pub id: Uuid,
    /// The value.
    pub value: V,
    /// What it is for: `office`.
    pub label: Option<Line<50>>,
    /// At which bank, where it is an account.
    pub bank: Option<Line<100>>,
    /// Whether it is tried first.
    pub primary: bool,
    /// When it was verified.
    pub verified_at: Option<Instant>,
}

/// A list of elements.
#[derive(Clone, PartialEq)]
pub struct Elements<V>(pub Vec<ElementItem<V>>);

/// An element as it is sealed: id, value, the text that was typed, label, bank, primary, milliseconds of its
/// verification.
#[derive(Serialize, Deserialize)]
struct StoredItem {
    i: Uuid,
    v: String,
    r: String,
    l: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    b: Option<String>,
    #[serde(default)]
    p: bool,
    t: Option<i64>,
}

/// Phone numbers.
pub type Phones = Elements<Phone>;
/// E-mail addresses.
pub type Emails = Elements<Email>;
/// Bank accounts.
pub type BankAccounts = Elements<BankAccount>;

impl<V> Default for Elements<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V> fmt::Debug for Elements<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Elements({})", self.0.len())
    }
}

impl<V> ElementItem<V> {
    fn new(id: Uuid, value: V) -> Self {
        Self { id, value, label: None, bank: None, primary: false, verified_at: None }
    }
}

impl<V: ElementValue> Elements<V> {
    /// A list of one, made by the system from an already parsed value.
    #[must_use]
    pub fn of(id: Uuid, value: V) -> Self {
        Self(vec![ElementItem { primary: true, ..ElementItem::new(id, value) }])
    }

    /// The text that is sealed: a JSON list, or nothing for an empty list.
    #[must_use]
    pub fn to_stored(&self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let items: Vec<StoredItem> = self
            .0
            .iter()
            .map(|item| StoredItem {
                i: item.id,
                v: item.value.value().to_owned(),
                r: item.value.raw().to_owned(),
                l: item.label.as_ref().map(|label| label.as_str().to_owned()),
                b: item.bank.as_ref().map(|bank| bank.as_str().to_owned()),
                p: item.primary,
                t: item.verified_at.map(|at| at.time().timestamp_millis()),
            })
            .collect();
        serde_json::to_string(&items).ok()
    }

    /// The list from the opened text; `None` when it is not such a list.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        let items: Vec<StoredItem> = serde_json::from_str(text).ok()?;
        Some(Self(items.into_iter().map(Self::item_from_stored).collect()))
    }

    fn item_from_stored(item: StoredItem) -> ElementItem<V> {
        ElementItem {
            id: item.i,
            value: V::from_stored(item.v, item.r),
            label: item.l.map(Line::from_stored),
            bank: item.b.map(Line::from_stored),
            primary: item.p,
            verified_at: item.t.and_then(chrono::DateTime::from_timestamp_millis).map(Instant::from_stored),
        }
    }

    fn by_id(&self, id: &Uuid) -> Option<&ElementItem<V>> {
        self.0.iter().find(|item| item.id == *id)
    }

    /// A value as a client said it: kept when it is an old element's mask, parsed otherwise.
    fn read_value(
        raw: &str,
        kept: Option<&ElementItem<V>>,
        reader: &mut Reader<'_>,
        old: Option<&Self>,
    ) -> Option<ElementItem<V>> {
        let masked = reader.sight == Sight::Masked;
        if raw.contains("***") {
            let fits: Vec<&ElementItem<V>> = match kept {
                Some(item) => Some(item).into_iter().filter(|item| item.value.mask() == raw).collect(),
                None => old.iter().flat_map(|old| &old.0).filter(|item| masked && item.value.mask() == raw).collect(),
            };
            return match fits.as_slice() {
                [item] => Some((*item).clone()),
                [] => {
                    reader.flaw(Flaw::new(&codes::MASK_IN_TEXT).with("value", raw));
                    None
                }
                _ => {
                    reader.flaw(Flaw::new(&codes::MASK_AMBIGUOUS).with("value", raw));
                    None
                }
            };
        }
        let region = reader.region.to_owned();
        let value = reader.keep(V::parse(raw, &region))?;
        Some(match kept {
            Some(item) if item.value.value() == value.value() => item.clone(),
            Some(item) => ElementItem { id: item.id, value, verified_at: None, ..item.clone() },
            None => {
                let known = old.and_then(|old| old.0.iter().find(|item| item.value.value() == value.value()));
                known.cloned().unwrap_or_else(|| ElementItem::new((reader.make_id)(), value))
            }
        })
    }

    fn read_object(
        members: &Map<String, Value>,
        reader: &mut Reader<'_>,
        old: Option<&Self>,
    ) -> Option<ElementItem<V>> {
        let kept = match members.get("id") {
            None | Some(Value::Null) => None,
            Some(id) => reader.inside("id", |reader| {
                let id = reader.text(id)?;
                let kept = Uuid::parse_str(id).ok().and_then(|id| old.and_then(|old| old.by_id(&id)));
                if kept.is_none() {
                    reader.flaw(Flaw::new(&codes::ELEMENT_UNKNOWN).with("value", id));
                }
                kept.map(Some)
            })?,
        };
        let mut item = match (members.get("value"), kept) {
            (None | Some(Value::Null), Some(kept)) => kept.clone(),
            (None | Some(Value::Null), None) => {
                reader.flaw(Flaw::new(&codes::REQUIRED).with("field", "value"));
                return None;
            }
            (Some(value), kept) => reader.inside("value", |reader| {
                let raw = reader.text(value)?;
                Self::read_value(raw, kept, reader, old)
            })?,
        };
        for (name, value) in members {
            reader.inside(name, |reader| Self::read_member(&mut item, name, value, reader))?;
        }
        Some(item)
    }

    fn read_member(item: &mut ElementItem<V>, name: &str, value: &Value, reader: &mut Reader<'_>) -> Option<()> {
        match (name, value) {
            ("id" | "value", _) => {}
            ("label", Value::Null) => item.label = None,
            ("label", value) => item.label = Some(Line::read(value, reader, None)?),
            ("bank", Value::Null) if V::HAS_BANK => item.bank = None,
            ("bank", value) if V::HAS_BANK => item.bank = Some(Line::read(value, reader, None)?),
            ("primary", value) => item.primary = bool::read(value, reader, None)?,
            // Only verification sets it; what GET gave may come back.
            ("verified_at", value)
                if *value == item.verified_at.map_or(Value::Null, |at| format_time(at.time()).into()) => {}
            ("verified_at", _) => {
                reader.flaw(Flaw::new(&codes::READ_ONLY).with("field", name));
                return None;
            }
            _ => {
                let bank = if V::HAS_BANK { "bank, " } else { "" };
                let known = format!("id, value, label, {bank}primary, verified_at");
                reader.flaw(Flaw::new(&codes::FIELD_UNKNOWN).with("field", name).with("known", known));
                return None;
            }
        }
        Some(())
    }

    fn read_item(json: &Value, reader: &mut Reader<'_>, old: Option<&Self>) -> Option<ElementItem<V>> {
        match json {
            Value::String(raw) => Self::read_value(raw, None, reader, old),
            Value::Object(members) => Self::read_object(members, reader, old),
            _ => reader.typed(None, "a text or an object with `value`", "文本或带 value 的对象"),
        }
    }

    fn read_list(json: &Value, reader: &mut Reader<'_>, old: Option<&Self>) -> Option<Vec<ElementItem<V>>> {
        let items = reader.typed(json.as_array(), "a list", "列表")?;
        let items: Vec<Option<ElementItem<V>>> = items
            .iter()
            .enumerate()
            .map(|(at, item)| reader.inside(at, |reader| Self::read_item(item, reader, old)))
            .collect();
        items.into_iter().collect()
    }

    fn read_change(
        change: &Map<String, Value>,
        reader: &mut Reader<'_>,
        old: Option<&Self>,
    ) -> Option<Vec<ElementItem<V>>> {
        let mut items = old.cloned().unwrap_or_default().0;
        for (name, list) in change {
            reader.inside(name, |reader| match name.as_str() {
                "add" => {
                    items.extend(Self::read_list(list, reader, old)?);
                    Some(())
                }
                "remove" => {
                    let ids = reader.typed(list.as_array(), "a list of ids", "编号列表")?;
                    for id in ids.iter().filter_map(Value::as_str) {
                        items.retain(|item| item.id.to_string() != id);
                    }
                    Some(())
                }
                _ => {
                    reader.flaw(Flaw::new(&codes::FIELD_UNKNOWN).with("field", name).with("known", "add, remove"));
                    None
                }
            })?;
        }
        Some(items)
    }

    /// One value stands once, and exactly one element is primary.
    fn settle(items: Vec<ElementItem<V>>) -> Self {
        let mut settled: Vec<ElementItem<V>> = Vec::with_capacity(items.len());
        for item in items {
            match settled.iter_mut().find(|known| known.value.value() == item.value.value()) {
                Some(known) => known.primary |= item.primary,
                None => settled.push(item),
            }
        }
        let primary = settled.iter().position(|item| item.primary).unwrap_or(0);
        for (at, item) in settled.iter_mut().enumerate() {
            item.primary = at == primary;
        }
        Self(settled)
    }
}

impl<V: ElementValue> FieldValue for Elements<V> {
    const SHAPE: Shape = Shape::Elements(V::ELEMENT);
    const REQUIRED: bool = false;
    fn absent() -> Option<Self> {
        Some(Self::default())
    }
    fn read(json: &Value, reader: &mut Reader<'_>, old: Option<&Self>) -> Option<Self> {
        let items = match json {
            Value::Object(change) => Self::read_change(change, reader, old)?,
            _ => Self::read_list(json, reader, old)?,
        };
        if items.len() > MAX {
            reader.flaw(Flaw::new(&codes::LIST_TOO_LONG).with("max", MAX));
            return None;
        }
        let again = items.iter().enumerate().find(|(at, item)| items.iter().take(*at).any(|other| other.id == item.id));
        if let Some((_, item)) =
            again.filter(|(_, item)| items.iter().any(|other| other.id == item.id && other != *item))
        {
            reader.flaw(Flaw::new(&codes::ELEMENT_TWICE).with("value", item.id));
            return None;
        }
        Some(Self::settle(items))
    }
    fn show(&self, out: &mut Out, sight: Sight, _: &dyn View) {
        out.array(|out| {
            for item in &self.0 {
                out.object(|out| {
                    out.key("id").id(item.id);
                    out.key("value");
                    if sight == Sight::Full {
                        out.text(item.value.value());
                    } else {
                        out.text(&item.value.mask());
                    }
                    out.key("label").text_or_null(item.label.as_ref().map(Line::as_str));
                    if V::HAS_BANK {
                        out.key("bank").text_or_null(item.bank.as_ref().map(Line::as_str));
                    }
                    out.key("primary").flag(item.primary);
                    out.key("verified_at");
                    match item.verified_at {
                        Some(at) => out.plain(&format_time(at.time())),
                        None => out.null(),
                    }
                });
            }
        });
    }
    fn fact(&self, _: Member) -> Fact {
        if self.0.is_empty() { Fact::Missing } else { Fact::Sealed }
    }
}
