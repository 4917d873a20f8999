//! Where something hangs that can hang on a customer, a contact or a follow-up: it belongs to the customer all the same.

use kehu_domain::fields::Ref;
use kehu_domain::kinds::{Customer, Noted, unknown_reference};
use kehu_domain::record::Base;
use kehu_domain::rights::Action;
use kehu_domain::show::Name;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::dialect::{locked, statement};
use crate::failure::Failure;
use crate::tx::Tx;

use super::references;

/// The record that something hangs on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Its kind.
    pub(crate) kind: Noted,
    /// Its id.
    pub(crate) id: Uuid,
}

impl Place {
    /// The customer that the record is, or belongs to. It is looked for where something is hung there anew or taken
    /// back: the record lives, and the caller may read it.
    pub(crate) async fn settle(
        self,
        tx: &Tx<'_>,
        known: Option<Ref<Customer>>,
        before: Option<&Base>,
    ) -> Result<Option<Ref<Customer>>, Failure> {
        if before.is_some_and(|base| base.deleted_at.is_none()) {
            return Ok(known);
        }
        match self.customer(tx).await? {
            Some(customer) => Ok(Some(Ref::new(customer))),
            None if before.is_some() => Err(Failure::NotFound),
            None => {
                let flaw = unknown_reference(self.kind.key(), self.id);
                Err(Failure::refused("/record_id", flaw))
            }
        }
    }

    async fn customer(self, tx: &Tx<'_>) -> Result<Option<Uuid>, Failure> {
        let table = match self.kind {
            Noted::Customer => None,
            Noted::Contact => Some("contacts"),
            Noted::FollowUp => Some("follow_ups"),
        };
        let customer = match table {
            Some(table) => self.parent(tx, table, "").await?,
            None => Some(self.id),
        };
        let Some(customer) = customer else { return Ok(None) };
        // The customer's row first, as whoever hangs something on it does.
        let Some(head) = references::customer(tx, customer).await? else { return Ok(None) };
        let standing = tx.caller().standing(head.owner_id, head.team_id, &head.shared());
        let rights = tx.caller().rights();
        let reads = |kind: &str| rights.reach(Action::Read, kind).covers(Action::Read, standing);
        if !reads("customer") || !reads(self.kind.key()) {
            return Ok(None);
        }
        tx.remember_name(customer, Name { name: head.name, color: None });
        match table {
            // Nobody deletes it before what hangs on it is there.
            Some(table) => self.parent(tx, table, locked(tx.db())).await,
            None => Ok(Some(customer)),
        }
    }

    /// The customer of a living record.
    async fn parent(self, tx: &Tx<'_>, table: &str, rest: &str) -> Result<Option<Uuid>, Failure> {
        let sql = format!("SELECT customer_id FROM {table} WHERE org_id = ? AND id = ? AND deleted_at IS NULL {rest}");
        let row = tx.db().query_one_raw(statement(tx.db(), &sql, [tx.org_id().into(), self.id.into()])).await?;
        Ok(row.map(|row| row.try_get("", "customer_id")).transpose()?)
    }
}

/// The customer's id, which every row of what hangs on one has.
pub(crate) fn settled(customer: Option<Ref<Customer>>) -> Result<Uuid, Failure> {
    let customer = customer.map(|customer| customer.id);
    customer.ok_or_else(|| Failure::Internal("what hangs on a customer is written before its customer is known".into()))
}
