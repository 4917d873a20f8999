//! Whoever has nothing but a token must not change how its user signs in: what does so asks for the password or a code
//! once more. Failures are counted and slow down who guesses, as those of signing in do.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, EntityTrait};
use uuid::Uuid;

use kehu_domain::codes::{OTP_INVALID, PASSWORD_WRONG};
use kehu_domain::flaw::Flaw;

use crate::engine;
use crate::entities::user;
use crate::failure::{Failure, SignInFailure};
use crate::gate::Caller;
use crate::journal::{Entry, Outcome};
use crate::people::hashing::Password;
use crate::people::locks;
use crate::people::throttle::{self, Pair};
use crate::refusals;
use crate::tx::Tx;

/// What somebody says to show that it is still the same person.
#[derive(Clone, Debug)]
pub enum Proof {
    /// The present password.
    Password(Password),
    /// A code by time, or a recovery code.
    Otp(Password),
}

/// An attempt to prove who one is.
#[derive(Clone)]
pub(super) struct Attempt {
    pub(super) user: Uuid,
    pub(super) pair: Pair,
    counted: bool,
}

impl Attempt {
    /// One of the caller.
    pub(super) fn of(caller: &Caller, counted: bool) -> Result<Self, Failure> {
        let (user, _) = caller.signed_in()?;
        let pair = Pair::new(caller.gate(), &user.to_string(), caller.request().address.as_deref())?;
        Ok(Self { user, pair, counted })
    }

    /// Refuses unless it is the present password, and where there were too many failures.
    pub(super) async fn password(&self, caller: &Caller, said: &Password) -> Result<(), Failure> {
        let row = user::Entity::find_by_id((caller.org().id, self.user)).one(caller.db()).await?;
        let hash = row.ok_or(Failure::Forbidden)?.password_hash;
        let hashing = caller.gate().hashing();
        let turn = hashing.turn().await?;
        // Asked when it is one's turn, so that many attempts at once do not all count as the first.
        self.may_try(caller.gate().engine(), caller.gate().now()).await?;
        let known = hash.is_some();
        let fits = hashing.verify(turn, said, vec![hash]).await?;
        if known && fits.contains(&true) {
            return Ok(());
        }
        let (told, attempt) = (caller.clone(), self.clone());
        let job = async move |tx: &Tx<'_>| attempt.failed(tx, "password.refused").await;
        told.write(job).await?;
        Err(Failure::refused("/password", Flaw::new(&PASSWORD_WRONG)))
    }

    /// Refuses where there were too many failures, before a code is looked at. Whoever asks holds the row of the factor,
    /// and counts a failure in the same transaction: of many attempts at once each sees the one before.
    pub(super) async fn code(&self, tx: &Tx<'_>) -> Result<(), Failure> {
        self.may_try(tx.db(), tx.now()).await
    }

    /// Counts that a code was wrong.
    pub(super) async fn wrong_code(&self, tx: &Tx<'_>) -> Result<(), Failure> {
        self.failed(tx, REFUSED).await
    }

    async fn may_try(&self, db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), Failure> {
        if self.counted { throttle::check(db, &self.pair, now).await } else { Ok(()) }
    }

    async fn failed(&self, tx: &Tx<'_>, event: &str) -> Result<(), Failure> {
        if self.counted {
            throttle::count(tx.db(), &self.pair, tx.now()).await?;
        }
        tx.log(Entry::security(event, Outcome::Failed, Some(self.user)));
        Ok(())
    }
}

const REFUSED: &str = "second_factor.refused";

/// What is answered to a wrong code.
pub(super) fn code_wrong() -> Failure {
    Failure::refused("/otp", Flaw::new(&OTP_INVALID))
}

/// Tells of a sign-in that ended at the second factor, though the password was right. A wrong code counts as a wrong
/// password does. That none was brought is how everybody begins who has a factor, and how somebody goes on trying who
/// has the password alone: the journal is told once an hour of an account and an address, on each server.
pub(in crate::people) async fn not_shown(
    caller: &Caller,
    user: Uuid,
    (pair, counted): (Pair, bool),
    why: &SignInFailure,
) -> Result<(), Failure> {
    const NONE_BROUGHT: &str = "sign_in.otp_required";
    match why {
        SignInFailure::OtpWrong => refuse(caller, user, counted.then_some(pair)).await,
        SignInFailure::OtpRequired => {
            let now = caller.gate().now();
            if caller.gate().sign_ins().count((NONE_BROUGHT, pair.both()), now) == 1 {
                refusals::write(caller, Entry::security(NONE_BROUGHT, Outcome::Denied, Some(user))).await;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Counts a wrong code of somebody who signs in, from that address and of the account, and tells the journal.
async fn refuse(caller: &Caller, user: Uuid, counted: Option<Pair>) -> Result<(), Failure> {
    let (told, now) = (caller.clone(), caller.gate().now());
    let job = async move |db: &engine::Tx| -> Result<(), Failure> {
        if let Some(pair) = counted {
            throttle::count(db, &pair, now).await?;
        }
        let policy = told.org().settings.passwords.lock;
        let locked = locks::count(db, (told.org().id, user), policy, now).await?;
        let tx = Tx::begin(db, told, now).await?;
        tx.log(Entry::security(REFUSED, Outcome::Failed, Some(user)));
        if let Some(policy) = policy.filter(|_| locked) {
            tx.log(locks::locked(user, policy));
        }
        tx.finish().await.map(drop)
    };
    caller.gate().write_raw(job).await
}
