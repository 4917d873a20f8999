//! Days, weeks, months, quarters and years that a word means, and values that stand for more than themselves: for a
//! whole span, from a beginning up to, and without, an end, or for several values.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeZone, Utc};
use chrono_tz::Tz;

use super::{Filter, Op};

/// Every word, for messages and descriptions.
pub const WORDS: &[&str] = &[
    "yesterday",
    "today",
    "tomorrow",
    "last_week",
    "this_week",
    "next_week",
    "last_month",
    "this_month",
    "next_month",
    "last_quarter",
    "this_quarter",
    "next_quarter",
    "last_year",
    "this_year",
    "next_year",
];

/// Most days that `within_last` and `within_next` count: a hundred years.
pub(super) const MAX_DAYS: u64 = 36_500;

/// The days that a word means, seen from a day: the first, and the first after the last. Weeks begin on Monday.
pub(super) fn days_of(word: &str, today: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
    let day = |from: Option<NaiveDate>| Some((from?, from?.succ_opt()?));
    match word {
        "yesterday" => return day(today.pred_opt()),
        "today" => return day(Some(today)),
        "tomorrow" => return day(today.succ_opt()),
        _ => {}
    }
    let (which, length) = word.split_once('_')?;
    let shift = match which {
        "last" => -1,
        "this" => 0,
        "next" => 1,
        _ => return None,
    };
    if length == "week" {
        let monday = today.checked_sub_days(Days::new(today.weekday().num_days_from_monday().into()))?;
        let from =
            moved(monday, shift, |day| day.checked_add_days(Days::new(7)), |day| day.checked_sub_days(Days::new(7)))?;
        return Some((from, from.checked_add_days(Days::new(7))?));
    }
    let first = today.with_day(1)?;
    let (begin, months) = match length {
        "month" => (first, 1),
        "quarter" => (first.with_month(first.month0() / 3 * 3 + 1)?, 3),
        "year" => (first.with_month(1)?, 12),
        _ => return None,
    };
    let months = Months::new(months);
    let from = moved(begin, shift, |day| day.checked_add_months(months), |day| day.checked_sub_months(months))?;
    Some((from, from.checked_add_months(months)?))
}

fn moved(
    day: NaiveDate,
    shift: i8,
    forth: impl Fn(NaiveDate) -> Option<NaiveDate>,
    back: impl Fn(NaiveDate) -> Option<NaiveDate>,
) -> Option<NaiveDate> {
    match shift {
        0 => Some(day),
        1 => forth(day),
        _ => back(day),
    }
}

/// The moment at which a day begins in a time zone.
pub(super) fn begin_of(day: NaiveDate, zone: Tz) -> Option<DateTime<Utc>> {
    // Where the clock is put forward at midnight, the day begins later.
    let begin = [0, 1, 2].into_iter().filter_map(|hour| day.and_hms_opt(hour, 0, 0));
    let begin = begin.filter_map(|begin| zone.from_local_datetime(&begin).earliest()).next()?;
    Some(begin.with_timezone(&Utc)).filter(|time| (1900..=9999).contains(&time.year()))
}

/// What a value that is asked for means.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said<V> {
    /// That value.
    One(V),
    /// All values from the one up to, and without, the other.
    Span(V, V),
    /// Each of these; never none.
    Each(V, Vec<V>),
}

impl<V: Clone + PartialEq> Said<V> {
    /// The same, where both ends are told in another way.
    pub(super) fn map<W>(self, tell: impl Fn(V) -> W) -> Said<W> {
        match self {
            Self::One(value) => Said::One(tell(value)),
            Self::Span(from, to) => Said::Span(tell(from), tell(to)),
            Self::Each(first, rest) => Said::Each(tell(first), rest.into_iter().map(tell).collect()),
        }
    }

    fn begin(&self) -> V {
        match self {
            Self::One(value) | Self::Span(value, _) | Self::Each(value, _) => value.clone(),
        }
    }

    /// The single values that it stands for; nothing where it is a span.
    fn values(&self) -> Option<Vec<V>> {
        match self {
            Self::One(value) => Some(vec![value.clone()]),
            Self::Each(first, rest) => Some(std::iter::once(first).chain(rest).cloned().collect()),
            Self::Span(..) => None,
        }
    }
}

