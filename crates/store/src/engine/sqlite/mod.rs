//! SQLite: our own driver beneath sea-orm, and the writer.

mod checkpoints;
mod conn;
mod job;
mod pool;
mod snapshot;
mod values;
mod writer;

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use sea_orm::{Database, DatabaseExecutor, DbBackend, DbErr, ProxyDatabaseTrait, ProxyExecResult, ProxyRow, Statement};

pub use values::Kind;
pub(crate) use {conn::Conn, pool::ReadPool, values::whole_millis, writer::Writer};

use super::{EngineError, EngineOptions, Migrate};
use conn::Role;

/// Readers and writer of one file.
pub(crate) struct Sqlite {
    pub(crate) readers: Arc<ReadPool>,
    pub(crate) writer: Writer,
    wal: PathBuf,
}

impl Sqlite {
    /// Size of the WAL.
    pub(crate) fn wal_bytes(&self) -> u64 {
        std::fs::metadata(&self.wal).map_or(0, |file| file.len())
    }

    /// Migrates, then opens.
    pub(crate) async fn open(path: PathBuf, options: &EngineOptions, migrate: Migrate) -> Result<Self, EngineError> {
        let conn = Conn::open(&path, Role::Writer, options.lock_timeout).map_err(DbErr::from)?;
        run_migrations(conn, migrate).await?;
        let writer = Writer::start(path.clone(), options)?;
        let mut wal = path.clone().into_os_string();
        wal.push("-wal");
        Ok(Self { readers: ReadPool::new(path, options), writer, wal: wal.into() })
    }
}

/// The whole run in one transaction, begun and ended on the connection itself: the proxy between it and sea-orm
/// cannot tell whether a commit succeeded. Killed in the middle, nothing of it remains.
async fn run_migrations(conn: Conn, migrate: Migrate) -> Result<(), EngineError> {
    let conn = Arc::new(Mutex::new(conn));
    let sql = |text: &str| -> Result<(), EngineError> { Ok(lock(&conn).batch(text).map_err(DbErr::from)?) };
    let proxy = MigrationProxy(Arc::clone(&conn));
    let db = Database::connect_proxy(DbBackend::Sqlite, Arc::new(Box::new(proxy))).await?;
    // Mostly there is nothing to do, which is seen without the writer's lock: a command need not wait for a server that
    // writes all the time. Where there is something, another process may have come first.
    let mut begin = "BEGIN";
    loop {
        sql(begin)?;
        let migrated = migrate(DatabaseExecutor::Connection(&db)).await.map_err(EngineError::from);
        match migrated.and_then(|()| sql("COMMIT")) {
            Err(EngineError::Busy | EngineError::LockTimeout) if begin == "BEGIN" => {
                let _ = sql("ROLLBACK");
                begin = "BEGIN IMMEDIATE";
            }
            Err(error) => {
                // Its own error matters more; closing the connection rolls back as well.
                let _ = sql("ROLLBACK");
                return Err(error);
            }
            Ok(()) => return Ok(()),
        }
    }
}

fn lock(conn: &Mutex<Conn>) -> std::sync::MutexGuard<'_, Conn> {
    conn.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What sea-orm's migrations talk to.
struct MigrationProxy(Arc<Mutex<Conn>>);

impl fmt::Debug for MigrationProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MigrationProxy")
    }
}

#[async_trait::async_trait]
impl ProxyDatabaseTrait for MigrationProxy {
    async fn query(&self, statement: Statement) -> Result<Vec<ProxyRow>, DbErr> {
        Ok(lock(&self.0).query(&statement)?)
    }

    async fn execute(&self, statement: Statement) -> Result<ProxyExecResult, DbErr> {
        let mut conn = lock(&self.0);
        if statement.values.is_some() {
            return Ok(conn.execute(&statement)?);
        }
        // Definitions; as raw text there may be several in one.
        conn.batch(&values::ddl(&statement.sql))?;
        Ok(ProxyExecResult::default())
    }
}
