//! What a customer shows of its follow-ups: kept in its row, so that no list scans them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use kehu_domain::fields::Instant;
use kehu_domain::kinds::Customer;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder};
use uuid::Uuid;

use crate::dialect::statement;
use crate::engine::rows::{Reads, row};
use crate::entities::customer;
use crate::failure::Failure;
use crate::machine::update;
use crate::pii::padded;
use crate::rows::{NOT_DUE, Rows};
use crate::sealer::Opener;
use crate::tx::Tx;

/// The latest living follow-up of a customer.
#[derive(FromQueryResult)]
struct Latest {
    customer_id: Uuid,
    happened_at: DateTime<Utc>,
    next_due_at: DateTime<Utc>,
}

row!(Latest { customer_id, happened_at, next_due_at });

/// Sets the last follow-up and the next one due of customers from their latest living follow-ups: a newer one settles
/// what the older ones had planned.
pub(crate) async fn refresh(tx: &Tx<'_>, customers: Vec<Uuid>) -> Result<(), Failure> {
    if customers.is_empty() {
        return Ok(());
    }
    let latest = latest(tx, &customers).await?;
    let query = customer::Entity::find()
        .filter(customer::Column::OrgId.eq(tx.org_id()))
        .filter(customer::Column::Id.is_in(padded(customers)))
        .filter(customer::Column::DeletedAt.is_null())
        .order_by_asc(customer::Column::Id);
    for row in tx.db().all(query).await? {
        let (before, touched) = Customer::from_row(row, &Opener(tx.caller().ring()))?;
        let mut data = before.data.clone();
        let latest = latest.get(&before.base.id);
        data.last_follow_up_at = latest.map(|latest| Instant::from_stored(latest.happened_at));
        let due = latest.map(|latest| latest.next_due_at).filter(|due| *due != NOT_DUE);
        data.next_follow_up_at = due.map(Instant::from_stored);
        if data != before.data {
            update::write_summary(tx, &before, &touched, data).await?;
        }
    }
    Ok(())
}

/// By customer. Each is the end of a walk in the index by customer and time.
async fn latest(tx: &Tx<'_>, customers: &[Uuid]) -> Result<HashMap<Uuid, Latest>, Failure> {
    let customers = padded(customers.to_vec());
    let places = vec!["?"; customers.len()].join(", ");
    let sql = format!(
        "SELECT f.customer_id, f.happened_at, f.next_due_at FROM customers c JOIN follow_ups f ON f.org_id = c.org_id \
         AND f.id = (SELECT l.id FROM follow_ups l WHERE l.org_id = c.org_id AND l.customer_id = c.id \
         AND l.deleted_at IS NULL ORDER BY l.happened_at DESC, l.id DESC LIMIT 1) \
         WHERE c.org_id = ? AND c.id IN ({places})"
    );
    let values = std::iter::once(tx.org_id()).chain(customers).map(sea_orm::Value::from);
    let rows: Vec<Latest> = tx.db().rows(statement(tx.db(), &sql, values)).await?;
    Ok(rows.into_iter().map(|latest| (latest.customer_id, latest)).collect())
}
