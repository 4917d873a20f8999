//! `kehu restore`
//!
//! The backup is copied beside the database, brought up to date there, and rid of what was erased since. Only then does it
//! take the database's place, by a renaming: killed anywhere, there is one whole database, the old one or the new one.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use kehu_store::backup::{self, BackupError, beside};
use kehu_store::clock::Clock;
use kehu_store::crypto::kek::LocalKeys;
use kehu_store::erasure::OldRow;

use crate::Failed;
use crate::alone::Alone;
use crate::backup::{explain, tell_files, warn};
use crate::config::Data;
use crate::erasures;
use crate::open::{file_and_key, open_file, restoring};

/// The flags of the command.
#[derive(Args)]
pub(crate) struct Restore {
    #[command(flatten)]
    data: Data,
    /// A file that `kehu backup` wrote
    #[arg(value_name = "FILE")]
    from: PathBuf,
    /// A ledger that `kehu erasures export` wrote: what it says is erased again
    #[arg(long, value_name = "FILE")]
    erasures: Option<PathBuf>,
    /// Restore although no ledger of later erasures is there: what was erased after the backup comes back
    #[arg(long)]
    without_erasures: bool,
}

/// Where the ledger of what was erased after the backup is taken from.
struct Ledger {
    /// That of the database that is replaced.
    old: Vec<OldRow>,
    /// One as text, and its file.
    text: Option<(PathBuf, String)>,
}

/// Runs the command.
pub(crate) fn run(restore: &Restore) -> Result<(), Failed> {
    let (file, keys) = file_and_key(&restore.data)?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let _alone = Alone::in_folder(folder)?;
    let checked = backup::check(&restore.from, &keys).map_err(explain)?;
    let ledger = ledger(restore, &file)?;
    let fresh = restoring(&file);
    backup::place(&restore.from, &fresh).map_err(explain)?;
    warn(&restore.from, &checked);
    say(&format!("{}: {} bytes, whole, opened with the key", restore.from.display(), checked.bytes))?;
    actix_web::rt::System::new().block_on(bring_up(&restore.data, &fresh, keys, ledger))?;
    let files = backup::place_files(&restore.from, &fresh, folder).map_err(explain)?;
    tell_files(&files, "put back")?;
    let kept = put_in_place(&fresh, &file)?;
    if let Some(kept) = kept {
        say(&format!("the database that was there is kept as {}: delete it when it is not needed", kept.display()))?;
    }
    say(&format!("{} is restored", file.display()))
}

/// What is known of later erasures; refused where nothing is, unless that is what somebody wants.
fn ledger(restore: &Restore, file: &Path) -> Result<Ledger, Failed> {
    let text = match &restore.erasures {
        Some(from) => Some((from.clone(), erasures::read(from)?)),
        None => None,
    };
    let old = if file.exists() {
        match backup::ledger_of(file) {
            // What is in its log would be lost.
            Err(error @ BackupError::InUse(_)) => return Err(explain(error)),
            read => read.map_err(|error| error.to_string()),
        }
    } else {
        Err(format!("there is no database {} whose ledger could be taken over", file.display()))
    };
    match old {
        Ok(old) => Ok(Ledger { old, text }),
        Err(_) if text.is_some() || restore.without_erasures => Ok(Ledger { old: Vec::new(), text }),
        Err(why) => Err(Failed::Configuration(format!(
            "{why}. What was erased after the backup would come back: give the ledger with --erasures, as `kehu erasures \
             export` wrote it, or say --without-erasures if there is none"
        ))),
    }
}

/// Migrates the copy and erases from it what the ledgers say.
async fn bring_up(data: &Data, fresh: &Path, keys: LocalKeys, ledger: Ledger) -> Result<(), Failed> {
    let gate = open_file(data, fresh, keys).await?;
    let done = async {
        let many = ledger.old.len();
        gate.take_old_erasures(ledger.old).await.context("the ledger of the database that is replaced")?;
        if many > 0 {
            say(&format!("{many} erasures taken over from the database that is replaced"))?;
        }
        if let Some((file, text)) = &ledger.text {
            erasures::take(&gate, file, text).await?;
        }
        erasures::replay_all(&gate).await
    };
    let done = done.await;
    gate.close().await;
    done?;
    let log = beside(fresh, "-wal");
    if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        return Err(anyhow::anyhow!("{} was not brought into its file: is it open elsewhere?", log.display()).into());
    }
    Ok(())
}

/// Renames the copy to the database; what was there is kept under another name, which is given.
fn put_in_place(fresh: &Path, file: &Path) -> Result<Option<PathBuf>, Failed> {
    let time = Clock::system().now().format("%Y%m%dT%H%M%S%3fZ");
    let aside = beside(file, &format!(".before-{time}"));
    let there = file.exists();
    if there {
        fs::hard_link(file, &aside).with_context(|| format!("{} cannot be kept", file.display()))?;
        // A log that could not be brought into its file must not be taken for one of the new database.
        for end in ["-wal", "-shm"] {
            let log = beside(file, end);
            if log.exists() {
                fs::rename(&log, beside(&aside, end)).with_context(|| format!("{} cannot be kept", log.display()))?;
            }
        }
        backup::sync_folder(file).map_err(explain)?;
    }
    fs::rename(fresh, file).with_context(|| format!("{} cannot be put in place", file.display()))?;
    backup::sync_folder(file).map_err(explain)?;
    Ok(there.then_some(aside))
}

fn say(line: &str) -> Result<(), Failed> {
    Ok(writeln!(io::stdout(), "{line}").context("standard output is closed")?)
}
