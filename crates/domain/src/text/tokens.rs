//! The tokens that full-text search keeps and asks for, the same for both engines.
//!
//! A text is cut into runs: Han, letters of other scripts, digits. A Han run gives its two-character tokens and its
//! last character; another run its three-character tokens and its last two and its last character. A query gives the
//! same tokens without the tail, and what is shorter than a token as a prefix. So every part of a run is found, and
//! two-character Chinese words, which trigram indexes miss, are exact look-ups. What is found is a superset: whoever
//! searches compares again with the normalised text.
//!
//! Digit runs of seven and more give nothing on either side: they are telephone, account and identity numbers, and
//! what is sealed elsewhere must not stand in an index in clear.
//!
//! # Encoding
//! `SQLite`'s FTS5 and `PostgreSQL`'s `simple` parser would split, fold or drop many characters, each in its own way.
//! A token is therefore written in ASCII letters and digits only, beginning with a letter, which both keep whole:
//! - Han: `h`, then each character as four base-36 digits of its code point;
//! - other: `w`, then `a`–`y` and digits as themselves, `z` as `zz`, everything else as `z` and four base-36 digits
//!   (the first of which is `n` at most, so it is never `z`).
//!
//! A `c` before such a token says that a name begins with it. How a name sounds is in tokens of `a`, `b`, `p`, `i` and
//! letters (see [`Document::tokens`](super::document::Document::tokens)).
//!
//! Both are prefix codes: a prefix of the text is a prefix of the token, and the other way round.

use std::collections::BTreeSet;

use super::{is_han, normalise};

mod rare;

pub use rare::rare_terms;

/// Digit runs of this length and more are never indexed.
const LONG_DIGITS: usize = 7;
/// A query uses this many tokens at most; further ones could only narrow what is compared again anyway.
const MAX_TERMS: usize = 32;

/// One condition of a query; all must hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum QueryTerm {
    /// The text has this token.
    Exact(String),
    /// The text has a token that begins so.
    Prefix(String),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    Han,
    Word,
    Digits,
}

impl Script {
    /// What run a character belongs to; `None` for what separates runs.
    fn of(c: char) -> Option<Self> {
        if is_han(c) {
            Some(Self::Han)
        } else if c.is_numeric() {
            Some(Self::Digits)
        } else if c.is_alphabetic() {
            Some(Self::Word)
        } else {
            None
        }
    }

    /// Characters in a full token.
    fn width(self) -> usize {
        match self {
            Self::Han => 2,
            Self::Word | Self::Digits => 3,
        }
    }

    fn encode(self, chars: &[char]) -> String {
        let mut out = String::with_capacity(1 + chars.len() * 4);
        out.push(if self == Self::Han { 'h' } else { 'w' });
        for c in chars {
            match c {
                _ if self == Self::Han => push_base36(&mut out, *c),
                'z' => out.push_str("zz"),
                'a'..='y' | '0'..='9' => out.push(*c),
                other => {
                    out.push('z');
                    push_base36(&mut out, *other);
                }
            }
        }
        out
    }
}

/// The code point as four base-36 digits; 36⁴ is more than there are code points.
fn push_base36(out: &mut String, c: char) {
    let code = u32::from(c);
    for unit in [46_656, 1_296, 36, 1] {
        out.push(char::from_digit(code / unit % 36, 36).unwrap_or('0'));
    }
}

/// The runs of a normalised text, without the digit runs that are never indexed.
fn runs(text: &str) -> Vec<(Script, Vec<char>)> {
    let mut runs: Vec<(Script, Vec<char>)> = Vec::new();
    let mut open = None;
    for c in text.chars() {
        let script = Script::of(c);
        match (script, runs.last_mut()) {
            (Some(_), Some((_, run))) if script == open => run.push(c),
            (Some(new), _) => runs.push((new, vec![c])),
            (None, _) => {}
        }
        open = script;
    }
    runs.retain(|(script, run)| *script != Script::Digits || run.len() < LONG_DIGITS);
    runs
}

