//! The fields that a key is limited to: everything else is hidden from it, and not its to write.

use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::kind_named;
use kehu_domain::read::Finding;
use kehu_domain::rights::{CUSTOM, Rights};

/// Whether there is such a field: `customer.phones`, or `customer.custom` for all that the organisation added.
fn is_known(name: &str) -> bool {
    let field = |(kind, field): (&str, &str)| {
        kind_named(kind).is_some_and(|kind| field == CUSTOM || kind.field(field).is_some())
    };
    name.split_once('.').is_some_and(field)
}

/// What is wrong with a list of fields.
pub(super) fn check(fields: &[String]) -> Vec<Finding> {
    let wrong = fields.iter().enumerate().filter(|(_, name)| !is_known(name));
    let finding = |(at, name): (usize, &String)| Finding {
        pointer: format!("/fields/{at}"),
        flaw: Flaw::new(&codes::KEY_FIELD_UNKNOWN).with("value", name.chars().take(100).collect::<String>()),
    };
    wrong.map(finding).collect()
}

/// The list that a row holds. One that cannot be read allows nothing.
pub(super) fn stored(text: Option<&str>) -> Option<Vec<String>> {
    text.map(|text| serde_json::from_str(text).unwrap_or_default())
}

/// The same rights over these fields alone.
pub(super) fn limited(rights: &Rights, allowed: &[String]) -> Rights {
    rights.limited_to(|kind, field| allowed.iter().any(|name| name.split_once('.') == Some((kind, field))))
}
