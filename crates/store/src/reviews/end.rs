//! The end of a review: by hand, or when its time is over; what nobody answered is revoked where the review says so.

use kehu_domain::codes;
use kehu_domain::rights::Right;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::entities::{access_review, access_review_item};
use crate::failure::Failure;
use crate::gate::{Caller, worth_another_try};
use crate::journal::Entry;
use crate::machine::{Answer, TRIES, pause};
use crate::queue::{NewJob, Run, Spec, Step, Work};
use crate::refusals::{Refusal, noting};
use crate::tx::Tx;

use super::decide::{change, nothing, settle, standing};
use super::{REVIEW, Word, for_change, job_key, open_one, show};

/// The job that revokes what nobody answered, and closes.
pub static END: Spec = Spec::new("access_reviews.end", 1).attempts(10);

/// Users whose rights are revoked in one transaction.
const TOGETHER: u64 = 20;

/// Which review a job ends.
#[derive(Debug, Deserialize)]
struct ToEnd {
    review: Uuid,
}

fn unanswered(org: Uuid, review: Uuid) -> sea_orm::Select<access_review_item::Entity> {
    use access_review_item::Column as C;
    let items = access_review_item::Entity::find().filter(C::OrgId.eq(org)).filter(C::ReviewId.eq(review));
    items.filter(C::Decision.is_null()).filter(C::KeptBecause.is_null())
}

/// Ends a review by hand. Where what nobody answered is revoked, a job does that, and closes it then; until it has, the
/// review takes no more decisions.
///
/// # Errors
/// The caller may not grant rights, there is no such review, or it is closed.
pub async fn close(caller: &Caller, id: Uuid) -> Result<Answer, Failure> {
    noting(caller, Refusal::of(REVIEW, "close", Some(id)), async {
        caller.may(Right::RightsGrant)?;
        caller
            .write(async move |tx: &Tx<'_>| {
                let row = open_one(tx, id).await?;
                let one = unanswered(tx.org_id(), id).limit(1).one(tx.db()).await?;
                let by = tx.caller().principal().user();
                if row.revoke_unanswered && one.is_some() {
                    let closing = access_review::ActiveModel {
                        closing_at: Set(Some(tx.now())),
                        closed_by: Set(by),
                        ..Default::default()
                    };
                    note(tx, id, closing).await?;
                    // The one that waits for the end of its time stays, and finds nothing.
                    let key = format!("{}:now", job_key(id));
                    tx.enqueue(NewJob::new(&END, json!({ "review": id })).unique(key));
                    return Ok(());
                }
                shut(tx, row, by).await
            })
            .await?;
        show::get(caller, id).await
    })
    .await
}

async fn shut(tx: &Tx<'_>, row: access_review::Model, by: Option<Uuid>) -> Result<(), Failure> {
    let closed =
        access_review::ActiveModel { closed_at: Set(Some(tx.now())), closed_by: Set(by), ..Default::default() };
    note(tx, row.id, closed).await?;
    tx.log(Entry::admin("access_review.closed", Some((REVIEW, row.id))));
    Ok(())
}

/// Writes how a review stands.
async fn note(tx: &Tx<'_>, id: Uuid, stands: access_review::ActiveModel) -> Result<(), Failure> {
    use access_review::Column as C;
    let row = access_review::Entity::update_many().set(stands).filter(C::OrgId.eq(tx.org_id()));
    row.filter(C::Id.eq(id)).exec(tx.db()).await?;
    Ok(())
}

/// Revokes what nobody answered, a few users in each transaction, and closes the review.
///
/// # Errors
/// The job is to end before, or the database is away.
pub async fn end(work: Work) -> Run {
    let ToEnd { review } = work.payload()?;
    let mut revoked: i64 = work.checkpoint()?.unwrap_or_default();
    let mut tries = 1;
    loop {
        work.go_on()?;
        let step = work.clone();
        let before = revoked;
        let done = work.caller().write(async move |tx: &Tx<'_>| part(tx, &step, review, before).await).await;
        match done {
            Err(failure) if worth_another_try(&failure) && tries < TRIES => {
                pause(tries).await;
                tries += 1;
            }
            Err(failure) => return Err(failure.into()),
            Ok(None) => return Ok(Some(json!({ "review": review, "revoked": revoked }))),
            Ok(Some(many)) => (revoked, tries) = (many, 1),
        }
    }
}

/// One transaction. How many were revoked until then; nothing once the review is closed.
async fn part(tx: &Tx<'_>, work: &Work, review: Uuid, before: i64) -> Result<Option<i64>, Failure> {
    let Some(row) = for_change(tx, review).await?.filter(|row| row.closed_at.is_none()) else { return Ok(None) };
    let due = row.closing_at.is_some() || row.revoke_unanswered && row.due_at <= tx.now();
    if !due {
        // A clock that runs behind the database's: the schedule asks again.
        return Ok(None);
    }
    let items = unanswered(tx.org_id(), review).order_by_asc(access_review_item::Column::UserId).limit(TOGETHER);
    let items = items.all(tx.db()).await?;
    if items.is_empty() {
        let by = row.closed_by;
        shut(tx, row, by).await?;
        return Ok(Some(before));
    }
    let mut revoked = before;
    for item in items {
        revoked += i64::from(revoke(tx, item).await?);
    }
    work.note(tx, Step::default().checkpoint(json!(revoked)).progress(revoked, None));
    Ok(Some(revoked))
}

/// Takes every role of a user away, unless nobody would be left who says who may do what. Whether it did.
async fn revoke(tx: &Tx<'_>, item: access_review_item::Model) -> Result<bool, Failure> {
    let (review, user) = (item.review_id, item.user_id);
    let before = standing(tx, user).await?;
    let kept = match tx.attempt(async || change(tx, user, nothing()).await).await {
        Ok(()) => None,
        Err(Failure::Refused(found)) if found.iter().any(|one| one.flaw.code == &codes::LAST_ADMINISTRATOR) => {
            Some(codes::LAST_ADMINISTRATOR.key)
        }
        Err(Failure::NotFound) => Some("user_gone"),
        Err(failure) => return Err(failure),
    };
    let said = json!({ "review": review, "before": before, "kept_because": kept });
    let event = if kept.is_none() { "access_review.revoked" } else { "access_review.kept" };
    tx.log(Entry::admin(event, Some(("user", user))).saying(&said));
    let decided = access_review_item::ActiveModel {
        decision: Set(kept.is_none().then(|| Word::Revoke.key().to_owned())),
        decided_at: Set(Some(tx.now())),
        kept_because: Set(kept.map(str::to_owned)),
        ..Default::default()
    };
    settle(tx, (review, user), decided).await?;
    Ok(kept.is_none())
}
