//! The ends of a range: numbers digit for digit, and days.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate};
use chrono_tz::Tz;
use serde_json::Value;

/// An end of a range, as it was said and as it is compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    said: Value,
    at: At,
}

/// A place on a scale. A number and a day cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum At {
    /// Millionths.
    Number(i128),
    Day(NaiveDate),
}

impl PartialOrd for At {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Number(one), Self::Number(other)) => one.partial_cmp(other),
            (Self::Day(one), Self::Day(other)) => one.partial_cmp(other),
            (Self::Number(_), Self::Day(_)) | (Self::Day(_), Self::Number(_)) => None,
        }
    }
}

impl Bound {
    /// Reads a number, a decimal as text, or a day.
    pub(super) fn parse(json: &Value) -> Option<Self> {
        let at = match json {
            Value::Number(number) => At::Number(millionths(&number.to_string())?),
            Value::String(text) => match text.trim().parse() {
                Ok(day) => At::Day(day),
                Err(_) => At::Number(millionths(text.trim())?),
            },
            _ => return None,
        };
        Some(Self { said: json.clone(), at })
    }

    pub(super) fn at(&self) -> At {
        self.at
    }

    /// As it was said.
    #[must_use]
    pub fn said(&self) -> &Value {
        &self.said
    }

    /// For a sentence.
    pub(super) fn text(&self) -> String {
        self.said.as_str().map_or_else(|| self.said.to_string(), str::to_owned)
    }
}

/// Millionths of a decimal; `None` for what is none, or has more digits than can be kept.
fn millionths(text: &str) -> Option<i128> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if !(1..=20).contains(&whole.len()) || part.len() > 6 || !plain(whole) || !plain(part) {
        return None;
    }
    let value: i128 = format!("{whole}{part:0<6}").parse().ok()?;
    Some(if negative { -value } else { value })
}

/// Where a value of a record begins and ends: a budget goes from one amount to another.
pub(super) fn extent(value: &Value, zone: Tz) -> Option<(At, At)> {
    let end = |name: &str| value.get(name).and_then(|end| place(end, zone));
    match (end("min"), end("max")) {
        (None, None) => place(value, zone).map(|at| (at, at)),
        (Some(one), None) | (None, Some(one)) => Some((one, one)),
        (Some(least), Some(most)) => Some((least, most)),
    }
}

/// Where a value of a record stands, on the scale that it is told on: how many a list has, how much an amount is, on
/// which day of the organisation a moment lies.
fn place(value: &Value, zone: Tz) -> Option<At> {
    match value {
        Value::Array(items) => i128::try_from(items.len()).ok().map(|many| At::Number(many * 1_000_000)),
        Value::Number(number) => millionths(&number.to_string()).map(At::Number),
        Value::Object(members) => place(members.get("amount")?, zone),
        Value::String(text) => match (text.parse::<NaiveDate>(), DateTime::parse_from_rfc3339(text)) {
            (Ok(day), _) => Some(At::Day(day)),
            (_, Ok(time)) => Some(At::Day(time.with_timezone(&zone).date_naive())),
            _ => millionths(text).map(At::Number),
        },
        Value::Null | Value::Bool(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_compared_digit_for_digit() {
        assert_eq!(millionths("12.5"), Some(12_500_000));
        assert_eq!(millionths("-0.000001"), Some(-1));
        for none in ["", "-", ".5", "1e9", "1.0000001", "一", "999999999999999999999"] {
            assert_eq!(millionths(none), None, "{none}");
        }
        let zone = Tz::Asia__Shanghai;
        let at = |json: Value| Bound::parse(&json).map(|bound| bound.at());
        assert_eq!(place(&json!({"amount": "1280.00", "currency": "CNY"}), zone), at(json!(1280)));
        assert_eq!(place(&json!(["a", "b"]), zone), at(json!("2")));
        assert_eq!(place(&json!("2026-11-22T17:00:00.000Z"), zone), at(json!("2026-11-23")));
        let (number, day) = (at(json!(20261122)).unwrap(), at(json!("2026-11-22")).unwrap());
        assert!(number.partial_cmp(&day).is_none() && day.partial_cmp(&number).is_none());
        assert!(at(json!(true)).is_none() && at(json!("many")).is_none());
    }
}
