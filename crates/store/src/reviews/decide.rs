//! Deciding on a user: what changes goes the way of every change of a user, with the same rules.

use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::User;
use kehu_domain::rights::Right;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::entities::{access_review_item, user};
use crate::failure::Failure;
use crate::gate::{Caller, worth_another_try};
use crate::journal::Entry;
use crate::machine::{Answer, Change, Machine as _, Of, TRIES, pause};
use crate::refusals::{Refusal, noting};
use crate::sealed::access_review_item::REASON;
use crate::tx::Tx;

use super::{leads, open_one, show};

/// What is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The rights stay.
    Confirm,
    /// Roles or team are others from now on.
    Change,
    /// Every role is taken away.
    Revoke,
}

impl Word {
    /// Every decision.
    pub const ALL: [Self; 3] = [Self::Confirm, Self::Change, Self::Revoke];

    /// As it is said and stored.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Change => "change",
            Self::Revoke => "revoke",
        }
    }

    /// The decision of that word.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.key() == key)
    }
}

/// A decision.
#[derive(Clone, Debug)]
pub struct Decision {
    /// What is decided.
    pub word: Word,
    /// For a change: those of `role`, `other_roles` and `team_id` that become others, as a change of the user says them.
    pub change: Value,
    /// Why.
    pub reason: Option<String>,
}

/// What takes every role away.
pub(super) fn nothing() -> Value {
    json!({ "role": null, "other_roles": [] })
}

/// Decides on a user; the item as it is then. Another decision takes the place of an earlier one.
///
/// # Errors
/// There is no such user under that review within the caller's reach, the review is closed, or the change breaks a rule
/// of users.
pub async fn decide(caller: &Caller, review: Uuid, user: Uuid, decision: Decision) -> Result<Answer, Failure> {
    noting(caller, Refusal::of("user", "review", Some(user)), async {
        let granting = may_decide(caller, user, decision.word)?;
        let acting = match (&decision.reason, granting) {
            (reason, true) => because(caller, reason.as_deref()),
            // Taking rights away is no right of who leads a team, but for this.
            (reason, false) => because(&caller.with_lent_rights(), reason.as_deref()),
        };
        let mut tries = 1;
        loop {
            let decision = decision.clone();
            let done = acting.write(async move |tx: &Tx<'_>| write(tx, review, user, decision).await).await;
            match done {
                Err(failure) if worth_another_try(&failure) && tries < TRIES => {
                    pause(tries).await;
                    tries += 1;
                }
                Err(failure) => return Err(failure),
                Ok(()) => return show::item(caller, review, user).await,
            }
        }
    })
    .await
}

fn because(caller: &Caller, reason: Option<&str>) -> Caller {
    reason.map_or_else(|| caller.clone(), |reason| caller.because(reason))
}

/// Whether the caller may decide so on a user; true where he grants rights.
fn may_decide(caller: &Caller, user: Uuid, word: Word) -> Result<bool, Failure> {
    let own = caller.principal().user() == Some(user);
    let own_rights = || Err(Failure::refused("/decision", Flaw::new(&codes::OWN_RIGHTS)));
    if caller.may(Right::RightsGrant).is_ok() {
        // A change of one's own is refused so at every door.
        return if own && caller.org().settings.separation_of_duties { own_rights() } else { Ok(true) };
    }
    if !leads(caller) {
        return Err(Failure::Forbidden);
    }
    let person = caller.org().users.get(&user).ok_or(Failure::NotFound)?;
    if !person.team_id.is_some_and(|team| caller.teams().contains(&team)) {
        return Err(Failure::NotFound);
    }
    if own {
        return own_rights();
    }
    if !person.rights.within(caller.rights()) {
        return Err(Failure::Forbidden);
    }
    if word == Word::Change {
        let flaw = Flaw::new(&codes::RIGHT_MISSING).with("right", "rights.grant");
        return Err(Failure::refused("/decision", flaw));
    }
    Ok(false)
}

/// Roles and team of a user, as the journal tells of them.
pub(super) async fn standing(tx: &Tx<'_>, user: Uuid) -> Result<Option<Value>, Failure> {
    let row = user::Entity::find_by_id((tx.org_id(), user)).one(tx.db()).await?;
    Ok(row.filter(|row| row.deleted_at.is_none()).map(|row| {
        let others: Vec<&str> = row.other_roles.split_whitespace().collect();
        json!({ "role": row.role, "other_roles": others, "team_id": row.team_id })
    }))
}

/// Changes a user the way of every change.
pub(super) async fn change(tx: &Tx<'_>, user: Uuid, body: Value) -> Result<(), Failure> {
    let change = Change { id: user, body, expected: None, allow_duplicate: false };
    Of::<User>::NEW.change(tx, change).await.map(drop)
}

async fn write(tx: &Tx<'_>, review: Uuid, user: Uuid, decision: Decision) -> Result<(), Failure> {
    let Decision { word, change: body, reason } = decision;
    open_one(tx, review).await?;
    let item = access_review_item::Entity::find_by_id((tx.org_id(), review, user)).one(tx.db()).await?;
    let item = item.ok_or(Failure::NotFound)?;
    let before = standing(tx, user).await?;
    match word {
        Word::Confirm => {}
        Word::Change => change(tx, user, body).await?,
        Word::Revoke => change(tx, user, nothing()).await?,
    }
    let said = json!({
        "review": review, "decision": word.key(), "before": before, "after": standing(tx, user).await?,
    });
    tx.log(Entry::admin("access_review.decided", Some(("user", user))).saying(&said));
    let seal = |reason: String| tx.caller().ring().seal(REASON, item.id, reason.as_bytes());
    let reason = reason.map(seal).transpose()?;
    let decided_by = tx.caller().principal().user();
    let decided = access_review_item::ActiveModel {
        decision: Set(Some(word.key().to_owned())),
        decided_at: Set(Some(tx.now())),
        decided_by: Set(decided_by),
        reason: Set(reason),
        ..Default::default()
    };
    settle(tx, (review, user), decided).await
}

/// Writes what was decided on an item.
pub(super) async fn settle(
    tx: &Tx<'_>,
    (review, user): (Uuid, Uuid),
    decided: access_review_item::ActiveModel,
) -> Result<(), Failure> {
    use access_review_item::Column as C;
    let row = access_review_item::Entity::update_many().set(decided).filter(C::OrgId.eq(tx.org_id()));
    row.filter(C::ReviewId.eq(review)).filter(C::UserId.eq(user)).exec(tx.db()).await?;
    Ok(())
}
