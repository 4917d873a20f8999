//! The form in which two texts are the same to a person who searches.

use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

use crate::{
    codes::{TEXT_CONTROL_CHARACTERS, TEXT_EMPTY, TEXT_TOO_LONG},
    flaw::Flaw,
};

/// Traditional and simplified character, sorted by the first; 26 kB, built at first use in well under a millisecond.
static SIMPLIFIED: LazyLock<Vec<(char, char)>> = LazyLock::new(|| {
    let mut chars = include_str!("../../data/simplified.txt").chars();
    let mut pairs = Vec::with_capacity(3_300);
    while let (Some(from), Some(to)) = (chars.next(), chars.next()) {
        pairs.push((from, to));
    }
    pairs
});

/// NFKC, lower case, traditional to simplified character by character, invisible characters gone,
/// white space folded to single spaces and trimmed.
///
/// Each character maps by itself, so a part of a text normalises to a part of the normalised text:
/// search relies on it. The result is for comparing, never for showing.
#[must_use]
pub fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let visible = text.chars().filter(|c| !is_invisible(*c)).nfkc().flat_map(char::to_lowercase).nfkc().map(simplify);
    for c in visible {
        if c.is_whitespace() || c.is_control() {
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
        } else if !is_invisible(c) {
            out.push(c);
        }
    }
    if out.ends_with(' ') {
        out.pop();
    }
    out
}

/// The simplified form of one character.
pub(super) fn simplify(c: char) -> char {
    if c.is_ascii() {
        return c;
    }
    let pairs = &*SIMPLIFIED;
    pairs.binary_search_by_key(&c, |pair| pair.0).ok().and_then(|at| pairs.get(at)).map_or(c, |pair| pair.1)
}

/// Characters that take no room and carry no meaning in a name: zero-width marks, byte order mark, soft hyphen.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// Characters that a one-line text cannot hold: controls, line separators, and marks that turn the writing direction
/// and so can make a name look like another.
pub(crate) fn is_forbidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fff9}'..='\u{fffb}')
}

/// Han characters, with the iteration mark and the zero that dates use.
pub(crate) fn is_han(c: char) -> bool {
    matches!(c,
        '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}'
        | '々' | '〇')
}

/// Full-width letters, digits and the signs of addresses to their ordinary width; composed (NFC).
/// Full-width brackets and Chinese punctuation stay: they are how names are registered and written.
fn fold_width(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{3000}' | '\u{a0}' => ' ',
            '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' | '＆' | '．' | '－' | '＿' | '＠' | '＋' | '／' | '＃' | '＇' => {
                char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c)
            }
            other => other,
        })
        .filter(|c| !is_invisible(*c))
        .nfc()
        .collect()
}

/// A one-line text ready to be stored: width folded, trimmed, spaces single.
///
/// # Errors
/// `text_empty`, `text_too_long` (more than `max` characters), `text_control_characters`.
pub(crate) fn clean_line(raw: &str, max: usize) -> Result<String, Flaw> {
    let folded = fold_width(raw);
    let trimmed = folded.trim();
    if let Some(bad) = trimmed.chars().find(|c| is_forbidden(*c)) {
        return Err(Flaw::new(&TEXT_CONTROL_CHARACTERS).with("character", format!("U+{:04X}", u32::from(bad))));
    }
    let mut out = String::with_capacity(trimmed.len());
    for word in trimmed.split(' ').filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    let length = out.chars().count();
    if length == 0 {
        return Err(Flaw::new(&TEXT_EMPTY));
    }
    if length > max {
        return Err(Flaw::new(&TEXT_TOO_LONG).with("length", length).with("max", max));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::{SIMPLIFIED, clean_line, fold_width, normalise, simplify};
    use proptest::prelude::*;

    #[test]
    fn folds_width_case_script_and_space() {
        assert_eq!(normalise("  卓宏信息技術有限公司（ＡＢＣ） "), "卓宏信息技术有限公司(abc)");
        assert_eq!(normalise("A\u{3000}\u{3000}b\n\tC"), "a b c");
        assert_eq!(normalise("張\u{200b}磊\u{feff}"), "张磊");
        assert_eq!(normalise("ΑΣ Straße"), "ας straße".replace('ς', "σ"));
    }

    #[test]
    fn the_table_is_sorted_and_maps_once() {
        assert!(SIMPLIFIED.len() > 3_000);
        assert!(SIMPLIFIED.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (from, to) in SIMPLIFIED.iter() {
            assert_eq!(simplify(*to), *to, "{from}");
        }
    }

    #[test]
    fn lines_are_cleaned_and_bounded() {
        assert_eq!(clean_line("　ＡＢＣ（上海）　１店 ", 200).unwrap(), "ABC（上海） 1店");
        assert_eq!(clean_line(" \u{200b} ", 200).unwrap_err().code.key, "text_empty");
        assert_eq!(clean_line("a\nb", 200).unwrap_err().code.key, "text_control_characters");
        assert_eq!(clean_line("a\u{202e}b", 200).unwrap_err().code.key, "text_control_characters");
        assert_eq!(clean_line(&"汉".repeat(201), 200).unwrap_err().code.key, "text_too_long");
        assert!(clean_line(&"汉".repeat(200), 200).is_ok());
    }

    proptest! {
        #[test]
        fn stable_on_anything(text in "\\PC{0,40}|.{0,40}") {
            let once = normalise(&text);
            prop_assert_eq!(&normalise(&once), &once);
            let folded = fold_width(&text);
            prop_assert_eq!(&fold_width(&folded), &folded);
            if let Ok(line) = clean_line(&text, 200) {
                prop_assert_eq!(clean_line(&line, 200), Ok(line));
            }
        }

        #[test]
        fn a_part_stays_a_part(before in "[一-龥a-zA-Z0-9 ]{0,8}", middle in "[一-龥a-zA-Z0-9]{1,8}", after in "[一-龥a-zA-Z0-9 ]{0,8}") {
            let whole = normalise(&[before, middle.clone(), after].concat());
            prop_assert!(whole.contains(&normalise(&middle)));
        }
    }
}
