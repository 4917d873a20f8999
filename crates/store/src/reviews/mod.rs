//! Reviews of who may do what: opened by hand or each quarter; of every user what he may do, when he last signed in and
//! when he last used each right; and for each a decision: the rights are confirmed, changed or revoked.
//!
//! Who grants rights decides on everybody. Who leads a team decides on its people and those of the teams below, as far
//! as they may do nothing that he may not: he confirms, or revokes.

mod decide;
mod end;
mod open;
mod schedule;
mod show;

#[cfg(test)]
mod tests;

use kehu_domain::rights::{Action, Right};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::entities::access_review;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::tx::Tx;

pub use decide::{Decision, Word, decide};
pub use end::{END, close, end};
pub use open::{NewReview, open};
pub use schedule::{LOOK, look};
pub use show::{get, items, list};

/// What a review is called in the journal, and in refusals.
const REVIEW: &str = "access_review";

/// Whom somebody sees in a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// Everybody.
    All,
    /// The people of his teams.
    Teams,
}

/// Whether somebody leads a team: he may give away the customers of others in it.
fn leads(caller: &Caller) -> bool {
    caller.rights().reach(Action::Transfer, "customer").team && caller.principal().user().is_some()
}

/// Whom the caller sees in reviews.
fn sees(caller: &Caller) -> Result<Seen, Failure> {
    if caller.may(Right::RightsGrant).or_else(|_| caller.may(Right::AuditRead)).is_ok() {
        return Ok(Seen::All);
    }
    if leads(caller) { Ok(Seen::Teams) } else { Err(Failure::Forbidden) }
}

/// A review whose decisions nobody else takes meanwhile.
async fn for_change(tx: &Tx<'_>, id: Uuid) -> Result<Option<access_review::Model>, Failure> {
    let row = access_review::Entity::find_by_id((tx.org_id(), id)).lock_exclusive();
    Ok(row.one(tx.db()).await?)
}

/// A review that still takes decisions.
async fn open_one(tx: &Tx<'_>, id: Uuid) -> Result<access_review::Model, Failure> {
    let row = for_change(tx, id).await?.ok_or(Failure::NotFound)?;
    let is_open = row.closed_at.is_none() && row.closing_at.is_none();
    if is_open { Ok(row) } else { Err(Failure::ReviewClosed) }
}

/// A review as it is.
async fn find(caller: &Caller, id: Uuid) -> Result<access_review::Model, Failure> {
    let row = access_review::Entity::find_by_id((caller.org().id, id)).one(caller.db()).await?;
    row.ok_or(Failure::NotFound)
}

/// The key under which one job at a time ends a review.
fn job_key(review: Uuid) -> String {
    format!("{REVIEW}:{review}")
}

/// Reviews that were opened for a period.
async fn has_period(caller: &Caller, period: &str) -> Result<bool, Failure> {
    use access_review::Column as C;
    let found = access_review::Entity::find().filter(C::OrgId.eq(caller.org().id)).filter(C::Period.eq(period));
    Ok(found.one(caller.db()).await?.is_some())
}
