//! The part of `cargo metadata` (format version 1) that the checks read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use serde::Deserialize;

/// Every package of the workspace and of its dependencies on the host platform.
#[derive(Debug, Deserialize)]
pub(crate) struct Graph {
    pub(crate) packages: Vec<Package>,
    pub(crate) workspace_members: BTreeSet<String>,
    pub(crate) workspace_root: PathBuf,
    resolve: Resolve,
}

/// One package, of ours or from a registry.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// SPDX expression of the manifest.
    pub(crate) license: Option<String>,
    /// Where it comes from; absent for packages of the workspace.
    pub(crate) source: Option<String>,
    pub(crate) manifest_path: PathBuf,
    /// Direct dependencies of every kind (normal, build, dev).
    pub(crate) dependencies: Vec<Dependency>,
    /// `[package.metadata]`.
    #[serde(default)]
    pub(crate) metadata: serde_json::Value,
}

/// One line of a package's `[dependencies]`, `[build-dependencies]` or `[dev-dependencies]`.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) rename: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    dependencies: Vec<String>,
}

impl Graph {
    /// The packages of the workspace, in the order of the manifest's packages.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }

    /// The packages from outside that some member reaches over resolved dependencies of any kind.
    pub(crate) fn reached_from_outside(&self) -> Vec<&Package> {
        let edges: BTreeMap<&str, &[String]> =
            self.resolve.nodes.iter().map(|node| (node.id.as_str(), node.dependencies.as_slice())).collect();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut waiting: Vec<&str> = self.workspace_members.iter().map(String::as_str).collect();
        while let Some(id) = waiting.pop() {
            if seen.insert(id) {
                waiting.extend(edges.get(id).copied().unwrap_or_default().iter().map(String::as_str));
            }
        }
        self.packages
            .iter()
            .filter(|package| seen.contains(package.id.as_str()) && !self.workspace_members.contains(&package.id))
            .collect()
    }
}

/// Asks cargo for the graph of the workspace around the working folder, on the host platform, with the lock file as
/// it is.
///
/// # Errors
/// When cargo does not run, refuses (an outdated lock file), or answers something else.
pub(crate) fn read() -> anyhow::Result<Graph> {
    let version = cargo(&["-vV"])?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("`cargo -vV` names no host")?;
    let text = cargo(&["metadata", "--format-version", "1", "--locked", "--filter-platform", host])?;
    serde_json::from_str(&text).context("`cargo metadata` answers something unexpected")
}

fn cargo(arguments: &[&str]) -> anyhow::Result<String> {
    let what = format!("cargo {}", arguments.join(" "));
    let output = Command::new("cargo").args(arguments).output().with_context(|| what.clone())?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "`{what}` failed: {said}");
    String::from_utf8(output.stdout).with_context(|| format!("`{what}` does not answer in UTF-8"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Graph;
    use serde_json::{Value, json};

    /// A graph of workspace members (`name`, direct dependencies) and of outside packages (`name`, licence), in which
    /// every member reaches every outside package that it names.
    pub(crate) fn planted(members: &[(&str, &[&str])], outside: &[(&str, Option<&str>)]) -> Graph {
        let dependencies = |names: &[&str]| -> Vec<Value> { names.iter().map(|name| json!({"name": name})).collect() };
        let mut packages = Vec::new();
        let mut nodes = Vec::new();
        for (name, needs) in members {
            packages.push(json!({"id": name, "name": name, "version": "0.1.0", "manifest_path": "/none/Cargo.toml",
                "dependencies": dependencies(needs)}));
            nodes.push(json!({"id": name, "dependencies": needs}));
        }
        for (name, license) in outside {
            packages.push(json!({"id": name, "name": name, "version": "1.0.0", "license": license,
                "source": "registry+https://github.com/rust-lang/crates.io-index",
                "manifest_path": "/none/Cargo.toml", "dependencies": []}));
            nodes.push(json!({"id": name, "dependencies": []}));
        }
        let ids: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
        serde_json::from_value(json!({"packages": packages, "workspace_members": ids, "workspace_root": "/none",
            "resolve": {"nodes": nodes}}))
        .unwrap()
    }

    #[test]
    fn only_what_a_member_reaches_counts() {
        let graph = planted(&[("kehu", &["near"])], &[("near", Some("MIT")), ("far", Some("MIT"))]);
        let names: Vec<&str> = graph.reached_from_outside().iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["near"]);
    }
}
