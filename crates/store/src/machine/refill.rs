//! Putting what records are asked for by beside their values anew: after a field became filterable, searchable or unique.

use kehu_domain::custom::CustomValues;
use sea_orm::ConnectionTrait as _;
use uuid::Uuid;

use crate::dialect::{statement, unchanging};
use crate::engine::rows::{self, Reads};
use crate::failure::Failure;
use crate::rows::Rows;
use crate::rows::custom::slots;
use crate::sealer::Opener;
use crate::tx::Tx;

use super::{redocument, reindex};

/// Fills slots, links, text and index of those records, deleted ones too: they may come back. The ones that somebody is
/// changing are passed over. Gives the ids of those that were done; one that cannot be opened counts as done. Nothing of
/// it is a change of the record.
pub(super) async fn refill<R: Rows>(tx: &Tx<'_>, ids: &[Uuid]) -> Result<Vec<Uuid>, Failure> {
    let places = vec!["?"; ids.len()].join(", ");
    let condition = format!("WHERE org_id = ? AND id IN ({places})");
    let values = || std::iter::once(tx.org_id().into()).chain(ids.iter().map(|id| (*id).into()));
    let sql = format!("{} {condition} {}", rows::select::<R::Entity>(), unchanging(tx.db()));
    let rows = tx.db().rows(statement(tx.db(), &sql, values())).await?;
    let org = tx.caller().org();
    let fields = org.custom(R::KIND.name);
    let opener = Opener(tx.caller().ring());
    let mut done = Vec::new();
    for row in rows {
        let record = match R::from_row(row, &opener) {
            Ok((record, _)) => record,
            Err(failure) => {
                tracing::error!(org = %tx.org_id(), cause = %failure, "values of a record cannot be put into their slots");
                continue;
            }
        };
        done.push(record.base.id);
        let filled = slots(fields, &record.base.custom);
        if !filled.is_empty() {
            let sets: Vec<String> = filled.iter().map(|(column, _)| format!("{column} = ?")).collect();
            let sql = format!("UPDATE {} SET {} WHERE org_id = ? AND id = ?", R::KIND.path, sets.join(", "));
            let values = filled.into_iter().map(|(_, value)| value);
            let values = values.chain([tx.org_id().into(), record.base.id.into()]);
            tx.db().execute_raw(statement(tx.db(), &sql, values)).await?;
        }
        // Links of what was there once may be left: nobody took them away while the field was not asked for.
        let linked: Vec<Uuid> =
            fields.iter().filter(|field| field.filterable && field.has_links()).map(|field| field.id).collect();
        if !linked.is_empty() {
            let places = vec!["?"; linked.len()].join(", ");
            let sql = format!("DELETE FROM custom_links WHERE org_id = ? AND record_id = ? AND field_id IN ({places})");
            let values = [tx.org_id(), record.base.id].into_iter().chain(linked).map(sea_orm::Value::from);
            tx.db().execute_raw(statement(tx.db(), &sql, values)).await?;
        }
        tx.pick(fields, record.base.id, &CustomValues::default(), &record.base.custom);
        redocument::write(tx, &record);
    }
    reindex::reindex::<R>(tx, &done).await?;
    Ok(done)
}
