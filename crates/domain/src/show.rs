//! Writing answers: JSON straight into a text, with what the reader may see of each field.

use std::collections::HashMap;
use std::fmt::Write as _;

use uuid::Uuid;

use crate::custom::CustomField;
use crate::field::{Field, Sight};

/// The display name (and colour, for a tag) of a record that another one points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// What people call it.
    pub name: String,
    /// The colour of a tag.
    pub color: Option<String>,
}

/// Names of referenced records, by id.
pub type Names = HashMap<Uuid, Name>;

/// JSON text under construction. Members are separated as they come; objects and arrays nest.
#[derive(Default)]
pub struct Out {
    text: String,
    comma: bool,
}

impl Out {
    /// An empty text with room for an ordinary record.
    #[must_use]
    pub fn new() -> Self {
        Self { text: String::with_capacity(1024), comma: false }
    }

    /// The finished text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }

    fn separate(&mut self) {
        if self.comma {
            self.text.push(',');
        }
        self.comma = true;
    }

    /// Begins a member of an object; a value must follow.
    pub fn key(&mut self, name: &str) -> &mut Self {
        self.separate();
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("\":");
        self.comma = false;
        self
    }

    /// Begins a member whose name came from outside and may need escapes.
    pub fn foreign_key(&mut self, name: &str) -> &mut Self {
        self.separate();
        escape(&mut self.text, name);
        self.text.push(':');
        self.comma = false;
        self
    }

    fn open(&mut self, bracket: char) {
        self.separate();
        self.text.push(bracket);
        self.comma = false;
    }

    fn close(&mut self, bracket: char) {
        self.text.push(bracket);
        self.comma = true;
    }

    /// An object; its members are written by the closure.
    pub fn object(&mut self, members: impl FnOnce(&mut Self)) {
        self.open('{');
        members(self);
        self.close('}');
    }

    /// An array; its elements are written by the closure.
    pub fn array(&mut self, elements: impl FnOnce(&mut Self)) {
        self.open('[');
        elements(self);
        self.close(']');
    }

    /// A text.
    pub fn text(&mut self, value: &str) {
        self.separate();
        escape(&mut self.text, value);
    }

    /// A text, or null.
    pub fn text_or_null(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.text(value),
            None => self.null(),
        }
    }

    /// A text that is known to hold no character that JSON escapes: an id, a time, a key of a vocabulary.
    pub fn plain(&mut self, value: &impl std::fmt::Display) {
        self.separate();
        let _ = write!(self.text, "\"{value}\"");
    }

    /// An id, or null.
    pub fn id_or_null(&mut self, id: Option<Uuid>) {
        match id {
            Some(id) => self.id(id),
            None => self.null(),
        }
    }

    /// An id.
    pub fn id(&mut self, id: Uuid) {
        self.separate();
        self.text.push('"');
        self.text.push_str(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
        self.text.push('"');
    }

    /// A whole number.
    pub fn number(&mut self, value: i64) {
        self.separate();
        let _ = write!(self.text, "{value}");
    }

    /// True or false.
    pub fn flag(&mut self, value: bool) {
        self.separate();
        self.text.push_str(if value { "true" } else { "false" });
    }

    /// Null.
    pub fn null(&mut self) {
        self.separate();
        self.text.push_str("null");
    }

    /// JSON that was made elsewhere.
    pub fn raw(&mut self, json: &str) {
        self.separate();
        self.text.push_str(json);
    }

    /// An array of texts.
    pub fn texts<'t>(&mut self, values: impl IntoIterator<Item = &'t str>) {
        self.array(|out| values.into_iter().for_each(|value| out.text(value)));
    }
}

fn escape(text: &mut String, value: &str) {
    text.push('"');
    let mut rest = value;
    // What is escaped is one byte, and no byte of a longer character looks like it.
    while let Some(at) = rest.bytes().position(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        let (clean, tail) = rest.split_at(at);
        text.push_str(clean);
        let mut chars = tail.chars();
        match chars.next() {
            Some('"') => text.push_str("\\\""),
            Some('\\') => text.push_str("\\\\"),
            Some('\n') => text.push_str("\\n"),
            Some('\r') => text.push_str("\\r"),
            Some('\t') => text.push_str("\\t"),
            Some(control) => {
                let _ = write!(text, "\\u{:04x}", u32::from(control));
            }
            None => {}
        }
        rest = chars.as_str();
    }
    text.push_str(rest);
    text.push('"');
}

/// How a record is shown to one caller.
pub trait View {
    /// How much of a field the caller may see.
    fn sight(&self, field: &Field) -> Sight;
    /// How much of a field that the organisation added the caller may see.
    fn custom_sight(&self, _: &CustomField) -> Sight {
        Sight::Hidden
    }
    /// The name of a referenced record.
    fn name(&self, id: Uuid) -> Option<&Name>;
    /// Whether records without a name are shown by their ids.
    fn names_ids(&self) -> bool {
        false
    }
    /// Whether the colours of tags are seen.
    fn shows_colors(&self) -> bool {
        true
    }
    /// The day on which it is shown, where the answer tells what depends on it.
    fn today(&self) -> Option<chrono::NaiveDate> {
        None
    }
    /// A secret of the record that was made in this request.
    fn secret(&self) -> Option<&str> {
        None
    }
    /// Whether a member was asked for (`fields=`).
    fn wants(&self, member: &str) -> bool;
}

/// Everything in full, without names: the body of a journal entry.
pub struct Plain;

impl View for Plain {
    fn sight(&self, _: &Field) -> Sight {
        Sight::Full
    }
    fn custom_sight(&self, _: &CustomField) -> Sight {
        Sight::Full
    }
    fn name(&self, _: Uuid) -> Option<&Name> {
        None
    }
    fn names_ids(&self) -> bool {
        true
    }
    fn wants(&self, _: &str) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_members_are_separated_and_escaped() {
        let mut out = Out::new();
        out.object(|out| {
            out.key("a").text("x\"\\\n\u{1}字");
            out.key("b").array(|out| {
                out.number(1);
                out.object(|_| {});
                out.null();
            });
            out.foreign_key("c\"").flag(true);
        });
        let text = out.into_text();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value, serde_json::json!({"a": "x\"\\\n\u{1}字", "b": [1, {}, null], "c\"": true}));
    }
}
