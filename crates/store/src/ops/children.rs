//! What hangs on a customer and changes with it: every contact and follow-up gets its own entry in the journal.

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::dialect::statement;
use crate::failure::Failure;
use crate::journal::{Class, Entry, Outcome};
use crate::tx::Tx;

/// The tables whose rows go and come with their customer, and the kinds in them.
pub(crate) const TABLES: [(&str, &str); 2] = [("contacts", "contact"), ("follow_ups", "follow_up")];

/// Which rows of a customer a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// The living ones.
    Living,
    /// Those that were deleted with it.
    DeletedWithIt,
}

impl Which {
    /// The condition beside the customer's id.
    pub(crate) fn condition(self) -> &'static str {
        match self {
            Self::Living => "deleted_at IS NULL",
            Self::DeletedWithIt => "deleted_with = customer_id",
        }
    }
}

/// Journals a change of the rows of one table before a statement makes it. `to` is the new owner and team, where they
/// change.
pub(crate) async fn note(
    tx: &Tx<'_>,
    (table, kind): (&str, &'static str),
    verb: &str,
    customer: Uuid,
    which: Which,
    to: Option<(Option<Uuid>, Option<Uuid>)>,
) -> Result<(), Failure> {
    let which = which.condition();
    let sql =
        format!("SELECT id, version, owner_id, team_id FROM {table} WHERE org_id = ? AND customer_id = ? AND {which}");
    let rows = tx.db().query_all_raw(statement(tx.db(), &sql, [tx.org_id().into(), customer.into()])).await?;
    for row in rows {
        let owner: Option<Uuid> = row.try_get("", "owner_id")?;
        let team: Option<Uuid> = row.try_get("", "team_id")?;
        let (owner_after, team_after) = to.unwrap_or((owner, team));
        tx.log(Entry {
            class: Class::Change,
            outcome: Outcome::Ok,
            event: format!("{kind}.{verb}"),
            kind: Some(kind),
            record_id: Some(row.try_get("", "id")?),
            version: row.try_get::<i64>("", "version")? + 1,
            changed: Vec::new(),
            owner: (owner, owner_after),
            team: (team, team_after),
            body: "{}".to_owned(),
        });
    }
    Ok(())
}
