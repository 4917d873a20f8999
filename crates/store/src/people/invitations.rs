//! Invitations: somebody who was made a user without a password chooses one, with a token that works once.

use chrono::{DateTime, Duration, Utc};
use kehu_domain::codes;
use kehu_domain::fields::format_time;
use kehu_domain::flaw::Flaw;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use uuid::Uuid;

use crate::crypto::token::{Token, TokenKind};
use crate::entities::{invitation, user};
use crate::failure::Failure;
use crate::gate::{Gate, RequestInfo};
use crate::journal::{Entry, Outcome};
use crate::tx::Tx;

use super::hashing::Password;
use super::history;
use super::passwords;

/// How long an invitation is good.
const GOOD_FOR: Duration = Duration::days(7);

/// An invitation that was made just now; the token is in no row.
pub(super) struct Invitation {
    pub(super) token: Token,
    pub(super) expires_at: DateTime<Utc>,
}

/// Invites a user of the organisation that is written to, in place of an earlier invitation.
pub(super) async fn invite(tx: &Tx<'_>, user: Uuid) -> Result<Invitation, Failure> {
    let invitation = make(tx, user).await?;
    tx.log(told("user.invited", user, &invitation));
    Ok(invitation)
}

/// The entry that tells of an invitation, without its token.
pub(super) fn told(event: &str, user: Uuid, invitation: &Invitation) -> Entry {
    let expires_at = format_time(invitation.expires_at);
    Entry::admin(event, Some(("user", user))).saying(&json!({ "expires_at": expires_at }))
}

/// Makes an invitation, in place of an earlier one.
pub(super) async fn make(tx: &Tx<'_>, user: Uuid) -> Result<Invitation, Failure> {
    let token = Token::generate(TokenKind::Invitation, tx.org_id());
    let token = token.map_err(|error| Failure::Internal(error.to_string()))?;
    let expires_at = tx.now() + GOOD_FOR;
    invitation::Entity::delete_by_id((tx.org_id(), user)).exec(tx.db()).await?;
    let row = invitation::ActiveModel {
        org_id: Set(tx.org_id()),
        user_id: Set(user),
        token_hash: Set(token.hash().to_vec()),
        created_at: Set(tx.now()),
        expires_at: Set(expires_at),
    };
    invitation::Entity::insert(row).exec_without_returning(tx.db()).await?;
    Ok(Invitation { token, expires_at })
}

/// Sets the password of the user whom the token invites. It works once, within seven days, and signs nobody in.
///
/// # Errors
/// [`Failure::Refused`] with `/token` (used, expired, of a disabled user, or none of ours) or `/password`.
pub async fn accept_invitation(
    gate: &Gate,
    token: &str,
    password: Password,
    request: RequestInfo,
) -> Result<(), Failure> {
    let token = Token::parse(token).filter(|token| token.kind() == TokenKind::Invitation).ok_or_else(invalid)?;
    let caller = gate.system(token.org(), request).await.map_err(|failure| match failure {
        Failure::NotFound => invalid(),
        other => other,
    })?;
    let hash = token.hash().to_vec();
    let row = invitation::Entity::find()
        .filter(invitation::Column::OrgId.eq(token.org()))
        .filter(invitation::Column::TokenHash.eq(hash.clone()))
        .one(gate.engine())
        .await?;
    let row = row.filter(|row| row.expires_at > gate.now()).ok_or_else(invalid)?;
    let person = user::Entity::find_by_id((row.org_id, row.user_id)).one(gate.engine()).await?;
    let person = person.filter(|person| !person.disabled && person.deleted_at.is_none()).ok_or_else(invalid)?;
    let user = row.user_id;
    passwords::check(&caller, &password, &passwords::names_of(&caller, person)?, "/password")?;
    history::refuse_reuse(&caller, user, &password, "/password").await?;

    let password = gate.hashing().hash(&password).await?;
    caller
        .write(async move |tx: &Tx<'_>| {
            // Whoever deletes it has used it: of two at once, one.
            let used = invitation::Entity::delete_many()
                .filter(invitation::Column::OrgId.eq(tx.org_id()))
                .filter(invitation::Column::TokenHash.eq(hash))
                .exec(tx.db())
                .await?;
            if used.rows_affected == 0 {
                return Err(invalid());
            }
            tx.log(Entry::security("invitation.accepted", Outcome::Ok, Some(user)));
            passwords::set(tx, user, password, None).await?;
            Ok(())
        })
        .await
}

fn invalid() -> Failure {
    Failure::refused("/token", Flaw::new(&codes::INVITATION_INVALID))
}
