//! The doors through which records are read and written, for every kind.

use std::time::Duration;

use kehu_domain::rights::Action;
use serde_json::Value;
use uuid::Uuid;

use crate::disclosure;
use crate::failure::Failure;
use crate::gate::{Caller, worth_another_try};
use crate::kept::{self, Kept};
use crate::ops::duplicates;
use crate::refusals::{Refusal, noting};
use crate::sealed_query;
use crate::tx::Tx;

use super::answer::{self, Answer, Asked};
use super::{Change, Draft, Machine, Resource, Shown, page};

/// A client's name for one request, so that repeating it does nothing twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// What the client called it.
    pub key: String,
    /// A hash over method, path, query and body.
    pub fingerprint: [u8; 32],
}

/// How a write is done.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// The client's name for the request.
    pub idempotency: Option<Idempotency>,
    /// The version that the client saw (`If-Match`).
    pub expected: Option<i64>,
    /// Whether a record with the same strong key is no obstacle.
    pub allow_duplicate: bool,
}

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// A record was made.
    Created,
    /// A record was changed.
    Updated,
    /// A record was deleted.
    Deleted,
}

impl Verb {
    /// The status of the answer.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Created => 201,
            Self::Updated => 200,
            Self::Deleted => 204,
        }
    }
}

/// The answer of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// What was done.
    pub verb: Verb,
    /// The record as it is now; empty for a deletion.
    pub answer: Answer,
    /// Whether the answer was kept from an earlier request under the same key.
    pub replayed: bool,
}

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
    let asked = Asked::one(machine.kind(), parameters)?;
    noting(caller, Refusal::of(machine.kind().name, "read", Some(id)), async {
        if asked.expand.is_empty() {
            return one(caller, machine, id, &asked).await;
        }
        caller.at_one_moment(async move |caller: &Caller| one(caller, machine, id, &asked).await).await
    })
    .await
}

async fn one(caller: &Caller, machine: &dyn Machine, id: Uuid, asked: &Asked) -> Result<Answer, Failure> {
    let record = machine.load(caller, vec![id]).await?.into_iter().next().ok_or(Failure::NotFound)?;
    answer::one(caller, record, asked).await
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
        many(caller, machine, asked).await
    })
    .await
}

/// A page, of one moment where several statements make it.
async fn many(caller: &Caller, machine: &'static dyn Machine, asked: Asked) -> Result<Answer, Failure> {
    let several = page::is_of_several(caller, machine.kind(), &asked)?;
    let many = async move |caller: &Caller| answer::many(caller, machine.page(caller, &asked).await?, &asked).await;
    if several { caller.at_one_moment(many).await } else { many(caller).await }
}

/// What is done to a record.
#[derive(Clone)]
enum Work {
    Create(Value),
    Update(Uuid, Value),
    Delete(Uuid),
    Restore(Uuid),
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
    /// The right that it takes, what it is called, and the record that it names.
    fn right(&self) -> (Action, &'static str, Option<Uuid>) {
        match self {
            Self::Create(_) => (Action::Create, "create", None),
            Self::Update(id, _) => (Action::Update, "update", Some(*id)),
            Self::Delete(id) => (Action::Delete, "delete", Some(*id)),
            Self::Restore(id) => (Action::Delete, "restore", Some(*id)),
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

async fn tried(
    caller: &Caller,
    machine: &'static dyn Machine,
    options: &WriteOptions,
    work: Work,
) -> Result<Written, Failure> {
    let mut tries = 1;
    loop {
        match once(caller, machine, options, work.clone()).await {
            Err(failure) if worth_another_try(&failure) && tries < TRIES => {
                pause(tries).await;
                tries += 1;
            }
            Err(mut failure) => {
                disclosure::settle(caller, std::iter::once(&mut failure)).await?;
                return Err(failure);
            }
            Ok(written) => return still_readable(caller, machine, written).await,
        }
    }
}

/// One try: parsed outside the transaction, written and answered inside.
async fn once(
    caller: &Caller,
    machine: &'static dyn Machine,
    options: &WriteOptions,
    work: Work,
) -> Result<Written, Failure> {
    let verb = match work {
        Work::Create(_) => Verb::Created,
        Work::Update(..) | Work::Restore(_) => Verb::Updated,
        Work::Delete(_) => Verb::Deleted,
    };
    let prepared = prepare(caller, machine, work)?;
    let options = options.clone();
    caller
        .write(async move |tx: &Tx<'_>| {
            let strong = strong_keys(tx, machine, &prepared);
            match &options.idempotency {
                Some(idempotency) => {
                    if let Some(kept) = kept::find(tx, idempotency, 0, strong).await? {
                        return Ok(Written { verb, answer: Answer::of_kept(kept), replayed: true });
                    }
                }
                None => duplicates::lock(tx, strong).await?,
            }
            let record = perform(tx, machine, prepared, &options).await?;
            let answer = match &record {
                Some(record) => {
                    let body = answer::render(tx, &**record).await?;
                    Answer::of_record(record.base().id, record.base().version, body)
                }
                None => Answer { id: None, etag: None, body: String::new() },
            };
            if let Some(idempotency) = &options.idempotency {
                let location = answer.id.map(|id| id.to_string());
                let kept = Kept { status: verb.status(), location, body: answer.body.clone() };
                kept::keep(tx, idempotency, 0, &kept)?;
            }
            let answer = match &record {
                Some(record) => with_secret(tx, &**record, answer).await?,
                None => answer,
            };
            Ok(Written { verb, answer, replayed: false })
        })
        .await
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
    match written.answer.id.filter(|_| written.replayed) {
        Some(id) if machine.load(caller, vec![id]).await?.is_empty() => Err(Failure::NotFound),
        _ => Ok(written),
    }
}

/// Work with its body parsed.
enum Prepared {
    Create(Draft),
    Update(Uuid, Value),
    Delete(Uuid),
    Restore(Uuid),
}

fn prepare(caller: &Caller, machine: &dyn Machine, work: Work) -> Result<Prepared, Failure> {
    Ok(match work {
        Work::Create(body) => Prepared::Create(machine.draft(caller, body)?),
        Work::Update(id, body) => Prepared::Update(id, body),
        Work::Delete(id) => Prepared::Delete(id),
        Work::Restore(id) => Prepared::Restore(id),
    })
}

/// The strong keys that are locked before anything is looked up, where there are others to lock out.
fn strong_keys(tx: &Tx<'_>, machine: &dyn Machine, prepared: &Prepared) -> Vec<String> {
    match prepared {
        Prepared::Create(draft) if !tx.db_is_alone() => machine.strong_keys(draft),
        _ => Vec::new(),
    }
}

async fn perform(
    tx: &Tx<'_>,
    machine: &dyn Machine,
    prepared: Prepared,
    options: &WriteOptions,
) -> Result<Option<Box<dyn Shown>>, Failure> {
    let allow_duplicate = options.allow_duplicate;
    match prepared {
        Prepared::Create(draft) => machine.insert(tx, draft, allow_duplicate).await.map(Some),
        Prepared::Update(id, body) => {
            let change = Change { id, body, expected: options.expected, allow_duplicate };
            machine.change(tx, change).await.map(Some)
        }
        Prepared::Delete(id) => machine.remove(tx, id, options.expected).await.map(|()| None),
        Prepared::Restore(id) => machine.restore(tx, id, options.expected).await.map(Some),
    }
}
