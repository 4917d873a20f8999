//! Living records that have the same strong key: mobile number, e-mail, ID number, credit code.

use std::collections::HashSet;

use kehu_domain::codes;
use kehu_domain::fields::Collaborators;
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::kind_named;
use kehu_domain::record::Stored;
use kehu_domain::rights::{Action, Standing};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::crypto::index::IndexClass;
use crate::dialect::has_concurrent_writers;
use crate::disclosure;
use crate::entities::{contact, customer, pii_index};
use crate::failure::{Existing, Failure, KnownRecord};
use crate::pii::{self, Entry, Found, Hit};
use crate::tx::Tx;

/// The strong keys of a record, as locks know them.
pub(crate) fn strong_keys(entries: &[Entry], credit_code: Option<&str>) -> Vec<String> {
    let values = entries.iter().filter(|entry| entry.strong).map(|entry| entry.value.clone());
    values.chain(credit_code.map(str::to_owned)).collect()
}

/// Locks of one organisation, so that two servers do not take the same key at once.
const LANES: u64 = 64;

/// On PostgreSQL, makes others that write the same strong keys wait until this transaction ends. Locks are taken in
/// order, and are few.
pub(crate) async fn lock(tx: &Tx<'_>, keys: Vec<String>) -> Result<(), Failure> {
    lock_with(tx, None, keys).await
}

/// The same, together with another lock.
pub(crate) async fn lock_with(tx: &Tx<'_>, other: Option<i64>, keys: Vec<String>) -> Result<(), Failure> {
    if !has_concurrent_writers(tx.db()) {
        return Ok(());
    }
    let mut lanes = lanes(tx.org_id(), &keys);
    lanes.extend(other);
    if lanes.is_empty() {
        return Ok(());
    }
    // As text: it goes together with the beginning of the transaction, and is no prepared statement.
    let list: Vec<String> = lanes.iter().map(|lane| format!("({lane})")).collect();
    let sql = format!(
        "SELECT count(pg_advisory_xact_lock(lane)) AS locked FROM (SELECT lane FROM (VALUES {}) AS v(lane) ORDER BY lane) l",
        list.join(", ")
    );
    tx.db().execute_unprepared(&sql).await?;
    Ok(())
}

/// The locks of these keys, in the order in which everybody takes them.
fn lanes(org: Uuid, keys: &[String]) -> Vec<i64> {
    let (high, _) = org.as_u64_pair();
    let mut lanes: Vec<i64> = keys
        .iter()
        .map(|key| {
            let lane = key.bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
            i64::from_be_bytes((high.wrapping_mul(LANES).wrapping_add(lane % LANES)).to_be_bytes())
        })
        .collect();
    lanes.sort_unstable();
    lanes.dedup();
    lanes
}

/// Looks up what a record is found under: in the index, and in what this transaction is about to put there.
pub(crate) async fn look_up(tx: &Tx<'_>, entries: &[Entry]) -> Result<Found, Failure> {
    let ring = tx.caller().ring();
    let mut found = pii::find_places(tx.db(), ring, tx.org_id(), entries).await?;
    add_held(tx, entries, &mut found);
    Ok(found)
}

/// Adds what this transaction is about to put into the index; whether one of them is a duplicate.
pub(crate) fn add_held(tx: &Tx<'_>, entries: &[Entry], found: &mut Found) -> bool {
    let mut strong = false;
    for (at, entry) in entries.iter().enumerate() {
        for hit in tx.held(entry) {
            strong |= hit.strong && entry.strong;
            found.hits.push(Hit { entry: at, ..hit });
        }
    }
    strong
}

/// Refuses a record whose strong keys another living record has. `own` are the record, and what a request may share its
/// keys with: it does not duplicate itself. A field that is unique is nobody else's, not even of the same customer.
pub(crate) async fn refuse(
    tx: &Tx<'_>,
    entries: &[Entry],
    found: &Found,
    credit_code: Option<&str>,
    own: &[Uuid],
    allow: bool,
) -> Result<(), Failure> {
    // Whoever allows a duplicate knows two records of one person; what the organisation wants unique stays so.
    let counts = |entry: &Entry| entry.strong && (!allow || is_once(entry));
    let credit_code = credit_code.filter(|_| !allow);
    if credit_code.is_some() || entries.iter().any(counts) {
        disclosure::check(tx.db(), tx.caller()).await?;
    }
    if let Some(twin) = twin(entries) {
        return Err(Failure::refused(twin.pointer.clone(), Flaw::new(&codes::VALUE_TWICE)));
    }
    let is_own = |entry: &Entry, hit: &Hit| match entry.class {
        IndexClass::Custom | IndexClass::ExternalId => own.first() == Some(&hit.record_id),
        _ => own.contains(&hit.record_id) || own.contains(&hit.parent_id),
    };
    let hit = found.hits.iter().find(|hit| {
        let entry = entries.get(hit.entry).filter(|entry| hit.strong && counts(entry));
        entry.is_some_and(|entry| !is_own(entry, hit))
    });
    if let Some(hit) = hit {
        let entry = entries.get(hit.entry);
        let pointer = entry.map(|entry| entry.pointer.clone()).unwrap_or_default();
        let mut existing = describe(tx, &hit.kind, hit.record_id, hit.parent_id, pointer).await?;
        if entry.is_some_and(|entry| entry.class == IndexClass::IdNumber) {
            // That it is right tells of what everybody sees masked, within reach too.
            existing.beyond = Some((hit.kind.clone(), hit.record_id));
        }
        if entry.is_some_and(|entry| entry.class == IndexClass::Custom) {
            existing.code = &codes::UNIQUE_VALUE_TAKEN;
        }
        if entry.is_some_and(|entry| entry.class == IndexClass::ExternalId) {
            existing.code = &codes::EXTERNAL_ID_IN_USE;
        }
        return Err(Failure::Duplicate(Box::new(existing)));
    }
    let Some(code) = credit_code else { return Ok(()) };
    let row = customer::Entity::find()
        .filter(customer::Column::OrgId.eq(tx.org_id()))
        .filter(customer::Column::CreditCode.eq(code))
        .filter(customer::Column::DeletedAt.is_null())
        .filter(customer::Column::Id.is_not_in(own.iter().copied()))
        .one(tx.db())
        .await?;
    match row {
        Some(row) => {
            let existing = describe(tx, "customer", row.id, row.id, "/credit_code".to_owned()).await?;
            Err(Failure::Duplicate(Box::new(existing)))
        }
        None => Ok(()),
    }
}

