//! Patterns that an organisation sets: regular expressions of linear time, small, matched as a whole.

use regex::{Regex, RegexBuilder};

use crate::codes;
use crate::flaw::Flaw;

use super::CustomField;

/// Most characters of a pattern.
pub const MAX_PATTERN: usize = 500;
/// Most bytes that a compiled pattern takes.
const MAX_COMPILED: usize = 256 * 1024;
const BEGIN: &str = "\\A(?:";
const END: &str = ")\\z";

/// Compiles a pattern that a text must match from its beginning to its end.
///
/// # Errors
/// `pattern_invalid`, with the place; `pattern_too_large`.
pub fn compile(pattern: &str) -> Result<Regex, Flaw> {
    let too_large = || Flaw::new(&codes::PATTERN_TOO_LARGE).with("max", MAX_PATTERN);
    if pattern.chars().count() > MAX_PATTERN {
        return Err(too_large());
    }
    let refused = |error: regex::Error, whole: bool| match error {
        regex::Error::CompiledTooBig(_) => too_large(),
        other => {
            let (at, reason) = place(&other.to_string());
            // By itself it can be read: what is behind it was taken for a part of it, such as a comment.
            let at = at.filter(|_| !whole).unwrap_or_else(|| pattern.chars().count());
            Flaw::new(&codes::PATTERN_INVALID).with("at", at).with("reason", reason)
        }
    };
    // By itself first, so that a bracket of its own cannot close the one around it.
    build(pattern).map_err(|error| refused(error, false))?;
    build(&format!("{BEGIN}{pattern}{END}")).map_err(|error| refused(error, true))
}

fn build(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(MAX_COMPILED).dfa_size_limit(MAX_COMPILED).build()
}

/// The pattern as the organisation wrote it.
pub(super) fn said(pattern: &Regex) -> &str {
    let whole = pattern.as_str();
    whole.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END)).unwrap_or(whole)
}

impl CustomField {
    /// What a text must match as a whole, as the organisation wrote it.
    #[must_use]
    pub fn pattern_text(&self) -> Option<&str> {
        self.pattern.as_ref().map(said)
    }
}

/// Where a pattern cannot be read, from 1, and why: the error shows the pattern with a `^` beneath the place, and its
/// last line says the reason.
fn place(error: &str) -> (Option<usize>, String) {
    let marked = error.lines().find(|line| line.contains('^') && line.trim().chars().all(|c| c == '^'));
    // The pattern is shown four characters to the right.
    let at = marked.and_then(|line| line.chars().position(|c| c == '^')).and_then(|at| at.checked_sub(3));
    let reason = error.lines().last().unwrap_or_default();
    (at, reason.trim_start_matches("error:").trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_matched_as_a_whole() {
        let pattern = compile("a|ab").unwrap();
        assert!(pattern.is_match("ab") && pattern.is_match("a"));
        assert!(!pattern.is_match("abc") && !pattern.is_match("xa") && !pattern.is_match("ab\n"));
        assert_eq!(said(&pattern), "a|ab");
        assert!(compile("\\p{Han}{2,4}").unwrap().is_match("王小明"));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let wrong = |pattern: &str| {
            let flaw = compile(pattern).unwrap_err();
            let at = flaw.params.iter().find(|(name, _)| *name == "at").map(|(_, at)| at.clone());
            (flaw.code.key, at.unwrap_or_default())
        };
        assert_eq!(wrong("ab[c"), ("pattern_invalid", "3".to_owned()));
        assert_eq!(wrong("a)(b"), ("pattern_invalid", "2".to_owned()));
        assert_eq!(wrong("(?=x)"), ("pattern_invalid", "1".to_owned()));
        assert_eq!(wrong("(?x)a #"), ("pattern_invalid", "7".to_owned()));
        assert_eq!(wrong("(\\w{100}){100}").0, "pattern_too_large");
        assert_eq!(wrong(&"a".repeat(501)).0, "pattern_too_large");
    }
}
