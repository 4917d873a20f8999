//! What the program tells, as it is written down beside the tests.

use std::fs;

use serde_json::Value;

/// Compares with what is written in a file, or writes it anew where `WRITE_FIXTURES` is set.
///
/// # Panics
/// At the first line that differs.
#[track_caller]
pub fn same_as_written(file: &str, told: &[Value]) {
    let text = serde_json::to_string_pretty(told).expect("JSON") + "\n";
    #[expect(clippy::disallowed_methods, reason = "whoever runs the test says so, and no flag reaches it")]
    let writes = std::env::var_os("WRITE_FIXTURES").is_some();
    if writes {
        fs::write(file, &text).expect("a file that can be written");
    }
    let written = fs::read_to_string(file).unwrap_or_default();
    for (told, written) in text.lines().zip(written.lines()) {
        assert_eq!(told, written, "WRITE_FIXTURES=1 writes {file} anew");
    }
    assert_eq!(text.len(), written.len(), "WRITE_FIXTURES=1 writes {file} anew");
}
