//! The settled mark: up to where the journal's order is complete.
//!
//! The order is given out before a transaction commits. On PostgreSQL several write at once, so that a higher place may
//! be seen before a lower one is. Every writer has its transaction's number before its place (`journal_place()`), so:
//! read the highest place S that was given, then take a transaction number X; once no transaction below X is running,
//! everything up to S is committed or will never be. No clock takes part, and nothing of it is stored: a database that
//! was moved to another server, whose transactions are numbered anew, is read on. One long transaction holds the mark
//! back for as long as it lasts, wherever in the server it runs.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, FromQueryResult};
use tokio::sync::{Mutex, MutexGuard};

use crate::dialect::{has_concurrent_writers, statement};
use crate::engine::{self, Engine};
use crate::failure::Failure;
use crate::gate::Gate;

/// Pauses between looks, for transactions that are about to end: an own change is seen by the next read.
const PAUSES: [u64; 6] = [1, 2, 4, 8, 16, 32];

/// What one process knows of the mark.
#[derive(Default)]
pub(crate) struct Mark {
    settled: AtomicI64,
    given: AtomicI64,
    waiting: Mutex<Option<Waiting>>,
    /// Milliseconds that the oldest unsettled entries wait, at least.
    lag: AtomicI64,
}

/// Entries that are not known to be complete yet.
struct Waiting {
    /// The highest place that was given when this began.
    given: i64,
    /// Transactions below this number may still bring lower places.
    transactions: i64,
    since: Instant,
}

/// How far behind its end the journal can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalLag {
    /// Places in the order that may still be empty or not.
    pub places: i64,
    /// For how long, at least, the first of them has waited.
    pub waited: Duration,
}

#[derive(FromQueryResult)]
struct Number {
    number: i64,
}

async fn number(db: &impl ConnectionTrait, sql: &str) -> Result<i64, Failure> {
    let row = Number::find_by_statement(statement(db, sql, [])).one(db).await?;
    row.map(|row| row.number).ok_or_else(|| Failure::Internal("a question for a number gave none".into()))
}

impl Gate {
    /// The place in the journal's order up to which nothing can appear any more. A change that this process has
    /// committed is below it, unless another transaction that began earlier still runs.
    ///
    /// # Errors
    /// The database is away.
    pub async fn settled(&self) -> Result<i64, Failure> {
        let (engine, mark) = (self.engine(), self.mark());
        if !has_concurrent_writers(engine) {
            return number(engine, "SELECT coalesce(max(seq), 0) AS number FROM journal").await;
        }
        let mut waiting = mark.waiting.lock().await;
        // What somebody else waited for may be older than what is asked for now.
        if waiting.is_some() {
            mark.look(self, &mut waiting).await?;
        }
        for pause in PAUSES.map(Some).into_iter().chain([None]) {
            if mark.look(self, &mut waiting).await? {
                break;
            }
            let Some(pause) = pause else { break };
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        Ok(mark.settled.load(Ordering::Relaxed))
    }

    /// How far behind its end the journal can be read, as it was when somebody last asked for the mark.
    #[must_use]
    pub fn journal_lag(&self) -> JournalLag {
        let mark = self.mark();
        let (given, settled) = (mark.given.load(Ordering::Relaxed), mark.settled.load(Ordering::Relaxed));
        let waited = u64::try_from(mark.lag.load(Ordering::Relaxed)).unwrap_or_default();
        JournalLag { places: (given - settled).max(0), waited: Duration::from_millis(waited) }
    }
}

impl Mark {
    /// Looks once; whether everything that was given is settled.
    async fn look(&self, gate: &Gate, waiting: &mut MutexGuard<'_, Option<Waiting>>) -> Result<bool, Failure> {
        let engine = gate.engine();
        if waiting.is_none() {
            let given = given(engine).await?;
            self.given.store(given, Ordering::Relaxed);
            // It goes back only where an older state of the database came in its place.
            if given == self.settled.load(Ordering::Relaxed) {
                self.lag.store(0, Ordering::Relaxed);
                return Ok(true);
            }
            // After the place was read, never before.
            let sql = "SELECT pg_current_xact_id()::text::bigint AS number";
            let transactions = gate.write_raw(async move |db: &engine::Tx| number(db, sql).await).await?;
            **waiting = Some(Waiting { given, transactions, since: Instant::now() });
        }
        let oldest = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS number";
        let oldest = number(engine, oldest).await?;
        let Some(wait) = waiting.as_ref() else { return Ok(false) };
        if oldest < wait.transactions {
            let waited = i64::try_from(wait.since.elapsed().as_millis()).unwrap_or(i64::MAX);
            self.lag.store(waited, Ordering::Relaxed);
            return Ok(false);
        }
        self.settled.store(wait.given, Ordering::Relaxed);
        self.lag.store(0, Ordering::Relaxed);
        **waiting = None;
        Ok(true)
    }
}

/// The highest place that was given.
async fn given(engine: &Engine) -> Result<i64, Failure> {
    let sql = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS number FROM journal_order";
    number(engine, sql).await
}
