//! Telephone numbers as they come out of spreadsheets, forms and mails, made ready for parsing.

use unicode_normalization::UnicodeNormalization;

use crate::{
    codes::{PHONE_INVALID, PHONE_LOST_DIGITS, PHONE_SEVERAL},
    flaw::Flaw,
};

use super::quoted;

/// What stands in front of a number in lists.
const LABELS: &[&str] =
    &["联系电话", "手机号码", "手机号", "手机", "电话", "座机", "固话", "mobile", "phone", "tel", "+tel"];
/// What stands between a number and its extension; longer ones first.
const EXTENSION_MARKS: &[&str] =
    &["分机号", "分机", "内线", "转接", "转", "轉", "extension", "ext.", "ext", ";ext=", "#", "x"];

/// A number without its extension, and the digits of the extension.
pub(super) struct PhoneText {
    /// Digits, possibly with a leading `+`.
    pub(super) main: String,
    /// One to seven digits.
    pub(super) extension: Option<String>,
}

/// Folds width, undoes spreadsheet damage, cuts off label and extension, drops separators.
///
/// # Errors
/// `phone_lost_digits` for a rounded number, `phone_several` for more than one, `phone_invalid` for other text.
pub(super) fn read(raw: &str) -> Result<PhoneText, Flaw> {
    let invalid = || Flaw::new(&PHONE_INVALID).with("value", quoted(raw));
    if raw.len() > 256 {
        return Err(invalid());
    }
    let folded: String =
        raw.nfkc().filter(|c| !c.is_control() && !is_format(*c)).flat_map(char::to_lowercase).collect();
    let text = without_label(folded.trim().trim_start_matches(['\'', '’', '‘', '`']).trim_end_matches('\''));
    if let Some(number) = spreadsheet_number(text) {
        let digits = number.map_err(|()| Flaw::new(&PHONE_LOST_DIGITS).with("value", quoted(raw)))?;
        return Ok(PhoneText { main: digits, extension: None });
    }
    if text.split(['/', ';', '、', ',', '|', '或', '和']).filter(|part| digits_in(part) >= 7).count() > 1 {
        return Err(Flaw::new(&PHONE_SEVERAL).with("value", quoted(raw)));
    }
    let (main, extension) = split_extension(text).ok_or_else(invalid)?;
    let main = strip_separators(main).ok_or_else(invalid)?;
    Ok(PhoneText { main, extension })
}

fn digits_in(text: &str) -> usize {
    text.chars().filter(char::is_ascii_digit).count()
}

/// Zero-width and direction marks, which copying from web pages and address books leaves around numbers.
fn is_format(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn without_label(text: &str) -> &str {
    for label in LABELS {
        if let Some(rest) = text.strip_prefix(label) {
            return rest.trim_start_matches([':', '.', ' ']);
        }
    }
    text
}

/// A number written as a decimal: `13800138002.0` and `1.3800138004e10` still hold all digits; `1.38001e+10` does not.
/// `None` when the text is not such a number, `Err` when digits are lost.
fn spreadsheet_number(text: &str) -> Option<Result<String, ()>> {
    let (mantissa, exponent) = match text.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) || (exponent.is_none() && !mantissa.contains('.'))
    {
        return None;
    }
    let Some(exponent) = exponent else {
        let only_zeros = fraction.bytes().all(|b| b == b'0') && !fraction.is_empty() && fraction.len() <= 2;
        return (whole.len() >= 7 && only_zeros).then(|| Ok(whole.to_owned()));
    };
    let places: usize = exponent.strip_prefix('+').unwrap_or(exponent).parse().ok().filter(|places| *places <= 20)?;
    let kept = fraction.trim_end_matches('0');
    if kept.len() > places {
        return Some(Err(()));
    }
    // Excel rounds to a few places and writes `E+10`; programs that write `E10` give the shortest exact form,
    // in which only zeros at the end are missing.
    let exact = fraction.len() >= places || (!exponent.starts_with('+') && whole.len() + kept.len() >= 8);
    if !exact {
        return Some(Err(()));
    }
    let zeros = "0".repeat(places - kept.len());
    Some(Ok(format!("{whole}{kept}{zeros}")))
}

