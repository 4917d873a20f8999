//! When another system last wrote a record: what it said before that comes too late. It is no part of the answer, so that
//! no version rises for it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kehu_domain::record::Kind;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::dialect::statement;
use crate::failure::Failure;
use crate::tx::Tx;

/// Milliseconds since 1970, by source.
type Times = BTreeMap<String, i64>;

async fn times(tx: &Tx<'_>, kind: &Kind, id: Uuid) -> Result<Times, Failure> {
    let sql = format!("SELECT source_times FROM {} WHERE org_id = ? AND id = ?", kind.path);
    let row = tx.db().query_one_raw(statement(tx.db(), &sql, [tx.org_id().into(), id.into()])).await?;
    let text: Option<String> = row.map(|row| row.try_get("", "source_times")).transpose()?.flatten();
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// Whether a source wrote something later already.
pub(super) async fn is_stale(
    tx: &Tx<'_>,
    kind: &Kind,
    id: Uuid,
    (source, said): (&str, DateTime<Utc>),
) -> Result<bool, Failure> {
    Ok(times(tx, kind, id).await?.get(source).is_some_and(|last| said.timestamp_millis() < *last))
}

/// Notes when a source wrote a record.
pub(super) async fn note(
    tx: &Tx<'_>,
    kind: &Kind,
    id: Uuid,
    (source, said): (&str, DateTime<Utc>),
) -> Result<(), Failure> {
    let mut times = times(tx, kind, id).await?;
    times.insert(source.to_owned(), said.timestamp_millis());
    let text = serde_json::to_string(&times).map_err(|error| Failure::Internal(error.to_string()))?;
    let sql = format!("UPDATE {} SET source_times = ? WHERE org_id = ? AND id = ?", kind.path);
    tx.db().execute_raw(statement(tx.db(), &sql, [text.into(), tx.org_id().into(), id.into()])).await?;
    Ok(())
}
