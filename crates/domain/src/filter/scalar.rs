//! Scalars of a question: from JSON, or from the text of a parameter.

use chrono::{DateTime, Utc};
use serde_json::Value;

pub(super) fn flag(json: &Value) -> Option<bool> {
    json.as_bool().or_else(|| json.as_str().and_then(|text| text.parse().ok()))
}

pub(super) fn int(json: &Value) -> Option<i64> {
    json.as_i64().or_else(|| json.as_str().and_then(|text| text.parse().ok()))
}

pub(super) fn time(json: &Value) -> Option<DateTime<Utc>> {
    let text = json.as_str()?;
    let moment = DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&Utc));
    moment.or_else(|| {
        let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        Some(day.and_hms_opt(0, 0, 0)?.and_utc())
    })
}
