//! Unified social credit code of an organisation in China (GB 32100-2015).

use unicode_normalization::UnicodeNormalization;

use super::quoted;
use crate::{
    codes::{CREDIT_CODE_CHARSET, CREDIT_CODE_CHECK, CREDIT_CODE_LENGTH},
    flaw::Flaw,
};

/// The characters of a code; a character's place is its value.
const ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
/// Characters of a code, the last one being the check.
const LENGTH: usize = 18;
const MODULUS: usize = 31;

/// Eighteen characters in upper case with a right check character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditCode(String);

impl CreditCode {
    /// Parses a code in any case and width, with or without spaces and hyphens.
    ///
    /// # Errors
    /// `credit_code_length`, `credit_code_charset`, `credit_code_check`.
    pub fn parse(raw: &str) -> Result<Self, Flaw> {
        let code: String = raw
            .nfkc()
            .filter(|c| !(c.is_whitespace() || matches!(c, '-' | '\u{200b}' | '\u{feff}' | '\'')))
            .flat_map(char::to_uppercase)
            .collect();
        let length = code.chars().count();
        if length != LENGTH {
            return Err(Flaw::new(&CREDIT_CODE_LENGTH).with("value", quoted(raw)).with("length", length));
        }
        let mut values = Vec::with_capacity(LENGTH);
        for c in code.chars() {
            let Some(value) = ALPHABET.find(c) else {
                return Err(Flaw::new(&CREDIT_CODE_CHARSET).with("value", quoted(raw)).with("character", c));
            };
            values.push(value);
        }
        if values.pop() != Some(check(&values)) {
            return Err(Flaw::new(&CREDIT_CODE_CHECK).with("value", quoted(raw)));
        }
        Ok(Self(code))
    }

    /// A code as it was stored; no rule is applied.
    #[must_use]
    pub fn from_stored(code: String) -> Self {
        Self(code)
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The value of the check character: weights 3^i modulo 31.
fn check(values: &[usize]) -> usize {
    let mut weight = 1;
    let mut sum = 0;
    for value in values {
        sum += value * weight;
        weight = weight * 3 % MODULUS;
    }
    (MODULUS - sum % MODULUS) % MODULUS
}

#[cfg(test)]
mod tests {
    use super::{ALPHABET, CreditCode};
    use proptest::prelude::*;

    fn key(raw: &str) -> Option<&'static str> {
        CreditCode::parse(raw).err().map(|flaw| flaw.code.key)
    }

    #[test]
    fn vectors() {
        for right in [
            "911101084JURQ2830A",
            "91310115FQEFLCR61T",
            "914403053F0WTCDK3N",
            "91330106QQ0NE8PR3N",
            "915101077JY3WA007G",
            "911101084jurq2830a",
            " 9111 0108 4JUR Q283 0A ",
            "９１１１０１０８４ＪＵＲＱ２８３０Ａ",
        ] {
            assert_eq!(key(right), None, "{right}");
        }
        for (wrong, expected) in [
            ("911101084JURQ2830B", "credit_code_check"),
            ("911101084JRUQ2830A", "credit_code_check"),
            ("911101084IURQ2830A", "credit_code_charset"),
            ("911101084JURQ2830", "credit_code_length"),
            ("", "credit_code_length"),
            ("91110108统一社会信用代码XX", "credit_code_charset"),
        ] {
            assert_eq!(key(wrong), Some(expected), "{wrong}");
        }
    }

    #[test]
    fn kept_in_upper_case() {
        assert_eq!(CreditCode::parse("911101084jurq2830a").unwrap().as_str(), "911101084JURQ2830A");
    }

    proptest! {
        #[test]
        fn never_panics_and_is_stable(raw in "\\PC{0,24}|[0-9A-Za-z]{18}") {
            if let Ok(code) = CreditCode::parse(&raw) {
                prop_assert_eq!(CreditCode::parse(code.as_str()), Ok(code));
            }
        }

        #[test]
        fn any_single_change_is_noticed(at in 0usize..18, with in 0usize..31) {
            let mut code: Vec<char> = "911101084JURQ2830A".chars().collect();
            let with = ALPHABET.chars().nth(with).unwrap();
            let same = code[at] == with;
            code[at] = with;
            prop_assert_eq!(key(&code.iter().collect::<String>()).is_none(), same);
        }
    }
}
