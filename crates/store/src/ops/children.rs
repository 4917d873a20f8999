//! What hangs on a record, and changes with it: on a customer, or on a contact or follow-up of one. This list is the one
//! place that says so: owner, team and sharing, deletion and restoring, hand-over and erasure walk it. Every one that
//! changes gets its own entry in the journal.

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::dialect::statement;
use crate::failure::Failure;
use crate::journal::{Class, Entry, Outcome};
use crate::tx::Tx;

/// The tables whose rows go and come with their customer, and the kinds in them. Whatever names others stands behind
/// them.
pub(crate) const TABLES: [(&str, &str); 4] =
    [("contacts", "contact"), ("follow_ups", "follow_up"), ("notes", "note"), ("attachments", "attachment")];

/// Those of them whose rows hang on any record of a customer, or on itself, by `record_kind` and `record_id`.
const ON_RECORDS: [(&str, &str); 2] = [("notes", "note"), ("attachments", "attachment")];

/// Whether records of a kind hang on a customer.
pub(crate) fn is_child(kind: &str) -> bool {
    TABLES.iter().any(|(_, child)| *child == kind)
}

/// What hangs on a record of a kind: table, kind, and the column that names the record.
pub(crate) fn of(kind: &str) -> impl DoubleEndedIterator<Item = (&'static str, &'static str, &'static str)> {
    let (all, column): (&'static [_], _) = match kind {
        "customer" => (&TABLES, "customer_id"),
        "contact" | "follow_up" => (&ON_RECORDS, "record_id"),
        _ => (&[], "record_id"),
    };
    all.iter().map(move |(table, child): &(&str, &str)| (*table, *child, column))
}

/// Which rows of a record a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// The living ones.
    Living,
    /// Those that were deleted with it.
    DeletedWithIt,
}

impl Which {
    /// The condition beside the record's id in a column.
    fn condition(self, column: &str) -> String {
        match self {
            Self::Living => "deleted_at IS NULL".to_owned(),
            Self::DeletedWithIt => format!("deleted_with = {column}"),
        }
    }
}

/// Takes what hangs on a record out of sight along with it.
pub(crate) async fn delete(tx: &Tx<'_>, kind: &str, record: Uuid) -> Result<(), Failure> {
    for (table, child, column) in of(kind) {
        note(tx, (table, child, column), "deleted", record, Which::Living, None).await?;
        let sql = format!(
            "UPDATE {table} SET deleted_at = ?, deleted_with = ?, updated_at = ?, version = version + 1 \
             WHERE org_id = ? AND {column} = ? AND {}",
            Which::Living.condition(column)
        );
        let now = tx.now();
        let values = [now.into(), record.into(), now.into(), tx.org_id().into(), record.into()];
        tx.db().execute_raw(statement(tx.db(), &sql, values)).await?;
    }
    Ok(())
}

/// Takes back what was deleted along with a record.
pub(crate) async fn restore(tx: &Tx<'_>, kind: &str, record: Uuid) -> Result<(), Failure> {
    for (table, child, column) in of(kind) {
        note(tx, (table, child, column), "restored", record, Which::DeletedWithIt, None).await?;
        let sql = format!(
            "UPDATE {table} SET deleted_at = NULL, deleted_with = NULL, updated_at = ?, version = version + 1 \
             WHERE org_id = ? AND {column} = ? AND {}",
            Which::DeletedWithIt.condition(column)
        );
        let values = [tx.now().into(), tx.org_id().into(), record.into()];
        tx.db().execute_raw(statement(tx.db(), &sql, values)).await?;
    }
    Ok(())
}

/// Journals a change of the rows of one table before a statement makes it. `to` is the new owner and team, where they
/// change.
pub(crate) async fn note(
    tx: &Tx<'_>,
    (table, kind, column): (&str, &'static str, &str),
    verb: &str,
    record: Uuid,
    which: Which,
    to: Option<(Option<Uuid>, Option<Uuid>)>,
) -> Result<(), Failure> {
    let which = which.condition(column);
    let sql =
        format!("SELECT id, version, owner_id, team_id FROM {table} WHERE org_id = ? AND {column} = ? AND {which}");
    let rows = tx.db().query_all_raw(statement(tx.db(), &sql, [tx.org_id().into(), record.into()])).await?;
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
