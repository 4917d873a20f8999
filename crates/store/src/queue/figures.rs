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

use super::{QUEUED, due};

/// Dead jobs are counted up to this.
const DEAD: u64 = 1000;

/// What a process did with jobs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobStats {
    /// Runs that ended in this process, by kind and by what became of the job.
    pub ended: BTreeMap<(String, &'static str), u64>,
    /// Jobs that this process runs.
    pub running: usize,
}

/// The queue of the whole installation as it is.
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

    /// What this process did with jobs.
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
pub async fn probe(gate: &Gate) -> Result<Seen, Failure> {
    let db = gate.engine();
    let sql = format!(
        "SELECT {now} AS {moment}, \
         (SELECT {QUEUED} FROM jobs WHERE {due} ORDER BY {QUEUED} LIMIT 1) AS {oldest}, \
         (SELECT count(*) FROM (SELECT id FROM jobs WHERE state = 'dead' ORDER BY id LIMIT {DEAD}) d) AS {dead}",
        now = now(db),
        due = due(db),
        moment = Kind::Millis.alias("now"),
        oldest = Kind::Millis.alias("oldest"),
        dead = Kind::Integer.alias("dead"),
    );
    let look = Look::find_by_statement(statement(db, &sql, [])).one(db).await?;
    let look = look.ok_or_else(|| Failure::Internal("the queue gave no figures".into()))?;
    let Look { now, oldest, dead } = look;
    let waited = oldest.map(|oldest| (now - oldest).to_std().unwrap_or_default().as_secs_f64());
    Ok(Seen { oldest_due: waited.unwrap_or_default(), dead: u64::try_from(dead).unwrap_or_default() })
}
