//! What a customer number says: letters as they are, and placeholders that are filled when it is given.

use std::fmt;

use chrono::{Datelike as _, NaiveDate};
use serde::{Deserialize, Serialize};

use super::NumberReset;
use crate::codes;
use crate::flaw::Flaw;

/// The longest number, in characters.
const LONGEST: usize = 40;
/// Digits that a sequence may grow to, as far as the length is reckoned.
const GROWS_TO: usize = 9;
/// The longest short code of an industry.
const INDUSTRY: usize = super::NumberPolicy::MAX_CODE;
/// The placeholders there are.
const KNOWN: &str = "{yyyy}, {yy}, {mm}, {dd}, {industry}, {kind}, {seq:1}–{seq:9}";
/// Stands for all that is counted together in the name of a counter; no number holds it.
const EVERYTHING: &str = "*";

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// Letters, digits and `-_.` as they are.
    Text(String),
    /// `{yyyy}`: 2026.
    Year,
    /// `{yy}`: 26.
    ShortYear,
    /// `{mm}`: 03.
    Month,
    /// `{dd}`: 07.
    Day,
    /// `{industry}`: the short code of the industry.
    Industry,
    /// `{kind}`: C for a company, P for a person.
    Kind,
    /// `{seq:3}`: the count, with so many digits at least.
    Sequence(usize),
}

/// A template of customer numbers, such as `{yyyy}-{industry}-{seq:3}`: exactly one sequence, and nothing in it that
/// could change while the number stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NumberTemplate(Vec<Part>);

/// What a number tells of its customer and its day.
#[derive(Clone, Copy, Debug)]
pub struct Numbered<'a> {
    /// The day it is given, where the organisation is.
    pub day: NaiveDate,
    /// The short code of the industry.
    pub industry: &'a str,
    /// The letter of the kind of customer.
    pub kind: &'static str,
}

impl NumberTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// `number_template_token`, `number_template_text`, `number_template_sequence`, `number_template_too_long`.
    pub fn parse(raw: &str) -> Result<Self, Flaw> {
        let mut parts = Vec::new();
        let mut rest = raw;
        while !rest.is_empty() {
            let (text, after) = rest.split_once('{').map_or((rest, None), |(text, after)| (text, Some(after)));
            if let Some(wrong) = text.chars().find(|c| !c.is_ascii_alphanumeric() && !"-_.".contains(*c)) {
                return Err(Flaw::new(&codes::NUMBER_TEMPLATE_TEXT).with("value", wrong));
            }
            if !text.is_empty() {
                parts.push(Part::Text(text.to_owned()));
            }
            let Some(after) = after else { break };
            let end = after.split_once('}');
            let known = end.and_then(|(token, after)| Part::named(token).map(|part| (part, after)));
            let Some((part, after)) = known else {
                let token: String = end.map_or(after, |(token, _)| token).chars().take(20).collect();
                let flaw = Flaw::new(&codes::NUMBER_TEMPLATE_TOKEN).with("value", format!("{{{token}}}"));
                return Err(flaw.with("known", KNOWN));
            };
            parts.push(part);
            rest = after;
        }
        if parts.iter().filter(|part| matches!(part, Part::Sequence(_))).count() != 1 {
            return Err(Flaw::new(&codes::NUMBER_TEMPLATE_SEQUENCE).with("example", "{yyyy}-{industry}-{seq:3}"));
        }
        let longest: usize = parts.iter().map(Part::longest).sum();
        if longest > LONGEST {
            let flaw = Flaw::new(&codes::NUMBER_TEMPLATE_TOO_LONG).with("value", longest);
            return Err(flaw.with("max", LONGEST));
        }
        Ok(Self(parts))
    }

    /// What is wrong with a counter that begins anew so: it would give numbers twice, because they do not say when.
    #[must_use]
    pub fn repeats(&self, reset: NumberReset) -> Option<Flaw> {
        let has = |wanted: &Part| self.0.contains(wanted);
        let (year, month) = (has(&Part::Year) || has(&Part::ShortYear), has(&Part::Month));
        let tokens = match reset {
            NumberReset::Year if !year => "{yyyy}",
            NumberReset::Month if !(year && month) => "{yyyy}{mm}",
            _ => return None,
        };
        Some(Flaw::new(&codes::NUMBER_RESET_REPEATS).with("tokens", tokens))
    }

    /// The number of a customer.
    #[must_use]
    pub fn write(&self, of: &Numbered<'_>, sequence: i64) -> String {
        let Numbered { day, industry, kind } = of;
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Year => format!("{:04}", day.year()),
            Part::ShortYear => format!("{:02}", day.year().rem_euclid(100)),
            Part::Month => format!("{:02}", day.month()),
            Part::Day => format!("{:02}", day.day()),
            Part::Industry => (*industry).to_owned(),
            Part::Kind => (*kind).to_owned(),
            Part::Sequence(digits) => format!("{sequence:0width$}", width = *digits),
        };
        self.0.iter().map(part).collect()
    }

    /// The name of the counter that counts for a customer: the span of time after which it begins anew, and, where
    /// `everything` is not counted together, what its numbers say beside date and sequence. Signs between say nothing.
    #[must_use]
    pub fn counter(&self, of: &Numbered<'_>, everything: bool, reset: NumberReset) -> String {
        let mut words: Vec<String> = match reset {
            NumberReset::Year => vec![of.day.year().to_string()],
            NumberReset::Month => vec![of.day.format("%Y.%m").to_string()],
            NumberReset::Never => Vec::new(),
        };
        if everything {
            words.push(EVERYTHING.to_owned());
        } else {
            words.extend(self.0.iter().filter_map(|part| match part {
                Part::Text(text) => Some(text.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()),
                Part::Industry => Some(of.industry.to_owned()),
                Part::Kind => Some(of.kind.to_owned()),
                _ => None,
            }));
        }
        words.retain(|word| !word.is_empty());
        words.join("-")
    }
}

