//! The one writer of a SQLite file: a thread that commits jobs in groups.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    time::Duration,
};

use tokio::sync::{oneshot, watch};

use super::{
    checkpoints::Checkpoints,
    conn::{Conn, Role},
    job::{Answer, Job, Queued},
};
use crate::engine::{
    EngineError, EngineOptions,
    error::Fault,
    tx::{Inner, Tx},
};

/// Jobs in one commit, at most.
const GROUP: usize = 64;

/// Pause before it is tried again to write over a failed commit.
const RETRY: Duration = Duration::from_millis(200);

/// The sending side: hands jobs to the thread and their answers back.
pub(crate) struct Writer {
    queue: Mutex<Option<SyncSender<Box<dyn Queued>>>>,
    counts: Arc<Counts>,
    ended: watch::Receiver<()>,
}

/// Figures of the writer since it was started.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) waiting: AtomicUsize,
    pub(crate) jobs: AtomicU64,
    pub(crate) batches: AtomicU64,
    pub(crate) commits: AtomicU64,
    /// Whether the WAL is to be emptied.
    forget: AtomicBool,
}

impl Writer {
    /// Opens the writer's connection and starts its thread.
    pub(crate) fn start(path: PathBuf, options: &EngineOptions) -> Result<Self, EngineError> {
        let (busy, pages) = (options.lock_timeout, options.checkpoint_pages);
        let open = move || {
            let mut conn = Conn::open(&path, Role::Writer, busy)?;
            conn.limit_wal(pages)?;
            Ok(conn)
        };
        let conn = open().map_err(of_fault)?;
        let (queue, jobs) = sync_channel(options.queue);
        let (end, ended) = watch::channel(());
        let counts = Arc::new(Counts::default());
        let mut thread = Thread {
            tx: Tx::new(Inner::Sqlite(Box::new(Mutex::new(conn)))),
            jobs,
            counts: Arc::clone(&counts),
            checkpoints: Checkpoints::new(options),
            in_doubt: false,
            reopen: Box::new(open),
        };
        std::thread::Builder::new()
            .name("kehu-writer".to_owned())
            .spawn(move || {
                thread.run();
                // Closes the connection; then whoever waits in `close` goes on.
                drop(thread);
                drop(end);
            })
            .map_err(|_| EngineError::Unavailable)?;
        Ok(Self { queue: Mutex::new(Some(queue)), counts, ended })
    }

