//! What the machine itself can do: no workload is faster than these.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

/// Appends measured.
const APPENDS: usize = 300;

/// The median time of appending 4 KiB to a file and waiting until they are on the disk.
///
/// # Errors
/// The folder cannot be written to.
pub(crate) fn synced_append(folder: &Path) -> Result<Duration> {
    let mut file = File::create(folder.join("floor"))?;
    let mut took = Vec::with_capacity(APPENDS);
    for _ in 0..APPENDS {
        let begun = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    Ok(took.get(APPENDS / 2).copied().unwrap_or_default())
}
