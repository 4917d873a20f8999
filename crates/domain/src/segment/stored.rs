//! A filter that is kept.

use serde_json::Value;
use uuid::Uuid;

use crate::codes;
use crate::field::{Shape, Sight};
use crate::filter::SEGMENT;
use crate::flaw::Flaw;
use crate::read::Reader;
use crate::record::FieldValue;
use crate::show::{Out, View};

use super::SaidTag;

/// The most bytes of a filter that is kept.
const MAX_BYTES: usize = 64 * 1024;

/// A filter as it was said, but for tags, which it names by their ids once it is stored. It is read anew at each
/// question: what it says of today, of fields and of who may see them is as it stands then. That it makes sense is
/// checked where it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Where(Value);

impl Where {
    /// What its schema is called.
    pub(crate) const SCHEMA: &str = "SegmentWhere";

    /// A filter in JSON.
    pub(crate) fn of(json: Value) -> Self {
        Self(json)
    }

    /// A stored text; `None` when it is not JSON.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    /// The text that is stored.
    #[must_use]
    pub fn to_stored(&self) -> String {
        self.0.to_string()
    }

    /// The filter, to be read.
    #[must_use]
    pub fn json(&self) -> &Value {
        &self.0
    }

    /// How many conditions it has.
    #[must_use]
    pub fn conditions(&self) -> usize {
        let mut conditions = 0;
        each(&self.0, &mut |_, _| conditions += 1);
        conditions
    }

    /// The segments that it names, in their order; one that is named twice stands there twice.
    #[must_use]
    pub fn uses(&self) -> Vec<Uuid> {
        let mut ids = Vec::new();
        each(&self.0, &mut |field, value| {
            if field != SEGMENT {
                return;
            }
            let said = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            ids.extend(said.iter().filter_map(Value::as_str).filter_map(|id| Uuid::parse_str(id).ok()));
        });
        ids.sort_unstable();
        ids
    }
}

/// Every condition of a filter: the field and the value.
fn each(node: &Value, told: &mut impl FnMut(&str, &Value)) {
    let Some(members) = node.as_object() else { return };
    if let Some(field) = members.get("field").and_then(Value::as_str) {
        return told(field, members.get("value").unwrap_or(&Value::Null));
    }
    for part in members.values() {
        match part {
            Value::Array(parts) => parts.iter().for_each(|part| each(part, told)),
            part => each(part, told),
        }
    }
}

impl FieldValue for Where {
    const SHAPE: Shape = Shape::Data(Self::SCHEMA);
    fn absent() -> Option<Self> {
        None
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        reader.object(json)?;
        let read = Self(json.clone());
        let length = read.to_stored().len();
        if length > MAX_BYTES {
            reader.flaw(Flaw::new(&codes::TEXT_TOO_LONG).with("max", MAX_BYTES).with("length", length));
            return None;
        }
        Some(read)
    }
    fn show(&self, out: &mut Out, _: Sight, view: &dyn View) {
        out.raw(&self.shown(view).to_stored());
    }
    fn refs(&self, ids: &mut Vec<Uuid>) {
        ids.extend(self.tags().iter().filter_map(SaidTag::id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_filter_tells_what_it_holds() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let said = Where(json!({"and": [
            {"field": "stage", "value": "active"},
            {"not": {"field": "segment", "op": "in", "value": [two, one]}},
            {"or": [{"field": "segment", "value": one}, {"field": "remark", "value": two}]},
        ]}));
        assert_eq!(said.conditions(), 4);
        assert_eq!(said.uses(), [one, one, two]);
        assert_eq!(Where::from_stored(&said.to_stored()), Some(said));
    }
}
