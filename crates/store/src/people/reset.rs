//! A password that is taken away by somebody who looks after users: the user chooses another one by a link that works
//! once, and nobody else ever knows it.

use chrono::{DateTime, Utc};
use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::User;
use kehu_domain::record::Record as _;
use kehu_domain::rights::Action;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::entities::user;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::machine;
use crate::ops::logins;
use crate::refusals::{Refusal, noting};
use crate::tx::Tx;

use super::hashing::Password;
use super::{history, invitations, locks, passwords, sessions};

/// A link that was made just now: it is shown once.
#[derive(Debug)]
pub struct ResetLink {
    /// The token that the user accepts it with.
    pub token: Password,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// Takes a user's password away, ends the user's sessions and lifts a lock; gives what lets the user choose another one.
///
/// # Errors
/// [`Failure::Forbidden`] for who may not change users; [`Failure::NotFound`]; [`Failure::Refused`] for one's own, that of
/// the last administrator who has one, or that of somebody with rights which the caller has not.
pub async fn reset_password(caller: &Caller, id: Uuid) -> Result<ResetLink, Failure> {
    noting(caller, Refusal::of("user", "reset_password", Some(id)), reset(caller, id)).await
}

async fn reset(caller: &Caller, id: Uuid) -> Result<ResetLink, Failure> {
    caller.reach(Action::Update, "user")?;
    if caller.principal().user() == Some(id) {
        // Whoever has nothing but a token must not take the account over.
        return Err(Failure::refused("", Flaw::new(&codes::PASSWORD_OWN)));
    }
    let known = machine::read::within_reach::<User>(caller, vec![id]).await?;
    let known = known.first().ok_or(Failure::NotFound)?;
    if !caller.covers(Action::Update, User::KIND, &known.base) {
        return Err(Failure::Forbidden);
    }
    passwords::refuse_over(caller, id, "")?;
    caller
        .write(async move |tx: &Tx<'_>| {
            use user::Column as C;
            // Whoever has no password administers nothing until the link was used.
            tx.lock("users").await?;
            if !logins::others_govern(tx.db(), tx.org_id(), Some(id)).await? {
                return Err(Failure::refused("", Flaw::new(&codes::LAST_ADMINISTRATOR)));
            }
            history::keep(tx, id).await?;
            user::Entity::update_many()
                .col_expr(C::PasswordHash, Expr::value(Option::<String>::None))
                .col_expr(C::MustChangePassword, Expr::value(false))
                .filter(C::OrgId.eq(tx.org_id()))
                .filter(C::Id.eq(id))
                .exec(tx.db())
                .await?;
            locks::forget(tx, id).await?;
            sessions::end_all(tx, id).await?;
            let invitation = invitations::make(tx, id).await?;
            tx.log(invitations::told("user.password_reset", id, &invitation));
            let token = Password::from(invitation.token.reveal().to_owned());
            Ok(ResetLink { token, expires_at: invitation.expires_at })
        })
        .await
}
