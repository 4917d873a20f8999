//! Values whose type another member of the definition says: what was said is kept, and read with the whole.

use serde_json::Value;

use crate::codes;
use crate::field::{Shape, Sight};
use crate::flaw::Flaw;
use crate::read::Reader;
use crate::record::FieldValue;
use crate::show::{Out, View};

/// Most bytes of such a value, as JSON.
const MAX: usize = 40_000;

/// A value of the field that is defined, as it was said: a default, the least, the most.
#[derive(Clone, Debug, PartialEq)]
pub struct Said(pub Value);

impl Said {
    /// A stored value.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }
}

impl FieldValue for Said {
    const SHAPE: Shape = Shape::Data("FieldValue");
    fn absent() -> Option<Self> {
        None
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let length = json.to_string().len();
        if length > MAX {
            reader.flaw(Flaw::new(&codes::TEXT_TOO_LONG).with("length", length).with("max", MAX));
            return None;
        }
        Some(Self(json.clone()))
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.raw(&self.0.to_string());
    }
}
