//! Many records in one request.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use kehu_domain::record::Kind;
use kehu_domain::rights::Action;

use crate::disclosure;
use crate::failure::Failure;
use crate::gate::{Caller, worth_another_try};
use crate::kept::{self, Kept};
use crate::ops::duplicates;
use crate::refusals::{self, Refusal, noting};
use crate::tx::Tx;

use super::compared::{self, Brought, Compared};
use super::doors::{TRIES, pause};
use super::warning::{self, Warning};
use super::{Draft, Idempotency, Machine, Outcomes, Resource, WriteOptions, several};

/// How many items one transaction takes when the batch is not atomic: nobody waits for a thousand rows.
const CHUNK: usize = 100;

/// What became of an item.
#[derive(Clone, Debug)]
pub struct BatchItem {
    /// Its place in the request.
    pub index: usize,
    /// The record that was made, or why none was.
    pub outcome: Result<Uuid, Failure>,
    /// Whether the record was there already: the same client had made it, under the same id and by saying the same.
    pub existed: bool,
    /// What rules say of it all the same.
    pub warnings: Vec<Warning>,
    /// Whether the outcome was kept from an earlier request under the same key.
    pub replayed: bool,
}

/// Makes many records: all or none when atomic, else each by itself.
///
/// # Errors
/// When atomic, the failure of the first item that failed, its pointers under `/items/{index}`; else only what
/// concerns the whole request.
pub async fn batch(
    caller: &Caller,
    resource: Resource,
    items: Vec<Value>,
    atomic: bool,
    options: &WriteOptions,
) -> Result<Vec<BatchItem>, Failure> {
    let kind = resource.kind().name;
    let refusal = Refusal::of(kind, "create", None);
    let done = noting(caller, refusal, async {
        caller.reach(Action::Create, kind)?;
        chunks(caller, resource.0, items, atomic, options).await
    });
    let done = done.await?;
    refusals::note(caller, refusal, done.iter().filter_map(|item| item.outcome.as_ref().err())).await;
    Ok(done)
}

async fn chunks(
    caller: &Caller,
    machine: &'static dyn Machine,
    items: Vec<Value>,
    atomic: bool,
    options: &WriteOptions,
) -> Result<Vec<BatchItem>, Failure> {
    let size = if atomic { items.len().max(1) } else { CHUNK };
    let mut done = Vec::with_capacity(items.len());
    for (part, chunk) in items.chunks(size).enumerate() {
        let first = part * size;
        let part = i64::try_from(part).unwrap_or(i64::MAX);
        match write_chunk(caller, machine, chunk, first, part, atomic, options).await {
            Ok(items) => done.extend(items),
            // Nothing was done yet: the request failed.
            Err(failure) if done.is_empty() => return Err(failure),
            // What was done stays done and is told; the rest was not.
            Err(failure) => {
                let item = |index| BatchItem {
                    index,
                    outcome: Err(failure.clone()),
                    existed: false,
                    warnings: Vec::new(),
                    replayed: false,
                };
                done.extend((first..items.len()).map(item));
                break;
            }
        }
    }
    Ok(done)
}