    /// Queues a job and waits for its group's commit. A panic of the job goes on here.
    pub(crate) async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<EngineError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.submit(Box::new(Job { job, answer }))?;
        match answered.await {
            Ok(Answer::Done(result)) => result,
            Ok(Answer::Refused(error)) => Err(error.into()),
            Ok(Answer::Panicked(panic)) => std::panic::resume_unwind(panic),
            // The thread is gone, and the job with it.
            Err(_) => Err(EngineError::Unavailable.into()),
        }
    }

    /// Has the WAL emptied once the writer is idle and no reader is in the way.
    pub(crate) fn forget(&self) {
        self.counts.forget.store(true, Ordering::Relaxed);
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Takes no more jobs; returns when those that wait are done, the WAL is in the file and the thread has ended.
    pub(crate) async fn close(&self) {
        drop(self.queue().take());
        // An error means that the other side is gone, which is what is waited for.
        let _ = self.ended.clone().changed().await;
    }

    fn submit(&self, job: Box<dyn Queued>) -> Result<(), EngineError> {
        let queue = self.queue();
        let Some(queue) = queue.as_ref() else { return Err(EngineError::Closed) };
        // Counted before it is sent: the thread may take it at once.
        self.counts.waiting.fetch_add(1, Ordering::Relaxed);
        queue.try_send(job).map_err(|refused| {
            self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
            match refused {
                TrySendError::Full(_) => EngineError::QueueFull,
                TrySendError::Disconnected(_) => EngineError::Unavailable,
            }
        })
    }

    fn queue(&self) -> MutexGuard<'_, Option<SyncSender<Box<dyn Queued>>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The receiving side.
struct Thread {
    tx: Tx,
    jobs: Receiver<Box<dyn Queued>>,
    counts: Arc<Counts>,
    checkpoints: Checkpoints,
    /// A commit failed, and what it wrote may still be in the WAL.
    in_doubt: bool,
    reopen: Box<dyn Fn() -> Result<Conn, Fault> + Send>,
}

impl Thread {
    fn run(&mut self) {
        while let Some(first) = self.next() {
            self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
            // Only what a job owns could panic here, when it is dropped; the thread outlives that, too.
            if catch_unwind(AssertUnwindSafe(|| self.group(first))).is_err() {
                self.recover();
            }
            // Its callers have their answers.
            self.with_conn(|checkpoints, conn| checkpoints.between_groups(conn));
        }
        // Nobody can send any more.
        self.settle();
        self.with_conn(|checkpoints, conn| checkpoints.at_the_end(conn));
    }

    /// Waits for the next job, and tidies up while there is none.
    fn next(&mut self) -> Option<Box<dyn Queued>> {
        loop {
            let forget = self.counts.forget.swap(false, Ordering::Relaxed);
            self.checkpoints.forget(forget);
            let pause = if self.in_doubt { Some(RETRY) } else { self.checkpoints.pause() };
            match pause {
                None => return self.jobs.recv().ok(),
                Some(pause) => match self.jobs.recv_timeout(pause) {
                    Ok(job) => return Some(job),
                    Err(RecvTimeoutError::Disconnected) => return None,
                    Err(RecvTimeoutError::Timeout) => {}
                },
            }
            self.settle();
            self.with_conn(|checkpoints, conn| checkpoints.when_idle(conn));
        }
    }

    /// One transaction for this job and those that wait behind it.
    fn group(&mut self, first: Box<dyn Queued>) {
        let mut next = self.live(Some(first));
        if next.is_none() {
            return;
        }
        self.settle();
        if let Err(error) = self.sql("BEGIN IMMEDIATE") {
            self.recover();
            return self.refuse(next, &error);
        }
        self.counts.batches.fetch_add(1, Ordering::Relaxed);
        let mut ran = Vec::with_capacity(GROUP);
        let mut lost = None;
        while let Some(job) = next {
            match self.one(job, &mut ran) {
                Ok(()) => next = if ran.len() < GROUP { self.live(None) } else { None },
                Err(error) => {
                    lost = Some(error);
                    break;
                }
            }
        }
        let lost = match lost {
            Some(error) => {
                self.recover();
                Some(error)
            }
            None => self.commit().err(),
        };
        for answer in ran {
            let error = lost.clone();
            // What is sent, or dropped because nobody waits, is the caller's type: its panic is not ours.
            let _ = catch_unwind(AssertUnwindSafe(|| answer(error)));
        }
    }

    /// One job under its savepoint. An error takes the whole group.
    fn one(
        &mut self,
        job: Box<dyn Queued>,
        ran: &mut Vec<Box<dyn FnOnce(Option<EngineError>)>>,
    ) -> Result<(), EngineError> {
        if let Err(error) = self.sql("SAVEPOINT job") {
            job.refuse(error.clone());
            return Err(error);
        }
        self.counts.jobs.fetch_add(1, Ordering::Relaxed);
        self.tx.reset();
        let done = job.run(&self.tx);
        ran.push(done.answer);
        // FULL, IOERR, NOMEM may have ended the outer transaction, whatever the job made of it.
        if let Some(mut conn) = self.tx.conn() {
            let last = conn.take_last_fault();
            if conn.is_autocommit() {
                return Err(group_error(last));
            }
        }
        if !done.keep {
            self.sql("ROLLBACK TO job")?;
        }
        self.sql("RELEASE job")
    }

    /// Commits, or leaves nothing of it behind.
    ///
    /// A commit that fails when the WAL is synced, or when its index grows after that, is rolled back, but whole in the
    /// WAL: were the process to end now, the next one would find it there and take it for done, although its callers
    /// heard the contrary. Until something else is written over it, it is not known.
    fn commit(&mut self) -> Result<(), EngineError> {
        let Err(fault) = self.control("COMMIT") else {
            self.counts.commits.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        };
        // Without space in the WAL the end of it was not written: it is as good as not there.
        let unwritten = fault.is_disk_full();
        let error = group_error(Some(of_fault(fault)));
        self.recover();
        self.in_doubt = true;
        self.settle();
        Err(if self.in_doubt && !unwritten { EngineError::Unavailable } else { error })
    }

    /// Writes over what a failed commit left.
    fn settle(&mut self) {
        if !self.in_doubt {
            return;
        }
        self.in_doubt = self.tx.conn().is_none_or(|mut conn| conn.touch().is_err());
        if self.in_doubt {
            self.recover();
        }
    }

    /// The next job whose caller still waits, beginning with this one.
    fn live(&self, first: Option<Box<dyn Queued>>) -> Option<Box<dyn Queued>> {
        let mut next = first.or_else(|| self.take());
        while let Some(job) = next {
            if !job.gone() {
                return Some(job);
            }
            next = self.take();
        }
        None
    }

    fn take(&self) -> Option<Box<dyn Queued>> {
        let job = self.jobs.try_recv().ok()?;
        self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
        Some(job)
    }

    /// No transaction could be begun: a whole group hears so at once, instead of one job after each lock timeout.
    fn refuse(&self, first: Option<Box<dyn Queued>>, error: &EngineError) {
        // Taken together before anybody hears: what is sent after an answer is no part of this group.
        let group: Vec<_> = first.into_iter().chain(std::iter::from_fn(|| self.take())).take(GROUP).collect();
        for job in group {
            job.refuse(error.clone());
        }
    }

    /// Leaves no transaction open; if SQLite cannot even roll back, a new connection can.
    fn recover(&self) {
        let Some(mut conn) = self.tx.conn() else { return };
        if conn.is_autocommit() || conn.batch("ROLLBACK").is_ok() {
            return;
        }
        if let Ok(fresh) = (self.reopen)() {
            *conn = fresh;
        }
    }

    fn with_conn(&mut self, act: impl FnOnce(&mut Checkpoints, &mut Conn)) {
        if let Some(mut conn) = self.tx.conn() {
            act(&mut self.checkpoints, &mut conn);
        }
    }

    fn sql(&self, sql: &str) -> Result<(), EngineError> {
        self.control(sql).map_err(|fault| group_error(Some(of_fault(fault))))
    }

    fn control(&self, sql: &str) -> Result<(), Fault> {
        match self.tx.conn() {
            Some(mut conn) => conn.control(sql),
            None => Err(Fault::engine(EngineError::Unavailable)),
        }
    }
}

/// What a group hears that was lost for this reason. Its jobs did nothing wrong: they may come again, unless there is
/// no space.
fn group_error(cause: Option<EngineError>) -> EngineError {
    match cause {
        Some(known @ (EngineError::Full | EngineError::LockTimeout | EngineError::ReadOnly)) => known,
        _ => EngineError::Unavailable,
    }
}

fn of_fault(fault: Fault) -> EngineError {
    sea_orm::DbErr::from(fault).into()
}
