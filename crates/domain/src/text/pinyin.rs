//! Order and first letters of Chinese names by pinyin, the same bytes on every engine.

use pinyin::ToPinyin;
use unicode_normalization::UnicodeNormalization;

use super::{is_han, normalise::simplify};

mod heard;
mod readings;

pub use heard::{Heard, LETTERS, SPELLED, heard, typed};
use readings::{COMPOUND_SURNAMES, DEFAULTS, PHRASES, SURNAMES};

/// Most bytes of a sort key.
const MAX_KEY: usize = 200;

/// One element of a name as it is spoken: a Han character with its syllable, or another character as it is.
struct Spoken {
    /// Tone-less, `ü` written `v`; empty for a character that has no reading.
    syllable: &'static str,
    written: char,
    /// Whether the word it stands in says how it is read.
    by_word: bool,
}

/// A text that sorts names by pinyin when compared byte by byte.
///
/// Each Han character gives its syllable and then itself, so that one surname's people stay together; Latin letters
/// are lower case without accents. Spaces, lower than every letter, end each part: 西安 (`xi an`) stands before 先
/// (`xian`). Signs count for nothing unless there is nothing else. At most 200 bytes, cut between characters.
#[must_use]
pub fn sort_key(name: &str) -> String {
    let mut key = String::with_capacity(name.len() * 3);
    for spoken in speak(name) {
        if spoken.syllable.is_empty() {
            if spoken.written != ' ' || !(key.is_empty() || key.ends_with(' ')) {
                key.push(spoken.written);
            }
            continue;
        }
        if !(key.is_empty() || key.ends_with(' ')) {
            key.push(' ');
        }
        key.push_str(spoken.syllable);
        key.push(' ');
        key.push(spoken.written);
    }
    if key.trim().is_empty() {
        name.trim().clone_into(&mut key);
    }
    cut(key.trim_end(), MAX_KEY).to_owned()
}

/// The letter under which a name is listed: `A` to `Z`, `#` for digits, signs and other scripts.
#[must_use]
pub fn initial(name: &str) -> char {
    sort_key(name).chars().next().filter(char::is_ascii_lowercase).map_or('#', |c| c.to_ascii_uppercase())
}

/// The first letters by which people search: `zjtd` for 字节跳动, `abcgs` for ABC公司.
/// A Latin word stays whole, since it is what people type.
#[must_use]
pub fn initials(name: &str) -> String {
    spell(name, |syllable| syllable.get(..1).unwrap_or(syllable))
}

/// The whole spelling without spaces: `zijietiaodong` for 字节跳动.
#[must_use]
pub fn spelling(name: &str) -> String {
    spell(name, |syllable| syllable)
}

