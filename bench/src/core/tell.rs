//! The results of the single operations, and what they were to be.

use std::time::Duration;

use crate::core::asked::Operation;
use crate::core::measure::{Batch, Sample};
use crate::core::{Figure, Measured, Memory};
use crate::load::float;
use crate::report::{Report, Table, mebibytes, number};
use crate::settings::Settings;

/// The peer that ratios are against.
const PEER: &str = "PocketBase";
/// The system that the aims are for.
const AIMED: &str = "Kehu on SQLite";

/// What an operation is to be: so many times less CPU than the peer's, and so many milliseconds at most.
struct Aim {
    ratio: f64,
    millis: f64,
}

fn aim(operation: Operation) -> Aim {
    let (ratio, millis) = match operation {
        Operation::Get => (6.0, 0.10),
        Operation::List => (8.0, 0.6),
        Operation::Phone => (6.0, 0.15),
        Operation::Name => (8.0, 1.0),
        Operation::Update => (4.0, 0.35),
        Operation::Create => (3.0, 0.7),
        Operation::Mixed => (5.0, 0.35),
    };
    Aim { ratio, millis }
}

/// Of a customer written in a batch.
const BATCH_AIM: Aim = Aim { ratio: 8.0, millis: 0.2 };
/// Customers a second, written in batches.
const BATCH_RATE_AIM: f64 = 5000.0;

/// Tells everything.
pub(super) fn tell(settings: &Settings, measured: &[Measured], report: &mut Report) {
    report.heading("crm-core");
    report.say(&format!(
        "{} customers with one to three contacts and five follow-ups each; 16 connections; each operation {} times {} s \
         on one system after the other, medians. CPU is that of all processes of the server, the database's included. \
         Kehu seals, checks rights, looks for duplicates, keeps its journal and synchronises every commit to the disk; \
         PocketBase writes with `synchronous=NORMAL` and does none of that.",
        settings.rows,
        settings.rounds,
        settings.seconds.as_secs()
    ));
    let peer = measured.iter().find(|one| one.name == PEER);
    if peer.is_none() {
        report.say("PocketBase was not there, so that there are no ratios: see README.md of this folder.");
    }
    for one in measured.iter().filter(|one| one.name != PEER) {
        if one.name == AIMED {
            beside_aims(one, peer, report);
        } else {
            beside_peer(one, peer, report);
        }
    }
    for one in measured {
        operations(one, report);
    }
    batches(measured, report);
    memory(measured, report);
    quote(measured, report);
}

/// Keeps what READMEs quote; a dash where there was no peer.
fn quote(measured: &[Measured], report: &mut Report) {
    let of = |name: &str| measured.iter().find(|one| one.name == name);
    let (Some(mine), peer) = (of(AIMED), of(PEER)) else { return };
    let mut put = |word: &str, rate: f64, mine: f64, theirs: Option<f64>| {
        let or_dash = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), number);
        report.quote(&format!("core.sqlite.{word}.rate"), number(rate));
        report.quote(&format!("core.sqlite.{word}.cpu"), number(mine));
        report.quote(&format!("core.pocketbase.{word}.cpu"), or_dash(theirs));
        report.quote(&format!("core.sqlite.{word}.ratio"), or_dash(theirs.map(|theirs| theirs / mine)));
    };
    for (operation, samples) in &mine.samples {
        let theirs = peer.and_then(|peer| peer.of(*operation)).map(|samples| cpu(samples));
        put(operation.word(), of_all(samples, |sample| sample.load.rate()), cpu(samples), theirs);
    }
    if let Some(batch) = mine.batches.last() {
        put("batch", batch.rate(), row_cpu(batch), peer.and_then(|peer| peer.batches.last()).map(row_cpu));
    }
}

/// A system beside the peer, and beside what was aimed at.
fn beside_aims(one: &Measured, peer: Option<&Measured>, report: &mut Report) {
    let mut table = Table::new([one.name, "CPU ms", "aim", "PocketBase CPU ms", "times less", "aim", "missed"]);
    for (operation, samples) in &one.samples {
        let theirs = peer.and_then(|peer| peer.of(*operation)).map(|samples| cpu(samples));
        table.row(compared(operation.title(), cpu(samples), theirs, &aim(*operation)));
    }
    if let Some(batch) = one.batches.last() {
        let theirs = peer.and_then(|peer| peer.batches.last()).map(row_cpu);
        table.row(compared("batch, a customer", row_cpu(batch), theirs, &BATCH_AIM));
    }
    report.table(&table);
    if let Some(batch) = one.batches.last() {
        let (rate, theirs) = (batch.rate(), peer.and_then(|peer| peer.batches.last()).map(Batch::rate));
        let missed = if rate < BATCH_RATE_AIM { ": missed" } else { "" };
        let theirs = theirs.map(|rate| format!(", PocketBase {}", number(rate))).unwrap_or_default();
        report.say(&format!(
            "Customers a second in batches: {}{theirs}. The aim is {BATCH_RATE_AIM}{missed}.",
            number(rate)
        ));
    }
}

