//! What the machine itself can do with the same customers: no server of this kind needs less.

mod crypto;
mod databases;
pub(crate) mod http;
pub(crate) mod table;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::client::Connection;
use crate::core::{Asked, Figure, Operation, Peer, Row, Rows};
use crate::report::{Report, Table, number};
use crate::settings::{Settings, env};
use crate::usage::{Cpu, Processes};

/// How long each floor that needs no server is repeated.
const TIME: Duration = Duration::from_millis(600);

/// What one repetition took, microseconds.
#[derive(Clone, Debug)]
struct Floor {
    what: &'static str,
    cpu: f64,
    /// What the database's processes had of that.
    database: Option<f64>,
    wall: Option<f64>,
}

/// Measures all floors and tells them beside what the operations took, where these were measured.
///
/// # Errors
/// A database refuses something.
pub(crate) fn run(settings: &Settings, kehu: &mut dyn Peer, figures: &[Figure], report: &mut Report) -> Result<()> {
    kehu.renew()?;
    let customer = Connection::open(kehu.base())?.ask(&kehu.call(&Asked::Get(0)))?;
    let rows: Vec<Row> = (0..settings.rows).map(|place| Rows { set: 0 }.row(place)).collect();
    let mut floors = vec![http::measure(&customer, settings.seconds)?];
    floors.extend(crypto::measure(&customer)?);
    floors.push(databases::append()?);
    floors.extend(databases::sqlite(&rows)?);
    if let Some(url) = env("KEHU_BENCH_PG_URL") {
        floors.extend(databases::postgres(&url, &rows)?);
    }
    tell(&customer, &floors, figures, report);
    Ok(())
}

fn tell(customer: &Value, floors: &[Floor], figures: &[Figure], report: &mut Report) {
    report.heading("Floors");
    report.say(&format!(
        "The same customers without Kehu: what HTTP, tokens, sealing, JSON and the databases need by themselves on this \
         machine. The customer's JSON is Kehu's own answer, {} bytes. Rows have its clear columns and the three indexes \
         of the workload; commits are synchronised to the disk.",
        customer.to_string().len()
    ));
    let mut table = Table::new(["floor", "CPU µs", "of that database", "time µs"]);
    let or_dash = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), number);
    for Floor { what, cpu, database, wall } in floors {
        table.row(vec![(*what).to_owned(), number(*cpu), or_dash(*database), or_dash(*wall)]);
    }
    report.table(&table);
    if figures.is_empty() {
        return;
    }
    let mut table = Table::new(["CPU µs", "Kehu", "floor", "times the floor"]);
    let of = |what: &str| floors.iter().find(|floor| floor.what == what).map(|floor| floor.cpu);
    for figure in figures {
        let sums = SUMS.iter().filter(|sum| sum.system == figure.system && sum.operation == figure.operation);
        for sum in sums {
            let Some(floor) = sum.floors.iter().map(|what| of(what)).sum::<Option<f64>>() else { continue };
            let (what, mine) = (format!("{}: {}", figure.system, figure.operation.title()), figure.millis * 1000.0);
            table.row(vec![what, number(mine), number(floor), number(mine / floor)]);
        }
    }
    report.table(&table);
    report.say(
        "The floor of an operation is HTTP with the customer's JSON and the statement. The token check is left out: a \
         server may remember a token that it has checked.",
    );
}

/// What an operation cannot do without.
struct Sum {
    system: &'static str,
    operation: Operation,
    floors: [&'static str; 2],
}

const SUMS: [Sum; 4] = [
    Sum { system: "Kehu on SQLite", operation: Operation::Get, floors: [http::ANSWER, databases::SQLITE_SELECT] },
    Sum { system: "Kehu on SQLite", operation: Operation::Create, floors: [http::ANSWER, databases::SQLITE_GROUP] },
    Sum { system: "Kehu on PostgreSQL", operation: Operation::Get, floors: [http::ANSWER, databases::POSTGRES_SELECT] },
    Sum {
        system: "Kehu on PostgreSQL",
        operation: Operation::Create,
        floors: [http::ANSWER, databases::POSTGRES_INSERT],
    },
];

/// Runs something again and again on this thread, counting from 0; each run does it `each` times.
fn repeat(
    what: &'static str,
    database: Option<u32>,
    each: u32,
    mut run: impl FnMut(usize) -> Result<()>,
) -> Result<Floor> {
    let processes = Processes { server: std::process::id(), database };
    let (before, begun) = (processes.cpu(), Instant::now());
    let mut runs = 0;
    // Looking at the clock is part of what is measured: seldom, where a run takes a fraction of a microsecond.
    while runs % 64 != 0 || begun.elapsed() < TIME {
        run(runs).context(what)?;
        runs += 1;
    }
    Ok(floor(
        what,
        processes.cpu() - before,
        begun.elapsed(),
        f64::from(u32::try_from(runs)?) * f64::from(each),
        database,
    ))
}

fn floor(what: &'static str, cpu: Cpu, wall: Duration, count: f64, database: Option<u32>) -> Floor {
    let each = |time: Duration| time.as_secs_f64() * 1e6 / count;
    Floor { what, cpu: each(cpu.all()), database: database.map(|_| each(cpu.database)), wall: Some(each(wall)) }
}
