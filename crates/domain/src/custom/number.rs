//! Decimal numbers and money, without floating point: what is kept is what was written.

use serde_json::{Value, json};

use crate::codes;
use crate::flaw::Flaw;
use crate::read::Reader;
use crate::value::quoted;

use super::CustomField;

/// Decimals of a number.
pub(super) const DECIMALS: u32 = 6;
/// The greatest number, either way.
const MAX: i64 = 900_000_000_000;
/// As many digits as every JSON reader carries whole (IEEE 754 double).
const SAFE_DIGITS: usize = 15;

/// How many decimals amounts of a currency have (ISO 4217).
#[must_use]
pub fn minor_digits(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
        | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

/// A decimal number in units of its last decimal: `12.5` with 6 decimals is `12500000`. JSON numbers are taken while
/// they are sure to be whole, and texts, also with full-width digits and a comma at each thousand.
///
/// # Errors
/// Not such a number, too many decimals, too great; digits that a JSON number may have lost.
pub(super) fn scaled(json: &Value, decimals: u32) -> Result<i64, Flaw> {
    let text = match json {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => {
            // Without an exponent, and the shortest that means this number.
            let text = number.as_f64().map(|float| float.to_string()).unwrap_or_default();
            let digits = text.chars().filter(char::is_ascii_digit).skip_while(|c| *c == '0').count();
            if digits > SAFE_DIGITS {
                return Err(Flaw::new(&codes::DECIMAL_ROUNDED).with("value", text));
            }
            text
        }
        other => other.to_string(),
    };
    parse(&text, decimals).ok_or_else(|| {
        Flaw::new(&codes::DECIMAL_INVALID).with("value", quoted(&text)).with("decimals", decimals).with("max", MAX)
    })
}

fn parse(raw: &str, decimals: u32) -> Option<i64> {
    let folded: String = raw.trim().chars().map(fold).collect();
    let (negative, number) = match folded.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, folded.strip_prefix('+').unwrap_or(&folded)),
    };
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(whole, rest)| (whole, Some(rest)));
    let whole = ungroup(whole)?;
    let fraction = match fraction {
        Some(fraction) => Some(fraction).filter(|text| is_digits(text))?.trim_end_matches('0'),
        None => "",
    };
    let places = usize::try_from(decimals).ok()?;
    let missing = places.checked_sub(fraction.len())?;
    let digits = whole.trim_start_matches('0').to_owned() + fraction + &"0".repeat(missing);
    let value: i64 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    let most = MAX.checked_mul(10_i64.checked_pow(decimals)?)?;
    (value <= most).then_some(if negative { -value } else { value })
}

fn fold(c: char) -> char {
    match c {
        '０'..='９' | '．' | '－' | '＋' | '，' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '−' => '-',
        other => other,
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Digits without the commas that stand at each thousand; a comma anywhere else may mean a decimal.
fn ungroup(whole: &str) -> Option<String> {
    let mut groups = whole.split(',');
    let first = groups.next().filter(|first| is_digits(first))?;
    let mut out = first.to_owned();
    let mut grouped = false;
    for group in groups {
        grouped = true;
        out.push_str(Some(group).filter(|group| group.len() == 3 && is_digits(group))?);
    }
    (!grouped || first.len() <= 3).then_some(out)
}

/// The decimal text of a number in units of its last decimal. `trim` leaves zeros at the end of decimals out.
pub(super) fn decimal(value: i64, decimals: u32, trim: bool) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let places = usize::try_from(decimals).unwrap_or(0);
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = places + 1);
    let (whole, fraction) = digits.split_at_checked(digits.len() - places).unwrap_or((&digits, ""));
    let fraction = if trim { fraction.trim_end_matches('0') } else { fraction };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// What is kept, where a JSON number is the nearest that can be said of it: an answer that comes back.
fn same_as_kept(json: &Value, kept: Option<&str>) -> bool {
    let said = json.as_f64().filter(|_| json.is_f64());
    let kept = kept.and_then(|kept| kept.parse::<f64>().ok());
    said.zip(kept).is_some_and(|(said, kept)| said.to_bits() == kept.to_bits())
}

impl CustomField {
    pub(super) fn read_number(&self, json: &Value, reader: &mut Reader<'_>, old: Option<&Value>) -> Option<Value> {
        if let Some(old) = old.filter(|old| same_as_kept(json, old.as_str())) {
            return Some(old.clone());
        }
        reader.typed(is_decimal(json), "a number", "数字")?;
        let value = reader.keep(scaled(json, DECIMALS))?;
        self.within(value, reader)?;
        Some(Value::from(decimal(value, DECIMALS, true)))
    }

    pub(super) fn read_money(&self, json: &Value, reader: &mut Reader<'_>, old: Option<&Value>) -> Option<Value> {
        let currency = self.currency();
        let amount = match json {
            Value::Object(members) => {
                let known = ["amount", "currency"];
                let found = reader.findings().len();
                let mut rest = members.clone();
                rest.retain(|name, _| !known.contains(&name.as_str()));
                reader.refuse_rest(&rest, &known);
                match members.get("currency") {
                    None | Some(Value::Null) => {}
                    Some(said) => reader.inside("currency", |reader| {
                        if let Some(said) = reader.text(said).filter(|said| *said != currency) {
                            let flaw = Flaw::new(&codes::CURRENCY_OTHER).with("currency", currency);
                            reader.flaw(flaw.with("value", quoted(said)));
                        }
                    }),
                }
                let amount = members.get("amount").unwrap_or(&Value::Null);
                let amount = reader.inside("amount", |reader| self.read_amount(amount, reader, old));
                if reader.findings().len() > found {
                    return None;
                }
                amount?
            }
            amount => self.read_amount(amount, reader, old)?,
        };
        Some(json!({ "amount": amount, "currency": currency }))
    }

    fn read_amount(&self, json: &Value, reader: &mut Reader<'_>, old: Option<&Value>) -> Option<String> {
        let old = old.and_then(|old| old.get("amount")).and_then(Value::as_str);
        if let Some(old) = old.filter(|_| same_as_kept(json, old)) {
            return Some(old.to_owned());
        }
        reader.typed(is_decimal(json), "an amount, as a number or a text", "金额（数字或文本）")?;
        let digits = minor_digits(self.currency());
        let value = reader.keep(scaled(json, digits))?;
        self.within(value, reader)?;
        Some(decimal(value, digits, false))
    }

    /// The currency of its amounts. A definition of money has one.
    pub(super) fn currency(&self) -> &str {
        self.currency.as_deref().unwrap_or("CNY")
    }
}

fn is_decimal(json: &Value) -> Option<()> {
    (json.is_number() || json.is_string()).then_some(())
}
