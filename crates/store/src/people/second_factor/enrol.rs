//! A user's own second factor: beginning, confirming and removing it, and new recovery codes.

use kehu_domain::kinds::{User, login_names};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::crypto::totp::Seed;
use crate::entities::{second_factor, user};
use crate::failure::{FactorFailure, Failure};
use crate::gate::Caller;
use crate::journal::{Entry, Outcome};
use crate::people::hashing::Password;
use crate::people::throttle;
use crate::rows::Rows;
use crate::sealed::second_factor::SEED;
use crate::sealer::Opener;
use crate::tx::Tx;

use super::codes::{forget, renew, spend, step};
use super::proof::{Attempt, Proof, code_wrong};
use super::{PENDING, row_of};

/// A factor that was begun; what it says is shown this once.
#[derive(Debug)]
pub struct Enrolling {
    /// The seed, to be typed into an app.
    pub secret: Zeroizing<String>,
    /// The same as an address (`otpauth://totp/…`), for a QR code.
    pub uri: Zeroizing<String>,
}

/// Begins a second factor of the caller, in the place of one that is pending.
///
/// # Errors
/// [`Failure::SecondFactor(FactorFailure::Active)`] where there is one; [`Failure::Refused`] with `/password`; too many failures before;
/// [`Failure::Forbidden`] for who is no user.
pub async fn enrol_second_factor(caller: &Caller, password: Password, throttled: bool) -> Result<Enrolling, Failure> {
    let attempt = Attempt::of(caller, throttled)?;
    attempt.password(caller, &password).await?;
    let Attempt { user, pair, .. } = attempt;
    let account = account_of(caller, user).await?;
    let seed = Seed::generate().map_err(|error| Failure::Internal(error.to_string()))?;
    let secret = seed.base32();
    let uri = uri(&caller.org().name, &account, &secret);
    caller
        .write(async move |tx: &Tx<'_>| {
            let key = (tx.org_id(), user);
            let before = second_factor::Entity::find_by_id(key).one(tx.db()).await?;
            if before.is_some_and(|row| row.confirmed_at.is_some()) {
                return Err(Failure::SecondFactor(FactorFailure::Active));
            }
            second_factor::Entity::delete_by_id(key).exec(tx.db()).await?;
            let row = second_factor::ActiveModel {
                org_id: Set(tx.org_id()),
                user_id: Set(user),
                seed: Set(tx.caller().ring().seal(SEED, user, seed.as_bytes())?),
                last_step: Set(0),
                created_at: Set(tx.now()),
                confirmed_at: Set(None),
            };
            second_factor::Entity::insert(row).exec_without_returning(tx.db()).await?;
            throttle::clear(tx.db(), &pair).await?;
            tx.log(Entry::security("second_factor.begun", Outcome::Ok, Some(user)));
            Ok(())
        })
        .await?;
    Ok(Enrolling { secret, uri })
}

/// What the app shows beside the code: a sign-in name, or the name.
async fn account_of(caller: &Caller, id: Uuid) -> Result<String, Failure> {
    let row = user::Entity::find_by_id((caller.org().id, id)).one(caller.db()).await?.ok_or(Failure::Forbidden)?;
    let (stored, _) = User::from_row(row, &Opener(caller.ring()))?;
    let name = login_names(&stored.data).into_iter().map(|(_, name)| name).next();
    Ok(name.unwrap_or_else(|| stored.data.name.as_str().to_owned()))
}

/// The key URI that authenticator apps read. Algorithm, digits and period are said, though they are every app's default.
fn uri(issuer: &str, account: &str, secret: &str) -> Zeroizing<String> {
    let (issuer, account) = (encoded(issuer), encoded(account));
    Zeroizing::new(format!(
        "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30"
    ))
}

/// A text in an address (RFC 3986).
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// Confirms the pending factor by its first code: from now on signing in asks for it. Gives the recovery codes, which
/// are shown this once.
///
/// # Errors
/// [`Failure::SecondFactor(FactorFailure::None)`] where none is pending; [`Failure::Refused`] with `/otp`; too many failures before;
/// [`Failure::Forbidden`] for who is no user.
pub async fn confirm_second_factor(
    caller: &Caller,
    otp: Password,
    throttled: bool,
) -> Result<Vec<Zeroizing<String>>, Failure> {
    let attempt = Attempt::of(caller, throttled)?;
    let done = caller
        .write(async move |tx: &Tx<'_>| {
            let Attempt { user, pair, .. } = &attempt;
            let (user, row) = (*user, locked(tx, *user).await?);
            attempt.code(tx).await?;
            let pending =
                |row: &second_factor::Model| row.confirmed_at.is_none() && tx.now() < row.created_at + PENDING;
            let row = row.filter(pending).ok_or(Failure::SecondFactor(FactorFailure::None))?;
            if !step(tx, &row, otp.reveal().trim()).await? {
                attempt.wrong_code(tx).await?;
                return Ok(None);
            }
            activate(tx, &row).await?;
            let codes = renew(tx, user).await?;
            throttle::clear(tx.db(), pair).await?;
            tx.people_changed();
            tx.log(Entry::security("second_factor.enabled", Outcome::Ok, Some(user)));
            Ok(Some(codes))
        })
        .await?;
    done.ok_or_else(code_wrong)
}

