//! A root in the life of an organisation: it is made, becomes primary, and retires.

use std::pin::Pin;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};
use serde_json::json;
use uuid::Uuid;

use crate::crypto::roots::{Purpose, RootState};
use crate::dialect::{has_concurrent_writers, statement};
use crate::engine::{self, Kind};
use crate::entities::tenant_key;
use crate::failure::Failure;
use crate::gate::{Caller, Gate, RequestInfo};
use crate::journal::Entry;
use crate::ops::installation::numbered_root;
use crate::queue::{self, NewJob};
use crate::tx::Tx;

use super::guard::lane;
use super::rotate::{ROTATION, Rotation};

/// Makes another root and asks for the job that takes it into use. A rotation that is under way is gone on with: gives
/// its job.
pub(super) async fn begin(caller: &Caller, purpose: Purpose, reseals: bool) -> Result<Uuid, Failure> {
    let key = unique_key(purpose, reseals);
    for _ in 0..3 {
        let id = caller.write(async move |tx: &Tx<'_>| make(tx, purpose, reseals).await).await?;
        let org = caller.org().id;
        if let Some(job) = queue::standing(caller, id, &key).await? {
            tracing::info!(%org, purpose = purpose.as_str(), %job, "a rotation of keys was asked for");
            return Ok(job);
        }
    }
    Err(Failure::Internal("a job was not there after it was written".into()))
}

/// One rotation of a purpose at a time, and one replacement of a root that is full.
fn unique_key(purpose: Purpose, reseals: bool) -> String {
    format!("keys.{}{}", purpose.as_str(), if reseals { "" } else { ".full" })
}

async fn make(tx: &Tx<'_>, purpose: Purpose, reseals: bool) -> Result<Uuid, Failure> {
    let (org, gate) = (tx.org_id(), tx.caller().gate());
    if queue::living(tx.db(), org, &unique_key(purpose, reseals)).await?.is_some() {
        return Ok(tx.new_id());
    }
    let roots = of_purpose(tx.db(), org, purpose).await?;
    let primary = roots.iter().find(|root| root.state == RootState::Primary.as_str());
    let primary = primary.map(|root| root.key_id).unwrap_or_default();
    let last = roots.iter().map(|root| root.key_id).max().unwrap_or_default();
    let next = if last > primary {
        // Made by a rotation that went no further.
        last
    } else {
        let next =
            u32::try_from(last + 1).map_err(|_| Failure::Internal("there are no numbers for keys left".into()))?;
        let mut root = numbered_root(gate, org, purpose, next)?;
        root.state = RootState::Active.as_str().to_owned();
        tenant_key::Entity::insert(root.into_active_model()).exec_without_returning(tx.db()).await?;
        tx.people_changed();
        let said = json!({ "purpose": purpose.as_str(), "key_id": next });
        tx.log(Entry::admin("keys.root_created", None).saying(&said));
        i64::from(next)
    };
    let rotation = Rotation { purpose: purpose.as_str().to_owned(), key_id: next, reseals };
    Ok(tx.enqueue(NewJob::new(&ROTATION, json!(rotation)).unique(unique_key(purpose, reseals))))
}

/// The roots of a purpose, which nobody else changes until the transaction ends.
async fn of_purpose(db: &engine::Tx, org: Uuid, purpose: Purpose) -> Result<Vec<tenant_key::Model>, Failure> {
    let roots = tenant_key::Entity::find().filter(tenant_key::Column::OrgId.eq(org));
    Ok(roots.filter(tenant_key::Column::Purpose.eq(purpose.as_str())).lock_exclusive().all(db).await?)
}

/// Makes a root the primary one of its purpose, unless a later one is. From its commit on nothing is sealed or indexed
/// under the one before: see [`guard`](super::guard).
pub(super) async fn make_primary(gate: &Gate, org: Uuid, purpose: Purpose, key_id: i64) -> Result<(), Failure> {
    let done = gate.write_raw(async move |db: &engine::Tx| {
        // Whoever has a part of this lock may wait for rows, and gets them: no row is held while it is waited for.
        if has_concurrent_writers(db) {
            let sql = "SELECT count(pg_advisory_xact_lock(?)) AS locked";
            db.execute_raw(statement(db, sql, [lane(org).into()])).await?;
        }
        let purpose = purpose.as_str();
        let sql = "UPDATE tenant_keys SET state = 'active' \
                   WHERE org_id = ? AND purpose = ? AND state = 'primary' AND key_id < ?";
        db.execute_raw(statement(db, sql, [org.into(), purpose.into(), key_id.into()])).await?;
        let sql = "UPDATE tenant_keys SET state = 'primary' WHERE org_id = ? AND purpose = ? AND key_id = ? \
                   AND state = 'active' AND NOT EXISTS (SELECT 1 FROM tenant_keys k WHERE k.org_id = tenant_keys.org_id \
                   AND k.purpose = tenant_keys.purpose AND k.state = 'primary')";
        db.execute_raw(statement(db, sql, [org.into(), purpose.into(), key_id.into()])).await?;
        Ok(())
    });
    done.await?;
    announce(gate, org).await
}

/// Tells every server that keys of the organisation were changed. One that is not told finds out when a commit of its is
/// refused.
pub(super) async fn announce(gate: &Gate, org: Uuid) -> Result<(), Failure> {
    let told = gate.write_raw(async move |db: &engine::Tx| {
        let sql = "UPDATE organisations SET state = state + 1 WHERE id = ?";
        db.execute_raw(statement(db, sql, [org.into()])).await?;
        Ok(())
    });
    told.await?;
    gate.forget_org(org);
    Ok(())
}

/// Retires every root of a purpose that was primary before that one: nothing is under them any more, and nothing is left
/// of them.
pub(super) async fn retire(tx: &Tx<'_>, purpose: Purpose, before: i64) -> Result<Vec<i64>, Failure> {
    let roots = of_purpose(tx.db(), tx.org_id(), purpose).await?;
    let old = |root: &tenant_key::Model| root.key_id < before && root.state == RootState::Active.as_str();
    let old: Vec<i64> = roots.into_iter().filter(old).map(|root| root.key_id).collect();
    for root in &old {
        // The root goes, not the word alone: whoever can write to the database must not bring it back.
        let sql =
            "UPDATE tenant_keys SET state = 'retired', wrapped = ? WHERE org_id = ? AND purpose = ? AND key_id = ?";
        let values = [Vec::<u8>::new().into(), tx.org_id().into(), purpose.as_str().into(), (*root).into()];
        tx.db().execute_raw(statement(tx.db(), sql, values)).await?;
        let said = json!({ "purpose": purpose.as_str(), "key_id": root });
        tx.log(Entry::admin("keys.root_retired", None).saying(&said));
    }
    if !old.is_empty() {
        tx.people_changed();
    }
    Ok(old)
}

impl Gate {
    /// Adds the counts of sealed cells to the rows of their roots, and has a root that reached its limit replaced. What
    /// cannot be added now is added later.
    pub(crate) fn note_seals(&self) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(async move {
            // Whatever becomes of the request that this is a part of.
            let _noting = Noting(self);
            let mut full = Vec::new();
            for ((org, root), many) in self.seal_counts().take() {
                match add(self, org, root, many).await {
                    Ok(sealed) if sealed.is_some_and(|sealed| sealed >= self.seal_counts().limit()) => full.push(org),
                    Ok(_) => {}
                    Err(failure) => {
                        tracing::warn!(%org, cause = %failure, "the count of sealed values was not noted");
                        self.seal_counts().give_back((org, root), many);
                    }
                }
            }
            for org in full {
                if let Err(failure) = replace(self, org).await {
                    tracing::error!(%org, cause = %failure, "the root that sealed up to its limit was not replaced");
                }
            }
        })
    }
}

