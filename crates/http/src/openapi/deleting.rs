//! Deleting a record, and what would go with it, in the description.

use serde_json::{Map, Value, json};

use super::shapes::{described, or_null, whole};

/// Schemas of answers.
pub(super) fn schemas() -> Map<String, Value> {
    let id = || described(json!({ "type": "string", "format": "uuid" }), "Its id.");
    let text = |doc: &str| described(json!({ "type": "string" }), doc);
    let number = |doc: &str| described(json!({ "type": "integer", "format": "int64" }), doc);
    let name = || or_null(text("Its name, where its kind has names and the caller sees them."));
    let list = |item: Value, doc: &str| described(json!({ "type": "array", "items": item }), doc);
    let record = json!({
        "kind": text("Its kind."), "id": id(), "name": name(), "version": number("Its version, for `If-Match`."),
        "updated_at": described(json!({ "type": "string", "format": "date-time" }), "When it was last changed."),
    });
    let example = whole("A record that would go along.", json!({ "id": id(), "name": name() }));
    let child = json!({
        "kind": text("Their kind."),
        "count": number("How many there are, those among them that the caller may not read."),
        "examples": list(example, "The oldest five, as far as the caller may read them."),
    });
    let stays = json!({
        "kind": text("Their kind."),
        "how": described(json!({ "type": "string", "enum": ["tagged", "naming", "reporting"] }), "How they are bound to the record."),
        "count": number("How many living records there are."),
    });
    let preview = json!({
        "record": whole("The record.", record),
        "children": list(whole("Records of a kind that would go along.", child), "What would go along, by kind."),
        "also": list(whole("Records of a kind that would stay.", stays), "Living records that would stay, and lose it."),
    });
    [("DeletePreview".to_owned(), whole("What would go if the record were deleted.", preview))].into_iter().collect()
}
