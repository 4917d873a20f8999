//! What is shown of a value to someone who may know that it is there, and no more.
//!
//! Masks have a fixed number of stars, so that they do not tell a length; those of phones and e-mails are methods of
//! their types.

/// The stars of a mask that hides everything between what it keeps.
pub const STARS: &str = "****";

/// ID number: first and last character, `1***************X`.
#[must_use]
pub fn id_number(value: &str) -> String {
    let mut chars = value.chars();
    match (chars.next(), chars.next_back()) {
        (Some(first), Some(last)) if chars.count() >= 4 => format!("{first}***************{last}"),
        _ => "*****************".to_owned(),
    }
}

/// Bank account or card: the last four, `************1234`.
#[must_use]
pub fn bank_account(value: &str) -> String {
    let digits: Vec<char> = value.chars().filter(|c| c.is_alphanumeric()).collect();
    let hidden = digits.len().saturating_sub(4);
    let kept: String = if hidden < 4 { String::new() } else { digits.into_iter().skip(hidden).collect() };
    format!("************{kept}")
}

/// Street address, WeChat and whatever else has no part that may be shown.
#[must_use]
pub fn whole(_value: &str) -> String {
    STARS.to_owned()
}

#[cfg(test)]
mod tests {
    use super::{bank_account, id_number, whole};
    use proptest::prelude::*;

    #[test]
    fn masks_as_documented() {
        assert_eq!(id_number("11010119900307002X"), "1***************X");
        assert_eq!(bank_account("6222 0263 6083 7783 531"), "************3531");
        assert_eq!(whole("世纪大道100号"), "****");
    }

    #[test]
    fn short_values_show_nothing() {
        assert_eq!(id_number("12345"), "*****************");
        assert_eq!(bank_account("1234567"), "************");
        assert_eq!(bank_account(""), "************");
    }

    proptest! {
        #[test]
        fn at_least_four_characters_are_hidden(value in "[0-9A-Z]{0,24}") {
            for mask in [id_number(&value), bank_account(&value)] {
                let shown = mask.chars().filter(|c| *c != '*').count();
                prop_assert!(shown == 0 || shown + 4 <= value.len());
            }
        }
    }
}
