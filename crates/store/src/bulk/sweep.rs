//! Deleting what is kept of bulk changes whose jobs are gone.

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::dialect::statement;
use crate::engine;
use crate::failure::Failure;
use crate::gate::Gate;

/// Records that one transaction deletes.
const PART: u64 = 1000;

impl Gate {
    /// Deletes the records of bulk changes whose jobs were swept, in as many transactions as it takes. How many.
    pub(crate) async fn sweep_bulk_changes(&self) -> Result<u64, Failure> {
        let mut gone = 0;
        loop {
            let part = self.write_raw(async move |db: &engine::Tx| sweep(db).await).await?;
            match part {
                Some(part) => gone += part,
                None => return Ok(gone),
            }
        }
    }
}

/// Some records of one of them, or itself where none is left; nothing where there is none.
async fn sweep(db: &engine::Tx) -> Result<Option<u64>, Failure> {
    let sql = "SELECT b.org_id, b.job_id FROM bulk_changes b \
               WHERE NOT EXISTS (SELECT 1 FROM jobs j WHERE j.org_id = b.org_id AND j.id = b.job_id) LIMIT 1";
    let Some(row) = db.query_one_raw(statement(db, sql, [])).await? else { return Ok(None) };
    let (org, job): (Uuid, Uuid) = (row.try_get("", "org_id")?, row.try_get("", "job_id")?);
    let key = || [org.into(), job.into()];
    let sql = format!(
        "DELETE FROM bulk_records WHERE org_id = ? AND job_id = ? AND place IN (SELECT place FROM bulk_records \
         WHERE org_id = ? AND job_id = ? ORDER BY place LIMIT {PART})"
    );
    let gone = db.execute_raw(statement(db, &sql, key().into_iter().chain(key()))).await?.rows_affected();
    if gone == 0 {
        let sql = "DELETE FROM bulk_changes WHERE org_id = ? AND job_id = ?";
        db.execute_raw(statement(db, sql, key())).await?;
    }
    Ok(Some(gone))
}
