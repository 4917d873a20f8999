//! Looking for fields of which an older program wrote less beside the values than filters ask for now, and asking for the
//! jobs that write it. Until they are done those operators are refused, and the others go on.

use kehu_domain::custom::CustomType;
use sea_orm::ConnectionTrait;
use serde_json::json;
use uuid::Uuid;

use crate::dialect::statement;
use crate::failure::Failure;
use crate::gate::{Gate, RequestInfo};
use crate::ops::fields;
use crate::queue::{Run, Work};
use crate::tx::Tx;

/// What is left to do: a job that was asked for meanwhile does it too.
const LEFT: &str = "NOT linked AND filling IS NULL AND deleted_at IS NULL AND filterable AND NOT retired \
                    AND (type = ? OR sensitive)";

/// Asks for the jobs of every organisation.
///
/// # Errors
/// The database is away.
pub async fn run(work: Work) -> Run {
    let gate = work.caller().gate();
    let (mut after, mut asked) = (Uuid::nil(), 0_u64);
    loop {
        let sql = format!("SELECT org_id FROM fields WHERE {LEFT} AND org_id > ? ORDER BY org_id LIMIT 1");
        let values = [CustomType::Text.key().into(), after.into()];
        let row = gate.engine().query_one_raw(statement(gate.engine(), &sql, values)).await;
        let Some(row) = row.map_err(Failure::from)? else { break };
        after = row.try_get("", "org_id").map_err(Failure::from)?;
        // One organisation does not keep those behind it waiting: the next hour comes by again.
        match ask(gate, after).await {
            Ok(fields) => asked += fields,
            Err(error) => tracing::warn!(organisation = %after, ?error, "links of fields were not asked for"),
        }
    }
    Ok(Some(json!({ "fields": asked })))
}

async fn ask(gate: &Gate, org: Uuid) -> Result<u64, Failure> {
    let caller = gate.system(org, RequestInfo::of_program("job", gate.now())).await?;
    caller.write(async |tx: &Tx<'_>| of_org(tx).await).await
}

async fn of_org(tx: &Tx<'_>) -> Result<u64, Failure> {
    tx.lock(fields::LOCK).await?;
    let sql = format!("SELECT id FROM fields WHERE org_id = ? AND {LEFT} ORDER BY id");
    let values = [tx.org_id().into(), CustomType::Text.key().into()];
    let mut asked = 0;
    for row in tx.db().query_all_raw(statement(tx.db(), &sql, values)).await? {
        let (field, token): (Uuid, Uuid) = (row.try_get("", "id")?, tx.new_id());
        fields::write(tx, field, &[("filling", token.into())]).await?;
        fields::enqueue(tx, field, token)?;
        asked += 1;
    }
    tx.people_changed();
    Ok(asked)
}

#[cfg(test)]
#[path = "look_tests.rs"]
mod tests;
