//! What a sender sent, as a tree of texts: numbers keep every digit, whatever their size.

use serde_json::{Map, Value};

/// Where a body stands that names nothing.
pub(super) const TEXT: &str = "text";
/// The most texts taken out of one value.
const MAX_TEXTS: usize = 20;
/// The most names of values that nobody asked for.
const MAX_UNMAPPED: usize = 100;
/// The longest such name, in characters.
const MAX_NAME: usize = 200;

/// The body of a submission. Numbers in it are texts, digit for digit.
#[derive(Clone, PartialEq)]
pub struct Given {
    root: Value,
}

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Given(…)")
    }
}

impl Given {
    /// Reads JSON (RFC 8259). Half a surrogate pair is U+FFFD: one sign too few loses no lead. A list of one is what is in it; anything else that is no object stands under `text`.
    ///
    /// # Errors
    /// Not JSON.
    pub fn json(text: &str) -> Result<Self, serde_json::Error> {
        let text = whole_characters(text);
        serde_json::from_str::<serde::de::IgnoredAny>(&text)?;
        let mut root: Value = serde_json::from_str(&quote_numbers(&text))?;
        if let Value::Array(items) = &mut root
            && let [one @ Value::Object(_)] = items.as_mut_slice()
        {
            root = one.take();
        }
        Ok(if root.is_object() { Self { root } } else { Self::member(TEXT, root) })
    }

    /// Takes names and values, as a form or an address has them; a name that comes again has a list of values.
    #[must_use]
    pub fn pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut members = Map::new();
        for (name, value) in pairs {
            let value = Value::String(value);
            match members.get_mut(&name) {
                None => {
                    members.insert(name, value);
                }
                Some(Value::Array(values)) => values.push(value),
                Some(first) => *first = Value::Array(vec![first.take(), value]),
            }
        }
        Self { root: Value::Object(members) }
    }

    /// Takes a text as it is; it stands under `text`.
    #[must_use]
    pub fn text(text: String) -> Self {
        Self::member(TEXT, Value::String(text))
    }

    /// The text of a body that names nothing else.
    pub(super) fn plain(&self) -> Option<&str> {
        self.root.get(TEXT).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
    }

    fn member(name: &str, value: Value) -> Self {
        Self { root: Value::Object(Map::from_iter([(name.to_owned(), value)])) }
    }

    /// Adds what stood in the address, where the body does not say it.
    pub fn add_missing(&mut self, pairs: impl IntoIterator<Item = (String, String)>) {
        let Value::Object(added) = Self::pairs(pairs).root else { return };
        let Some(members) = self.root.as_object_mut() else { return };
        for (name, value) in added {
            members.entry(name).or_insert(value);
        }
    }

    /// Takes a member out: a key that is not part of what was said.
    pub fn take_word(&mut self, name: &str) -> Option<String> {
        match self.root.as_object_mut()?.shift_remove(name)? {
            Value::String(word) => Some(word),
            _ => None,
        }
    }

    /// The values of the form: the member `values`, or everything.
    fn values(&self) -> &Value {
        self.root.get("values").filter(|values| values.is_object()).unwrap_or(&self.root)
    }

    /// The value of a key: a member's name, or a JSON pointer.
    fn find(&self, key: &str) -> Option<&Value> {
        let named = |tree: &'_ Value| tree.get(key).is_some();
        let trees = [self.values(), &self.root];
        let tree = trees.into_iter().find(|tree| named(tree));
        match tree {
            Some(tree) => tree.get(key),
            None if key.starts_with('/') => trees.into_iter().find_map(|tree| tree.pointer(key)),
            None => None,
        }
    }

    /// The texts of a key, in order, without those that are blank: one for a word or a number, several for a list or an
    /// object.
    #[must_use]
    pub fn texts(&self, key: &str) -> Vec<&str> {
        let mut texts = Vec::new();
        if let Some(value) = self.find(key) {
            collect(value, &mut texts);
        }
        texts
    }

    /// The first text of a key.
    #[must_use]
    pub fn word(&self, key: &str) -> Option<&str> {
        self.texts(key).first().map(|text| text.trim())
    }

    /// Whether a member is true, in whatever way senders say so.
    #[must_use]
    pub fn is_true(&self, key: &str) -> bool {
        match self.find(key) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(word)) => matches!(word.trim(), "true" | "1" | "on" | "yes"),
            _ => false,
        }
    }

    /// Names of the values that none of those keys takes, deeper ones as pointers.
    #[must_use]
    pub fn unmapped(&self, keys: &[&str]) -> Vec<String> {
        let mut names = Vec::new();
        leaves(self.values(), &mut Vec::new(), &mut |path| {
            let pointer = crate::read::pointer(path);
            let top = path.first().map(String::as_str).unwrap_or_default();
            let taken = |key: &&str| {
                let under =
                    |whole: &str| pointer == whole || pointer.strip_prefix(whole).is_some_and(|r| r.starts_with('/'));
                *key == top || (key.starts_with('/') && under(key))
            };
            if !keys.iter().any(taken) && names.len() < MAX_UNMAPPED {
                let name = if path.len() == 1 { top } else { &pointer };
                names.push(name.chars().take(MAX_NAME).collect());
            }
        });
        names
    }
}

