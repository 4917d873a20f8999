//! What people call something, in the languages that answers are written in.

use serde_json::{Value, json};

use crate::codes;
use crate::field::{Shape, Sight};
use crate::fields::Line;
use crate::flaw::Flaw;
use crate::read::{Members, Reader};
use crate::record::FieldValue;
use crate::show::{Out, View};

const ZH: &str = "zh-CN";
const EN: &str = "en";

/// A text of at most `MAX` characters in Chinese and English; one that is not said is the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels<const MAX: usize> {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl<const MAX: usize> Labels<MAX> {
    /// The text that is stored.
    #[must_use]
    pub fn to_stored(&self) -> String {
        json!({ ZH: self.zh, EN: self.en }).to_string()
    }

    /// The labels of a stored text.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(text).ok()?;
        let said = |lang: &str| json.get(lang).and_then(Value::as_str).map(str::to_owned);
        Some(Self { zh: said(ZH)?, en: said(EN)? })
    }

    pub(super) fn write(&self, out: &mut Out) {
        out.object(|out| {
            out.key(ZH).text(&self.zh);
            out.key(EN).text(&self.en);
        });
    }
}

impl<const MAX: usize> FieldValue for Labels<MAX> {
    const SHAPE: Shape = Shape::Data("FieldLabel");
    fn absent() -> Option<Self> {
        None
    }
    /// In a PATCH a language that is not said stays (RFC 7396), and one that is null follows the other.
    fn read(json: &Value, reader: &mut Reader<'_>, old: Option<&Self>) -> Option<Self> {
        let members = reader.object(json)?;
        let mut rest: Members = members.clone();
        rest.retain(|name, _| name != ZH && name != EN);
        let found = reader.findings().len();
        reader.refuse_rest(&rest, &[ZH, EN]);
        let mut said = |lang: &'static str, old: Option<&String>| match members.get(lang) {
            None => old.cloned(),
            Some(Value::Null) => None,
            Some(text) => reader.inside(lang, |reader| Line::<MAX>::read(text, reader, None)).map(Line::into_string),
        };
        let (zh, en) = (said(ZH, old.map(|old| &old.zh)), said(EN, old.map(|old| &old.en)));
        if reader.findings().len() > found {
            return None;
        }
        match (zh, en) {
            (Some(zh), Some(en)) => Some(Self { zh, en }),
            (Some(one), None) | (None, Some(one)) => Some(Self { zh: one.clone(), en: one }),
            (None, None) => {
                reader.flaw(Flaw::new(&codes::LABEL_MISSING));
                None
            }
        }
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        self.write(out);
    }
}
