//! Personal tokens: a user's own, for scripts and programs that act in the user's name.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use crate::entities::api_key;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::refusals::{Refusal, noting};
use crate::tx::Tx;

use super::doors::{end, for_change};
use super::make::{Draft, Made, in_future};
use super::show::KeyInfo;
use super::{KeyKind, Scope};

/// A personal token as somebody asks for it.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What the user calls it.
    pub name: String,
    /// What it is good for.
    pub scope: Scope,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Makes a token of the caller's own. Only somebody who signed in does.
///
/// # Errors
/// [`Failure::Forbidden`] for a key or another token; [`Failure::Refused`] with `/expires_at`.
pub async fn make_token(caller: &Caller, asked: NewToken) -> Result<Made, Failure> {
    let work = async {
        let (user, _) = caller.signed_in()?;
        let NewToken { name, scope, expires_at } = asked;
        in_future(caller, expires_at)?;
        let (user, scope) = (Some(user), Some(scope.key()));
        let draft =
            Draft { kind: KeyKind::Personal, name, role: None, fields: None, addresses: None, user, scope, expires_at };
        caller.write(async move |tx: &Tx<'_>| draft.insert(tx).await).await
    };
    noting(caller, Refusal::to("personal_token", "create"), work).await
}

/// The caller's own tokens that were not revoked, the newest first.
///
/// # Errors
/// [`Failure::Forbidden`] for who is no user.
pub async fn tokens(caller: &Caller) -> Result<Vec<KeyInfo>, Failure> {
    let user = caller.principal().user().ok_or(Failure::Forbidden)?;
    let rows = living(caller.org().id, user).order_by_desc(api_key::Column::Id).all(caller.db()).await?;
    Ok(rows.into_iter().map(|row| KeyInfo::of(caller, row)).collect())
}

/// Revokes one of the caller's own tokens. A token may end itself, and no other.
///
/// # Errors
/// [`Failure::NotFound`] where it is none, or was revoked.
pub async fn revoke_token(caller: &Caller, id: Uuid) -> Result<(), Failure> {
    let work = async {
        let user = caller.principal().user().ok_or(Failure::Forbidden)?;
        if caller.principal().credential() != Some(id) {
            caller.signed_in()?;
        }
        let job = async move |tx: &Tx<'_>| {
            let row = for_change(tx, id).await?;
            let row = row.filter(|row| row.user_id == Some(user) && row.revoked_at.is_none());
            end(tx, vec![row.ok_or(Failure::NotFound)?]).await
        };
        caller.write(job).await
    };
    noting(caller, Refusal::to("personal_token", "revoke"), work).await
}

/// Revokes every token of a user.
pub(crate) async fn revoke_personal(tx: &Tx<'_>, user: Uuid) -> Result<(), Failure> {
    let rows = living(tx.org_id(), user).all(tx.db()).await?;
    end(tx, rows).await
}

fn living(org: Uuid, user: Uuid) -> sea_orm::Select<api_key::Entity> {
    use api_key::Column as C;
    api_key::Entity::find().filter(C::OrgId.eq(org)).filter(C::UserId.eq(user)).filter(C::RevokedAt.is_null())
}