/// A comparison with what was said, in comparisons with single values, which `is` makes.
pub(super) fn compared<V: Clone + PartialEq>(op: Op, said: &[Said<V>], is: &dyn Fn(Op, Vec<V>) -> Filter) -> Filter {
    if said.iter().all(|one| matches!(one, Said::One(_))) {
        return is(op, said.iter().map(Said::begin).collect());
    }
    let until = |one: &Said<V>| match one {
        Said::Span(_, to) => is(Op::Lt, vec![to.clone()]),
        _ => is(Op::Lte, vec![one.begin()]),
    };
    let after = |one: &Said<V>| match one {
        Said::Span(_, to) => is(Op::Gte, vec![to.clone()]),
        _ => is(Op::Gt, vec![one.begin()]),
    };
    match (op, said) {
        (Op::Ne | Op::Nin, all) => Filter::Not(Box::new(within(all, is))),
        (Op::Lte, [one]) => until(one),
        (Op::Gt, [one]) => after(one),
        (Op::Lt | Op::Gte, [one]) => is(op, vec![one.begin()]),
        (Op::Between, [from, to]) => Filter::And(vec![is(Op::Gte, vec![from.begin()]), until(to)]),
        // `eq` and `in`; every other operator takes single values.
        (_, all) => within(all, is),
    }
}

/// That it is one of what was said: single values are compared at once, and each of them one time.
fn within<V: Clone + PartialEq>(said: &[Said<V>], is: &dyn Fn(Op, Vec<V>) -> Filter) -> Filter {
    let mut singles: Vec<V> = Vec::new();
    for value in said.iter().filter_map(Said::values).flatten() {
        if !singles.contains(&value) {
            singles.push(value);
        }
    }
    let spans = said.iter().filter_map(|one| match one {
        Said::Span(from, to) => Some(Filter::And(vec![is(Op::Gte, vec![from.clone()]), is(Op::Lt, vec![to.clone()])])),
        _ => None,
    });
    let singles = (!singles.is_empty()).then(|| is(Op::In, singles));
    let mut all: Vec<Filter> = spans.chain(singles).collect();
    if all.len() > 1 { Filter::Or(all) } else { all.pop().unwrap_or_else(|| Filter::Or(Vec::new())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(word: &str, today: &str) -> Option<String> {
        let (from, to) = days_of(word, today.parse().unwrap())?;
        Some(format!("{from} {to}"))
    }

    #[test]
    fn words_mean_whole_days() {
        for (word, today, expected) in [
            ("today", "2026-11-26", "2026-11-26 2026-11-27"),
            ("yesterday", "2026-03-01", "2026-02-28 2026-03-01"),
            ("tomorrow", "2026-12-31", "2027-01-01 2027-01-02"),
            ("this_week", "2026-11-26", "2026-11-23 2026-11-30"),
            ("this_week", "2026-11-29", "2026-11-23 2026-11-30"),
            ("this_week", "2026-11-30", "2026-11-30 2026-12-07"),
            ("last_week", "2026-01-01", "2025-12-22 2025-12-29"),
            ("next_week", "2026-11-26", "2026-11-30 2026-12-07"),
            ("this_month", "2028-02-29", "2028-02-01 2028-03-01"),
            ("last_month", "2026-03-31", "2026-02-01 2026-03-01"),
            ("next_month", "2026-12-31", "2027-01-01 2027-02-01"),
            ("this_quarter", "2026-11-26", "2026-10-01 2027-01-01"),
            ("last_quarter", "2026-02-15", "2025-10-01 2026-01-01"),
            ("next_quarter", "2026-05-31", "2026-07-01 2026-10-01"),
            ("this_year", "2026-11-26", "2026-01-01 2027-01-01"),
            ("last_year", "2028-02-29", "2027-01-01 2028-01-01"),
        ] {
            assert_eq!(days(word, today).as_deref(), Some(expected), "{word} on {today}");
        }
        assert!(WORDS.iter().all(|word| days(word, "2026-11-26").is_some()));
        for word in ["", "this", "this_", "this_day", "that_week", "_week", "week", "TODAY"] {
            assert_eq!(days(word, "2026-11-26"), None, "{word}");
        }
    }

    #[test]
    fn a_day_begins_when_its_clock_says_so() {
        let begin = |day: &str, zone: Tz| begin_of(day.parse().unwrap(), zone).unwrap().to_rfc3339();
        assert_eq!(begin("2026-11-26", chrono_tz::Asia::Shanghai), "2026-11-25T16:00:00+00:00");
        // Midnight was left out there.
        assert_eq!(begin("2018-11-04", chrono_tz::America::Sao_Paulo), "2018-11-04T03:00:00+00:00");
    }
}
