//! Places and words of what is wrong with a question.

use serde_json::Value;

/// What stands where a filter belongs: names of members, never values.
pub(super) fn found(json: &Value) -> (String, String) {
    const MOST: usize = 8;
    let (en, zh) = match json {
        Value::Object(members) if members.is_empty() => ("an empty object", "空对象"),
        Value::Object(members) => {
            let names = members.keys().take(MOST).map(|name| name.chars().take(40).collect::<String>());
            let names = names.collect::<Vec<_>>().join(", ");
            return (format!("an object with {names}"), format!("含 {names} 的对象"));
        }
        Value::Array(_) => ("a list", "列表"),
        Value::String(_) => ("a text", "文本"),
        Value::Number(_) => ("a number", "数字"),
        Value::Bool(_) => ("true or false", "true 或 false"),
        Value::Null => ("null", "null"),
    };
    (en.to_owned(), zh.to_owned())
}

/// A text as it is, anything else as JSON.
pub(super) fn text_of(json: &Value) -> String {
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}

/// What names have in common that are mistaken for each other: `ownerId` and `owner_id`, `phones` and `phone`,
/// `contact.position` and `contacts.…`, `output` and `custom.output`.
pub(super) fn near(name: &str) -> String {
    let name = name.strip_prefix("custom.").unwrap_or(name);
    let name = name.split('.').next().unwrap_or_default().to_lowercase().replace('_', "");
    let name = name.strip_suffix("id").unwrap_or(&name);
    name.strip_suffix('s').unwrap_or(name).to_owned()
}

/// The place of an item of a list.
pub(super) fn inside(at: &str, item: usize) -> String {
    part(at, &item.to_string())
}

/// The place of a part: of a body by its pointer; in an address the parameter has one name.
pub(super) fn part(at: &str, name: &str) -> String {
    if at.starts_with('/') { format!("{at}/{name}") } else { at.to_owned() }
}
