//! What a bulk change would do: everything is done to the records that it does, in transactions that are given up.

use std::sync::{Arc, Mutex, PoisonError};

use kehu_domain::rights::Action;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::failure::Failure;
use crate::gate::{Caller, worth_another_try};
use crate::machine::several::{self, Outcome, Step};
use crate::machine::{Asked, Machine, Resource, TRIES, Warning, answer, pause};
use crate::refusals::{Refusal, noting};
use crate::tx::Tx;

use super::What;
use super::ask::{in_order, look, of_one};

/// Records that are tried while the client waits.
const MOST: usize = 1000;
/// Records that are shown before and after.
const SHOWN: usize = 20;
/// Records of one transaction.
const TOGETHER: usize = 100;

/// Which records.
pub enum Which {
    /// Those of these ids.
    Ids(Vec<Uuid>),
    /// Those that a filter finds.
    Found(Value),
}

/// What would become of a record.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The record.
    pub id: Uuid,
    /// Whether it would be changed, or why it would not.
    pub outcome: Result<bool, Failure>,
    /// What rules would say of it all the same.
    pub warnings: Vec<Warning>,
    /// Members that would differ, as they are and as they would be: of the first that would be changed.
    pub differs: Option<(Value, Value)>,
}

/// What would become of the records.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Whether these are all of them, and not only the first thousand.
    pub all: bool,
    /// One by one.
    pub tried: Vec<Tried>,
}

/// Tries a bulk change: nothing is written.
///
/// # Errors
/// The question or what is to be done cannot be, or the caller may do it to no record.
pub async fn preview(
    caller: &Caller,
    resource: Resource,
    which: Which,
    what: &What,
    allow_duplicate: bool,
) -> Result<Preview, Failure> {
    let machine = resource.0;
    let kind = machine.kind().name;
    noting(caller, Refusal::of(kind, what.verb(), None), async {
        caller.reach(Action::Read, kind)?;
        caller.reach(what.action(), kind)?;
        let (ids, all) = match which {
            Which::Ids(ids) => (ids, true),
            Which::Found(question) => {
                of_one(caller, machine, what)?;
                drop(look(caller, machine, &question).await?);
                found(caller, machine, &question).await?
            }
        };
        let mut tried = Vec::with_capacity(ids.len());
        let mut shown = SHOWN;
        for some in ids.chunks(TOGETHER) {
            let more = part(caller, machine, what, some, (shown, allow_duplicate)).await?;
            shown -= more.iter().filter(|one| one.differs.is_some()).count().min(shown);
            tried.extend(more);
        }
        before(caller, machine, &mut tried).await?;
        Ok(Preview { all, tried })
    })
    .await
}

/// The first thousand records, and whether there are no more.
async fn found(caller: &Caller, machine: &dyn Machine, question: &Value) -> Result<(Vec<Uuid>, bool), Failure> {
    let (mut ids, mut after): (Vec<Uuid>, Option<String>) = (Vec::new(), None);
    loop {
        let asked = Asked::from_body(caller, machine.kind(), &in_order(question, 500, after.as_deref()))?;
        let page = machine.page(caller, &asked).await?;
        for record in &page.records {
            if !ids.contains(&record.base().id) {
                ids.push(record.base().id);
            }
        }
        after = page.next;
        if after.is_none() || ids.len() > MOST {
            let all = after.is_none() && ids.len() <= MOST;
            ids.truncate(MOST);
            return Ok((ids, all));
        }
    }
}

/// What a transaction that is given up tells.
type Telling = Vec<(Outcome, Option<Value>)>;