/// The tokens to keep for a text, each once, in a fixed order.
#[must_use]
pub fn index_tokens(text: &str) -> Vec<String> {
    let mut tokens = BTreeSet::new();
    for (script, run) in runs(&normalise(text)) {
        let width = script.width();
        for window in run.windows(width) {
            tokens.insert(script.encode(window));
        }
        for tail in 1..width {
            if let Some(start) = run.len().checked_sub(tail) {
                tokens.extend(run.get(start..).map(|end| script.encode(end)));
            }
        }
    }
    tokens.into_iter().collect()
}

/// The same tokens separated by spaces: what goes into an FTS5 column or `to_tsvector('simple', …)`.
#[must_use]
pub fn index_text(text: &str) -> String {
    index_tokens(text).join(" ")
}

/// What a text must have to match a query; empty when nothing of the query can be searched.
#[must_use]
pub fn query_tokens(query: &str) -> Vec<QueryTerm> {
    let mut terms = BTreeSet::new();
    for (script, run) in runs(&normalise(query)) {
        let width = script.width();
        if run.len() < width {
            terms.insert(QueryTerm::Prefix(script.encode(&run)));
        }
        for window in run.windows(width) {
            terms.insert(QueryTerm::Exact(script.encode(window)));
        }
    }
    terms.into_iter().take(MAX_TERMS).collect()
}

/// What a name is indexed under that begins with a run of digits too long to be kept.
const FIRST_DIGITS: &str = "cd";

/// The token of how a name begins: its first characters behind a `c`; nothing where they are of no script.
pub(super) fn first_token(name: &str) -> Option<String> {
    let (kept, _) = first(name)?;
    Some(kept.unwrap_or_else(|| FIRST_DIGITS.to_owned()))
}

/// One of these a name has that begins with a text.
pub(super) fn begin_terms(text: &str) -> Vec<QueryTerm> {
    let Some((kept, script)) = first(text) else { return Vec::new() };
    // The name may go on with digits.
    let long = (script == Script::Digits).then(|| QueryTerm::Exact(FIRST_DIGITS.to_owned()));
    kept.map(QueryTerm::Prefix).into_iter().chain(long).collect()
}

/// The token of the first characters, where they are kept, and their script.
fn first(text: &str) -> Option<(Option<String>, Script)> {
    let text = normalise(text);
    let script = Script::of(text.chars().next()?)?;
    let run: Vec<char> = text.chars().take_while(|c| Script::of(*c) == Some(script)).collect();
    let is_kept = script != Script::Digits || run.len() < LONG_DIGITS;
    let window = run.get(..script.width()).unwrap_or(&run);
    Some((is_kept.then(|| format!("c{}", script.encode(window))), script))
}

/// The terms as an FTS5 MATCH expression; `None` when there are none.
#[must_use]
pub fn fts5_match(terms: &[QueryTerm]) -> Option<String> {
    join(terms, " AND ", fts5_term)
}

/// The terms as the text of a `tsquery`; `None` when there are none.
#[must_use]
pub fn tsquery(terms: &[QueryTerm]) -> Option<String> {
    join(terms, " & ", tsquery_term)
}

/// One of the terms, as an FTS5 MATCH expression; `None` when there are none.
#[must_use]
pub fn fts5_any(terms: &[QueryTerm]) -> Option<String> {
    join(terms, " OR ", fts5_term)
}

/// One of the terms, as the text of a `tsquery`; `None` when there are none.
#[must_use]
pub fn tsquery_any(terms: &[QueryTerm]) -> Option<String> {
    join(terms, " | ", tsquery_term)
}

fn fts5_term(term: &QueryTerm) -> String {
    match term {
        QueryTerm::Exact(token) => format!("\"{token}\""),
        QueryTerm::Prefix(token) => format!("\"{token}\"*"),
    }
}

fn tsquery_term(term: &QueryTerm) -> String {
    match term {
        QueryTerm::Exact(token) => format!("'{token}'"),
        QueryTerm::Prefix(token) => format!("'{token}':*"),
    }
}

