//! Rules of the house that no compiler checks, read from `cargo metadata`: which crate may depend on which, under
//! which licences we ship, which dependencies nobody uses, and which files have grown too long. And whether the
//! description of the API breaks clients of the one that was committed before.
//!
//! `--contract-base COMMIT` names the commit that the description is compared with; without it, the last one.
//!
//! One line is printed for each violation, with what to do about it; the exit code is 1 when there is one. Long files
//! are listed as warnings and do not fail the run.

use std::io::{self, Write};
use std::process::ExitCode;

mod contract;
mod graph;
mod layers;
mod length;
mod spdx;
mod supply;
mod unused;

/// One broken rule: where and what, and the way out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The rule's short name, e.g. `layers`.
    pub(crate) rule: &'static str,
    /// What was found, naming the crate.
    pub(crate) what: String,
    /// What to do.
    pub(crate) remedy: String,
}

fn main() -> anyhow::Result<ExitCode> {
    let base = contract_base(std::env::args().skip(1))?;
    let graph = graph::read()?;
    let policy = supply::Policy::read(&graph.workspace_root.join("deny.toml"))?;
    let mut found = layers::check(&graph);
    found.extend(supply::check(&graph, &policy));
    found.extend(unused::check(&graph)?);

    let contract = contract::check(&graph.workspace_root, base.as_deref())?;
    found.extend(contract.violations);

    let mut out = io::stdout().lock();
    writeln!(out, "contract: {}", contract.note)?;
    for (path, lines) in length::over_limit(&graph)? {
        writeln!(out, "warning: length: {path} has {lines} lines (limit {}): split it by subject", length::LIMIT)?;
    }
    for Violation { rule, what, remedy } in &found {
        writeln!(out, "error: {rule}: {what}: {remedy}")?;
    }
    if found.is_empty() {
        writeln!(
            out,
            "checks: {} packages, layers, licences and dependencies as they should be",
            graph.packages.len()
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "checks: {} violations", found.len())?;
    Ok(ExitCode::FAILURE)
}

/// The commit that the arguments name.
fn contract_base(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Option<String>> {
    match (arguments.next().as_deref(), arguments.next(), arguments.next()) {
        (None, ..) => Ok(None),
        (Some("--contract-base"), Some(commit), None) if !commit.starts_with('-') => Ok(Some(commit)),
        _ => anyhow::bail!("arguments: [--contract-base COMMIT]"),
    }
}