fn collect<'v>(value: &'v Value, texts: &mut Vec<&'v str>) {
    match value {
        Value::String(text) if !text.trim().is_empty() && texts.len() < MAX_TEXTS => texts.push(text),
        Value::Bool(flag) if texts.len() < MAX_TEXTS => texts.push(if *flag { "true" } else { "false" }),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(members) => members.values().for_each(|member| collect(member, texts)),
        _ => {}
    }
}

fn leaves(value: &Value, path: &mut Vec<String>, found: &mut impl FnMut(&[String])) {
    let mut step = |name: String, value: &Value| {
        path.push(name);
        leaves(value, path, found);
        path.pop();
    };
    match value {
        Value::Array(items) => items.iter().enumerate().for_each(|(at, item)| step(at.to_string(), item)),
        Value::Object(members) => members.iter().for_each(|(name, member)| step(name.clone(), member)),
        _ => found(path),
    }
}

/// JSON in which an escape of half a surrogate pair is one of U+FFFD.
fn whole_characters(json: &str) -> String {
    let unit = |text: &str| {
        let hex = text.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(hex, 16).ok()
    };
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let next = escape.get(6..).unwrap_or_default();
        let is_pair = unit(next).is_some_and(|low| (0xdc00..0xe000).contains(&low));
        // What follows a backslash may be any character.
        let two = || escape.chars().take(2).map(char::len_utf8).sum();
        let length = match unit(escape) {
            Some(0xd800..0xdc00) if is_pair => 12,
            Some(0xd800..0xe000) => {
                out.push_str("\\ufffd");
                rest = next;
                continue;
            }
            _ => two(),
        };
        let (whole, after) = escape.split_at_checked(length).unwrap_or((escape, ""));
        out.push_str(whole);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// JSON with every number written as a text. The input is valid JSON.
fn quote_numbers(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + 64);
    let (mut in_text, mut escaped, mut in_number) = (false, false, false);
    for c in json.chars() {
        if in_text {
            in_text = escaped || c != '"';
            escaped = c == '\\' && !escaped;
        } else {
            let of_number = c.is_ascii_digit() || c == '-' || (in_number && matches!(c, '.' | 'e' | 'E' | '+'));
            if of_number != in_number {
                out.push('"');
            }
            in_number = of_number;
            in_text = c == '"';
        }
        out.push(c);
    }
    if in_number {
        out.push('"');
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_keep_their_digits() {
        let given =
            Given::json(r#"{"a": 13800138000, "b": [12345678901234567890123, -1.50e+3, "1\"2"], "c": 0}"#).unwrap();
        assert_eq!(given.word("a"), Some("13800138000"));
        assert_eq!(given.texts("b"), ["12345678901234567890123", "-1.50e+3", "1\"2"]);
        assert_eq!(given.word("c"), Some("0"));
        assert_eq!(Given::json("13800138000").unwrap().word("text"), Some("13800138000"));
        for wrong in ["", "{", "01", "1.2.3", "{\"a\": 1x}", "nul"] {
            assert!(Given::json(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn half_a_pair_is_one_sign() {
        let json = r#"{"a": "x\ud83d", "b": "\ud83d\ude00", "c": "\ude00\ud83d\u0041", "d": "\\ud83d", "\ud83d": 1}"#;
        let given = Given::json(json).unwrap();
        let words = ["a", "b", "c", "d", "\u{fffd}"].map(|key| given.word(key).unwrap());
        assert_eq!(words, ["x\u{fffd}", "😀", "\u{fffd}\u{fffd}A", "\\ud83d", "1"]);
    }

    #[test]
    fn values_are_found_by_name_and_by_pointer() {
        let given =
            Given::json(r#"{"values": {"tel": "1", "x/y": "2"}, "lead": {"phones": ["3", ""]}, "utm": "4"}"#).unwrap();
        assert_eq!(given.word("tel"), Some("1"));
        assert_eq!(given.word("/tel"), Some("1"));
        assert_eq!(given.word("/values/tel"), Some("1"));
        assert_eq!(given.word("x/y"), Some("2"));
        assert_eq!(given.texts("/lead/phones"), ["3"]);
        assert_eq!(given.word("utm"), Some("4"));
        assert_eq!(given.word("nothing"), None);
        assert_eq!(Given::json(r#"[{"a": "1"}]"#).unwrap().word("a"), Some("1"));
    }

    #[test]
    fn what_nobody_asked_for_is_named() {
        let given = Given::json(r#"{"a": 1, "b": {"c": [1, 2], "d": null}, "e": {}}"#).unwrap();
        assert_eq!(given.unmapped(&["a", "/b/c"]), ["/b/d"]);
        assert_eq!(given.unmapped(&[]), ["a", "/b/c/0", "/b/c/1", "/b/d"]);
        let pairs = [("a", "1"), ("b", "2"), ("a", "3")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        let given = Given::pairs(pairs);
        assert_eq!(given.texts("a"), ["1", "3"]);
        assert_eq!(given.unmapped(&["a"]), ["b"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,60}|[\\[\\]{}\",:0-9eE+. \\\\a-]{0,40}") {
            let _ = Given::json(&text);
        }

        #[test]
        fn digits_survive(number in "[1-9][0-9]{0,30}", before in "\\PC{0,10}") {
            let name = serde_json::to_string(&before).unwrap();
            let given = Given::json(&format!("{{{name}: {number}, \"n\": [{number}]}}")).unwrap();
            prop_assert_eq!(given.word("/n/0"), Some(number.as_str()));
        }
    }
}