async fn write_chunk(
    caller: &Caller,
    machine: &'static dyn Machine,
    items: &[Value],
    first: usize,
    part: i64,
    atomic: bool,
    options: &WriteOptions,
) -> Result<Vec<BatchItem>, Failure> {
    let veiled: Vec<Brought> = items.iter().map(|item| machine.veiled(caller, item)).collect();
    let all = || veiled.iter().map(Brought::all).fold(Compared::default(), Compared::with);
    if let Some(some) = veiled.iter().find(|veiled| !veiled.is_empty()) {
        compared::check(caller, some).await?;
    }
    let mut tries = 1;
    loop {
        let drafts: Vec<Result<Draft, Failure>> =
            items.iter().map(|item| machine.draft(caller, item.clone())).collect();
        if atomic
            && options.idempotency.is_none()
            && let Some((at, failure)) = first_failure(&drafts)
        {
            return Err(under(failure, first + at));
        }
        let parsed: Vec<bool> = drafts.iter().map(Result::is_ok).collect();
        let (idempotency, allow) = (options.idempotency.clone(), options.allow_duplicate);
        let outcome = caller
            .write(async move |tx: &Tx<'_>| chunk_in(tx, machine, drafts, part, atomic, idempotency, allow).await)
            .await;
        match outcome {
            Err(failure) if worth_another_try(&failure) && tries < TRIES => {
                pause(tries).await;
                tries += 1;
            }
            Err(mut failure) => {
                // One of them failed, and the others with it.
                if compared::may_tell(&failure) {
                    compared::settle(caller, machine.kind(), None, all()).await?;
                }
                disclosure::settle(caller, std::iter::once(&mut failure)).await?;
                return Err(failure);
            }
            Ok(Done { mut outcomes, existed, mut warnings, replayed }) => {
                if !replayed {
                    settle(caller, machine.kind(), &veiled, &parsed, &mut outcomes).await?;
                }
                disclosure::settle(caller, outcomes.iter_mut().filter_map(|outcome| outcome.as_mut().err())).await?;
                warnings.resize(outcomes.len(), Vec::new());
                let item = |(at, ((outcome, existed), warnings))| BatchItem {
                    index: first + at,
                    outcome,
                    existed,
                    warnings,
                    replayed,
                };
                return Ok(outcomes.into_iter().zip(existed).zip(warnings).enumerate().map(item).collect());
            }
        }
    }
}

/// Counts the values of items that were looked up and not written; beyond the limit nothing is told of those.
async fn settle(
    caller: &Caller,
    kind: &'static Kind,
    veiled: &[Brought],
    parsed: &[bool],
    outcomes: &mut [Result<Uuid, Failure>],
) -> Result<(), Failure> {
    let mut compared = Compared::default();
    let mut untold = Vec::new();
    for ((outcome, veiled), parsed) in outcomes.iter_mut().zip(veiled).zip(parsed) {
        if *parsed && !veiled.is_empty() && outcome.as_ref().is_err_and(compared::may_tell) {
            compared = compared.with(veiled.all());
            untold.push(outcome);
        }
    }
    match compared::settle(caller, kind, None, compared).await {
        Err(failure @ Failure::CompareLimited(_)) => {
            untold.into_iter().for_each(|outcome| *outcome = Err(failure.clone()));
            Ok(())
        }
        settled => settled,
    }
}

fn first_failure<T>(outcomes: &[Result<T, Failure>]) -> Option<(usize, Failure)> {
    outcomes.iter().enumerate().find_map(|(at, outcome)| outcome.as_ref().err().map(|failure| (at, failure.clone())))
}

/// What is kept of an item that has a record.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum KeptItem {
    Made(Uuid),
    There { there: Uuid },
}

/// What became of a chunk.
struct Done {
    outcomes: Outcomes,
    /// Which of the records were there already, made by the same request.
    existed: Vec<bool>,
    /// Of each item.
    warnings: Vec<Vec<Warning>>,
    replayed: bool,
}

async fn chunk_in(
    tx: &Tx<'_>,
    machine: &'static dyn Machine,
    drafts: Vec<Result<Draft, Failure>>,
    part: i64,
    atomic: bool,
    idempotency: Option<Idempotency>,
    allow_duplicate: bool,
) -> Result<Done, Failure> {
    if let Some(idempotency) = &idempotency
        && let Some(kept) = kept::find(tx, idempotency, part, Vec::new()).await?
    {
        let (kept, warnings) = warning::apart(kept);
        let (outcomes, existed) = replay(&kept, drafts);
        return Ok(Done { outcomes, existed, warnings, replayed: true });
    }
    if atomic && let Some((at, failure)) = first_failure(&drafts) {
        return Err(under(failure, at));
    }
    // Of several batches of one organisation one writes at a time: they would meet at the counters of numbers.
    if !tx.db_is_alone() {
        let keys: Vec<String> = drafts.iter().flatten().flat_map(|draft| machine.strong_keys(draft)).collect();
        tx.lock("batch").await?;
        duplicates::lock(tx, keys).await?;
    }
    let outcomes = match (machine.together(), atomic) {
        (true, _) => set_in(tx, machine, drafts, allow_duplicate).await?,
        (false, true) => each_in(tx, machine, drafts, allow_duplicate).await?,
        (false, false) => each_attempted_in(tx, machine, drafts, allow_duplicate).await?,
    };
    let existed: Vec<bool> = outcomes.iter().map(|outcome| matches!(outcome, Err(Failure::MadeBefore(_)))).collect();
    // The same client said the same under the same id: it has what it asked for.
    let outcomes: Outcomes = outcomes
        .into_iter()
        .map(|outcome| match outcome {
            Err(Failure::MadeBefore(id)) => Ok(id),
            outcome => outcome,
        })
        .collect();
    if atomic && let Some((at, failure)) = first_failure(&outcomes) {
        return Err(under(failure, at));
    }
    let told = |outcome: &Result<Uuid, Failure>| outcome.as_ref().map(|id| tx.warnings_of(*id)).unwrap_or_default();
    let warnings: Vec<Vec<Warning>> = outcomes.iter().map(told).collect();
    if let Some(idempotency) = &idempotency {
        let kept = |(outcome, existed): (&Result<Uuid, Failure>, &bool)| {
            let id = outcome.as_ref().ok().copied()?;
            Some(if *existed { KeptItem::There { there: id } } else { KeptItem::Made(id) })
        };
        let ids: Vec<Option<KeptItem>> = outcomes.iter().zip(&existed).map(kept).collect();
        let body = warning::with(&serde_json::to_string(&ids).unwrap_or_default(), &warnings);
        kept::keep(tx, idempotency, part, &Kept { status: 200, location: None, body })?;
    }
    Ok(Done { outcomes, existed, warnings, replayed: false })
}

