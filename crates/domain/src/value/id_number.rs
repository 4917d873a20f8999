//! Number of a resident identity card of mainland China (GB 11643-1999), and of the residence permits with the same
//! form: residents of Hong Kong, Macao and Taiwan (81, 82, 83), permanent residents from abroad (9).

use chrono::{Datelike, NaiveDate};
use unicode_normalization::UnicodeNormalization;

use super::quoted;
use crate::codes::{ID_NUMBER_CHARSET, ID_NUMBER_CHECK, ID_NUMBER_DATE, ID_NUMBER_LENGTH, ID_NUMBER_REGION};
use crate::flaw::{Code, Flaw};
use crate::mask;
use crate::sensitive::Sensitive;

/// Characters of a number, the last one being the check.
const LENGTH: usize = 18;
/// Digits of a number as it was issued until 1999: the year has two digits, and there is no check.
const OLD_LENGTH: usize = 15;
/// Check characters by remainder (ISO 7064, MOD 11-2).
const CHECKS: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];
/// Weights of the 17 digits: 2^(17-i) modulo 11.
const WEIGHTS: [u32; LENGTH - 1] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
/// First two digits of the provinces in GB/T 2260.
const PROVINCES: [&str; 34] = [
    "11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42", "43", "44",
    "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71", "81", "82",
];
/// Residence permits of residents of Taiwan.
const TAIWAN_PERMIT: &str = "83";

/// What an identity number says of a person's sex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sex {
    /// A man's.
    Male,
    /// A woman's.
    Female,
}

impl Sex {
    /// The stable key: `male`, `female`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Male => "male",
            Self::Female => "female",
        }
    }
}

/// Eighteen characters: region, day of birth, sequence, check character in upper case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdNumber(Sensitive<String>);

impl IdNumber {
    /// Parses a number in any case and width, with or without spaces and hyphens. One of 15 digits is brought to 18,
    /// so that a person is found by either.
    ///
    /// # Errors
    /// `id_number_length`, `id_number_charset`, `id_number_region`, `id_number_date`, `id_number_check`.
    pub fn parse(raw: &str) -> Result<Self, Flaw> {
        let number: String = raw
            .nfkc()
            .filter(|c| !(c.is_whitespace() || matches!(c, '-' | '\u{200b}' | '\u{feff}' | '\'')))
            .map(|c| c.to_ascii_uppercase())
            .collect();
        let refused = |code: &'static Code| Flaw::new(code).with("value", quoted(raw));
        let length = number.chars().count();
        let number = match length {
            LENGTH => number,
            OLD_LENGTH => {
                number.get(..6).zip(number.get(6..)).map(|(region, rest)| format!("{region}19{rest}")).unwrap_or(number)
            }
            _ => return Err(refused(&ID_NUMBER_LENGTH).with("length", length)),
        };
        let digits: Vec<u32> = number.chars().take(LENGTH - 1).map_while(|c| c.to_digit(10)).collect();
        let last = number.chars().nth(LENGTH - 1);
        if digits.len() < LENGTH - 1 || last.is_some_and(|c| !(c.is_ascii_digit() || c == 'X')) {
            return Err(refused(&ID_NUMBER_CHARSET));
        }
        if !has_region(&number) {
            return Err(refused(&ID_NUMBER_REGION));
        }
        if birthday(&number).is_none() {
            return Err(refused(&ID_NUMBER_DATE));
        }
        let check = check(&digits);
        match last {
            Some(last) if last != check => Err(refused(&ID_NUMBER_CHECK)),
            Some(_) => Ok(Self(Sensitive::new(number))),
            None => Ok(Self(Sensitive::new(format!("{number}{check}")))),
        }
    }

    /// A number as it was stored; no rule is applied.
    #[must_use]
    pub fn from_stored(number: String) -> Self {
        Self(Sensitive::new(number))
    }

    /// The number in clear.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.expose()
    }

    /// The day of birth that it holds; `None` of a stored text that is no number.
    #[must_use]
    pub fn birthday(&self) -> Option<NaiveDate> {
        birthday(self.as_str())
    }

    /// The sex that it holds (GB/T 2261.1): the seventeenth digit is odd for men.
    #[must_use]
    pub fn sex(&self) -> Option<Sex> {
        let digit = self.as_str().chars().nth(LENGTH - 2)?.to_digit(10)?;
        Some(if digit % 2 == 1 { Sex::Male } else { Sex::Female })
    }

    /// First and last character, `1***************X`.
    #[must_use]
    pub fn mask(&self) -> String {
        mask::id_number(self.as_str())
    }
}

