//! Words that are planted: each stands nowhere else, and for each is known whether it may be found.

use serde_json::{Value, json};

/// What was planted.
#[derive(Default)]
pub(super) struct Sown {
    count: u64,
    /// What must not be found: where it was planted, and the word.
    pub(super) secret: Vec<(String, String)>,
    /// What lies in clear by design.
    pub(super) clear: Vec<(String, String)>,
    /// The door that is being called.
    pub(super) door: String,
}

impl Sown {
    /// A number that looks like none, always the same ones in a run of the test.
    fn next(&mut self) -> u64 {
        self.count += 1;
        // The odd factor makes every result once.
        self.count.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20
    }

    fn keep(&mut self, what: &str, word: &str) {
        self.secret.push((format!("{what} of {}", self.door), word.to_owned()));
    }

    /// Something that the server told, and must not keep in clear.
    pub(super) fn told(&mut self, what: &str, word: &str) {
        self.keep(what, word);
    }

    /// A text of ASCII.
    pub(super) fn ascii(&mut self, what: &str) -> String {
        let word = format!("qz{:012x}Kz", self.next());
        self.keep(what, &word);
        word
    }

    /// A text.
    pub(super) fn text(&mut self, what: &str) -> String {
        let word = format!("金丝雀{:011x}号 住", self.next());
        self.keep(what, &word);
        word
    }

    /// A text that lies in clear by design. Letters alone: a person's name has no digits.
    pub(super) fn open(&mut self, what: &str) -> String {
        let letter = |digit: u8| char::from(if digit.is_ascii_digit() { digit - b'0' + b'q' } else { digit });
        let word = format!("明文{}", format!("{:011x}", self.next()).bytes().map(letter).collect::<String>());
        self.clear.push((what.to_owned(), word.clone()));
        word
    }

    /// A mobile number of China; as it is stored, and as people write it.
    pub(super) fn phone(&mut self, what: &str) -> String {
        let digits = format!("139{:08}", self.next() % 100_000_000);
        let (a, b, c) = (&digits[..3], &digits[3..7], &digits[7..]);
        for word in [digits.clone(), format!("+86{digits}"), format!("{a} {b} {c}"), format!("{a}-{b}-{c}")] {
            self.keep(what, &word);
        }
        digits
    }

    /// An e-mail address.
    pub(super) fn mail(&mut self, what: &str) -> String {
        let word = format!("qz{:011x}@cage{}.cn", self.next(), self.count);
        self.keep(what, &word);
        word
    }

    /// A date of the last century.
    pub(super) fn date(&mut self, what: &str) -> String {
        self.count += 1;
        let (year, month, day) = (1902 + self.count % 90, 1 + self.count / 90 % 12, 1 + self.count / 1080 % 28);
        let word = format!("{year}-{month:02}-{day:02}");
        self.keep(what, &word);
        word
    }

    /// An ID number (GB 11643) with its check digit.
    pub(super) fn id_number(&mut self, what: &str) -> String {
        let next = self.next();
        let born = format!("19{:02}{:02}{:02}", 30 + next % 60, 1 + next / 60 % 12, 1 + next / 720 % 28);
        let digits = format!("110101{born}{:03}", next / 20_160 % 1000);
        let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
        let weighed = digits.bytes().zip(weights).map(|(digit, weight)| usize::from(digit - b'0') * weight);
        let check = char::from(b"10X98765432"[weighed.sum::<usize>() % 11]);
        let word = format!("{digits}{check}");
        self.keep(what, &word);
        word
    }

    /// A bank account.
    pub(super) fn account(&mut self, what: &str) -> String {
        let word = format!("62220202{:011}", self.next() % 100_000_000_000);
        self.keep(what, &word);
        word
    }

    /// An element of a list of contact data, with what it is for: both lie in one cell.
    pub(super) fn element(&mut self, what: &str, value: &str) -> Value {
        json!([{"value": value, "label": self.text(&format!("label of {what}"))}])
    }
}