/// The number and its extension; `None` if what follows the mark is not an extension.
fn split_extension(text: &str) -> Option<(&str, Option<String>)> {
    let first = EXTENSION_MARKS
        .iter()
        .filter_map(|mark| text.find(mark).map(|at| (at, mark.len())))
        .min_by_key(|(at, length)| (*at, usize::MAX - *length));
    if let Some((at, length)) = first {
        let (main, rest) = text.split_at_checked(at)?;
        let digits: String =
            rest.get(length..)?.chars().filter(|c| !matches!(c, ' ' | ':' | '.' | '-' | '号')).collect();
        let fits = (1..=7).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        return fits.then_some((main, Some(digits)));
    }
    Some(split_dashed_extension(text).unwrap_or((text, None)))
}

/// `010-62345678-801`: area code, number and extension, as Chinese cards write it.
fn split_dashed_extension(text: &str) -> Option<(&str, Option<String>)> {
    let (main, extension) = text.rsplit_once('-')?;
    let (area, number) = main.rsplit_once('-')?;
    let area = area.strip_prefix("+86").map_or(area, |rest| rest.trim_start_matches([' ', '-']));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let fits = is_digits(area)
        && (2..=4).contains(&area.len())
        && is_digits(number)
        && (7..=8).contains(&number.len())
        && is_digits(extension)
        && extension.len() <= 6;
    fits.then(|| (main, Some(extension.to_owned())))
}

/// Digits with a leading `+` if there was one; `None` when something else than a separator is left.
fn strip_separators(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '0'..='9' => out.push(c),
            '+' if out.is_empty() => out.push(c),
            ' ' | '-' | '.' | '(' | ')' | '/' | '_' | '·' | '\u{2010}'..='\u{2015}' | '\u{2212}' => {}
            _ => return None,
        }
    }
    (digits_in(&out) >= 3).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::{read, spreadsheet_number};

    #[test]
    fn decimals_keep_or_lose_digits() {
        for (text, expected) in [
            ("13800138002.0", Some(Ok("13800138002"))),
            ("1.3800138004e10", Some(Ok("13800138004"))),
            ("1.3800138004e+10", Some(Ok("13800138004"))),
            ("1.38001380e10", Some(Ok("13800138000"))),
            ("1.38001e+10", Some(Err(()))),
            ("1.38e10", Some(Err(()))),
            ("1.38001380045e10", Some(Err(()))),
            ("13800138000", None),
            ("010.62345678", None),
            ("e10", None),
        ] {
            assert_eq!(spreadsheet_number(text), expected.map(|r| r.map(str::to_owned)), "{text}");
        }
    }

    #[test]
    fn extensions_are_cut_off() {
        for (text, main, extension) in [
            ("(010) 1234 5678 转 801", "01012345678", Some("801")),
            ("010-62345678-801", "01062345678", Some("801")),
            ("010-62345678分机号：801", "01062345678", Some("801")),
            ("+1 415 555 2671 ext. 12", "+14155552671", Some("12")),
            ("+861012345678;ext=801", "+861012345678", Some("801")),
            ("+86-10-62345678-8", "+861062345678", Some("8")),
            ("138-0013-8000", "13800138000", None),
            ("手机：138 0013 8000", "13800138000", None),
        ] {
            let read = read(text).unwrap_or_else(|flaw| panic!("{text}: {flaw:?}"));
            assert_eq!((read.main.as_str(), read.extension.as_deref()), (main, extension), "{text}");
        }
    }

    #[test]
    fn several_numbers_are_told_apart() {
        for text in ["13800138000/13900139000", "13800138000；13900139000", "13800138000、13900139000"] {
            assert_eq!(read(text).err().map(|flaw| flaw.code.key), Some("phone_several"), "{text}");
        }
    }
}
