//! Work on a record with its body parsed, and what is done of it within the transaction.

use serde_json::Value;
use uuid::Uuid;

use crate::failure::Failure;
use crate::gate::Caller;
use crate::tx::Tx;

use super::by_key::{self, ByKey};
use super::compared::Compared;
use super::doors::Work;
use super::written::{Verb, WriteOptions};
use super::{Change, Changed, Draft, Machine, Shown};

/// Work with its body parsed.
pub(super) enum Prepared {
    Create(Draft),
    Update(Uuid, Value),
    Delete(Uuid),
    Restore(Uuid),
    Put(ByKey, Value, Result<Draft, Failure>),
}

pub(super) fn prepare(caller: &Caller, machine: &dyn Machine, work: Work) -> Result<Prepared, Failure> {
    Ok(match work {
        Work::Create(body) => Prepared::Create(machine.draft(caller, body)?),
        Work::Update(id, body) => Prepared::Update(id, body),
        Work::Delete(id) => Prepared::Delete(id),
        Work::Restore(id) => Prepared::Restore(id),
        Work::Put(by, body) => {
            let draft = machine.draft(caller, body.clone());
            Prepared::Put(by, body, draft)
        }
    })
}

/// The strong keys that are locked before anything is looked up, where there are others to lock out.
pub(super) fn strong_keys(tx: &Tx<'_>, machine: &dyn Machine, prepared: &Prepared) -> Vec<String> {
    match prepared {
        Prepared::Create(draft) if !tx.db_is_alone() => machine.strong_keys(draft),
        Prepared::Put(_, body, draft) if !tx.db_is_alone() => {
            let mut keys = machine.brought_keys(tx.caller(), body);
            keys.extend(draft.iter().flat_map(|draft| machine.strong_keys(draft)));
            keys
        }
        _ => Vec::new(),
    }
}

/// What was done within the transaction.
pub(super) struct Performed {
    pub(super) record: Option<Box<dyn Shown>>,
    pub(super) changed: bool,
    pub(super) compared: Compared,
    /// What was done, where the request does not say it.
    pub(super) verb: Option<Verb>,
}

impl Default for Performed {
    fn default() -> Self {
        Self { record: None, changed: true, compared: Compared::default(), verb: None }
    }
}

impl Performed {
    fn of(record: Box<dyn Shown>) -> Self {
        Self { record: Some(record), ..Self::default() }
    }

    /// A record that was made where one might have been changed.
    pub(super) fn of_new(record: Box<dyn Shown>) -> Self {
        Self { verb: Some(Verb::Created), ..Self::of(record) }
    }

    /// A record that the same request made before.
    pub(super) async fn made_before(tx: &Tx<'_>, machine: &dyn Machine, id: Uuid) -> Result<Self, Failure> {
        let record = machine.peek(tx, vec![id]).await?.into_iter().next().ok_or(Failure::IdTaken)?;
        Ok(Self::of_change(record, false, Compared::default()))
    }

    /// A record that was changed, or is so already.
    pub(super) fn of_change(record: Box<dyn Shown>, changed: bool, compared: Compared) -> Self {
        Self { record: Some(record), changed, compared, verb: None }
    }
}

pub(super) async fn perform(
    tx: &Tx<'_>,
    machine: &'static dyn Machine,
    prepared: Prepared,
    options: &WriteOptions,
) -> Result<Performed, Failure> {
    let allow_duplicate = options.allow_duplicate;
    match prepared {
        Prepared::Create(draft) => machine.insert(tx, draft, allow_duplicate).await.map(Performed::of),
        Prepared::Update(id, body) => {
            let change = Change { id, body, expected: options.expected, allow_duplicate };
            let Changed { record, written, compared } = machine.change(tx, change).await?;
            Ok(Performed::of_change(record, written, compared))
        }
        Prepared::Delete(id) => machine.remove(tx, id, options.expected).await.map(|()| Performed::default()),
        Prepared::Restore(id) => machine.restore(tx, id, options.expected).await.map(Performed::of),
        Prepared::Put(by, body, draft) => by_key::perform(tx, machine, (by, body, draft), options).await,
    }
}
