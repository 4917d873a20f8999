//! Records that carry one tag are made to carry another: each is changed as by anybody, and its history says so.

use kehu_domain::kinds::{Contact, Customer};
use kehu_domain::record::Record as _;
use sea_orm::sea_query::ExprTrait as _;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use uuid::Uuid;

use crate::dialect::statement;
use crate::entities::tag_link;
use crate::failure::Failure;
use crate::machine::read::col;
use crate::machine::update;
use crate::pii::padded;
use crate::rows::Rows;
use crate::sealer::Opener;
use crate::tx::Tx;

/// Gives some of the records that carry a tag another one instead, deleted records too: they may be restored. How many
/// links were moved.
pub(super) async fn some(tx: &Tx<'_>, from: Uuid, to: Uuid, most: u64) -> Result<i64, Failure> {
    use tag_link::Column as C;
    let links = tag_link::Entity::find()
        .filter(C::OrgId.eq(tx.org_id()))
        .filter(C::TagId.eq(from))
        .order_by_asc(C::Kind)
        .order_by_asc(C::RecordId)
        .limit(most)
        .all(tx.db())
        .await?;
    let of = |kind: &str| -> Vec<Uuid> {
        links.iter().filter(|link| link.kind == kind).map(|link| link.record_id).collect()
    };
    carry::<Customer>(tx, of(Customer::KIND.name), (from, to)).await?;
    carry::<Contact>(tx, of(Contact::KIND.name), (from, to)).await?;
    Ok(i64::try_from(links.len()).unwrap_or(i64::MAX))
}

async fn carry<R: Rows>(tx: &Tx<'_>, ids: Vec<Uuid>, (from, to): (Uuid, Uuid)) -> Result<(), Failure> {
    if ids.is_empty() {
        return Ok(());
    }
    // In a fixed order: on PostgreSQL they are locked.
    let rows = R::Entity::find().filter(col("org_id").eq(tx.org_id())).filter(col("id").is_in(padded(ids.clone())));
    let rows = rows.order_by(col("id"), sea_orm::sea_query::Order::Asc).lock_exclusive().all(tx.db()).await?;
    for row in rows {
        let (before, touched) = R::from_row(row, &Opener(tx.caller().ring()))?;
        let mut data = before.data.clone();
        if let Some(tags) = data.tags_mut() {
            if tags.ids.contains(&to) {
                tags.ids.retain(|id| *id != from);
            } else {
                // In its place: people put tags in an order.
                tags.ids.iter_mut().filter(|id| **id == from).for_each(|id| *id = to);
            }
        }
        update::write(tx, &before, &touched, data).await?;
    }
    // A link whose record does not carry the tag would be found for ever.
    let ids = padded(ids);
    let places = vec!["?"; ids.len()].join(", ");
    let sql = format!("DELETE FROM tag_links WHERE org_id = ? AND tag_id = ? AND kind = ? AND record_id IN ({places})");
    let values = [tx.org_id().into(), from.into(), R::KIND.name.into()];
    let values = values.into_iter().chain(ids.into_iter().map(sea_orm::Value::from));
    tx.db().execute_raw(statement(tx.db(), &sql, values)).await?;
    Ok(())
}
