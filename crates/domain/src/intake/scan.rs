//! Numbers and addresses inside running text: found, so that none of them is ever stored in clear.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;

use crate::value::{Email, Phone};

/// As many digits in a row as no text may hold in clear.
const LONG: usize = 7;
/// The most digits of a telephone number, with country code and extension.
const MOST_DIGITS: usize = 18;
/// The most characters of a telephone number.
const MOST_NUMBER: usize = 40;
/// The longest local part of an address (RFC 5321, 4.5.3.1.1).
const MOST_LOCAL: usize = 64;
/// The most characters of a domain.
const MOST_DOMAIN: usize = 255;
/// The most characters of a text; what follows is not read.
const MOST_TEXT: usize = 10_000;
/// How many rows of digits of one text are tried as numbers; others are hidden all the same.
const MOST_TRIES: usize = 200;
/// As many other signs as may stand between two digits of one row.
const MOST_SIGNS: usize = 2;

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
    tries: usize,
}

impl Scan {
    /// Takes a text apart, in time that grows with its length. `region` is for numbers without a country code.
    pub(super) fn of(text: &str, region: &str) -> Self {
        let mut scan = Self { parts: Vec::new(), phones: Vec::new(), emails: Vec::new(), tries: 0 };
        let chars: Vec<char> = text.chars().filter(|c| !is_invisible(*c)).flat_map(folded).take(MOST_TEXT).collect();
        // Up to where everything is told, and where the next address may begin.
        let (mut told, mut at) = (0, 0);
        while at < chars.len() {
            let rest = chars.get(at..).unwrap_or_default();
            let local = rest.iter().take_while(|c| is_local(**c)).count();
            match address(rest, local) {
                Some(length) => {
                    scan.numbers(chars.get(told..at).unwrap_or_default(), region);
                    scan.email(&rest.iter().take(length).collect::<String>(), local);
                    at += length;
                    told = at;
                }
                // No address begins later in the same row either.
                None => at += local.max(1),
            }
        }
        scan.numbers(chars.get(told..).unwrap_or_default(), region);
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
        let left = words.join(" ");
        // What stood on both sides of a number may look like another one.
        if Self::of(&left, "").hides() {
            left.chars().filter(|c| !is_digit(*c)).collect::<String>().trim().to_owned()
        } else {
            left
        }
    }

    fn email(&mut self, text: &str, local: usize) {
        let fits = local <= MOST_LOCAL && text.len() <= MOST_LOCAL + 1 + MOST_DOMAIN;
        let mask = match Email::parse(text) {
            Ok(email) if fits => {
                let mask = email.mask();
                self.emails.push(email);
                mask
            }
            _ => crate::mask::STARS.to_owned(),
        };
        self.parts.push(Part::Secret(mask));
    }

    fn words(&mut self, text: String) {
        match self.parts.last_mut() {
            Some(Part::Words(words)) => words.push_str(&text),
            _ => self.parts.push(Part::Words(text)),
        }
    }

    /// Words without addresses: rows of digits are told from the rest.
    fn numbers(&mut self, chars: &[char], region: &str) {
        let mut words = String::new();
        let mut at = 0;
        while let Some(c) = chars.get(at) {
            if !is_digit(*c) {
                words.push(*c);
                at += 1;
                continue;
            }
            let groups = groups(chars.get(at..).unwrap_or_default());
            let length = groups.last().map_or(1, |group| group.end);
            let row = chars.get(at..at + length).unwrap_or_default();
            let digits: usize = groups.iter().map(Range::len).sum();
            if digits < LONG || is_date(row) {
                words.extend(row);
            } else {
                let international = words.ends_with('+');
                if international {
                    words.pop();
                }
                self.words(std::mem::take(&mut words));
                self.row(row, &groups, international, region);
            }
            at += length;
        }
        self.words(words);
    }

