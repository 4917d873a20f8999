//! Days of the Chinese calendar (GB/T 33661-2017), 1900 to 2100.

use std::sync::LazyLock;

use chrono::{Datelike, Days, NaiveDate};

/// A year of the calendar.
struct Year {
    number: i32,
    /// Its first day.
    first: NaiveDate,
    /// The month that comes twice.
    leap: Option<u32>,
    /// Days of each month in order, the leap one behind its twin.
    lengths: Vec<u32>,
}

static YEARS: LazyLock<Vec<Year>> = LazyLock::new(|| {
    let year = |line: &str| {
        let mut cells = line.split(' ');
        let number = cells.next()?.parse().ok()?;
        let first = NaiveDate::parse_from_str(cells.next()?, "%Y-%m-%d").ok()?;
        let leap = cells.next()?.parse().ok().filter(|month| *month > 0);
        let lengths = cells.next()?.chars().map(|length| if length == 'b' { 30 } else { 29 }).collect();
        Some(Year { number, first, leap, lengths })
    };
    include_str!("../../data/lunar.txt").lines().filter_map(year).collect()
});

/// A day of the Chinese calendar, in a year or in any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LunarDay {
    year: Option<i32>,
    month: u32,
    leap: bool,
    day: u32,
}

impl LunarDay {
    /// The day, where there is one: the year has that month, leap or not, and the month that day. Of a day of any year
    /// the month may have up to 30.
    #[must_use]
    pub fn new(year: Option<i32>, month: u32, leap: bool, day: u32) -> Option<Self> {
        let this = Self { year, month, leap, day };
        let fits = match year {
            Some(year) => this.in_year(year, leap).is_some(),
            None => (1..=12).contains(&month) && (1..=30).contains(&day),
        };
        fits.then_some(this)
    }

    /// The year of the calendar, where it is known.
    #[must_use]
    pub fn year(self) -> Option<i32> {
        self.year
    }

    /// The month, 1 to 12.
    #[must_use]
    pub fn month(self) -> u32 {
        self.month
    }

    /// Whether it is the second of two months of that number.
    #[must_use]
    pub fn is_leap(self) -> bool {
        self.leap
    }

    /// The day of the month.
    #[must_use]
    pub fn day(self) -> u32 {
        self.day
    }

    /// The day in the solar calendar on which it is remembered in a solar year. Who was born in a leap month has the
    /// ordinary one of that number, since the leap one comes back after decades; the 30th of a month that ends with the
    /// 29th is its last day. Nothing outside 1900 to 2100.
    #[must_use]
    pub fn celebrated_in(self, solar_year: i32) -> Option<NaiveDate> {
        // The last months of a year of the calendar lie in the next solar one.
        let of = |year| {
            let last = |day| Self { day, ..self }.in_year(year, false);
            last(self.day).or_else(|| last(self.day.min(29)))
        };
        [solar_year, solar_year - 1].into_iter().filter_map(of).find(|day| day.year() == solar_year)
    }

    /// The solar day of its birth, where the year is known.
    #[must_use]
    pub fn solar(self) -> Option<NaiveDate> {
        self.year.and_then(|year| self.in_year(year, self.leap))
    }

