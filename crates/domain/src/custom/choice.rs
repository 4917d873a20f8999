//! Choices out of a list that the definition gives.

use serde_json::Value;

use crate::codes;
use crate::flaw::Flaw;
use crate::read::Reader;
use crate::text::normalise;
use crate::value::quoted;

use super::{ChoiceItem, CustomField};

/// Most items that one value picks.
pub(super) const MAX_PICKED: usize = 50;
/// Most items that a message names.
const NAMED: usize = 30;

impl CustomField {
    /// The item of that key, or else of that label in either language.
    #[must_use]
    pub fn choice(&self, said: &str) -> Option<&ChoiceItem> {
        let said = said.trim();
        self.choices.iter().find(|item| item.key == said).or_else(|| {
            let said = normalise(said);
            self.choices.iter().find(|item| normalise(&item.zh) == said || normalise(&item.en) == said)
        })
    }

    pub(super) fn read_choice(&self, json: &Value, reader: &mut Reader<'_>, old: Option<&Value>) -> Option<Value> {
        self.pick(json, reader, |key| old.and_then(Value::as_str) == Some(key)).map(Value::from)
    }

    pub(super) fn read_choices(&self, json: &Value, reader: &mut Reader<'_>, old: Option<&Value>) -> Option<Value> {
        let items = reader.typed(json.as_array(), "a list of texts", "文本列表")?;
        if items.len() > MAX_PICKED {
            reader.flaw(Flaw::new(&codes::LIST_TOO_LONG).with("max", MAX_PICKED));
            return None;
        }
        let old = old.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let had = |key: &str| old.iter().any(|item| item.as_str() == Some(key));
        let found = reader.findings().len();
        let mut keys: Vec<String> = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let key = reader.inside(at, |reader| self.pick(item, reader, had));
            keys.extend(key.filter(|key| !keys.contains(key)));
        }
        if reader.findings().len() > found {
            return None;
        }
        let length = i64::try_from(keys.len()).unwrap_or(i64::MAX);
        if let Some(min) = self.min.filter(|min| length < *min) {
            reader.flaw(Flaw::new(&codes::LIST_TOO_SHORT).with("length", length).with("min", min));
            return None;
        }
        if let Some(max) = self.max.filter(|max| length > *max) {
            reader.flaw(Flaw::new(&codes::LIST_TOO_LONG).with("max", max));
            return None;
        }
        Some(Value::from(keys))
    }

    /// The key of the item that is said; one that is retired only where the record had it.
    fn pick(&self, json: &Value, reader: &mut Reader<'_>, had: impl Fn(&str) -> bool) -> Option<String> {
        let said = reader.text(json)?;
        if had(said.trim()) {
            return Some(said.trim().to_owned());
        }
        match self.choice(said) {
            Some(item) if !item.retired || had(&item.key) => Some(item.key.clone()),
            found => {
                let code = if found.is_some() { &codes::CHOICE_RETIRED } else { &codes::CHOICE_UNKNOWN };
                let flaw = Flaw::new(code).with("value", quoted(said));
                let flaw = flaw.with("choices", self.known_choices(|item| item.key.clone(), ", "));
                reader.flaw(flaw.with("choices_zh", self.known_choices(labelled, "、")));
                None
            }
        }
    }

    fn known_choices(&self, write: impl Fn(&ChoiceItem) -> String, between: &str) -> String {
        let living = || self.choices.iter().filter(|item| !item.retired);
        let shown: Vec<String> = living().take(NAMED).map(write).collect();
        shown.join(between) + if living().count() > NAMED { " …" } else { "" }
    }
}

/// The key and what people call it, where they call it otherwise.
fn labelled(item: &ChoiceItem) -> String {
    if item.zh == item.key { item.key.clone() } else { format!("{}（{}）", item.key, item.zh) }
}
