//! The doors through which records are read and written, for every kind.

use std::time::Duration;

use kehu_domain::rights::Action;
use serde_json::Value;
use uuid::Uuid;

use crate::disclosure;
use crate::erasure;
use crate::failure::Failure;
use crate::gate::{Caller, worth_another_try};
use crate::kept::{self, Kept};
use crate::ops::duplicates;
use crate::refusals::{Refusal, noting};
use crate::sealed_query;
use crate::shapes;
use crate::tx::Tx;

use super::answer::{self, Answer, Asked};
use super::by_key::ByKey;
use super::compared::{self, Compared};
use super::prepared::{perform, prepare, strong_keys};
use super::written::{Verb, WriteOptions, Written};
use super::{Machine, Resource, Shown, page, warning};

/// How many times a write is tried that another server's transaction got in the way of.
pub(crate) const TRIES: u32 = 6;

/// Waits before a write is tried again: longer each time, and not at the same moment as another one that waits.
pub(crate) async fn pause(tries: u32) {
    let mut chance = [0_u8; 1];
    let _ = getrandom::fill(&mut chance);
    let millis = u64::from(chance[0] % 20) + u64::from(tries) * 15;
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// One record.
///
/// # Errors
/// [`Failure::NotFound`] where there is none within reach.
pub async fn get(
    caller: &Caller,
    resource: Resource,
    id: Uuid,
    parameters: Vec<(String, String)>,
) -> Result<Answer, Failure> {
    let machine = resource.0;
    noting(caller, Refusal::of(machine.kind().name, "read", Some(id)), async {
        let asked = Asked::one(caller, machine.kind(), parameters)?;
        if asked.expand.is_empty() {
            return one(caller, machine, id, &asked).await;
        }
        caller.at_one_moment(async move |caller: &Caller| one(caller, machine, id, &asked).await).await
    })
    .await
}

async fn one(caller: &Caller, machine: &dyn Machine, id: Uuid, asked: &Asked) -> Result<Answer, Failure> {
    let found = match asked.deleted {
        true => {
            erasure::without_erased(caller, machine.load_or_deleted(caller, id).await?.into_iter().collect()).await?
        }
        false => machine.load(caller, vec![id]).await?,
    };
    answer::one(caller, found.into_iter().next().ok_or(Failure::NotFound)?, asked).await
}

/// A page of a list.
///
/// # Errors
/// [`Failure::BadQuestion`], or the kind is not the caller's to read.
pub async fn list(caller: &Caller, resource: Resource, parameters: Vec<(String, String)>) -> Result<Answer, Failure> {
    let machine = resource.0;
    noting(caller, Refusal::of(machine.kind().name, "read", None), async {
        caller.reach(Action::Read, machine.kind().name)?;
        let asked = Asked::from_parameters(caller, machine.kind(), parameters)?;
        many(caller, machine, asked).await
    })
    .await
}

/// A page of a search.
///
/// # Errors
/// As [`list`].
pub async fn search(caller: &Caller, resource: Resource, body: &Value) -> Result<Answer, Failure> {
    let machine = resource.0;
    noting(caller, Refusal::of(machine.kind().name, "read", None), async {
        caller.reach(Action::Read, machine.kind().name)?;
        let asked = Asked::from_body(caller, machine.kind(), body)?;
        sealed_query::count_compared(caller, machine.kind(), &asked.filter).await?;
        many(caller, machine, asked).await.map_err(|failure| failure.standing_at("/where"))
    })
    .await
}

/// A page, of one moment where several statements make it.
pub(crate) async fn many(caller: &Caller, machine: &'static dyn Machine, asked: Asked) -> Result<Answer, Failure> {
    let several = page::is_of_several(caller, machine.kind(), &asked);
    let many = async move |caller: &Caller| answer::many(caller, machine.page(caller, &asked).await?, &asked).await;
    let many = if several { caller.at_one_moment(many).await } else { many(caller).await };
    // Where the engine gives up on a moment, it drops what was told of that.
    many.map_err(|failure| shapes::too_expensive(machine.kind(), failure))
}

/// What is done to a record.
#[derive(Clone)]
pub(crate) enum Work {
    Create(Value),
    Update(Uuid, Value),
    Delete(Uuid),
    Restore(Uuid),
    Put(ByKey, Value),
}

/// Makes a record.
///
/// # Errors
/// What the body breaks, a duplicate, or no right to do so.
pub async fn create(
    caller: &Caller,
    resource: Resource,
    body: Value,
    options: &WriteOptions,
) -> Result<Written, Failure> {
    run(caller, resource.0, options, Work::Create(body)).await
}

/// Applies a merge patch (RFC 7396).
///
/// # Errors
/// What the body breaks, somebody else's change of the same fields, no such record.
pub async fn update(
    caller: &Caller,
    resource: Resource,
    id: Uuid,
    body: Value,
    options: &WriteOptions,
) -> Result<Written, Failure> {
    run(caller, resource.0, options, Work::Update(id, body)).await
}

/// Deletes a record; what hangs on it goes along.
///
/// # Errors
/// No such record, no right, or an old version was named.
pub async fn delete(caller: &Caller, resource: Resource, id: Uuid, options: &WriteOptions) -> Result<Written, Failure> {
    run(caller, resource.0, options, Work::Delete(id)).await
}

/// Takes a deleted record back.
///
/// # Errors
/// No such deleted record, or another one took a strong key meanwhile.
pub async fn restore(
    caller: &Caller,
    resource: Resource,
    id: Uuid,
    options: &WriteOptions,
) -> Result<Written, Failure> {
    run(caller, resource.0, options, Work::Restore(id)).await
}

impl Work {
    /// What was brought.
    pub(super) fn body(&self) -> &Value {
        match self {
            Self::Create(body) | Self::Update(_, body) | Self::Put(_, body) => body,
            Self::Delete(_) | Self::Restore(_) => &Value::Null,
        }
    }

    /// What it comes to.
    pub(super) fn verb(&self) -> Verb {
        match self {
            Self::Create(_) => Verb::Created,
            Self::Update(..) | Self::Restore(_) | Self::Put(..) => Verb::Updated,
            Self::Delete(_) => Verb::Deleted,
        }
    }

    /// The right that it takes, what it is called, and the record that it names.
    pub(super) fn right(&self) -> (Action, &'static str, Option<Uuid>) {
        match self {
            Self::Create(_) => (Action::Create, "create", None),
            Self::Update(id, _) => (Action::Update, "update", Some(*id)),
            Self::Delete(id) => (Action::Delete, "delete", Some(*id)),
            Self::Restore(id) => (Action::Delete, "restore", Some(*id)),
            Self::Put(..) => (Action::Create, "upsert", None),
        }
    }
}

async fn run(
    caller: &Caller,
    machine: &'static dyn Machine,
    options: &WriteOptions,
    work: Work,
) -> Result<Written, Failure> {
    let (action, verb, id) = work.right();
    let kind = machine.kind().name;
    noting(caller, Refusal::of(kind, verb, id), async {
        caller.reach(action, kind)?;
        tried(caller, machine, options, work).await
    })
    .await
}

pub(super) async fn tried(
    caller: &Caller,
    machine: &'static dyn Machine,
    options: &WriteOptions,
    work: Work,
) -> Result<Written, Failure> {
    let veiled = machine.veiled(caller, work.body());
    compared::check(caller, &veiled).await?;
    let (_, _, id) = work.right();
    let mut tries = 1;
    loop {
        match once(caller, machine, options, work.clone()).await {
            Err(Untold { failure, .. }) if worth_another_try(&failure) && tries < TRIES => {
                pause(tries).await;
                tries += 1;
            }
            Err(Untold { failure: Failure::MadeBefore(id), .. }) => return made_before(caller, machine, id).await,
            Err(Untold { mut failure, looked }) => {
                if looked && compared::may_tell(&failure) {
                    compared::settle(caller, machine.kind(), id, veiled.all()).await?;
                }
                disclosure::settle(caller, std::iter::once(&mut failure)).await?;
                return Err(failure);
            }
            Ok(Done { written, changed, compared }) => {
                let settled = compared::settle(caller, machine.kind(), id, compared).await;
                // What is written stays so, and is told.
                if !changed {
                    settled?;
                }
                return still_readable(caller, machine, written).await;
            }
        }
    }
}

/// The record that the same request made before.
async fn made_before(caller: &Caller, machine: &dyn Machine, id: Uuid) -> Result<Written, Failure> {
    let record = machine.load(caller, vec![id]).await?.into_iter().next().ok_or(Failure::IdTaken)?;
    let answer = answer::one(caller, record, &Asked::one(caller, machine.kind(), Vec::new())?).await?;
    Ok(Written { verb: Verb::Updated, answer, warnings: Vec::new(), replayed: false })
}

/// A write that failed, and whether anything had been looked up for it.
struct Untold {
    failure: Failure,
    looked: bool,
}

/// A write that was done, whether it changed anything, and the values that came to nothing.
struct Done {
    written: Written,
    changed: bool,
    compared: Compared,
}

impl Done {
    fn of(written: Written) -> Self {
        Self { written, changed: true, compared: Compared::default() }
    }
}

/// One try: parsed outside the transaction, written and answered inside.
async fn once(
    caller: &Caller,
    machine: &'static dyn Machine,
    options: &WriteOptions,
    work: Work,
) -> Result<Done, Untold> {
    let verb = work.verb();
    let prepared = match prepare(caller, machine, work) {
        // Under a key it may have been done before, when the body was still as it had to be.
        Err(failure) if options.idempotency.is_none() => return Err(Untold { failure, looked: false }),
        prepared => prepared,
    };
    let looked = prepared.is_ok();
    let options = options.clone();
    caller
        .write(async move |tx: &Tx<'_>| {
            let strong = prepared.as_ref().map(|prepared| strong_keys(tx, machine, prepared)).unwrap_or_default();
            match &options.idempotency {
                Some(idempotency) => {
                    if let Some(kept) = kept::find(tx, idempotency, 0, strong).await? {
                        let (kept, warnings) = warning::apart(kept);
                        let verb = if kept.status == Verb::Created.status() { Verb::Created } else { verb };
                        let answer = Answer::of_kept(kept);
                        return Ok(Done::of(Written { verb, answer, warnings, replayed: true }));
                    }
                }
                None => duplicates::lock(tx, strong).await?,
            }
            let performed = perform(tx, machine, prepared?, &options).await?;
            let verb = performed.verb.unwrap_or(verb);
            let record = performed.record;
            let answer = match &record {
                Some(record) => {
                    let body = answer::render(tx, &**record).await?;
                    Answer::of_record(record.base().id, record.base().version, body)
                }
                None => Answer { id: None, etag: None, body: String::new() },
            };
            let warnings = record.as_ref().map(|record| tx.warnings_of(record.base().id)).unwrap_or_default();
            if let Some(idempotency) = &options.idempotency {
                let location = answer.id.map(|id| id.to_string());
                let body = warning::with(&answer.body, &warnings);
                let kept = Kept { status: verb.status(), location, body };
                kept::keep(tx, idempotency, 0, &kept)?;
            }
            let answer = match &record {
                Some(record) => with_secret(tx, &**record, answer).await?,
                None => answer,
            };
            let written = Written { verb, answer, warnings, replayed: false };
            Ok(Done { written, changed: performed.changed, compared: performed.compared })
        })
        .await
        .map_err(|failure| Untold { failure, looked })
}

