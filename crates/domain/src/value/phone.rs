//! Telephone numbers of all regions, kept in E.164.

use std::sync::OnceLock;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, PhoneNumberType, Region};

use super::{phone_text, quoted};
use crate::{
    codes::{PHONE_INVALID, PHONE_NO_AREA_CODE},
    flaw::Flaw,
    sensitive::Sensitive,
};

/// A telephone number: E.164 (with `;ext=801` where there is an extension) and the text it was given as.
#[derive(Clone, Debug)]
pub struct Phone {
    e164: Sensitive<String>,
    raw: Sensitive<String>,
    /// Follows from the number, by a search through numbering plans that is done once.
    kind: OnceLock<PhoneKind>,
}

impl PartialEq for Phone {
    fn eq(&self, other: &Self) -> bool {
        (&self.e164, &self.raw) == (&other.e164, &other.raw)
    }
}

impl Eq for Phone {}

/// What a number reaches, by its numbering plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhoneKind {
    /// A mobile telephone: one person's.
    Mobile,
    /// A fixed line, often shared.
    Landline,
    /// Service numbers (400, 800), and plans that do not tell mobile from fixed (North America).
    Other,
}

/// Loads the numbering plans and China's rules, so that the first number is as quick as the others (a few
/// milliseconds, about 5 MB). Without it the first parse does so.
pub fn warm() {
    // Each touches rules of its own: mobile, landline, service number.
    for number in ["13800138000", "01062345678", "4008001234"] {
        let _ = Phone::parse(number, "CN");
    }
}

impl Phone {
    /// Parses a number as people and spreadsheets write it. `default_region` (ISO 3166, `CN`) is for numbers without
    /// a country code; an unknown region leaves only international numbers.
    ///
    /// # Errors
    /// `phone_invalid`, `phone_no_area_code`, `phone_lost_digits` (rounded by a spreadsheet), `phone_several`.
    pub fn parse(raw: &str, default_region: &str) -> Result<Self, Flaw> {
        let raw = raw.trim();
        let text = phone_text::read(raw)?;
        let region = Region::from_code(default_region).ok();
        let number = valid_number(&text.main, region)
            .or_else(|| text.main.strip_prefix("00").and_then(|rest| valid_number(&format!("+{rest}"), None)));
        let Some((number, kind)) = number else {
            let digits = text.main.len();
            let local = region == Some(Region::CN)
                && (7..=8).contains(&digits)
                && text.main.starts_with(['2', '3', '4', '5', '6', '7', '8']);
            let code = if local { &PHONE_NO_AREA_CODE } else { &PHONE_INVALID };
            return Err(Flaw::new(code).with("value", quoted(raw)));
        };
        let mut e164 = number.format_as(PhoneNumberFormat::E164).into_owned();
        if let Some(extension) = text.extension {
            e164.push_str(";ext=");
            e164.push_str(&extension);
        }
        Ok(Self { e164: Sensitive::new(e164), raw: Sensitive::new(raw.to_owned()), kind: kind.into() })
    }

    /// A number as it was stored; no rule is applied.
    #[must_use]
    pub fn from_stored(e164: String, raw: String) -> Self {
        Self { e164: Sensitive::new(e164), raw: Sensitive::new(raw), kind: OnceLock::new() }
    }

    /// E.164, with `;ext=` and the extension where there is one (RFC 3966): `+861012345678;ext=801`.
    #[must_use]
    pub fn e164(&self) -> &str {
        self.e164.expose()
    }

    /// The same as [`Self::e164`]: what an answer shows as `value`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.e164()
    }

    /// The text it was given as.
    #[must_use]
    pub fn raw(&self) -> &str {
        self.raw.expose()
    }

    /// E.164 without the extension: what is indexed and compared.
    #[must_use]
    pub fn index_form(&self) -> &str {
        self.e164().split(';').next().unwrap_or_default()
    }

    /// What the number reaches, by its numbering plan.
    #[must_use]
    pub fn kind(&self) -> PhoneKind {
        *self.kind.get_or_init(|| {
            let number = PHONE_NUMBER_UTIL.parse(self.index_form(), None);
            number.map_or(PhoneKind::Other, |number| kind_of(PHONE_NUMBER_UTIL.get_number_type(&number)))
        })
    }

    /// Whether it is a mobile number: a strong key, which no two customers share.
    #[must_use]
    pub fn is_mobile(&self) -> bool {
        self.kind() == PhoneKind::Mobile
    }

    /// `138****8000` for China's mobiles; other numbers keep at most the first three and the last four digits, and
    /// hide at least four.
    #[must_use]
    pub fn mask(&self) -> String {
        let number = self.index_form();
        let (sign, number) = match number.strip_prefix("+86") {
            Some(national) => ("", national),
            None => (number.get(..1).filter(|sign| *sign == "+").unwrap_or_default(), number.trim_start_matches('+')),
        };
        let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
        let shown = digits.len().saturating_sub(4).min(7);
        let last = shown.min(4);
        let first: String = digits.iter().take(shown - last).collect();
        let tail: String = digits.iter().skip(digits.len() - last).collect();
        format!("{sign}{first}****{tail}")
    }
}

/// A number that a numbering plan has, and what it reaches: a number of no type is not valid.
fn valid_number(text: &str, region: Option<Region>) -> Option<(PhoneNumber, PhoneKind)> {
    let number = PHONE_NUMBER_UTIL.parse(text, region).ok()?;
    let found = PHONE_NUMBER_UTIL.get_number_type(&number);
    (found != PhoneNumberType::Unknown).then(|| (number, kind_of(found)))
}

