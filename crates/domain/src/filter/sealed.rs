//! Sealed values as they are asked for.

use chrono::NaiveDate;

use crate::codes;
use crate::field::Find;
use crate::fields::Birthday;
use crate::flaw::Flaw;
use crate::value::{BankAccount, Email, IdNumber, Phone};

/// The normalised form under which a sealed value is found.
///
/// # Errors
/// The text is not such a value.
pub fn sealed_form(find: Find, raw: &str, region: &str) -> Result<String, Flaw> {
    Ok(match find {
        Find::Phone => Phone::parse(raw, region)?.index_form().to_string(),
        Find::Email => Email::parse(raw)?.index_form(),
        Find::Wechat => raw.trim().to_lowercase(),
        Find::IdNumber => IdNumber::parse(raw)?.as_str().to_owned(),
        Find::BankAccount => BankAccount::parse(raw)?.as_str().to_owned(),
        Find::Birthday => birthday_form(raw)?,
        // Kind and source go before it: whoever asks says them.
        Find::ExternalId => raw.to_owned(),
    })
}

/// The form under which the id of a source is found: ids of other kinds and sources are others.
#[must_use]
pub fn external_id_form(kind: &str, source: &str, id: &str) -> String {
    format!("{kind}:{source}:{id}")
}

/// A whole day, or a day of any year, of either calendar. The index knows the day of the year alone; of a whole day the
/// year is compared with what was opened.
fn birthday_form(raw: &str) -> Result<String, Flaw> {
    let raw = raw.trim();
    // 2000 was a leap year: the 29th of February is a day of the year.
    let of_year = NaiveDate::parse_from_str(&format!("2000-{raw}"), "%Y-%m-%d").ok().filter(|_| raw.len() == 5);
    of_year
        .map(|day| day.format("%m-%d").to_string())
        .or_else(|| Birthday::parse(raw).ok().map(Birthday::asked_form))
        .ok_or_else(|| Flaw::new(&codes::BIRTHDAY_INVALID).with("value", raw))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(find: Find, raw: &str) -> Result<String, &'static str> {
        sealed_form(find, raw, "CN").map_err(|flaw| flaw.code.key)
    }

    #[test]
    fn values_are_asked_for_in_any_spelling() {
        for (find, raw, expected) in [
            (Find::Phone, "138 0013 8000", Ok("+8613800138000")),
            (Find::Email, "Li@Example.com", Ok("li@example.com")),
            (Find::IdNumber, "11010119900307002x", Ok("11010119900307002X")),
            (Find::IdNumber, "110101900307026", Ok("110101199003070265")),
            (Find::IdNumber, "1***************X", Err("id_number_length")),
            (Find::BankAccount, "6222 0263 6083 7783 531", Ok("6222026360837783531")),
            (Find::Birthday, "1990-03-07", Ok("1990-03-07")),
            (Find::Birthday, " 03-07", Ok("03-07")),
            (Find::Birthday, "02-29", Ok("02-29")),
            (Find::Birthday, "lunar:8-15", Ok("lunar:08-15")),
            (Find::Birthday, "lunar:1990-08-15", Ok("lunar:1990-08-15")),
            (Find::Birthday, "lunar:02L-01", Ok("lunar:02-01")),
            (Find::Birthday, "lunar:2023-02L-01", Ok("lunar:2023-02L-01")),
            (Find::Birthday, "农历8月15日", Err("birthday_invalid")),
            (Find::Birthday, "02-30", Err("birthday_invalid")),
            (Find::Birthday, "1990-02-29", Err("birthday_invalid")),
            (Find::Birthday, "3-7", Err("birthday_invalid")),
        ] {
            assert_eq!(form(find, raw), expected.map(str::to_owned), "{raw}");
        }
    }
}
