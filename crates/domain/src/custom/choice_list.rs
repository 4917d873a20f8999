//! The items that a choice picks from, as a definition says them.

use serde_json::{Value, json};

use crate::codes;
use crate::field::{Shape, Sight};
use crate::flaw::Flaw;
use crate::read::{Members, Reader};
use crate::record::FieldValue;
use crate::show::{Out, View};
use crate::text::normalise;
use crate::value::quoted;

use super::{ChoiceItem, Labels};

/// Most characters of a key.
const MAX_KEY: usize = 60;
const KNOWN: [&str; 3] = ["key", "label", "retired"];

/// What a choice picks from, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChoiceList(pub Vec<ChoiceItem>);

impl ChoiceList {
    /// Most items, retired ones too.
    pub const MAX: usize = 500;

    /// The text that is stored.
    #[must_use]
    pub fn to_stored(&self) -> String {
        let item =
            |item: &ChoiceItem| json!({ "key": item.key, "zh-CN": item.zh, "en": item.en, "retired": item.retired });
        Value::from(self.0.iter().map(item).collect::<Vec<_>>()).to_string()
    }

    /// The items of a stored text.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(text).ok()?;
        let item = |json: &Value| {
            let text = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
            let retired = json.get("retired").and_then(Value::as_bool).unwrap_or(false);
            Some(ChoiceItem { key: text("key")?, zh: text("zh-CN")?, en: text("en")?, retired })
        };
        json.as_array()?.iter().map(item).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Two items may not share a key or, in one language, a label: a text that is sent means one of them.
    fn refuse_twins(items: &[ChoiceItem], reader: &mut Reader<'_>) {
        for (at, item) in items.iter().enumerate() {
            let (zh, en) = (normalise(&item.zh), normalise(&item.en));
            let twin = items
                .iter()
                .take(at)
                .any(|other| other.key == item.key || normalise(&other.zh) == zh || normalise(&other.en) == en);
            if twin {
                let flaw = Flaw::new(&codes::CHOICE_TWICE).with("value", quoted(&item.key));
                reader.inside(at, |reader| reader.flaw(flaw));
            }
        }
    }
}

fn item(json: &Value, reader: &mut Reader<'_>, old: Option<&ChoiceList>) -> Option<ChoiceItem> {
    let members = reader.object(json)?;
    let mut rest: Members = members.clone();
    rest.retain(|name, _| !KNOWN.contains(&name.as_str()));
    let found = reader.findings().len();
    reader.refuse_rest(&rest, &KNOWN);
    let said = |name: &str| members.get(name).filter(|json| !json.is_null());
    let key = reader.inside("key", |reader| {
        let Some(json) = said("key") else {
            reader.flaw(Flaw::new(&codes::REQUIRED).with("field", "key"));
            return None;
        };
        let raw = reader.text(json)?.trim();
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let good = !raw.is_empty() && raw.chars().count() <= MAX_KEY && raw.chars().all(fits);
        let flaw = || Flaw::new(&codes::CHOICE_KEY_INVALID).with("value", quoted(raw));
        reader.keep(if good { Ok(raw.to_owned()) } else { Err(flaw()) })
    });
    // What is called nothing is called as its key.
    let label = match (said("label"), &key) {
        (Some(json), _) => reader.inside("label", |reader| Labels::<100>::read(json, reader, None)),
        (None, Some(key)) => {
            let before = old.and_then(|old| old.0.iter().find(|item| item.key == *key));
            let before = before.map(|item| Labels { zh: item.zh.clone(), en: item.en.clone() });
            Some(before.unwrap_or_else(|| Labels { zh: key.clone(), en: key.clone() }))
        }
        (None, None) => None,
    };
    let retired = match said("retired") {
        None => Some(false),
        Some(json) => reader.inside("retired", |reader| bool::read(json, reader, None)),
    };
    if reader.findings().len() > found {
        return None;
    }
    let (key, label, retired) = (key?, label?, retired?);
    Some(ChoiceItem { key, zh: label.zh, en: label.en, retired })
}

impl FieldValue for ChoiceList {
    const SHAPE: Shape = Shape::Data("FieldChoices");
    const REQUIRED: bool = false;
    fn absent() -> Option<Self> {
        Some(Self::default())
    }
    /// In a PATCH the list is the new one; an item that it leaves out is retired and stands at the end, for records may
    /// have it.
    fn read(json: &Value, reader: &mut Reader<'_>, old: Option<&Self>) -> Option<Self> {
        let items = reader.typed(json.as_array(), "a list", "列表")?;
        let found = reader.findings().len();
        let mut read: Vec<ChoiceItem> = Vec::new();
        for (at, json) in items.iter().enumerate().take(Self::MAX + 1) {
            read.extend(reader.inside(at, |reader| item(json, reader, old)));
        }
        for gone in old.map(|old| old.0.as_slice()).unwrap_or_default() {
            if read.iter().all(|item| item.key != gone.key) {
                read.push(ChoiceItem { retired: true, ..gone.clone() });
            }
        }
        if read.len() > Self::MAX {
            reader.flaw(Flaw::new(&codes::LIST_TOO_LONG).with("max", Self::MAX));
        }
        if reader.findings().len() == found {
            Self::refuse_twins(&read, reader);
        }
        (reader.findings().len() == found).then_some(Self(read))
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.array(|out| {
            for item in &self.0 {
                out.object(|out| {
                    out.key("key").text(&item.key);
                    out.key("label");
                    Labels::<100> { zh: item.zh.clone(), en: item.en.clone() }.write(out);
                    out.key("retired").flag(item.retired);
                });
            }
        });
    }
}