/// Whether only one record may have it, whatever is allowed: it says which record that is, not whom it is about.
fn is_once(entry: &Entry) -> bool {
    matches!(entry.class, IndexClass::Custom | IndexClass::ExternalId)
}

/// A value of a unique field that another record of the same request brings too.
fn twin(entries: &[Entry]) -> Option<&Entry> {
    let mut seen = HashSet::new();
    let unique = entries.iter().filter(|entry| entry.strong && is_once(entry));
    unique.into_iter().find(|entry| !seen.insert(entry.value.as_str()))
}

/// What the caller may know of the record that was met.
pub(crate) async fn describe(
    tx: &Tx<'_>,
    kind: &str,
    id: Uuid,
    customer_id: Uuid,
    pointer: String,
) -> Result<Existing, Failure> {
    let caller = tx.caller();
    let customer = customer::Entity::find_by_id((tx.org_id(), customer_id)).one(tx.db()).await?;
    let (owner, team) = customer.as_ref().map_or((None, None), |row| (row.owner_id, row.team_id));
    let shared = Collaborators::from_stored(customer.as_ref().and_then(|row| row.shared_with.as_deref()));
    let standing = caller.standing(owner, team, &shared);
    let state = match standing {
        // What hangs on no customer is in no pool.
        _ if customer.is_none() => "owned",
        _ if owner.is_none() => "in_pool",
        Standing { own: true, .. } => "yours",
        Standing { team: true, .. } => "team",
        _ => "owned",
    };
    let reads = |kind: &str| caller.rights().reach(Action::Read, kind).covers(Action::Read, standing);
    let shared = kind_named(kind).filter(|kind| !kind.is_owned());
    let within_reach = match shared {
        Some(kind) => caller.rights().reach(Action::Read, kind.name).all,
        None => reads("customer") && reads(kind),
    };
    let known = if within_reach { known(tx, kind, id, customer).await? } else { None };
    let state = if known.is_none() && state != "in_pool" { "owned" } else { state };
    let beyond = (!within_reach).then(|| (kind.to_owned(), id));
    Ok(Existing { state, claimable: state == "in_pool", known, beyond, pointer, code: &codes::DUPLICATE_VALUE })
}

/// The record that was met, by its own name, or by that of the customer that it hangs on.
async fn known(
    tx: &Tx<'_>,
    kind: &str,
    id: Uuid,
    customer: Option<customer::Model>,
) -> Result<Option<KnownRecord>, Failure> {
    let known = |number: Option<String>, name: String| KnownRecord { resource: kind.to_owned(), id, number, name };
    Ok(match customer {
        Some(row) if kind == "customer" => Some(known(Some(row.number), row.name)),
        Some(_) if kind == "contact" => {
            let contact = contact::Entity::find_by_id((tx.org_id(), id)).one(tx.db()).await?;
            contact.map(|row| known(None, row.name))
        }
        Some(row) => Some(known(None, row.name)),
        None if kind_named(kind).is_none_or(|kind| kind.is_owned()) => None,
        // What hangs on no customer: people, teams, tags.
        None => {
            let name = tx.caller().org().name_of(id).map(|name| name.name.clone());
            Some(known(None, name.unwrap_or_default()))
        }
    })
}

/// Index rows of a record, at the places that the look-up saw.
pub(crate) fn rows<R>(
    tx: &Tx<'_>,
    stored: &Stored<R>,
    kind: &'static str,
    parent: Uuid,
    entries: &[Entry],
    found: &Found,
) -> Result<Vec<pii_index::Model>, Failure> {
    let record = (kind, stored.base.id, parent);
    let rows = entries.iter().enumerate();
    rows.map(|(at, entry)| pii::row(tx.caller().ring(), tx.org_id(), found, at, entry, record)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_are_few_and_taken_in_one_order() {
        let org = Uuid::from_u128(0x0190_a3c4_7e1b_7c3d_8f00_0000_0000_0001);
        let mut keys: Vec<String> = (0..500).map(|at| format!("+86139{at:08}")).collect();
        let locks = lanes(org, &keys);
        assert!(locks.is_sorted() && locks.len() <= 64 && locks.len() > 32, "{}", locks.len());
        keys.reverse();
        assert_eq!(lanes(org, &keys), locks);
        keys.truncate(1);
        keys.extend(keys.clone());
        assert_eq!(lanes(org, &keys).len(), 1);
    }
}
