//! The program: configuration, command line, wiring.

mod alone;
mod audit;
mod backup;
mod banner;
mod config;
mod demo;
mod erasures;
mod hardening;
mod healthcheck;
mod keys;
mod logs;
mod open;
mod org;
mod restore;
mod serve;
mod work;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use crate::config::{Command, Program};
use crate::serve::Content;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The configuration is wrong: nothing was tried. Other failures end with 1.
const CONFIGURATION: u8 = 2;

fn main() -> ExitCode {
    hardening::no_core_dumps();
    hardening::reserve_no_region();
    hardening::give_memory_back();
    let done = match Program::parse().command {
        Command::Serve(serve) => serve::run(&serve, Content::Empty),
        Command::Demo(serve) => serve::run(&serve, Content::Demo),
        Command::Work(work) => work::run(&work),
        Command::Org(org) => org::run(&org),
        Command::Keys(keys) => keys::run(&keys),
        Command::Audit(audit) => audit::run(&audit),
        Command::Backup(backup) => backup::run(&backup),
        Command::Restore(restore) => restore::run(&restore),
        Command::Erasures(erasures) => erasures::run(&erasures),
        Command::Openapi { out, docs } => openapi(&out, docs.as_deref()),
        Command::Healthcheck(healthcheck) => healthcheck::run(&healthcheck),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            // Nobody is left to tell when even this cannot be written.
            let _ = writeln!(std::io::stderr(), "kehu: {failed}");
            ExitCode::from(failed.code())
        }
    }
}

/// Writes the generated description.
fn openapi(folder: &Path, pages: Option<&Path>) -> Result<(), Failed> {
    let failed = |folder: &Path| format!("the description cannot be written to {}", folder.display());
    kehu_http::openapi::write(folder).with_context(|| failed(folder))?;
    let Some(pages) = pages else { return Ok(()) };
    Ok(kehu_http::openapi::write_pages(pages).with_context(|| failed(pages))?)
}

/// Why the program ends without having done what it was asked.
#[derive(Debug, thiserror::Error)]
enum Failed {
    /// Flags or environment: told in a sentence that says what to do.
    #[error("{0}")]
    Configuration(String),
    /// Anything else.
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

impl Failed {
    fn code(&self) -> u8 {
        match self {
            Self::Configuration(_) => CONFIGURATION,
            Self::Other(_) => 1,
        }
    }
}
