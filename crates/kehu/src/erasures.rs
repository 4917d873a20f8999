//! `kehu erasures`

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use kehu_store::Gate;
use kehu_store::erasure::{LedgerError, Taken};

use crate::Failed;
use crate::audit::organisation;
use crate::config::Data;
use crate::open::{Opened, open_existing};

/// The commands.
#[derive(Subcommand)]
pub(crate) enum Erasures {
    /// Print the ledger, a signed line for each erased record; it holds no ids and no values
    Export(Export),
    /// Erase what a ledger says, and what this database's own says, from this database; a server may be running
    Replay(Replay),
}

/// The flags of an export.
#[derive(Args)]
pub(crate) struct Export {
    #[command(flatten)]
    data: Data,
    /// Short name of the organisation; without it every one
    #[arg(long, value_name = "SLUG")]
    org: Option<String>,
}

/// The flags of a replay.
#[derive(Args)]
pub(crate) struct Replay {
    #[command(flatten)]
    data: Data,
    /// A file that `kehu erasures export` wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Runs a command.
pub(crate) fn run(erasures: &Erasures) -> Result<(), Failed> {
    let system = actix_web::rt::System::new();
    match erasures {
        Erasures::Export(export) => system.block_on(exported(export)),
        Erasures::Replay(replay) => system.block_on(replayed(replay)),
    }
}

async fn exported(export: &Export) -> Result<(), Failed> {
    let Opened { gate, .. } = open_existing(&export.data).await?;
    let lines = lines(&gate, export.org.as_deref()).await;
    gate.close().await;
    let mut out = io::stdout().lock();
    for line in lines? {
        writeln!(out, "{line}").context("standard output is closed")?;
    }
    Ok(out.flush().context("standard output is closed")?)
}

async fn lines(gate: &Gate, slug: Option<&str>) -> Result<Vec<String>, Failed> {
    let organisations = match slug {
        Some(slug) => vec![(slug.to_owned(), organisation(gate, slug).await?)],
        None => gate.organisations().await.context("the organisations cannot be read")?,
    };
    let mut all = Vec::new();
    for (slug, org) in organisations {
        all.extend(gate.erasures(org).await.with_context(|| format!("the ledger of {slug} cannot be read"))?);
    }
    Ok(all)
}

async fn replayed(replay: &Replay) -> Result<(), Failed> {
    let text = read(&replay.file)?;
    let Opened { gate, .. } = open_existing(&replay.data).await?;
    let done = async {
        take(&gate, &replay.file, &text).await?;
        replay_all(&gate).await
    };
    let done = done.await;
    gate.close().await;
    done
}

/// A ledger as it was written.
pub(crate) fn read(file: &Path) -> Result<String, Failed> {
    let text = std::fs::read_to_string(file);
    text.map_err(|error| Failed::Configuration(format!("the ledger {} cannot be read: {error}", file.display())))
}

/// Puts a ledger beside the one of the database.
pub(crate) async fn take(gate: &Gate, file: &Path, text: &str) -> Result<(), Failed> {
    let taken = gate.take_erasures(text).await.map_err(|error| match error {
        LedgerError::Failure(failure) => {
            Failed::Other(anyhow::Error::new(failure).context("the ledger was not taken over"))
        }
        wrong => Failed::Configuration(format!("{}: {wrong}; nothing of it was taken over", file.display())),
    })?;
    let Taken { records, strangers } = taken;
    let mut out = io::stdout();
    writeln!(out, "{}: {records} erasures", file.display()).context("standard output is closed")?;
    if strangers > 0 {
        writeln!(out, "  {strangers} more are of organisations that this database does not have")
            .context("standard output is closed")?;
    }
    Ok(())
}

/// Erases what the ledger of each organisation says, and prints what went.
pub(crate) async fn replay_all(gate: &Gate) -> Result<(), Failed> {
    let organisations = gate.organisations().await.context("the organisations cannot be read")?;
    let mut out = io::stdout();
    for (slug, org) in organisations {
        let done = gate.replay_erasures(org).await;
        let done = done.with_context(|| format!("the ledger of {slug} was not replayed to its end: run it again"))?;
        if done.known == 0 {
            continue;
        }
        let tables: Vec<String> = done.erased.iter().map(|(table, many)| format!("{many} {table}")).collect();
        let tables = if tables.is_empty() { String::new() } else { format!(": {}", tables.join(", ")) };
        writeln!(out, "{slug}: {} in the ledger, {} were there and are erased{tables}", done.known, done.records)
            .context("standard output is closed")?;
    }
    Ok(())
}
