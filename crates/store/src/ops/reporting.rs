//! Who reports to whom at a customer: a tree, never a circle.

use std::collections::HashSet;

use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::Contact;
use kehu_domain::record::Stored;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::dialect::statement;
use crate::failure::Failure;
use crate::tx::Tx;

/// Refuses that a contact reports to somebody who reports to it, whatever lies between.
pub(crate) async fn refuse_circle(tx: &Tx<'_>, contact: &Stored<Contact>, above: Uuid) -> Result<(), Failure> {
    // Two who are put below each other at the same time would both find no circle.
    tx.lock(&format!("reports_to:{}", contact.data.customer_id.id)).await?;
    let circle = || {
        let flaw = Flaw::new(&codes::REPORTS_IN_CIRCLE).with("name", contact.data.name.as_str());
        Err(Failure::refused("/reports_to_id", flaw))
    };
    let mut above = Some(above);
    let mut seen = HashSet::new();
    // Whoever comes twice stands in a circle that was there before, and that this contact is no part of.
    while let Some(id) = above.filter(|id| seen.insert(*id)) {
        if id == contact.base.id {
            return circle();
        }
        let sql = "SELECT reports_to_id FROM contacts WHERE org_id = ? AND id = ?";
        let row = tx.db().query_one_raw(statement(tx.db(), sql, [tx.org_id().into(), id.into()])).await?;
        above = row.map(|row| row.try_get("", "reports_to_id")).transpose()?.flatten();
    }
    Ok(())
}