/// Lets the next one note, when dropped.
struct Noting<'g>(&'g Gate);

impl Drop for Noting<'_> {
    fn drop(&mut self) {
        self.0.seal_counts().done();
    }
}

/// Adds to the count of a root; gives it, if the root is still the primary one.
async fn add(gate: &Gate, org: Uuid, root: u32, many: u64) -> Result<Option<u64>, Failure> {
    let many = i64::try_from(many).unwrap_or(i64::MAX);
    let counted = gate.write_raw(async move |db: &engine::Tx| {
        let alias = Kind::Integer.alias("sealed");
        let sql = format!(
            "UPDATE tenant_keys SET sealed = sealed + ? WHERE org_id = ? AND purpose = 'enc' AND key_id = ? \
             RETURNING CASE WHEN state = 'primary' THEN sealed END AS {alias}"
        );
        let values = [many.into(), org.into(), i64::from(root).into()];
        let row = db.query_one_raw(statement(db, &sql, values)).await?;
        Ok(row.map(|row| row.try_get::<Option<i64>>("", &alias)).transpose()?.flatten())
    });
    Ok(counted.await?.and_then(|sealed| u64::try_from(sealed).ok()))
}

/// A new root for what is sealed from now on. The old one stays, to open what it sealed.
async fn replace(gate: &Gate, org: Uuid) -> Result<(), Failure> {
    let system = gate.system(org, RequestInfo::of_program("system", gate.now())).await?;
    begin(&system, Purpose::Enc, false).await.map(drop)
}
