//! Many at once: threads that send one request after the other, as fast as they are answered or at a rate of their own.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};

use crate::client::Connection;
use crate::wire::Call;

/// A crowd before one server.
pub(super) struct Crowd<'a> {
    pub(super) base: &'a str,
    /// How many ask at the same time.
    pub(super) lanes: usize,
    /// Connections of each of them, asked in turn.
    pub(super) connections: usize,
    /// Requests a second of all together: each is due at its time, whether or not the one before it was answered.
    pub(super) rate: Option<f64>,
    /// The request of that number.
    pub(super) call: &'a (dyn Fn(usize) -> Result<Call> + Sync),
    pub(super) stop: Stop,
    pub(super) took: Took,
}

/// When it is over.
#[derive(Default)]
pub(super) struct Stop {
    asked: AtomicBool,
}

impl Stop {
    /// Ends it: every request that is under way is the last one of its lane.
    pub(super) fn now(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

/// How long requests took: those since somebody looked.
#[derive(Default)]
pub(super) struct Took {
    times: Mutex<Vec<Duration>>,
    refused: AtomicU64,
}

impl Took {
    /// Takes them away, the shortest first.
    pub(super) fn take(&self) -> Vec<Duration> {
        let mut times = std::mem::take(&mut *self.times.lock().unwrap_or_else(PoisonError::into_inner));
        times.sort_unstable();
        times
    }

    /// Answers that were none of 2xx.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl<'a> Crowd<'a> {
    /// One whose lanes have a connection each.
    pub(super) fn new(base: &'a str, lanes: usize, call: &'a (dyn Fn(usize) -> Result<Call> + Sync)) -> Self {
        Self { base, lanes, connections: 1, rate: None, call, stop: Stop::default(), took: Took::default() }
    }

    /// Asks while `meanwhile` runs; gives what that gives.
    ///
    /// # Errors
    /// A connection broke, or what ran meanwhile failed.
    pub(super) fn during<T>(&self, meanwhile: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let (begun, next) = (Instant::now(), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            let lanes: Vec<_> = (0..self.lanes).map(|_| scope.spawn(|| self.lane(begun, &next))).collect();
            let done = meanwhile(self);
            self.stop.now();
            for lane in lanes {
                lane.join().map_err(|_| anyhow!("a lane broke off"))??;
            }
            done
        })
    }

    fn lane(&self, begun: Instant, next: &AtomicUsize) -> Result<()> {
        let asked = self.ask(begun, next);
        if asked.is_err() {
            self.stop.now();
        }
        asked
    }

    fn ask(&self, begun: Instant, next: &AtomicUsize) -> Result<()> {
        let open = || Connection::open(self.base);
        let mut connections = (0..self.connections).map(|_| open()).collect::<Result<Vec<_>>>()?;
        let mut turn = 0;
        while !self.stop.is_asked() {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let call = (self.call)(number)?;
            let mut since = Instant::now();
            if let Some(rate) = self.rate {
                let due = begun + Duration::from_secs_f64(crate::load::float(number) / rate);
                std::thread::sleep(due.saturating_duration_since(since));
                since = due;
            }
            let at = turn % self.connections;
            turn += 1;
            let connection = connections.get_mut(at).context("a connection")?;
            let status = connection.send(&call)?.status;
            let took = since.elapsed();
            self.took.times.lock().unwrap_or_else(PoisonError::into_inner).push(took);
            if !(200..300).contains(&status) {
                self.took.refused.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }
}
