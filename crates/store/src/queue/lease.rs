//! Leases while jobs run.

use std::collections::HashSet;
use std::time::Duration;

use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use crate::dialect::{after, statement};
use crate::engine;
use crate::failure::Failure;
use crate::gate::Gate;

use super::{LONG_AGO, RUNNING, Work};

/// Renews the leases of jobs. Gives those that were lost.
///
/// # Errors
/// The database is away; the leases are as they were.
pub async fn renew(gate: &Gate, jobs: Vec<Work>, lease: Duration) -> Result<HashSet<Uuid>, Failure> {
    let length = milliseconds(lease);
    gate.write_raw(async move |db: &engine::Tx| {
        let sql = format!(
            "UPDATE jobs SET lease_until = {} WHERE org_id = ? AND id = ? AND state = 'running' AND lease = ?",
            after(db)
        );
        let mut lost = HashSet::new();
        for work in jobs {
            let values = [length.into(), work.org_id().into(), work.id().into(), work.lease().into()];
            if db.execute_raw(statement(db, &sql, values)).await?.rows_affected() == 0 {
                lost.insert(work.lease());
            }
        }
        Ok(lost)
    })
    .await
}

pub(super) fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[derive(FromQueryResult)]
struct Asked {
    id: Uuid,
}

/// Running jobs, on whatever server, that somebody took back.
///
/// # Errors
/// The database is away.
pub async fn asked_to_cancel(gate: &Gate) -> Result<HashSet<Uuid>, Failure> {
    let db = gate.engine();
    let sql = format!("SELECT id FROM jobs WHERE {RUNNING} AND cancel_asked");
    let rows = Asked::find_by_statement(statement(db, &sql, [LONG_AGO.into()])).all(db).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}