/// The issuing province; of permanent residents from abroad it stands behind a 9.
fn has_region(number: &str) -> bool {
    let known = |at: usize| number.get(at..at + 2).is_some_and(|code| PROVINCES.contains(&code));
    known(0) || number.starts_with(TAIWAN_PERMIT) || (number.starts_with('9') && known(1))
}

/// The day of birth, between 1800 and 2199: whoever was born later is not known of yet, and no clock is asked here.
fn birthday(number: &str) -> Option<NaiveDate> {
    let day = NaiveDate::parse_from_str(number.get(6..14)?, "%Y%m%d").ok()?;
    (1800..2200).contains(&day.year()).then_some(day)
}

/// The check character of 17 digits.
fn check(digits: &[u32]) -> char {
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
    usize::try_from(sum % 11).ok().and_then(|at| CHECKS.get(at).copied()).unwrap_or('0')
}

#[cfg(test)]
mod tests {
    use super::{CHECKS, IdNumber, PROVINCES, check};
    use proptest::prelude::*;

    fn key(raw: &str) -> Option<&'static str> {
        IdNumber::parse(raw).err().map(|flaw| flaw.code.key)
    }

    #[test]
    fn vectors() {
        for right in [
            "110101199003070265",
            "310104198812316650",
            "440305200002295540",
            "330106197511050096",
            "510107200101019613",
            "11010119900307002x",
            " 110101 19900307 002Ｘ ",
            "１１０１０１１９９００３０７０２６５",
            "'110101-19900307-0265",
        ] {
            assert_eq!(key(right), None, "{right}");
        }
        for (wrong, expected) in [
            ("110101199002300129", "id_number_date"),
            ("110101170003070267", "id_number_date"),
            ("110101199003070260", "id_number_check"),
            ("110101199003072065", "id_number_check"),
            ("000101199003070265", "id_number_region"),
            ("990101199003070265", "id_number_region"),
            ("11010119900307026", "id_number_length"),
            ("1101011990030702655", "id_number_length"),
            ("", "id_number_length"),
            ("1101011990030702X5", "id_number_charset"),
            ("11010119900307026Y", "id_number_charset"),
            ("护照E12345678号码一二三四五", "id_number_charset"),
        ] {
            assert_eq!(key(wrong), Some(expected), "{wrong}");
        }
    }

    #[test]
    fn permits_have_the_same_form() {
        let whole = |digits: &str| {
            let values: Vec<u32> = digits.chars().filter_map(|c| c.to_digit(10)).collect();
            format!("{digits}{}", check(&values))
        };
        for digits in ["81000019900307002", "83000019900307002", "91115619900307002"] {
            assert_eq!(key(&whole(digits)), None, "{digits}");
        }
    }

    #[test]
    fn fifteen_digits_are_brought_to_eighteen() {
        let old = IdNumber::parse("110101900307026").unwrap();
        assert_eq!(old, IdNumber::parse("110101199003070265").unwrap());
        assert_eq!(key("110101900230012"), Some("id_number_date"));
        assert_eq!(key("11010190030702X"), Some("id_number_charset"));
    }

    #[test]
    fn nothing_of_it_is_in_a_log() {
        let number = IdNumber::parse("110101199003070265").unwrap();
        assert_eq!((format!("{number:?}").as_str(), number.mask().as_str()), ("IdNumber(…)", "1***************5"));
    }

    proptest! {
        #[test]
        fn never_panics_and_is_stable(raw in "\\PC{0,24}|[0-9]{15}|[0-9]{17}[0-9Xx]|[0-9X一二]{18}") {
            if let Ok(number) = IdNumber::parse(&raw) {
                prop_assert_eq!(IdNumber::parse(number.as_str()), Ok(number));
            }
        }

        #[test]
        fn what_was_issued_is_taken_and_any_single_change_is_noticed(
            province in 0usize..34, place in 0u32..10_000, day in 0i64..50_000, sequence in 0u32..1000,
            at in 0usize..18, with in 0usize..11,
        ) {
            let born = chrono::NaiveDate::from_ymd_opt(1890, 1, 1).unwrap() + chrono::Duration::days(day);
            let digits = format!("{}{place:04}{}{sequence:03}", PROVINCES[province], born.format("%Y%m%d"));
            let values: Vec<u32> = digits.chars().filter_map(|c| c.to_digit(10)).collect();
            let number = format!("{digits}{}", check(&values));
            prop_assert_eq!(key(&number), None);
            let mut changed: Vec<char> = number.chars().collect();
            let with = CHECKS[with];
            let same = changed[at] == with;
            changed[at] = with;
            prop_assert_eq!(key(&changed.iter().collect::<String>()).is_none(), same);
        }
    }
}
