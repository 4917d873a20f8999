//! What we let in from outside: licences, banned crates and sources, as `deny.toml` has them (the file is read by
//! cargo-deny too, for those who have it; this check needs nothing but cargo).

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

use crate::Violation;
use crate::graph::{Graph, Package};
use crate::spdx;

/// `deny.toml`, as far as it is read here.
#[derive(Debug)]
pub(crate) struct Policy {
    file: File,
    /// Why a crate has an exception: the comment on its line, by crate.
    reasons: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct File {
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Debug, Deserialize)]
struct Licenses {
    allow: Vec<String>,
    exceptions: Vec<Exception>,
}

#[derive(Debug, Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Debug, Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

impl Policy {
    /// Reads `deny.toml`.
    ///
    /// # Errors
    /// When the file is not there or does not have the members that are read here.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Policy> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Policy::parse(&text).with_context(|| path.display().to_string())
    }

    fn parse(text: &str) -> anyhow::Result<Policy> {
        let file: File = toml::from_str(text)?;
        // cargo-deny refuses a member of its own for the reason, so it is the comment behind the entry.
        let mut reasons = BTreeMap::new();
        for exception in &file.licenses.exceptions {
            let entry = format!("crate = \"{}\"", exception.name);
            let line = text.lines().find(|line| line.contains(&entry)).unwrap_or_default();
            let comment = line.rsplit_once('#').map(|(_, comment)| comment.trim()).unwrap_or_default();
            reasons.insert(exception.name.clone(), comment.to_owned());
        }
        Ok(Policy { file, reasons })
    }

    fn exception(&self, name: &str) -> Option<&Exception> {
        self.file.licenses.exceptions.iter().find(|exception| exception.name == name)
    }
}

/// The packages from outside that the policy does not let in, and exceptions that are without a reason or not needed.
pub(crate) fn check(graph: &Graph, policy: &Policy) -> Vec<Violation> {
    let reached = graph.reached_from_outside();
    let mut found: Vec<Violation> = reached.iter().filter_map(|package| licence(package, policy)).collect();
    found.extend(reached.iter().filter_map(|package| ban(package, policy)));
    found.extend(reached.iter().filter_map(|package| source(package, policy)));
    found.extend(policy.file.licenses.exceptions.iter().filter_map(|exception| stale(exception, &reached, policy)));
    found
}

fn licence(package: &Package, policy: &Policy) -> Option<Violation> {
    let violation = |what: String, remedy: &str| Violation { rule: "licences", what, remedy: remedy.to_owned() };
    let Package { name, version, .. } = package;
    let exception = policy.exception(name);
    let Some(expression) = &package.license else {
        return exception.is_none().then(|| {
            violation(
                format!("{name} {version} names no SPDX licence"),
                "read its licence file; add an exception with a reason to deny.toml, or drop the crate",
            )
        });
    };
    let listed = |term: &str, list: &[String]| list.iter().any(|allowed| allowed == term);
    let accepts = |term: &str| {
        listed(term, &policy.file.licenses.allow) || exception.is_some_and(|exception| listed(term, &exception.allow))
    };
    match spdx::satisfied(expression, &accepts) {
        Ok(true) => None,
        Ok(false) => Some(violation(
            format!("{name} {version} is under `{expression}`"),
            "take another crate, or (never for the GPL) add an exception with a reason to deny.toml",
        )),
        Err(flaw) => Some(violation(
            format!("{name} {version} has an unreadable licence: {flaw}"),
            "read its licence file; take another crate",
        )),
    }
}

fn ban(package: &Package, policy: &Policy) -> Option<Violation> {
    let ban = policy.file.bans.deny.iter().find(|ban| ban.name == package.name)?;
    Some(Violation {
        rule: "bans",
        what: format!("{} {} is in the tree", package.name, package.version),
        remedy: format!("{}; `cargo tree -i {}` says who brings it", ban.reason, package.name),
    })
}

fn source(package: &Package, policy: &Policy) -> Option<Violation> {
    let source = package.source.as_deref().unwrap_or("a folder outside the workspace");
    let registry = source.strip_prefix("registry+").unwrap_or(source);
    if policy.file.sources.allow_registry.iter().any(|allowed| allowed == registry) {
        return None;
    }
    Some(Violation {
        rule: "sources",
        what: format!("{} {} comes from {source}", package.name, package.version),
        remedy: "take a published version from a registry that deny.toml allows".to_owned(),
    })
}

fn stale(exception: &Exception, reached: &[&Package], policy: &Policy) -> Option<Violation> {
    let name = &exception.name;
    let violation = |what: String, remedy: &str| Some(Violation { rule: "licences", what, remedy: remedy.to_owned() });
    if policy.reasons.get(name).is_none_or(String::is_empty) {
        return violation(format!("the exception for {name} has no reason"), "write it as a comment behind the entry");
    }
    if !reached.iter().any(|package| &package.name == name) {
        return violation(format!("the exception for {name} is not needed"), "remove it from deny.toml");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Policy, check};
    use crate::graph::tests::planted;

    const POLICY: &str = r#"
[licenses]
allow = ["MIT", "Apache-2.0"]
exceptions = [
    { crate = "mozilla", allow = ["MPL-2.0"] }, # used unchanged
]
[bans]
deny = [{ crate = "openssl", reason = "one TLS stack" }]
[sources]
allow-registry = ["https://github.com/rust-lang/crates.io-index"]
"#;

    fn found(policy: &str, outside: &[(&str, Option<&str>)]) -> Vec<String> {
        let names: Vec<&str> = outside.iter().map(|(name, _)| *name).collect();
        let graph = planted(&[("kehu", &names)], outside);
        check(&graph, &Policy::parse(policy).unwrap()).into_iter().map(|violation| violation.what).collect()
    }

    #[test]
    fn what_the_policy_allows_passes() {
        let outside = [("plain", Some("MIT OR GPL-3.0-only")), ("mozilla", Some("MPL-2.0"))];
        assert!(found(POLICY, &outside).is_empty(), "{:?}", found(POLICY, &outside));
    }

    #[test]
    fn refused_missing_and_unreadable_licences_are_found() {
        let outside = [
            ("mozilla", Some("MPL-2.0")),
            ("copyleft", Some("GPL-3.0-only")),
            ("file-only", None),
            ("odd", Some("MIT OR")),
            ("other", Some("MPL-2.0")),
        ];
        assert_eq!(
            found(POLICY, &outside),
            [
                "copyleft 1.0.0 is under `GPL-3.0-only`",
                "file-only 1.0.0 names no SPDX licence",
                "odd 1.0.0 has an unreadable licence: a licence is missing at the end",
                "other 1.0.0 is under `MPL-2.0`",
            ]
        );
    }

    #[test]
    fn banned_crates_and_foreign_sources_are_found() {
        let outside = [("mozilla", Some("MPL-2.0")), ("openssl", Some("Apache-2.0"))];
        assert_eq!(found(POLICY, &outside), ["openssl 1.0.0 is in the tree"]);
        let elsewhere = POLICY.replace("crates.io-index", "another-index");
        assert_eq!(
            found(&elsewhere, &[("mozilla", Some("MPL-2.0"))]),
            ["mozilla 1.0.0 comes from registry+https://github.com/rust-lang/crates.io-index"]
        );
    }

    #[test]
    fn exceptions_need_a_reason_and_a_use() {
        assert_eq!(found(POLICY, &[]), ["the exception for mozilla is not needed"]);
        let bare = POLICY.replace("# used unchanged", "");
        assert_eq!(found(&bare, &[("mozilla", Some("MPL-2.0"))]), ["the exception for mozilla has no reason"]);
    }
}
