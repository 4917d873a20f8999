//! A password that is taken away by somebody who looks after users: the user chooses another one by a link that works
//! once, and nobody else ever knows it.

use chrono::{DateTime, Utc};
use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::User;
use kehu_domain::record::Record as _;
use kehu_domain::rights::Action;
use kehu_domain::value::LoginName;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::api_keys;
use crate::entities::{organisation, user};
use crate::failure::Failure;
use crate::gate::{Caller, Gate, RequestInfo};
use crate::machine;
use crate::ops::logins;
use crate::refusals::{Refusal, noting};
use crate::tx::Tx;

use super::hashing::Password;
use super::sign_in::candidates;
use super::{history, invitations, locks, passwords, sessions};

/// A link that was made just now: it is shown once.
#[derive(Debug)]
pub struct ResetLink {
    /// The token that the user accepts it with.
    pub token: Password,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// Takes a user's password away, ends the user's sessions, revokes the personal tokens and lifts a lock; gives what lets the user choose another one.
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
            // Whoever has no password administers nothing until the link was used.
            tx.lock("users").await?;
            if !logins::others_govern(tx.db(), tx.org_id(), Some(id)).await? {
                return Err(Failure::refused("", Flaw::new(&codes::LAST_ADMINISTRATOR)));
            }
            take(tx, id).await
        })
        .await
}

impl Gate {
    /// The same by whoever runs the program, for somebody whom nobody in the organisation can help: its only
    /// administrator. Until the link was used nobody may administer; the program can always make another one.
    ///
    /// # Errors
    /// [`Failure::NotFound`] for an organisation or a sign-in name that is not there, or a user who is disabled: the
    /// link would let nobody in.
    pub async fn reset_password_of(&self, slug: &str, login: &str) -> Result<ResetLink, Failure> {
        let org = organisation::Entity::find().filter(organisation::Column::Slug.eq(slug)).one(self.engine()).await?;
        let org = org.ok_or(Failure::NotFound)?;
        let name = LoginName::parse(login, &org.region).map_err(|_| Failure::NotFound)?;
        let found = candidates(self, &name, Some(slug)).await?;
        let user = found.iter().find(|candidate| !candidate.disabled).ok_or(Failure::NotFound)?.user;
        let caller = self.system(org.id, RequestInfo::of_program("command", self.now())).await?;
        caller
            .write(async move |tx: &Tx<'_>| {
                tx.lock("users").await?;
                take(tx, user).await
            })
            .await
    }
}

/// Takes the password away and whatever was begun with it: whoever asks for a reset may have lost it to somebody.
async fn take(tx: &Tx<'_>, id: Uuid) -> Result<ResetLink, Failure> {
    use user::Column as C;
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
    api_keys::revoke_personal(tx, id).await?;
    let invitation = invitations::make(tx, id).await?;
    tx.log(invitations::told("user.password_reset", id, &invitation));
    let token = Password::from(invitation.token.reveal().to_owned());
    Ok(ResetLink { token, expires_at: invitation.expires_at })
}
