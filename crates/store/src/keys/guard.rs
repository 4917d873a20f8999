//! That nothing is sealed under a root that is not primary any more: else a rotation that ended would have left a cell
//! behind that nobody opens.
//!
//! What a server knows of roots is up to a second old, and a server may stand still for longer. On SQLite, where there
//! is one writer, a transaction looks when it begins. On PostgreSQL it looks together with its commit, which costs no
//! round trip, under a lock that it shares with other writers; whoever makes another root primary takes that lock alone
//! and so waits for them. While a root is about to become primary, a transaction takes the lock and looks when it
//! begins: it then never fails for it.

use std::sync::Arc;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::crypto::roots::KeyRing;
use crate::dialect::{self, has_concurrent_writers, statement};
use crate::engine;
use crate::entities::tenant_key;
use crate::failure::Failure;
use crate::gate::Caller;

/// The lock of an organisation's roots.
pub(crate) fn lane(org: Uuid) -> i64 {
    dialect::lane("keys", org)
}

/// The caller of a transaction that begins, with the keys that it seals with: those it has, or newer ones.
pub(crate) async fn settle(db: &engine::Tx, caller: Caller) -> Result<Caller, Failure> {
    let ring = caller.ring();
    let org = ring.org();
    if has_concurrent_writers(db) {
        if !ring.is_about_to_change() {
            return Ok(caller);
        }
        let sql = format!("SELECT count(pg_advisory_xact_lock_shared({})) AS locked", lane(org));
        db.execute_unprepared(&sql).await?;
    }
    if is_current(db, ring).await? {
        return Ok(caller);
    }
    let rows = tenant_key::Entity::find().filter(tenant_key::Column::OrgId.eq(org)).all(db).await?;
    caller.gate().distrust_ring(org);
    let ring = Arc::new(caller.gate().unlock(org, &rows)?);
    Ok(caller.with_ring(ring))
}

/// Whether the roots that a ring seals and indexes under are the primary ones.
pub(crate) async fn is_current(db: &engine::Tx, ring: &KeyRing) -> Result<bool, Failure> {
    let sql = "SELECT purpose FROM tenant_keys WHERE org_id = ? AND state = 'primary' \
               AND ((purpose = 'enc' AND key_id = ?) OR (purpose = 'index' AND key_id = ?))";
    let values = [ring.org().into(), i64::from(ring.primary_enc()).into(), i64::from(ring.primary_index()).into()];
    Ok(db.query_all_raw(statement(db, sql, values)).await?.len() == 2)
}

/// What a transaction on PostgreSQL runs together with its commit.
pub(crate) fn at_commit(ring: &KeyRing) -> String {
    let (lane, org) = (lane(ring.org()), ring.org());
    format!("SELECT kehu_keys_are_current({lane}, '{org}', {}, {})", ring.primary_enc(), ring.primary_index())
}
