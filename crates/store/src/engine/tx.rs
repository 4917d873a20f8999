//! The transaction that a write runs in.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use super::{EngineError, error::Fault, postgres::Transaction, rows::Row, sqlite::Conn};

/// A write transaction: reads and writes, through sea-orm's [`ConnectionTrait`].
///
/// - Nothing but its statements may be awaited inside it; see [`Engine::write`](super::Engine::write).
/// - A statement that fails outside [`Tx::attempt`] spoils the transaction on both engines, as PostgreSQL has it:
///   every further statement is refused, and it cannot commit even if the error is swallowed.
/// - Transactions are not begun or ended by SQL text: `BEGIN`, `COMMIT`, `SAVEPOINT` and the like are refused.
pub struct Tx {
    inner: Inner,
    /// A statement failed and was not undone by an attempt.
    spoiled: AtomicBool,
    attempting: AtomicBool,
    /// Statements under way: a closure that is suspended while there is none awaits something else.
    running: AtomicUsize,
    /// Statements that run together with the commit; one that fails keeps it from taking effect.
    at_commit: Mutex<Vec<String>>,
}

pub(crate) enum Inner {
    Sqlite(Box<Mutex<Conn>>),
    Postgres(Box<tokio::sync::Mutex<Transaction>>),
}

/// A closure that was suspended while no statement was under way.
pub(crate) const SUSPENDED: EngineError = EngineError::Misuse("a write awaited something else than its statements");

/// A closure that answered `Ok` in a spoiled transaction.
pub(crate) const SWALLOWED: EngineError = EngineError::Misuse("a write swallowed the error of a statement");

const SPOILED: EngineError = EngineError::Misuse("a statement of this transaction failed before");

impl Tx {
    pub(crate) fn new(inner: Inner) -> Self {
        let at_commit = Mutex::default();
        Self { inner, spoiled: false.into(), attempting: false.into(), running: 0.into(), at_commit }
    }

    /// On PostgreSQL, runs a statement in the same round trip as the commit, which takes no effect if it fails. SQLite
    /// has no need of it: nobody else writes meanwhile.
    pub(crate) fn at_commit(&self, sql: String) {
        if let Inner::Postgres(_) = self.inner {
            self.at_commit.lock().unwrap_or_else(PoisonError::into_inner).push(sql);
        }
    }

    /// What runs together with the commit.
    pub(crate) fn take_at_commit(&self) -> Vec<String> {
        std::mem::take(&mut *self.at_commit.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs `job` under a savepoint: if it fails, or a statement in it did, its changes are undone and the
    /// transaction goes on. One level only, and one at a time.
    ///
    /// # Errors
    /// Those of `job`; [`EngineError::Misuse`] inside another attempt, or if `job` answers `Ok` although one of its
    /// statements failed.
    pub async fn attempt<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&Tx) -> Result<T, E>,
        E: From<EngineError>,
    {
        if self.is_spoiled() {
            return Err(SPOILED.into());
        }
        if self.attempting.swap(true, Ordering::Relaxed) {
            return Err(EngineError::Misuse("attempts do not nest").into());
        }
        let _end = Reset(&self.attempting);
        self.control("SAVEPOINT attempt").await?;
        let result = job(self).await;
        let spoiled = self.is_spoiled();
        if result.is_ok() && !spoiled {
            self.control("RELEASE SAVEPOINT attempt").await?;
            return result;
        }
        self.control("ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt").await?;
        self.spoiled.store(false, Ordering::Relaxed);
        match result {
            Ok(_) => Err(EngineError::Misuse("an attempt swallowed the error of a statement").into()),
            failed => failed,
        }
    }

    pub(crate) fn is_spoiled(&self) -> bool {
        self.spoiled.load(Ordering::Relaxed)
    }

    pub(crate) fn in_statement(&self) -> bool {
        self.running.load(Ordering::Relaxed) > 0
    }

    /// Back to the state of a new one: the writer uses one for all jobs.
    pub(crate) fn reset(&self) {
        self.spoiled.store(false, Ordering::Relaxed);
        self.attempting.store(false, Ordering::Relaxed);
    }

    /// The writer's connection.
    pub(crate) fn conn(&self) -> Option<MutexGuard<'_, Conn>> {
        match &self.inner {
            Inner::Sqlite(conn) => Some(conn.lock().unwrap_or_else(PoisonError::into_inner)),
            Inner::Postgres(_) => None,
        }
    }

