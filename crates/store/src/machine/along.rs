//! What goes and comes along with a record, in index and search: values are free when their record's parent is deleted,
//! and taken again when it comes back.

use kehu_domain::field::Find;
use kehu_domain::kinds::Contact;
use kehu_domain::record::{Record as _, Stored};
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::dialect::statement;
use crate::failure::Failure;
use crate::ops::{children, duplicates};
use crate::registry;
use crate::rows::Rows;
use crate::tx::Tx;

use super::read::{self, col};
use super::remove::find_again as one_again;
use super::{Machine, found_under};

/// What hangs on a record of a kind and is found by something: contacts, kinds with a field that is found by its value,
/// and records that another system has an id for; with the column that names what they hang on, and a condition that
/// holds for those of them that stand in the index. Of others nothing does, however many there are.
fn found_along(tx: &Tx<'_>, kind: &str) -> Vec<(&'static dyn Machine, &'static str, &'static str)> {
    let all = |child: &str| {
        let mut fields = tx.caller().org().custom(child).iter();
        child == Contact::KIND.name || fields.any(|field| field.unique || field.sensitive && field.filterable)
    };
    let found = children::of(kind).filter_map(|(_, child, column)| {
        let machine = registry::machine(child)?;
        let some = machine.kind().fields.iter().any(|field| field.find == Some(Find::ExternalId));
        match (all(child), some) {
            (true, _) => Some((machine, column, "")),
            (false, true) => Some((machine, column, "AND external_ids IS NOT NULL")),
            (false, false) => None,
        }
    });
    found.collect()
}

/// Takes what hangs on a record out of index and search.
pub(super) async fn unfind(tx: &Tx<'_>, kind: &str, record: Uuid) -> Result<(), Failure> {
    for (machine, column, only) in found_along(tx, kind) {
        let table = machine.table();
        let sql = format!("SELECT id FROM {table} WHERE org_id = ? AND {column} = ? AND deleted_at IS NULL {only}");
        for row in tx.db().query_all_raw(statement(tx.db(), &sql, [tx.org_id().into(), record.into()])).await? {
            let id = row.try_get("", "id")?;
            tx.unindex(id);
            tx.unsearch(id);
        }
    }
    Ok(())
}

/// The strong keys of what comes back with a record.
pub(super) async fn keys_of(tx: &Tx<'_>, kind: &str, record: Uuid) -> Result<Vec<String>, Failure> {
    let mut keys = Vec::new();
    for (machine, column, only) in found_along(tx, kind) {
        keys.extend(machine.keys_of_children(tx, (column, only), record).await?);
    }
    Ok(keys)
}

/// Puts what comes back with a record into index and search again, before its rows come back.
pub(super) async fn find(tx: &Tx<'_>, kind: &str, record: Uuid) -> Result<(), Failure> {
    for (machine, column, only) in found_along(tx, kind) {
        machine.find_children(tx, (column, only), record).await?;
    }
    Ok(())
}

/// The strong keys of one kind of them.
pub(super) async fn keys<R: Rows>(tx: &Tx<'_>, which: Which, parent: Uuid) -> Result<Vec<String>, Failure> {
    let org = tx.caller().org();
    let records = deleted_with::<R>(tx, which, parent).await?;
    let keys = |record: &Stored<R>| duplicates::strong_keys(&found_under(org, record), record.data.credit_code());
    Ok(records.iter().flat_map(keys).collect())
}

/// Puts one kind of them into index and search again.
pub(super) async fn find_again<R: Rows>(tx: &Tx<'_>, which: Which, parent: Uuid) -> Result<(), Failure> {
    for record in deleted_with::<R>(tx, which, parent).await? {
        one_again(tx, &record, parent).await?;
    }
    Ok(())
}

/// The column that names what a record hangs on, and the condition of those that stand in the index.
pub(super) type Which = (&'static str, &'static str);

async fn deleted_with<R: Rows>(tx: &Tx<'_>, which: Which, parent: Uuid) -> Result<Vec<Stored<R>>, Failure> {
    let query = R::Entity::find().filter(col("org_id").eq(tx.org_id()));
    let (column, only) = which;
    let query = query.filter(col(column).eq(parent)).filter(col("deleted_with").eq(parent));
    let query = if only.is_empty() { query } else { query.filter(col("external_ids").is_not_null()) };
    read::all::<R>(tx.db(), tx.caller(), query).await
}
