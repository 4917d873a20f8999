//! PostgreSQL through sea-orm's sqlx driver.

use std::{
    collections::HashMap,
    future::poll_fn,
    pin::pin,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseExecutor, DbErr, QueryResult, SqlxPostgresConnector, Statement,
    TransactionTrait, Value,
};
use sqlx::{
    ConnectOptions, Connection, Executor,
    postgres::{PgConnectOptions, PgPool, PgPoolOptions},
};
use tokio::runtime::{Handle, Id};

use super::{
    EngineError, EngineOptions, Migrate,
    error::Fault,
    snapshot::{KEPT, Snapshot},
    sqlite::whole_millis,
    tx::{Inner, SUSPENDED, SWALLOWED, Tx},
};

/// Number of the advisory lock that migrations take: "kehu" in ASCII.
const MIGRATION_LOCK: i64 = 0x6b65_6875;

/// A connection that was idle for longer is asked whether it lives before it is used.
const PING_AFTER: Duration = Duration::from_secs(30);

/// Longest wait for a connection.
const ACQUIRE: Duration = Duration::from_secs(5);

/// Longest wait for the connections of one pool when closing.
const CLOSE: Duration = Duration::from_secs(5);

/// Sessions for reads: the server refuses what writes, and a transaction sees one moment.
const READS: &str = "SET default_transaction_read_only = on; SET default_transaction_isolation = 'repeatable read';";

/// One server.
///
/// A connection belongs to the runtime that opened it, and every actix worker is a runtime of its own: so each gets
/// pools of its own, made when it first asks. Reads have a pool whose sessions are read-only, so that the server
/// refuses a read that writes; writes have another.
pub(crate) struct Postgres {
    options: PgConnectOptions,
    limits: EngineOptions,
    pools: RwLock<HashMap<Id, Pools>>,
    closed: AtomicBool,
    pub(crate) jobs: AtomicU64,
    pub(crate) commits: AtomicU64,
}

#[derive(Clone)]
struct Pools {
    read: PgPool,
    write: PgPool,
}

impl Postgres {
    /// Migrates, then is ready; connections are made later.
    pub(crate) async fn open(
        options: PgConnectOptions,
        limits: EngineOptions,
        migrate: Migrate,
    ) -> Result<Self, EngineError> {
        // Statement texts stay out of the log.
        let options = options.disable_statement_logging().statement_cache_capacity(256);
        run_migrations(&options, migrate).await?;
        Ok(Self {
            options,
            limits,
            pools: RwLock::default(),
            closed: AtomicBool::new(false),
            jobs: AtomicU64::new(0),
            commits: AtomicU64::new(0),
        })
    }

    pub(crate) async fn query_one(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let reader = self.reader()?;
        reader.query_one_raw(whole_times(statement)).await.map_err(of_read)
    }

    pub(crate) async fn query_all(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let reader = self.reader()?;
        reader.query_all_raw(whole_times(statement)).await.map_err(of_read)
    }

