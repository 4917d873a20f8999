//! Changes of many records at once: of those that a request names, while the client waits; of those that a filter finds,
//! as a job, which can be tried before and undone afterwards.

mod ask;
mod job;
mod preview;
mod rows;
mod show;
mod sweep;
mod undo;

use kehu_domain::rights::Action;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::failure::{Failure, SignInFailure};
use crate::gate::{Acting, Caller};
use crate::machine::operations::{Doing, Operation, OperationDone, Stopped, Target, operations};
use crate::machine::several::Step;
use crate::machine::{Machine, Resource, Work as Doings, WriteOptions};
use crate::queue::{Ended, Work};
use crate::refusals::{Refusal, noting};

pub use ask::ask;
pub use job::{CHANGE, run};
pub use preview::{Preview, Tried, Which, preview};
pub use show::{Listed, ListedRecord, Told, records};
pub use undo::{UNDO, ask_to_undo, run as run_undo};

/// Records of one transaction.
const CHUNK: u64 = 100;

/// What is done to each record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It is changed by this merge patch.
    Change(Value),
    /// It is deleted.
    Delete,
}

impl What {
    /// The right that it takes.
    fn action(&self) -> Action {
        match self {
            Self::Change(_) => Action::Update,
            Self::Delete => Action::Delete,
        }
    }

    /// What it is called.
    fn verb(&self) -> &'static str {
        match self {
            Self::Change(_) => "update",
            Self::Delete => "delete",
        }
    }

    fn step(&self, machine: &'static dyn Machine, id: Uuid) -> Step {
        let work = match self {
            Self::Change(body) => Doings::Update(id, body.clone()),
            Self::Delete => Doings::Delete(id),
        };
        Step { machine, work, expected: None }
    }
}

/// Changes records by their ids, each by itself.
///
/// # Errors
/// What concerns the whole request: the caller may do it to no record of the kind. What keeps one of them from being
/// changed is its outcome.
pub async fn by_ids(
    caller: &Caller,
    resource: Resource,
    ids: &[Uuid],
    what: &What,
    options: &WriteOptions,
) -> Result<Vec<OperationDone>, Stopped> {
    let (doing, body) = match what {
        What::Change(body) => (Doing::Update, body.clone()),
        What::Delete => (Doing::Delete, Value::Null),
    };
    let kind = resource.kind().name;
    let may = async { caller.reach(Action::Read, kind).and_then(|_| caller.reach(what.action(), kind)) };
    noting(caller, Refusal::of(kind, what.verb(), None), may).await?;
    let one = |id: &Uuid| Operation {
        resource,
        doing,
        target: Target::Id(*id),
        body: body.clone(),
        expected: None,
        name: None,
    };
    operations(caller, ids.iter().map(one).collect(), false, options).await
}

/// What a bulk change keeps of a record that was refused, for tests that look for it in every table.
#[cfg(test)]
pub(crate) async fn plant(caller: &Caller, record: Uuid, text: &str) {
    let job = crate::clock::new_id(caller.gate().now());
    let told = Told { code: "validation".to_owned(), findings: Vec::new(), fields: vec![text.to_owned()] };
    let write = async move |tx: &crate::tx::Tx<'_>| {
        rows::begin(tx, job, "customer", &What::Delete).await?;
        rows::add(tx, job, 0, vec![record]).await?;
        let found = rows::next(tx, job, rows::Status::Waiting, (0, CHUNK)).await?;
        let became =
            |row| (row, rows::Became { status: rows::Status::Refused, version: None, told: Some(told.clone()) });
        rows::put(tx, found.into_iter().map(became).collect()).await
    };
    caller.write(write).await.unwrap();
}

/// Whoever asked for a job, with the rights of the moment.
async fn on_behalf(work: &Work, acting: &Acting) -> Result<Caller, Ended> {
    let caller = work.caller();
    caller.gate().on_behalf(caller, acting).await.map_err(|failure| match failure {
        Failure::SignIn(reason) => {
            let revoked = reason == SignInFailure::KeyRevoked;
            let code = if revoked { "key_revoked" } else { "account_disabled" };
            Ended::Final { code, detail: reason.to_string() }
        }
        other => other.into(),
    })
}

/// Refuses to go on where whoever asked may not do this to any record any more.
fn may(caller: &Caller, action: Action, kind: &str) -> Result<(), Ended> {
    let refused =
        |_| Ended::Final { code: "forbidden", detail: "whoever asked for it may not do so any more".to_owned() };
    caller.reach(action, kind).map(drop).map_err(refused)
}
