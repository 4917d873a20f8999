//! Single values that are sealed before they are stored, and shown as a mask to those who may not see them.

use chrono::NaiveDate;
use serde_json::Value;

use crate::codes;
use crate::field::{Shape, Sight};
use crate::flaw::Flaw;
use crate::read::Reader;
use crate::record::FieldValue;
use crate::show::{Out, View};

use super::text::Line;

/// What stands for a sealed text that may not be seen.
const MASK: &str = "****";

/// One line of text that is sealed; the street of an address, a WeChat id. Its mask shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedText<const MAX: usize>(Line<MAX>);

impl<const MAX: usize> SealedText<MAX> {
    /// Parses what a client said.
    ///
    /// # Errors
    /// As [`Line::parse`].
    pub fn parse(raw: &str) -> Result<Self, Flaw> {
        Line::parse(raw).map(Self)
    }
    /// An opened value; no rule is applied.
    #[must_use]
    pub fn from_stored(value: String) -> Self {
        Self(Line::from_stored(value))
    }
    /// The text in clear.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl<const MAX: usize> std::fmt::Debug for SealedText<MAX> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealedText(…)")
    }
}

/// What a masked text that comes back in a PATCH means.
fn read_masked<T: Clone>(raw: &str, reader: &mut Reader<'_>, old: Option<&T>) -> Option<Option<T>> {
    if raw == MASK
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
        if let Some(masked) = read_masked(raw, reader, old) {
            return masked;
        }
        reader.keep(Self::parse(raw))
    }
    fn show(&self, out: &mut Out, sight: Sight, _: &dyn View) {
        out.text(if sight == Sight::Full { self.as_str() } else { MASK });
    }
}

/// A calendar day that is sealed: a birthday.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SealedDate(NaiveDate);

impl SealedDate {
    /// Parses `YYYY-MM-DD`, between 1900 and 9999.
    ///
    /// # Errors
    /// Not such a day.
    pub fn parse(raw: &str) -> Result<Self, Flaw> {
        NaiveDate::parse_from_str(raw.trim(), "%Y-%m-%d")
            .ok()
            .filter(|day| (1900..=9999).contains(&chrono::Datelike::year(day)))
            .map(Self)
            .ok_or_else(|| Flaw::new(&codes::DATE_INVALID).with("value", raw))
    }
    /// The day as `YYYY-MM-DD`.
    #[must_use]
    pub fn to_text(self) -> String {
        self.0.to_string()
    }
}

impl std::fmt::Debug for SealedDate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealedDate(…)")
    }
}

impl FieldValue for SealedDate {
    const SHAPE: Shape = Shape::Date;
    fn absent() -> Option<Self> {
        None
    }
    fn read(json: &Value, reader: &mut Reader<'_>, old: Option<&Self>) -> Option<Self> {
        let raw = reader.text(json)?;
        if let Some(masked) = read_masked(raw, reader, old) {
            return masked;
        }
        reader.keep(Self::parse(raw))
    }
    fn show(&self, out: &mut Out, sight: Sight, _: &dyn View) {
        if sight == Sight::Full { out.plain(&self.0) } else { out.text(MASK) }
    }
}
