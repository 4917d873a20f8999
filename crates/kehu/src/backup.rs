//! `kehu backup`

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use clap::Args;
use kehu_store::backup::{self, BackupError, Checked, Copied};

use crate::Failed;
use crate::config::Data;
use crate::open::file_and_key;

/// The flags of the command.
#[derive(Args)]
pub(crate) struct Backup {
    #[command(flatten)]
    data: Data,
    /// File to write; it must not be there yet. It does not hold the key: keep a copy of that elsewhere
    #[arg(value_name = "FILE")]
    to: PathBuf,
}

/// Runs the command.
pub(crate) fn run(backup: &Backup) -> Result<(), Failed> {
    let (file, keys) = file_and_key(&backup.data)?;
    if !file.exists() {
        return Err(Failed::Configuration(format!(
            "there is no database {}: name its folder with --data",
            file.display()
        )));
    }
    let begun = Instant::now();
    let written = backup::write(&file, &backup.to, &keys).map_err(explain)?;
    writeln!(
        io::stdout(),
        "{}: {} bytes in {:.1} s, whole, opened with the key ({} organisations)",
        backup.to.display(),
        written.checked.bytes,
        begun.elapsed().as_secs_f64(),
        written.checked.organisations.saturating_sub(1)
    )
    .context("the backup was written, but standard output is closed")?;
    warn(&backup.to, &written.checked);
    tell_files(&written.files, "copied beside it")?;
    match written.files.missing.len() {
        0 => Ok(()),
        many => Err(anyhow::anyhow!("{} is kept, but without {many} attached files", backup.to.display()).into()),
    }
}

/// Says which of the cells that were tried do not open: it hinders no backup, and should be known.
pub(crate) fn warn(file: &Path, checked: &Checked) {
    for cell in &checked.unreadable {
        let _ = writeln!(io::stderr(), "warning: {}: a sealed value does not open: {cell}", file.display());
    }
}

/// Missing files that are named one by one; of more it is enough to know that there are.
const NAMED: usize = 10;

/// Says how many files of attachments there were, and which of them were nowhere.
pub(crate) fn tell_files(copied: &Copied, done: &str) -> Result<(), Failed> {
    if !copied.missing.is_empty() {
        let ids: Vec<String> = copied.missing.iter().take(NAMED).map(ToString::to_string).collect();
        let (many, ids) = (copied.missing.len(), ids.join(", "));
        let more = if many > NAMED { ", …" } else { "" };
        let _ = writeln!(io::stderr(), "warning: {many} attached files are not there, of the attachments {ids}{more}");
    }
    if copied.files > 0 {
        writeln!(io::stdout(), "{} attached files, {} bytes, {done}", copied.files, copied.bytes)
            .context("standard output is closed")?;
    }
    Ok(())
}

/// What is a matter of which file was named, and what went wrong.
pub(crate) fn explain(error: BackupError) -> Failed {
    match error {
        BackupError::Io { .. } | BackupError::Sqlite { .. } => anyhow::Error::new(error).into(),
        _ => Failed::Configuration(error.to_string()),
    }
}
