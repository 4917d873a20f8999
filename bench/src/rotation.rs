//! Sealing everything anew beside somebody who writes and somebody who reads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::client::Connection;
use crate::core::{Asked, Kehu, Peer as _};
use crate::load::float;
use crate::progress;
use crate::report::{Report, Table, number};
use crate::server::Key;
use crate::settings::Settings;

/// Measures and tells.
///
/// # Errors
/// A system does not start, or an answer is not what it should be.
pub(crate) fn run(settings: &Settings, key: &Key, report: &mut Report) -> Result<()> {
    report.heading("Rotation of keys");
    for engine in &settings.engines {
        let name = engine.name();
        progress(&format!("rotation on {name}"));
        let mut kehu = Kehu::start(*engine, key)?;
        kehu.load(settings.rows)?;
        kehu.renew()?;
        let ((), quiet) = beside(&kehu, settings.rows, || {
            std::thread::sleep(settings.seconds);
            Ok(())
        })?;
        let (rotated, busy) = beside(&kehu, settings.rows, || kehu.rotate())?;
        kehu.stop()?;
        let seconds = rotated.took.as_secs_f64();
        report.say(&format!(
            "{name}: {} customers; {} cells sealed anew in {seconds:.1} s ({} cells/s, counted before and after), while one \
             client changed records and one read them, each as fast as it was answered.",
            settings.rows,
            rotated.cells,
            number(float(rotated.cells) / seconds),
        ));
        let mut table =
            Table::new([name, "before: p50 ms", "p99 ms", "longest ms", "meanwhile: p50 ms", "p99 ms", "longest ms"]);
        for (what, before, during) in [("change", &quiet.writes, &busy.writes), ("read", &quiet.reads, &busy.reads)] {
            let figures = [before, during].into_iter().flat_map(|times| [at(times, 50), at(times, 99), at(times, 100)]);
            table.row(std::iter::once(what.to_owned()).chain(figures).collect());
        }
        report.table(&table);
    }
    Ok(())
}

/// How long each request took, in order of length.
struct Times {
    writes: Vec<Duration>,
    reads: Vec<Duration>,
}

/// Lets somebody write and somebody read while something is done.
fn beside<T>(kehu: &Kehu, rows: usize, act: impl FnOnce() -> Result<T>) -> Result<(T, Times)> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writes = scope.spawn(|| go_on(kehu, rows, &stop, |at| Asked::Update(at, format!("note {at}"))));
        let reads = scope.spawn(|| go_on(kehu, rows, &stop, Asked::Get));
        let done = act();
        stop.store(true, Ordering::Relaxed);
        let joined = |times: std::thread::ScopedJoinHandle<'_, Result<Vec<Duration>>>| {
            times.join().ok().context("a client panicked")?
        };
        Ok((done?, Times { writes: joined(writes)?, reads: joined(reads)? }))
    })
}

fn go_on(kehu: &Kehu, rows: usize, stop: &AtomicBool, ask: impl Fn(usize) -> Asked) -> Result<Vec<Duration>> {
    let mut connection = Connection::open(kehu.base())?;
    let (mut times, mut at) = (Vec::new(), 0);
    while !stop.load(Ordering::Relaxed) {
        // A step that visits every record, and no neighbours one after the other.
        at = (at + 7919) % rows.max(1);
        let begun = Instant::now();
        connection.ask(&kehu.call(&ask(at)))?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    Ok(times)
}

/// A percentile in milliseconds; the hundredth is the longest.
fn at(sorted: &[Duration], percent: usize) -> String {
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    number(sorted.get(place).copied().unwrap_or_default().as_secs_f64() * 1000.0)
}
