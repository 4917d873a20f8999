//! What `contains` and `starts_with` mean: parts of normalised texts, the same in a query and in memory.

use super::normalise;

/// Whether a text holds another one somewhere, as a person who searches sees it: width, case and traditional or
/// simplified characters make no difference, and white space counts as one blank however long.
#[must_use]
pub fn holds(text: &str, part: &str) -> bool {
    normalise(text).contains(&normalise(part))
}

/// Whether a text begins with another one, as a person who searches sees it.
#[must_use]
pub fn begins(text: &str, part: &str) -> bool {
    normalise(text).starts_with(&normalise(part))
}

#[cfg(test)]
mod tests {
    use super::{begins, holds};

    #[test]
    fn width_case_script_and_space_make_no_difference() {
        assert!(holds("北京字節跳動科技（ＡＢＣ）", "字节跳动科技(abc"));
        assert!(begins("  Acme\u{3000}Ltd", "acme ltd"));
        assert!(!holds("字节 跳动", "字节跳动") && !begins("北京字节", "字节"));
    }

    #[test]
    fn what_leaves_nothing_is_held_by_everything() {
        assert!(holds("", "\u{200b}") && begins("张伟", " "));
    }
}
