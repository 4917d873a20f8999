//! What would come of a write: everything is done that the write does, in a transaction that is given up.

use kehu_domain::read::Finding;
use serde_json::Value;
use uuid::Uuid;

use crate::disclosure;
use crate::failure::{Existing, Failure};
use crate::gate::{Caller, worth_another_try};
use crate::ops::duplicates;
use crate::refusals::{Refusal, noting};
use crate::tx::Tx;

use super::compared;
use super::doors::{TRIES, Work, pause};
use super::prepared::{Prepared, perform, prepare, strong_keys};
use super::warning::Warning;
use super::{Machine, Resource, WriteOptions};

/// What would come of a write.
#[derive(Clone, Debug, Default)]
pub struct Rehearsal {
    /// Why it would be refused.
    pub refused: Vec<Finding>,
    /// What would be told with it.
    pub warnings: Vec<Warning>,
    /// The record that it would meet.
    pub duplicate: Option<Box<Existing>>,
}

impl Rehearsal {
    /// Whether the write would be done.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.refused.is_empty() && self.duplicate.is_none()
    }
}

/// Tries a create, or with an id a merge patch: nothing of it is written, journaled or numbered.
///
/// # Errors
/// What the write would fail with, but for what its body breaks and for a duplicate, which are told.
pub async fn validate(
    caller: &Caller,
    resource: Resource,
    id: Option<Uuid>,
    body: Value,
    options: &WriteOptions,
) -> Result<Rehearsal, Failure> {
    let machine = resource.0;
    let work = match id {
        Some(id) => Work::Update(id, body),
        None => Work::Create(body),
    };
    let (action, verb, id) = work.right();
    let kind = machine.kind().name;
    noting(caller, Refusal::of(kind, verb, id), async {
        caller.reach(action, kind)?;
        tried(caller, machine, options, work).await
    })
    .await
}

async fn tried(
    caller: &Caller,
    machine: &'static dyn Machine,
    options: &WriteOptions,
    work: Work,
) -> Result<Rehearsal, Failure> {
    let (_, _, id) = work.right();
    let veiled = machine.veiled(caller, work.body());
    compared::check(caller, &veiled).await?;
    let mut tries = 1;
    loop {
        let (mut failure, looked) = match prepare(caller, machine, work.clone()) {
            Err(failure) => (failure, false),
            Ok(prepared) => (once(caller, machine, options, prepared).await, true),
        };
        if worth_another_try(&failure) && tries < TRIES {
            pause(tries).await;
            tries += 1;
            continue;
        }
        // It stores nothing: what was looked up counts as with any write of which nothing came.
        if looked && compared::may_tell(&failure) {
            compared::settle(caller, machine.kind(), id, veiled.all()).await?;
        }
        disclosure::settle(caller, std::iter::once(&mut failure)).await?;
        return match failure {
            Failure::Rehearsed(warnings) => Ok(Rehearsal { warnings, ..Rehearsal::default() }),
            Failure::Refused(refused) => Ok(Rehearsal { refused, ..Rehearsal::default() }),
            Failure::Duplicate(existing) => Ok(Rehearsal { duplicate: Some(existing), ..Rehearsal::default() }),
            failure => Err(failure),
        };
    }
}

/// Does it, and gives it up: why it would have failed, or that it would not have.
async fn once(caller: &Caller, machine: &'static dyn Machine, options: &WriteOptions, prepared: Prepared) -> Failure {
    let options = options.clone();
    let written = caller.write(async move |tx: &Tx<'_>| {
        duplicates::lock(tx, strong_keys(tx, machine, &prepared)).await?;
        let record = perform(tx, machine, prepared, &options).await?.record;
        let warnings = record.map(|record| tx.warnings_of(record.base().id)).unwrap_or_default();
        Err::<(), Failure>(Failure::Rehearsed(warnings))
    });
    match written.await {
        Err(failure) => failure,
        Ok(()) => Failure::Internal("a rehearsal was written".into()),
    }
}
