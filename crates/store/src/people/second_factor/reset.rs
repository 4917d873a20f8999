//! An administrator, or whoever runs the program, takes the second factor of somebody who lost it.

use kehu_domain::kinds::User;
use kehu_domain::record::Record as _;
use kehu_domain::rights::Action;
use kehu_domain::value::LoginName;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::api_keys;
use crate::entities::organisation;
use crate::failure::{FactorFailure, Failure};
use crate::gate::{Caller, Gate, RequestInfo};
use crate::journal::Entry;
use crate::machine;
use crate::people::sign_in::candidates;
use crate::people::{passwords, sessions};
use crate::refusals::{Refusal, noting};
use crate::tx::Tx;

use super::enrol::remove;

/// Removes another user's second factor and recovery codes, ends that user's sessions and revokes the personal tokens:
/// whoever has the telephone may be signed in.
///
/// # Errors
/// [`Failure::Forbidden`] for who may not update users, or asks it of the own one; [`Failure::NotFound`] for a user out
/// of reach; [`Failure::Refused`] for somebody with rights that the caller has not;
/// [`Failure::SecondFactor(FactorFailure::None)`].
pub async fn reset_second_factor(caller: &Caller, user: Uuid) -> Result<(), Failure> {
    noting(caller, Refusal::of("user", "reset_second_factor", Some(user)), reset(caller, user)).await
}

async fn reset(caller: &Caller, user: Uuid) -> Result<(), Failure> {
    caller.reach(Action::Update, "user")?;
    if caller.principal().user() == Some(user) {
        return Err(Failure::SecondFactor(FactorFailure::Own));
    }
    let known = machine::read::within_reach::<User>(caller, vec![user]).await?;
    let known = known.into_iter().next().ok_or(Failure::NotFound)?;
    if !caller.covers(Action::Update, User::KIND, &known.base) {
        return Err(Failure::Forbidden);
    }
    passwords::refuse_over(caller, user, "")?;
    take(caller, user).await
}

impl Gate {
    /// The same by whoever runs the program, for somebody whom nobody in the organisation can help: its only
    /// administrator.
    ///
    /// # Errors
    /// [`Failure::NotFound`] for an organisation or a sign-in name that is not there;
    /// [`Failure::SecondFactor(FactorFailure::None)`].
    pub async fn reset_second_factor_of(&self, slug: &str, login: &str) -> Result<(), Failure> {
        let org = organisation::Entity::find().filter(organisation::Column::Slug.eq(slug)).one(self.engine()).await?;
        let org = org.ok_or(Failure::NotFound)?;
        let name = LoginName::parse(login, &org.region).map_err(|_| Failure::NotFound)?;
        let found = candidates(self, &name, Some(slug)).await?;
        let user = found.first().ok_or(Failure::NotFound)?.user;
        let caller = self.system(org.id, RequestInfo::of_program("command", self.now())).await?;
        take(&caller, user).await
    }
}

async fn take(caller: &Caller, user: Uuid) -> Result<(), Failure> {
    caller
        .write(async move |tx: &Tx<'_>| {
            if !remove(tx, user).await? {
                return Err(Failure::SecondFactor(FactorFailure::None));
            }
            sessions::end_all(tx, user).await?;
            api_keys::revoke_personal(tx, user).await?;
            tx.log(Entry::admin("user.second_factor_reset", Some(("user", user))));
            Ok(())
        })
        .await
}
