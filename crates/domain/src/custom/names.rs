//! Short words of a definition: of which kind it is, its key, its pattern, its currency.

use serde_json::Value;

use crate::codes;
use crate::field::{Shape, Sight};
use crate::filter::{Fact, Member, Scalar};
use crate::flaw::Flaw;
use crate::kinds::{KINDS, kind_named};
use crate::organisation::currency;
use crate::read::Reader;
use crate::record::{FieldValue, Kind};
use crate::show::{Out, View};
use crate::value::quoted;

use super::is_key;
use super::pattern::{MAX_PATTERN, compile};

/// The kind of definitions themselves: it takes no fields.
const DEFINITIONS: &str = "field";

macro_rules! word {
    ($(#[doc = $doc:literal])* $T:ident, $shape:expr, $parse:expr) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $T(String);

        impl $T {
            /// A stored word; no rule is applied.
            #[must_use]
            pub fn from_stored(word: String) -> Self {
                Self(word)
            }
            /// The word.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FieldValue for $T {
            const SHAPE: Shape = $shape;
            fn absent() -> Option<Self> {
                None
            }
            fn read(json: &Value, reader: &mut Reader<'_>, old: Option<&Self>) -> Option<Self> {
                let raw = reader.text(json)?;
                // What was accepted once is accepted when it comes back.
                if let Some(old) = old.filter(|old| old.0 == raw) {
                    return Some(old.clone());
                }
                let parse: fn(&str) -> Result<String, Flaw> = $parse;
                reader.keep(parse(raw)).map(Self)
            }
            fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
                out.text(&self.0);
            }
            fn fact(&self, _: Member) -> Fact {
                Fact::One(Scalar::Text(self.0.clone()))
            }
        }
    };
}

word! {
    /// The name of a kind of record that takes fields: `customer`.
    KindName, Shape::Word, parse_kind
}
word! {
    /// The key of a field: 1 to 40 lower-case letters, digits and underscores, beginning with a letter.
    FieldKey, Shape::Word, parse_key
}
word! {
    /// A regular expression of linear time that a text must match as a whole.
    PatternText, Shape::Line(MAX_PATTERN), |raw| compile(raw).map(|_| raw.to_owned())
}
word! {
    /// A currency of ISO 4217.
    CurrencyCode, Shape::Word, |raw| currency(raw.trim())
}

impl KindName {
    /// The names of the kinds that take fields.
    pub fn all() -> impl Iterator<Item = &'static str> {
        KINDS.iter().map(|kind| kind.name).filter(|name| *name != DEFINITIONS)
    }

    /// The kind; nothing for one that there is no more.
    #[must_use]
    pub fn kind(&self) -> Option<&'static Kind> {
        kind_named(&self.0)
    }
}

fn parse_kind(raw: &str) -> Result<String, Flaw> {
    KindName::all().find(|name| *name == raw.trim()).map(str::to_owned).ok_or_else(|| {
        let known: Vec<&str> = KindName::all().collect();
        Flaw::new(&codes::FIELD_KIND_UNKNOWN).with("value", quoted(raw)).with("known", known.join(", "))
    })
}

fn parse_key(raw: &str) -> Result<String, Flaw> {
    let key = raw.trim();
    if is_key(key) {
        return Ok(key.to_owned());
    }
    Err(Flaw::new(&codes::FIELD_KEY_INVALID).with("value", quoted(raw)))
}
