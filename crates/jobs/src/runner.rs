//! Claims jobs and runs them, as many at once as there are slots; looks after their leases; ends in order.

use std::rc::Rc;
use std::time::Duration;

use kehu_store::Gate;
use kehu_store::failure::Failure;
use kehu_store::queue::{self, Claims, Ended, Run, Work};
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::JobOptions;
use crate::kinds::Kinds;
use crate::slots::Slots;

/// How often the queue is looked at when nobody rings: jobs of other processes, pauses that are over.
const POLL: Duration = Duration::from_secs(1);
/// How often schedules are looked at, and what a clock that ran ahead left behind.
const TIME: Duration = Duration::from_secs(5);
/// How long a server waits where another one was faster.
const STEP_ASIDE: Duration = Duration::from_millis(20);
/// How many looks are taken in a row.
const LOOKS: usize = 16;
/// Pauses between the attempts to write how a run ended.
const SETTLE: [u64; 6] = [100, 300, 1000, 2000, 4000, 8000];
/// How long the end of runs that were cut off may take.
const CUT_OFF: Duration = Duration::from_secs(3);

/// Runs jobs.
pub(crate) struct Runner {
    gate: Gate,
    kinds: Rc<Kinds>,
    options: JobOptions,
    claims: Claims,
    slots: Slots,
    began: Instant,
    polled: Option<Instant>,
    timed: Option<Instant>,
    /// Whether the last look failed: one line in the log tells of many.
    troubled: bool,
}

impl Runner {
    pub(crate) fn new(gate: Gate, kinds: Kinds, options: JobOptions) -> Self {
        Self {
            claims: Claims::new(kinds.specs(), options.slots, options.lease),
            gate,
            kinds: Rc::new(kinds),
            options,
            slots: Slots::default(),
            began: Instant::now(),
            polled: None,
            timed: None,
            troubled: false,
        }
    }

    /// Runs jobs until it is told to stop, then waits for those that run.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let beats = spawn_local(beat(self.gate.clone(), self.slots.clone(), self.options.lease));
        loop {
            let looked = self.look(&stop).await;
            self.tell(looked);
            tokio::select! {
                biased;
                _ = stop.changed() => break,
                () = sleep(POLL) => {}
                () = self.gate.job_asked_for() => {}
                () = self.slots.freed() => {}
            }
        }
        self.drain().await;
        beats.abort();
    }

    fn tell(&mut self, looked: Result<(), Failure>) {
        match looked {
            Ok(()) => self.troubled = false,
            Err(failure) if self.troubled => tracing::debug!(cause = %failure, "the queue of jobs cannot be looked at"),
            Err(failure) => {
                tracing::warn!(cause = %failure, "the queue of jobs cannot be looked at; it is tried every second");
                self.troubled = true;
            }
        }
    }

    /// One look at everything. What cannot be done keeps nothing else from being done; the first failure is given.
    async fn look(&mut self, stop: &watch::Receiver<bool>) -> Result<(), Failure> {
        let mut looked = Ok(());
        if has_passed(&mut self.polled, POLL) {
            let taken = queue::take_back(&self.gate, self.slots.works(), self.options.lease).await;
            looked = looked.and(taken.map(drop));
        }
        looked = looked.and(self.claim(stop).await);
        looked = looked.and(self.cancel().await);
        if has_passed(&mut self.timed, TIME) {
            looked = looked.and(queue::set_right(&self.gate).await.map(drop));
            looked = looked.and(self.fire().await);
        }
        looked
    }

    /// Tells running jobs that somebody took them back.
    async fn cancel(&self) -> Result<(), Failure> {
        if self.slots.many() > 0 {
            let asked = queue::asked_to_cancel(&self.gate).await?;
            self.slots.cancel(&asked, self.options.grace);
        }
        Ok(())
    }

    async fn fire(&self) -> Result<(), Failure> {
        if self.began.elapsed() >= self.options.rest {
            for name in queue::fire(&self.gate, self.kinds.schedules()).await? {
                tracing::debug!(name, "a schedule fired");
            }
        }
        Ok(())
    }

    async fn claim(&mut self, stop: &watch::Receiver<bool>) -> Result<(), Failure> {
        for _ in 0..LOOKS {
            if *stop.borrow() {
                break;
            }
            let (claimed, more) = self.claims.next(&self.gate, &self.slots.by_org()).await?;
            let none = claimed.is_empty();
            claimed.into_iter().for_each(|work| self.begin(work));
            if !more {
                break;
            }
            if none {
                sleep(STEP_ASIDE).await;
            }
        }
        Ok(())
    }

    fn begin(&self, work: Work) {
        let Some((running, within)) = self.kinds.begin(&work) else {
            tracing::error!(kind = work.kind(), "a job of an unknown kind was claimed");
            return;
        };
        // A task of its own: a panic ends the run, and nothing else.
        let run = spawn_local(running);
        self.slots.take(work.clone(), run.abort_handle());
        self.gate.set_running_jobs(self.slots.many());
        let (gate, slots) = (self.gate.clone(), self.slots.clone());
        spawn_local(async move {
            let outcome = settle(&work, ended(&work, run, within).await).await;
            gate.count_job(work.kind(), outcome);
            slots.free(work.lease());
            gate.set_running_jobs(slots.many());
        });
    }

    /// Lets running jobs go on to their next step, then cuts them off: each gives its lease back.
    async fn drain(&self) {
        self.slots.works().iter().for_each(Work::stop);
        if timeout(self.options.drain, self.all_ended()).await.is_err() {
            self.slots.works().iter().for_each(|work| self.slots.abort(work.lease()));
            if timeout(CUT_OFF, self.all_ended()).await.is_err() {
                tracing::warn!(many = self.slots.many(), "jobs were not given back; they are when their leases end");
            }
        }
    }

    async fn all_ended(&self) {
        while self.slots.many() > 0 {
            self.slots.freed().await;
        }
    }
}

