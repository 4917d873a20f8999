//! How a name is typed by its sound: spelled, or by first letters, from any character on.
//!
//! `zijietiaodong`, `zijie` and `zjtd` find 字节跳动 inside 北京字节跳动科技有限公司. A name is therefore heard from each
//! of its characters on, up to so many letters; what is typed is a beginning of one of these. A digit ends what is
//! heard: no number stands in it.

use super::readings::{ALSO, SURNAMES};
use super::{Spoken, speak};

/// Letters of a spelling by which a name is found.
pub const SPELLED: usize = 16;
/// First letters by which a name is found.
pub const LETTERS: usize = 8;
/// Most ways in which one stretch is read.
const WAYS: usize = 6;

/// How a name sounds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Spelled from the beginning, each way.
    pub spelled: Vec<String>,
    /// First letters from the beginning, each way.
    pub letters: Vec<String>,
    /// Spelled from each character or word on.
    pub spelled_within: Vec<String>,
    /// First letters from each character or word on.
    pub letters_within: Vec<String>,
}

/// One step of what is heard.
enum Sound {
    /// A Han character, with each of its common readings.
    Han(Vec<&'static str>),
    /// A letter of a Latin word, and whether the word begins here.
    Letter(char, bool),
    /// What sounds in no letters: a digit, another script.
    Break,
}

/// How a name sounds, in letters `a` to `z`; nothing where no Han character is in it: such a name is typed as it is
/// written. A person's surname has its own reading (`zeng` for 曾); a character of a company's name that two readings
/// are common for has both.
#[must_use]
pub fn heard(name: &str) -> Heard {
    let sounds = sounds(name);
    let mut heard = Heard::default();
    for (start, sound) in sounds.iter().enumerate() {
        let rest = sounds.get(start..).unwrap_or_default();
        let run = || rest.iter().take_while(|sound| !matches!(sound, Sound::Break));
        let starts = match sound {
            Sound::Han(_) => true,
            Sound::Letter(_, first) => *first && run().any(|sound| matches!(sound, Sound::Han(_))),
            Sound::Break => false,
        };
        if !starts {
            continue;
        }
        let spelled = ways(rest, SPELLED, |syllable| syllable);
        let letters = ways(rest, LETTERS, |syllable| syllable.get(..1).unwrap_or(syllable));
        if start == 0 {
            heard.spelled.clone_from(&spelled);
            heard.letters.clone_from(&letters);
        }
        heard.spelled_within.extend(spelled);
        heard.letters_within.extend(letters);
    }
    heard
}

/// What somebody typed as letters, where it can be a sound: `a` to `z` alone, an apostrophe between syllables left out.
#[must_use]
pub fn typed(word: &str) -> Option<String> {
    let letters: String =
        word.chars().filter(|c| !matches!(c, '\'' | '’')).map(|c| if c == 'ü' { 'v' } else { c }).collect();
    let is_sound = !letters.is_empty() && letters.bytes().all(|b| b.is_ascii_lowercase());
    is_sound.then_some(letters)
}

/// Every way to read a stretch, the usual one first, up to so many letters.
fn ways(sounds: &[Sound], most: usize, part: impl Fn(&'static str) -> &'static str) -> Vec<String> {
    let mut ways = vec![String::new()];
    for sound in sounds {
        if ways.iter().all(|way| way.len() >= most) {
            break;
        }
        match sound {
            Sound::Break => break,
            Sound::Letter(letter, _) => ways.iter_mut().for_each(|way| way.push(*letter)),
            Sound::Han(readings) => {
                let mut longer: Vec<String> = Vec::new();
                // The usual reading of each comes before the others of any.
                for reading in readings {
                    for way in &ways {
                        let next = [way.as_str(), part(reading)].concat();
                        if longer.len() < WAYS && !longer.contains(&next) {
                            longer.push(next);
                        }
                    }
                }
                ways = longer;
            }
        }
    }
    ways.iter_mut().for_each(|way| way.truncate(most));
    ways.dedup();
    ways.retain(|way| !way.is_empty());
    ways
}

fn sounds(name: &str) -> Vec<Sound> {
    let spoken = speak(name);
    let mut in_word = false;
    let mut sounds = Vec::with_capacity(spoken.len());
    for (at, one) in spoken.iter().enumerate() {
        let was_in_word = std::mem::take(&mut in_word);
        if !one.syllable.is_empty() {
            sounds.push(Sound::Han(readings(one, at == 0)));
        } else if one.written.is_ascii_lowercase() {
            in_word = true;
            sounds.push(Sound::Letter(one.written, !was_in_word));
        } else if one.written != ' ' {
            sounds.push(Sound::Break);
        }
    }
    sounds
}

/// The common readings of a character where it stands.
fn readings(one: &Spoken, is_first: bool) -> Vec<&'static str> {
    let mut readings = vec![one.syllable];
    if one.by_word {
        return readings;
    }
    let simple = super::simplify(one.written);
    let surname = SURNAMES.iter().find(|(c, _)| is_first && *c == simple).map(|(_, syllable)| *syllable);
    let usual = super::reading(one.written, simple);
    let also = ALSO.iter().filter(|(c, _)| *c == simple).flat_map(|(_, syllables)| syllables.split(' '));
    for more in surname.into_iter().chain([usual]).chain(also) {
        if !more.is_empty() && !readings.contains(&more) {
            readings.push(more);
        }
    }
    readings
}

#[cfg(test)]
mod tests {
    use super::{LETTERS, SPELLED, heard, typed};
    use crate::text::pinyin::{initials, spelling};
    use proptest::prelude::*;

