//! Erasing persons and companies for good.
//!
//! The door takes the record out of everybody's sight, notes it in the ledger and asks for a job, in one transaction. The
//! job takes everything away that stands in the database because of the record, a part after the other, so that no
//! writer waits for long; the record's own row goes last, and a job that was killed goes on where something is left. The
//! journal keeps that there was something, and loses what.

mod hide;
mod jobs;
mod ledger;
mod parts;
mod replay;
mod tokens;

#[cfg(test)]
pub(crate) mod tests;

use kehu_domain::rights::Right;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

use crate::dialect::{locked, statement};
use crate::entities::job;
use crate::failure::Failure;
use crate::gate::{Caller, worth_another_try};
use crate::journal::Entry;
use crate::machine::{Answer, Machine, Resource, TRIES, pause};
use crate::ops::summaries;
use crate::queue::{self, Ended, NewJob, Priority, Run, Spec, Work};
use crate::refusals::{Refusal, noting};
use crate::registry;
use crate::tx::Tx;

pub use ledger::{LedgerError, OldRow, Taken};
pub(crate) use ledger::{knows, without_erased};
use parts::{Counts, Erasing};
pub use replay::Replayed;
pub use tokens::{TIDYING, tidy};

/// The job.
pub static ERASURE: Spec =
    Spec::new("records.erase", 1).priority(Priority::High).attempts(10).within(Duration::from_secs(6 * 3600));

/// What a job erases.
#[derive(Debug, Serialize, Deserialize)]
struct ToErase {
    kind: String,
    id: Uuid,
}

/// Has a record erased for good, a living or a deleted one, with what hangs on it. Gives the job; asked again, it gives
/// the same one as long as that is kept, and later one that finds nothing.
///
/// # Errors
/// [`Failure::Forbidden`] without the right to, [`Failure::NotFound`] where there is and was no such record.
pub async fn erase(caller: &Caller, resource: Resource, id: Uuid, reason: &str) -> Result<Answer, Failure> {
    let machine = resource.0;
    noting(caller, Refusal::of(machine.kind().name, "erase", Some(id)), async {
        if !machine.erasable() {
            return Err(Failure::NotFound);
        }
        caller.may(Right::DataPurge)?;
        let asking = caller.because(reason);
        let mut tries = 1;
        loop {
            let asked = asking.write(async move |tx: &Tx<'_>| ask(tx, machine, id).await).await;
            match asked {
                Err(failure) if worth_another_try(&failure) && tries < TRIES => {
                    pause(tries).await;
                    tries += 1;
                }
                Err(failure) => return Err(failure),
                Ok(job) => return queue::asked_for(caller, job).await,
            }
        }
    })
    .await
}

/// The job that erases a record; it is asked for where none stands for it.
async fn ask(tx: &Tx<'_>, machine: &dyn Machine, id: Uuid) -> Result<Uuid, Failure> {
    let kind = machine.kind().name;
    // Its row first: whoever asks at the same time waits, and finds the ledger written.
    let is_there = is_there(tx, machine, id).await?;
    let key = ledger::job_key(tx.caller().ring(), kind, id);
    if ledger::knows(tx, kind, id).await? {
        if let Some(job) = standing(tx, &key).await? {
            return Ok(job);
        }
    } else if is_there {
        mark(tx, machine, id, &json!({})).await?;
    } else {
        return Err(Failure::NotFound);
    }
    let payload = json!({ "kind": kind, "id": id });
    Ok(tx.enqueue(NewJob::new(&ERASURE, payload).unique(key)))
}

async fn is_there(tx: &Tx<'_>, machine: &dyn Machine, id: Uuid) -> Result<bool, Failure> {
    let sql = format!("SELECT id FROM {} WHERE org_id = ? AND id = ? {}", machine.table(), locked(tx.db()));
    let row = tx.db().query_one_raw(statement(tx.db(), &sql, [tx.org_id().into(), id.into()])).await?;
    Ok(row.is_some())
}

/// The job that was asked for under this key last, unless it failed or was taken back.
async fn standing(tx: &Tx<'_>, key: &str) -> Result<Option<Uuid>, Failure> {
    use job::Column as C;
    let last = job::Entity::find().filter(C::OrgId.eq(tx.org_id())).filter(C::Kind.eq(ERASURE.name()));
    let last = last.filter(C::UniqueKey.eq(key)).order_by_desc(C::Id).one(tx.db()).await?;
    Ok(last.filter(|job| !matches!(job.state.as_str(), "dead" | "cancelled")).map(|job| job.id))
}

/// Takes a record out of sight, so that whoever follows changes hears that it is gone; the ledger has it from here on, and
/// it does not come back.
async fn mark(tx: &Tx<'_>, machine: &dyn Machine, id: Uuid, said: &Value) -> Result<(), Failure> {
    let kind = machine.kind().name;
    let table = machine.table();
    ledger::note(tx, kind, &[id]).await?;
    if !hide::hide(tx, kind, table, id).await? {
        // It does not come back with what it was deleted with, and is not counted there.
        let sql = format!("SELECT deleted_with FROM {table} WHERE org_id = ? AND id = ?");
        let row = tx.db().query_one_raw(statement(tx.db(), &sql, [tx.org_id().into(), id.into()])).await?;
        let with: Option<Uuid> = row.map(|row| row.try_get("", "deleted_with")).transpose()?.flatten();
        let sql = format!("UPDATE {table} SET deleted_with = NULL WHERE org_id = ? AND id = ?");
        tx.db().execute_raw(statement(tx.db(), &sql, [tx.org_id().into(), id.into()])).await?;
        if let Some(customer) = with {
            summaries::one_less(tx, kind, customer).await?;
        }
    }
    tx.log(erased(kind, id).saying(said));
    Ok(())
}

/// The entry that a record was erased: those before it need not have values any more.
fn erased(kind: &'static str, id: Uuid) -> Entry {
    Entry::admin(&format!("{kind}.erased"), Some((kind, id)))
}

/// Does it.
///
/// # Errors
/// The job is to end before, or the database is away.
pub async fn run(work: Work) -> Run {
    let ToErase { kind, id } = work.payload()?;
    let unknown = || Ended::Final { code: "kind_unknown", detail: format!("there is no kind {kind}") };
    let machine = registry::machine(&kind).ok_or_else(unknown)?;
    let before: Counts = work.checkpoint()?.unwrap_or_default();
    let mut erasing = Erasing::of(work.caller(), machine, id).await?.within(&work, before);
    while erasing.step().await? {
        work.go_on()?;
    }
    Ok(Some(json!({ "id": id, "kind": kind, "erased": erasing.counts() })))
}
