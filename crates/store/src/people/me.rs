//! Who is signed in.

use kehu_domain::kinds::User;
use kehu_domain::record::Stored;
use sea_orm::EntityTrait;

use crate::entities::{session, user};
use crate::failure::{Failure, SignInFailure};
use crate::gate::Caller;
use crate::rows::Rows;
use crate::sealer::Opener;

use super::sessions::{SessionInfo, info};
use super::told::Before;

/// The caller as a user sees himself.
#[derive(Clone, Debug)]
pub struct Me {
    /// The user, in full.
    pub user: Stored<User>,
    /// Keys of the roles, as they count for this request.
    pub roles: Vec<String>,
    /// The session.
    pub session: SessionInfo,
    /// The sign-in before the one that began it.
    pub before: Before,
}

/// The caller's own user and session.
///
/// # Errors
/// [`Failure::Forbidden`] for who is no user.
pub async fn me(caller: &Caller) -> Result<Me, Failure> {
    let principal = caller.principal();
    let (id, session) = principal.user().zip(principal.session()).ok_or(Failure::Forbidden)?;
    let ended = Failure::SignIn(SignInFailure::SessionEnded);
    let row = user::Entity::find_by_id((caller.org().id, id)).one(caller.db()).await?.ok_or(ended.clone())?;
    let session = session::Entity::find_by_id((caller.org().id, session)).one(caller.db()).await?.ok_or(ended)?;
    let (user, _) = User::from_row(row, &Opener(caller.ring()))?;
    let roles = caller.org().users.get(&id).map(|person| person.roles.clone()).unwrap_or_default();
    let before = Before::of(caller, &session)?;
    Ok(Me { roles, user, session: info(caller, session), before })
}
