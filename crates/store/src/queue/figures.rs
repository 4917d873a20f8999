//! What is known of the queue for figures, and the bell that wakes this process's runner.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;
use tokio::sync::Notify;

use crate::dialect::{now, statement};
use crate::engine::Kind;
use crate::failure::Failure;
use crate::gate::Gate;

/// Dead jobs are counted up to this.
const DEAD: u64 = 1000;

/// Figures of the queue.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobStats {
    /// Runs that ended in this process, by kind and by what became of the job.
    pub ended: BTreeMap<(String, &'static str), u64>,
    /// Jobs that this process runs.
    pub running: usize,
    /// The queue as this process last saw it; nothing where it runs no jobs.
    pub seen: Option<Seen>,
}

/// The queue as it was a moment ago.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Seconds that the oldest job that is due has waited; 0 where none is.
    pub oldest_due: f64,
    /// Dead jobs; 1,000 is that many or more.
    pub dead: u64,
}

/// What one process knows of the queue.
#[derive(Default)]
pub(crate) struct Board {
    pub(crate) bell: Notify,
    stats: Mutex<JobStats>,
}

impl Board {
    fn change(&self, change: impl FnOnce(&mut JobStats)) {
        change(&mut self.stats.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Gate {
    /// Waits until a job is asked for in this process, or was since the last time.
    pub async fn job_asked_for(&self) {
        self.board().bell.notified().await;
    }

    /// Figures of the queue, as far as this process knows.
    #[must_use]
    pub fn job_stats(&self) -> JobStats {
        self.board().stats.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts a run that ended.
    pub fn count_job(&self, kind: &str, outcome: &'static str) {
        self.board().change(|stats| *stats.ended.entry((kind.to_owned(), outcome)).or_default() += 1);
    }

    /// Says how many jobs this process runs.
    pub fn set_running_jobs(&self, running: usize) {
        self.board().change(|stats| stats.running = running);
    }
}

#[derive(FromQueryResult)]
struct Look {
    #[sea_orm(from_alias = "now__ms")]
    now: DateTime<Utc>,
    #[sea_orm(from_alias = "oldest__ms")]
    oldest: Option<DateTime<Utc>>,
    #[sea_orm(from_alias = "dead__int")]
    dead: i64,
}

/// Looks at the queue for its figures: the ends of two indexes.
///
/// # Errors
/// The database is away.
pub async fn probe(gate: &Gate) -> Result<(), Failure> {
    let db = gate.engine();
    let sql = format!(
        "SELECT {now} AS {moment}, \
         (SELECT run_at FROM jobs WHERE state = 'queued' AND run_at <= {now} ORDER BY run_at LIMIT 1) AS {oldest}, \
         (SELECT count(*) FROM (SELECT id FROM jobs WHERE state = 'dead' LIMIT {DEAD}) d) AS {dead}",
        now = now(db),
        moment = Kind::Millis.alias("now"),
        oldest = Kind::Millis.alias("oldest"),
        dead = Kind::Integer.alias("dead"),
    );
    let look = Look::find_by_statement(statement(db, &sql, [])).one(db).await?;
    let Some(Look { now, oldest, dead }) = look else { return Ok(()) };
    let waited = oldest.map(|oldest| (now - oldest).to_std().unwrap_or_default().as_secs_f64());
    let seen = Seen { oldest_due: waited.unwrap_or_default(), dead: u64::try_from(dead).unwrap_or_default() };
    gate.board().change(|stats| stats.seen = Some(seen));
    Ok(())
}
