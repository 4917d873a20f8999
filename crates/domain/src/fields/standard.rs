//! Values of national standards: read from text or from the form that answers show.

use serde_json::Value;

use crate::field::{Shape, Sight};
use crate::read::Reader;
use crate::record::FieldValue;
use crate::show::{Out, View};
use crate::value::{CreditCode, Industry, Region};

/// The text of a value that may come as text or, out of an answer, as an object with a `code`.
fn text_or_code<'v>(json: &'v Value, reader: &mut Reader<'_>) -> Option<&'v str> {
    match json {
        Value::Object(members) => {
            let code = members.get("code").and_then(Value::as_str);
            reader.typed(code, "a text or an object with `code`", "文本或带 code 的对象")
        }
        _ => reader.text(json),
    }
}

impl FieldValue for Industry {
    const SHAPE: Shape = Shape::Industry;
    fn absent() -> Option<Self> {
        None
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let text = text_or_code(json, reader)?;
        reader.keep(Self::parse(text))
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.object(|out| {
            out.key("code").text(self.code());
            out.key("name").text(self.name_zh());
        });
    }
}

impl FieldValue for Region {
    const SHAPE: Shape = Shape::Region;
    fn absent() -> Option<Self> {
        None
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let text = text_or_code(json, reader)?;
        reader.keep(Self::parse(text))
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.object(|out| {
            out.key("code").text(self.code());
            out.key("province").text_or_null(self.province());
            out.key("city").text_or_null(self.city());
            out.key("district").text_or_null(self.district());
        });
    }
}

impl FieldValue for CreditCode {
    const SHAPE: Shape = Shape::Word;
    fn absent() -> Option<Self> {
        None
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let text = reader.text(json)?;
        reader.keep(Self::parse(text))
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.text(self.as_str());
    }
}
