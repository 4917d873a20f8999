//! A password that must be changed: it still proves who signs in, and begins a session only together with the one that
//! takes its place.

use chrono::{DateTime, Duration, Utc};
use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use sea_orm::EntityTrait;
use uuid::Uuid;

use crate::entities::user;
use crate::failure::{Failure, SignInFailure};
use crate::gate::Caller;
use crate::journal::{Entry, Outcome};
use crate::refusals;

use super::hashing::Password;
use super::{history, passwords};

/// The pointer of the new password in a sign-in.
const POINTER: &str = "/new_password";

/// The hash of the password that takes the place of the one that was right, where one is brought.
///
/// # Errors
/// [`SignInFailure::PasswordChangeRequired`] where one is needed and none is brought; [`Failure::Refused`] where it
/// breaks the rules.
pub(super) async fn prepare(
    caller: &Caller,
    user: Uuid,
    (old, new): (&Password, Option<&Password>),
) -> Result<Option<String>, Failure> {
    let row = user::Entity::find_by_id((caller.org().id, user)).one(caller.db()).await?;
    let row = row.ok_or(Failure::SignIn(SignInFailure::CredentialsWrong))?;
    let Some(new) = new else {
        if !is_due(caller, &row) {
            return Ok(None);
        }
        let entry = Entry::security("sign_in.password_change_required", Outcome::Denied, Some(user));
        refusals::write(caller, entry).await;
        return Err(Failure::SignIn(SignInFailure::PasswordChangeRequired));
    };
    if new == old {
        return Err(Failure::refused(POINTER, Flaw::new(&codes::PASSWORD_REUSED).with("count", 1)));
    }
    passwords::check(caller, new, &passwords::names_of(caller, row)?, POINTER)?;
    history::refuse_reuse(caller, user, new, POINTER).await?;
    caller.gate().hashing().hash(new).await.map(Some)
}

fn is_due(caller: &Caller, row: &user::Model) -> bool {
    let set_at: DateTime<Utc> = row.password_changed_at.unwrap_or(row.created_at);
    let age = caller.org().settings.passwords.max_age_days.map(|days| Duration::days(days.into()));
    row.must_change_password || age.is_some_and(|age| set_at + age <= caller.gate().now())
}
