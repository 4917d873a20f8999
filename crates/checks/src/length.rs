//! Files that have grown past what one subject needs.

use std::path::PathBuf;

use anyhow::Context;

use crate::graph::Graph;
use crate::unused::rust_files;

/// Lines that a source file may have before it is listed.
pub(crate) const LIMIT: usize = 400;

/// The Rust files of the workspace with more than [`LIMIT`] lines: path from the root, and lines; longest first.
///
/// # Errors
/// When a source cannot be read.
pub(crate) fn over_limit(graph: &Graph) -> anyhow::Result<Vec<(String, usize)>> {
    let mut found = Vec::new();
    for member in graph.members() {
        let folder = member.manifest_path.parent().context("a manifest has no folder")?;
        for path in rust_files(folder)? {
            let lines = count(&path)?;
            if lines > LIMIT {
                let shown = path.strip_prefix(&graph.workspace_root).unwrap_or(&path);
                found.push((shown.display().to_string(), lines));
            }
        }
    }
    found.sort_by_key(|(path, lines)| (std::cmp::Reverse(*lines), path.clone()));
    Ok(found)
}

fn count(path: &PathBuf) -> anyhow::Result<usize> {
    Ok(std::fs::read_to_string(path).with_context(|| path.display().to_string())?.lines().count())
}

#[cfg(test)]
mod tests {
    use super::over_limit;
    use crate::graph::tests::planted;

    #[test]
    fn only_files_past_the_limit_are_listed() {
        let folder = tempfile::tempdir().unwrap();
        for (name, lines) in [("short.rs", 400), ("long.rs", 401), ("longest.rs", 500), ("data.txt", 900)] {
            std::fs::write(folder.path().join(name), "\n".repeat(lines)).unwrap();
        }
        let mut graph = planted(&[("kehu", &[])], &[]);
        graph.workspace_root = folder.path().to_path_buf();
        graph.packages[0].manifest_path = folder.path().join("manifest");
        assert_eq!(over_limit(&graph).unwrap(), [("longest.rs".to_owned(), 500), ("long.rs".to_owned(), 401)]);
    }
}
