//! Dependencies that a manifest lists and no source of the crate names.
//!
//! A dependency counts as used where its identifier begins a path (`serde::`), follows `use` or `extern crate`, or
//! opens an attribute (`#[tokio`). One that is there for another purpose (it turns on a feature, say) is listed in its
//! crate's manifest with the reason:
//!
//! ```toml
//! [package.metadata.kehu-checks.unnamed-dependencies]
//! rustls = "chooses the TLS provider of actix-web by its features"
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;

use crate::Violation;
use crate::graph::{Graph, Package};

const RULE: &str = "dependencies";

#[derive(Deserialize)]
struct Manifest {
    workspace: Workspace,
}

#[derive(Deserialize)]
struct Workspace {
    dependencies: BTreeMap<String, toml::Value>,
}

/// The unused dependencies of every member, the lines of `[workspace.dependencies]` that no member takes, and
/// exceptions without a reason or a use.
///
/// # Errors
/// When a source or the workspace's manifest cannot be read.
pub(crate) fn check(graph: &Graph) -> anyhow::Result<Vec<Violation>> {
    let mut found = Vec::new();
    for member in graph.members() {
        let folder = member.manifest_path.parent().context("a manifest has no folder")?;
        found.extend(check_member(member, &sources(folder)?));
    }
    let manifest = graph.workspace_root.join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest).with_context(|| manifest.display().to_string())?;
    found.extend(check_workspace(graph, &text)?);
    Ok(found)
}

fn check_member(member: &Package, sources: &[String]) -> Vec<Violation> {
    let excused = member.metadata.pointer("/kehu-checks/unnamed-dependencies");
    let mut excused: BTreeMap<&str, &str> = excused
        .and_then(serde_json::Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, reason)| (name.as_str(), reason.as_str().unwrap_or_default().trim()))
        .collect();
    let violation = |what: String, remedy: &str| Violation { rule: RULE, what, remedy: remedy.to_owned() };

    let mut found = Vec::new();
    let mut judged = BTreeSet::new();
    for dependency in &member.dependencies {
        let name = dependency.rename.as_ref().unwrap_or(&dependency.name).as_str();
        if !judged.insert(name) {
            continue; // The same crate as a normal and a dev-dependency.
        }
        let identifier = name.replace('-', "_");
        let used = sources.iter().any(|source| names(source, &identifier));
        let crate_name = &member.name;
        match (used, excused.remove(name)) {
            (true, None) => {}
            (false, Some(reason)) if !reason.is_empty() => {}
            (false, None) => found.push(violation(
                format!("{crate_name} does not use {name}"),
                "remove it, or give the reason under [package.metadata.kehu-checks.unnamed-dependencies]",
            )),
            (false, Some(_)) => {
                found.push(violation(format!("{crate_name} excuses {name} without a reason"), "write the reason"));
            }
            (true, Some(_)) => {
                found.push(violation(format!("{crate_name} uses {name} and excuses it"), "remove the excuse"));
            }
        }
    }
    let left = excused.into_keys();
    found.extend(left.map(|name| {
        violation(format!("{} excuses {name}, which it does not depend on", member.name), "remove the excuse")
    }));
    found
}

fn check_workspace(graph: &Graph, manifest: &str) -> anyhow::Result<Vec<Violation>> {
    let manifest: Manifest = toml::from_str(manifest).context("Cargo.toml of the workspace")?;
    let taken: BTreeSet<&str> = graph
        .members()
        .flat_map(|member| &member.dependencies)
        .map(|dependency| dependency.rename.as_ref().unwrap_or(&dependency.name).as_str())
        .collect();
    let listed = manifest.workspace.dependencies.into_keys();
    Ok(listed
        .filter(|name| !taken.contains(name.as_str()))
        .map(|name| Violation {
            rule: RULE,
            what: format!("no crate takes {name} of [workspace.dependencies]"),
            remedy: "remove the line".to_owned(),
        })
        .collect())
}

/// The Rust files of a crate, whole-line comments removed.
fn sources(folder: &Path) -> anyhow::Result<Vec<String>> {
    let files = rust_files(folder)?;
    let read = |path: &PathBuf| -> anyhow::Result<String> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Ok(text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n"))
    };
    files.iter().map(read).collect()
}