/// All at once.
async fn set_in(
    tx: &Tx<'_>,
    machine: &dyn Machine,
    drafts: Vec<Result<Draft, Failure>>,
    allow_duplicate: bool,
) -> Result<Outcomes, Failure> {
    let (mut set, mut outcomes) = (Vec::new(), Vec::new());
    for draft in drafts {
        outcomes.push(draft.map(|draft| set.push(draft)));
    }
    let mut made = machine.insert_set(tx, set, allow_duplicate).await?.into_iter();
    let untold = || Err(Failure::Internal("one of a set is not told of".into()));
    Ok(outcomes.into_iter().map(|outcome| outcome.and_then(|()| made.next().unwrap_or_else(untold))).collect())
}

/// One after the other; a failure fails them all.
async fn each_in(
    tx: &Tx<'_>,
    machine: &dyn Machine,
    drafts: Vec<Result<Draft, Failure>>,
    allow_duplicate: bool,
) -> Result<Outcomes, Failure> {
    let mut outcomes = Vec::with_capacity(drafts.len());
    for (at, draft) in drafts.into_iter().enumerate() {
        match machine.insert(tx, draft?, allow_duplicate).await {
            Ok(made) => outcomes.push(Ok(made.base().id)),
            Err(Failure::MadeBefore(id)) => outcomes.push(Err(Failure::MadeBefore(id))),
            Err(failure) => return Err(under(failure, at)),
        }
    }
    Ok(outcomes)
}

/// One after the other, each by itself.
async fn each_attempted_in(
    tx: &Tx<'_>,
    machine: &dyn Machine,
    drafts: Vec<Result<Draft, Failure>>,
    allow_duplicate: bool,
) -> Result<Outcomes, Failure> {
    let mut outcomes = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let outcome = match draft {
            Err(failure) => Err(failure),
            Ok(draft) => {
                tx.attempt(async || machine.insert(tx, draft, allow_duplicate).await.map(|made| made.base().id)).await
            }
        };
        match outcome {
            // Another transaction came between: the whole chunk is tried again.
            Err(failure) if worth_another_try(&failure) => return Err(failure),
            outcome => outcomes.push(outcome),
        }
    }
    Ok(outcomes)
}

/// Outcomes of an earlier request: ids are kept. An item that failed then is judged as it is now by its parsing alone:
/// it changed nothing, and is not tried again under the same key.
fn replay(kept: &Kept, drafts: Vec<Result<Draft, Failure>>) -> (Outcomes, Vec<bool>) {
    let ids: Vec<Option<KeptItem>> = serde_json::from_str(&kept.body).unwrap_or_default();
    let ids = ids.into_iter().chain(std::iter::repeat(None));
    drafts
        .into_iter()
        .zip(ids)
        .map(|(draft, id)| match (id, draft) {
            (Some(KeptItem::Made(id)), _) => (Ok(id), false),
            (Some(KeptItem::There { there }), _) => (Ok(there), true),
            (None, Err(failure)) => (Err(failure), false),
            (None, Ok(_)) => (Err(Failure::RefusedBefore), false),
        })
        .unzip()
}

/// A failure of one item, its pointers under the item's place.
fn under(failure: Failure, at: usize) -> Failure {
    several::beneath(failure, &format!("/items/{at}"))
}