    /// The solar day in a year of the calendar.
    fn in_year(self, number: i32, leap: bool) -> Option<NaiveDate> {
        let year = YEARS.iter().find(|year| year.number == number)?;
        if !(1..=12).contains(&self.month) || (leap && year.leap != Some(self.month)) {
            return None;
        }
        let behind_leap = leap || year.leap.is_some_and(|month| month < self.month);
        let place = usize::try_from(self.month - 1).ok()? + usize::from(behind_leap);
        let length = year.lengths.get(place)?;
        if !(1..=*length).contains(&self.day) {
            return None;
        }
        let before: u32 = year.lengths.iter().take(place).sum();
        year.first.checked_add_days(Days::new(u64::from(before + self.day - 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::{LunarDay, YEARS};
    use chrono::{Datelike, Days, NaiveDate};
    use proptest::prelude::*;

    fn solar(year: i32, month: u32, leap: bool, day: u32) -> Option<String> {
        LunarDay::new(Some(year), month, leap, day).and_then(LunarDay::solar).map(|day| day.to_string())
    }

    #[test]
    fn vectors() {
        for (lunar, expected) in [
            ((1990, 8, false, 15), "1990-10-03"),
            ((2023, 2, true, 1), "2023-03-22"),
            ((2025, 6, true, 15), "2025-08-08"),
            ((2026, 1, false, 1), "2026-02-17"),
            ((2033, 11, true, 1), "2033-12-22"),
            ((1900, 1, false, 1), "1900-01-31"),
            ((2100, 12, false, 29), "2101-01-28"),
            ((2020, 4, true, 29), "2020-06-20"),
            ((1985, 12, false, 30), "1986-02-08"),
        ] {
            let (year, month, leap, day) = lunar;
            assert_eq!(solar(year, month, leap, day).as_deref(), Some(expected), "{lunar:?}");
        }
    }

    #[test]
    fn days_that_do_not_exist() {
        for (year, month, leap, day) in [
            (2026, 1, true, 1),
            (2026, 13, false, 1),
            (2026, 0, false, 1),
            (2026, 1, false, 31),
            (2025, 6, true, 30),
            (1899, 1, false, 1),
            (2101, 1, false, 1),
        ] {
            assert_eq!(solar(year, month, leap, day), None, "{year}-{month}-{day}");
        }
        assert!(LunarDay::new(None, 8, false, 30).is_some() && LunarDay::new(None, 8, false, 31).is_none());
    }

    #[test]
    fn a_birthday_comes_once_a_year() {
        let born = LunarDay::new(Some(1990), 8, false, 15).unwrap();
        assert_eq!(born.celebrated_in(2026).unwrap().to_string(), "2026-09-25");
        // Born in a leap month, on a last day that this year's month does not have, at the end of the year.
        let leap = LunarDay::new(Some(2023), 2, true, 1).unwrap();
        assert_eq!(leap.celebrated_in(2026).unwrap().to_string(), "2026-03-19");
        let last = LunarDay::new(None, 12, false, 30).unwrap();
        assert_eq!(last.celebrated_in(2026).unwrap().to_string(), "2026-02-16");
        assert_eq!(born.celebrated_in(1899), None);
    }

    #[test]
    fn the_table_has_no_gap() {
        assert_eq!(YEARS.len(), 201);
        for pair in YEARS.windows(2) {
            let days: u32 = pair[0].lengths.iter().sum();
            assert_eq!(pair[0].first.checked_add_days(Days::new(days.into())), Some(pair[1].first));
            assert_eq!(pair[0].lengths.len(), 12 + usize::from(pair[0].leap.is_some()));
        }
        assert!(YEARS.iter().all(|year| (20..=51).contains(&(year.first.ordinal()))));
        assert!(YEARS.iter().all(|year| year.first.year() == year.number));
    }

    proptest! {
        #[test]
        fn never_panics(year in any::<i32>(), month in any::<u32>(), leap: bool, day in any::<u32>()) {
            if let Some(found) = LunarDay::new(Some(year), month, leap, day) {
                prop_assert!(found.solar().is_some());
            }
            let _ = LunarDay::new(None, month, leap, day).map(|day| day.celebrated_in(year.saturating_add(1)));
        }

        #[test]
        fn days_follow_each_other(year in 1901i32..2100, month in 1u32..13, day in 1u32..29) {
            let at = |day| LunarDay::new(Some(year), month, false, day).unwrap().solar().unwrap();
            prop_assert_eq!(at(day) + Days::new(1), at(day + 1));
            prop_assert!(at(day) >= NaiveDate::from_ymd_opt(year, 1, 20).unwrap());
        }
    }
}
