//! Secrets that the system makes and shows once.

use serde_json::Value;

use crate::codes;
use crate::field::{Shape, Sight};
use crate::flaw::Flaw;
use crate::read::Reader;
use crate::record::FieldValue;
use crate::show::{Out, View};

/// A secret that stands in the answer of the request that made it, and is null ever after: only its hash is kept, so
/// that neither the journal nor a kept answer holds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShownOnce;

impl FieldValue for ShownOnce {
    const SHAPE: Shape = Shape::Word;
    const NULLABLE: bool = true;
    fn absent() -> Option<Self> {
        Some(Self)
    }
    fn read(_: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        reader.flaw(Flaw::new(&codes::READ_ONLY).with("field", "secret"));
        None
    }
    fn show(&self, out: &mut Out, _: Sight, view: &dyn View) {
        out.text_or_null(view.secret());
    }
}
