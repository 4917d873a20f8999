//! The two database engines behind one interface.
//!
//! [`Engine`] runs reads (it is sea-orm's [`ConnectionTrait`], for reads only) and write transactions
//! ([`Engine::write`]). SQLite goes through our own driver over rusqlite with one writer that commits in groups;
//! PostgreSQL through sea-orm's sqlx driver. Above this module nobody needs to know which of them it is.

mod error;
mod options;
mod postgres;
pub(crate) mod rows;
mod snapshot;
mod sqlite;
mod tx;

#[cfg(test)]
mod tests;

use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering},
};

use sea_orm::{ConnectionTrait, DatabaseExecutor, DbBackend, DbErr, ExecResult, QueryResult, Statement};

pub use error::EngineError;
pub use options::{EngineOptions, Place};
pub use snapshot::Snapshot;
pub(crate) use snapshot::Source;
pub use sqlite::Kind;
pub use tx::Tx;

use error::Fault;
use postgres::Postgres;
use sqlite::Sqlite;

/// Brings the schema up to date, inside a transaction that the engine begins and ends. It takes what sea-orm's
/// migrator takes: `|db| Box::pin(Migrator::up(db, None))`.
///
/// On SQLite `timestamp_with_time_zone` of the schema builder becomes a column of integer milliseconds by itself.
pub type Migrate = for<'a> fn(DatabaseExecutor<'a>) -> Pin<Box<dyn Future<Output = Result<(), DbErr>> + Send + 'a>>;

/// Which engine it is. Only the module of dialects should ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    /// Embedded.
    Sqlite,
    /// A server.
    Postgres,
}

/// Figures for `/metrics`; counters run since the engine was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineStats {
    /// Writes that wait for the writer (SQLite).
    pub queue_depth: usize,
    /// Groups begun (SQLite); transactions begun (PostgreSQL).
    pub batches: u64,
    /// Writes run, also those that failed.
    pub jobs: u64,
    /// Commits that succeeded.
    pub commits: u64,
    /// Size of the write-ahead log (SQLite).
    pub wal_bytes: u64,
    /// Connections open: for reads (SQLite), for all of this process (PostgreSQL).
    pub connections: usize,
    /// Those of them in use.
    pub connections_in_use: usize,
}

/// An open database. Cloning is cheap.
///
/// Reads: anything of sea-orm that takes `&impl ConnectionTrait`; whatever would write is refused. On SQLite a read
/// runs on the calling thread, so a tokio runtime is needed only for those that take long.
#[derive(Clone)]
pub struct Engine(Arc<Backend>);

enum Backend {
    Sqlite(Sqlite),
    Postgres(Box<Postgres>),
}

impl Engine {
    /// Migrates and opens. Two processes that do so at once wait for each other.
    ///
    /// # Errors
    /// Those of the migration; [`EngineError::Unavailable`] if the file or the server cannot be reached.
    pub async fn open(options: EngineOptions, migrate: Migrate) -> Result<Self, EngineError> {
        let backend = match options.place.clone() {
            Place::Sqlite(path) => Backend::Sqlite(Sqlite::open(path, &options, migrate).await?),
            Place::Postgres(pg) => Backend::Postgres(Box::new(Postgres::open(*pg, options, migrate).await?)),
        };
        Ok(Self(Arc::new(backend)))
    }

    /// Which engine it is.
    #[must_use]
    pub fn kind(&self) -> EngineKind {
        match &*self.0 {
            Backend::Sqlite(_) => EngineKind::Sqlite,
            Backend::Postgres(_) => EngineKind::Postgres,
        }
    }

    /// Runs a write transaction: commits if the closure answers `Ok`, rolls back otherwise, and returns when that is
    /// on the disk.
    ///
    /// The closure owns what it needs and awaits nothing but statements on its [`Tx`]: anything else (a timer, a
    /// request, a hash on another thread) is refused with [`EngineError::Misuse`] and rolled back, on both engines.
    /// On SQLite it runs on the writer's thread, in one commit with others; dropping the returned future before it
    /// has started takes it back, later it is carried out. On PostgreSQL dropping the future rolls back.
    ///
    /// # Errors
    /// Those of the closure and every [`EngineError`]; of these, what is [retryable](EngineError::retryable) wrote
    /// nothing, but for what [`EngineError::Unavailable`] says of commits.
    ///
    /// # Panics
    /// With the panic of the closure; nothing of it is written, and no other write is harmed.
    pub async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<EngineError> + Send + 'static,
    {
        match &*self.0 {
            Backend::Sqlite(sqlite) => sqlite.writer.write(job).await,
            Backend::Postgres(postgres) => postgres.write(job).await,
        }
    }

