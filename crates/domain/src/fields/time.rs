//! Moments.

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use serde_json::Value;

use crate::codes;
use crate::field::{Shape, Sight};
use crate::filter::{Fact, Member, Scalar};
use crate::flaw::Flaw;
use crate::read::Reader;
use crate::record::FieldValue;
use crate::show::{Out, View};

/// A moment with milliseconds, RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(DateTime<Utc>);

impl Instant {
    /// Parses an RFC 3339 text of any offset, cut to milliseconds.
    ///
    /// # Errors
    /// Not such a text, or outside the years 1900 to 9999.
    pub fn parse(raw: &str) -> Result<Self, Flaw> {
        let wrong = || Flaw::new(&codes::INSTANT_INVALID).with("value", raw);
        let time = DateTime::parse_from_rfc3339(raw.trim()).map_err(|_| wrong())?.with_timezone(&Utc);
        let year = chrono::Datelike::year(&time);
        if !(1900..=9999).contains(&year) {
            return Err(wrong());
        }
        Ok(Self(time.trunc_subsecs(3)))
    }

    /// A moment from a clock or a row.
    #[must_use]
    pub fn from_stored(time: DateTime<Utc>) -> Self {
        Self(time)
    }

    /// The moment.
    #[must_use]
    pub fn time(self) -> DateTime<Utc> {
        self.0
    }
}

/// A moment as answers show it: `2026-11-22T08:30:00.000Z`.
#[must_use]
pub fn format_time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl FieldValue for Instant {
    const SHAPE: Shape = Shape::Instant;
    fn absent() -> Option<Self> {
        None
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let raw = reader.text(json)?;
        reader.keep(Self::parse(raw))
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.plain(&format_time(self.0));
    }
    fn fact(&self, _: Member) -> Fact {
        Fact::One(Scalar::Time(self.0))
    }
}
