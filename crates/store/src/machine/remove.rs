//! Deleting records, and taking them back.

use kehu_domain::codes;
use kehu_domain::record::{Base, Record, Stored};
use kehu_domain::rights::Action;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Select};
use uuid::Uuid;

use crate::dialect::statement;
use crate::engine::EngineError;
use crate::erasure;
use crate::failure::{Existing, Failure, FieldConflict};
use crate::journal::Entry;
use crate::ops::{children, duplicates, references};
use crate::rows::{Ownership, Rows};
use crate::sealer::Opener;
use crate::tx::Tx;

use super::read::{self, col};
use super::{along, create, document, found_under};

/// Deletes a record softly; what hangs on it goes along, and its keys are free.
pub(crate) async fn remove<R: Rows>(tx: &Tx<'_>, id: Uuid, expected: Option<i64>) -> Result<(), Failure> {
    lock_customer_of::<R>(tx, id).await?;
    let (before, _) = read::for_change::<R>(tx, id, Action::Delete).await?;
    refuse_old(&before.base, expected)?;
    let table = R::KIND.path;
    let sql =
        format!("UPDATE {table} SET deleted_at = ?, updated_at = ?, version = version + 1 WHERE org_id = ? AND id = ?");
    let now = tx.now();
    tx.db().execute_raw(statement(tx.db(), &sql, [now.into(), now.into(), tx.org_id().into(), id.into()])).await?;
    tx.unindex(id);
    tx.unsearch(id);
    along::unfind(tx, R::KIND.name, id).await?;
    children::delete(tx, R::KIND.name, id).await?;
    let mut gone = before.clone();
    gone.base.version += 1;
    if let Some(entry) = Entry::change(tx, "deleted", Some(&gone), None) {
        tx.log(entry);
    }
    R::follow(tx, Some(&before), None).await
}

/// Locks the customer that a record hangs on, before its own row, as when records are made: its counts follow, and whoever
/// counts at the same time waits instead of trying again.
async fn lock_customer_of<R: Rows>(tx: &Tx<'_>, id: Uuid) -> Result<(), Failure> {
    if tx.db_is_alone() || R::KIND.field("customer_id").is_none() {
        return Ok(());
    }
    let sql = format!("SELECT customer_id FROM {} WHERE org_id = ? AND id = ?", R::KIND.path);
    let row = tx.db().query_one_raw(statement(tx.db(), &sql, [tx.org_id().into(), id.into()])).await?;
    if let Some(row) = row {
        let _ = references::customer(tx, row.try_get("", "customer_id")?).await?;
    }
    Ok(())
}

/// Refuses where the client saw another version than the record has.
pub(super) fn refuse_old(base: &Base, expected: Option<i64>) -> Result<(), Failure> {
    if expected.is_none_or(|expected| expected == base.version) {
        return Ok(());
    }
    Err(Failure::Conflict(vec![FieldConflict {
        field: "version".into(),
        yours: expected.into(),
        theirs: base.version.into(),
        changed_by: None,
        changed_at: Some(base.updated_at),
    }]))
}

/// Whether it is not a name that stands in the way.
fn is_no_name(code: &str) -> bool {
    code.starts_with("rule_") || code.starts_with("segment_")
}

/// What keeps a record from coming back is another one that took its name.
fn taken(failure: Failure) -> Failure {
    match failure {
        // It is not the name that stands in the way.
        Failure::Refused(findings) if findings.iter().any(|finding| is_no_name(finding.flaw.code.key)) => {
            Failure::Refused(findings)
        }
        Failure::Refused(findings) => {
            let pointer = findings.into_iter().next().map(|finding| finding.pointer).unwrap_or_default();
            Failure::Duplicate(Box::new(Existing {
                state: "owned",
                claimable: false,
                known: None,
                beyond: None,
                pointer,
                code: &codes::TAKEN_MEANWHILE,
            }))
        }
        other => other,
    }
}

/// A record that comes back is not written anew: nothing can be said otherwise, and nothing allowed.
fn meanwhile(failure: Failure) -> Failure {
    match failure {
        Failure::Duplicate(mut existing) => {
            existing.code = &codes::TAKEN_MEANWHILE;
            Failure::Duplicate(existing)
        }
        other => other,
    }
}

fn by_id<R: Rows>(tx: &Tx<'_>, id: Uuid) -> Select<R::Entity> {
    R::Entity::find().filter(col("org_id").eq(tx.org_id())).filter(col("id").eq(id))
}