    /// A row of digits that is hidden: the numbers in it by their masks, all else by stars.
    fn row(&mut self, row: &[char], groups: &[Range<usize>], international: bool, region: &str) {
        let (mut first, mut end, mut stars) = (0, 0, false);
        while let Some(group) = groups.get(first) {
            // 张三 before a number is a name, and its last sign no digit.
            if first == 0
                && is_numeral(row, group)
                && let Some(next) = groups.get(1).filter(|next| !is_numeral(row, next))
                && self.phone(row, groups.get(1..).unwrap_or_default(), false, region).is_some()
            {
                self.words(row.get(..next.start).unwrap_or_default().iter().collect());
                (first, end) = (1, next.start);
                continue;
            }
            let found = self.phone(row, groups.get(first..).unwrap_or_default(), international && first == 0, region);
            let count = found.as_ref().map_or(1, |(count, _)| *count);
            let mask = found.map(|(_, phone)| {
                let mask = phone.mask();
                self.phones.push(phone);
                mask
            });
            if mask.is_some() || !stars {
                self.words(row.get(end..group.start).unwrap_or_default().iter().collect());
                self.parts.push(Part::Secret(mask.clone().unwrap_or_else(|| crate::mask::STARS.to_owned())));
            }
            stars = mask.is_none();
            first += count;
            end = groups.get(first - 1).map_or(end, |last| last.end);
        }
    }

    /// The longest telephone number that begins with the first group, and of how many groups it is.
    fn phone(&mut self, row: &[char], groups: &[Range<usize>], plus: bool, region: &str) -> Option<(usize, Phone)> {
        let start = groups.first()?.start;
        let plus = plus || (start > 0 && row.get(start - 1) == Some(&'+'));
        let mut digits = 0;
        let mut ends = Vec::new();
        for (at, group) in groups.iter().enumerate() {
            digits += group.len();
            if digits > MOST_DIGITS || group.end - start > MOST_NUMBER {
                break;
            }
            if digits >= LONG {
                ends.push((at + 1, group.end));
            }
        }
        for (count, end) in ends.into_iter().rev() {
            if self.tries == MOST_TRIES {
                return None;
            }
            self.tries += 1;
            let plain = |c: &char| digit(*c).unwrap_or(if c.is_ascii() { *c } else { ' ' });
            let text = plus.then_some('+').into_iter().chain(row.get(start..end)?.iter().map(plain));
            if let Ok(phone) = Phone::parse(&text.collect::<String>(), region) {
                return Some((count, phone));
            }
        }
        None
    }
}

/// The length of an e-mail address at the beginning, of which the first characters may be the local part.
fn address(chars: &[char], local: usize) -> Option<usize> {
    let sign = local > 0 && chars.get(local) == Some(&'@');
    let domain = chars.get(local + 1..).filter(|_| sign)?.iter().take_while(|c| is_domain(**c)).count();
    (domain >= 3).then_some(local + 1 + domain)
}

/// The groups of digits of one row, the first at the beginning; Arabic and Chinese ones are groups of their own.
fn groups(chars: &[char]) -> Vec<Range<usize>> {
    let mut groups = Vec::new();
    let mut at = 0;
    loop {
        let arabic = chars.get(at).is_some_and(char::is_ascii);
        let digits = chars.iter().skip(at).take_while(|c| is_digit(**c) && c.is_ascii() == arabic).count();
        if digits == 0 {
            return groups;
        }
        groups.push(at..at + digits);
        at += digits;
        let between = || chars.iter().skip(at).take_while(|c| !is_digit(**c) && !c.is_alphabetic());
        if between().filter(|c| !is_separator(**c)).count() > MOST_SIGNS {
            return groups;
        }
        at += between().count();
    }
}

/// Whether a group is one or two Chinese numerals.
fn is_numeral(row: &[char], group: &Range<usize>) -> bool {
    group.len() <= 2 && row.get(group.start).is_some_and(|c| !c.is_ascii())
}

/// Whether a row is a date, with or without a time: `2026-11-22 10:30`. It is no number, although it looks like one.
fn is_date(row: &[char]) -> bool {
    if row.len() > MOST_NUMBER {
        return false;
    }
    let text: String = row.iter().collect();
    let (date, time) = text.split_once(' ').unwrap_or((&text, ""));
    let within = |part: Option<&str>, digits: usize, range: std::ops::RangeInclusive<u32>| {
        part.is_some_and(|part| part.len() <= digits && part.parse().is_ok_and(|number| range.contains(&number)))
    };
    let mut parts = date.split('-');
    let is_day = within(parts.next(), 4, 1900..=2099)
        && within(parts.next(), 2, 1..=12)
        && within(parts.next(), 2, 1..=31)
        && parts.next().is_none();
    let mut parts = time.split(':');
    let is_time = within(parts.next(), 2, 0..=24) && within(parts.next(), 2, 0..=59) && parts.next().is_none();
    is_day && (time.is_empty() || is_time)
}

