//! The words of `q`, ready to be asked for.

use super::pinyin::{LETTERS, SPELLED, typed};
use super::tokens::{QueryTerm, begin_terms, query_tokens};
use super::{document, normalise};

/// One word: a record is found where one of its texts holds it, or its name sounds so from some character on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word, normalised.
    pub text: String,
    /// What the index has of every text that holds it; none where it has nothing that is indexed.
    pub terms: Vec<QueryTerm>,
    /// One of these the index has of a name that sounds so; nothing else has them.
    pub sounds: Vec<QueryTerm>,
    /// One of these the index has of a name that begins so, or begins to sound so.
    pub begins: Vec<QueryTerm>,
    /// One of these stands in the text of a document whose name begins so, or begins to sound so; of no other.
    pub begin_marks: Vec<String>,
}

impl Word {
    fn new(text: String) -> Self {
        let mut begins = begin_terms(&text);
        let mut begin_marks = vec![document::mark_of("name") + &text];
        let mut sounds = Vec::new();
        if let Some(letters) = typed(&text) {
            let (spelled, first) = (cut(&letters, SPELLED), cut(&letters, LETTERS));
            let sort = |sort: char, letters: &str| QueryTerm::Prefix(format!("{sort}{letters}"));
            begins.extend([sort('a', spelled), sort('b', first)]);
            begin_marks.extend([document::heard_mark(spelled), document::heard_mark(first)]);
            begin_marks.dedup();
            // Nearly every name has each letter somewhere: one alone is looked for where names begin.
            sounds = match letters.len() {
                1 => vec![sort('a', spelled)],
                _ => vec![sort('p', spelled), sort('i', first)],
            };
        }
        Self { terms: query_tokens(&text), text, sounds, begins, begin_marks }
    }
}

/// The words of a text, in order. A sign between words (`A & B`) is none, unless there is nothing else.
#[must_use]
pub fn words(q: &str) -> Vec<Word> {
    let normal = normalise(q);
    let all = || normal.split(' ').filter(|word| !word.is_empty());
    let mut words: Vec<&str> = all().filter(|word| word.contains(char::is_alphanumeric)).collect();
    if words.is_empty() {
        words = all().collect();
    }
    words.into_iter().map(|word| Word::new(word.to_owned())).collect()
}

fn cut(letters: &str, most: usize) -> &str {
    letters.get(..most).unwrap_or(letters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::document::Document;
    use proptest::prelude::*;

    /// What both engines do.
    fn has(tokens: &[String], term: &QueryTerm) -> bool {
        match term {
            QueryTerm::Exact(wanted) => tokens.contains(wanted),
            QueryTerm::Prefix(start) => tokens.iter().any(|token| token.starts_with(start.as_str())),
        }
    }

    fn finds(q: &str, document: &Document) -> bool {
        let (tokens, text) = (document.tokens(), document.text());
        words(q).iter().all(|word| {
            let held = word.terms.iter().all(|term| has(&tokens, term)) && text.contains(&word.text);
            held || word.sounds.iter().any(|term| has(&tokens, term))
        })
    }

    fn first(q: &str, document: &Document) -> bool {
        let (tokens, text) = (document.tokens(), document.text());
        let word = words(q).remove(0);
        let marked = word.begin_marks.iter().any(|mark| text.contains(mark));
        // The index may find more, never less.
        assert!(!marked || word.begins.iter().any(|term| has(&tokens, term)), "{q}");
        marked
    }

    #[test]
    fn as_people_type() {
        let document =
            Document::of([("name", "北京字节跳动科技有限公司 ByteDance"), ("remark", "渠道：展会，Mr. Zhou")]);
        for q in
            ["字节", "節跳", "跳", "zjtd", "ZiJie", "zijie tiaodong", "bytedance", "DANCE", "展会 字节", "zhou", "kj b"]
        {
            assert!(finds(q, &document), "{q}");
        }
        for q in ["字动", "zjdt", "字节 上海", "qudao", "remark", "name"] {
            assert!(!finds(q, &document), "{q}");
        }
        assert!(first("北京字", &document) && first("bjzj", &document) && first("b", &document));
        assert!(!first("字节", &document) && !first("zj", &document) && !first("展会", &document));
    }

    #[test]
    fn digits_begin_a_name_however_many_they_are() {
        let document = Document::of([("name", "13800138000维修"), ("remark", "2号")]);
        assert!(first("138", &document) && first("13800138000", &document) && !first("2", &document));
        assert!(first("3", &Document::of([("name", "3M")])) && !first("38", &document));
    }

    #[test]
    fn signs_between_words_are_none() {
        assert_eq!(words("A & B").len(), 2);
        assert_eq!(words("&").iter().map(|word| word.text.as_str()).collect::<Vec<_>>(), ["&"]);
    }

    #[test]
    fn a_long_sound_is_told_by_its_beginning() {
        let document = Document::of([("name", "字节跳动科技有限公司")]);
        assert!(finds("zijietiaodongkejiyouxiangongsi", &document) && finds("zjtdkjyxgs", &document));
    }

    proptest! {
        #[test]
        fn every_part_of_a_text_finds_it(name in "[一-龥]{1,12}", note in "[一-龥a-z]{1,30}", from in 0usize..40, length in 1usize..6) {
            let document = Document::of([("name", name.as_str()), ("remark", note.as_str())]);
            for text in [&name, &note] {
                let chars: Vec<char> = text.chars().collect();
                let start = from % chars.len();
                let part: String = chars.iter().skip(start).take(length).collect();
                prop_assert!(finds(&part, &document), "{} in {}", part, text);
            }
            let begin: String = name.chars().take(length).collect();
            prop_assert!(first(&begin, &document), "{} begins {}", begin, name);
        }
    }
}
