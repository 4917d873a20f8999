//! Reads of one moment: a transaction on a reader's connection, within the budget of one read.

use std::{
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use super::{
    conn::Conn,
    pool::{LONG, ReadPool},
};
use crate::engine::{
    EngineError,
    error::Fault,
    snapshot::{KEPT, Snapshot},
    tx::{Inner, SUSPENDED},
};
use crate::threads;

impl ReadPool {
    /// Runs the closure on the calling thread; over the budget, it starts again on one that gives way.
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
        let done = threads::aside(LONG, move || {
            let done = pool.read_moment(&job, pool.limit);
            drop(permit);
            done
        });
        match done.await {
            Some(Ok(Some(done))) => done,
            Some(Ok(None)) => Err(EngineError::TooExpensive.into()),
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => Err(EngineError::Unavailable.into()),
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
