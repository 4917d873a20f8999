//! Requests over several connections at once, each sending the next as soon as the last one is answered.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::client::{Call, Connection, Reply};

/// Connections at once, in every workload.
pub(crate) const CONNECTIONS: usize = 16;

/// When a load ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    /// After so many requests.
    Count(usize),
    /// After that time.
    Elapsed(Duration),
}

/// What a load took.
pub(crate) struct Load {
    /// From the first request to the last answer.
    pub(crate) wall: Duration,
    /// Of each request, the shortest first.
    took: Vec<Duration>,
}

impl Load {
    /// How many requests there were.
    pub(crate) fn requests(&self) -> usize {
        self.took.len()
    }

    /// Requests per second.
    pub(crate) fn rate(&self) -> f64 {
        float(self.requests()) / self.wall.as_secs_f64()
    }

    /// The time within which so many of a thousand requests were answered.
    pub(crate) fn within(&self, permille: usize) -> Duration {
        let place = (self.took.len() * permille / 1000).min(self.took.len().saturating_sub(1));
        self.took.get(place).copied().unwrap_or_default()
    }
}

/// A count as a number to divide by.
pub(crate) fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Sends what `make` gives for 0, 1, 2 … and hands every answer to `take`.
///
/// # Errors
/// A connection broke, or `take` did not like an answer.
pub(crate) fn drive(
    base: &str,
    until: Until,
    make: impl Fn(usize) -> Call + Sync,
    take: impl Fn(usize, Reply) -> Result<()> + Sync,
) -> Result<Load> {
    let mut connections = (0..CONNECTIONS).map(|_| Connection::open(base)).collect::<Result<Vec<_>>>()?;
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let took = Mutex::new(Vec::new());
    let begun = Instant::now();
    let one = |connection: &mut Connection| -> Result<()> {
        let mut mine = Vec::new();
        let outcome = loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let over = match until {
                Until::Count(count) => number >= count,
                Until::Elapsed(limit) => begun.elapsed() >= limit,
            };
            if over || failed.load(Ordering::Relaxed) {
                break Ok(());
            }
            let call = make(number);
            let sent = Instant::now();
            let answered = connection.send(&call);
            mine.push(sent.elapsed());
            if let Err(error) = answered.and_then(|reply| take(number, reply)) {
                failed.store(true, Ordering::Relaxed);
                break Err(error.context(format!("{} {}", call.method, call.path)));
            }
        };
        took.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(mine);
        outcome
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = connections.iter_mut().map(|connection| scope.spawn(|| one(connection))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().ok().context("a connection's thread died")?)
    })?;
    let wall = begun.elapsed();
    let mut took = took.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    took.sort_unstable();
    Ok(Load { wall, took })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_come_from_the_sorted_times() {
        let took = (1..=200).map(Duration::from_millis).collect();
        let load = Load { wall: Duration::from_secs(2), took };
        assert_eq!(load.within(500), Duration::from_millis(101));
        assert_eq!(load.within(990), Duration::from_millis(199));
        assert!((load.rate() - 100.0).abs() < 1e-9);
        let none = Load { wall: Duration::from_secs(1), took: Vec::new() };
        assert_eq!(none.within(990), Duration::ZERO);
    }
}