    /// Rows of a query, where they are read by our own driver.
    pub(crate) fn rows_here<R: Row>(&self, statement: &Statement) -> Option<Result<Vec<R>, DbErr>> {
        let Inner::Sqlite(conn) = &self.inner else { return None };
        let rows = self.check(&statement.sql).and_then(|()| Ok(lock(conn).rows(statement)?));
        Some(self.note(rows))
    }

    pub(crate) fn into_inner(self) -> Inner {
        self.inner
    }

    /// SQL of the engine itself.
    async fn control(&self, sql: &str) -> Result<(), EngineError> {
        let done = match &self.inner {
            Inner::Sqlite(conn) => lock(conn).batch(sql).map_err(DbErr::from),
            Inner::Postgres(tx) => {
                let _running = Running::new(&self.running);
                tx.lock().await.text(sql).await.map(drop)
            }
        };
        done.map_err(|e| {
            self.spoiled.store(true, Ordering::Relaxed);
            e.into()
        })
    }

    /// What may not run, before it runs.
    fn check(&self, sql: &str) -> Result<(), DbErr> {
        if self.is_spoiled() {
            return Err(Fault::engine(SPOILED).into());
        }
        // No comment and no empty statement may come first: they would hide the word.
        let word = sql.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        let ends = ["begin", "start", "commit", "end", "rollback", "abort", "savepoint", "release", "prepare"];
        if word.is_empty() || ends.iter().any(|end| word.eq_ignore_ascii_case(end)) {
            return Err(Fault::engine(EngineError::Misuse("a transaction is not begun or ended by SQL text")).into());
        }
        Ok(())
    }

    fn note<T>(&self, done: Result<T, DbErr>) -> Result<T, DbErr> {
        if done.is_err() {
            self.spoiled.store(true, Ordering::Relaxed);
        }
        done
    }
}

fn lock(conn: &Mutex<Conn>) -> MutexGuard<'_, Conn> {
    conn.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait::async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        match self.inner {
            Inner::Sqlite(_) => DbBackend::Sqlite,
            Inner::Postgres(_) => DbBackend::Postgres,
        }
    }

    async fn execute_raw(&self, stmt: Statement) -> Result<ExecResult, DbErr> {
        self.check(&stmt.sql)?;
        self.note(match &self.inner {
            Inner::Sqlite(conn) => lock(conn).execute(&stmt).map(Into::into).map_err(Into::into),
            Inner::Postgres(tx) => {
                let _running = Running::new(&self.running);
                tx.lock().await.execute(stmt).await
            }
        })
    }

    /// On PostgreSQL, the first statement of a transaction needs no round trip of its own if it is run by this.
    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let Inner::Postgres(tx) = &self.inner else {
            return self.execute_raw(Statement::from_string(DbBackend::Sqlite, sql)).await;
        };
        self.check(sql)?;
        // A text of several would be run, and might end the transaction.
        if sql.contains(';') {
            return self.note(Err(Fault::engine(EngineError::Misuse("one statement at a time")).into()));
        }
        let _running = Running::new(&self.running);
        self.note(tx.lock().await.text(sql).await)
    }

    async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.check(&stmt.sql)?;
        self.note(match &self.inner {
            Inner::Sqlite(conn) => {
                lock(conn).query(&stmt).map(|rows| rows.into_iter().next().map(Into::into)).map_err(Into::into)
            }
            Inner::Postgres(tx) => {
                let _running = Running::new(&self.running);
                tx.lock().await.rows(stmt).await.map(|rows| rows.into_iter().next())
            }
        })
    }

    async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.check(&stmt.sql)?;
        self.note(match &self.inner {
            Inner::Sqlite(conn) => {
                lock(conn).query(&stmt).map(|rows| rows.into_iter().map(Into::into).collect()).map_err(Into::into)
            }
            Inner::Postgres(tx) => {
                let _running = Running::new(&self.running);
                tx.lock().await.rows(stmt).await
            }
        })
    }
}

/// Counts a statement under way, until dropped.
struct Running<'a>(&'a AtomicUsize);

impl<'a> Running<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Clears a flag when dropped.
struct Reset<'a>(&'a AtomicBool);

impl Drop for Reset<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
