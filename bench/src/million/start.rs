//! How fast the program starts over the data of each size, and what it needs when nobody asks anything.

use std::time::Duration;

use anyhow::Result;

use super::kept::Kept;
use super::operations::short;
use super::options::Options;
use super::place::Place;
use crate::progress;
use crate::report::{Report, Table, mebibytes, millis};

/// Starts of each size.
const STARTS: usize = 9;
/// How long a server rests before its memory is looked at.
const IDLE: Duration = Duration::from_secs(10);

/// Measures and tells.
///
/// # Errors
/// A server does not start.
pub(super) fn run(options: &Options, kept: &[Kept], report: &mut Report) -> Result<()> {
    report.say(&format!(
        "{}. From executing the program to the first 200 of `/healthz`, {STARTS} times; memory of the last one after {} s \
         without a request.",
        options.engine.name(),
        IDLE.as_secs()
    ));
    let mut table = Table::new(["customers", "start ms, median", "slowest ms", "aim", "RSS MiB", "PSS MiB", "aim"]);
    for one in kept {
        progress(&format!("starting over {} customers", one.size));
        let mut place = Place::open(one)?;
        let mut took = Vec::with_capacity(STARTS);
        for _ in 0..STARTS {
            place.restart()?;
            took.push(place.server.started_in);
        }
        took.sort_unstable();
        std::thread::sleep(IDLE);
        let memory = place.server.processes.memory();
        place.close()?;
        let told = |time: Option<&Duration>| millis(time.copied().unwrap_or_default());
        table.row(vec![
            short(one.size),
            told(took.get(STARTS / 2)),
            told(took.last()),
            "150".to_owned(),
            mebibytes(memory.rss),
            mebibytes(memory.pss),
            "30".to_owned(),
        ]);
    }
    report.table(&table);
    Ok(())
}
