//! What a job runs with: who it acts as, what it is asked, where it stood, whether it should end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::entities::job;
use crate::failure::Failure;
use crate::gate::{Caller, Gate};
use crate::tx::Tx;

use super::end::{End, Ended, pause};
use super::enqueue::measured;
use super::fence::cancel_asked;
use super::{CHECKPOINT, PAYLOAD};

/// How a run ends: with what came out of it, or before the job was done.
pub type Run = Result<Option<Value>, Ended>;

/// What a job notes of itself, in the same transaction as what it did.
#[derive(Clone, Default, PartialEq)]
pub struct Step {
    pub(super) checkpoint: Option<Value>,
    pub(super) progress: Option<(i64, Option<i64>)>,
    pub(super) end: Option<End>,
}

impl Step {
    /// Where the job goes on after a crash; sealed.
    #[must_use]
    pub fn checkpoint(self, place: Value) -> Self {
        Self { checkpoint: Some(place), ..self }
    }

    /// How much is done, and of how much, where that is known.
    #[must_use]
    pub fn progress(self, done: i64, total: Option<i64>) -> Self {
        Self { progress: Some((done, total)), ..self }
    }

    /// That the job is done with this, and what came out of it; sealed.
    #[must_use]
    pub fn done(self, result: Option<Value>) -> Self {
        Self { end: Some(End::Done(result)), ..self }
    }
}

/// A job that this server has claimed. Cloning is cheap.
#[derive(Clone)]
pub struct Work(Arc<Inner>);

struct Inner {
    caller: Caller,
    id: Uuid,
    lease: Uuid,
    kind: String,
    version: i64,
    attempts: i64,
    max_attempts: i64,
    payload: Value,
    checkpoint: Option<Value>,
    stopped: AtomicBool,
    cancelled: AtomicBool,
    ended: AtomicBool,
}

impl Work {
    /// Opens a row that was claimed.
    pub(super) async fn open(gate: &Gate, row: &job::Model, lease: Uuid) -> Result<Self, Failure> {
        let caller = gate.job(row, lease).await?;
        let read = |path, cell: &[u8]| -> Result<Value, Failure> {
            let text = caller.ring().open_text(path, row.id, cell)?;
            serde_json::from_str(&text).map_err(|_| Failure::Internal(format!("{path} of {} is no JSON", row.id)))
        };
        let payload = read(PAYLOAD, &row.payload)?;
        let checkpoint = row.checkpoint.as_deref().map(|cell| read(CHECKPOINT, cell)).transpose()?;
        Ok(Self(Arc::new(Inner {
            id: row.id,
            lease,
            kind: row.kind.clone(),
            version: row.version,
            attempts: row.attempts,
            max_attempts: row.max_attempts,
            payload,
            checkpoint,
            stopped: AtomicBool::new(false),
            cancelled: AtomicBool::new(row.cancel_asked),
            ended: AtomicBool::new(false),
            caller,
        })))
    }

