//! The settled mark: up to where the journal's order is complete.
//!
//! A place in the order is given before its transaction commits. On PostgreSQL several write at once, so that a higher
//! place may be seen before a lower one is. Whoever writes an entry holds a lock on the journal from before its place
//! is given until after its commit is seen. So: read the highest place S that was given, then look who holds that lock;
//! once none of these holds it any more, everything up to S is committed or will never be. Whoever takes the lock later
//! gets a place above S. No clock and no transaction number takes part, and nothing is stored: a database that was
//! moved to another server is read on. Only a transaction that wrote an entry and stays open holds the mark back.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, FromQueryResult};
use tokio::sync::Mutex;

use crate::dialect::{has_concurrent_writers, statement};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::gate::Gate;

/// Pauses between looks, for transactions that are about to end: an own change is seen by the next read.
const PAUSES: [u64; 6] = [1, 2, 4, 8, 16, 32];

/// What one process knows of the mark.
#[derive(Default)]
pub(crate) struct Mark {
    settled: AtomicI64,
    given: AtomicI64,
    /// The furthest place that this process knows to be closed.
    closed: AtomicI64,
    /// Milliseconds that the oldest unsettled entries wait, at least.
    lag: AtomicI64,
    /// Looks that were begun. A look knows of everything that was committed before its number was given.
    begun: AtomicU64,
    /// Held for a look, never for a pause: whoever waits for it takes what a look found that began meanwhile.
    looks: Mutex<Looks>,
}

/// What looks have found, by their numbers.
#[derive(Default)]
struct Looks {
    waiting: Option<Waiting>,
    /// The last that ended well.
    last: u64,
    /// The last whose highest place is settled.
    settled: u64,
}

/// Entries that are not known to be complete yet.
struct Waiting {
    /// The highest place that was given when this began.
    given: i64,
    /// The look that read it.
    look: u64,
    /// The transactions that may still bring lower places.
    writers: HashSet<String>,
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

#[derive(FromQueryResult)]
struct Writer {
    writer: String,
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
        // What an earlier look waits for may be older than what is asked for now.
        let asked = mark.begun.load(Ordering::SeqCst);
        let mut pauses = PAUSES.into_iter();
        while !mark.is_settled_since(asked, engine).await? {
            let Some(pause) = pauses.next() else { break };
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
    pub(super) fn closed(&self) -> &AtomicI64 {
        &self.closed
    }

    /// Whether everything is settled that was given before the look after `asked` began. Asks the database, unless
    /// somebody else does so after this is called.
    pub(super) async fn is_settled_since(&self, asked: u64, engine: &Engine) -> Result<bool, Failure> {
        let before = self.begun.load(Ordering::SeqCst);
        let mut looks = self.looks.lock().await;
        if looks.settled <= asked && looks.last <= before {
            self.look(engine, &mut looks).await?;
        }
        if looks.settled <= asked && looks.waiting.is_none() {
            // What was waited for was older.
            self.look(engine, &mut looks).await?;
        }
        Ok(looks.settled > asked)
    }

    /// Looks once.
    async fn look(&self, engine: &Engine, looks: &mut Looks) -> Result<(), Failure> {
        let look = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some(wait) = looks.waiting.as_mut() {
            let now = writers(engine).await?;
            wait.writers.retain(|writer| now.contains(writer));
        } else {
            let given = given(engine).await?;
            self.given.store(given, Ordering::Relaxed);
            // It goes back only where an older state of the database came in its place.
            let writers = if given == self.settled.load(Ordering::Relaxed) {
                HashSet::new()
            } else {
                // After the place was read, never before.
                writers(engine).await?
            };
            looks.waiting = Some(Waiting { given, look, writers, since: Instant::now() });
        }
        looks.last = look;
        if let Some(done) = looks.waiting.take_if(|wait| wait.writers.is_empty()) {
            self.settled.store(done.given, Ordering::Relaxed);
            looks.settled = done.look;
        }
        let waited = looks.waiting.as_ref().map_or(Duration::ZERO, |wait| wait.since.elapsed());
        self.lag.store(i64::try_from(waited.as_millis()).unwrap_or(i64::MAX), Ordering::Relaxed);
        Ok(())
    }

    /// Keeps everybody from looking.
    #[cfg(test)]
    pub(super) async fn hold(&self) -> impl Sized {
        self.looks.lock().await
    }

    /// How often the database was asked.
    #[cfg(test)]
    pub(super) fn looks(&self) -> u64 {
        self.begun.load(Ordering::SeqCst)
    }
}

/// The transactions that hold the lock of those who write entries.
async fn writers(engine: &Engine) -> Result<HashSet<String>, Failure> {
    let sql = "SELECT virtualtransaction AS writer FROM pg_locks WHERE locktype = 'relation' \
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
               AND relation = 'journal'::regclass AND mode = 'RowExclusiveLock'";
    let writers = Writer::find_by_statement(statement(engine, sql, [])).all(engine).await?;
    Ok(writers.into_iter().map(|writer| writer.writer).collect())
}

/// The highest place that was given.
pub(super) async fn given(engine: &Engine) -> Result<i64, Failure> {
    let sql = if has_concurrent_writers(engine) {
        "SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS number FROM journal_order"
    } else {
        "SELECT coalesce(max(seq), 0) AS number FROM sqlite_sequence WHERE name = 'journal'"
    };
    number(engine, sql).await
}
