//! The list of every error code, with its status and its words in both languages.

use serde_json::{Value, json};

use crate::problem_codes::entries;

/// All codes, for `codes.json`: `[{"code", "status", "zh-CN", "en"}]`. `{name}` in a text stands for a parameter.
#[must_use]
pub fn codes() -> Value {
    entries()
        .iter()
        .map(|entry| json!({ "code": entry.code, "status": entry.status, "zh-CN": entry.zh, "en": entry.en }))
        .collect()
}
