//! Texts and addresses of the web.

use serde_json::Value;

use crate::codes;
use crate::fields::{Line, Text};
use crate::flaw::Flaw;
use crate::read::Reader;
use crate::value::quoted;

use super::{CustomField, CustomType};

/// Most characters of a line.
pub const MAX_TEXT: usize = 500;
/// Most characters of a text of several lines.
pub const MAX_LONG_TEXT: usize = 10_000;
/// Most characters of an address.
pub const MAX_URL: usize = 2_000;

impl CustomField {
    pub(super) fn read_text(&self, json: &Value, reader: &mut Reader<'_>) -> Option<Value> {
        let raw = reader.text(json)?;
        let text = match self.holds {
            CustomType::LongText => Text::<MAX_LONG_TEXT>::parse(raw).map(Text::into_string),
            CustomType::Url => parse_url(raw),
            _ => Line::<MAX_TEXT>::parse(raw).map(Line::into_string),
        };
        let text = reader.keep(text)?;
        reader.keep(self.fits_length(&text))?;
        if let Some(pattern) = self.pattern.as_ref().filter(|pattern| !pattern.is_match(&text)) {
            let said = super::pattern::said(pattern);
            let flaw = Flaw::new(&codes::PATTERN_MISMATCH).with("value", quoted(&text)).with("pattern", said);
            reader.flaw(flaw);
            return None;
        }
        Some(Value::from(text))
    }

    fn fits_length(&self, text: &str) -> Result<(), Flaw> {
        if self.holds == CustomType::Url {
            return Ok(());
        }
        let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
        if let Some(min) = self.min.filter(|min| length < *min) {
            return Err(Flaw::new(&codes::TEXT_TOO_SHORT).with("length", length).with("min", min));
        }
        if let Some(max) = self.max.filter(|max| length > *max) {
            return Err(Flaw::new(&codes::TEXT_TOO_LONG).with("length", length).with("max", max));
        }
        Ok(())
    }
}

/// An address of http or https, as the URL standard (WHATWG) writes it. One that holds a password is refused: it would
/// be shown to everybody who sees the record.
pub(super) fn parse_url(raw: &str) -> Result<String, Flaw> {
    let wrong = || Flaw::new(&codes::URL_INVALID).with("value", quoted(raw)).with("max", MAX_URL);
    let short = |text: &str| text.chars().count() <= MAX_URL;
    let raw = raw.trim();
    let url = Some(raw).filter(|raw| short(raw)).and_then(|raw| url::Url::parse(raw).ok()).ok_or_else(wrong)?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    let is_open = url.username().is_empty() && url.password().is_none();
    Some(String::from(url)).filter(|url| is_web && is_open && short(url)).ok_or_else(wrong)
}
