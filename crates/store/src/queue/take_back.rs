//! Taking jobs back from servers that are gone.

use std::collections::HashSet;
use std::time::Duration;

use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use crate::dialect::{after, now, statement, unlocked};
use crate::engine;
use crate::failure::Failure;
use crate::gate::Gate;

use super::fence::{dead_kept, finished, kept};
use super::lease::renew;
use super::{LONG_AGO, RUNNING, Work};

/// Longer, in milliseconds, than any lease: one that ends later was given while the clock of the database ran ahead.
const LONGEST: i64 = 3_660_000;
/// Leases that are taken back at once.
const EXPIRED: u64 = 100;

#[derive(FromQueryResult)]
struct Expired {
    org_id: Uuid,
    id: Uuid,
    lease: Uuid,
}

/// Takes back jobs whose lease ended: their server is gone, or cannot reach the database. They go back into the queue;
/// those that have no attempt left are dead, those that were taken back are cancelled. How many there were.
///
/// What runs on this server (`own`) lives: where its lease ended, because the process stood still or the database was
/// away, it is renewed for so long.
///
/// # Errors
/// The database is away.
pub async fn take_back(gate: &Gate, own: Vec<Work>, lease: Duration) -> Result<usize, Failure> {
    let db = gate.engine();
    let sql = format!("SELECT org_id, id, lease FROM jobs WHERE {RUNNING} AND {} LIMIT {EXPIRED}", has_ended(db));
    let values = [LONG_AGO.into(), LONGEST.into()];
    let expired = Expired::find_by_statement(statement(db, &sql, values)).all(db).await?;
    let living: HashSet<Uuid> = own.iter().map(Work::lease).collect();
    let (own_ended, expired): (Vec<_>, Vec<_>) = expired.into_iter().partition(|one| living.contains(&one.lease));
    if !own_ended.is_empty() {
        renew(gate, own, lease).await?;
    }
    if expired.is_empty() {
        return Ok(0);
    }
    gate.write_raw(async move |db: &engine::Tx| {
        let mut many = 0;
        for Expired { org_id, id, lease } in expired {
            many += release(db, org_id, id, lease).await?;
        }
        Ok(many)
    })
    .await
}

/// That a lease has ended; takes [`LONGEST`].
pub(super) fn has_ended(db: &impl ConnectionTrait) -> String {
    format!("(lease_until <= {} OR lease_until > {})", now(db), after(db))
}

/// One of them; it is left alone where it was renewed after all, or where somebody is changing it.
async fn release(db: &engine::Tx, org: Uuid, id: Uuid, lease: Uuid) -> Result<usize, Failure> {
    let (now, time) = (now(db), after(db));
    let this = format!(
        "lease = NULL, lease_until = NULL WHERE org_id = ? AND id = (SELECT id FROM jobs WHERE org_id = ? AND id = ? \
         AND state = 'running' AND lease = ? AND {} {})",
        has_ended(db),
        unlocked(db)
    );
    let key = || [org.into(), org.into(), id.into(), lease.into(), LONGEST.into()];
    let ends = [
        (format!("state = 'cancelled', {}", finished(db)), "AND cancel_asked", kept().to_vec()),
        (
            format!("state = 'dead', failure = 'lost', detail = NULL, finished_at = {now}, expires_at = {time}"),
            "AND attempts >= max_attempts",
            vec![dead_kept()],
        ),
        (format!("state = 'queued', run_at = {now}"), "", Vec::new()),
    ];
    for (set, only, values) in ends {
        let sql = format!("UPDATE jobs SET {set}, {this} {only}");
        let values = values.into_iter().chain(key());
        if db.execute_raw(statement(db, &sql, values)).await?.rows_affected() > 0 {
            return Ok(1);
        }
    }
    Ok(0)
}
