//! Things done to records of several kinds in one request, later ones with what earlier ones made.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::failure::Failure;
use crate::gate::{Caller, worth_another_try};
use crate::kept::{self, Kept};
use crate::tx::Tx;

use super::doors::{TRIES, Work, pause};
use super::several::{self, Did, Outcome, Step};
use super::written::{Idempotency, Verb, WriteOptions};
use super::{Resource, Warning, warning};

/// How many of them one transaction takes when they do not stand or fall together: nobody waits for a thousand.
const CHUNK: usize = 100;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// A record is made.
    Create,
    /// A record is changed by a merge patch.
    Update,
    /// A record is deleted.
    Delete,
    /// A deleted record is taken back.
    Restore,
}

/// To which record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To the one with that id.
    Id(Uuid),
    /// To the one of an earlier operation, by the name of that.
    Of(String),
    /// To one that cannot be: the address holds no id.
    None,
}

/// One thing that is to be done.
#[derive(Clone)]
pub struct Operation {
    /// The kind.
    pub resource: Resource,
    /// What.
    pub doing: Doing,
    /// To which record; a create has none.
    pub target: Target,
    /// What it brings.
    pub body: Value,
    /// The version that the client saw.
    pub expected: Option<i64>,
    /// What later ones call it.
    pub name: Option<String>,
}

/// What was done by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrote {
    /// The record.
    pub id: Uuid,
    /// Its version now; none of what is deleted.
    pub version: Option<i64>,
    /// What was done.
    pub verb: Verb,
    /// What rules say of it all the same.
    pub warnings: Vec<Warning>,
}

/// What became of one.
#[derive(Clone, Debug)]
pub struct OperationDone {
    /// What was done, or why nothing was.
    pub outcome: Result<Wrote, Failure>,
    /// Whether the outcome was kept from an earlier request under the same key.
    pub replayed: bool,
}

/// Why nothing was done at all, and the operation that it is about where it is about one.
#[derive(Clone, Debug)]
pub struct Stopped {
    /// Why.
    pub failure: Failure,
    /// The place of the operation.
    pub at: Option<usize>,
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self { failure, at: None }
    }
}

/// The name that a text refers to, where it is nothing but a reference: `{{c1}}`.
#[must_use]
pub fn reference(text: &str) -> Option<&str> {
    let name = text.strip_prefix("{{")?.strip_suffix("}}")?;
    is_name(name).then_some(name)
}

/// Whether an operation can be called so.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=64).contains(&name.len()) && name.bytes().all(fits)
}

/// What the operations so far made, by their names; nothing of one that failed.
type Made = HashMap<String, Option<Uuid>>;

/// A body with ids in the place of references.
fn filled(body: &Value, made: &Made) -> Result<Value, Failure> {
    Ok(match body {
        Value::String(text) => match reference(text) {
            Some(name) => id_of(name, made)?.to_string().into(),
            None => body.clone(),
        },
        Value::Array(items) => Value::Array(items.iter().map(|item| filled(item, made)).collect::<Result<_, _>>()?),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| Ok((name.clone(), filled(value, made)?));
            Value::Object(members.iter().map(member).collect::<Result<_, Failure>>()?)
        }
        plain => plain.clone(),
    })
}

fn id_of(name: &str, made: &Made) -> Result<Uuid, Failure> {
    made.get(name).copied().flatten().ok_or_else(|| Failure::ReferenceFailed(name.to_owned()))
}

impl Operation {
    fn step(&self, made: &Made) -> Result<Step, Failure> {
        let id = match &self.target {
            Target::Id(id) => Some(*id),
            Target::Of(name) => Some(id_of(name, made)?),
            Target::None => None,
        };
        let id = || id.ok_or(Failure::NotFound);
        let work = match self.doing {
            Doing::Create => Work::Create(filled(&self.body, made)?),
            Doing::Update => Work::Update(id()?, filled(&self.body, made)?),
            Doing::Delete => Work::Delete(id()?),
            Doing::Restore => Work::Restore(id()?),
        };
        Ok(Step { machine: self.resource.0, work, expected: self.expected })
    }
}

