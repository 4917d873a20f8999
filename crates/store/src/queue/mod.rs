//! The queue of jobs: what is done later, or by itself. A job is a row, written in the transaction of whoever asks for
//! it; a server claims it under a lease, and every write of the job is fenced by that lease.
//!
//! All times of the queue are the database's: clocks of servers differ, and jump.

mod claim;
mod doors;
mod end;
mod enqueue;
mod fair;
mod fence;
mod figures;
mod lease;
mod schedule;
mod set_right;
mod show;
mod sweep;
mod take_back;
mod work;

#[cfg(test)]
pub(crate) mod tests;

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;

use crate::sealed::job::{CHECKPOINT, DETAIL, PAYLOAD, RESULT};

pub use claim::{Claimed, Claims};
pub use doors::{cancel, get, list, retry};
pub use end::Ended;
pub use enqueue::{NewJob, enqueue};
pub use figures::{JobStats, Seen, probe};
pub use lease::{asked_to_cancel, renew};
pub use schedule::{Schedule, fire};
pub use set_right::set_right;
pub use take_back::take_back;
pub use work::{Run, Step, Work};

pub(crate) use doors::{asked_for, created_by, has_ended};
pub(crate) use enqueue::{asked_under, living, rows, standing};
pub(crate) use fence::hold;
pub(crate) use figures::Board;

/// When a job is due that waits: the expression that an index of its own is over. Whatever else asks for jobs that wait
/// cannot take that index for its own, however few there were when statistics were last made.
const QUEUED: &str = "(CASE WHEN state = 'queued' THEN run_at END)";

/// That a job runs; takes [`LONG_AGO`]. The time is for the index alone: without it SQLite goes through another one.
const RUNNING: &str = "state = 'running' AND lease_until > ?";
const LONG_AGO: DateTime<Utc> = DateTime::UNIX_EPOCH;

/// That a job waits and is due.
fn due(db: &impl ConnectionTrait) -> String {
    format!("{QUEUED} IS NOT NULL AND {QUEUED} <= {}", crate::dialect::now(db))
}

const HOUR: Duration = Duration::from_secs(3600);

/// That a job may run, now or when somebody tries it again.
pub(crate) fn may_run(job: &str) -> String {
    format!("{job}.state IN ('queued', 'running', 'dead')")
}

/// A kind of job, as whoever asks for one and whoever runs it know it: a constant.
#[derive(Debug, PartialEq, Eq)]
pub struct Spec {
    name: &'static str,
    version: u32,
    priority: Priority,
    attempts: u32,
    within: Duration,
}

impl Spec {
    /// A kind of that name (lower-case letters, digits, `_` and `.`), of normal priority, with five attempts of an
    /// hour at most. The
    /// version is that of its payload: a server runs jobs of its own version and of older ones, and leaves newer ones
    /// to newer servers.
    ///
    /// # Panics
    /// With any other name; in a constant that is a compile error.
    #[must_use]
    pub const fn new(name: &'static str, version: u32) -> Self {
        let mut rest = name.as_bytes();
        assert!(!rest.is_empty() && rest.len() <= 64, "the name of a kind of job has 1 to 64 characters");
        while let [byte, tail @ ..] = rest {
            assert!(matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.'), "a kind of job is a-z, 0-9, '_' and '.'");
            rest = tail;
        }
        Self { name, version, priority: Priority::Normal, attempts: 5, within: HOUR }
    }

    /// Of another priority.
    #[must_use]
    pub const fn priority(self, priority: Priority) -> Self {
        Self { priority, ..self }
    }

    /// With another number of attempts, the first among them.
    #[must_use]
    pub const fn attempts(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// With another time that a run may take.
    #[must_use]
    pub const fn within(self, within: Duration) -> Self {
        Self { within, ..self }
    }

    /// How long a run may take.
    #[must_use]
    pub const fn longest(&self) -> Duration {
        self.within
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

/// What goes first; every fourth turn is of those that have waited for five minutes, whatever they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Somebody waits for it.
    High,
    /// The usual.
    Normal,
    /// Whenever there is time.
    Low,
}

impl Priority {
    fn stored(self) -> i64 {
        match self {
            Self::High => 0,
            Self::Normal => 1,
            Self::Low => 2,
        }
    }

    fn word(stored: i64) -> &'static str {
        match stored {
            ..=0 => "high",
            1 => "normal",
            _ => "low",
        }
    }
}

/// How a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Waits for its time and a server.
    Queued,
    /// A server has it.
    Running,
    /// It did what it was asked.
    Done,
    /// It failed for good.
    Dead,
    /// Somebody took it back.
    Cancelled,
}

impl State {
    const ALL: [Self; 5] = [Self::Queued, Self::Running, Self::Done, Self::Dead, Self::Cancelled];

    fn key(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }

    fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.key() == key)
    }
}
