//! A user's sessions as an administrator sees and ends them: a lost phone, somebody who leaves.

use kehu_domain::kinds::User;
use kehu_domain::record::Record as _;
use kehu_domain::rights::Action;
use uuid::Uuid;

use crate::failure::Failure;
use crate::gate::Caller;
use crate::machine::read::within_reach;
use crate::refusals::{Refusal, noting};

use super::sessions::{self, SessionInfo};

/// The living sessions of a user whom the caller may change, the newest first.
///
/// # Errors
/// [`Failure::NotFound`] where there is no such user within reach; [`Failure::Forbidden`] where the caller may change no
/// user.
pub async fn sessions_of(caller: &Caller, user: Uuid) -> Result<Vec<SessionInfo>, Failure> {
    let work = async {
        may_change(caller, user).await?;
        sessions::of_user(caller, user).await
    };
    noting(caller, Refusal::of("user", "sessions", Some(user)), work).await
}

/// Ends one of them.
///
/// # Errors
/// The same; [`Failure::NotFound`] where the session is none of the user's, or has ended.
pub async fn end_session_of(caller: &Caller, user: Uuid, session: Uuid) -> Result<(), Failure> {
    let work = async {
        may_change(caller, user).await?;
        sessions::end_of_user(caller, user, session).await
    };
    noting(caller, Refusal::of("user", "end_session", Some(user)), work).await
}

/// Ends all of them; of the caller's own all others.
///
/// # Errors
/// Those of [`sessions_of`].
pub async fn end_sessions_of(caller: &Caller, user: Uuid) -> Result<(), Failure> {
    let work = async {
        may_change(caller, user).await?;
        sessions::end_all_of_user(caller, user).await
    };
    noting(caller, Refusal::of("user", "end_sessions", Some(user)), work).await
}

async fn may_change(caller: &Caller, user: Uuid) -> Result<(), Failure> {
    caller.reach(Action::Update, "user")?;
    let known = within_reach::<User>(caller, vec![user]).await?.into_iter().next().ok_or(Failure::NotFound)?;
    if caller.covers(Action::Update, User::KIND, &known.base) { Ok(()) } else { Err(Failure::Forbidden) }
}
