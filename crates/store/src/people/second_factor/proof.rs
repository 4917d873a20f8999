//! Whoever has nothing but a token must not change how its user signs in: what does so asks for the password or a code
//! once more. Failures are counted and slow down who guesses, as those of signing in do.

use sea_orm::EntityTrait;
use uuid::Uuid;

use kehu_domain::codes::{OTP_INVALID, PASSWORD_WRONG};
use kehu_domain::flaw::Flaw;

use crate::engine;
use crate::entities::user;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::journal::{Entry, Outcome};
use crate::people::hashing::Password;
use crate::people::throttle::{self, Pair};
use crate::tx::Tx;

/// What somebody says to show that it is still the same person.
#[derive(Clone, Debug)]
pub enum Proof {
    /// The present password.
    Password(Password),
    /// A code by time, or a recovery code.
    Otp(Password),
}

/// An attempt to prove who one is, that was let begin.
pub(super) struct Attempt {
    pub(super) user: Uuid,
    pub(super) pair: Pair,
    counted: bool,
}

impl Attempt {
    /// Begins one; refused where there were too many failures.
    pub(super) async fn begin(caller: &Caller, counted: bool) -> Result<Self, Failure> {
        let (user, _) = caller.signed_in()?;
        let pair = Pair::new(caller.gate(), &user.to_string(), caller.request().address.as_deref())?;
        if counted {
            throttle::check(caller.gate().engine(), &pair, caller.gate().now()).await?;
        }
        Ok(Self { user, pair, counted })
    }

    /// Refuses unless it is the present password.
    pub(super) async fn password(&self, caller: &Caller, said: &Password) -> Result<(), Failure> {
        let row = user::Entity::find_by_id((caller.org().id, self.user)).one(caller.db()).await?;
        let hash = row.ok_or(Failure::Forbidden)?.password_hash;
        let hashing = caller.gate().hashing();
        let turn = hashing.turn().await?;
        let known = hash.is_some();
        let fits = hashing.verify(turn, said, vec![hash]).await?;
        if known && fits.contains(&true) {
            return Ok(());
        }
        self.failed(caller, "password.refused").await?;
        Err(Failure::refused("/password", Flaw::new(&PASSWORD_WRONG)))
    }

    /// Counts that a code was wrong; gives what to answer.
    pub(super) async fn wrong_code(&self, caller: &Caller) -> Result<Failure, Failure> {
        self.failed(caller, REFUSED).await?;
        Ok(Failure::refused("/otp", Flaw::new(&OTP_INVALID)))
    }

    async fn failed(&self, caller: &Caller, event: &str) -> Result<(), Failure> {
        let counted = self.counted.then(|| self.pair.clone());
        note(caller, self.user, counted, event).await
    }
}

const REFUSED: &str = "second_factor.refused";

/// Counts a wrong code of somebody who signs in, and tells the journal.
pub(in crate::people) async fn refuse(caller: &Caller, user: Uuid, counted: Option<Pair>) -> Result<(), Failure> {
    note(caller, user, counted, REFUSED).await
}

async fn note(caller: &Caller, user: Uuid, counted: Option<Pair>, event: &str) -> Result<(), Failure> {
    let (told, now, event) = (caller.clone(), caller.gate().now(), event.to_owned());
    let job = async move |db: &engine::Tx| -> Result<(), Failure> {
        if let Some(pair) = counted {
            throttle::count(db, &pair, now).await?;
        }
        let tx = Tx::begin(db, told, now).await?;
        tx.log(Entry::security(&event, Outcome::Failed, Some(user)));
        tx.finish().await.map(drop)
    };
    caller.gate().write_raw(job).await
}
