//! One primary contact per customer: the latest one said.

use kehu_domain::kinds::Contact;
use kehu_domain::record::Stored;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::entities::contact;
use crate::failure::Failure;
use crate::machine::update;
use crate::ops::references;
use crate::rows::Rows;
use crate::sealer::Opener;
use crate::tx::Tx;

/// Takes the mark from every other contact of the customer.
pub(crate) async fn only(tx: &Tx<'_>, primary: &Stored<Contact>) -> Result<(), Failure> {
    // Whoever makes another one primary at the same time waits, and then takes the mark from this one.
    let _ = references::customer(tx, primary.data.customer_id.id).await?;
    let others = contact::Entity::find()
        .filter(contact::Column::OrgId.eq(tx.org_id()))
        .filter(contact::Column::CustomerId.eq(primary.data.customer_id.id))
        .filter(contact::Column::DeletedAt.is_null())
        .filter(contact::Column::Primary.eq(true))
        .filter(contact::Column::Id.ne(primary.base.id))
        .all(tx.db())
        .await?;
    for row in others {
        let (before, touched) = Contact::from_row(row, &Opener(tx.caller().ring()))?;
        let mut data = before.data.clone();
        data.primary = false;
        Box::pin(update::write(tx, &before, &touched, data)).await?;
    }
    Ok(())
}
