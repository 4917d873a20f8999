//! One operation on one system, and batches.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::client::Connection;
use crate::core::asked::{Asked, Operation, Plan};
use crate::core::peer::Peer;
use crate::core::rows::Row;
use crate::load::{Load, drive, float};
use crate::usage::Cpu;

/// How long a system may finish what it put off before its CPU time is read.
const SETTLE: Duration = Duration::from_millis(250);

/// What an operation took on a system in one round.
pub(crate) struct Sample {
    pub(crate) load: Load,
    /// CPU time of all its processes.
    pub(crate) cpu: Cpu,
}

impl Sample {
    /// CPU milliseconds of one request, and how many of them are the database's.
    pub(crate) fn cpu_each(&self) -> [f64; 2] {
        [self.cpu.all(), self.cpu.database].map(|time| time.as_secs_f64() * 1000.0 / float(self.load.requests().max(1)))
    }
}

/// Rows that were written many at a time.
#[derive(Clone, Copy)]
pub(crate) struct Batch {
    pub(crate) what: &'static str,
    pub(crate) rows: usize,
    pub(crate) wall: Duration,
    pub(crate) cpu: Cpu,
}

/// The requests of a plan in a system's words, as bytes.
pub(crate) struct Prepared {
    turns: Vec<Option<(Vec<u8>, bool)>>,
    rows: Vec<Vec<u8>>,
}

impl Prepared {
    /// Makes them.
    pub(crate) fn new(peer: &dyn Peer, plan: &Plan) -> Self {
        let turn = |asked: &Asked| (peer.call(asked).bytes(peer.base()), asked.is_search());
        Self {
            turns: plan.turns.iter().map(|asked| asked.as_ref().map(turn)).collect(),
            rows: plan.rows.iter().map(|row| peer.create(row).bytes(peer.base())).collect(),
        }
    }

    fn turn(&self, number: usize) -> Option<&(Vec<u8>, bool)> {
        self.turns.get(number % self.turns.len().max(1))?.as_ref()
    }

    /// Asks them for that time.
    ///
    /// # Errors
    /// An answer is not what it should be.
    pub(crate) fn drive(&self, peer: &dyn Peer, time: Duration) -> Result<Sample> {
        let mut rows = self.rows.iter();
        let next = |number| match self.turn(number) {
            Some((bytes, _)) => Some(bytes.as_slice()),
            None => rows.next().map(Vec::as_slice),
        };
        let before = peer.processes().cpu();
        let load = drive(peer.base(), Some(time), next, |number, answer| {
            answer.succeeded()?;
            let is_search = self.turn(number).is_some_and(|(_, is_search)| *is_search);
            ensure!(!is_search || answer.holds(peer.found()), "nothing was found");
            Ok(())
        })?;
        std::thread::sleep(SETTLE);
        Ok(Sample { load, cpu: peer.processes().cpu() - before })
    }
}

/// Measures an operation.
///
/// # Errors
/// An answer is not what it should be.
pub(crate) fn operation(peer: &mut dyn Peer, operation: Operation, plan: &Plan, time: Duration) -> Result<Sample> {
    peer.renew()?;
    let sample = Prepared::new(peer, plan).drive(peer, time);
    sample.with_context(|| format!("{}: {}", peer.name(), operation.word()))
}

/// Writes rows in batches, one after the other.
///
/// # Errors
/// One is refused.
pub(crate) fn batches(peer: &mut dyn Peer, rows: &[Row]) -> Result<Batch> {
    peer.renew()?;
    let calls = peer.batches(rows);
    let mut connection = Connection::open(peer.base())?;
    let (before, begun) = (peer.processes().cpu(), Instant::now());
    let answers = calls.iter().map(|call| connection.ask(call)).collect::<Result<Vec<Value>>>()?;
    let wall = begun.elapsed();
    std::thread::sleep(SETTLE);
    let cpu = peer.processes().cpu() - before;
    let written: usize = answers.iter().map(|answer| peer.written(answer)).sum();
    ensure!(written == rows.len(), "{}: {written} of {} were written", peer.name(), rows.len());
    Ok(Batch { what: "customers alone", rows: written, wall, cpu })
}
