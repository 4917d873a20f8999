//! Days, weeks, months, quarters and years by which records are grouped, in the time zone of an organisation.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// A period of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// A day.
    Day,
    /// A week, from Monday (ISO 8601).
    Week,
    /// A month.
    Month,
    /// A quarter.
    Quarter,
    /// A year.
    Year,
}

impl Period {
    /// Every period, with its name.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Day, "day"),
        (Self::Week, "week"),
        (Self::Month, "month"),
        (Self::Quarter, "quarter"),
        (Self::Year, "year"),
    ];

    /// The period of that name.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == key).map(|(period, _)| *period)
    }

    /// The first day of the period that a day lies in.
    #[must_use]
    pub fn begin(self, day: NaiveDate) -> NaiveDate {
        let begin = match self {
            Self::Day => Some(day),
            Self::Week => day.checked_sub_days(Days::new(u64::from(day.weekday().num_days_from_monday()))),
            Self::Month => day.with_day(1),
            Self::Quarter => NaiveDate::from_ymd_opt(day.year(), day.month0() / 3 * 3 + 1, 1),
            Self::Year => NaiveDate::from_ymd_opt(day.year(), 1, 1),
        };
        begin.unwrap_or(day)
    }

    /// The first day of the next period, of the first day of one.
    #[must_use]
    pub fn next(self, begin: NaiveDate) -> NaiveDate {
        let next = match self {
            Self::Day => begin.succ_opt(),
            Self::Week => begin.checked_add_days(Days::new(7)),
            Self::Month => begin.checked_add_months(Months::new(1)),
            Self::Quarter => begin.checked_add_months(Months::new(3)),
            Self::Year => begin.checked_add_months(Months::new(12)),
        };
        next.unwrap_or(NaiveDate::MAX)
    }

    /// What a period is called, of its first day: `2026-11-22`, `2026-W48`, `2026-11`, `2026-Q4`, `2026`.
    #[must_use]
    pub fn name(self, begin: NaiveDate) -> String {
        match self {
            Self::Day => begin.format("%Y-%m-%d").to_string(),
            Self::Week => begin.format("%G-W%V").to_string(),
            Self::Month => begin.format("%Y-%m").to_string(),
            Self::Quarter => format!("{:04}-Q{}", begin.year(), begin.month0() / 3 + 1),
            Self::Year => format!("{:04}", begin.year()),
        }
    }
}

/// A moment from which on clocks of a zone are so much ahead of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// The moment, in milliseconds since 1970.
    pub from: i64,
    /// How far ahead, in milliseconds; behind it is less than nothing.
    pub by: i64,
}

/// How far the clocks of a zone were ahead of UTC all through a span of time: what holds at its beginning, then every
/// change, the earlier first. Nothing where there are more than so many changes.
#[must_use]
pub fn ahead(zone: Tz, from: DateTime<Utc>, to: DateTime<Utc>, most: usize) -> Option<Vec<Ahead>> {
    let by =
        |at: DateTime<Utc>| i64::from(zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()) * 1000;
    let mut known = by(from);
    let mut all = vec![Ahead { from: from.timestamp_millis(), by: known }];
    let mut at = from;
    // No zone changes twice within four weeks and back but by a few hours' error of history; a step is a week.
    let step = TimeDelta::days(7);
    while at < to {
        let next = at.checked_add_signed(step).unwrap_or(to).min(to);
        if by(next) != known {
            let change = first_change(at, next, |moment| by(moment) != known);
            known = by(change);
            all.push(Ahead { from: change.timestamp_millis(), by: known });
            if all.len() > most {
                return None;
            }
            at = change;
        } else {
            at = next;
        }
    }
    Some(all)
}

/// The first second within (`from`, `to`] that something holds for, where it holds for `to`, and from its first second
/// on.
fn first_change(from: DateTime<Utc>, to: DateTime<Utc>, holds: impl Fn(DateTime<Utc>) -> bool) -> DateTime<Utc> {
    let (mut before, mut after) = (from.timestamp(), to.timestamp());
    while after - before > 1 {
        let middle = before + (after - before) / 2;
        match DateTime::from_timestamp(middle, 0).is_some_and(&holds) {
            true => after = middle,
            false => before = middle,
        }
    }
    DateTime::from_timestamp(after, 0).unwrap_or(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn moment(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn periods_begin_and_end_as_the_calendar_has_it() {
        for (period, at, begin, next, name) in [
            (Period::Day, "2024-02-29", "2024-02-29", "2024-03-01", "2024-02-29"),
            (Period::Week, "2026-01-01", "2025-12-29", "2026-01-05", "2026-W01"),
            (Period::Week, "2021-01-03", "2020-12-28", "2021-01-04", "2020-W53"),
            (Period::Month, "2026-12-31", "2026-12-01", "2027-01-01", "2026-12"),
            (Period::Quarter, "2026-11-22", "2026-10-01", "2027-01-01", "2026-Q4"),
            (Period::Year, "2026-11-22", "2026-01-01", "2027-01-01", "2026"),
        ] {
            let first = period.begin(day(at));
            assert_eq!((first, period.next(first), period.name(first).as_str()), (day(begin), day(next), name));
        }
    }

    #[test]
    fn a_zone_is_as_far_ahead_as_its_clocks_were() {
        let hour = 3_600_000;
        let span = (moment("2026-01-01T00:00:00Z"), moment("2026-12-31T00:00:00Z"));
        let found = ahead(Tz::Europe__Berlin, span.0, span.1, 100).unwrap();
        let changes: Vec<_> = found.iter().map(|ahead| (ahead.from, ahead.by / hour)).collect();
        let at = |text| moment(text).timestamp_millis();
        let expected =
            [(at("2026-01-01T00:00:00Z"), 1), (at("2026-03-29T01:00:00Z"), 2), (at("2026-10-25T01:00:00Z"), 1)];
        assert_eq!(changes, expected);
        assert_eq!(ahead(Tz::Asia__Shanghai, span.0, span.1, 100).unwrap().len(), 1);
        // China put its clocks forward from 1986 to 1991.
        let china = ahead(Tz::Asia__Shanghai, moment("1980-01-01T00:00:00Z"), span.1, 100).unwrap();
        assert_eq!(china.len(), 13);
        assert_eq!(ahead(Tz::Europe__Berlin, moment("1900-01-01T00:00:00Z"), span.1, 100), None);
    }
}
