//! Scalars of a question: from JSON, or from the text of a parameter.

use chrono::{DateTime, Datelike, TimeZone, Utc};
use chrono_tz::Tz;
use serde_json::Value;

pub(super) fn flag(json: &Value) -> Option<bool> {
    json.as_bool().or_else(|| json.as_str().and_then(|text| text.parse().ok()))
}

pub(super) fn int(json: &Value) -> Option<i64> {
    json.as_i64().or_else(|| json.as_str().and_then(|text| text.parse().ok()))
}

/// A moment, or a day that begins in a time zone; between the years 1900 and 9999, which both engines can compare.
#[must_use]
pub fn time(json: &Value, zone: Tz) -> Option<DateTime<Utc>> {
    let text = json.as_str()?;
    let moment = DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&Utc));
    let time = moment.or_else(|| {
        let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        // Where the clock is put forward at midnight, the day begins later.
        let begin = [0, 1, 2].into_iter().filter_map(|hour| day.and_hms_opt(hour, 0, 0));
        let begin = begin.filter_map(|begin| zone.from_local_datetime(&begin).earliest()).next()?;
        Some(begin.with_timezone(&Utc))
    })?;
    (1900..=9999).contains(&time.year()).then_some(time)
}
