//! Values of national standards: read from text or from the form that answers show.

use serde_json::{Map, Value};

use crate::codes;
use crate::field::{Shape, Sight};
use crate::filter::{Fact, Member, Scalar};
use crate::flaw::Flaw;
use crate::read::Reader;
use crate::record::FieldValue;
use crate::show::{Out, View};
use crate::value::{Budget, CreditCode, Industry, Quarter, Region};

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
    fn fact(&self, _: Member) -> Fact {
        Fact::One(Scalar::Text(self.code().to_owned()))
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
    fn fact(&self, _: Member) -> Fact {
        Fact::One(Scalar::Text(self.code().to_owned()))
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
    fn fact(&self, _: Member) -> Fact {
        Fact::One(Scalar::Text(self.as_str().to_owned()))
    }
}

impl FieldValue for Quarter {
    const SHAPE: Shape = Shape::Quarter;
    fn absent() -> Option<Self> {
        None
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let text = reader.text(json)?;
        reader.keep(Self::parse(text))
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.plain(self);
    }
    fn fact(&self, _: Member) -> Fact {
        Fact::One(Scalar::Text(self.to_string()))
    }
}

/// What budgets are counted in: ten thousand yuan.
const BUDGET_UNIT: &str = "10k_cny";

/// A bound as a client says it: a text or a number, in 万元.
fn bound(members: &Map<String, Value>, name: &str, reader: &mut Reader<'_>) -> Option<Option<String>> {
    reader.inside(name, |reader| match members.get(name) {
        None | Some(Value::Null) => Some(None),
        Some(Value::Number(number)) => Some(Some(number.to_string())),
        Some(json) => {
            let text = reader.text(json)?;
            reader.keep(Budget::bound(text))?;
            Some(Some(text.to_owned()))
        }
    })
}

impl FieldValue for Budget {
    const SHAPE: Shape = Shape::Budget;
    fn absent() -> Option<Self> {
        None
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let Value::Object(members) = json else {
            let text = match json {
                Value::Number(number) => number.to_string(),
                _ => reader
                    .typed(json.as_str(), "a text or an object with `min` and `max`", "文本或带 min、max 的对象")?
                    .to_owned(),
            };
            return reader.keep(Self::parse(&text));
        };
        for (name, value) in members {
            match name.as_str() {
                "min" | "max" => {}
                "unit" if value.as_str() == Some(BUDGET_UNIT) || value.is_null() => {}
                "unit" => {
                    let flaw = Flaw::new(&codes::CHOICE_UNKNOWN).with("value", value).with("choices", BUDGET_UNIT);
                    reader.inside(name, |reader| reader.flaw(flaw));
                    return None;
                }
                _ => {
                    let flaw = Flaw::new(&codes::FIELD_UNKNOWN).with("field", name).with("known", "min, max, unit");
                    reader.inside(name, |reader| reader.flaw(flaw));
                    return None;
                }
            }
        }
        let (min, max) = (bound(members, "min", reader), bound(members, "max", reader));
        let (min, max) = (min?, max?);
        reader.keep(Self::of_bounds(min.as_deref(), max.as_deref()))
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.object(|out| {
            out.key("min").text_or_null(self.min().as_deref());
            out.key("max").text_or_null(self.max().as_deref());
            out.key("unit").text(BUDGET_UNIT);
        });
    }
    fn fact(&self, member: Member) -> Fact {
        let bound = if member.name == "budget_min" { self.min_yuan() } else { self.max_yuan() };
        bound.map_or(Fact::Missing, |yuan| Fact::One(Scalar::Int(yuan)))
    }
}
