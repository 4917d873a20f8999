//! Making or changing records, found by keys. Items go one after the other, a few of them in one transaction; each is
//! for itself.

use std::collections::HashSet;

use kehu_domain::codes;
use kehu_domain::rights::Action;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::disclosure;
use crate::failure::{Failure, KnownRecord};
use crate::gate::{Caller, worth_another_try};
use crate::kept::{self, Kept};
use crate::ops::duplicates;
use crate::refusals::{self, Refusal, noting};
use crate::tx::Tx;

use super::compared::{self, Brought, Compared};
use super::doors::{TRIES, pause};
use super::upsert_body::{self, Item, OnMatch, Plan};
use super::warning::{self, Warning};
use super::{
    Change, Draft, Idempotency, Machine, Resource, Shown, WriteOptions, answer, fill, match_keys, source_times,
};

/// How many items one transaction takes: each asks several questions, and nobody is to wait for long.
const CHUNK: usize = 50;

/// What was done with an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpsertStatus {
    /// A record was made.
    Created,
    /// The record was changed.
    Updated,
    /// The record is so already.
    Unchanged,
    /// The record is there, and stays as it is.
    Skipped,
    /// The source wrote something later already.
    Stale,
}

impl UpsertStatus {
    /// The word of the answer.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Skipped => "skipped",
            Self::Stale => "stale",
        }
    }
}

/// What became of an item.
#[derive(Clone, Debug)]
pub struct UpsertItem {
    /// Its place in the request.
    pub index: usize,
    /// The record and what was done with it, or why nothing was.
    pub outcome: Result<(Uuid, UpsertStatus), Failure>,
    /// What rules say of it all the same.
    pub warnings: Vec<Warning>,
    /// Whether the outcome was kept from an earlier request under the same key.
    pub replayed: bool,
}

/// Makes or changes the records of the items, each by itself.
///
/// # Errors
/// What concerns the whole request: the body, no right to make or change such records.
pub async fn upsert(
    caller: &Caller,
    resource: Resource,
    body: Value,
    options: &WriteOptions,
) -> Result<Vec<UpsertItem>, Failure> {
    let machine = resource.0;
    let kind = machine.kind();
    let refusal = Refusal::of(kind.name, "upsert", None);
    let done = noting(caller, refusal, async {
        may_write(caller, machine)?;
        let (plan, items) = upsert_body::read(caller, kind, body)?;
        chunks(caller, machine, &plan, items, options).await
    });
    let done = done.await?;
    refusals::note(caller, refusal, done.iter().filter_map(|item| item.outcome.as_ref().err())).await;
    Ok(done)
}

/// Refuses who may neither make nor change such records.
pub(super) fn may_write(caller: &Caller, machine: &dyn Machine) -> Result<(), Failure> {
    let kind = machine.kind().name;
    caller.reach(Action::Create, kind).or_else(|_| caller.reach(Action::Update, kind)).map(|_| ())
}

async fn chunks(
    caller: &Caller,
    machine: &'static dyn Machine,
    plan: &Plan,
    items: Vec<Value>,
    options: &WriteOptions,
) -> Result<Vec<UpsertItem>, Failure> {
    let items: Vec<Result<Item, Failure>> = items.into_iter().map(|item| upsert_body::read_item(plan, item)).collect();
    let mut done: Vec<UpsertItem> = Vec::with_capacity(items.len());
    let mut part = 0;
    while let Some(rest) = items.get(done.len()..).filter(|rest| !rest.is_empty()) {
        let first = done.len();
        let chunk = rest.get(..CHUNK.min(rest.len())).unwrap_or(rest);
        match write_chunk(caller, machine, plan, chunk, (first, part), options).await {
            Ok(more) => done.extend(more),
            // Nothing was done yet: the request failed.
            Err(failure) if done.is_empty() => return Err(failure),
            // What was done stays done and is told; the rest was not.
            Err(failure) => {
                let rest = (first..items.len()).map(|index| UpsertItem {
                    index,
                    outcome: Err(failure.clone()),
                    warnings: Vec::new(),
                    replayed: false,
                });
                done.extend(rest);
                break;
            }
        }
        part += 1;
    }
    Ok(done)
}

/// One item, with what needs no database done.
struct Ready {
    item: Result<Item, Failure>,
    draft: Result<Draft, Failure>,
    veiled: Brought,
}

/// What became of an item in the transaction, and the values that came to nothing.
struct Told {
    outcome: Result<(Uuid, UpsertStatus), Failure>,
    warnings: Vec<Warning>,
    compared: Compared,
}

