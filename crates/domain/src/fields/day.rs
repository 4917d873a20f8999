//! Calendar days that are no secret.

use chrono::{Datelike, NaiveDate};
use serde_json::Value;

use crate::codes;
use crate::field::{Shape, Sight};
use crate::filter::{Fact, Member, Scalar};
use crate::flaw::Flaw;
use crate::read::Reader;
use crate::record::FieldValue;
use crate::show::{Out, View};

/// A day between 1900 and 9999; its text sorts as time goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(NaiveDate);

impl Day {
    /// Parses `YYYY-MM-DD`.
    ///
    /// # Errors
    /// `date_invalid`.
    pub fn parse(raw: &str) -> Result<Self, Flaw> {
        let day = NaiveDate::parse_from_str(raw.trim(), "%Y-%m-%d").ok();
        day.filter(|day| (1900..=9999).contains(&day.year()))
            .map(Self)
            .ok_or_else(|| Flaw::new(&codes::DATE_INVALID).with("value", raw))
    }

    /// A stored day; `None` where the text is none.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(Self)
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl FieldValue for Day {
    const SHAPE: Shape = Shape::Date;
    fn absent() -> Option<Self> {
        None
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let raw = reader.text(json)?;
        reader.keep(Self::parse(raw))
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.plain(self);
    }
    fn fact(&self, _: Member) -> Fact {
        Fact::One(Scalar::Text(self.to_string()))
    }
}