/// The strong keys of a record and of what comes back with it.
async fn keys_of<R: Rows>(tx: &Tx<'_>, record: &Stored<R>) -> Result<Vec<String>, Failure> {
    let own = found_under(tx.caller().org(), record);
    let mut keys = duplicates::strong_keys(&own, record.data.credit_code());
    keys.extend(along::keys_of(tx, R::KIND.name, record.base.id).await?);
    Ok(keys)
}

/// Locks the strong keys that come back, all at once, and then the customer's row: before the record's own, as when
/// records are made. So the record is read once to know them, and again when its row is locked. Gives the keys.
async fn lock_what_comes_back<R: Rows>(tx: &Tx<'_>, id: Uuid) -> Result<Vec<String>, Failure> {
    let Some(row) = by_id::<R>(tx, id).one(tx.db()).await? else { return Ok(Vec::new()) };
    let (record, _) = R::from_row(row, &Opener(tx.caller().ring()))?;
    let keys = keys_of(tx, &record).await?;
    duplicates::lock(tx, keys.clone()).await?;
    if let Ownership::OfCustomer(customer) = record.data.ownership() {
        let _ = references::customer(tx, customer).await?;
    }
    Ok(keys)
}

/// Takes a deleted record back, with what went along; refused where another record took a strong key meanwhile.
pub(crate) async fn restore<R: Rows>(tx: &Tx<'_>, id: Uuid, expected: Option<i64>) -> Result<Stored<R>, Failure> {
    let caller = tx.caller();
    caller.reach(Action::Read, R::KIND.name)?;
    caller.reach(Action::Delete, R::KIND.name)?;
    if let Some(purpose) = R::LOCK {
        tx.lock(purpose).await?;
    }
    let locked = lock_what_comes_back::<R>(tx, id).await?;
    let row = by_id::<R>(tx, id).lock_exclusive().one(tx.db()).await?;
    let (before, _) = R::from_row(row.ok_or(Failure::NotFound)?, &Opener(caller.ring()))?;
    let parent_is_gone = match before.data.ownership() {
        Ownership::OfCustomer(customer) => references::customer(tx, customer).await?.is_none(),
        _ => false,
    };
    let may = [Action::Read, Action::Delete].into_iter().all(|action| caller.covers(action, R::KIND, &before.base));
    if before.base.deleted_at.is_none() || parent_is_gone || !may {
        return Err(Failure::NotFound);
    }
    refuse_old(&before.base, expected)?;
    if R::ERASABLE && erasure::knows(tx, R::KIND.name, id).await? {
        return Err(Failure::NotFound);
    }
    let mut data = before.data.clone();
    data.prepare(tx, Some(&before)).await.map_err(taken)?;
    if keys_of(tx, &before).await?.iter().any(|key| !locked.contains(key)) {
        // It was restored, changed and deleted in between: the whole transaction is tried again.
        return Err(EngineError::Busy.into());
    }
    along::find(tx, R::KIND.name, id).await?;
    children::restore(tx, R::KIND.name, id).await?;
    let sql = format!(
        "UPDATE {} SET deleted_at = NULL, deleted_with = NULL, updated_at = ?, version = version + 1 \
         WHERE org_id = ? AND id = ?",
        R::KIND.path
    );
    tx.db().execute_raw(statement(tx.db(), &sql, [tx.now().into(), tx.org_id().into(), id.into()])).await?;
    let mut after = before;
    after.base.version += 1;
    after.base.updated_at = tx.now();
    after.base.deleted_at = None;
    find_again(tx, &after, id).await?;
    if let Some(entry) = Entry::change(tx, "restored", None, Some(&after)) {
        tx.log(entry);
    }
    R::follow(tx, None, Some(&after)).await?;
    Ok(after)
}

/// Puts a record that comes back into index and search again, refused where another one took a strong key.
pub(super) async fn find_again<R: Rows>(tx: &Tx<'_>, stored: &Stored<R>, restored: Uuid) -> Result<(), Failure> {
    let entries = found_under(tx.caller().org(), stored);
    let code = stored.data.credit_code();
    let found = duplicates::look_up(tx, &entries).await?;
    let mut own = create::own_records(stored.base.id, &stored.data);
    own.push(restored);
    duplicates::refuse(tx, &entries, &found, code, &own, false).await.map_err(meanwhile)?;
    let parent = match stored.data.ownership() {
        Ownership::OfCustomer(customer) => customer,
        _ => stored.base.id,
    };
    tx.index(duplicates::rows(tx, stored, <R as Record>::KIND.name, parent, &entries, &found)?, &entries);
    let text = document(tx.caller().org(), stored);
    if !text.is_empty() {
        // Some kinds' documents stay.
        tx.search(R::KIND.name, stored.base.id, &text, false);
    }
    Ok(())
}
