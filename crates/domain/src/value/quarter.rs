//! Quarters of a year.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use super::quoted;
use crate::codes::QUARTER_INVALID;
use crate::flaw::Flaw;

/// A quarter of a year between 1900 and 9999: `2026-Q1`. Its text sorts as time goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quarter {
    year: u16,
    number: u8,
}

impl Quarter {
    /// Parses `2026-Q1`, `2026Q1`, `26Q1`, `Q1 2026`, `2026年第一季度`, `2026年1季度`, `2026一季度`. A year of two digits is one
    /// of this century.
    ///
    /// # Errors
    /// `quarter_invalid`.
    pub fn parse(raw: &str) -> Result<Self, Flaw> {
        read(raw).ok_or_else(|| Flaw::new(&QUARTER_INVALID).with("value", quoted(raw)))
    }

    /// A quarter as it was stored; `None` where the text is none.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        read(text)
    }
}

impl fmt::Display for Quarter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-Q{}", self.year, self.number)
    }
}

fn read(raw: &str) -> Option<Quarter> {
    let text: String = raw
        .nfkc()
        .filter(|c| !(c.is_whitespace() || matches!(c, '-' | '/' | '.' | '_' | '–' | '—' | '年' | '第')))
        .flat_map(char::to_uppercase)
        .collect();
    let (year, number) = match text.strip_suffix("季度").or_else(|| text.strip_suffix('季')) {
        // The last character is the number, whatever the year's digits are.
        Some(rest) => rest.char_indices().next_back().and_then(|(at, number)| Some((rest.get(..at)?, number)))?,
        None => match text.strip_prefix('Q') {
            Some(rest) => (rest.get(1..)?, rest.chars().next()?),
            None => {
                let (year, number) = text.split_once('Q')?;
                let mut chars = number.chars();
                (year, chars.next().filter(|_| chars.next().is_none())?)
            }
        },
    };
    let number = match number {
        '1' | '一' => 1,
        '2' | '二' => 2,
        '3' | '三' => 3,
        '4' | '四' => 4,
        _ => return None,
    };
    let digits = year.bytes().all(|b| b.is_ascii_digit());
    let year = year.parse::<u16>().ok().filter(|_| digits).map(|value| match year.len() {
        2 => value + 2000,
        4 => value,
        _ => 0,
    })?;
    (1900..=9999).contains(&year).then_some(Quarter { year, number })
}

#[cfg(test)]
mod tests {
    use super::Quarter;
    use proptest::prelude::*;

    #[test]
    fn as_people_write_them() {
        for raw in [
            "2026-Q1",
            "2026Q1",
            "2026q1",
            "26Q1",
            "２０２６Ｑ１",
            "2026年第一季度",
            "2026年第1季度",
            "2026年一季度",
            "26年1季度",
            "2026 Q1",
            "Q1 2026",
            "2026/Q1",
        ] {
            assert_eq!(Quarter::parse(raw).map(|quarter| quarter.to_string()).as_deref(), Ok("2026-Q1"), "{raw}");
        }
    }

    #[test]
    fn what_is_no_quarter() {
        for raw in
            ["", "2026", "Q1", "2026-Q5", "2026-Q0", "2026-Q12", "226Q1", "1899Q1", "2026年", "明年第一季度", "季度"]
        {
            assert_eq!(Quarter::parse(raw).unwrap_err().code.key, "quarter_invalid", "{raw}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_is_stable(raw in "\\PC{0,12}|[0-9Qq年第一二三四季度-]{0,9}") {
            if let Ok(quarter) = Quarter::parse(&raw) {
                prop_assert_eq!(Quarter::parse(&quarter.to_string()), Ok(quarter));
                prop_assert_eq!(Quarter::from_stored(&quarter.to_string()), Some(quarter));
            }
        }

        #[test]
        fn its_text_sorts_as_time_goes(a in (1900u16..9999, 1u8..5), b in (1900u16..9999, 1u8..5)) {
            let quarter = |(year, number): (u16, u8)| Quarter::parse(&format!("{year}-Q{number}")).unwrap();
            let (a, b) = (quarter(a), quarter(b));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }
    }
}
