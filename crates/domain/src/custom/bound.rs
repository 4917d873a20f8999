//! The least and the most that a field takes, in the unit in which its values are compared.

use serde_json::Value;

use crate::codes;
use crate::flaw::Flaw;
use crate::read::Reader;
use crate::show::Out;

use super::number::{DECIMALS, decimal, minor_digits, scaled};
use super::text::{MAX_LONG_TEXT, MAX_TEXT};
use super::{CustomField, CustomType, choice, time};

/// Reads `min` or `max` of a definition: a value of the type, or a count of characters or items.
pub fn read_bound(holds: CustomType, currency: Option<&str>, json: &Value, reader: &mut Reader<'_>) -> Option<i64> {
    match holds {
        CustomType::Number => reader.keep(scaled(json, DECIMALS)),
        CustomType::Money => {
            let amount = json.get("amount").unwrap_or(json);
            reader.keep(scaled(amount, minor_digits(currency.unwrap_or("CNY"))))
        }
        CustomType::Date => {
            let raw = reader.text(json)?;
            reader.keep(time::parse_date(raw)).map(time::days)
        }
        CustomType::Time => {
            let raw = reader.text(json)?;
            reader.keep(time::parse_time(raw))
        }
        CustomType::Text => count(json, MAX_TEXT, reader),
        CustomType::LongText => count(json, MAX_LONG_TEXT, reader),
        CustomType::Choices => count(json, choice::MAX_PICKED, reader),
        _ => None,
    }
}

fn count(json: &Value, most: usize, reader: &mut Reader<'_>) -> Option<i64> {
    let value = reader.typed(json.as_i64(), "a whole number", "整数")?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    if (0..=most).contains(&value) {
        return Some(value);
    }
    reader.flaw(Flaw::new(&codes::NUMBER_OUT_OF_RANGE).with("value", value).with("min", 0).with("max", most));
    None
}

/// A bound as people read it.
fn text(holds: CustomType, currency: Option<&str>, bound: i64) -> String {
    match holds {
        CustomType::Number => decimal(bound, DECIMALS, true),
        CustomType::Money => decimal(bound, minor_digits(currency.unwrap_or("CNY")), false),
        CustomType::Date => time::date_text(bound),
        CustomType::Time => time::time_text(bound),
        _ => bound.to_string(),
    }
}

/// Writes a bound as a definition shows it, and as [`read_bound`] takes it.
pub fn show_bound(holds: CustomType, currency: Option<&str>, bound: i64, out: &mut Out) {
    let said = text(holds, currency, bound);
    match holds {
        CustomType::Money | CustomType::Date | CustomType::Time => out.text(&said),
        _ => out.raw(&said),
    }
}

impl CustomField {
    /// Whether a value lies between its bounds; a flaw is noted where it does not.
    pub(super) fn within(&self, value: i64, reader: &mut Reader<'_>) -> Option<()> {
        let said = |bound| text(self.holds, self.currency.as_deref(), bound);
        let flaw = if let Some(min) = self.min.filter(|min| value < *min) {
            Flaw::new(&codes::VALUE_TOO_SMALL).with("value", said(value)).with("min", said(min))
        } else if let Some(max) = self.max.filter(|max| value > *max) {
            Flaw::new(&codes::VALUE_TOO_LARGE).with("value", said(value)).with("max", said(max))
        } else {
            return Some(());
        };
        reader.flaw(flaw);
        None
    }
}
