//! Budgets as they are told in China: a range of ten thousand yuan (万元).

use unicode_normalization::UnicodeNormalization;

use super::quoted;
use crate::codes::{BUDGET_INVALID, BUDGET_REVERSED};
use crate::flaw::Flaw;

/// Yuan in a 万.
const UNIT: i64 = 10_000;
/// The most that a bound may be: a hundred million 万, 10¹² yuan.
const MOST: i64 = 100_000_000 * UNIT;

/// A range of money with one bound at least, kept in yuan and shown in 万元.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    min: Option<i64>,
    max: Option<i64>,
}

impl Budget {
    /// Parses a text in 万元 or with units of its own: `50-100`, `50万-100万`, `50~100万元`, `100以上`, `≥100`, `50以内`, `100`
    /// (which is both bounds), `1亿`, `500000元`. With a sign of the currency and no 万, it is in yuan: `¥500000`,
    /// `500000 RMB`.
    ///
    /// # Errors
    /// `budget_invalid`, `budget_reversed`.
    pub fn parse(raw: &str) -> Result<Self, Flaw> {
        let wrong = || Flaw::new(&BUDGET_INVALID).with("value", quoted(raw));
        let (min, max) = read(raw).ok_or_else(wrong)?;
        Self::between(min, max, raw)
    }

    /// A range from two bounds in 万元, each a text such as `50` or `0.5`.
    ///
    /// # Errors
    /// `budget_invalid` where none is given or one is no amount, `budget_reversed`.
    pub fn of_bounds(min: Option<&str>, max: Option<&str>) -> Result<Self, Flaw> {
        let bound = |raw: &str| Self::bound(raw);
        Self::between(min.map(bound).transpose()?, max.map(bound).transpose()?, "")
    }

    /// One bound in yuan, from a text in 万元 or with a unit.
    ///
    /// # Errors
    /// `budget_invalid`.
    pub fn bound(raw: &str) -> Result<i64, Flaw> {
        amount(&folded(raw), unit_of(raw)).ok_or_else(|| Flaw::new(&BUDGET_INVALID).with("value", quoted(raw)))
    }

    fn between(min: Option<i64>, max: Option<i64>, raw: &str) -> Result<Self, Flaw> {
        match (min, max) {
            (None, None) => Err(Flaw::new(&BUDGET_INVALID).with("value", quoted(raw))),
            (Some(min), Some(max)) if min > max => {
                Err(Flaw::new(&BUDGET_REVERSED).with("min", in_units(min)).with("max", in_units(max)))
            }
            _ => Ok(Self { min, max }),
        }
    }

    /// A stored range, in yuan; `None` where there is no bound.
    #[must_use]
    pub fn from_stored(min: Option<i64>, max: Option<i64>) -> Option<Self> {
        (min.is_some() || max.is_some()).then_some(Self { min, max })
    }

    /// The least, in yuan.
    #[must_use]
    pub fn min_yuan(self) -> Option<i64> {
        self.min
    }

    /// The most, in yuan.
    #[must_use]
    pub fn max_yuan(self) -> Option<i64> {
        self.max
    }

    /// The least in 万元: `50`, `0.5`.
    #[must_use]
    pub fn min(self) -> Option<String> {
        self.min.map(in_units)
    }

    /// The most in 万元.
    #[must_use]
    pub fn max(self) -> Option<String> {
        self.max.map(in_units)
    }
}

/// Yuan as 万元, without zeros that say nothing.
fn in_units(yuan: i64) -> String {
    let (whole, rest) = (yuan / UNIT, yuan % UNIT);
    if rest == 0 { whole.to_string() } else { format!("{whole}.{rest:04}").trim_end_matches('0').to_owned() }
}

/// Signs of the currency. Beside one, a number is of yuan; without, of 万元.
const SIGNS: [&str; 4] = ["¥", "人民币", "RMB", "CNY"];

/// What a number without a unit counts.
fn unit_of(raw: &str) -> i64 {
    let text: String = raw.nfkc().flat_map(char::to_uppercase).collect();
    if SIGNS.iter().any(|sign| text.contains(sign)) { 1 } else { UNIT }
}

/// Width folded, without blanks, signs of money and the commas of thousands.
fn folded(raw: &str) -> String {
    let kept = |c: &char| !(c.is_whitespace() || matches!(c, ','));
    let text: String = raw.nfkc().filter(kept).collect();
    let spelt = ["RMB", "rmb", "Rmb", "CNY", "cny", "Cny"].into_iter();
    spelt.chain(SIGNS).fold(text, |text, sign| text.replace(sign, ""))
}

fn read(raw: &str) -> Option<(Option<i64>, Option<i64>)> {
    let (text, unit) = (folded(raw), unit_of(raw));
    let text = text.strip_prefix("预算").unwrap_or(&text).trim_start_matches([':', '约']);
    for sign in [">=", "≥", ">", "不低于", "不少于", "至少", "超过"] {
        if let Some(rest) = text.strip_prefix(sign) {
            return amount(rest, unit).map(|min| (Some(min), None));
        }
    }
    for sign in ["<=", "≤", "<", "不超过", "不高于", "最多", "至多"] {
        if let Some(rest) = text.strip_prefix(sign) {
            return amount(rest, unit).map(|max| (None, Some(max)));
        }
    }
    for word in ["及以上", "以上", "起", "+"] {
        if let Some(rest) = text.strip_suffix(word) {
            return amount(rest, unit).map(|min| (Some(min), None));
        }
    }
    for word in ["及以下", "以下", "以内", "之内"] {
        if let Some(rest) = text.strip_suffix(word) {
            return amount(rest, unit).map(|max| (None, Some(max)));
        }
    }
    let parts: Vec<&str> = text.split(['-', '~', '–', '—', '至', '到', '〜']).filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [one] if *one == text => amount(one, unit).map(|amount| (Some(amount), Some(amount))),
        // 5-10亿: what the second says counts for both.
        [from, to] => {
            let of_both = split_unit(to).1.unwrap_or(unit);
            Some((Some(amount(from, of_both)?), Some(amount(to, unit)?)))
        }
        _ => None,
    }
}

