//! Who reports to whom at a customer: a tree, never a circle.

use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::Contact;
use kehu_domain::record::Stored;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::dialect::statement;
use crate::failure::Failure;
use crate::tx::Tx;

/// How far up one goes. Companies have fewer levels; whoever has more is taken for a circle.
const MOST: usize = 50;

/// Refuses that a contact reports to somebody who reports to it, whatever lies between.
pub(crate) async fn refuse_circle(tx: &Tx<'_>, contact: &Stored<Contact>, above: Uuid) -> Result<(), Failure> {
    // Two who are put below each other at the same time would both find no circle.
    tx.lock(&format!("reports_to:{}", contact.data.customer_id.id)).await?;
    let circle = || {
        let flaw = Flaw::new(&codes::REPORTS_IN_CIRCLE).with("name", contact.data.name.as_str());
        Err(Failure::refused("/reports_to_id", flaw))
    };
    let mut above = Some(above);
    for _ in 0..MOST {
        let Some(id) = above else { return Ok(()) };
        if id == contact.base.id {
            return circle();
        }
        let sql = "SELECT reports_to_id FROM contacts WHERE org_id = ? AND id = ?";
        let row = tx.db().query_one_raw(statement(tx.db(), sql, [tx.org_id().into(), id.into()])).await?;
        above = row.map(|row| row.try_get("", "reports_to_id")).transpose()?.flatten();
    }
    if above.is_some() { circle() } else { Ok(()) }
}
