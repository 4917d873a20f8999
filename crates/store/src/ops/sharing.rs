//! Customers that are shared with users beside their owner and team, and what hangs on them.

use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::{Customer, unknown_reference};
use kehu_domain::record::{Record, Stored};
use kehu_domain::rights::{Action, Standing};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter};

use crate::dialect::statement;
use crate::entities::collaborator;
use crate::failure::Failure;
use crate::inserts::{self, Insert};
use crate::tx::Tx;

use super::children;

/// Checks whom a customer is to be shared with: by its owner, or by somebody who may give it away, with users who are
/// there.
pub(crate) fn check(tx: &Tx<'_>, customer: &Customer, before: Option<&Stored<Customer>>) -> Result<(), Failure> {
    let caller = tx.caller();
    let old = before.map(|before| before.data.collaborators.clone()).unwrap_or_default();
    if customer.collaborators == old {
        return Ok(());
    }
    let standing = match before {
        Some(before) => caller.standing_to(&before.base),
        None => caller.standing(customer.owner_id.map(|r| r.id), customer.team_id.map(|r| r.id), &old),
    };
    let may_give_away = caller.rights().reach(Action::Transfer, Customer::KIND.name).covers(Action::Transfer, standing);
    if !may_give_away && !matches!(standing, Standing { own: true, .. }) {
        return Err(Failure::refused("/collaborators", Flaw::new(&codes::SHARING_FORBIDDEN)));
    }
    for (at, user) in customer.collaborators.users().enumerate() {
        let living = || caller.org().users.get(&user).is_some_and(|person| !person.disabled);
        if old.access(user).is_none() && !living() {
            let flaw = unknown_reference("user", user);
            return Err(Failure::refused(format!("/collaborators/{at}/user_id"), flaw));
        }
    }
    Ok(())
}

/// Writes whom a customer is shared with where it is looked up by user, and to what hangs on it.
pub(crate) async fn follow(
    tx: &Tx<'_>,
    before: Option<&Stored<Customer>>,
    after: Option<&Stored<Customer>>,
) -> Result<(), Failure> {
    let Some(after) = after else { return Ok(()) };
    let (id, shared) = (after.base.id, &after.data.collaborators);
    // One that is taken back has kept them.
    let old = match before {
        Some(before) => &before.data.collaborators,
        None if after.base.version > 1 => shared,
        None => &Default::default(),
    };
    if old == shared {
        return Ok(());
    }
    use collaborator::Column as C;
    let known = collaborator::Entity::delete_many().filter(C::OrgId.eq(tx.org_id())).filter(C::CustomerId.eq(id));
    known.exec(tx.db()).await?;
    let row = |user_id| collaborator::Model { org_id: tx.org_id(), user_id, customer_id: id }.into_active_model();
    let rows = shared.users().map(row).collect();
    inserts::write(tx.db(), vec![Insert::of::<collaborator::ActiveModel>(rows)]).await?;
    for (table, _) in children::TABLES {
        let sql = format!("UPDATE {table} SET shared_with = ? WHERE org_id = ? AND customer_id = ?");
        let values = [shared.to_stored().into(), tx.org_id().into(), id.into()];
        tx.db().execute_raw(statement(tx.db(), &sql, values)).await?;
    }
    Ok(())
}
