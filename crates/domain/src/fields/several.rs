//! Several of one thing: items of a vocabulary, lines of text.

use std::fmt;

use serde_json::Value;

use super::text::Line;
use crate::codes;
use crate::field::{Keyed, Shape, Sight};
use crate::filter::{Fact, Member, Scalar};
use crate::flaw::Flaw;
use crate::read::Reader;
use crate::record::FieldValue;
use crate::show::{Out, View};

/// Items of a vocabulary, each once, in the vocabulary's order.
#[derive(Clone, PartialEq)]
pub struct Several<V>(Vec<V>);

impl<V> Default for Several<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V: Keyed> fmt::Debug for Several<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys()).finish()
    }
}

impl<V: Keyed> Several<V> {
    /// The keys.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|item| item.key_of())
    }

    /// The text that is stored, with a comma on either side of every key, so that one is found as a part; `None` of
    /// none.
    #[must_use]
    pub fn to_stored(&self) -> Option<String> {
        let keys: String = self.keys().map(|key| format!("{key},")).collect();
        (!keys.is_empty()).then(|| format!(",{keys}"))
    }

    /// Items of a stored text; keys that are not known any more are left out.
    #[must_use]
    pub fn from_stored(text: Option<&str>) -> Self {
        let keys: Vec<&str> = text.unwrap_or_default().split(',').collect();
        Self::in_order(|key| keys.contains(&key))
    }

    fn in_order(mut has: impl FnMut(&str) -> bool) -> Self {
        let items = V::KNOWN.items.iter().filter(|(key, ..)| has(key));
        Self(items.filter_map(|(key, ..)| V::of_key(key)).collect())
    }
}

impl<V: Keyed> FieldValue for Several<V> {
    const SHAPE: Shape = Shape::Choices(V::KNOWN);
    const REQUIRED: bool = false;
    fn absent() -> Option<Self> {
        Some(Self::default())
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let items = reader.typed(json.as_array(), "a list of texts", "文本列表")?;
        let found = reader.findings().len();
        let mut keys: Vec<&str> = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let key = reader.inside(at, |reader| {
                let key = reader.text(item)?;
                if V::of_key(key).is_none() {
                    reader.flaw(V::KNOWN.unknown(key));
                }
                Some(key)
            });
            keys.extend(key);
        }
        (reader.findings().len() == found).then(|| Self::in_order(|key| keys.contains(&key)))
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.texts(self.keys());
    }
    fn fact(&self, _: Member) -> Fact {
        Fact::Several(self.keys().map(|key| Scalar::Text(key.to_owned())).collect())
    }
}

/// At most `MOST` lines of at most `MAX` characters, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines<const MOST: usize, const MAX: usize>(Vec<Line<MAX>>);

impl<const MOST: usize, const MAX: usize> Lines<MOST, MAX> {
    /// The lines.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Line::as_str)
    }

    /// The text that is stored, one line each; `None` of none.
    #[must_use]
    pub fn to_stored(&self) -> Option<String> {
        let lines: Vec<&str> = self.texts().collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// The lines of a stored text; no rule is applied.
    #[must_use]
    pub fn from_stored(text: Option<&str>) -> Self {
        Self(text.unwrap_or_default().lines().map(|line| Line::from_stored(line.to_owned())).collect())
    }
}

impl<const MOST: usize, const MAX: usize> FieldValue for Lines<MOST, MAX> {
    const SHAPE: Shape = Shape::Lines(MOST, MAX);
    const REQUIRED: bool = false;
    fn absent() -> Option<Self> {
        Some(Self::default())
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let items = reader.typed(json.as_array(), "a list of texts", "文本列表")?;
        if items.len() > MOST {
            reader.flaw(Flaw::new(&codes::LIST_TOO_LONG).with("max", MOST));
            return None;
        }
        let found = reader.findings().len();
        let mut lines: Vec<Line<MAX>> = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let line = reader.inside(at, |reader| Line::read(item, reader, None));
            lines.extend(line.filter(|line| !lines.contains(line)));
        }
        (reader.findings().len() == found).then_some(Self(lines))
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.texts(self.texts());
    }
}