/// The answer with what is shown in no other one, nor kept.
async fn with_secret(tx: &Tx<'_>, record: &dyn Shown, answer: Answer) -> Result<Answer, Failure> {
    let base = record.base();
    let Some(secret) = tx.secret_of(base.id) else { return Ok(answer) };
    let body = answer::render_with(tx, record, Some(secret.as_str())).await?;
    Ok(Answer::of_record(base.id, base.version, body))
}

/// A kept answer shows a record: only to whom it may still be shown.
pub(crate) async fn still_readable(
    caller: &Caller,
    machine: &dyn Machine,
    written: Written,
) -> Result<Written, Failure> {
    let Some(id) = written.answer.id.filter(|_| written.replayed) else { return Ok(written) };
    let record = machine.load(caller, vec![id]).await?.into_iter().next().ok_or(Failure::NotFound)?;
    let now = answer::one(caller, record, &Asked::one(caller, machine.kind(), Vec::new())?).await?;
    // What the caller sees less of by now is not shown again as it was.
    let kept = veiled(&written.answer.body);
    if veiled(&now.body).iter().all(|name| kept.contains(name)) {
        Ok(written)
    } else {
        // A warning may quote what it warns of.
        Ok(Written { answer: now, warnings: Vec::new(), ..written })
    }
}

/// Names of the fields that an answer does not show in full: a mask is less than the value, and nothing is less still.
fn veiled(body: &str) -> Vec<String> {
    let shown: Value = serde_json::from_str(body).unwrap_or_default();
    let named = |list: &str| shown.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
    let hidden = named("hidden");
    let masked = named("masked").into_iter().chain(hidden.clone()).map(|name| format!("masked {name}"));
    masked.chain(hidden.iter().map(|name| format!("hidden {name}"))).collect()
}
