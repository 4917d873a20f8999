//! Several things that are done to several records in one transaction, each as if by itself.

use uuid::Uuid;

use crate::disclosure;
use crate::failure::Failure;
use crate::gate::{Caller, worth_another_try};
use crate::ops::duplicates;
use crate::refusals::{self, Refusal};
use crate::tx::Tx;

use super::compared::{self, Brought, Compared};
use super::doors::Work;
use super::prepared::{Performed, perform, prepare};
use super::written::{Verb, WriteOptions};
use super::{Machine, Shown, Warning};

/// One of them.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) machine: &'static dyn Machine,
    pub(crate) work: Work,
    /// The version that the client saw.
    pub(crate) expected: Option<i64>,
}

/// What was done.
pub(crate) struct Did {
    pub(crate) id: Uuid,
    /// The version that came of it; none of what is deleted.
    pub(crate) version: Option<i64>,
    pub(crate) verb: Verb,
    /// Whether anything differs from before.
    pub(crate) changed: bool,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) compared: Compared,
    pub(crate) record: Option<Box<dyn Shown>>,
}

/// What became of a step.
pub(crate) struct Outcome {
    pub(crate) done: Result<Did, Failure>,
    /// Whether anything was looked up for it.
    looked: bool,
}

impl Outcome {
    /// Of what was refused before anything was looked up.
    pub(crate) fn unlooked(failure: Failure) -> Self {
        Self { done: Err(failure), looked: false }
    }

    /// What became of it, or why the whole transaction is tried again.
    pub(crate) fn settled(self) -> Result<Self, Failure> {
        match self.done {
            Err(failure) if worth_another_try(&failure) => Err(failure),
            done => Ok(Self { done, ..self }),
        }
    }
}

impl Step {
    /// What it brings for fields that the caller sees masked.
    pub(crate) fn veiled(&self, caller: &Caller) -> Brought {
        self.machine.veiled(caller, self.work.body())
    }

    fn refusal(&self) -> Refusal {
        let (_, verb, id) = self.work.right();
        Refusal::of(self.machine.kind().name, verb, id)
    }

    /// The strong keys that it may write; a step names its record by its id alone.
    pub(crate) fn strong_keys(&self, caller: &Caller) -> Vec<String> {
        match &self.work {
            Work::Create(body) => {
                let draft = self.machine.draft(caller, body.clone());
                draft.map(|draft| self.machine.strong_keys(&draft)).unwrap_or_default()
            }
            Work::Update(_, body) => self.machine.brought_keys(caller, body),
            Work::Delete(_) | Work::Restore(_) | Work::Put(..) => Vec::new(),
        }
    }

    /// Does it, and writes what stands behind the record, so that the next step finds it. With `alone` a failure undoes
    /// this step; without, the transaction is spoiled by it.
    pub(crate) async fn run(self, tx: &Tx<'_>, allow_duplicate: bool, alone: bool) -> Outcome {
        let Self { machine, work, expected } = self;
        let (action, _, named) = work.right();
        let verb = work.verb();
        let may = tx.caller().reach(action, machine.kind().name);
        let prepared = match may.and_then(|_| prepare(tx.caller(), machine, work)) {
            Ok(prepared) => prepared,
            Err(failure) => return Outcome::unlooked(failure),
        };
        let options = WriteOptions { expected, allow_duplicate, ..WriteOptions::default() };
        let work = async || {
            let (performed, verb) = match perform(tx, machine, prepared, &options).await {
                // The same client said the same under the same id: it has what it asked for.
                Err(Failure::MadeBefore(id)) => (Performed::made_before(tx, machine, id).await?, Verb::Updated),
                performed => (performed?, verb),
            };
            tx.settle().await?;
            let base = performed.record.as_ref().map(|record| record.base());
            let id = base.map(|base| base.id).or(named);
            let id = id.ok_or_else(|| Failure::Internal("a record that was made has no id".into()))?;
            Ok(Did {
                id,
                version: base.map(|base| base.version),
                verb,
                changed: performed.changed,
                warnings: tx.warnings_of(id),
                compared: performed.compared,
                record: performed.record,
            })
        };
        let done = if alone { tx.attempt(work).await } else { work().await };
        Outcome { done, looked: true }
    }
}

/// Locks what steps of one transaction take, before any of them takes a row: of several such transactions of one
/// organisation one writes at a time, and strong keys come before rows, as everywhere.
pub(crate) async fn lock(tx: &Tx<'_>, keys: Vec<String>) -> Result<(), Failure> {
    if tx.db_is_alone() {
        return Ok(());
    }
    tx.lock("batch").await?;
    duplicates::lock(tx, keys).await
}

/// Counts what outcomes tell of what the caller sees masked or does not reach, and has the journal tell of refusals;
/// beyond the limits an outcome tells nothing more.
pub(crate) async fn account(caller: &Caller, steps: &[Option<Step>], outcomes: &mut [Outcome]) -> Result<(), Failure> {
    for (step, outcome) in steps.iter().zip(outcomes.iter_mut()) {
        let Some(step) = step else { continue };
        let (compared, told) = match &outcome.done {
            Ok(did) => (did.compared.clone(), !did.changed),
            Err(failure) if outcome.looked && compared::may_tell(failure) => (step.veiled(caller).all(), true),
            Err(_) => continue,
        };
        let (_, _, id) = step.work.right();
        match compared::settle(caller, step.machine.kind(), id, compared).await {
            // What is written stays so, and is told.
            Err(failure @ Failure::CompareLimited(_)) if told => outcome.done = Err(failure),
            Ok(()) | Err(Failure::CompareLimited(_)) => {}
            Err(failure) => return Err(failure),
        }
    }
    disclosure::settle(caller, outcomes.iter_mut().filter_map(|outcome| outcome.done.as_mut().err())).await?;
    for (step, outcome) in steps.iter().zip(outcomes.iter()) {
        if let (Some(step), Err(failure)) = (step, &outcome.done) {
            refusals::note(caller, step.refusal(), std::iter::once(failure)).await;
        }
    }
    Ok(())
}

/// The same for steps that failed together, because one of them did.
pub(crate) async fn account_whole(
    caller: &Caller,
    steps: &[Option<Step>],
    failed: Option<usize>,
    failure: &mut Failure,
) -> Result<(), Failure> {
    if compared::may_tell(failure) {
        for step in steps.iter().flatten() {
            compared::settle(caller, step.machine.kind(), None, step.veiled(caller).all()).await?;
        }
    }
    disclosure::settle(caller, std::iter::once(&mut *failure)).await?;
    if let Some(step) = failed.and_then(|at| steps.get(at)?.as_ref()) {
        refusals::note(caller, step.refusal(), std::iter::once(&*failure)).await;
    }
    Ok(())
}

/// Refuses to look, where the hour allows no more comparisons.
pub(crate) async fn check(caller: &Caller, steps: &[Option<Step>]) -> Result<(), Failure> {
    for step in steps.iter().flatten() {
        let veiled = step.veiled(caller);
        if !veiled.is_empty() {
            return compared::check(caller, &veiled).await;
        }
    }
    Ok(())
}

/// A failure with its pointers under a place of the request.
pub(crate) fn beneath(failure: Failure, place: &str) -> Failure {
    match failure {
        Failure::Refused(mut findings) => {
            for finding in &mut findings {
                finding.pointer = format!("{place}{}", finding.pointer);
            }
            Failure::Refused(findings)
        }
        Failure::Duplicate(mut existing) => {
            existing.pointer = format!("{place}{}", existing.pointer);
            Failure::Duplicate(existing)
        }
        other => other,
    }
}
