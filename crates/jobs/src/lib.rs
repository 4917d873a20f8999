//! What runs by itself: jobs out of the queue, and those that schedules ask for. Jobs act through the same gate as a
//! handler.

mod housekeeping;
mod journal;
mod kinds;
mod runner;
mod slots;

use std::time::Duration;

use kehu_store::Gate;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use kinds::{Kinds, PatternError, built_in};

use runner::Runner;

/// How a process runs jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobOptions {
    /// How many it runs at once; none at 0.
    pub slots: usize,
    /// How long a job is this process's without a sign of life; renewed every third of it.
    pub lease: Duration,
    /// How long after the start schedules are looked at first: starting is for serving.
    pub rest: Duration,
    /// How long running jobs may go on after the stop.
    pub drain: Duration,
    /// How long a running job may go on after somebody took it back.
    pub grace: Duration,
}

impl Default for JobOptions {
    fn default() -> Self {
        let (lease, grace) = (Duration::from_secs(30), Duration::from_secs(30));
        Self { slots: 4, lease, rest: Duration::from_secs(60), drain: Duration::from_secs(5), grace }
    }
}

/// The jobs of one process.
pub struct Jobs {
    stop: watch::Sender<bool>,
    running: Option<JoinHandle<()>>,
}

/// Starts to run jobs on the current thread, which needs a set of local tasks.
#[must_use]
pub fn start(gate: &Gate, kinds: Kinds, options: JobOptions) -> Jobs {
    let (stop, stopped) = watch::channel(false);
    let runs = options.slots > 0;
    let running = runs.then(|| tokio::task::spawn_local(Runner::new(gate.clone(), kinds, options).run(stopped)));
    Jobs { stop, running }
}

impl Jobs {
    /// What says that it is time to end: no further jobs are begun, running ones see it at their next step.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper(self.stop.clone())
    }

    /// Stops, if nobody said so before, and waits until the last job has ended or was given back: a database that is
    /// closed earlier keeps them until their leases end.
    pub async fn end(self) {
        let Self { stop, running } = self;
        Stopper(stop).stop();
        if let Some(running) = running
            && let Err(error) = running.await
        {
            tracing::error!(%error, "the runner of jobs ended by itself");
        }
    }
}

/// Says that it is time to end.
pub struct Stopper(watch::Sender<bool>);

impl Stopper {
    /// Says it.
    pub fn stop(&self) {
        // Nobody listens where there are no slots.
        let _ = self.0.send(true);
    }
}