    fn finds(query: &str, name: &str) -> bool {
        let heard = heard(name);
        heard.spelled_within.iter().chain(&heard.letters_within).any(|way| way.starts_with(query))
    }

    #[test]
    fn a_brand_is_found_inside_a_name() {
        let name = "北京字节跳动科技有限公司";
        for query in ["zjtd", "zijietiaodong", "zijie", "bjzj", "beijing", "zijiet", "kj", "gs", "jtd"] {
            assert!(finds(query, name), "{query}");
        }
        for query in ["ijie", "jzjtdx", "shanghai", "zjdt"] {
            assert!(!finds(query, name), "{query}");
        }
    }

    #[test]
    fn readings_that_are_common_are_all_heard() {
        for (name, queries) in [
            ("曾国藩", &["zeng", "zgf", "ceng"][..]),
            ("单雄信", &["shan", "sxx", "danxiong"]),
            ("长城汽车", &["changcheng", "ccqc"]),
            ("成都长虹", &["changhong", "zhanghong", "cdch"]),
            ("重庆银行", &["chongqing", "cqyh", "yinhang"]),
            ("万达乐园", &["leyuan", "wdly", "yueyuan"]),
            ("行健科技", &["xingjian", "hangjian", "xjkj", "hjkj"]),
            ("ABC公司", &["abcgongsi", "abcgs", "gs"]),
            ("吕布", &["lvbu", "lb"]),
            ("華羅庚", &["hualuogeng", "hlg"]),
        ] {
            for query in queries {
                assert!(finds(query, name), "{query} in {name}: {:?}", heard(name));
            }
        }
        assert!(!finds("zhongqing", "重庆银行") && !finds("yinxing", "重庆银行"));
    }

    #[test]
    fn no_number_is_heard() {
        let all = heard("张伟13800138000王芳 2号");
        assert!(
            all.spelled_within.iter().chain(&all.letters_within).all(|way| !way.contains(|c: char| c.is_numeric()))
        );
        assert!(finds("wangfang", "张伟13800138000王芳") && !finds("zhangweiwang", "张伟13800138000王芳"));
        assert_eq!(heard("Acme 3M 13800138000"), super::Heard::default());
    }

    #[test]
    fn letters_may_be_a_sound() {
        assert_eq!(typed("xi'an").as_deref(), Some("xian"));
        assert_eq!(typed("lü").as_deref(), Some("lv"));
        for word in ["", "'", "字节", "a1", "é"] {
            assert_eq!(typed(word), None, "{word}");
        }
    }

    proptest! {
        #[test]
        fn every_beginning_of_the_usual_spelling_is_heard(name in "[一-龥]{2,12}", most in 1usize..40) {
            let (spelled, letters) = (spelling(&name), initials(&name));
            let all = heard(&name);
            // A rare character that has no reading ends what is heard.
            prop_assume!(!all.spelled.is_empty() && letters.len() == name.chars().count());
            let spelled: String = spelled.chars().take(most.min(SPELLED)).collect();
            let letters: String = letters.chars().take(most.min(LETTERS)).collect();
            prop_assert!(all.spelled.iter().any(|way| way.starts_with(&spelled)), "{} in {:?}", spelled, all);
            prop_assert!(all.letters.iter().any(|way| way.starts_with(&letters)), "{} in {:?}", letters, all);
        }

        #[test]
        fn what_is_heard_is_letters_and_bounded(name in "\\PC{0,60}") {
            let all = heard(&name);
            for (ways, most) in [(&all.spelled_within, SPELLED), (&all.letters_within, LETTERS)] {
                for way in ways {
                    prop_assert!(!way.is_empty() && way.len() <= most && way.bytes().all(|b| b.is_ascii_lowercase()), "{}", way);
                }
            }
        }
    }
}