/// The row of a factor: of two that try a code of it at once, one waits.
async fn locked(tx: &Tx<'_>, user: Uuid) -> Result<Option<second_factor::Model>, Failure> {
    Ok(second_factor::Entity::find_by_id((tx.org_id(), user)).lock_exclusive().one(tx.db()).await?)
}

async fn activate(tx: &Tx<'_>, row: &second_factor::Model) -> Result<(), Failure> {
    let done = second_factor::Entity::update_many()
        .col_expr(second_factor::Column::ConfirmedAt, Expr::value(Some(tx.now())))
        .filter(second_factor::Column::OrgId.eq(tx.org_id()))
        .filter(second_factor::Column::UserId.eq(row.user_id))
        .filter(second_factor::Column::ConfirmedAt.is_null())
        .exec(tx.db())
        .await?;
    if done.rows_affected == 1 { Ok(()) } else { Err(Failure::SecondFactor(FactorFailure::None)) }
}

/// Removes the caller's own second factor, and its recovery codes.
///
/// # Errors
/// [`Failure::SecondFactor(FactorFailure::None)`]; [`Failure::Refused`] with `/password` or `/otp`; too many failures before;
/// [`Failure::Forbidden`] for who is no user.
pub async fn remove_second_factor(caller: &Caller, proof: Proof, throttled: bool) -> Result<(), Failure> {
    proven(caller, proof, throttled, async |tx, row| {
        remove(tx, row.user_id).await?;
        tx.log(Entry::security("second_factor.removed", Outcome::Ok, Some(row.user_id)));
        Ok(())
    })
    .await
}

/// Deletes a user's factor and recovery codes; whether there was one.
pub(super) async fn remove(tx: &Tx<'_>, user: Uuid) -> Result<bool, Failure> {
    let gone = second_factor::Entity::delete_by_id((tx.org_id(), user)).exec(tx.db()).await?;
    forget(tx, user).await?;
    tx.people_changed();
    Ok(gone.rows_affected == 1)
}

/// New recovery codes of the caller, in the place of those that there were; they are shown this once.
///
/// # Errors
/// As [`remove_second_factor`].
pub async fn renew_recovery_codes(
    caller: &Caller,
    proof: Proof,
    throttled: bool,
) -> Result<Vec<Zeroizing<String>>, Failure> {
    proven(caller, proof, throttled, async |tx, row| {
        let codes = renew(tx, row.user_id).await?;
        tx.log(Entry::security("second_factor.recovery_codes_renewed", Outcome::Ok, Some(row.user_id)));
        Ok(codes)
    })
    .await
}

/// Does something to the caller's active factor, once it is proven who asks.
async fn proven<T: Send + 'static>(
    caller: &Caller,
    proof: Proof,
    throttled: bool,
    work: impl AsyncFnOnce(&Tx<'_>, &second_factor::Model) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let attempt = Attempt::of(caller, throttled)?;
    let user = attempt.user;
    let active = |row: &second_factor::Model| row.confirmed_at.is_some();
    row_of(caller, user).await?.filter(active).ok_or(Failure::SecondFactor(FactorFailure::None))?;
    let otp = match proof {
        Proof::Password(password) => {
            attempt.password(caller, &password).await?;
            None
        }
        Proof::Otp(otp) => Some(otp),
    };
    let done = caller
        .write(async move |tx: &Tx<'_>| {
            let row = locked(tx, user).await?.filter(active).ok_or(Failure::SecondFactor(FactorFailure::None))?;
            if let Some(otp) = otp {
                attempt.code(tx).await?;
                if !spend(tx, &row, &otp).await? {
                    attempt.wrong_code(tx).await?;
                    return Ok(None);
                }
            }
            throttle::clear(tx.db(), &attempt.pair).await?;
            work(tx, &row).await.map(Some)
        })
        .await?;
    done.ok_or_else(code_wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_says_what_apps_read() {
        let address = uri("示例 公司", "li@example.com", "JBSWY3DP");
        let expected = "otpauth://totp/%E7%A4%BA%E4%BE%8B%20%E5%85%AC%E5%8F%B8:li%40example.com?secret=JBSWY3DP&issuer=\
                        %E7%A4%BA%E4%BE%8B%20%E5%85%AC%E5%8F%B8&algorithm=SHA1&digits=6&period=30";
        assert_eq!(*address, expected);
    }
}
