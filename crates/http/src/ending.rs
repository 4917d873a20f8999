//! What the end of a server waits for before the framework closes connections: it would drop those that were taken and
//! not read yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

/// Turns of its loop in which a worker takes what was handed to it, and reads it.
const TURNS: u32 = 10;
/// Length of a turn.
const TURN: Duration = Duration::from_millis(10);
/// Longest wait for all workers: one that has died answers nothing.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a connection may be idle before it is closed unasked. Until then a request on it is answered, and the
/// answer says that it is the last one.
const IDLE: Duration = Duration::from_secs(1);

/// Workers and connections of a server.
pub(crate) struct Ending {
    workers: AtomicUsize,
    begun: watch::Sender<bool>,
    settled: Semaphore,
    connections: Arc<AtomicUsize>,
}

/// A connection; dropped when it is closed.
pub(crate) struct Open(Arc<AtomicUsize>);

impl Ending {
    pub(crate) fn new() -> Self {
        Self {
            workers: AtomicUsize::new(0),
            begun: watch::channel(false).0,
            settled: Semaphore::new(0),
            connections: Arc::default(),
        }
    }

    /// A worker begins; called on its own thread.
    pub(crate) fn worker(self: &Arc<Self>) {
        self.workers.fetch_add(1, Ordering::Relaxed);
        let (own, mut begun) = (Arc::clone(self), self.begun.subscribe());
        drop(actix_web::rt::spawn(async move {
            if begun.wait_for(|begun| *begun).await.is_ok() {
                for _ in 0..TURNS {
                    sleep(TURN).await;
                }
                own.settled.add_permits(1);
            }
        }));
    }

    /// A connection begins.
    pub(crate) fn connection(&self) -> Open {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Open(Arc::clone(&self.connections))
    }

    /// How many connections there are.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Waits until no request is unread, when nobody is let in any more: every worker has been through its loop, and
    /// the connections have closed with their last answers, or have been idle for a second.
    pub(crate) async fn settle(&self) {
        self.begun.send_replace(true);
        let workers = u32::try_from(self.workers.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        // Too late is no harm: what comes next waits as well.
        let _ = timeout(PATIENCE, self.settled.acquire_many(workers)).await;
        let closed = async {
            while self.connections() > 0 {
                sleep(TURN).await;
            }
        };
        let _ = timeout(IDLE, closed).await;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