/// The number and its unit in yuan.
fn split_unit(text: &str) -> (&str, Option<i64>) {
    let units = [("千万元", 1_000 * UNIT), ("千万", 1_000 * UNIT), ("百万元", 100 * UNIT), ("百万", 100 * UNIT)];
    let more = [("亿元", 10_000 * UNIT), ("亿", 10_000 * UNIT), ("万元", UNIT), ("万", UNIT), ("w", UNIT), ("W", UNIT)];
    let last = [("元", 1)];
    let units = units.into_iter().chain(more).chain(last);
    let found = units.into_iter().find_map(|(word, unit)| Some((text.strip_suffix(word)?, Some(unit))));
    found.unwrap_or((text, None))
}

/// An amount in yuan: digits with at most one point, to the yuan, and a unit.
fn amount(text: &str, unit: i64) -> Option<i64> {
    let (number, said) = split_unit(text);
    let unit = said.unwrap_or(unit);
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 13 || part.len() > 8 || !digits(whole) || !digits(part) {
        return None;
    }
    let mut yuan = whole.parse::<i64>().ok()?.checked_mul(unit)?;
    let mut place = unit;
    for digit in part.bytes() {
        let digit = i64::from(digit - b'0');
        if place % 10 != 0 && digit != 0 {
            return None;
        }
        place /= 10;
        yuan = yuan.checked_add(digit * place)?;
    }
    (0..=MOST).contains(&yuan).then_some(yuan)
}

#[cfg(test)]
mod tests {
    use super::Budget;
    use proptest::prelude::*;

    fn told(raw: &str) -> String {
        match Budget::parse(raw) {
            Ok(budget) => format!("{}..{}", budget.min().unwrap_or_default(), budget.max().unwrap_or_default()),
            Err(flaw) => flaw.code.key.to_owned(),
        }
    }

    #[test]
    fn as_people_write_them() {
        for (raw, expected) in [
            ("50-100", "50..100"),
            ("50万-100万", "50..100"),
            ("50～100万元", "50..100"),
            ("５０－１００", "50..100"),
            ("50至100万", "50..100"),
            ("预算：50到100万", "50..100"),
            ("100以上", "100.."),
            ("100万以上", "100.."),
            ("≥100", "100.."),
            (">= 100", "100.."),
            ("100+", "100.."),
            ("50以内", "..50"),
            ("不超过50万", "..50"),
            ("<50", "..50"),
            ("100", "100..100"),
            ("0.5", "0.5..0.5"),
            ("1.2万", "1.2..1.2"),
            ("1亿", "10000..10000"),
            ("1-2亿", "10000..20000"),
            ("500000元", "50..50"),
            ("¥1,000,000元", "100..100"),
            ("¥500000", "50..50"),
            ("￥500,000", "50..50"),
            ("500000 RMB", "50..50"),
            ("500000rmb", "50..50"),
            ("人民币500000", "50..50"),
            ("CNY 300000-500000", "30..50"),
            ("¥500000以上", "50.."),
            ("¥50万", "50..50"),
            ("人民币50-100万", "50..100"),
            ("RMB 50w", "50..50"),
            ("3000元-5000元", "0.3..0.5"),
            ("0-10", "0..10"),
        ] {
            assert_eq!(told(raw), expected, "{raw}");
        }
    }

    #[test]
    fn what_is_no_budget() {
        for raw in ["", "-", "50-", "-50", "不限", "面议", "1.2.3", "0.00001", "五十万", "1-2-3", "99999999999", "1e5"]
        {
            assert_eq!(told(raw), "budget_invalid", "{raw}");
        }
        assert_eq!(told("100-50"), "budget_reversed");
        assert_eq!(Budget::bound("¥5000"), Ok(5_000));
        assert_eq!(Budget::bound("0.5"), Ok(5_000));
        assert_eq!(Budget::of_bounds(None, None).unwrap_err().code.key, "budget_invalid");
        assert_eq!(Budget::of_bounds(Some("2"), Some("1")).unwrap_err().code.key, "budget_reversed");
    }

    #[test]
    fn kept_in_yuan() {
        let budget = Budget::parse("0.5-1.25").unwrap();
        assert_eq!((budget.min_yuan(), budget.max_yuan()), (Some(5_000), Some(12_500)));
        assert_eq!(Budget::from_stored(Some(5_000), Some(12_500)), Some(budget));
        assert_eq!(Budget::from_stored(None, None), None);
    }

    proptest! {
        #[test]
        fn never_panics_and_is_stable(raw in "\\PC{0,16}|[0-9.万亿元以上内≥<~-]{0,14}") {
            if let Ok(budget) = Budget::parse(&raw) {
                let again = Budget::of_bounds(budget.min().as_deref(), budget.max().as_deref());
                prop_assert_eq!(again, Ok(budget));
            }
        }
    }
}
