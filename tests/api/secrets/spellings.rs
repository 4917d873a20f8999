//! Looking for words in files, in every spelling in which they could lie there.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

/// Shorter ones would be met by chance.
const SHORTEST: usize = 8;

/// A word, in all its spellings.
fn spellings(word: &str) -> Vec<Vec<u8>> {
    let bytes = word.as_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let percent = |lower: bool| {
        let one = |byte: &u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(*byte).to_string(),
            other if lower => format!("%{other:02x}"),
            other => format!("%{other:02X}"),
        };
        bytes.iter().map(one).collect::<String>()
    };
    let escaped = |lower: bool| {
        let one = |unit: u16| match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => char::from(byte).to_string(),
            _ if lower => format!("\\u{unit:04x}"),
            _ => format!("\\u{unit:04X}"),
        };
        word.encode_utf16().map(one).collect::<String>()
    };
    let mut all: Vec<Vec<u8>> = [
        word.to_owned(),
        word.to_uppercase(),
        word.to_lowercase(),
        hex.to_uppercase(),
        hex,
        percent(true),
        percent(false),
        percent(false).replace("%20", "+"),
        escaped(true),
        escaped(false),
    ]
    .map(String::into_bytes)
    .into();
    all.push(word.encode_utf16().flat_map(u16::to_le_bytes).collect());
    all.push(word.encode_utf16().flat_map(u16::to_be_bytes).collect());
    // Whoever has the table would try values out: no hash without a key.
    let hash = Sha256::digest(bytes);
    all.push(hash.to_vec());
    all.push(hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into_bytes());
    // Base64 of a text inside another depends on where it begins; what its neighbours take part in is left out.
    for shift in 0..3 {
        let padded = [&vec![b'x'; shift][..], bytes].concat();
        let (first, end) = ((shift * 8).div_ceil(6), padded.len() * 8 / 6);
        for text in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            all.push(text.as_bytes()[first..end].to_vec());
        }
    }
    all.sort();
    all.dedup();
    all.retain(|spelling| spelling.len() >= SHORTEST);
    all
}

/// Words to look for. Some thousand spellings are looked for at once: the first three bytes say in a table of bits
/// whether it is worth looking closer.
pub(super) struct Wanted {
    words: Vec<(String, String)>,
    first: Vec<u64>,
    spellings: HashMap<[u8; 3], Vec<(Vec<u8>, usize)>>,
}

impl Wanted {
    /// Of each word, what it is, and the word.
    pub(super) fn new(words: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut wanted = Self { words: Vec::new(), first: vec![0; 1 << 18], spellings: HashMap::new() };
        for (what, word) in words {
            for spelling in spellings(&word) {
                let key = [spelling[0], spelling[1], spelling[2]];
                wanted.first[place(key) >> 6] |= 1 << (place(key) & 63);
                wanted.spellings.entry(key).or_default().push((spelling, wanted.words.len()));
            }
            wanted.words.push((what, word));
        }
        wanted
    }

    /// Which of the words stand in these bytes, in any spelling.
    pub(super) fn found_in(&self, bytes: &[u8]) -> Vec<usize> {
        let mut found = Vec::new();
        for (at, window) in bytes.windows(3).enumerate() {
            let key = [window[0], window[1], window[2]];
            if self.first[place(key) >> 6] >> (place(key) & 63) & 1 == 0 {
                continue;
            }
            let here = self.spellings[&key].iter().filter(|(spelling, _)| bytes[at..].starts_with(spelling));
            found.extend(here.map(|(_, word)| *word));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// What a word is, and the word.
    pub(super) fn word(&self, number: usize) -> &(String, String) {
        &self.words[number]
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.words.len()
    }
}

fn place([a, b, c]: [u8; 3]) -> usize {
    usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)
}

/// Every file of a folder and of those in it.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found
}

#[test]
fn a_word_is_found_in_every_spelling_and_at_every_place() {
    let word = "雀qz00a1b2c3 d";
    let wanted = Wanted::new([("a word".to_owned(), word.to_owned())]);
    for spelling in spellings(word) {
        assert_eq!(wanted.found_in(&[b"before ".as_slice(), &spelling, b" after"].concat()), [0]);
    }
    for shift in 0..8 {
        let inside = format!("{}{word}, and more", "x".repeat(shift));
        for text in [STANDARD_NO_PAD.encode(&inside), URL_SAFE_NO_PAD.encode(&inside)] {
            assert_eq!(wanted.found_in(text.as_bytes()), [0], "{text}");
        }
        let wide: Vec<u8> = inside.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(wanted.found_in(&wide), [0]);
    }
    assert_eq!(wanted.found_in(r#"{"reason": "\u96c0qz00a1b2c3 d"}"#.as_bytes()), [0]);
    assert!(wanted.found_in("雀qz00a1b2c4 d, 雀qz00a1b2c3".as_bytes()).is_empty());
}
