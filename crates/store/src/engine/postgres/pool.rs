//! Connections to a server, of one runtime.
//!
//! Not sqlx's pool: that one asks the server for a sign of life whenever a connection is given back, a round trip for
//! each read, and gives it back later than the next one is asked for, so that more are opened than are needed.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{
    Connection, Executor, PgConnection,
    postgres::{PgConnectOptions, PgDatabaseError, PgSeverity},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant as Moment, timeout, timeout_at},
};

use super::super::EngineError;

/// Longest wait for a connection.
const ACQUIRE: Duration = Duration::from_secs(5);

/// How long a server that cannot be connected to is tried again: many a restart takes no longer.
const REACH: Duration = Duration::from_secs(1);

/// A connection that is not used for so long is closed.
const IDLE: Duration = Duration::from_secs(60);

/// A session that takes no writes is closed when it is as old: behind a proxy a new one may be with another server,
/// which does.
const DOUBT: Duration = Duration::from_secs(2);

/// A connection is closed when it is as old.
const AGE: Duration = Duration::from_secs(30 * 60);

/// Longest wait for the connections of one pool when closing.
const CLOSE: Duration = Duration::from_secs(5);

/// By how much a statement may overrun the limit that the server was told, before its connection is given up.
const GRACE: Duration = Duration::from_secs(2);

/// Connections that are set up alike. The one that was used last is used next: few are open, and its statements are
/// prepared.
pub(super) struct Pool {
    options: PgConnectOptions,
    set_up: String,
    limit: Duration,
    size: u32,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
    open: AtomicUsize,
}

struct Idle {
    conn: PgConnection,
    born: Instant,
    since: Instant,
}

/// A connection in use. Dropped, it is given back if it is fit, and closed otherwise.
pub(super) struct Lease {
    pool: Arc<Pool>,
    conn: Option<PgConnection>,
    born: Instant,
    /// It served somebody before: it may have died since.
    pub(super) reused: bool,
    /// The server ended it, or it broke.
    pub(super) lost: bool,
    /// Nothing is under way on it, and no transaction is open.
    pub(super) fit: bool,
    /// It told that it takes no writes.
    read_only: bool,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    /// None is open yet. `set_up` is run on every new connection; `limit` is the statement timeout that it sets.
    pub(super) fn new(options: PgConnectOptions, set_up: String, limit: Duration, size: u32) -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(usize::try_from(size).unwrap_or(1)));
        let pool =
            Self { options, set_up, limit: limit + GRACE, size, permits, idle: Mutex::default(), open: 0.into() };
        let pool = Arc::new(pool);
        tokio::spawn(sweep(Arc::downgrade(&pool)));
        pool
    }

    /// A connection, within [`ACQUIRE`].
    pub(super) async fn take(self: &Arc<Self>) -> Result<Lease, EngineError> {
        let deadline = Moment::now() + ACQUIRE;
        let permit = match timeout_at(deadline, Arc::clone(&self.permits).acquire_owned()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Err(EngineError::Closed),
            Err(_) => return Err(EngineError::QueueFull),
        };
        let pool = Arc::clone(self);
        let mut lease = Lease {
            pool,
            conn: None,
            born: Instant::now(),
            reused: false,
            lost: false,
            fit: false,
            read_only: false,
            _permit: permit,
        };
        lease.fill(deadline).await?;
        Ok(lease)
    }

    /// A new connection, or one that is given back meanwhile.
    async fn connect(&self) -> Result<(Idle, bool), EngineError> {
        let begun = Instant::now();
        let mut pause = Duration::from_millis(10);
        loop {
            let error = match PgConnection::connect_with(&self.options).await {
                Ok(mut conn) => match conn.execute(sqlx::AssertSqlSafe(self.set_up.clone())).await {
                    Ok(_) => {
                        self.open.fetch_add(1, Ordering::Relaxed);
                        return Ok((Idle { conn, born: begun, since: begun }, false));
                    }
                    Err(error) => error,
                },
                Err(error) => error,
            };
            if begun.elapsed() + pause > REACH {
                tracing::warn!(cause = cause(&error), "no connection to the database");
                return Err(EngineError::Unavailable);
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
            if let Some(idle) = self.pop() {
                return Ok((idle, true));
            }
        }
    }

    fn pop(&self) -> Option<Idle> {
        lock(&self.idle).pop()
    }

    fn forget(&self) {
        let dead = std::mem::take(&mut *lock(&self.idle));
        self.open.fetch_sub(dead.len(), Ordering::Relaxed);
    }

    /// (open, in use)
    pub(super) fn usage(&self) -> (usize, usize) {
        let open = self.open.load(Ordering::Relaxed);
        (open, open.saturating_sub(lock(&self.idle).len()))
    }

    /// Gives no more connections, waits for those in use and closes all.
    pub(super) async fn close(&self) {
        // A pool whose runtime has ended cannot be waited for for ever.
        let all = timeout(CLOSE, self.permits.acquire_many(self.size)).await;
        self.permits.close();
        drop(all);
        let idle = std::mem::take(&mut *lock(&self.idle));
        self.open.fetch_sub(idle.len(), Ordering::Relaxed);
        let _ = timeout(CLOSE, async {
            for Idle { conn, .. } in idle {
                let _ = conn.close().await;
            }
        })
        .await;
    }
}

