//! Taking jobs back from servers that are gone, or that cannot begin them.

use std::collections::HashSet;
use std::time::Duration;

use sea_orm::{ConnectionTrait, FromQueryResult, Value};
use uuid::Uuid;

use crate::dialect::{after, now, statement, unlocked};
use crate::engine;
use crate::entities::job;
use crate::failure::Failure;
use crate::gate::Gate;

use super::end::pause;
use super::fence::{dead_kept, finished, kept};
use super::lease::{milliseconds, renew};
use super::work::chance;
use super::{LONG_AGO, RUNNING, Work};

/// Longer, in milliseconds, than any lease: one that ends later was given while the clock of the database ran ahead.
const LONGEST: i64 = 3_660_000;
/// Leases that are taken back at once.
const EXPIRED: u64 = 100;

#[derive(FromQueryResult)]
struct Expired {
    org_id: Uuid,
    id: Uuid,
    kind: String,
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
    let sql = format!("SELECT org_id, id, kind, lease FROM jobs WHERE {RUNNING} AND {} LIMIT {EXPIRED}", has_ended(db));
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
    let released = gate
        .write_raw(async move |db: &engine::Tx| {
            let mut released = Vec::new();
            for one in expired {
                let ended = format!("AND {}", has_ended(db));
                let outcome = release(db, &one, (&ended, vec![LONGEST.into()]), lost(db)).await?;
                released.extend(outcome.map(|outcome| (one, outcome)));
            }
            Ok(released)
        })
        .await?;
    for (Expired { id, kind, .. }, outcome) in &released {
        tracing::warn!(kind, %id, outcome, "the lease of a job ended");
        gate.count_job(kind, outcome);
    }
    Ok(released.len())
}

/// That a lease has ended; takes [`LONGEST`].
pub(super) fn has_ended(db: &impl ConnectionTrait) -> String {
    format!("(lease_until <= {} OR lease_until > {})", now(db), after(db))
}

/// Gives back a job that was claimed and cannot be begun. Where that is the database's doing it costs nothing; else it
/// is a failed attempt.
pub(super) async fn not_begun(gate: &Gate, row: &job::Model, lease: Uuid, failure: &Failure) {
    let (id, kind) = (row.id, row.kind.clone());
    let again = matches!(failure, Failure::Engine(error) if error.retryable());
    let one = Expired { org_id: row.org_id, id, kind: kind.clone(), lease };
    let pause = chance().map(|chance| milliseconds(pause(row.attempts, chance)));
    let written = match pause {
        Ok(pause) => gate.write_raw(async move |db: &engine::Tx| {
            let ways = if again { unharmed(db) } else { unreadable(db, pause) };
            release(db, &one, ("", Vec::new()), ways).await
        }),
        Err(failure) => return tracing::error!(kind, %id, cause = %failure, "a job cannot be given back"),
    };
    match written.await {
        Ok(outcome) => {
            let outcome = outcome.unwrap_or("lost");
            tracing::error!(kind, %id, cause = %failure, outcome, "a job cannot be begun");
            gate.count_job(&kind, outcome);
        }
        Err(away) => {
            tracing::error!(kind, %id, cause = %failure, %away, "a job cannot be begun; it comes back when its lease ends");
        }
    }
}

/// A way in which a job may leave a server: what is set, where, with which values, and what that is called.
type Way = (String, &'static str, Vec<Value>, &'static str);

fn cancelled(db: &engine::Tx) -> Way {
    (format!("state = 'cancelled', {}", finished(db)), "AND cancel_asked", kept().to_vec(), "cancelled")
}

fn dead(db: &engine::Tx, code: &str) -> Way {
    let (now, time) = (now(db), after(db));
    let set = format!("state = 'dead', failure = '{code}', detail = NULL, finished_at = {now}, expires_at = {time}");
    (set, "AND attempts >= max_attempts", vec![dead_kept()], "dead")
}

/// Its server is gone.
fn lost(db: &engine::Tx) -> Vec<Way> {
    let again = (format!("state = 'queued', run_at = {}", now(db)), "", Vec::new(), "lost");
    vec![cancelled(db), dead(db, "lost"), again]
}

/// Its server could not reach the database to begin it.
fn unharmed(db: &engine::Tx) -> Vec<Way> {
    vec![cancelled(db), ("state = 'queued', attempts = attempts - 1".to_owned(), "", Vec::new(), "given_back")]
}

/// It cannot be opened.
fn unreadable(db: &engine::Tx, pause: i64) -> Vec<Way> {
    let set = format!("state = 'queued', failure = 'unreadable', detail = NULL, run_at = {}", after(db));
    vec![cancelled(db), dead(db, "unreadable"), (set, "", vec![pause.into()], "failed")]
}

/// Releases a job, in the first way that fits; it is left alone where it is not held under that lease any more or not
/// `only` that, or where somebody is changing it.
async fn release(
    db: &engine::Tx,
    one: &Expired,
    only: (&str, Vec<Value>),
    ways: Vec<Way>,
) -> Result<Option<&'static str>, Failure> {
    let Expired { org_id, id, lease, .. } = *one;
    let this = format!(
        "lease = NULL, lease_until = NULL WHERE org_id = ? AND id = (SELECT id FROM jobs WHERE org_id = ? AND id = ? \
         AND state = 'running' AND lease = ? {} {})",
        only.0,
        unlocked(db)
    );
    for (set, fits, values, outcome) in ways {
        let sql = format!("UPDATE jobs SET {set}, {this} {fits}");
        let key = [org_id.into(), org_id.into(), id.into(), lease.into()];
        let values = values.into_iter().chain(key).chain(only.1.clone());
        if db.execute_raw(statement(db, &sql, values)).await?.rows_affected() > 0 {
            return Ok(Some(outcome));
        }
    }
    Ok(None)
}
