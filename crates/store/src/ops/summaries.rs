//! What a customer shows of its contacts and follow-ups: kept in its row, so that no list scans them.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use kehu_domain::fields::Instant;
use kehu_domain::kinds::Customer;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder};
use uuid::Uuid;

use crate::dialect::statement;
use crate::engine::rows::{Reads, row};
use crate::entities::{customer, follow_up};
use crate::failure::Failure;
use crate::machine::update;
use crate::pii::padded;
use crate::rows::{NEVER, NOT_DUE, Rows};
use crate::sealer::Opener;
use crate::tx::Tx;

/// The latest living follow-up of a customer.
#[derive(FromQueryResult)]
struct Latest {
    customer_id: Uuid,
    happened_at: DateTime<Utc>,
    next_due_at: DateTime<Utc>,
}

row!(Latest { customer_id, happened_at, next_due_at });

/// How what hangs on a customer changed in a transaction.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    /// How many contacts more it has, or fewer.
    pub(crate) contacts: i64,
    /// How many follow-ups.
    pub(crate) follow_ups: i64,
    /// Whether its latest follow-up may be another one.
    pub(crate) latest: bool,
}

impl Counted {
    /// Adds what changed besides.
    pub(crate) fn add(&mut self, other: Self) {
        self.contacts += other.contacts;
        self.follow_ups += other.follow_ups;
        self.latest |= other.latest;
    }

    fn is_nothing(self) -> bool {
        self.contacts == 0 && self.follow_ups == 0 && !self.latest
    }
}

/// Carries counts on, and sets the last follow-up and the next one due from the latest living follow-up: a newer one
/// settles what the older ones had planned. What is counted is never counted again; who counted at the same time has
/// raised the version, and the whole transaction is tried again.
pub(crate) async fn refresh(tx: &Tx<'_>, mut changed: BTreeMap<Uuid, Counted>) -> Result<(), Failure> {
    changed.retain(|_, counted| !counted.is_nothing());
    if changed.is_empty() {
        return Ok(());
    }
    let customers: Vec<Uuid> = changed.keys().copied().collect();
    let followed: Vec<Uuid> = changed.iter().filter(|(_, counted)| counted.latest).map(|(id, _)| *id).collect();
    let latest = if followed.is_empty() { HashMap::new() } else { latest(tx, &followed).await? };
    let query = customer::Entity::find()
        .filter(customer::Column::OrgId.eq(tx.org_id()))
        .filter(customer::Column::Id.is_in(padded(customers)))
        .filter(customer::Column::DeletedAt.is_null())
        .order_by_asc(customer::Column::Id);
    for row in tx.db().all(query).await? {
        let (before, touched) = Customer::from_row(row, &Opener(tx.caller().ring()))?;
        let mut data = before.data.clone();
        let counted = changed.get(&before.base.id).copied().unwrap_or_default();
        data.contact_count += counted.contacts;
        data.follow_up_count += counted.follow_ups;
        if counted.latest {
            let latest = latest.get(&before.base.id);
            data.last_follow_up_at = latest.map(|latest| Instant::from_stored(latest.happened_at));
            let due = latest.map(|latest| latest.next_due_at).filter(|due| *due != NOT_DUE);
            data.next_follow_up_at = due.map(Instant::from_stored);
        }
        if data != before.data {
            update::write_summary(tx, &before, &touched, data).await?;
        }
    }
    Ok(())
}

/// By customer. Each is the end of a walk in the index by customer and time.
async fn latest(tx: &Tx<'_>, customers: &[Uuid]) -> Result<HashMap<Uuid, Latest>, Failure> {
    let customers = padded(customers.to_vec());
    let places = vec!["?"; customers.len()].join(", ");
    let sql = format!(
        "SELECT f.customer_id, f.happened_at, f.next_due_at FROM customers c JOIN follow_ups f ON f.org_id = c.org_id \
         AND f.id = (SELECT l.id FROM follow_ups l WHERE l.org_id = c.org_id AND l.customer_id = c.id \
         AND l.deleted_at IS NULL ORDER BY l.happened_at DESC, l.id DESC LIMIT 1) \
         WHERE c.org_id = ? AND c.id IN ({places})"
    );
    let values = std::iter::once(tx.org_id()).chain(customers).map(sea_orm::Value::from);
    let rows: Vec<Latest> = tx.db().rows(statement(tx.db(), &sql, values)).await?;
    Ok(rows.into_iter().map(|latest| (latest.customer_id, latest)).collect())
}

/// Carries what a deleted customer shows on, when something that would have come back with it does not, and is not
/// marked so any more: its entry in the journal comes with its restoring.
pub(crate) async fn one_less(tx: &Tx<'_>, kind: &str, customer: Uuid) -> Result<(), Failure> {
    let key = [tx.org_id().into(), customer.into()];
    if kind == "contact" {
        let sql = "UPDATE customers SET contact_count = contact_count - 1 WHERE org_id = ? AND id = ?";
        tx.db().execute_raw(statement(tx.db(), sql, key)).await?;
    } else if kind == "follow_up" {
        let latest = |column: &str| {
            format!(
                "COALESCE((SELECT {column} FROM follow_ups l WHERE l.org_id = customers.org_id \
                 AND l.customer_id = customers.id AND l.deleted_with = customers.id \
                 ORDER BY l.happened_at DESC, l.id DESC LIMIT 1), ?)"
            )
        };
        let sql = format!(
            "UPDATE customers SET follow_up_count = follow_up_count - 1, last_follow_up_at = {}, \
             next_follow_up_at = {} WHERE org_id = ? AND id = ?",
            latest("l.happened_at"),
            latest("l.next_due_at")
        );
        let values = [NEVER.into(), NOT_DUE.into()].into_iter().chain(key);
        tx.db().execute_raw(statement(tx.db(), &sql, values)).await?;
    }
    Ok(())
}

/// Follow-ups that would have come back with their customer do not: what it shows goes without them from here on.
pub(crate) async fn without(tx: &Tx<'_>, follow_ups: &[follow_up::Model]) -> Result<(), Failure> {
    for row in follow_ups {
        let Some(customer) = row.deleted_with else { continue };
        // Once, however often one comes here.
        let sql = "UPDATE follow_ups SET deleted_with = NULL WHERE org_id = ? AND id = ?";
        tx.db().execute_raw(statement(tx.db(), sql, [tx.org_id().into(), row.id.into()])).await?;
        one_less(tx, "follow_up", customer).await?;
    }
    Ok(())
}