/// Does operations in their order: all or none when atomic, else each by itself, a hundred in each transaction.
///
/// # Errors
/// When atomic, the failure of the first that failed, its pointers under `/operations/{index}/body`; else only what
/// concerns the whole request.
pub async fn operations(
    caller: &Caller,
    operations: Vec<Operation>,
    atomic: bool,
    options: &WriteOptions,
) -> Result<Vec<OperationDone>, Stopped> {
    let size = if atomic { operations.len().max(1) } else { CHUNK };
    let (mut done, mut made) = (Vec::with_capacity(operations.len()), Made::new());
    for (part, chunk) in operations.chunks(size).enumerate() {
        let chunk = Chunk { operations: chunk.into(), part: i64::try_from(part).unwrap_or(i64::MAX), atomic, options };
        match chunk.run(caller, &mut made).await {
            Ok(some) => done.extend(some),
            // Nothing was done yet: the request failed.
            Err(stopped) if done.is_empty() => return Err(stopped),
            // What was done stays done and is told; the rest was not.
            Err(Stopped { failure, .. }) => {
                let rest = operations.len() - done.len();
                done.extend(vec![OperationDone { outcome: Err(failure), replayed: false }; rest]);
                break;
            }
        }
    }
    Ok(done)
}

/// What one transaction does.
struct Chunk<'a> {
    operations: Arc<[Operation]>,
    part: i64,
    atomic: bool,
    options: &'a WriteOptions,
}

/// What it did.
struct Done {
    outcomes: Vec<Outcome>,
    /// As they were done, where the references in them are good.
    steps: Vec<Option<Step>>,
    made: Made,
    /// What an earlier request under the same key did.
    replayed: Option<Vec<Option<Wrote>>>,
}

/// No operation has failed.
const NONE: usize = usize::MAX;

impl Chunk<'_> {
    async fn run(self, caller: &Caller, made: &mut Made) -> Result<Vec<OperationDone>, Stopped> {
        // Those that refer to what is yet to be made are looked at with an id that nothing has.
        let named = self.operations.iter().filter_map(|operation| operation.name.clone());
        let mut known = made.clone();
        known.extend(named.map(|name| (name, Some(Uuid::nil()))));
        let steps: Vec<Option<Step>> = self.operations.iter().map(|one| one.step(&known).ok()).collect();
        several::check(caller, &steps).await?;
        let keys: Vec<String> = steps.iter().flatten().flat_map(|step| step.strong_keys(caller)).collect();
        let mut tries = 1;
        loop {
            let failed = Arc::new(AtomicUsize::new(NONE));
            let (operations, before, keys) = (self.operations.clone(), made.clone(), keys.clone());
            let (idempotency, allow) = (self.options.idempotency.clone(), self.options.allow_duplicate);
            let (part, atomic, at) = (self.part, self.atomic, failed.clone());
            let write = async move |tx: &Tx<'_>| {
                if let Some(idempotency) = &idempotency
                    && let Some(kept) = kept::find(tx, idempotency, part, Vec::new()).await?
                {
                    return replay(&kept);
                }
                several::lock(tx, keys).await?;
                let done = in_order(tx, &operations, before, atomic.then_some(&*at), allow).await?;
                keep(tx, idempotency.as_ref(), part, &done)?;
                Ok(done)
            };
            match caller.write(write).await {
                Err(failure) if worth_another_try(&failure) && tries < TRIES => {
                    pause(tries).await;
                    tries += 1;
                }
                Err(mut failure) => {
                    let at = Some(failed.load(Ordering::Relaxed)).filter(|at| *at != NONE);
                    several::account_whole(caller, &steps, at, &mut failure).await?;
                    let failure = match at {
                        Some(at) => several::beneath(failure, &format!("/operations/{at}/body")),
                        None => failure,
                    };
                    return Err(Stopped { failure, at });
                }
                Ok(done) => return Ok(self.told(caller, done, made).await?),
            }
        }
    }

    async fn told(&self, caller: &Caller, done: Done, made: &mut Made) -> Result<Vec<OperationDone>, Failure> {
        let Done { mut outcomes, steps, made: now, replayed } = done;
        if let Some(kept) = replayed {
            let kept = kept.into_iter().chain(std::iter::repeat(None)).take(self.operations.len());
            let told = kept.zip(self.operations.iter()).map(|(wrote, operation)| {
                made.extend(operation.name.clone().map(|name| (name, wrote.as_ref().map(|wrote| wrote.id))));
                // What was refused changed nothing, and is not tried again under the same key.
                OperationDone { outcome: wrote.ok_or(Failure::RefusedBefore), replayed: true }
            });
            return Ok(told.collect());
        }
        *made = now;
        several::account(caller, &steps, &mut outcomes).await?;
        let wrote = |Did { id, version, verb, warnings, .. }| Wrote { id, version, verb, warnings };
        Ok(outcomes.into_iter().map(|it| OperationDone { outcome: it.done.map(wrote), replayed: false }).collect())
    }
}

