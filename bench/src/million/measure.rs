//! One operation at every size in turn: what disturbs the machine disturbs all of them alike.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::asks::{Ask, time_of};
use super::options::Options;
use super::place::Place;
use crate::client::Connection;
use crate::load::float;
use crate::usage::Cpu;
use crate::wire::Call;

/// Requests before the first round.
const WARMING: usize = 30;
/// How long a server may finish what it put off before its CPU time is read.
const SETTLE: Duration = Duration::from_millis(250);
/// What a question is answered that would read too many rows.
const TOO_EXPENSIVE: &[u8] = br#""code":"too_expensive""#;

/// What an operation took at one size.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    rounds: Vec<Vec<Duration>>,
    cpu: Cpu,
    bytes: usize,
    /// Answers that were `too_expensive`.
    pub(super) refused: usize,
}

impl Sample {
    fn requests(&self) -> usize {
        self.rounds.iter().map(Vec::len).sum()
    }

    /// The time within which so many of a thousand were answered, in the middle one of the rounds; milliseconds.
    pub(super) fn within(&self, permille: usize) -> f64 {
        let mut rounds: Vec<f64> = self.rounds.iter().map(|round| within(round, permille)).collect();
        median(&mut rounds)
    }

    /// CPU milliseconds of one request.
    pub(super) fn cpu_each(&self) -> f64 {
        self.cpu.all().as_secs_f64() * 1000.0 / float(self.requests().max(1))
    }

    /// Kilobytes of one answer.
    pub(super) fn kilobytes(&self) -> f64 {
        float(self.bytes) / 1000.0 / float(self.requests().max(1))
    }

    fn add(&mut self, server: &Place<'_>, calls: &[Call], limit: (Duration, usize), writes: bool) -> Result<()> {
        let mut connection = Connection::open(&server.server.base)?;
        let (mut took, begun) = (Vec::new(), Instant::now());
        let before = server.server.processes.cpu();
        for call in calls {
            let sent = Instant::now();
            let answer = connection.send(call)?;
            took.push(sent.elapsed());
            self.bytes += answer.length();
            if answer.status == 400 && answer.holds(TOO_EXPENSIVE) {
                self.refused += 1;
            } else {
                answer.succeeded().with_context(|| format!("{} {} {}", call.method, call.path, call.body))?;
            }
            if begun.elapsed() >= limit.0 || took.len() >= limit.1 {
                break;
            }
        }
        if writes {
            std::thread::sleep(SETTLE);
        }
        let used = server.server.processes.cpu() - before;
        self.cpu.server += used.server;
        self.cpu.database += used.database;
        took.sort_unstable();
        self.rounds.push(took);
        Ok(())
    }
}

/// Milliseconds within which so many of a thousand were answered; the shortest stand first.
pub(super) fn within(sorted: &[Duration], permille: usize) -> f64 {
    let place = (sorted.len() * permille / 1000).min(sorted.len().saturating_sub(1));
    sorted.get(place).copied().unwrap_or_default().as_secs_f64() * 1000.0
}

/// The middle one.
pub(super) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Measures an operation at every size.
///
/// # Errors
/// An answer is not what it should be.
pub(super) fn ask(options: &Options, places: &mut [Place<'_>], ask: &Ask) -> Result<Vec<Sample>> {
    let (time, most) = time_of(ask.weight, options.time, options.rounds);
    let rounds = usize::try_from(options.rounds)?;
    let mut samples = vec![Sample::default(); places.len()];
    // What changes something is asked for once: there are as many requests as may be needed. Others come again.
    let warming = WARMING.min(most);
    let wanted = if ask.writes { warming + most * rounds } else { most };
    let mut calls = Vec::with_capacity(places.len());
    for place in &mut *places {
        let made = ask.calls(place, wanted)?;
        // A batch is as many customers as it says.
        let warmed: Vec<Call> = made.iter().take(warming).cloned().collect();
        let mut thrown = Sample::default();
        thrown.add(place, &warmed, (time, warming), false)?;
        calls.push(made);
    }
    for round in 0..rounds {
        for ((place, calls), sample) in places.iter().zip(&calls).zip(&mut samples) {
            let first = if ask.writes { warming + round * most } else { (round * most) % calls.len().max(1) };
            let turn: Vec<Call> = if ask.writes {
                calls.iter().skip(first).take(most).cloned().collect()
            } else {
                calls.iter().cycle().skip(first).take(most).cloned().collect()
            };
            sample.add(place, &turn, (time, most), ask.writes)?;
        }
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_round_is_told() {
        let round = |from: u64| (from..from + 100).map(Duration::from_millis).collect::<Vec<_>>();
        let sample = Sample { rounds: vec![round(1), round(1000), round(50)], ..Sample::default() };
        assert!((sample.within(990) - 149.0).abs() < 1e-9 && (sample.within(500) - 100.0).abs() < 1e-9);
        assert_eq!((within(&[], 990), median(&mut [])), (0.0, 0.0));
    }
}