async fn part(
    caller: &Caller,
    machine: &'static dyn Machine,
    what: &What,
    ids: &[Uuid],
    (shown, allow_duplicate): (usize, bool),
) -> Result<Vec<Tried>, Failure> {
    let steps: Vec<Option<Step>> = ids.iter().map(|id| Some(what.step(machine, *id))).collect();
    several::check(caller, &steps).await?;
    let keys: Vec<String> = steps.first().into_iter().flatten().flat_map(|step| step.strong_keys(caller)).collect();
    let mut tries = 1;
    let told = loop {
        let told: Arc<Mutex<Telling>> = Arc::default();
        let (telling, steps, keys) = (told.clone(), steps.clone(), keys.clone());
        let write = async move |tx: &Tx<'_>| {
            several::lock(tx, keys).await?;
            let mut left = shown;
            for step in steps.into_iter().flatten() {
                let outcome = step.run(tx, allow_duplicate, true).await.settled()?;
                let after = match outcome.done.as_ref().ok().filter(|did| did.changed && left > 0) {
                    Some(did) => {
                        left -= 1;
                        match &did.record {
                            Some(record) => Some(object(&answer::render(tx, &**record).await?)),
                            None => Some(Value::Null),
                        }
                    }
                    None => None,
                };
                telling.lock().unwrap_or_else(PoisonError::into_inner).push((outcome, after));
            }
            Err::<(), Failure>(Failure::Rehearsed(Vec::new()))
        };
        match caller.write(write).await {
            Err(Failure::Rehearsed(_)) => break told,
            Err(failure) if worth_another_try(&failure) && tries < TRIES => {
                pause(tries).await;
                tries += 1;
            }
            Err(failure) => return Err(failure),
            Ok(()) => return Err(Failure::Internal("a preview was written".into())),
        }
    };
    let told = std::mem::take(&mut *told.lock().unwrap_or_else(PoisonError::into_inner));
    let (mut outcomes, after): (Vec<Outcome>, Vec<Option<Value>>) = told.into_iter().unzip();
    several::account(caller, &steps, &mut outcomes).await?;
    let tried = ids.iter().zip(outcomes).zip(after).map(|((id, outcome), after)| {
        let (outcome, warnings) = match outcome.done {
            Ok(did) => (Ok(did.changed), did.warnings),
            Err(failure) => (Err(failure), Vec::new()),
        };
        Tried { id: *id, outcome, warnings, differs: after.map(|after| (Value::Null, after)) }
    });
    Ok(tried.collect())
}

fn object(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// Members that every change changes.
const ALWAYS: [&str; 2] = ["version", "updated_at"];

/// Fills in how the records that are shown are now, and leaves what would stay the same out.
async fn before(caller: &Caller, machine: &dyn Machine, tried: &mut [Tried]) -> Result<(), Failure> {
    let shown: Vec<Uuid> = tried.iter().filter(|one| one.differs.is_some()).map(|one| one.id).collect();
    if shown.is_empty() {
        return Ok(());
    }
    for record in machine.load(caller, shown).await? {
        let id = record.base().id;
        let now = answer::one(caller, record, &Asked::one(caller, machine.kind(), Vec::new())?).await?;
        let now = object(&now.body);
        let of_record = tried.iter_mut().find(|one| one.id == id && one.differs.is_some());
        if let Some((before, after)) = of_record.and_then(|one| one.differs.as_mut()) {
            (*before, *after) = difference(&now, after);
        }
    }
    Ok(())
}

fn difference(before: &Value, after: &Value) -> (Value, Value) {
    let none = Map::new();
    let (Some(old), new) = (before.as_object(), after.as_object().unwrap_or(&none)) else {
        return (Value::Null, Value::Null);
    };
    let differs = |name: &&String| !ALWAYS.contains(&name.as_str()) && old.get(*name) != new.get(*name);
    let names: Vec<&String> = if new.is_empty() { Vec::new() } else { old.keys().filter(differs).collect() };
    let of = |all: &Map<String, Value>| -> Value {
        names.iter().map(|name| ((*name).clone(), all.get(*name).cloned().unwrap_or_default())).collect()
    };
    if new.is_empty() { (Value::Null, Value::Null) } else { (of(old), of(new)) }
}
