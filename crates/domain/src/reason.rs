//! Why something is done, in somebody's words: one rule for all doors that ask for it.

use crate::codes;
use crate::flaw::Flaw;

/// Longest reason, in characters.
pub const MAX: usize = 300;

/// A reason without blanks around it.
///
/// # Errors
/// It says nothing, is longer than [`MAX`], or has control characters.
pub fn parse(raw: &str) -> Result<String, Flaw> {
    let reason = raw.trim();
    if (1..=MAX).contains(&reason.chars().count()) && !reason.contains(char::is_control) {
        Ok(reason.to_owned())
    } else {
        Err(Flaw::new(&codes::REASON_INVALID).with("max", MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_to_three_hundred_characters_of_text() {
        assert_eq!(parse(" 应本人要求 ").unwrap(), "应本人要求");
        assert_eq!(parse(&"因".repeat(MAX)).unwrap().chars().count(), MAX);
        for raw in ["", " \t ", "a\u{0}b", "a\nb", &"因".repeat(MAX + 1)] {
            assert_eq!(parse(raw).unwrap_err().code.key, "reason_invalid", "{raw:?}");
        }
    }
}