/// The Rust files beneath a folder, those of nested packages and build output left out.
pub(crate) fn rust_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(next) = waiting.pop() {
        for entry in std::fs::read_dir(&next).with_context(|| next.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() && !path.join("Cargo.toml").exists() && !path.join("CACHEDIR.TAG").exists() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Whether `source` names the crate `identifier`.
fn names(source: &str, identifier: &str) -> bool {
    let in_word = |character: char| character.is_alphanumeric() || character == '_';
    source.match_indices(identifier).any(|(at, _)| {
        let (before, rest) = source.split_at(at);
        let after = rest.get(identifier.len()..).unwrap_or_default();
        if before.ends_with(in_word) || after.starts_with(in_word) {
            return false;
        }
        // `::serde::` is the crate, `my::serde::` is not.
        let (before, rooted) = match before.strip_suffix("::") {
            Some(shorter) if shorter.ends_with(in_word) || shorter.ends_with('>') => return false,
            Some(shorter) => (shorter, true),
            None => (before, false),
        };
        let (opening, last_word) = (before.trim_end(), before.split_whitespace().next_back());
        let begins_attribute = !rooted && (opening.ends_with("#[") || opening.ends_with("#!["));
        let follows_use = before.ends_with(char::is_whitespace) && matches!(last_word, Some("use" | "crate"));
        after.trim_start().starts_with("::") || begins_attribute || follows_use
    })
}

#[cfg(test)]
mod tests {
    use super::{check_member, check_workspace, names, sources};
    use crate::graph::tests::planted;
    use serde_json::json;

    #[test]
    fn a_crate_is_named_by_paths_imports_and_attributes() {
        for source in [
            "use serde;",
            "pub(crate) use serde::Serialize;",
            "extern crate serde;",
            "fn f(value: &serde::Value) {}",
            "fn f() -> ::serde::Value {}",
            "#[serde(default)]",
            "#[derive(serde::Serialize)]",
            "use serde as other;",
        ] {
            assert!(names(source, "serde"), "{source}");
        }
        for source in [
            "use serde_json::Value;",
            "crate::serde::Value",
            "let serde = 1;",
            "\"serde\"",
            "my_serde::Value",
            "<T as Trait>::serde::X",
            "reuse serde;",
        ] {
            assert!(!names(source, "serde"), "{source}");
        }
    }

    #[test]
    fn an_unused_dependency_is_found() {
        let graph = planted(&[("kehu-domain", &["serde", "serde-json", "left-over", "serde"])], &[]);
        let found = check_member(graph.members().next().unwrap(), &["use serde::X; serde_json::json!()".to_owned()]);
        let what: Vec<&str> = found.iter().map(|violation| violation.what.as_str()).collect();
        assert_eq!(what, ["kehu-domain does not use left-over"]);
    }

    #[test]
    fn excuses_need_a_reason_and_a_use() {
        let mut graph = planted(&[("kehu", &["named", "excused", "unreasoned"])], &[]);
        graph.packages[0].metadata = json!({"kehu-checks": {"unnamed-dependencies":
            {"excused": "turns on a feature", "unreasoned": " ", "named": "why", "gone": "why"}}});
        let found = check_member(graph.members().next().unwrap(), &["named::f()".to_owned()]);
        let what: Vec<&str> = found.iter().map(|violation| violation.what.as_str()).collect();
        assert_eq!(
            what,
            [
                "kehu uses named and excuses it",
                "kehu excuses unreasoned without a reason",
                "kehu excuses gone, which it does not depend on"
            ]
        );
    }

    #[test]
    fn a_line_of_the_workspace_that_nobody_takes_is_found() {
        let graph = planted(&[("kehu", &["serde"])], &[]);
        let manifest = "[workspace.dependencies]\nserde = \"1\"\nlonely = { version = \"1\" }\n";
        let found = check_workspace(&graph, manifest).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].what, "no crate takes lonely of [workspace.dependencies]");
    }

    #[test]
    fn comments_and_nested_packages_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("src/deep")).unwrap();
        std::fs::create_dir_all(folder.path().join("nested/src")).unwrap();
        std::fs::write(folder.path().join("nested/Cargo.toml"), "").unwrap();
        std::fs::write(folder.path().join("nested/src/lib.rs"), "nested::f()").unwrap();
        std::fs::write(folder.path().join("src/deep/own.rs"), "//! about::it\n  // about::it\nuse own::It;").unwrap();
        assert_eq!(sources(folder.path()).unwrap(), ["use own::It;"]);
    }
}
