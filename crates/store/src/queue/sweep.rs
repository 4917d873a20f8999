//! Deleting jobs that ended long ago.

use sea_orm::ConnectionTrait;

use crate::dialect::{now, statement};
use crate::engine;
use crate::failure::Failure;
use crate::gate::Gate;

/// Jobs that one transaction deletes.
const PART: u64 = 1000;

impl Gate {
    /// Deletes jobs past their time, in as many transactions as it takes. How many were deleted.
    pub(crate) async fn sweep_jobs(&self) -> Result<u64, Failure> {
        let mut gone = 0;
        loop {
            let part = self.write_raw(async move |db: &engine::Tx| sweep(db).await).await?;
            gone += part;
            if part < PART {
                return Ok(gone);
            }
        }
    }
}

async fn sweep(db: &engine::Tx) -> Result<u64, Failure> {
    // Said twice: one may be tried again between the two looks of PostgreSQL.
    let sql = format!(
        "DELETE FROM jobs WHERE (org_id, id) IN (SELECT org_id, id FROM jobs WHERE expires_at IS NOT NULL \
         AND expires_at <= {now} ORDER BY expires_at LIMIT {PART}) AND expires_at IS NOT NULL AND expires_at <= {now}",
        now = now(db)
    );
    Ok(db.execute_raw(statement(db, &sql, [])).await?.rows_affected())
}
