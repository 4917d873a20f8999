//! Lists of words that the system makes.

use serde_json::Value;

use crate::field::{Shape, Sight};
use crate::read::Reader;
use crate::record::FieldValue;
use crate::show::{Out, View};

/// A list of codes or keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(pub Vec<String>);

impl FieldValue for Words {
    const SHAPE: Shape = Shape::Words;
    const REQUIRED: bool = false;
    fn absent() -> Option<Self> {
        Some(Self::default())
    }
    fn read(json: &Value, reader: &mut Reader<'_>, _: Option<&Self>) -> Option<Self> {
        let items = reader.typed(json.as_array(), "a list of texts", "文本列表")?;
        let words: Option<Vec<String>> = items
            .iter()
            .enumerate()
            .map(|(at, item)| reader.inside(at, |reader| reader.text(item).map(str::to_owned)))
            .collect();
        words.map(Self)
    }
    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.texts(self.0.iter().map(String::as_str));
    }
}