/// Closes what was not used for long, until the pool is gone.
async fn sweep(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(IDLE / 4).await;
        let Some(pool) = pool.upgrade() else { return };
        let old: Vec<Idle> = {
            let mut idle = lock(&pool.idle);
            let (old, good) = idle.drain(..).partition(|idle| idle.since.elapsed() >= IDLE);
            *idle = good;
            old
        };
        pool.open.fetch_sub(old.len(), Ordering::Relaxed);
        for Idle { conn, .. } in old {
            let _ = timeout(GRACE, conn.close()).await;
        }
    }
}

impl Lease {
    async fn fill(&mut self, deadline: Moment) -> Result<(), EngineError> {
        let found = self.pool.pop();
        self.reused = found.is_some();
        let Idle { conn, born, .. } = match found {
            Some(idle) => idle,
            None => {
                let connected = timeout_at(deadline, self.pool.connect()).await;
                let (idle, reused) = connected.unwrap_or(Err(EngineError::Unavailable))?;
                self.reused = reused;
                idle
            }
        };
        (self.conn, self.born) = (Some(conn), born);
        (self.lost, self.fit, self.read_only) = (false, true, false);
        Ok(())
    }

    /// Another connection in the place of one that was lost. The others that are not in use are closed: they may be
    /// dead too.
    pub(super) async fn renew(&mut self) -> Result<(), EngineError> {
        if self.conn.take().is_some() {
            self.pool.open.fetch_sub(1, Ordering::Relaxed);
        }
        self.pool.forget();
        self.fill(Moment::now() + ACQUIRE).await
    }

    /// How long one statement may take.
    pub(super) fn limit(&self) -> Duration {
        self.pool.limit
    }

    /// The connection, for one statement: from here until [`Lease::finish`] it is not fit to be given back.
    pub(super) fn start(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        self.fit = false;
        self.conn.as_mut().ok_or(sqlx::Error::PoolClosed)
    }

    /// The end of a statement.
    pub(super) fn finish<T>(
        &mut self,
        done: Result<Result<T, sqlx::Error>, tokio::time::error::Elapsed>,
    ) -> Result<T, sqlx::Error> {
        let done = done.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()));
        match &done {
            Ok(_) => self.fit = true,
            Err(sqlx::Error::Database(error)) => {
                let severity = error.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::severity);
                self.lost = !matches!(severity, Some(PgSeverity::Error));
                self.read_only |= error.code().as_deref() == Some("25006");
                self.fit = !self.lost;
            }
            // Also what ran out of time; but the server may be at it still, so that it is not tried again.
            Err(sqlx::Error::Io(error)) => self.lost = error.kind() != std::io::ErrorKind::TimedOut,
            Err(_) => {}
        }
        done
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(conn) = self.conn.take() else { return };
        let age = if self.read_only { DOUBT } else { AGE };
        if self.fit && self.born.elapsed() < age && !self.pool.permits.is_closed() {
            lock(&self.pool.idle).push(Idle { conn, born: self.born, since: Instant::now() });
        } else {
            // The server rolls back what was begun on it.
            self.pool.open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Why there is no connection, without anything that the server or the operating system said in words.
fn cause(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => format!("SQLSTATE {}", error.code().unwrap_or_default()),
        sqlx::Error::Io(error) => error.kind().to_string(),
        sqlx::Error::Tls(_) => "TLS".to_owned(),
        _ => "driver".to_owned(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
