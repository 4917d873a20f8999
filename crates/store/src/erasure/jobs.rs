//! Jobs that name a record in what is sealed of them.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::crypto::cell::FieldPath;
use crate::dialect::statement;
use crate::entities::job;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::leaving::HAND_OVER;
use crate::ops::children;
use crate::pii::padded;
use crate::sealed::job::{CHECKPOINT, DETAIL, PAYLOAD, RESULT};
use crate::tx::Tx;

use super::ERASURE;

/// Jobs that are opened together.
const TOGETHER: u64 = 200;

/// Deletes jobs of the organisation that name a record or what hangs on it, but for those that run and those that erase.
/// How many.
pub(super) async fn forget(caller: &Caller, kind: &str, record: Uuid, own: Option<Uuid>) -> Result<u64, Failure> {
    let named = named(caller, kind, record).await?;
    let (mut after, mut gone) = (Uuid::nil(), 0);
    loop {
        let jobs = job::Entity::find().filter(job::Column::OrgId.eq(caller.org().id)).filter(job::Column::Id.gt(after));
        let jobs = jobs.order_by_asc(job::Column::Id).limit(TOGETHER).all(caller.gate().engine()).await?;
        let Some(last) = jobs.last() else { return Ok(gone) };
        after = last.id;
        // A hand-over that waits has others to hand over too.
        let stays = |job: &job::Model| {
            job.kind == ERASURE.name() || Some(job.id) == own || job.kind == HAND_OVER.name() && job.state == "queued"
        };
        let names = |job: &&job::Model| !stays(job) && names(caller, job, &named);
        let found: Vec<Uuid> = jobs.iter().filter(names).map(|job| job.id).collect();
        if !found.is_empty() {
            gone += caller.write(async move |tx: &Tx<'_>| delete(tx, found).await).await?;
        }
    }
}

/// The record, and what hangs on it, as texts.
async fn named(caller: &Caller, kind: &str, record: Uuid) -> Result<Vec<String>, Failure> {
    let db = caller.gate().engine();
    let mut all = vec![record.to_string()];
    for (table, _, column) in children::of(kind) {
        let sql = format!("SELECT id FROM {table} WHERE org_id = ? AND {column} = ?");
        for row in db.query_all_raw(statement(db, &sql, [caller.org().id.into(), record.into()])).await? {
            all.push(row.try_get::<Uuid>("", "id")?.to_string());
        }
    }
    Ok(all)
}

/// Whether a job says one of them; what does not open says nothing.
fn names(caller: &Caller, job: &job::Model, named: &[String]) -> bool {
    let says = |path: FieldPath, cell: Option<&[u8]>| {
        let text = cell.and_then(|cell| caller.ring().open_text(path, job.id, cell).ok());
        text.is_some_and(|text| named.iter().any(|name| text.contains(name.as_str())))
    };
    says(PAYLOAD, Some(&job.payload))
        || says(CHECKPOINT, job.checkpoint.as_deref())
        || says(RESULT, job.result.as_deref())
        || says(DETAIL, job.detail.as_deref())
}

async fn delete(tx: &Tx<'_>, found: Vec<Uuid>) -> Result<u64, Failure> {
    let found = padded(found);
    let places = vec!["?"; found.len()].join(", ");
    let sql = format!("DELETE FROM jobs WHERE org_id = ? AND id IN ({places}) AND state <> 'running'");
    let values = std::iter::once(tx.org_id()).chain(found).map(sea_orm::Value::from);
    Ok(tx.db().execute_raw(statement(tx.db(), &sql, values)).await?.rows_affected())
}
