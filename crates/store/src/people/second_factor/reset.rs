//! An administrator takes the second factor of somebody who lost it.

use kehu_domain::kinds::User;
use kehu_domain::record::Record as _;
use kehu_domain::rights::Action;
use uuid::Uuid;

use crate::failure::{FactorFailure, Failure};
use crate::gate::Caller;
use crate::journal::Entry;
use crate::machine;
use crate::people::sessions;
use crate::refusals::{Refusal, noting};
use crate::tx::Tx;

use super::enrol::remove;

/// Removes another user's second factor and recovery codes, and ends that user's sessions: whoever has the telephone
/// may be signed in.
///
/// # Errors
/// [`Failure::Forbidden`] for who may not update users, or asks it of the own one; [`Failure::NotFound`] for a user out
/// of reach; [`Failure::SecondFactor(FactorFailure::None)`].
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
    caller
        .write(async move |tx: &Tx<'_>| {
            if !remove(tx, user).await? {
                return Err(Failure::SecondFactor(FactorFailure::None));
            }
            sessions::end_all(tx, user).await?;
            tx.log(Entry::admin("user.second_factor_reset", Some(("user", user))));
            Ok(())
        })
        .await
}
