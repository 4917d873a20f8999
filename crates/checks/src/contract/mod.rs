//! The description of the API against the one that was committed before: what breaks clients must be named in the
//! changelog.
//!
//! A change that breaks has a line of its own in `CHANGELOG.md`, written with the change, that names the place as the
//! check does: `- Breaking: POST /v1/customers: …` or `- Breaking: schema Customer, schema Contact: …`. A line that stood
//! there before excuses nothing.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use serde_json::Value;

use crate::Violation;

mod operations;
mod place;
mod schema;
#[cfg(test)]
mod tests;

const RULE: &str = "contract";
const DESCRIPTION: &str = "openapi/openapi.json";
const CHANGELOG: &str = "CHANGELOG.md";
/// How a line of the changelog begins that names a break.
const MARK: &str = "Breaking:";

/// What came of the comparison.
pub(crate) struct Outcome {
    /// What breaks and is not named.
    pub(crate) violations: Vec<Violation>,
    /// What it was compared with, or why with nothing.
    pub(crate) note: String,
}

/// Compares the working file with what a commit has: `base`, where one is given; else the last commit, or where that
/// has the very same, the one before it.
///
/// # Errors
/// The working files cannot be read, are no JSON, or there is no such commit as `base`.
pub(crate) fn check(root: &Path, base: Option<&str>) -> anyhow::Result<Outcome> {
    let read = |name: &str| std::fs::read_to_string(root.join(name)).with_context(|| name.to_owned());
    let (now, log) = (read(DESCRIPTION)?, read(CHANGELOG)?);
    let candidates: Vec<&str> = match base {
        Some(base) => vec![base],
        None => vec!["HEAD", "HEAD~1"],
    };
    let before = candidates
        .iter()
        .filter_map(|commit| Some((*commit, shown(root, commit, DESCRIPTION)?)))
        // One that is asked for is taken as it is.
        .find(|(_, text)| base.is_some() || *text != now);
    let Some((commit, before)) = before else {
        anyhow::ensure!(base.is_none(), "no {DESCRIPTION} in {}", base.unwrap_or_default());
        let note = if shown(root, "HEAD~1", DESCRIPTION).is_some() {
            "the description of the API is that of the last two commits".to_owned()
        } else {
            "no earlier description of the API to compare with: in a shallow clone fetch one and name it with \
             --contract-base"
                .to_owned()
        };
        return Ok(Outcome { violations: Vec::new(), note });
    };
    let parsed = |text: &str, whose: &str| serde_json::from_str(text).with_context(|| format!("{DESCRIPTION} {whose}"));
    let (old, new): (Value, Value) = (parsed(&before, commit)?, parsed(&now, "as it is")?);
    let log_before = shown(root, commit, CHANGELOG).unwrap_or_default();
    let found = operations::breaks(&old, &new);
    let note = format!("the description of the API was compared with that of {commit}: {} breaks", found.len());
    Ok(Outcome { violations: unnamed(&found, &log_before, &log), note })
}

/// What breaks and has no line of its own that is new.
fn unnamed(found: &BTreeSet<operations::Break>, log_before: &str, log: &str) -> Vec<Violation> {
    let known: BTreeSet<&str> = marked(log_before).collect();
    let fresh: Vec<&str> = marked(log).filter(|line| !known.contains(line)).collect();
    let named = |place: &str| {
        fresh.iter().any(|line| {
            let places = line.split(": ").next().unwrap_or_default().trim_end_matches(':');
            places.split(", ").any(|named| named.trim_matches('`') == place)
        })
    };
    found
        .iter()
        .filter(|broken| !named(&broken.place))
        .map(|broken| Violation {
            rule: RULE,
            what: format!("{} {}", broken.place, broken.what),
            remedy: format!("leave it as it was, or say in {CHANGELOG}: `- {MARK} {}: …`", broken.place),
        })
        .collect()
}

/// What the lines that name breaks say behind the mark.
fn marked(log: &str) -> impl Iterator<Item = &str> {
    log.lines().filter_map(|line| {
        let line = line.trim_start().trim_start_matches(['-', '*']).trim_start().trim_start_matches("**");
        Some(line.strip_prefix(MARK)?.trim_start_matches("**").trim().trim_matches('`'))
    })
}

/// A file as a commit has it; nothing where there is no such commit, or no such file in it.
fn shown(root: &Path, commit: &str, name: &str) -> Option<String> {
    let output = Command::new("git").current_dir(root).arg("show").arg(format!("{commit}:{name}")).output().ok()?;
    output.status.success().then(|| String::from_utf8(output.stdout).ok()).flatten()
}