async fn write_chunk(
    caller: &Caller,
    machine: &'static dyn Machine,
    plan: &Plan,
    items: &[Result<Item, Failure>],
    (first, part): (usize, i64),
    options: &WriteOptions,
) -> Result<Vec<UpsertItem>, Failure> {
    let nothing = Value::Null;
    let veiled =
        |item: &Result<Item, Failure>| machine.veiled(caller, item.as_ref().map_or(&nothing, |item| &item.body));
    if let Some(some) = items.iter().map(veiled).find(|veiled| !veiled.is_empty()) {
        compared::check(caller, &some).await?;
    }
    let mut tries = 1;
    loop {
        let ready: Vec<Ready> = items
            .iter()
            .map(|item| {
                let draft = item.clone().and_then(|item| machine.draft(caller, item.body));
                Ready { item: item.clone(), draft, veiled: veiled(item) }
            })
            .collect();
        let (plan, idempotency, allow) = (plan.clone(), options.idempotency.clone(), options.allow_duplicate);
        let outcome = caller
            .write(async move |tx: &Tx<'_>| chunk_in(tx, machine, &plan, ready, part, idempotency, allow).await)
            .await;
        match outcome {
            Err(failure) if worth_another_try(&failure) && tries < TRIES => {
                pause(tries).await;
                tries += 1;
            }
            Err(mut failure) => {
                disclosure::settle(caller, std::iter::once(&mut failure)).await?;
                return Err(failure);
            }
            Ok((mut told, replayed)) => {
                settle(caller, machine, &mut told).await?;
                let failures = told.iter_mut().filter_map(|told| told.outcome.as_mut().err());
                disclosure::settle(caller, failures).await?;
                let item = |(at, told): (usize, Told)| UpsertItem {
                    index: first + at,
                    outcome: told.outcome,
                    warnings: told.warnings,
                    replayed,
                };
                return Ok(told.into_iter().enumerate().map(item).collect());
            }
        }
    }
}

/// Counts the values that were looked up and not written; beyond the limit nothing is told of items that wrote nothing.
async fn settle(caller: &Caller, machine: &dyn Machine, told: &mut [Told]) -> Result<(), Failure> {
    let all = told.iter_mut().map(|told| std::mem::take(&mut told.compared));
    let compared = all.fold(Compared::default(), Compared::with);
    match compared::settle(caller, machine.kind(), None, compared).await {
        Err(failure @ Failure::CompareLimited(_)) => {
            let is_written =
                |told: &Told| matches!(told.outcome, Ok((_, UpsertStatus::Created | UpsertStatus::Updated)));
            for told in told.iter_mut().filter(|told| !is_written(told)) {
                told.outcome = Err(failure.clone());
            }
            Ok(())
        }
        settled => settled,
    }
}

/// What is kept of an item: an item that failed changed nothing, and is not tried again under the same key.
type KeptItem = Option<(Uuid, UpsertStatus)>;

/// Does as many items as may go together: one that means a record which an earlier one wrote waits for the next
/// transaction.
async fn chunk_in(
    tx: &Tx<'_>,
    machine: &'static dyn Machine,
    plan: &Plan,
    items: Vec<Ready>,
    part: i64,
    idempotency: Option<Idempotency>,
    allow_duplicate: bool,
) -> Result<(Vec<Told>, bool), Failure> {
    if let Some(idempotency) = &idempotency
        && let Some(kept) = kept::find(tx, idempotency, part, Vec::new()).await?
    {
        let (kept, warnings) = warning::apart(kept);
        return Ok((replay(&kept, warnings, items), true));
    }
    // Of several of one organisation one writes at a time: what one of them makes the next one finds.
    if !tx.db_is_alone() {
        let bodies = items.iter().filter_map(|ready| ready.item.as_ref().ok());
        let mut keys: Vec<String> = bodies.flat_map(|item| machine.brought_keys(tx.caller(), &item.body)).collect();
        keys.extend(items.iter().flat_map(|ready| ready.draft.iter()).flat_map(|draft| machine.strong_keys(draft)));
        tx.lock("batch").await?;
        duplicates::lock(tx, keys).await?;
    }
    let mut written = HashSet::new();
    let mut done: Vec<Told> = Vec::with_capacity(items.len());
    for ready in items {
        let Ready { item, draft, veiled } = ready;
        let one = match item {
            Err(failure) => Err(failure),
            Ok(item) => {
                let matched = match_keys::find(tx, machine, &plan.keys, &item.body).await?;
                if matched.iter().any(|record| written.contains(&record.base().id)) {
                    break;
                }
                tx.attempt(async || one(tx, machine, plan, item, draft, matched, allow_duplicate).await).await
            }
        };
        let told = match one {
            // Another transaction came between, or something is wrong: the whole chunk is tried again, or fails.
            Err(failure) if worth_another_try(&failure) => return Err(failure),
            Err(Failure::MadeBefore(id)) => {
                Told { outcome: Ok((id, UpsertStatus::Unchanged)), warnings: Vec::new(), compared: Compared::default() }
            }
            Err(failure) => {
                let compared = if compared::may_tell(&failure) { veiled.all() } else { Compared::default() };
                Told { outcome: Err(failure), warnings: Vec::new(), compared }
            }
            Ok(One { id, status, compared }) => {
                let warnings = match status {
                    UpsertStatus::Created | UpsertStatus::Updated | UpsertStatus::Unchanged => tx.warnings_of(id),
                    UpsertStatus::Skipped | UpsertStatus::Stale => Vec::new(),
                };
                written.insert(id);
                Told { outcome: Ok((id, status)), warnings, compared: compared.unwrap_or_else(|| veiled.all()) }
            }
        };
        done.push(told);
    }
    if let Some(idempotency) = &idempotency {
        let items: Vec<KeptItem> = done.iter().map(|told| told.outcome.as_ref().ok().copied()).collect();
        let warnings: Vec<&[Warning]> = done.iter().map(|told| told.warnings.as_slice()).collect();
        let body = warning::with(&serde_json::to_string(&items).unwrap_or_default(), &warnings);
        kept::keep(tx, idempotency, part, &Kept { status: 200, location: None, body })?;
    }
    Ok((done, false))
}

fn replay(kept: &Kept, warnings: Vec<Vec<Warning>>, items: Vec<Ready>) -> Vec<Told> {
    let kept: Vec<KeptItem> = serde_json::from_str(&kept.body).unwrap_or_default();
    let warnings = warnings.into_iter().chain(std::iter::repeat(Vec::new()));
    let told = |((kept, ready), warnings): ((KeptItem, Ready), Vec<Warning>)| {
        let outcome = match (kept, ready.item) {
            (Some(done), _) => Ok(done),
            (None, Err(failure)) => Err(failure),
            (None, Ok(_)) => Err(Failure::RefusedBefore),
        };
        Told { outcome, warnings, compared: Compared::default() }
    };
    kept.into_iter().zip(items).zip(warnings).map(told).collect()
}

/// What was done with one item; the values that came to nothing, where not all of them did.
struct One {
    id: Uuid,
    status: UpsertStatus,
    compared: Option<Compared>,
}

async fn one(
    tx: &Tx<'_>,
    machine: &'static dyn Machine,
    plan: &Plan,
    item: Item,
    draft: Result<Draft, Failure>,
    mut matched: Vec<Box<dyn Shown>>,
    allow_duplicate: bool,
) -> Result<One, Failure> {
    let kind = machine.kind();
    let time = item.source_time.as_ref().map(|(source, time)| (source.as_str(), *time));
    if matched.len() > 1 && plan.on_match != OnMatch::Create {
        return Err(several(tx, &matched).await?);
    }
    let record = matched.pop().filter(|_| plan.on_match != OnMatch::Create);
    let Some(record) = record else {
        let allow = allow_duplicate || plan.on_match == OnMatch::Create;
        let made = machine.insert(tx, draft?, allow).await?.base().id;
        if let Some(time) = time {
            source_times::note(tx, kind, made, time).await?;
        }
        return Ok(One { id: made, status: UpsertStatus::Created, compared: Some(Compared::default()) });
    };
    let id = record.base().id;
    let stays = |status| Ok(One { id, status, compared: None });
    if let Some(time) = time
        && source_times::is_stale(tx, kind, id, time).await?
    {
        return stays(UpsertStatus::Stale);
    }
    let body = match plan.on_match {
        OnMatch::Skip => return stays(UpsertStatus::Skipped),
        OnMatch::Fail => {
            let mut existing = duplicates::describe(tx, kind.name, id, record.customer(), String::new()).await?;
            existing.code = &codes::MATCH_EXISTS;
            return Err(Failure::Duplicate(Box::new(existing)));
        }
        OnMatch::FillEmpty => {
            let shown: Value = serde_json::from_str(&answer::render(tx, &*record).await?).unwrap_or_default();
            item.body.as_object().map(|members| fill::empty_only(members, &shown)).unwrap_or_default().into()
        }
        OnMatch::Update | OnMatch::Create => item.body,
    };
    let change = Change { id, body, expected: None, allow_duplicate };
    let changed = machine.change(tx, change).await?;
    if let Some(time) = time {
        source_times::note(tx, kind, id, time).await?;
    }
    let status = if changed.written { UpsertStatus::Updated } else { UpsertStatus::Unchanged };
    Ok(One { id, status, compared: Some(changed.compared) })
}

/// Several records fit: those that the caller may know of are named.
pub(super) async fn several(tx: &Tx<'_>, matched: &[Box<dyn Shown>]) -> Result<Failure, Failure> {
    let mut known: Vec<KnownRecord> = Vec::new();
    for record in matched {
        let kind = record.kind().name;
        let existing = duplicates::describe(tx, kind, record.base().id, record.customer(), String::new()).await?;
        known.extend(existing.known);
    }
    Ok(Failure::MatchesSeveral(known))
}
