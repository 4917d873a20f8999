//! Numbers and addresses inside running text: found, so that none of them is ever stored in clear.

use crate::value::{Email, Phone};

/// As many digits in a row as no text may hold in clear.
const LONG: usize = 7;

/// A part of a text.
enum Part {
    /// Words.
    Words(String),
    /// A number or an address, with what may be shown of it.
    Secret(String),
}

/// A text taken apart.
pub(super) struct Scan {
    parts: Vec<Part>,
    pub(super) phones: Vec<Phone>,
    pub(super) emails: Vec<Email>,
}

impl Scan {
    /// Takes a text apart. `region` is for numbers without a country code.
    pub(super) fn of(text: &str, region: &str) -> Self {
        let mut scan = Self { parts: Vec::new(), phones: Vec::new(), emails: Vec::new() };
        let chars: Vec<char> = text.chars().collect();
        let mut at = 0;
        let mut words = String::new();
        while let Some(c) = chars.get(at) {
            if let Some(length) = date(chars.get(at..).unwrap_or_default()) {
                words.extend(chars.iter().skip(at).take(length));
                at += length;
                continue;
            }
            let (length, secret) = match scan.address(chars.get(at..).unwrap_or_default()) {
                Some(found) if !words.chars().next_back().is_some_and(is_local) => found,
                _ => match scan.number(chars.get(at..).unwrap_or_default(), region) {
                    Some(found) => found,
                    None => {
                        words.push(*c);
                        at += 1;
                        continue;
                    }
                },
            };
            scan.parts.push(Part::Words(std::mem::take(&mut words)));
            scan.parts.push(Part::Secret(secret));
            at += length;
        }
        scan.parts.push(Part::Words(words));
        scan
    }

    /// Whether there was anything to hide.
    pub(super) fn hides(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Secret(_)))
    }

    /// The text with masks.
    pub(super) fn masked(&self) -> String {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Words(text) | Part::Secret(text) => text.as_str(),
            })
            .collect()
    }

    /// The text without what was hidden, and without the signs that joined it.
    pub(super) fn without(&self) -> String {
        let words: Vec<&str> = self
            .parts
            .iter()
            .filter_map(|part| match part {
                Part::Words(text) => Some(text.trim_matches(|c: char| c.is_whitespace() || is_joint(c))),
                Part::Secret(_) => None,
            })
            .filter(|text| !text.is_empty())
            .collect();
        words.join(" ")
    }

    /// An e-mail address at the beginning: its length and mask.
    fn address(&mut self, chars: &[char]) -> Option<(usize, String)> {
        let local = chars.iter().take_while(|c| is_local(**c)).count();
        let sign = chars.get(local).is_some_and(|c| matches!(c, '@' | '＠'));
        let domain = chars.get(local + 1..)?.iter().take_while(|c| is_domain(**c)).count();
        if local == 0 || !sign || domain < 3 {
            return None;
        }
        let length = local + 1 + domain;
        let text: String = chars.iter().take(length).collect();
        let mask = match Email::parse(&text) {
            Ok(email) => {
                let mask = email.mask();
                self.emails.push(email);
                mask
            }
            Err(_) => crate::mask::STARS.to_owned(),
        };
        Some((length, mask))
    }

    /// A telephone number, or a long row of digits, at the beginning: its length and mask.
    fn number(&mut self, chars: &[char], region: &str) -> Option<(usize, String)> {
        let begins = chars.first().is_some_and(|c| is_digit(*c) || matches!(c, '+' | '＋' | '('));
        if !begins {
            return None;
        }
        let joined = chars.iter().take_while(|c| is_digit(**c) || is_separator(**c)).count();
        let joined = joined - chars.iter().take(joined).rev().take_while(|c| !is_digit(**c)).count();
        let text: String = chars.iter().take(joined).collect();
        let digits = text.chars().filter(|c| is_digit(*c)).count();
        if (LONG..=18).contains(&digits)
            && let Ok(phone) = Phone::parse(&text, region)
        {
            let mask = phone.mask();
            self.phones.push(phone);
            return Some((joined, mask));
        }
        let row = chars.iter().take_while(|c| is_digit(**c)).count();
        (row >= LONG).then(|| {
            let text: String = chars.iter().take(row).collect();
            match Phone::parse(&text, region) {
                Ok(phone) => {
                    let mask = phone.mask();
                    self.phones.push(phone);
                    (row, mask)
                }
                Err(_) => (row, crate::mask::STARS.to_owned()),
            }
        })
    }
}

/// The length of a date at the beginning, `2026-11-22`: no number, although it looks like one.
fn date(chars: &[char]) -> Option<usize> {
    let digits = |from: usize| chars.iter().skip(from).take_while(|c| c.is_ascii_digit()).count();
    let dash = |at: usize| chars.get(at) == Some(&'-');
    let (month, day) = (digits(5), 6 + digits(5));
    let is_date = digits(0) == 4
        && matches!(chars.first(), Some('1' | '2'))
        && dash(4)
        && (1..=2).contains(&month)
        && dash(5 + month)
        && (1..=2).contains(&digits(day));
    is_date.then(|| day + digits(day))
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '０'..='９')
}

fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '-' | '(' | ')' | '+' | '＋' | '－' | '\u{a0}' | '\u{2010}'..='\u{2014}')
}

/// Signs that stand between a name and a number.
fn is_joint(c: char) -> bool {
    matches!(c, ',' | '，' | ':' | '：' | ';' | '；' | '/' | '|' | '-' | '(' | ')' | '（' | '）' | '、' | '_')
}

fn is_local(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-')
}

fn is_domain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn masked(text: &str) -> String {
        Scan::of(text, "CN").masked()
    }

    #[test]
    fn numbers_and_addresses_are_masked_where_they_stand() {
        assert_eq!(masked("请打13800138000，或 138 0013 8001"), "请打138****8000，或 138****8001");
        assert_eq!(masked("写信 wang.fang@example.com 谢谢"), "写信 w***@example.com 谢谢");
        assert_eq!(masked("座机010-62345678转801"), "座机10****5678转801");
        assert_eq!(masked("身份证110101199003070021"), "身份证****");
        assert_eq!(masked("a@b"), "a@b");
        assert_eq!(masked("bad@nowhere.zzzz"), "****");
    }

    #[test]
    fn dates_amounts_and_short_numbers_stay() {
        for text in ["2026-11-22 10:30 见面", "预算 120000 元，3 台", "第5单元", "(1) 一 (2) 二", ""] {
            assert_eq!(masked(text), text);
        }
    }

    #[test]
    fn a_name_loses_the_number_that_stands_in_it() {
        let scan = Scan::of("张三（13800138000）", "CN");
        assert_eq!((scan.without().as_str(), scan.phones.len()), ("张三", 1));
        assert_eq!(Scan::of("13800138000", "CN").without(), "");
        assert_eq!(Scan::of("李四 li@example.com", "CN").without(), "李四");
    }

    proptest! {
        #[test]
        fn no_long_row_of_digits_is_left(text in "[0-9０-９ a-z张@.+-]{0,40}|\\PC{0,40}") {
            let scan = Scan::of(&text, "CN");
            let row = |text: &str| text.split(|c| !is_digit(c)).any(|row| row.chars().count() >= LONG);
            // What is left of a mobile number by its mask is four digits and three.
            prop_assert!(!row(&scan.without()));
            prop_assert!(!row(&scan.masked()), "{}", scan.masked());
        }
    }
}
