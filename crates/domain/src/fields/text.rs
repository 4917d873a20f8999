//! Plain texts of one or several lines.

use serde_json::Value;

use crate::codes;
use crate::field::{Shape, Sight};
use crate::filter::{Fact, Member, Scalar};
use crate::flaw::Flaw;
use crate::read::Reader;
use crate::record::FieldValue;
use crate::show::{Out, View};

/// One line of text: trimmed, not empty, at most `MAX` characters, no control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<const MAX: usize>(String);

/// Text of several lines: trimmed at its end, not empty, at most `MAX` characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<const MAX: usize>(String);

fn fits(value: &str, max: usize, lines: bool) -> Result<(), Flaw> {
    if value.is_empty() {
        return Err(Flaw::new(&codes::TEXT_EMPTY));
    }
    let count = value.chars().count();
    if count > max {
        return Err(Flaw::new(&codes::TEXT_TOO_LONG).with("max", max).with("length", count));
    }
    let control = |c: char| c.is_control() && !(lines && matches!(c, '\n' | '\r' | '\t'));
    if let Some(character) = value.chars().find(|c| control(*c)) {
        return Err(
            Flaw::new(&codes::TEXT_CONTROL_CHARACTERS).with("character", format!("U+{:04X}", u32::from(character)))
        );
    }
    Ok(())
}

macro_rules! text_type {
    ($T:ident, $shape:ident, $lines:literal) => {
        impl<const MAX: usize> $T<MAX> {
            /// Parses what a client said.
            ///
            /// # Errors
            /// Empty, too long, or with control characters.
            pub fn parse(raw: &str) -> Result<Self, Flaw> {
                let value = if $lines { raw.trim_end() } else { raw.trim() };
                fits(value, MAX, $lines).map(|()| Self(value.to_owned()))
            }
            /// A stored value; no rule is applied.
            #[must_use]
            pub fn from_stored(value: String) -> Self {
                Self(value)
            }
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
            /// The text, by value.
            #[must_use]
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl<const MAX: usize> FieldValue for $T<MAX> {
            const SHAPE: Shape = Shape::$shape(MAX);
            fn absent() -> Option<Self> {
                None
            }
            fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
                let raw = reader.text(json)?;
                reader.keep(Self::parse(raw))
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

text_type!(Line, Line, false);
text_type!(Text, Text, true);

impl FieldValue for bool {
    const SHAPE: Shape = Shape::Flag;
    const REQUIRED: bool = false;
    fn absent() -> Option<Self> {
        Some(false)
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        reader.typed(json.as_bool(), "true or false", "true 或 false")
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.flag(*self);
    }
    fn fact(&self, _: Member) -> Fact {
        Fact::One(Scalar::Flag(*self))
    }
}

impl FieldValue for i64 {
    const SHAPE: Shape = Shape::Count;
    const REQUIRED: bool = false;
    fn absent() -> Option<Self> {
        Some(0)
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        reader.typed(json.as_i64(), "a whole number", "整数")
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.number(*self);
    }
    fn fact(&self, _: Member) -> Fact {
        Fact::One(Scalar::Int(*self))
    }
}