/// Does them one after the other. With a place for it, the first that fails ends it all, and is noted there.
async fn in_order(
    tx: &Tx<'_>,
    operations: &[Operation],
    mut made: Made,
    atomic: Option<&AtomicUsize>,
    allow_duplicate: bool,
) -> Result<Done, Failure> {
    let (mut outcomes, mut steps) = (Vec::with_capacity(operations.len()), Vec::with_capacity(operations.len()));
    for (at, operation) in operations.iter().enumerate() {
        let step = operation.step(&made);
        steps.push(step.as_ref().ok().cloned());
        let outcome = match step {
            Ok(step) => step.run(tx, allow_duplicate, atomic.is_none()).await.settled()?,
            Err(failure) => Outcome::unlooked(failure),
        };
        if let (Some(failed), Err(failure)) = (atomic, &outcome.done) {
            failed.store(at, Ordering::Relaxed);
            return Err(failure.clone());
        }
        if let Some(name) = &operation.name {
            made.insert(name.clone(), outcome.done.as_ref().ok().map(|did| did.id));
        }
        outcomes.push(outcome);
    }
    Ok(Done { outcomes, steps, made, replayed: None })
}

/// What is kept of one that was done.
#[derive(Serialize, Deserialize)]
struct KeptOne {
    id: Uuid,
    version: Option<i64>,
    status: u16,
}

fn keep(tx: &Tx<'_>, idempotency: Option<&Idempotency>, part: i64, done: &Done) -> Result<(), Failure> {
    let Some(idempotency) = idempotency else { return Ok(()) };
    let one = |outcome: &Outcome| {
        let did = outcome.done.as_ref().ok()?;
        Some(KeptOne { id: did.id, version: did.version, status: did.verb.status() })
    };
    let kept: Vec<Option<KeptOne>> = done.outcomes.iter().map(one).collect();
    let warnings = |outcome: &Outcome| outcome.done.as_ref().map(|did| did.warnings.clone()).unwrap_or_default();
    let warnings: Vec<Vec<Warning>> = done.outcomes.iter().map(warnings).collect();
    let body = warning::with(&serde_json::to_string(&kept).unwrap_or_default(), &warnings);
    kept::keep(tx, idempotency, part, &Kept { status: 200, location: None, body })
}

fn replay(kept: &Kept) -> Result<Done, Failure> {
    let (kept, warnings): (Kept, Vec<Vec<Warning>>) = warning::apart(kept.clone());
    let unreadable = |_| Failure::Internal("what is kept of operations cannot be read".into());
    let ones: Vec<Option<KeptOne>> = serde_json::from_str(&kept.body).map_err(unreadable)?;
    let warnings = warnings.into_iter().chain(std::iter::repeat_with(Vec::new));
    let wrote = |(one, warnings): (Option<KeptOne>, Vec<Warning>)| {
        let KeptOne { id, version, status } = one?;
        let verb = match status {
            201 => Verb::Created,
            204 => Verb::Deleted,
            _ => Verb::Updated,
        };
        Some(Wrote { id, version, verb, warnings })
    };
    let replayed = Some(ones.into_iter().zip(warnings).map(wrote).collect());
    Ok(Done { outcomes: Vec::new(), steps: Vec::new(), made: Made::new(), replayed })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reference_is_the_whole_of_a_text() {
        assert_eq!(reference("{{c1}}"), Some("c1"));
        for text in ["{{}}", "{{c 1}}", "x{{c1}}", "{{c1}} ", "{c1}", "{{{c1}}}", "{{客户}}"] {
            assert_eq!(reference(text), None, "{text}");
        }
        let (id, made) = (Uuid::from_u128(7), |id| Made::from([("c1".to_owned(), id)]));
        let body = json!({"customer_id": "{{c1}}", "list": [{"{{c1}}": "{{c1}}"}, "a {{c1}}"], "n": 1, "z": null});
        let filled_in = json!({"customer_id": id, "list": [{"{{c1}}": id}, "a {{c1}}"], "n": 1, "z": null});
        assert_eq!(filled(&body, &made(Some(id))).unwrap(), filled_in);
        assert!(matches!(filled(&body, &made(None)), Err(Failure::ReferenceFailed(name)) if name == "c1"));
        assert!(matches!(filled(&body, &Made::new()), Err(Failure::ReferenceFailed(_))));
    }
}
