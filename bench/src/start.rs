//! How fast the program starts, and what it needs when nobody asks anything.

use std::time::Duration;

use anyhow::Result;

use crate::report::{Report, Table, mebibytes, millis};
use crate::server::{Home, Key};
use crate::settings::Engine;

/// Starts measured.
const STARTS: usize = 10;
/// How long a server rests before its memory is looked at.
const IDLE: Duration = Duration::from_secs(5);

/// Measures and tells.
///
/// # Errors
/// The program does not start.
pub(crate) fn run(key: &Key, report: &mut Report) -> Result<()> {
    let home = Home::new(Engine::Sqlite, key)?;
    let first = home.start()?;
    let first_took = first.started_in;
    first.stop()?;
    let mut took = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        let server = home.start()?;
        took.push(server.started_in);
        server.stop()?;
    }
    took.sort_unstable();
    let server = home.start()?;
    std::thread::sleep(IDLE);
    let memory = server.processes.memory();
    server.stop()?;

    report.heading("Start");
    report.quote("start.millis", millis(took.get(STARTS / 2).copied().unwrap_or_default()));
    report.quote("start.rss", mebibytes(memory.rss));
    report
        .say("SQLite. From executing the program to the first 200 of `/healthz`; memory after 5 s without a request.");
    let mut table = Table::new(["what", "measured", "aim"]);
    let mut row = |what: &str, measured: String, aim: &str| table.row(vec![what.into(), measured, aim.into()]);
    row("start with a database, ms, median of 10", millis(took.get(STARTS / 2).copied().unwrap_or_default()), "< 200");
    row("slowest of 10, ms", millis(took.last().copied().unwrap_or_default()), "");
    row("first start (database, key, organisation, administrator), ms", millis(first_took), "");
    row("resident memory (RSS), MiB", mebibytes(memory.rss), "< 35");
    row("proportional memory (PSS), MiB", mebibytes(memory.pss), "");
    row("size of the program, MiB", mebibytes(Some(home.program_size()?)), "");
    report.table(&table);
    Ok(())
}
