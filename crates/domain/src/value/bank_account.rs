//! Number of a bank account or of a card.

use unicode_normalization::UnicodeNormalization;

use super::quoted;
use crate::codes::{BANK_ACCOUNT_CHECK, BANK_ACCOUNT_INVALID};
use crate::flaw::Flaw;
use crate::mask;
use crate::sensitive::Sensitive;

/// The fewest and the most digits of a number.
const LENGTHS: std::ops::RangeInclusive<usize> = 8..=30;

/// The digits of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankAccount(Sensitive<String>);

impl BankAccount {
    /// Parses a number in any width, with or without spaces and hyphens.
    ///
    /// # Errors
    /// `bank_account_invalid`: not 8 to 30 digits.
    pub fn parse(raw: &str) -> Result<Self, Flaw> {
        let digits: String =
            raw.nfkc().filter(|c| !(c.is_whitespace() || matches!(c, '-' | '\u{200b}' | '\u{feff}' | '\''))).collect();
        if digits.bytes().all(|b| b.is_ascii_digit()) && LENGTHS.contains(&digits.len()) {
            Ok(Self(Sensitive::new(digits)))
        } else {
            Err(Flaw::new(&BANK_ACCOUNT_INVALID).with("value", quoted(raw)))
        }
    }

    /// A number as it was stored; no rule is applied.
    #[must_use]
    pub fn from_stored(digits: String) -> Self {
        Self(Sensitive::new(digits))
    }

    /// The digits in clear.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.expose()
    }

    /// The last four digits, `************1234`.
    #[must_use]
    pub fn mask(&self) -> String {
        mask::bank_account(self.as_str())
    }

    /// What looks wrong with it and is no reason to refuse it: a card whose check digit does not fit (ISO/IEC 7812-1).
    /// Accounts of companies have none, so only what begins like a card is judged.
    #[must_use]
    pub fn finding(&self) -> Option<Flaw> {
        (self.is_like_card() && !luhn_fits(self.as_str())).then(|| Flaw::new(&BANK_ACCOUNT_CHECK))
    }

    /// Whether it has the length and the beginning of a card: UnionPay (62, 81, and 9558 of old), Visa (4), Mastercard
    /// (51 to 55).
    fn is_like_card(&self) -> bool {
        let digits = self.as_str();
        let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| digits.starts_with(prefix));
        match digits.len() {
            16 => begins(&["62", "81", "9558", "4", "51", "52", "53", "54", "55"]),
            17..=19 => begins(&["62", "81", "9558"]),
            _ => false,
        }
    }
}

/// Whether the last digit is the check of the others: every second from the right counts double, modulo 10.
fn luhn_fits(digits: &str) -> bool {
    let digits = digits.chars().rev().filter_map(|c| c.to_digit(10)).enumerate();
    let sum: u32 = digits
        .map(|(at, digit)| match (at % 2, digit) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::BankAccount;
    use proptest::prelude::*;

    fn account(raw: &str) -> BankAccount {
        BankAccount::parse(raw).unwrap()
    }

    #[test]
    fn blanks_hyphens_and_width_are_no_part_of_it() {
        for raw in [
            "6222026360837783531",
            "6222 0263 6083 7783 531",
            "6222-0263-6083-7783-531",
            "６２２２０２６３６０８３７７８３５３１",
        ] {
            assert_eq!(account(raw).as_str(), "6222026360837783531", "{raw}");
        }
        for wrong in ["", "1234567", "12345678901234567890123456789012", "6222 0263 abcd", "工行6222026360837783531"]
        {
            assert_eq!(BankAccount::parse(wrong).unwrap_err().code.key, "bank_account_invalid", "{wrong}");
        }
    }

    #[test]
    fn a_card_with_a_wrong_check_digit_is_a_finding_and_no_refusal() {
        for card in ["6222026360837783531", "6217003740681241586", "6259996834497869077", "9558803662585178126"] {
            assert_eq!(account(card).finding(), None, "{card}");
        }
        let wrong = account("6222026360837783532");
        assert_eq!(wrong.finding().unwrap().code.key, "bank_account_check");
        // Accounts of companies have no check digit.
        for corporate in ["0200003609027104475", "11050137360000001234", "110902345610201"] {
            assert_eq!(account(corporate).finding(), None, "{corporate}");
        }
    }

    #[test]
    fn nothing_of_it_is_in_a_log() {
        let account = account("6222026360837783531");
        assert_eq!((format!("{account:?}").as_str(), account.mask().as_str()), ("BankAccount(…)", "************3531"));
    }

    proptest! {
        #[test]
        fn never_panics_and_is_stable(raw in "\\PC{0,40}|[0-9 -]{0,40}") {
            if let Ok(account) = BankAccount::parse(&raw) {
                prop_assert!((8..=30).contains(&account.as_str().len()));
                let _ = account.finding();
                prop_assert_eq!(BankAccount::parse(account.as_str()), Ok(account));
            }
        }

        #[test]
        fn a_wrong_digit_of_a_card_is_noticed(at in 2usize..19, with in 0u32..10) {
            let mut digits: Vec<char> = "6222026360837783531".chars().collect();
            let with = char::from_digit(with, 10).unwrap();
            let same = digits[at] == with;
            digits[at] = with;
            prop_assert_eq!(account(&digits.iter().collect::<String>()).finding().is_none(), same);
        }
    }
}
