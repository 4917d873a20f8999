//! Single values that are sealed before they are stored, and shown as a mask to those who may not see them.

use serde_json::Value;

use crate::codes;
use crate::field::{Shape, Sight};
use crate::filter::{Fact, Member};
use crate::flaw::Flaw;
use crate::read::Reader;
use crate::record::FieldValue;
use crate::sensitive::Sensitive;
use crate::show::{Out, View};
use crate::value::IdNumber;

use super::text::Line;

/// What stands for a sealed text that may not be seen.
pub(super) const MASK: &str = "****";

/// One line of text that is sealed; the street of an address, a WeChat id. Its mask shows nothing of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedText<const MAX: usize>(Sensitive<Line<MAX>>);

impl<const MAX: usize> SealedText<MAX> {
    /// Parses what a client said.
    ///
    /// # Errors
    /// As [`Line::parse`].
    pub fn parse(raw: &str) -> Result<Self, Flaw> {
        Line::parse(raw).map(Sensitive::new).map(Self)
    }
    /// An opened value; no rule is applied.
    #[must_use]
    pub fn from_stored(value: String) -> Self {
        Self(Sensitive::new(Line::from_stored(value)))
    }
    /// The text in clear.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.expose().as_str()
    }
}

/// What a masked text that comes back in a PATCH means; `mask` is what the stored value shows.
pub(super) fn read_masked<T: Clone>(
    raw: &str,
    mask: &str,
    reader: &mut Reader<'_>,
    old: Option<&T>,
) -> Option<Option<T>> {
    if raw == mask
        && let (Sight::Masked, Some(old)) = (reader.sight, old)
    {
        return Some(Some(old.clone()));
    }
    if raw.contains("***") {
        reader.flaw(Flaw::new(&codes::MASK_IN_TEXT).with("value", raw));
        return Some(None);
    }
    None
}

impl<const MAX: usize> FieldValue for SealedText<MAX> {
    const SHAPE: Shape = Shape::Line(MAX);
    fn absent() -> Option<Self> {
        None
    }
    fn read(json: &Value, reader: &mut Reader<'_>, old: Option<&Self>) -> Option<Self> {
        let raw = reader.text(json)?;
        if let Some(masked) = read_masked(raw, MASK, reader, old) {
            return masked;
        }
        reader.keep(Self::parse(raw))
    }
    fn show(&self, out: &mut Out, sight: Sight, _: &dyn View) {
        out.text(if sight == Sight::Full { self.as_str() } else { MASK });
    }
    fn fact(&self, _: Member) -> Fact {
        Fact::Sealed
    }
}

impl FieldValue for IdNumber {
    const SHAPE: Shape = Shape::IdNumber;
    fn absent() -> Option<Self> {
        None
    }
    fn read(json: &Value, reader: &mut Reader<'_>, old: Option<&Self>) -> Option<Self> {
        let raw = reader.text(json)?;
        let mask = old.map(Self::mask).unwrap_or_default();
        if let Some(masked) = read_masked(raw, &mask, reader, old) {
            return masked;
        }
        reader.keep(Self::parse(raw))
    }
    fn show(&self, out: &mut Out, sight: Sight, _: &dyn View) {
        if sight == Sight::Full { out.text(self.as_str()) } else { out.text(&self.mask()) }
    }
    fn fact(&self, _: Member) -> Fact {
        Fact::Sealed
    }
}
