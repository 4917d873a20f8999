//! Values that are sealed: telephone numbers and e-mail addresses always, others where the definition says so.

use serde_json::Value;

use crate::codes;
use crate::field::Sight;
use crate::flaw::Flaw;
use crate::mask::STARS;
use crate::read::Reader;
use crate::text::normalise;
use crate::value::{Email, Phone, quoted};

use super::number::{DECIMALS, decimal, scaled};
use super::slot::as_kept;
use super::{CustomField, CustomType, time};

pub(super) fn read_phone(json: &Value, reader: &mut Reader<'_>) -> Option<Value> {
    let raw = reader.text(json)?;
    let phone = Phone::parse(raw, reader.region);
    reader.keep(phone).map(|phone| Value::from(phone.e164()))
}

pub(super) fn read_email(json: &Value, reader: &mut Reader<'_>) -> Option<Value> {
    let raw = reader.text(json)?;
    reader.keep(Email::parse(raw)).map(|email| Value::from(email.as_str()))
}

impl CustomType {
    /// Whether its values are sealed whatever the definition says.
    #[must_use]
    pub const fn is_always_sensitive(self) -> bool {
        matches!(self, Self::Phone | Self::Email)
    }

    /// Whether a sealed value of it can be found by equality.
    #[must_use]
    pub const fn has_index_form(self) -> bool {
        matches!(self, Self::Text | Self::Phone | Self::Email | Self::Url | Self::Number | Self::Date)
    }
}

impl CustomField {
    /// What is shown of a sealed value to somebody who may know that it is there, and no more.
    #[must_use]
    pub fn mask(&self, kept: &Value) -> String {
        match (self.holds, kept.as_str()) {
            (CustomType::Phone, Some(kept)) => Phone::from_stored(kept.to_owned(), String::new()).mask(),
            (CustomType::Email, Some(kept)) => Email::from_stored(kept.to_owned()).mask(),
            _ => STARS.to_owned(),
        }
    }

    /// What a mask that comes back means: the value stays; nothing, where it is not a mask. No mask becomes a value.
    pub(super) fn read_mask(
        &self,
        json: &Value,
        reader: &mut Reader<'_>,
        old: Option<&Value>,
    ) -> Option<Option<Value>> {
        let said = json.as_str().filter(|_| self.sensitive)?;
        if let (Sight::Masked, Some(old)) = (reader.sight, old)
            && said == self.mask(old)
        {
            return Some(Some(old.clone()));
        }
        said.contains("***").then(|| {
            reader.flaw(Flaw::new(&codes::MASK_IN_TEXT).with("value", quoted(said)));
            None
        })
    }

    /// The form under which a sealed value is found by equality; nothing, where it cannot be.
    #[must_use]
    pub fn index_form(&self, kept: &Value) -> Option<String> {
        if !self.sensitive || !self.holds.has_index_form() {
            return None;
        }
        let kept = kept.as_str()?;
        Some(match self.holds {
            CustomType::Phone => Phone::from_stored(kept.to_owned(), String::new()).index_form().to_owned(),
            CustomType::Email => Email::from_stored(kept.to_owned()).index_form(),
            CustomType::Text | CustomType::Url => normalise(kept),
            _ => kept.to_owned(),
        })
    }

    /// The form under which a sealed value that is asked for is found. `region` is for telephone numbers without a
    /// country code.
    #[must_use]
    pub fn sealed_operand(&self, json: &Value, region: &str) -> Option<String> {
        if !self.sensitive {
            return None;
        }
        let text = json.as_str();
        match self.holds {
            CustomType::Phone => Some(Phone::parse(text?, region).ok()?.index_form().to_owned()),
            CustomType::Email => Some(Email::parse(text?).ok()?.index_form()),
            CustomType::Text => text.map(normalise),
            CustomType::Url => text.map(|text| normalise(&as_kept(text))),
            CustomType::Number => scaled(json, DECIMALS).ok().map(|value| decimal(value, DECIMALS, true)),
            CustomType::Date => time::parse_date(text?).ok().map(|day| day.to_string()),
            _ => None,
        }
    }
}
