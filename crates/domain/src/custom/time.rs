//! Days and moments.

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use serde_json::Value;

use crate::codes;
use crate::fields::{Instant, format_time};
use crate::flaw::Flaw;
use crate::read::Reader;
use crate::show::Out;
use crate::value::quoted;

use super::CustomField;

/// A calendar day between the years 1900 and 9999.
pub(super) fn parse_date(raw: &str) -> Result<NaiveDate, Flaw> {
    NaiveDate::parse_from_str(raw.trim(), "%Y-%m-%d")
        .ok()
        .filter(|day| (1900..=9999).contains(&day.year()))
        .ok_or_else(|| Flaw::new(&codes::DATE_INVALID).with("value", quoted(raw)))
}

/// Days since 1970.
pub(super) fn days(day: NaiveDate) -> i64 {
    day.signed_duration_since(NaiveDate::default()).num_days()
}

/// A moment in milliseconds since 1970.
pub(super) fn parse_time(raw: &str) -> Result<i64, Flaw> {
    Instant::parse(raw)
        .map(|instant| instant.time().timestamp_millis())
        .map_err(|_| Flaw::new(&codes::INSTANT_INVALID).with("value", quoted(raw)))
}

/// The day that is so many days after the first of 1970.
pub(super) fn date_text(days: i64) -> String {
    let (epoch, count) = (NaiveDate::default(), Days::new(days.unsigned_abs()));
    let day = if days < 0 { epoch.checked_sub_days(count) } else { epoch.checked_add_days(count) };
    day.unwrap_or(epoch).to_string()
}

/// The moment as answers show it.
pub(super) fn time_text(millis: i64) -> String {
    format_time(DateTime::<Utc>::from_timestamp_millis(millis).unwrap_or_default())
}

/// Writes a kept moment.
pub(super) fn show_time(kept: &Value, out: &mut Out) {
    match kept.as_i64() {
        Some(millis) => out.text(&time_text(millis)),
        None => out.null(),
    }
}

impl CustomField {
    pub(super) fn read_date(&self, json: &Value, reader: &mut Reader<'_>) -> Option<Value> {
        let raw = reader.text(json)?;
        let day = reader.keep(parse_date(raw))?;
        self.within(days(day), reader)?;
        Some(Value::from(day.to_string()))
    }

    pub(super) fn read_time(&self, json: &Value, reader: &mut Reader<'_>) -> Option<Value> {
        let raw = reader.text(json)?;
        let millis = reader.keep(parse_time(raw))?;
        self.within(millis, reader)?;
        Some(Value::from(millis))
    }
}
