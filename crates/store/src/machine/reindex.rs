//! Putting records into the index of sealed values anew, under the roots that are primary now.

use std::collections::HashSet;

use kehu_domain::record::{Record, Stored};
use sea_orm::EntityName;
use uuid::Uuid;

use crate::dialect::{statement, unchanging};
use crate::engine::rows::{self, Reads};
use crate::failure::Failure;
use crate::ops::duplicates;
use crate::pii;
use crate::rows::{Ownership, Rows};
use crate::sealer::Opener;
use crate::tx::Tx;

use super::found_under;

/// Indexes those records anew; the ones that somebody is changing are passed over. Gives how many were done.
pub(super) async fn reindex<R: Rows>(tx: &Tx<'_>, ids: &[Uuid]) -> Result<u64, Failure> {
    let places = vec!["?"; ids.len()].join(", ");
    let condition = format!("WHERE org_id = ? AND id IN ({places})");
    let values = || std::iter::once(tx.org_id().into()).chain(ids.iter().map(|id| (*id).into()));
    let sql = format!("{} {condition} {}", rows::select::<R::Entity>(), unchanging(tx.db()));
    let rows = tx.db().rows(statement(tx.db(), &sql, values())).await?;
    let mut records: Vec<Stored<R>> = Vec::new();
    let opener = Opener(tx.caller().ring());
    for row in rows {
        match R::from_row(row, &opener) {
            Ok((stored, _)) => records.push(stored),
            // What does not open stays where it is found now.
            Err(failure) => tracing::error!(org = %tx.org_id(), cause = %failure, "a record cannot be indexed anew"),
        }
    }
    let gone = gone::<R>(tx, ids, &condition).await?;
    let done = records.len() + gone.len();
    gone.into_iter().for_each(|id| tx.unindex(id));
    let living: Vec<&Stored<R>> = records.iter().filter(|record| record.base.deleted_at.is_none()).collect();
    let entries: Vec<Vec<pii::Entry>> = living.iter().map(|record| found_under(tx.caller().org(), record)).collect();
    let found = pii::find(tx.db(), tx.caller().ring(), tx.org_id(), &entries.concat()).await?;
    records.iter().for_each(|record| tx.unindex(record.base.id));
    let found = found.split(entries.iter().map(Vec::len));
    for ((record, entries), found) in living.into_iter().zip(&entries).zip(found) {
        let parent = match record.data.ownership() {
            Ownership::OfCustomer(customer) => customer,
            _ => record.base.id,
        };
        tx.index(duplicates::rows(tx, record, <R as Record>::KIND.name, parent, entries, &found)?, entries);
    }
    Ok(u64::try_from(done).unwrap_or(u64::MAX))
}

/// Which of them are no more: nobody finds them by what is left in the index.
pub(super) async fn gone<R: Rows>(tx: &Tx<'_>, ids: &[Uuid], condition: &str) -> Result<Vec<Uuid>, Failure> {
    use sea_orm::ConnectionTrait as _;
    let sql = format!("SELECT id FROM {} {condition}", R::Entity::default().table_name());
    let values = std::iter::once(tx.org_id().into()).chain(ids.iter().map(|id| (*id).into()));
    let mut there = HashSet::new();
    for row in tx.db().query_all_raw(statement(tx.db(), &sql, values)).await? {
        there.insert(row.try_get::<Uuid>("", "id")?);
    }
    Ok(ids.iter().copied().filter(|id| !there.contains(id)).collect())
}
