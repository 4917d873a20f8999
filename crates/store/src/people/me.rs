//! Who is calling.

use kehu_domain::kinds::User;
use kehu_domain::record::Stored;
use sea_orm::EntityTrait;
use uuid::Uuid;

use crate::api_keys::KeyInfo;
use crate::entities::{api_key, session, user};
use crate::failure::{Failure, SignInFailure};
use crate::gate::{Caller, Principal};
use crate::rows::Rows;
use crate::sealer::Opener;

use super::sessions::{SessionInfo, info};
use super::told::Before;

/// The caller as a user, or a program with a key, sees itself.
#[derive(Clone, Debug)]
pub struct Me {
    /// The user, in full; none for a program with a key of its own.
    pub user: Option<Stored<User>>,
    /// Keys of the roles, as they count for this request.
    pub roles: Vec<String>,
    /// The session; none for a key or a personal token.
    pub session: Option<SessionInfo>,
    /// The key, or the personal token.
    pub key: Option<KeyInfo>,
    /// The sign-in before the one that began the session; nothing for a key or a personal token.
    pub before: Before,
}

const ENDED: Failure = Failure::SignIn(SignInFailure::SessionEnded);

/// The caller's own user and session, or key.
///
/// # Errors
/// [`Failure::Forbidden`] for who is neither a user nor a key.
pub async fn me(caller: &Caller) -> Result<Me, Failure> {
    match caller.principal() {
        Principal::User { id, session } => {
            let row = session::Entity::find_by_id((caller.org().id, session)).one(caller.db()).await?.ok_or(ENDED)?;
            let (user, before) = (Some(user_of(caller, id).await?), Before::of(caller, &row)?);
            Ok(Me { user, roles: roles_of(caller, id), session: Some(info(caller, row)), key: None, before })
        }
        Principal::Personal { id, key, .. } => {
            let (user, key) = (Some(user_of(caller, id).await?), Some(key_of(caller, key).await?));
            Ok(Me { user, roles: roles_of(caller, id), session: None, key, before: Before::default() })
        }
        Principal::Key(key) => {
            let key = key_of(caller, key).await?;
            let roles = key.role.iter().cloned().collect();
            Ok(Me { user: None, roles, session: None, key: Some(key), before: Before::default() })
        }
        _ => Err(Failure::Forbidden),
    }
}

fn roles_of(caller: &Caller, user: Uuid) -> Vec<String> {
    caller.org().users.get(&user).map(|person| person.roles.clone()).unwrap_or_default()
}

async fn user_of(caller: &Caller, id: Uuid) -> Result<Stored<User>, Failure> {
    let row = user::Entity::find_by_id((caller.org().id, id)).one(caller.db()).await?.ok_or(ENDED)?;
    Ok(User::from_row(row, &Opener(caller.ring()))?.0)
}

async fn key_of(caller: &Caller, id: Uuid) -> Result<KeyInfo, Failure> {
    let row = api_key::Entity::find_by_id((caller.org().id, id)).one(caller.db()).await?;
    Ok(KeyInfo::of(caller, row.ok_or(Failure::SignIn(SignInFailure::KeyInvalid))?))
}