fn kind_of(found: PhoneNumberType) -> PhoneKind {
    match found {
        PhoneNumberType::Mobile => PhoneKind::Mobile,
        PhoneNumberType::FixedLine => PhoneKind::Landline,
        _ => PhoneKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::{Phone, PhoneKind};
    use proptest::prelude::*;

    fn e164(raw: &str) -> String {
        Phone::parse(raw, "CN").map_or_else(|flaw| flaw.code.key.to_owned(), |phone| phone.e164().to_owned())
    }

    #[test]
    fn accepts_what_people_and_spreadsheets_write() {
        for raw in [
            "13800138000",
            " 138 0013 8000 ",
            "138-0013-8000",
            "138.0013.8000",
            "+86 138 0013 8000",
            "0086 13800138000",
            "86-13800138000",
            "8613800138000",
            "１３８００１３８０００",
            "'13800138000",
            "13800138000.0",
            "1.3800138000E10",
            "1.3800138000E+10",
            "(+86)13800138000",
            "＋８６－１３８００１３８０００",
            "013800138000",
            "tel:+8613800138000",
            "手机：13800138000",
            "\u{202d}13800138000\u{202c}",
            "+86（138）00138000",
        ] {
            assert_eq!(e164(raw), "+8613800138000", "{raw}");
        }
        assert_eq!(e164("1.3800138004E10"), "+8613800138004");
        assert_eq!(e164("13800138002.0"), "+8613800138002");
    }

    #[test]
    fn landlines_services_and_other_countries() {
        for (raw, expected) in [
            ("(010) 6234 5678 转 801", "+861062345678;ext=801"),
            ("010-62345678-801", "+861062345678;ext=801"),
            ("0755-26012345", "+8675526012345"),
            ("+86 (0)21 5888 8888", "+862158888888"),
            ("400-800-1234", "+864008001234"),
            ("800-810-1234", "+868008101234"),
            ("+852 6123 4567", "+85261234567"),
            ("00852 61234567", "+85261234567"),
            ("+1 (415) 555-2671", "+14155552671"),
            ("+44 20 7183 8750", "+442071838750"),
            ("+886 912 345 678", "+886912345678"),
        ] {
            assert_eq!(e164(raw), expected, "{raw}");
        }
        assert_eq!(Phone::parse("0086 13800138000", "US").unwrap().e164(), "+8613800138000");
    }

    #[test]
    fn refuses_with_a_reason() {
        for (raw, key) in [
            ("1.38001E+10", "phone_lost_digits"),
            ("1380013800", "phone_invalid"),
            ("138001380001", "phone_invalid"),
            ("23800138000", "phone_invalid"),
            ("62345678", "phone_no_area_code"),
            ("13800138000/13900139000", "phone_several"),
            ("138****8000", "phone_invalid"),
            ("无", "phone_invalid"),
            ("", "phone_invalid"),
            ("abc13800138000", "phone_invalid"),
            ("000000", "phone_invalid"),
        ] {
            assert_eq!(e164(raw), key, "{raw}");
        }
    }

    #[test]
    fn kinds() {
        let kind = |raw| Phone::parse(raw, "CN").unwrap().kind();
        assert_eq!(kind("13800138000"), PhoneKind::Mobile);
        assert_eq!(kind("010-62345678"), PhoneKind::Landline);
        assert_eq!(kind("4008001234"), PhoneKind::Other);
        assert_eq!(kind("+14155552671"), PhoneKind::Other);
        assert_eq!(Phone::from_stored("junk".into(), String::new()).kind(), PhoneKind::Other);
    }

    #[test]
    fn masks_hide_at_least_four_digits() {
        let mask = |e164: &str| Phone::from_stored(e164.to_owned(), String::new()).mask();
        assert_eq!(mask("+8613800138000"), "138****8000");
        assert_eq!(mask("+861062345678;ext=801"), "10****5678");
        assert_eq!(mask("+85261234567"), "+852****4567");
        assert_eq!(mask("+4712345"), "+****345");
        assert_eq!(mask("+123"), "+****");
        assert_eq!(mask(""), "****");
    }

    #[test]
    fn debug_keeps_the_number_to_itself() {
        let phone = Phone::parse("13800138000", "CN").unwrap();
        assert!(!format!("{phone:?}").contains("138"), "{phone:?}");
        assert_eq!(phone.raw(), "13800138000");
        assert_eq!(Phone::parse("010-62345678转801", "CN").unwrap().index_form(), "+861062345678");
    }

    proptest! {
        #[test]
        fn never_panics(raw in "\\PC{0,30}|.{0,30}|[-0-9+ .eE()转x#]{0,24}") {
            if let Ok(phone) = Phone::parse(&raw, "CN") {
                prop_assert_eq!(Phone::parse(phone.as_str(), "CN").map(|again| again.e164), Ok(phone.e164.clone()));
                prop_assert!(phone.mask().chars().filter(char::is_ascii_digit).count() + 4 <= phone.index_form().len());
            }
        }

        #[test]
        fn any_spelling_of_a_mobile_is_the_same(n in 13_000_000_000u64..14_000_000_000, gap in "[- .]?", prefix in "|\\+86 ?|0086|86") {
            let digits = n.to_string();
            let plain = e164(&digits);
            let spelled = format!("{prefix}{}{gap}{}{gap}{}", &digits[..3], &digits[3..7], &digits[7..]);
            prop_assert_eq!(e164(&spelled).starts_with('+'), plain.starts_with('+'));
            if plain.starts_with('+') {
                prop_assert_eq!(e164(&spelled), plain);
            }
        }
    }
}