/// A system beside the peer alone: aims are for the other engine.
fn beside_peer(one: &Measured, peer: Option<&Measured>, report: &mut Report) {
    let Some(peer) = peer else { return };
    let mut table = Table::new([one.name, "CPU ms", "PocketBase CPU ms", "times less"]);
    let mut row = |what: &str, mine: f64, theirs: f64| {
        table.row(vec![what.to_owned(), number(mine), number(theirs), number(theirs / mine)]);
    };
    for (operation, samples) in &one.samples {
        row(operation.title(), cpu(samples), peer.of(*operation).map_or(0.0, |samples| cpu(samples)));
    }
    if let (Some(mine), Some(theirs)) = (one.batches.last(), peer.batches.last()) {
        row("batch, a customer", row_cpu(mine), row_cpu(theirs));
    }
    report.table(&table);
}

/// What the operations took.
pub(super) fn figures(measured: &[Measured]) -> Vec<Figure> {
    let of = |one: &Measured| {
        let figure = |(operation, samples): &(Operation, Vec<Sample>)| Figure {
            system: one.name,
            operation: *operation,
            millis: cpu(samples),
        };
        one.samples.iter().map(figure).collect::<Vec<_>>()
    };
    measured.iter().flat_map(of).collect()
}

fn compared(what: &str, mine: f64, theirs: Option<f64>, aim: &Aim) -> Vec<String> {
    let ratio = theirs.map(|theirs| theirs / mine);
    let mut missed = Vec::new();
    if mine > aim.millis {
        missed.push("ms");
    }
    if ratio.is_some_and(|ratio| ratio < aim.ratio) {
        missed.push("ratio");
    }
    let or_dash = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), number);
    vec![
        what.to_owned(),
        number(mine),
        format!("{}", aim.millis),
        or_dash(theirs),
        or_dash(ratio),
        format!("{}", aim.ratio),
        missed.join(", "),
    ]
}

impl Measured {
    fn of(&self, operation: Operation) -> Option<&Vec<Sample>> {
        self.samples.iter().find(|(known, _)| *known == operation).map(|(_, samples)| samples)
    }
}

impl Batch {
    fn rate(&self) -> f64 {
        float(self.rows) / self.wall.as_secs_f64()
    }
}

fn operations(one: &Measured, report: &mut Report) {
    let columns = ["requests/s", "CPU ms/request", "of that database", "p50 ms", "p99 ms"];
    let [rate, all, database, p50, p99] = columns;
    let mut table = Table::new([one.name, rate, all, database, p50, p99]);
    for (operation, samples) in &one.samples {
        let within = |permille| of_all(samples, |sample| millis(sample.load.within(permille)));
        let database = of_all(samples, |sample| sample.cpu_each().into_iter().nth(1).unwrap_or(0.0));
        table.row(vec![
            operation.title().to_owned(),
            number(of_all(samples, |sample| sample.load.rate())),
            number(cpu(samples)),
            if database > 0.0 { number(database) } else { "–".to_owned() },
            number(within(500)),
            number(within(990)),
        ]);
    }
    report.table(&table);
}

fn batches(measured: &[Measured], report: &mut Report) {
    report.say("Batches, one request after the other, 500 or 1000 items each; rows a second to the last answer.");
    let mut table = Table::new(["batch", "rows", "rows/s", "CPU ms/row", "of that database"]);
    for one in measured {
        for batch in &one.batches {
            let database = millis(batch.cpu.database) / float(batch.rows.max(1));
            table.row(vec![
                format!("{}: {}", one.name, batch.what),
                batch.rows.to_string(),
                number(batch.rate()),
                number(row_cpu(batch)),
                if database > 0.0 { number(database) } else { "–".to_owned() },
            ]);
        }
    }
    report.table(&table);
}

fn memory(measured: &[Measured], report: &mut Report) {
    let mut table = Table::new(["proportional memory (PSS), MiB", "empty", "loaded", "after everything", "database"]);
    for one in measured {
        let cells = one.memory.iter().map(|memory| mebibytes(memory.program));
        let database = one.memory.last().and_then(|Memory { database, .. }| *database);
        table.row([vec![one.name.to_owned()], cells.collect(), vec![mebibytes(database)]].concat());
    }
    report.table(&table);
}

/// CPU milliseconds of a request.
fn cpu(samples: &[Sample]) -> f64 {
    of_all(samples, |sample| sample.cpu_each().into_iter().next().unwrap_or(0.0))
}

fn row_cpu(batch: &Batch) -> f64 {
    millis(batch.cpu.all()) / float(batch.rows.max(1))
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The median of something over the rounds.
fn of_all(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> f64 {
    median(samples.iter().map(value).collect())
}

/// The middle one; of an even number the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let at = |place: usize| values.get(place).copied().unwrap_or(0.0);
    if values.len() % 2 == 1 { at(middle) } else { f64::midpoint(at(middle.saturating_sub(1)), at(middle)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missed_is_named() {
        let aim = Aim { ratio: 6.0, millis: 0.1 };
        let missed = |mine, theirs| compared("get", mine, theirs, &aim).pop().unwrap();
        assert_eq!(missed(0.09, Some(0.6)), "");
        assert_eq!(missed(0.11, Some(0.6)), "ms, ratio");
        assert_eq!(missed(0.05, Some(0.2)), "ratio");
        assert_eq!(missed(0.2, None), "ms");
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert!((median(vec![9.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(vec![4.0, 1.0, 2.0, 9.0]) - 3.0).abs() < 1e-9);
    }
}