    /// Who the job acts as. What is written through it is refused once the lease is lost. For an effect that a
    /// transaction of the queue cannot hold, the job's [id](Self::id) and a name of the step are the unique key: as an
    /// idempotency key, or as the receiver knows one.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.0.caller
    }

    /// The job.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.0.id
    }

    /// Its organisation.
    #[must_use]
    pub fn org_id(&self) -> Uuid {
        self.0.caller.org().id
    }

    /// The name of its kind.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    /// The version of its payload, which may be older than the one that this server asks for.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.0.version
    }

    /// The user who asked for it, or for the job that did.
    #[must_use]
    pub fn asked_by(&self) -> Option<Uuid> {
        self.0.caller.principal().asks_for()
    }

    /// The claim that it runs under: another one with every run.
    #[must_use]
    pub fn lease(&self) -> Uuid {
        self.0.lease
    }

    /// What is asked.
    ///
    /// # Errors
    /// It is not what the kind expects: final.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, Ended> {
        read(self.0.payload.clone(), "payload_unreadable")
    }

    /// Where the job stood when an earlier run ended.
    ///
    /// # Errors
    /// It is not what the kind expects: final.
    pub fn checkpoint<T: DeserializeOwned>(&self) -> Result<Option<T>, Ended> {
        self.0.checkpoint.clone().map(|place| read(place, "checkpoint_unreadable")).transpose()
    }

    /// Whether to go on: asked between two steps.
    ///
    /// # Errors
    /// The job was taken back, or the server is about to end.
    pub fn go_on(&self) -> Result<(), Ended> {
        if self.0.cancelled.load(Ordering::Relaxed) {
            return Err(Ended::Cancelled);
        }
        if self.0.stopped.load(Ordering::Relaxed) { Err(Ended::Stopped) } else { Ok(()) }
    }

    /// Tells the job that the server is about to end.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::Relaxed);
    }

    /// Tells the job that somebody took it back.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
    }

    /// Notes a step by itself.
    ///
    /// # Errors
    /// A checkpoint or result is larger than 1 MB, the lease was lost, or the database is away.
    pub async fn save(&self, step: Step) -> Result<(), Failure> {
        let work = self.clone();
        let noted = async move |tx: &Tx<'_>| {
            work.note(tx, step);
            Ok(())
        };
        self.0.caller.write(noted).await
    }

    /// Notes a step as part of a transaction of the job: what it did and that it did commit together.
    pub(crate) fn note(&self, tx: &Tx<'_>, step: Step) {
        if step.end.is_some() {
            let work = self.clone();
            tx.after_commit(move || work.0.ended.store(true, Ordering::Relaxed));
        }
        tx.step(step);
    }

    /// Writes how a run ended; says in a word what became of the job. Nothing is written of one that ended itself
    /// with its last step, or that another server has.
    ///
    /// # Errors
    /// The database is away.
    pub async fn settle(&self, run: Run) -> Result<&'static str, Failure> {
        if self.0.ended.load(Ordering::Relaxed) {
            return Ok("done");
        }
        let (end, word) = match run {
            Ok(result) => match measured("result", result.as_ref()) {
                Ok(()) => (End::Done(result), "done"),
                // Another time it would be as large.
                Err(failure) => (End::Dead { code: "too_large", detail: failure.to_string() }, "dead"),
            },
            Err(Ended::Lost) => return Ok("lost"),
            Err(Ended::Cancelled) => (End::Cancelled, "cancelled"),
            Err(Ended::Stopped) => (End::Back, "given_back"),
            Err(Ended::Final { code, detail }) => (End::Dead { code, detail }, "dead"),
            Err(Ended::Failed { code, detail }) if self.0.attempts >= self.0.max_attempts => {
                (End::Dead { code, detail }, "dead")
            }
            Err(Ended::Failed { code, detail }) => {
                (End::Again { pause: pause(self.0.attempts, chance()?), code, detail }, "failed")
            }
        };
        let work = self.clone();
        let settled = self.0.caller.write(async move |tx: &Tx<'_>| {
            // Whoever took it back while it ran does not want it another time.
            let again = matches!(end, End::Again { .. } | End::Back);
            let unwanted = again && cancel_asked(tx, work.id(), work.lease()).await?;
            let (end, word) = if unwanted { (End::Cancelled, "cancelled") } else { (end, word) };
            work.note(tx, Step { end: Some(end), ..Step::default() });
            Ok(word)
        });
        match settled.await {
            Ok(word) => Ok(word),
            Err(Failure::LeaseLost) => Ok("lost"),
            Err(failure) => Err(failure),
        }
    }
}

fn read<T: DeserializeOwned>(value: Value, code: &'static str) -> Result<T, Ended> {
    serde_json::from_value(value).map_err(|error| Ended::Final { code, detail: error.to_string() })
}

pub(super) fn chance() -> Result<u16, Failure> {
    let mut bytes = [0; 2];
    getrandom::fill(&mut bytes).map_err(|error| Failure::Internal(error.to_string()))?;
    Ok(u16::from_le_bytes(bytes))
}