    /// Begin, the closure, commit; a closure that awaits anything but its statements is refused, as on SQLite.
    pub(crate) async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&Tx) -> Result<T, E> + Send + 'static,
        E: From<EngineError>,
    {
        let writer = SqlxPostgresConnector::from_sqlx_postgres_pool(self.pools()?.write);
        let tx = Tx::new(Inner::Postgres(writer.begin().await.map_err(EngineError::from)?));
        self.jobs.fetch_add(1, Ordering::Relaxed);
        let result = {
            let mut job = pin!(job(&tx));
            poll_fn(|cx| match job.as_mut().poll(cx) {
                Poll::Pending if !tx.in_statement() => Poll::Ready(Err(SUSPENDED.into())),
                polled => polled,
            })
            .await
        };
        // COMMIT after a failed statement is a silent ROLLBACK on PostgreSQL: it must not look like a success.
        let result = if result.is_ok() && tx.is_spoiled() { Err(SWALLOWED.into()) } else { result };
        let Inner::Postgres(inner) = tx.into_inner() else { return result };
        if result.is_ok() {
            inner.commit().await.map_err(EngineError::from)?;
            self.commits.fetch_add(1, Ordering::Relaxed);
        } else {
            // If even that fails, the connection is broken and the server rolls back by itself.
            let _ = inner.rollback().await;
        }
        result
    }

    /// Begin, the closure, commit, on a session whose transactions see one moment.
    pub(crate) async fn snapshot<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: AsyncFn(&Snapshot) -> Result<T, E>,
        E: From<EngineError>,
    {
        let reader = self.reader().map_err(EngineError::from)?;
        let snapshot = Snapshot::new(Inner::Postgres(reader.begin().await.map_err(EngineError::from)?));
        let result = snapshot.run(job(&snapshot)).await;
        let Some(Inner::Postgres(inner)) = snapshot.into_inner() else { return Err(KEPT.into()) };
        // What was read was read; a connection that cannot be given back is closed.
        let _ = if result.is_ok() { inner.commit().await } else { inner.rollback().await };
        result
    }

    /// Closes the pools of all runtimes.
    pub(crate) async fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        let pools = std::mem::take(&mut *self.pools.write().unwrap_or_else(PoisonError::into_inner));
        for pool in pools.into_values().flat_map(|pools| [pools.read, pools.write]) {
            // A pool whose runtime has ended cannot be waited for for ever.
            let _ = tokio::time::timeout(CLOSE, pool.close()).await;
        }
    }

    /// (connections open, connections in use), of all runtimes
    pub(crate) fn usage(&self) -> (usize, usize) {
        let pools = self.pools.read().unwrap_or_else(PoisonError::into_inner);
        pools.values().flat_map(|pools| [&pools.read, &pools.write]).fold((0, 0), |(open, used), pool| {
            let size = usize::try_from(pool.size()).unwrap_or_default();
            (open + size, used + size.saturating_sub(pool.num_idle()))
        })
    }

    fn reader(&self) -> Result<DatabaseConnection, DbErr> {
        let pools = self.pools().map_err(Fault::engine)?;
        Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pools.read))
    }

    /// The pools of the runtime that asks.
    fn pools(&self) -> Result<Pools, EngineError> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(EngineError::Closed);
        }
        let runtime = Handle::try_current().map_err(|_| EngineError::Misuse("not inside a tokio runtime"))?.id();
        if let Some(pools) = self.pools.read().unwrap_or_else(PoisonError::into_inner).get(&runtime) {
            return Ok(pools.clone());
        }
        let mut pools = self.pools.write().unwrap_or_else(PoisonError::into_inner);
        Ok(pools.entry(runtime).or_insert_with(|| self.make_pools()).clone())
    }

    fn make_pools(&self) -> Pools {
        let limits = &self.limits;
        Pools { read: self.make_pool(limits.read_limit, READS), write: self.make_pool(limits.write_limit, "") }
    }

    /// The limits are set by a statement and not at the start of the connection, where PgBouncer refuses them.
    fn make_pool(&self, statement: Duration, more: &str) -> PgPool {
        let set_up = format!(
            "SET statement_timeout = {statement}; SET lock_timeout = {lock}; \
             SET idle_in_transaction_session_timeout = {idle}; \
             SET default_transaction_isolation = 'read committed'; {more}",
            statement = statement.as_millis(),
            lock = self.limits.lock_timeout.as_millis(),
            idle = self.limits.write_limit.as_millis(),
        );
        PgPoolOptions::new()
            .max_connections(self.limits.connections)
            .acquire_timeout(ACQUIRE)
            .test_before_acquire(false)
            .before_acquire(|conn, meta| {
                Box::pin(async move {
                    if meta.idle_for >= PING_AFTER {
                        conn.ping().await?;
                    }
                    Ok(true)
                })
            })
            .after_connect(move |conn, _| {
                let set_up = set_up.clone();
                Box::pin(async move { conn.execute(sqlx::AssertSqlSafe(set_up)).await.map(drop) })
            })
            .connect_lazy_with(self.options.clone())
    }
}

/// The whole run in one transaction, one server of several at a time.
async fn run_migrations(options: &PgConnectOptions, migrate: Migrate) -> Result<(), EngineError> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE)
        .connect_with(options.clone())
        .await
        .map_err(|e| DbErr::Conn(sea_orm::RuntimeErr::SqlxError(e.into())))?;
    let db = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
    let tx = db.begin().await?;
    tx.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).await?;
    let migrated = migrate(DatabaseExecutor::Transaction(&tx)).await;
    let done = match migrated {
        Ok(()) => {
            // Fails if a statement failed and nobody looked: the commit would be a silent rollback.
            tx.execute_unprepared("SELECT 1").await?;
            tx.commit().await
        }
        Err(error) => tx.rollback().await.and(Err(error)),
    };
    db.close().await?;
    Ok(done?)
}

/// Times are cut to milliseconds before they are bound: PostgreSQL would keep micro- and round to milliseconds.
pub(crate) fn whole_times(mut statement: Statement) -> Statement {
    for value in statement.values.iter_mut().flat_map(|values| &mut values.0) {
        if let Value::ChronoDateTimeUtc(Some(time)) = value {
            *time = whole_millis(*time);
        }
    }
    statement
}

/// On a read-only session, "read-only" is the fault of the statement and not of the server.
pub(crate) fn of_read(error: DbErr) -> DbErr {
    match EngineError::from(error.clone()) {
        EngineError::ReadOnly => Fault::engine(EngineError::Misuse("a read tried to write")).into(),
        _ => error,
    }
}
