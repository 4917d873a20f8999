//! Reads of one moment: a transaction on a reader's connection, within the budget of one read.

use std::{
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use super::{conn::Conn, pool::ReadPool};
use crate::engine::{
    EngineError,
    error::Fault,
    snapshot::{KEPT, Snapshot},
    tx::{Inner, SUSPENDED},
};

impl ReadPool {
    /// Runs the closure on the calling thread; over the budget, it starts again on a blocking thread.
    pub(crate) async fn snapshot<T, E, F>(self: &Arc<Self>, job: F) -> Result<T, E>
    where
        F: AsyncFn(&Snapshot) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<EngineError> + Send + 'static,
    {
        if let Some(done) = self.read_moment(&job, self.budget) {
            return done;
        }
        let permit = self.permit().await.map_err(of_fault)?;
        let pool = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let done = pool.read_moment(&job, pool.limit);
            drop(permit);
            done
        });
        match done.await {
            Ok(Some(done)) => done,
            Ok(None) => Err(EngineError::TooExpensive.into()),
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(EngineError::Unavailable.into()),
            },
        }
    }

    /// `None` if a statement of it was interrupted, whatever the closure made of that.
    fn read_moment<T, E, F>(&self, job: &F, limit: Duration) -> Option<Result<T, E>>
    where
        F: AsyncFn(&Snapshot) -> Result<T, E>,
        E: From<EngineError>,
    {
        let mut lease = match self.take() {
            Ok(lease) => lease,
            Err(fault) => return Some(Err(of_fault(fault).into())),
        };
        let Some(mut conn) = lease.conn.take() else { return Some(Err(EngineError::Closed.into())) };
        if let Err(fault) = begin(&mut conn, limit) {
            return Some(Err(of_fault(fault).into()));
        }
        let snapshot = Snapshot::new(Inner::Sqlite(Box::new(Mutex::new(conn))));
        // Its only awaits are statements, which do not suspend: once is enough.
        let done = match pin!(job(&snapshot)).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => done,
            Poll::Pending => Err(SUSPENDED.into()),
        };
        let Some(Inner::Sqlite(conn)) = snapshot.into_inner() else { return Some(Err(KEPT.into())) };
        let mut conn = conn.into_inner().unwrap_or_else(PoisonError::into_inner);
        let last = conn.take_last_fault();
        conn.give_up_after(None);
        // One that cannot even end this, or had an I/O error, is not used again.
        if conn.control("COMMIT").is_ok() && !matches!(last, Some(EngineError::Unavailable)) {
            lease.conn = Some(conn);
        }
        (!matches!(last, Some(EngineError::TooExpensive))).then_some(done)
    }
}

/// The moment is that of the first statement.
fn begin(conn: &mut Conn, limit: Duration) -> Result<(), Fault> {
    conn.control("BEGIN")?;
    conn.take_last_fault();
    conn.give_up_after(Some(limit));
    Ok(())
}

fn of_fault(fault: Fault) -> EngineError {
    sea_orm::DbErr::from(fault).into()
}
