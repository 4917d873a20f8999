//! Whose a customer is, and everything that goes with it.

use kehu_domain::codes;
use kehu_domain::fields::{Collaborators, Ref};
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::Customer;
use kehu_domain::record::{Record, Stored};
use kehu_domain::rights::{Action, Standing};
use sea_orm::ConnectionTrait;

use crate::dialect::statement;
use crate::failure::Failure;
use crate::tx::Tx;

use super::{children, sharing};

/// Fills in owner and team of a customer that is written, and checks that the caller may say them.
pub(crate) fn settle(tx: &Tx<'_>, customer: &mut Customer, before: Option<&Stored<Customer>>) -> Result<(), Failure> {
    let caller = tx.caller();
    let org = caller.org();
    let team_of = |owner: uuid::Uuid| org.users.get(&owner).and_then(|person| person.team_id);
    match before {
        None => {
            customer.owner_id = customer.owner_id.or_else(|| caller.principal().user().map(Ref::new));
            let owners_team = customer.owner_id.and_then(|owner| team_of(owner.id)).map(Ref::new);
            let may_choose_team =
                caller.rights().reach(Action::Transfer, "customer").covers(Action::Transfer, Standing::TEAM);
            if customer.team_id.is_some() && customer.team_id != owners_team && !may_choose_team {
                return Err(Failure::refused("/team_id", Flaw::new(&codes::OWNER_OUT_OF_REACH)));
            }
            customer.team_id = customer.team_id.or(owners_team);
            let (owner, team) = (customer.owner_id.map(|r| r.id), customer.team_id.map(|r| r.id));
            let standing = caller.standing(owner, team, &Collaborators::default());
            if !caller.reach(Action::Create, "customer")?.covers(Action::Create, standing) {
                return Err(Failure::refused("/owner_id", Flaw::new(&codes::OWNER_OUT_OF_REACH)));
            }
        }
        Some(before) => {
            let changed = |field: &str| {
                before.data.owner_id != customer.owner_id && field == "/owner_id"
                    || before.data.team_id != customer.team_id && field == "/team_id"
            };
            if let Some(pointer) = ["/owner_id", "/team_id"].into_iter().find(|field| changed(field)) {
                if !caller.covers(Action::Transfer, Customer::KIND, &before.base) {
                    return Err(Failure::refused(pointer, Flaw::new(&codes::OWNER_OUT_OF_REACH)));
                }
                caller.uses(Action::Transfer, Customer::KIND.name);
                // A new owner brings the team along, unless a team is said too.
                if changed("/owner_id") && !changed("/team_id") {
                    customer.team_id = customer.owner_id.and_then(|owner| team_of(owner.id)).map(Ref::new);
                }
            }
        }
    }
    sharing::check(tx, customer, before)
}

/// What hangs on a customer carries copies of the customer's owner and team.
pub(crate) async fn carry(tx: &Tx<'_>, before: &Stored<Customer>, after: &Stored<Customer>) -> Result<(), Failure> {
    let owner_and_team = |customer: &Stored<Customer>| (customer.base.owner_id, customer.base.team_id);
    if owner_and_team(before) == owner_and_team(after) {
        return Ok(());
    }
    for (table, kind, column) in children::of(Customer::KIND.name) {
        let (owner, team) = owner_and_team(after);
        children::note(
            tx,
            (table, kind, column),
            "updated",
            after.base.id,
            children::Which::Living,
            Some((owner, team)),
        )
        .await?;
        // Deleted ones go along unseen: their next entry is that of their restoring.
        let sql = format!(
            "UPDATE {table} SET owner_id = ?, team_id = ?, updated_at = ?, \
             version = version + CASE WHEN deleted_at IS NULL THEN 1 ELSE 0 END WHERE org_id = ? AND customer_id = ?"
        );
        let values = [owner.into(), team.into(), tx.now().into(), tx.org_id().into(), after.base.id.into()];
        tx.db().execute_raw(statement(tx.db(), &sql, values)).await?;
    }
    Ok(())
}
