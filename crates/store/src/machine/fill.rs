//! What of an item fills what is empty in a record: everything else stays as it is.

use kehu_domain::read::Members;
use serde_json::Value;

/// The members of an item that the answer shows empty. A field that the caller may not see has perhaps a value: it is
/// left alone.
pub(super) fn empty_only(item: &Members, shown: &Value) -> Members {
    let hidden = |name: &str| {
        let names = shown.get("hidden").and_then(Value::as_array).into_iter().flatten();
        names.filter_map(Value::as_str).any(|one| one == name)
    };
    let mut fills = Members::new();
    for (name, value) in item {
        match shown.get(name) {
            // Nobody knows such a member: who reads the patch says so.
            None => {
                fills.insert(name.clone(), value.clone());
            }
            Some(Value::Object(inside)) if matches!(name.as_str(), "custom" | "external_ids") => {
                let Some(said) = value.as_object() else {
                    fills.insert(name.clone(), value.clone());
                    continue;
                };
                let is_empty = |key: &str| inside.get(key).is_none_or(Value::is_null);
                let parts = said.iter().filter(|(key, _)| is_empty(key) && !hidden(&format!("{name}.{key}")));
                let parts: Members = parts.map(|(key, value)| (key.clone(), value.clone())).collect();
                if !parts.is_empty() {
                    fills.insert(name.clone(), parts.into());
                }
            }
            Some(known) if is_empty(known) && !hidden(name) => {
                fills.insert(name.clone(), value.clone());
            }
            Some(_) => {}
        }
    }
    fills
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_empty_is_filled() {
        let shown = json!({
            "name": "甲", "remark": null, "phones": [], "emails": [{"value": "a@b.cn"}], "wechat": null, "pinned": false,
            "custom": {"a": null, "b": 1, "c": null}, "external_ids": {"shop": "1"}, "hidden": ["wechat", "custom.c"],
        });
        let item = json!({
            "name": "乙", "remark": "r", "phones": ["138"], "emails": ["c@d.cn"], "wechat": "w", "pinned": true, "typo": 1,
            "custom": {"a": 2, "b": 2, "c": 2}, "external_ids": {"shop": "2", "erp": "9"},
        });
        let fills = empty_only(item.as_object().unwrap(), &shown);
        let expected = json!({
            "remark": "r", "phones": ["138"], "typo": 1, "custom": {"a": 2}, "external_ids": {"erp": "9"},
        });
        assert_eq!(Value::from(fills), expected);
    }
}
