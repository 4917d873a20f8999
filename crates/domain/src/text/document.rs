//! The document that a record is found by: its clear texts, field by field, and the tokens of them.
//!
//! The text of a document is what `q` and `contains` compare with, normalised. Each field stands between marks that no
//! normalised text has, so that one field can be asked for, and no part reaches from one field into the next. Names of
//! fields stand in capitals, which no normalised text has either: what is asked for never meets a mark.

use std::collections::BTreeSet;

use super::pinyin::{self, Heard};
use super::{normalise, tokens};

/// Stands before the name of a field.
const FIELD: char = '\u{1}';
/// Stands before the text of a field.
const TEXT: char = '\u{2}';
/// Ends the text of a field.
pub const END: char = '\u{3}';
/// Stands before each way in which the name sounds from its beginning, in capitals.
const HEARD: char = '\u{4}';

/// A document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document(Vec<(String, String)>);

impl Document {
    /// A document of these fields, by name, in order; an empty text is none.
    pub fn of<'t>(fields: impl IntoIterator<Item = (&'static str, &'t str)>) -> Self {
        let fields = fields.into_iter().filter(|(_, text)| !text.trim().is_empty());
        Self(fields.map(|(name, text)| (mark_of(name), text.to_owned())).collect())
    }

    /// Whether nothing is found by it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a field that the organisation added, by its number.
    pub fn add_custom(&mut self, no: i64, text: &str) {
        if !text.trim().is_empty() {
            self.0.push((custom_mark(no), text.to_owned()));
        }
    }

    /// The text that is compared.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        for (mark, text) in &self.0 {
            out.push_str(mark);
            out.push_str(&normalise(text));
            out.push(END);
        }
        let heard = self.heard();
        for way in heard.spelled.iter().chain(&heard.letters) {
            out.push(HEARD);
            out.push_str(&way.to_ascii_uppercase());
        }
        out
    }

    /// The tokens of the index, each once, in a fixed order: those of every text, where the name begins, and how it
    /// sounds.
    #[must_use]
    pub fn tokens(&self) -> Vec<String> {
        let texts: Vec<&str> = self.0.iter().map(|(_, text)| text.as_str()).collect();
        let mut all: BTreeSet<String> = tokens::index_tokens(&texts.join("\n")).into_iter().collect();
        all.extend(self.name().and_then(tokens::first_token));
        let Heard { spelled, letters, spelled_within, letters_within } = self.heard();
        let sounds = [('a', spelled), ('b', letters), ('p', spelled_within), ('i', letters_within)];
        all.extend(sounds.iter().flat_map(|(sort, ways)| ways.iter().map(move |way| format!("{sort}{way}"))));
        all.into_iter().collect()
    }

    fn name(&self) -> Option<&str> {
        let mark = mark_of("name");
        self.0.iter().find(|(other, _)| *other == mark).map(|(_, text)| text.as_str())
    }

    fn heard(&self) -> Heard {
        self.name().map(pinyin::heard).unwrap_or_default()
    }
}

/// What stands before the text of a field.
#[must_use]
pub fn mark_of(field: &str) -> String {
    let name: String = field.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_uppercase()).collect();
    [FIELD.to_string(), name, TEXT.to_string()].concat()
}

/// What stands before the text of a field that the organisation added, by its number: no digit, which somebody may
/// ask for.
#[must_use]
pub fn custom_mark(no: i64) -> String {
    let digits = no.to_string();
    let letters =
        digits.bytes().filter_map(|digit| char::from_u32(u32::from(digit.wrapping_sub(b'0').wrapping_add(b'A'))));
    // No field of the program is called by X and a letter up to J alone.
    [FIELD.to_string(), "X".to_owned(), letters.collect(), TEXT.to_string()].concat()
}

/// What stands in the text of a document whose name sounds so from its beginning.
#[must_use]
pub(super) fn heard_mark(letters: &str) -> String {
    [HEARD.to_string(), letters.to_ascii_uppercase()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_stand_apart() {
        let mut document = Document::of([("name", "字節"), ("needs_heard", " "), ("remark", "ＡＢＣ")]);
        document.add_custom(12, "X");
        let text = document.text();
        assert_eq!(text, "\u{1}NAME\u{2}字节\u{3}\u{1}REMARK\u{2}abc\u{3}\u{1}XBC\u{2}x\u{3}\u{4}ZIJIE\u{4}ZJ");
        assert_eq!(text.matches(&mark_of("remark")).count(), 1);
        assert_eq!(Document::of([("name", "")]), Document::default());
    }

    #[test]
    fn long_digits_are_in_no_token() {
        let tokens = Document::of([("name", "张伟13800138000"), ("remark", "电话 13900139000")]).tokens();
        assert!(tokens.iter().all(|token| !token.contains("138") && !token.contains("139")), "{tokens:?}");
    }

    proptest! {
        #[test]
        fn what_is_asked_for_meets_no_mark(name in "\\PC{0,20}", asked in "\\PC{1,8}") {
            let text = Document::of([("name", name.as_str())]).text();
            let asked = normalise(&asked);
            prop_assume!(!asked.is_empty());
            prop_assert_eq!(text.contains(&asked), normalise(&name).contains(&asked));
        }
    }
}
