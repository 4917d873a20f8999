//! PostgreSQL through sqlx's connections and sea-orm's statements.

mod pool;
mod session;

use std::{
    collections::HashMap,
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use sea_orm::{
    ConnectionTrait, DatabaseExecutor, DbErr, QueryResult, SqlxPostgresConnector, Statement, TransactionTrait,
};
use sqlx::{
    ConnectOptions,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::{
    runtime::{Handle, Id},
    sync::Mutex,
};

pub(crate) use session::Transaction;

use super::{
    EngineError, EngineOptions, Migrate,
    error::Fault,
    snapshot::{KEPT, Snapshot},
    tx::{Inner, SUSPENDED, SWALLOWED, Tx},
};
use pool::Pool;

/// Number of the advisory lock that migrations take: "kehu" in ASCII.
const MIGRATION_LOCK: i64 = 0x6b65_6875;

/// Longest wait for the connection of migrations.
const ACQUIRE: Duration = Duration::from_secs(5);

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
    read: Arc<Pool>,
    write: Arc<Pool>,
}

impl Postgres {
    /// Migrates, then is ready; connections are made later.
    pub(crate) async fn open(
        options: PgConnectOptions,
        limits: EngineOptions,
        migrate: Migrate,
    ) -> Result<Self, EngineError> {
        // Statement texts stay out of the log. PgBouncer refuses the parameter of floating-point digits, and values are
        // sent in binary anyway.
        let options = options.disable_statement_logging().statement_cache_capacity(256).extra_float_digits(None);
        let options = match options.get_application_name() {
            Some(_) => options,
            None => options.application_name("kehu"),
        };
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

    pub(crate) async fn query(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let pool = self.pools().map_err(Fault::engine)?.read;
        session::read(&pool, statement).await.map_err(of_read)
    }

    /// Begin, the closure, commit; a closure that awaits anything but its statements is refused, as on SQLite.
    pub(crate) async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&Tx) -> Result<T, E> + Send + 'static,
        E: From<EngineError>,
    {
        let transaction = Transaction::open(&self.pools()?.write).await?;
        let tx = Tx::new(Inner::Postgres(Box::new(Mutex::new(transaction))));
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
        let checks = tx.take_at_commit();
        let Inner::Postgres(inner) = tx.into_inner() else { return result };
        let transaction = inner.into_inner();
        if result.is_ok() {
            transaction.commit(checks).await?;
            self.commits.fetch_add(1, Ordering::Relaxed);
        } else {
            transaction.rollback().await;
        }
        result
    }

    /// Begin, the closure, commit, on a session whose transactions see one moment.
    pub(crate) async fn snapshot<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: AsyncFn(&Snapshot) -> Result<T, E>,
        E: From<EngineError>,
    {
        let transaction = Transaction::open(&self.pools()?.read).await?;
        let snapshot = Snapshot::new(Inner::Postgres(Box::new(Mutex::new(transaction))));
        let result = snapshot.run(job(&snapshot)).await;
        let Some(Inner::Postgres(inner)) = snapshot.into_inner() else { return Err(KEPT.into()) };
        // What was read was read; a connection that cannot be given back is closed.
        inner.into_inner().rollback().await;
        result
    }

    /// Closes the pools of all runtimes.
    pub(crate) async fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        let pools = std::mem::take(&mut *self.pools.write().unwrap_or_else(PoisonError::into_inner));
        for pool in pools.into_values().flat_map(|pools| [pools.read, pools.write]) {
            pool.close().await;
        }
    }

    /// (connections open, connections in use), of all runtimes
    pub(crate) fn usage(&self) -> (usize, usize) {
        let pools = self.pools.read().unwrap_or_else(PoisonError::into_inner);
        let each = pools.values().flat_map(|pools| [&pools.read, &pools.write]);
        each.map(|pool| pool.usage()).fold((0, 0), |(open, used), (more, in_use)| (open + more, used + in_use))
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
        Pools {
            // A read that waits for a lock ends by that before its time is over: it was not too expensive.
            read: self.make_pool(limits.read_limit, limits.lock_timeout.min(limits.read_limit * 3 / 4), READS),
            write: self.make_pool(limits.write_limit, limits.lock_timeout, ""),
        }
    }

    /// The limits are set by a statement and not at the start of the connection, where PgBouncer refuses them.
    fn make_pool(&self, statement: Duration, lock: Duration, more: &str) -> Arc<Pool> {
        let set_up = format!(
            "SET statement_timeout = {limit}; SET lock_timeout = {lock}; \
             SET idle_in_transaction_session_timeout = {idle}; \
             SET default_transaction_isolation = 'read committed'; {more}",
            limit = statement.as_millis(),
            lock = lock.as_millis(),
            idle = self.limits.write_limit.as_millis(),
        );
        Pool::new(self.options.clone(), set_up, statement, self.limits.connections)
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

/// On a read-only session, "read-only" is the fault of the statement and not of the server.
pub(crate) fn of_read(error: DbErr) -> DbErr {
    match EngineError::from(error.clone()) {
        EngineError::ReadOnly => Fault::engine(EngineError::Misuse("a read tried to write")).into(),
        _ => error,
    }
}
