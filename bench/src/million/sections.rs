//! Results in a file: each part writes its own section anew and leaves the others.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Puts a section under its heading: in the place of the one that is there, or behind the rest.
///
/// # Errors
/// The file cannot be written.
pub(super) fn put(path: &Path, heading: &str, text: &str) -> Result<()> {
    let before = if path.exists() { fs::read_to_string(path)? } else { String::new() };
    fs::write(path, with(&before, heading, text)).with_context(|| path.display().to_string())
}

fn with(file: &str, heading: &str, text: &str) -> String {
    let section = format!("## {heading}\n\n{}\n", text.trim());
    let begin = format!("## {heading}\n");
    let at = if file.starts_with(&begin) { Some(0) } else { file.find(&format!("\n{begin}")).map(|at| at + 1) };
    let (before, after) = match at.and_then(|at| file.split_at_checked(at)) {
        Some((before, rest)) => (before, rest.find("\n## ").and_then(|end| rest.get(end..)).unwrap_or_default()),
        None => (file, ""),
    };
    let gap = if before.is_empty() { "" } else { "\n\n" };
    format!("{}{gap}{section}{after}", before.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_its_own_place() {
        let one = with("# Results\n\nx\n", "A", "first\n");
        assert_eq!(one, "# Results\n\nx\n\n## A\n\nfirst\n");
        let two = with(&one, "B", "second");
        assert_eq!(two, "# Results\n\nx\n\n## A\n\nfirst\n\n## B\n\nsecond\n");
        assert_eq!(with(&two, "A", "third"), "# Results\n\nx\n\n## A\n\nthird\n\n## B\n\nsecond\n");
        assert_eq!(with("", "A", "x"), "## A\n\nx\n");
    }
}
