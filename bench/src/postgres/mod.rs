//! PostgreSQL: round trips of a request, and what its processes need for one beside pgbench.

mod pgbench;
mod relay;

use anyhow::{Context as _, Result};

use self::relay::Relay;
use crate::core::{Kehu, Operation, Peer, Plan, Prepared, Row, Rows};
use crate::load::float;
use crate::report::{Report, Table, number};
use crate::settings::{Settings, env};

const OPERATIONS: [Operation; 6] =
    [Operation::Get, Operation::List, Operation::Phone, Operation::Name, Operation::Update, Operation::Create];

/// Measures and tells.
///
/// # Errors
/// An answer is not what it should be.
pub(crate) fn run(settings: &Settings, kehu: &Kehu, report: &mut Report) -> Result<()> {
    let url = env("KEHU_BENCH_PG_URL").context("KEHU_BENCH_PG_URL is not set")?;
    let rows: Vec<Row> = (0..settings.rows).map(|place| Rows { set: 0 }.row(place)).collect();
    let pgbench = pgbench::measure(&url, &rows, settings.seconds);
    let beside = pgbench.as_ref().ok();
    let relay = Relay::start(&url)?;
    let mut kehu = kehu.through(relay.url())?;
    let mut table = Table::new([
        "Kehu on PostgreSQL",
        "round trips",
        "statements",
        "Kehu CPU ms",
        "PostgreSQL CPU ms",
        "pgbench's",
        "times pgbench's",
    ]);
    for operation in OPERATIONS {
        let [trips, statements, program, database] = measure(settings, &mut kehu, &relay, operation)?;
        let theirs = match operation {
            Operation::Get => beside.map(|beside| beside.select),
            Operation::Create => beside.map(|beside| beside.insert),
            _ => None,
        };
        let or_dash = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), number);
        let mut cells = vec![operation.title().to_owned()];
        cells.extend([trips, statements, program, database].map(number));
        cells.extend([or_dash(theirs), or_dash(theirs.map(|theirs| database / theirs))]);
        table.row(cells);
    }
    kehu.stop()?;
    drop(relay);

    report.heading("PostgreSQL");
    report.say(
        "Of a request, counted by a relay on the way to the database, with warm connections: round trips (what the \
         client ends with Sync, or a simple query) and statements. Beside it what PostgreSQL's processes need for a \
         transaction of pgbench on the same cluster, 16 connections: a prepared select by key for get, and BEGIN, an \
         insert of the same customer in the clear and COMMIT for create.",
    );
    if let Err(error) = &pgbench {
        report.say(&format!("pgbench: not measured: {error:#}."));
    }
    report.table(&table);
    Ok(())
}

/// Round trips, statements, and CPU milliseconds of the program and of the database, of one request.
fn measure(settings: &Settings, kehu: &mut Kehu, relay: &Relay, operation: Operation) -> Result<[f64; 4]> {
    let seconds = usize::try_from(settings.seconds.as_secs())?;
    let mut counted = [0.0; 4];
    // The first time statements are prepared. Rounds after those that were measured, so that customers are new.
    for time in 1..=2 {
        let plan = Plan::new(operation, settings.rounds + time, settings.rows, seconds);
        kehu.renew()?;
        let prepared = Prepared::new(kehu, &plan);
        let before = relay.counts();
        let sample = prepared.drive(kehu, settings.seconds)?;
        let requests = float(sample.load.requests().max(1));
        let mut counts = relay.counts().into_iter().zip(before).map(|(now, before)| now - before);
        let mut each = || Ok::<f64, anyhow::Error>(f64::from(u32::try_from(counts.next().unwrap_or(0))?) / requests);
        let [all, database] = sample.cpu_each();
        counted = [each()?, each()?, all - database, database];
    }
    Ok(counted)
}
