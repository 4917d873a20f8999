//! Sorted word lists that are searched in place: nothing is built, nothing lives on the heap.

use std::cmp::Ordering;

/// Lines of ASCII, sorted by bytes, each ended by a line feed.
#[derive(Clone, Copy)]
pub(crate) struct WordList(pub(crate) &'static str);

impl WordList {
    /// Whether `word` is one of the lines.
    pub(crate) fn contains(self, word: &str) -> bool {
        let mut rest = self.0;
        while !rest.is_empty() {
            let middle = rest.len() / 2;
            let start = rest.get(..middle).and_then(|left| left.rfind('\n')).map_or(0, |at| at + 1);
            let (left, right) = rest.split_at_checked(start).unwrap_or((rest, ""));
            let (line, after) = right.split_once('\n').unwrap_or((right, ""));
            match word.cmp(line) {
                Ordering::Equal => return true,
                Ordering::Less => rest = left,
                Ordering::Greater => rest = after,
            }
        }
        false
    }

    /// Whether `domain` or a domain above it is one of the lines.
    pub(crate) fn contains_domain(self, domain: &str) -> bool {
        let mut rest = Some(domain);
        while let Some(name) = rest.filter(|name| name.contains('.')) {
            if self.contains(name) {
                return true;
            }
            rest = name.split_once('.').map(|(_, above)| above);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::WordList;

    #[test]
    fn finds_every_line_and_nothing_else() {
        let list = WordList("aa\nb\nbcd\nx-y\nzz\n");
        for word in ["aa", "b", "bcd", "x-y", "zz"] {
            assert!(list.contains(word), "{word}");
        }
        for word in ["", "a", "bc", "bcde", "zzz", "0", "\n", "aa\nb"] {
            assert!(!list.contains(word), "{word}");
        }
        assert!(!WordList("").contains("a"));
    }

    #[test]
    fn a_domain_covers_its_subdomains() {
        let list = WordList("example.com\n");
        assert!(list.contains_domain("a.b.example.com"));
        assert!(!list.contains_domain("notexample.com"));
    }
}
