//! Jobs that were noted while the clock of the database ran ahead.

use sea_orm::ConnectionTrait;

use crate::dialect::{after, now, statement, unlocked};
use crate::engine;
use crate::failure::Failure;
use crate::gate::Gate;

/// When a job that waits was last asked for or begun: the expression that an index of its own is over.
const NOTED: &str = "(CASE WHEN state = 'queued' THEN COALESCE(started_at, created_at) END)";
/// So far ahead, milliseconds, is no difference between two statements any more.
pub(super) const AHEAD: i64 = 60_000;
/// Jobs that one transaction sets right.
const PART: u64 = 1000;

/// That a job waits since a moment yet to come; takes [`AHEAD`].
pub(super) fn ahead(db: &impl ConnectionTrait) -> String {
    format!("{NOTED} IS NOT NULL AND {NOTED} > {}", after(db))
}

/// Sets jobs right that were noted while the clock of the database ran ahead, so that they wait as long as they were
/// meant to, from now on, and not until the clock is there again. How many there were, up to a bound; where there are
/// none, one look at an index is all it costs.
///
/// # Errors
/// The database is away.
pub async fn set_right(gate: &Gate) -> Result<u64, Failure> {
    let db = gate.engine();
    let sql = format!("SELECT id FROM jobs WHERE {} LIMIT 1", ahead(db));
    if db.query_one_raw(statement(db, &sql, [AHEAD.into()])).await?.is_none() {
        return Ok(0);
    }
    gate.write_raw(async move |db: &engine::Tx| {
        let (now, ahead) = (now(db), ahead(db));
        let sql = format!(
            "UPDATE jobs SET run_at = {now} + (run_at - COALESCE(started_at, created_at)), \
             created_at = CASE WHEN created_at > {now} THEN {now} ELSE created_at END, \
             started_at = CASE WHEN started_at > {now} THEN {now} ELSE started_at END \
             WHERE (org_id, id) IN (SELECT org_id, id FROM jobs WHERE {ahead} LIMIT {PART} {})",
            unlocked(db)
        );
        Ok(db.execute_raw(statement(db, &sql, [AHEAD.into()])).await?.rows_affected())
    })
    .await
}
