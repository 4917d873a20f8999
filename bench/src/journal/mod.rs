//! What the journal costs, and how fast it is read and verified.

mod without;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::core::{Kehu, Operation, Peer as _, Plan, Row, Rows, batches, operation};
use crate::load::float;
use crate::progress;
use crate::report::{Report, Table, mebibytes, number};
use crate::server::Key;
use crate::settings::{Engine, Settings};
use crate::usage::Memory;

/// The first set of the rows that make the many changes.
const MANY_SET: u64 = 48;
/// Changes for each customer of the other workloads: 100,000 for 10,000.
const CHANGES: usize = 10;
/// Operations that write.
const WRITES: [Operation; 2] = [Operation::Update, Operation::Create];
/// What a write may cost more with a journal than without.
const AIM: f64 = 20.0;
/// Entries of a page of the log.
const PAGE: usize = 500;

/// Measures and tells.
///
/// # Errors
/// A system does not start, or an answer is not what it should be.
pub(crate) fn run(settings: &Settings, key: &Key, report: &mut Report) -> Result<()> {
    report.heading("The journal");
    for engine in &settings.engines {
        progress(&format!("the journal on {}", engine.name()));
        let mut kehu = Kehu::start(*engine, key)?;
        kehu.load(settings.rows.min(2000))?;
        let costs = costs(settings, &mut kehu)?;
        let many = many(settings, &mut kehu)?;
        kehu.stop()?;
        tell(*engine, &costs, &many, report);
    }
    Ok(())
}

/// CPU milliseconds of a write with a journal and without, in each round.
struct Cost {
    operation: Operation,
    with: Vec<f64>,
    without: Vec<f64>,
}

fn costs(settings: &Settings, kehu: &mut Kehu) -> Result<Vec<Cost>> {
    let mut costs: Vec<Cost> = WRITES.map(|operation| Cost { operation, with: Vec::new(), without: Vec::new() }).into();
    let seconds = usize::try_from(settings.seconds.as_secs())?;
    for round in 0..settings.rounds {
        for without in [false, true] {
            kehu.restart(|file, url| if without { without::set(file, url, true) } else { Ok(()) })?;
            for cost in &mut costs {
                // Rows of its own for each side of each round.
                let plan = Plan::new(cost.operation, round * 2 + u64::from(without), settings.rows.min(2000), seconds);
                let [all, _] = operation(kehu, cost.operation, &plan, settings.seconds)?.cpu_each();
                if without { &mut cost.without } else { &mut cost.with }.push(all);
            }
            if without {
                kehu.restart(|file, url| without::set(file, url, false))?;
            }
        }
    }
    Ok(costs)
}

/// Many changes, and what is done with them.
struct Many {
    changes: usize,
    written_in: Duration,
    /// CPU milliseconds of a change.
    cpu: f64,
    bytes: i64,
    read: usize,
    read_in: Duration,
    read_cpu: f64,
    verified: usize,
    verified_in: Duration,
    memory: Memory,
}

fn many(settings: &Settings, kehu: &mut Kehu) -> Result<Many> {
    let changes = settings.rows * CHANGES;
    let sets = (MANY_SET..).take(CHANGES).map(|set| Rows { set });
    let rows: Vec<Row> = sets.flat_map(|set| (0..settings.rows).map(move |place| set.row(place))).collect();
    let batch = batches(kehu, &rows)?;
    let (file, url) = kehu.database();
    let bytes = without::size(&file, url.as_deref())?;
    let (before, begun) = (kehu.processes().cpu(), Instant::now());
    let read = follow(kehu)?;
    let (read_in, cpu) = (begun.elapsed(), kehu.processes().cpu() - before);
    ensure!(read >= changes, "{read} of {changes} entries were read");
    let (verified, verified_in) = kehu.verify()?;
    Ok(Many {
        changes,
        written_in: batch.wall,
        cpu: batch.cpu.all().as_secs_f64() * 1000.0 / float(changes),
        bytes,
        read,
        read_in,
        read_cpu: cpu.all().as_secs_f64() * 1000.0 / float(read),
        verified,
        verified_in,
        memory: kehu.processes().memory(),
    })
}

/// Reads the whole log in its own order, page after page; how many entries.
fn follow(kehu: &mut Kehu) -> Result<usize> {
    let (mut read, mut after) = (0, String::new());
    kehu.renew()?;
    loop {
        let page = kehu.ask(&format!("/v1/audit?sort=seq&limit={PAGE}{after}"))?;
        let entries = page.get("data").and_then(Value::as_array).context("a page of the log")?.len();
        read += entries;
        let next = page.pointer("/page/next").and_then(Value::as_str).context("a follower has a next page")?;
        after = format!("&after={next}");
        if entries < PAGE {
            return Ok(read);
        }
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn tell(engine: Engine, costs: &[Cost], many: &Many, report: &mut Report) {
    let name = engine.name();
    report.say(&format!(
        "{name}: writes with the journal, and with a view in its place that keeps nothing (the program builds and seals \
         each entry all the same), in turns; CPU of all processes, medians."
    ));
    let mut table = Table::new([name, "with, CPU ms", "without, CPU ms", "more %", "aim"]);
    for cost in costs {
        let (with, without) = (median(&cost.with), median(&cost.without));
        let more = (with / without - 1.0) * 100.0;
        table.row(vec![
            cost.operation.title().to_owned(),
            number(with),
            number(without),
            format!("{more:.1}"),
            format!("{AIM:.0}"),
        ]);
    }
    report.table(&table);
    let mut table = Table::with([format!("{} changes on {name}", many.changes), "figure".to_owned()]);
    let rate = |count: usize, time: Duration| number(float(count) / time.as_secs_f64());
    let mut row = |what: &str, figure: String| table.row(vec![what.to_owned(), figure]);
    row("made in batches of customers, changes/s", rate(many.changes, many.written_in));
    row("CPU ms of a change", number(many.cpu));
    row(
        "bytes of an entry, indexes included",
        number(float(usize::try_from(many.bytes).unwrap_or_default()) / float(many.read)),
    );
    row("read by one follower over HTTP, entries/s", rate(many.read, many.read_in));
    row("CPU ms of a read entry", number(many.read_cpu));
    row("verified by the command line, entries/s", rate(many.verified, many.verified_in));
    row("memory of the program afterwards (PSS), MiB", mebibytes(many.memory.pss));
    report.table(&table);
}