/// A character as numbers and addresses are written with, whatever its width and ornament (NFKC); any other stays.
fn folded(c: char) -> Vec<char> {
    if c.is_ascii() {
        return vec![c];
    }
    let plain: Vec<char> = std::iter::once(c).nfkc().collect();
    let counts = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '@' | '+' | '.' | '-' | '_');
    if plain.iter().all(char::is_ascii) && plain.iter().any(counts) { plain } else { vec![c] }
}

/// Marks without width: they hide nothing from a reader, and must not hide a number from us.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
    )
}

/// The digit that a character says, by its Arabic sign.
fn digit(c: char) -> Option<char> {
    Some(match c {
        '0'..='9' => c,
        '零' | '〇' => '0',
        '一' | '壹' | '幺' => '1',
        '二' | '贰' | '貳' => '2',
        '三' | '叁' | '參' => '3',
        '四' | '肆' => '4',
        '五' | '伍' => '5',
        '六' | '陆' | '陸' => '6',
        '七' | '柒' => '7',
        '八' | '捌' => '8',
        '九' | '玖' => '9',
        _ => return None,
    })
}

fn is_digit(c: char) -> bool {
    digit(c).is_some()
}

/// Signs that stand between the digits of a number, however many of them.
fn is_separator(c: char) -> bool {
    let sign = matches!(c, '-' | '(' | ')' | '+' | '.' | '/' | '_' | '·' | '。' | '，' | '（' | '）' | '／');
    sign || c.is_whitespace() || matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}')
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
    fn a_number_is_hidden_however_it_is_written() {
        for text in [
            "138.0013.8000",
            "138/0013/8000",
            "138·0013·8000",
            "138_0013_8000",
            "138。0013。8000",
            "138，0013，8000",
            "138 \u{200b}0013\u{200b}8000",
            "１３８００１３８０００",
            "一三八零零一三八〇〇〇",
            "①③⑧00138000",
            "1 3 8 0 0 1 3 8 0 0 0",
            "138**0013**8000",
            "138 - 0013 - 8000",
            "1380-01-38000",
        ] {
            let scan = Scan::of(&format!("打{text}找我"), "CN");
            assert!(scan.hides(), "{text}");
            assert!(["打138****8000找我", "打****找我"].contains(&scan.masked().as_str()), "{text}: {}", scan.masked());
        }
        assert_eq!(Scan::of("一三八零零一三八〇〇〇", "CN").phones[0].e164(), "+8613800138000");
        assert_eq!(masked("13800138000 13900139000"), "138****8000 139****9000");
        assert_eq!(masked("+1 202 456 1111"), "+120****1111");
        assert_eq!(Scan::of("张123:::13800138000:::4567", "CN").without(), "张");
    }

    #[test]
    fn a_huge_text_is_read_once() {
        for piece in ["a", "1-1-", "(", "@", "1", "+", "1a", "1 @", "a@", "138 ", "a@b.cc ", "一", "。1"] {
            let scan = Scan::of(&piece.repeat(256 * 1024 / piece.len()), "CN");
            assert!(scan.tries <= MOST_TRIES, "{piece}");
            assert!(scan.masked().chars().count() <= 2 * MOST_TEXT, "{piece}");
            assert_eq!(scan.hides(), !["a", "(", "@", "+", "1a", "a@"].contains(&piece), "{piece}");
        }
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

    /// Whether a row of digits stands in what is shown of a text.
    fn shows_row(text: &str) -> bool {
        let chars: Vec<char> = text.chars().collect();
        (0..chars.len()).any(|at| {
            let groups = groups(&chars[at..]);
            let row = &chars[at..at + groups.last().map_or(0, |group| group.end)];
            let begins = at == 0 || !is_digit(chars[at - 1]);
            begins && groups.iter().map(Range::len).sum::<usize>() >= LONG && !is_date(row) && !text.contains('-')
        })
    }

    proptest! {
        #[test]
        fn no_long_row_of_digits_is_left(
            text in "[0-9０-９ a-z张@.+-]{0,40}|\\PC{0,40}|[0-9一二三零〇 ./·_。，:*\u{200b}]{0,40}|([0-9一零①][ ./·。，:*]{0,2}){7,20}",
        ) {
            let scan = Scan::of(&text, "CN");
            let shown = scan.parts.iter().map(|part| match part { Part::Words(words) => words, Part::Secret(_) => "x" });
            let shown = shown.collect::<String>();
            prop_assert!(!shows_row(&shown), "{}", shown);
            prop_assert!(!shows_row(&scan.without()), "{}", scan.without());
        }
    }
}