fn join(terms: &[QueryTerm], and: &str, write: impl Fn(&QueryTerm) -> String) -> Option<String> {
    (!terms.is_empty()).then(|| terms.iter().map(write).collect::<Vec<_>>().join(and))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What both engines do with the terms.
    fn satisfied(terms: &[QueryTerm], tokens: &[String]) -> bool {
        terms.iter().all(|term| match term {
            QueryTerm::Exact(wanted) => tokens.contains(wanted),
            QueryTerm::Prefix(start) => tokens.iter().any(|token| token.starts_with(start.as_str())),
        })
    }

    fn finds(query: &str, text: &str) -> bool {
        satisfied(&query_tokens(query), &index_tokens(text))
    }

    #[test]
    fn parts_are_found_in_either_script() {
        let name = "北京字节跳动科技有限公司 ByteDance 2012";
        for query in ["科技", "字节跳动", "节", "公司", "byte", "DANCE", "ce", "e", "201", "12", "字節 dance"]
        {
            assert!(finds(query, name), "{query}");
        }
        for query in ["技科", "上海", "dancing", "2013", "x"] {
            assert!(!finds(query, name), "{query}");
        }
    }

    #[test]
    fn what_every_company_is_called_comes_last() {
        let rare = |query| rare_terms(query, 3);
        assert_eq!(rare("科技有限公司 字节跳动"), rare("字节跳动"));
        assert!(rare("acme trading ltd 12345").iter().all(|term| query_tokens("acme 12345").contains(term)));
        assert_eq!(rare("falcon delta 482"), [query_tokens("fal"), query_tokens("del"), query_tokens("482")].concat());
        assert_eq!(rare("科技有限公司").len(), 3);
    }

    #[test]
    fn long_digit_runs_are_not_kept_nor_asked() {
        assert_eq!(index_tokens("13800138000"), Vec::<String>::new());
        assert_eq!(query_tokens("１３８００１３８０００"), vec![]);
        assert_eq!(fts5_match(&query_tokens("13800138000")), None);
        assert_eq!(tsquery(&query_tokens(" —— ")), None);
        assert!(!index_tokens("123456").is_empty());
    }

    #[test]
    fn expressions_are_quoted() {
        let terms = query_tokens("科技a\" OR *");
        let fts = fts5_match(&terms).unwrap();
        let ts = tsquery(&terms).unwrap();
        assert!(fts.contains("\"wa\"*") && fts.contains("\"wor\"*") && fts.contains(" AND "), "{fts}");
        assert!(ts.contains("'wa':*") && ts.contains(" & "), "{ts}");
    }

    #[test]
    fn tokens_have_a_fixed_spelling() {
        // Kept in indexes: another spelling would need every text indexed again.
        assert_eq!(index_text("中文 zoe"), "h0ffx0k1z h0k1z we woe wzzoe");
    }

    fn word() -> impl Strategy<Value = String> {
        "[一-龥張電々]{1,6}|[a-zA-Zéß]{1,8}|[0-9]{1,6}|[0-9]{8}| |-"
    }

    proptest! {
        #[test]
        fn every_part_of_a_run_is_found(words in prop::collection::vec(word(), 1..6), from in 0usize..40, length in 2usize..12) {
            let text = words.concat();
            for (_, run) in runs(&normalise(&text)) {
                let start = from % run.len();
                let part: String = run.iter().skip(start).take(length).collect();
                prop_assert!(finds(&part, &text), "{} in {}", part, text);
            }
        }

        #[test]
        fn tokens_are_safe_everywhere(text in "\\PC{0,40}") {
            for token in index_tokens(&text) {
                prop_assert!(token.starts_with(['h', 'w']) && token.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
            }
            let _ = fts5_match(&query_tokens(&text));
            let terms = query_tokens(&text);
            let rare = rare_terms(&text, 3);
            prop_assert!(terms.len() == 32 || rare.iter().all(|term| terms.contains(term)) && rare.is_empty() == terms.is_empty());
        }

        #[test]
        fn encoding_keeps_prefixes(a in "[a-zé]{1,4}", b in "[a-zé]{1,4}") {
            let code = |text: &str| Script::Word.encode(&text.chars().collect::<Vec<_>>());
            prop_assert_eq!(b.starts_with(&a), code(&b).starts_with(&code(&a)));
        }
    }
}
