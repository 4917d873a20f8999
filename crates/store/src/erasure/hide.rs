//! Taking a record out of sight by its id and headers alone: no cell is opened, so that a damaged one keeps nobody from
//! being erased. Entries of the journal say that it is gone, and no values: those are about to go.

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::dialect::statement;
use crate::failure::Failure;
use crate::journal::{Class, Entry, Outcome};
use crate::ops::children;
use crate::ops::summaries::Counted;
use crate::tx::Tx;

/// Hides a living record, with what hangs on it; whether it was one.
pub(super) async fn hide(tx: &Tx<'_>, kind: &'static str, table: &str, id: Uuid) -> Result<bool, Failure> {
    // Which one's summaries follow from it.
    let customer = if matches!(kind, "follow_up" | "contact") { "customer_id" } else { "id" };
    let sql = format!(
        "SELECT version, owner_id, team_id, {customer} AS customer_id FROM {table} \
         WHERE org_id = ? AND id = ? AND deleted_at IS NULL"
    );
    let row = tx.db().query_one_raw(statement(tx.db(), &sql, [tx.org_id().into(), id.into()])).await?;
    let Some(row) = row else { return Ok(false) };
    let owner: Option<Uuid> = row.try_get("", "owner_id")?;
    let team: Option<Uuid> = row.try_get("", "team_id")?;
    let (now, org) = (tx.now(), tx.org_id());
    let sql =
        format!("UPDATE {table} SET deleted_at = ?, updated_at = ?, version = version + 1 WHERE org_id = ? AND id = ?");
    tx.db().execute_raw(statement(tx.db(), &sql, [now.into(), now.into(), org.into(), id.into()])).await?;
    unfind(tx, id);
    if kind == "customer" {
        unfind_contacts(tx, id).await?;
    }
    children::delete(tx, kind, id).await?;
    let hangs_on = || row.try_get::<Uuid>("", "customer_id");
    match kind {
        "follow_up" => tx.count(hangs_on()?, Counted { follow_ups: -1, latest: true, ..Counted::default() }),
        "contact" => tx.count(hangs_on()?, Counted { contacts: -1, ..Counted::default() }),
        _ => {}
    }
    tx.log(Entry {
        class: Class::Change,
        outcome: Outcome::Ok,
        event: format!("{kind}.deleted"),
        kind: Some(kind),
        record_id: Some(id),
        version: row.try_get::<i64>("", "version")? + 1,
        changed: Vec::new(),
        owner: (owner, owner),
        team: (team, team),
        body: "{}".to_owned(),
    });
    Ok(true)
}

async fn unfind_contacts(tx: &Tx<'_>, customer: Uuid) -> Result<(), Failure> {
    let sql = "SELECT id FROM contacts WHERE org_id = ? AND customer_id = ? AND deleted_at IS NULL";
    let key = [tx.org_id().into(), customer.into()];
    for contact in tx.db().query_all_raw(statement(tx.db(), sql, key)).await? {
        unfind(tx, contact.try_get("", "id")?);
    }
    Ok(())
}

fn unfind(tx: &Tx<'_>, id: Uuid) {
    tx.unindex(id);
    tx.unsearch(id);
}