impl Part {
    fn named(token: &str) -> Option<Self> {
        Some(match token {
            "yyyy" => Self::Year,
            "yy" => Self::ShortYear,
            "mm" => Self::Month,
            "dd" => Self::Day,
            "industry" => Self::Industry,
            "kind" => Self::Kind,
            _ => {
                let digits = token.strip_prefix("seq:").filter(|digits| digits.len() == 1)?;
                Self::Sequence(digits.parse().ok().filter(|digits| *digits > 0)?)
            }
        })
    }

    /// The most characters that it becomes.
    fn longest(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Year => 4,
            Self::ShortYear | Self::Month | Self::Day => 2,
            Self::Industry => INDUSTRY,
            Self::Kind => 1,
            Self::Sequence(_) => GROWS_TO,
        }
    }
}

impl Default for NumberTemplate {
    /// `{yyyy}-{industry}-{seq:3}`.
    fn default() -> Self {
        let dash = || Part::Text("-".to_owned());
        Self(vec![Part::Year, dash(), Part::Industry, dash(), Part::Sequence(3)])
    }
}

impl fmt::Display for NumberTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Year => f.write_str("{yyyy}"),
            Part::ShortYear => f.write_str("{yy}"),
            Part::Month => f.write_str("{mm}"),
            Part::Day => f.write_str("{dd}"),
            Part::Industry => f.write_str("{industry}"),
            Part::Kind => f.write_str("{kind}"),
            Part::Sequence(digits) => write!(f, "{{seq:{digits}}}"),
        })
    }
}

impl TryFrom<String> for NumberTemplate {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).map_err(|flaw| flaw.code.key)
    }
}

impl From<NumberTemplate> for String {
    fn from(template: NumberTemplate) -> Self {
        template.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(industry: &str) -> Numbered<'_> {
        Numbered { day: NaiveDate::from_ymd_opt(2026, 3, 7).unwrap(), industry, kind: "C" }
    }

    fn code(raw: &str) -> &'static str {
        NumberTemplate::parse(raw).map_or_else(|flaw| flaw.code.key, |_| "")
    }

    #[test]
    fn fills_what_it_names() {
        for (template, number) in [
            ("{yyyy}-{industry}-{seq:3}", "2026-IT-007"),
            ("KH{yy}{mm}{dd}{seq:5}", "KH26030700007"),
            ("{seq:1}.{kind}_{yyyy}", "7.C_2026"),
        ] {
            assert_eq!(NumberTemplate::parse(template).unwrap().write(&of("IT"), 7), number);
        }
        let template = NumberTemplate::default();
        assert_eq!(template.to_string(), "{yyyy}-{industry}-{seq:3}");
        assert_eq!(template.write(&of("IT"), 1000), "2026-IT-1000", "it grows");
    }

    #[test]
    fn refuses_with_a_reason() {
        for (template, key) in [
            ("", "number_template_sequence"),
            ("{yyyy}", "number_template_sequence"),
            ("{seq:3}{seq:3}", "number_template_sequence"),
            ("{seq}", "number_template_token"),
            ("{seq:0}", "number_template_token"),
            ("{seq:10}", "number_template_token"),
            ("{stage}{seq:3}", "number_template_token"),
            ("{seq:3", "number_template_token"),
            ("seq:3}", "number_template_text"),
            ("a b{seq:3}", "number_template_text"),
            ("客户{seq:3}", "number_template_text"),
            ("a/b{seq:3}", "number_template_text"),
            ("*{seq:3}", "number_template_text"),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa{seq:3}", "number_template_too_long"),
        ] {
            assert_eq!(code(template), key, "{template}");
        }
        assert_eq!(code("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa{seq:3}"), "");
    }

    #[test]
    fn what_says_the_same_is_counted_together() {
        let counter = |template: &str, everything, reset| {
            NumberTemplate::parse(template).unwrap().counter(&of("IT"), everything, reset)
        };
        // Counters of this name were there before templates were.
        assert_eq!(counter("{yyyy}-{industry}-{seq:3}", false, NumberReset::Year), "2026-IT");
        assert_eq!(counter("{yyyy}-{industry}-{seq:3}", true, NumberReset::Year), "2026-*");
        assert_eq!(counter("{yyyy}-{industry}-{seq:3}", false, NumberReset::Never), "IT");
        assert_eq!(counter("KH{yy}{mm}-{kind}{seq:3}", false, NumberReset::Month), "2026.03-KH-C");
        assert_eq!(counter("{dd}{seq:3}", true, NumberReset::Never), "*");
        assert_eq!(counter("{dd}{seq:3}", false, NumberReset::Never), "");
    }

    proptest! {
        #[test]
        fn never_panics_and_is_stable(raw in "\\PC{0,20}|(\\{(yyyy|yy|mm|dd|industry|kind|seq:[0-9])\\}|[A-Z.-]){0,8}") {
            if let Ok(template) = NumberTemplate::parse(&raw) {
                prop_assert_eq!(template.to_string(), raw);
                let number = template.write(&of("ABCDEF"), 999_999_999);
                prop_assert!(number.len() <= LONGEST);
            }
        }
    }
}