/// Whether so much time has passed since the last time that it had; it begins anew then.
fn has_passed(last: &mut Option<Instant>, time: Duration) -> bool {
    let passed = last.is_none_or(|last| last.elapsed() >= time);
    if passed {
        *last = Some(Instant::now());
    }
    passed
}

/// Waits for the end of a run, for so long.
async fn ended(work: &Work, mut run: JoinHandle<Run>, within: Duration) -> Run {
    match timeout(within, &mut run).await {
        Ok(Ok(run)) => run,
        Ok(Err(error)) if error.is_panic() => Err(failed("panicked", "The log has the place.")),
        // Cut off: the server ends, somebody took the job back, or the lease was lost, and then nothing is written.
        Ok(Err(_)) => Err(Ended::Stopped),
        Err(_) => {
            // What it does on other threads sees it at its next step.
            work.stop();
            run.abort();
            Err(failed("took_too_long", "It did not end in the time that its kind has."))
        }
    }
}

fn failed(code: &'static str, detail: &str) -> Ended {
    Ended::Failed { code, detail: detail.to_owned() }
}

/// Writes how a run ended; what cannot be written comes back when the lease ends.
async fn settle(work: &Work, run: Run) -> &'static str {
    let (kind, id) = (work.kind(), work.id());
    let code = match &run {
        Err(Ended::Failed { code, .. } | Ended::Final { code, .. }) => Some(*code),
        _ => None,
    };
    for pause in SETTLE {
        match work.settle(run.clone()).await {
            Ok(outcome) => {
                match code {
                    Some(code) => tracing::warn!(kind, %id, code, outcome, "a run failed"),
                    None => tracing::debug!(kind, %id, outcome, "a run ended"),
                }
                return outcome;
            }
            Err(Failure::Engine(error)) if error.retryable() => sleep(Duration::from_millis(pause)).await,
            Err(failure) => {
                tracing::error!(kind, %id, code, cause = %failure, "how a run ended cannot be written");
                return "lost";
            }
        }
    }
    tracing::warn!(kind, %id, code, "how a run ended was not written; the job is run again when its lease ends");
    "lost"
}

/// Renews the leases of running jobs; cuts off those that were lost.
async fn beat(gate: Gate, slots: Slots, lease: Duration) {
    let mut beats = interval(lease / 3);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beats.tick().await;
        let works = slots.works();
        if works.is_empty() {
            continue;
        }
        match queue::renew(&gate, works, lease).await {
            Ok(lost) => lost.into_iter().for_each(|lease| slots.abort(lease)),
            Err(failure) => tracing::warn!(cause = %failure, "leases of jobs cannot be renewed"),
        }
    }
}
