//! Connections for reads.

use std::{
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sea_orm::{ProxyRow, Statement};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::conn::{Conn, Role};
use crate::engine::{EngineError, EngineOptions, error::Fault, rows::Row};
use crate::threads;

/// How a statement is read.
type Read<T> = fn(&mut Conn, &Statement) -> Result<T, Fault>;

/// Longest wait for another thread's short read to give its connection back.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a thread for a long read is called.
pub(super) const LONG: &str = "kehu-long-read";

/// A connection is taken and given back inside one statement, never kept across an await. A read runs on the calling
/// thread for a few milliseconds; one that takes longer starts again on a thread that gives way, with a limit.
pub(crate) struct ReadPool {
    path: PathBuf,
    size: usize,
    lock_timeout: Duration,
    pub(super) budget: Duration,
    pub(super) limit: Duration,
    bytes: usize,
    long: Arc<Semaphore>,
    /// How many may take long at a time.
    readers: usize,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Conn>,
    open: usize,
    closed: bool,
}

impl ReadPool {
    /// Opens nothing yet.
    pub(crate) fn new(path: PathBuf, options: &EngineOptions) -> Arc<Self> {
        Arc::new(Self {
            path,
            size: options.readers + options.long_readers,
            lock_timeout: options.lock_timeout,
            budget: options.read_budget,
            limit: options.read_limit,
            bytes: options.read_bytes,
            long: Arc::new(Semaphore::new(options.long_readers)),
            readers: options.long_readers,
            state: Mutex::default(),
            returned: Condvar::new(),
        })
    }

    /// Runs one read as sea-orm has it. Needs a tokio runtime for the long ones.
    pub(crate) async fn query(self: &Arc<Self>, statement: Statement) -> Result<Vec<ProxyRow>, Fault> {
        self.read(statement, Conn::query).await
    }

    /// Runs one read of rows. Needs a tokio runtime for the long ones.
    pub(crate) async fn rows<R: Row>(self: &Arc<Self>, statement: Statement) -> Result<Vec<R>, Fault> {
        self.read(statement, Conn::rows).await
    }

    async fn read<T: Send + 'static>(self: &Arc<Self>, statement: Statement, read: Read<T>) -> Result<T, Fault> {
        match self.run(&statement, read, self.budget) {
            Err(fault) if matches!(fault.known(), Some(EngineError::TooExpensive)) => {
                self.read_long(statement, read).await
            }
            done => done,
        }
    }

    /// (connections open, connections in use)
    pub(crate) fn usage(&self) -> (usize, usize) {
        let state = self.state();
        (state.open, state.open - state.idle.len())
    }

    /// Waits for the long reads that there are, no longer than they may take; there are none afterwards.
    pub(crate) async fn settle(&self) {
        let all = u32::try_from(self.readers).unwrap_or(u32::MAX);
        let _ = tokio::time::timeout(self.limit, self.long.acquire_many(all)).await;
        self.long.close();
    }

    /// Closes what is idle now, and the rest when it comes back.
    pub(crate) fn close(&self) {
        let idle = {
            let mut state = self.state();
            state.closed = true;
            state.open -= state.idle.len();
            std::mem::take(&mut state.idle)
        };
        drop(idle);
        self.returned.notify_all();
    }

    async fn read_long<T: Send + 'static>(self: &Arc<Self>, statement: Statement, read: Read<T>) -> Result<T, Fault> {
        let permit = self.permit().await?;
        let pool = Arc::clone(self);
        let done = threads::aside(LONG, move || {
            let rows = pool.run(&statement, read, pool.limit);
            drop(permit);
            rows
        });
        match done.await {
            Some(Ok(done)) => done,
            _ => Err(Fault::engine(EngineError::Unavailable)),
        }
    }

    /// Leave to take long, which few have at a time.
    pub(super) async fn permit(&self) -> Result<OwnedSemaphorePermit, Fault> {
        match tokio::time::timeout(self.limit, Arc::clone(&self.long).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(Fault::engine(EngineError::Closed)),
            Err(_) => Err(Fault::engine(EngineError::Busy)),
        }
    }

    fn run<T>(&self, statement: &Statement, read: Read<T>, limit: Duration) -> Result<T, Fault> {
        let mut lease = self.take()?;
        let conn = lease.conn.as_mut().ok_or_else(|| Fault::engine(EngineError::Closed))?;
        let rows = conn.within(limit, |conn| read(conn, statement));
        match rows {
            Err(fault) if matches!(fault.known(), Some(EngineError::ReadOnly)) => {
                Err(Fault::engine(EngineError::Misuse("a read tried to write")))
            }
            Err(fault) if matches!(fault.known(), Some(EngineError::Unavailable)) => {
                // After an I/O error the next read begins with a fresh connection.
                lease.conn = None;
                Err(fault)
            }
            rows => rows,
        }
    }

    pub(super) fn take(&self) -> Result<Lease<'_>, Fault> {
        let mut state = self.state();
        loop {
            if state.closed {
                return Err(Fault::engine(EngineError::Closed));
            }
            if let Some(conn) = state.idle.pop() {
                return Ok(Lease { pool: self, conn: Some(conn) });
            }
            if state.open < self.size {
                state.open += 1;
                drop(state);
                // The lease counts as open from here on, also if opening fails.
                let mut lease = Lease { pool: self, conn: None };
                let mut conn = Conn::open(&self.path, Role::Reader, self.lock_timeout)?;
                conn.limit_result(self.bytes);
                lease.conn = Some(conn);
                return Ok(lease);
            }
            let (woken, wait) = self.returned.wait_timeout(state, PATIENCE).unwrap_or_else(PoisonError::into_inner);
            if wait.timed_out() {
                return Err(Fault::engine(EngineError::Busy));
            }
            state = woken;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives its connection back when dropped, after a panic too; without one it gives the place back.
pub(super) struct Lease<'a> {
    pool: &'a ReadPool,
    pub(super) conn: Option<Conn>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        match self.conn.take() {
            Some(conn) if !state.closed => state.idle.push(conn),
            conn => {
                state.open = state.open.saturating_sub(1);
                drop(state);
                drop(conn);
            }
        }
        self.pool.returned.notify_one();
    }
}
