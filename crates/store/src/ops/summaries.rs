//! What a customer shows of its follow-ups: kept in its row, so that no list scans them.

use kehu_domain::fields::Instant;
use kehu_domain::kinds::Customer;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use crate::entities::{customer, follow_up};
use crate::failure::Failure;
use crate::machine::update;
use crate::rows::{NOT_DUE, Rows};
use crate::sealer::Opener;
use crate::tx::Tx;

/// Sets the last follow-up and the next one due from the customer's latest living follow-up: a newer one settles what
/// the older ones had planned.
pub(crate) async fn refresh(tx: &Tx<'_>, id: Uuid) -> Result<(), Failure> {
    let latest = follow_up::Entity::find()
        .filter(follow_up::Column::OrgId.eq(tx.org_id()))
        .filter(follow_up::Column::CustomerId.eq(id))
        .filter(follow_up::Column::DeletedAt.is_null())
        .order_by_desc(follow_up::Column::HappenedAt)
        .order_by_desc(follow_up::Column::Id)
        .one(tx.db())
        .await?;
    let row = customer::Entity::find_by_id((tx.org_id(), id)).one(tx.db()).await?;
    let Some(row) = row.filter(|row| row.deleted_at.is_none()) else { return Ok(()) };
    let (before, touched) = Customer::from_row(row, &Opener(tx.caller().ring()))?;
    let mut data = before.data.clone();
    data.last_follow_up_at = latest.as_ref().map(|latest| Instant::from_stored(latest.happened_at));
    let due = latest.map(|latest| latest.next_due_at).filter(|due| *due != NOT_DUE);
    data.next_follow_up_at = due.map(Instant::from_stored);
    if data != before.data {
        update::write_summary(tx, &before, &touched, data).await?;
    }
    Ok(())
}