    /// Runs reads that see the same moment: whatever is written meanwhile is in all of them or in none.
    ///
    /// The closure awaits nothing but statements on its [`Snapshot`]. On SQLite it is run as one read is, within the
    /// budget and limit of one: when it takes longer than the budget it is **started again** on a thread of its own. On
    /// PostgreSQL it is a transaction, two round trips more than its statements: one statement alone needs none of
    /// this.
    ///
    /// # Errors
    /// Those of the closure and every [`EngineError`] of a read.
    ///
    /// # Panics
    /// With the panic of the closure.
    pub async fn snapshot<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: AsyncFn(&Snapshot) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<EngineError> + Send + 'static,
    {
        match &*self.0 {
            Backend::Sqlite(sqlite) => sqlite.readers.snapshot(job).await,
            Backend::Postgres(postgres) => postgres.snapshot(job).await,
        }
    }

    /// Takes no more long reads and no more writes, finishes those that wait, brings the WAL into the file and closes all connections.
    /// Everything asked later is refused with [`EngineError::Closed`].
    pub async fn close(&self) {
        match &*self.0 {
            Backend::Sqlite(sqlite) => {
                sqlite.readers.settle().await;
                sqlite.writer.close().await;
                sqlite.readers.close();
            }
            Backend::Postgres(postgres) => postgres.close().await,
        }
    }

    /// Whether the database answers, by a read.
    ///
    /// # Errors
    /// Whatever keeps it from answering.
    pub async fn ping(&self) -> Result<(), EngineError> {
        self.query_one_raw(Statement::from_string(self.get_database_backend(), "SELECT 1 AS one")).await?;
        Ok(())
    }

    /// What was written over or deleted is to leave the log of the file as well, as soon as no reader is in the way
    /// (SQLite). PostgreSQL recycles its own.
    pub(crate) fn forget(&self) {
        if let Backend::Sqlite(sqlite) = &*self.0 {
            sqlite.writer.forget();
        }
    }

    /// Figures of this moment.
    #[must_use]
    pub fn stats(&self) -> EngineStats {
        match &*self.0 {
            Backend::Sqlite(sqlite) => {
                let counts = sqlite.writer.counts();
                let (connections, connections_in_use) = sqlite.readers.usage();
                EngineStats {
                    queue_depth: counts.waiting.load(Ordering::Relaxed),
                    batches: counts.batches.load(Ordering::Relaxed),
                    jobs: counts.jobs.load(Ordering::Relaxed),
                    commits: counts.commits.load(Ordering::Relaxed),
                    wal_bytes: sqlite.wal_bytes(),
                    connections,
                    connections_in_use,
                }
            }
            Backend::Postgres(postgres) => {
                let jobs = postgres.jobs.load(Ordering::Relaxed);
                let (connections, connections_in_use) = postgres.usage();
                let commits = postgres.commits.load(Ordering::Relaxed);
                EngineStats { batches: jobs, jobs, commits, connections, connections_in_use, ..EngineStats::default() }
            }
        }
    }
}

/// What a read may not do.
fn refuse_write() -> DbErr {
    Fault::engine(EngineError::Misuse("a write outside Engine::write")).into()
}

#[async_trait::async_trait]
impl ConnectionTrait for Engine {
    fn get_database_backend(&self) -> DbBackend {
        match &*self.0 {
            Backend::Sqlite(_) => DbBackend::Sqlite,
            Backend::Postgres(_) => DbBackend::Postgres,
        }
    }

    async fn execute_raw(&self, _: Statement) -> Result<ExecResult, DbErr> {
        Err(refuse_write())
    }

    async fn execute_unprepared(&self, _: &str) -> Result<ExecResult, DbErr> {
        Err(refuse_write())
    }

    async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &*self.0 {
            Backend::Sqlite(sqlite) => Ok(sqlite.readers.query(stmt).await?.into_iter().next().map(Into::into)),
            Backend::Postgres(postgres) => Ok(postgres.query(stmt).await?.into_iter().next()),
        }
    }

    async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &*self.0 {
            Backend::Sqlite(sqlite) => Ok(sqlite.readers.query(stmt).await?.into_iter().map(Into::into).collect()),
            Backend::Postgres(postgres) => postgres.query(stmt).await,
        }
    }
}