fn spell(name: &str, part: impl Fn(&'static str) -> &'static str) -> String {
    let mut out = String::new();
    for spoken in speak(name) {
        if !spoken.syllable.is_empty() {
            out.push_str(part(spoken.syllable));
        } else if spoken.written.is_alphanumeric() {
            out.push(spoken.written);
        }
    }
    out
}

/// The name as it is spoken, signs left out, accents removed, spaces kept.
fn speak(name: &str) -> Vec<Spoken> {
    let written: Vec<char> = name
        .nfkd()
        .filter(|c| !unicode_normalization::char::is_combining_mark(*c))
        .nfc()
        .flat_map(char::to_lowercase)
        .filter_map(|c| if c.is_whitespace() { Some(' ') } else { Some(c).filter(|c| c.is_alphanumeric()) })
        .collect();
    let simple: Vec<char> = written.iter().map(|c| simplify(*c)).collect();
    let mut fixed: Vec<Option<&'static str>> = vec![None; simple.len()];
    apply_phrases(&simple, &mut fixed);
    let by_word: Vec<bool> = fixed.iter().map(Option::is_some).collect();
    apply_surname(&simple, &mut fixed);
    let each = written.iter().zip(&simple).zip(fixed).zip(by_word);
    each.map(|(((c, simple), fixed), by_word)| {
        let syllable = fixed.unwrap_or_else(|| reading(*c, *simple));
        Spoken { syllable, written: *c, by_word }
    })
    .collect()
}

/// Words in which a character is not read as usual.
fn apply_phrases(simple: &[char], fixed: &mut [Option<&'static str>]) {
    for start in 0..simple.len() {
        let rest = simple.get(start..).unwrap_or_default();
        let Some((_, syllables)) = PHRASES.iter().find(|(phrase, _)| begins(rest, phrase)) else { continue };
        for (slot, syllable) in fixed.iter_mut().skip(start).zip(syllables.split(' ')) {
            slot.get_or_insert(syllable);
        }
    }
}

/// Readings that a character has only as a surname, where the text has the length of a person's name.
fn apply_surname(simple: &[char], fixed: &mut [Option<&'static str>]) {
    if !simple.iter().all(|c| is_han(*c)) {
        return;
    }
    if let Some((_, syllables)) = COMPOUND_SURNAMES.iter().find(|(name, _)| begins(simple, name))
        && (3..=5).contains(&simple.len())
    {
        for (slot, syllable) in fixed.iter_mut().zip(syllables.split(' ')) {
            *slot = Some(syllable);
        }
    } else if (2..=3).contains(&simple.len())
        && let (Some(first), Some(slot)) = (simple.first(), fixed.first_mut())
        && slot.is_none()
    {
        *slot = SURNAMES.iter().find(|(name, _)| name == first).map(|(_, syllable)| *syllable);
    }
}

fn begins(text: &[char], phrase: &str) -> bool {
    let mut chars = text.iter();
    phrase.chars().all(|c| chars.next() == Some(&c))
}

/// The usual reading of a character; empty when it has none.
fn reading(written: char, simple: char) -> &'static str {
    if !is_han(written) {
        return "";
    }
    if let Some((_, syllable)) = DEFAULTS.iter().find(|(c, _)| *c == simple) {
        return syllable;
    }
    let plain = written.to_pinyin().or_else(|| simple.to_pinyin()).map_or("", pinyin::Pinyin::plain);
    match plain {
        "lü" => "lv",
        "lüe" => "lve",
        "nü" => "nv",
        "nüe" => "nve",
        other if other.is_ascii() => other,
        _ => "",
    }
}

/// At most `max` bytes, never inside a character.
fn cut(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let end = (0..=max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{COMPOUND_SURNAMES, PHRASES, initial, initials, sort_key, spelling};
    use proptest::prelude::*;

    #[test]
    fn names_sort_as_in_a_directory() {
        let expected = [
            "3M",
            "安娜",
            "阿里巴巴",
            "Bosch",
            "重庆长安汽车",
            "单雄信",
            "王芳",
            "王伟",
            "汪洋",
            "西安",
            "先锋",
            "张伟",
            "章伟",
        ];
        let mut sorted = expected;
        sorted.sort_by_key(|name| sort_key(name));
        let place = |name| sorted.iter().position(|other| *other == name).unwrap();
        assert_eq!(sorted[0], "3M");
        assert!(place("阿里巴巴") < place("安娜") && place("安娜") < place("Bosch"));
        assert!(place("重庆长安汽车") < place("单雄信") && place("西安") < place("先锋"));
        assert_eq!(place("王伟").abs_diff(place("王芳")), 1);
    }

    #[test]
    fn surnames_are_read_as_surnames() {
        for (name, expected) in [
            ("单雄信", "shan xiong xin"),
            ("曾国藩", "zeng guo fan"),
            ("解晓东", "xie xiao dong"),
            ("仇和", "qiu he"),
            ("任正非", "ren zheng fei"),
            ("查良镛", "zha liang yong"),
            ("盖叫天", "ge jiao tian"),
            ("朴树", "piao shu"),
            ("區楚良", "ou chu liang"),
            ("尉迟恭", "yu chi gong"),
            ("万俟卨", "mo qi xie"),
            ("长孙无忌", "zhang sun wu ji"),
            ("華羅庚", "hua luo geng"),
            ("吕布", "lv bu"),
        ] {
            assert_eq!(spelling(name), expected.replace(' ', ""), "{name}");
        }
    }

    #[test]
    fn words_are_read_as_words() {
        for (name, expected) in [
            ("重庆银行股份有限公司", "chongqingyinhanggufenyouxiangongsi"),
            ("成都重型机械", "chengduzhongxingjixie"),
            ("长沙", "changsha"),
            ("厦门大厦", "xiamendasha"),
            ("上海音乐厅", "shanghaiyinyueting"),
            ("西藏", "xizang"),
        ] {
            assert_eq!(spelling(name), expected, "{name}");
        }
    }

    #[test]
    fn initials_and_index_letter() {
        assert_eq!(initials("字节跳动"), "zjtd");
        assert_eq!(initials("ABC公司"), "abcgs");
        assert_eq!(initial("重庆长安"), 'C');
        assert_eq!(initial("（上海）某店"), 'S');
        assert_eq!(initial("Émile"), 'E');
        assert_eq!(initial("３Ｍ"), '#');
        assert_eq!(initial(""), '#');
        assert_eq!(initial("Яндекс"), '#');
    }

    #[test]
    fn keys_are_bounded_and_never_empty_for_text() {
        assert!(sort_key(&"张".repeat(200)).len() <= 200);
        assert_eq!(sort_key(" ★★ "), "★★");
        assert_eq!(sort_key("张 伟"), sort_key("张伟"));
    }

    #[test]
    fn tables_name_one_syllable_a_character() {
        for (phrase, syllables) in PHRASES.iter().chain(COMPOUND_SURNAMES) {
            assert_eq!(phrase.chars().count(), syllables.split(' ').count(), "{phrase}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_stays_bounded(name in "\\PC{0,60}|.{0,60}") {
            prop_assert!(sort_key(&name).len() <= 200);
            let letter = initial(&name);
            prop_assert!(letter == '#' || letter.is_ascii_uppercase());
            let _ = (initials(&name), spelling(&name));
        }
    }
}
