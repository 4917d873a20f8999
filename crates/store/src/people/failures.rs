//! Sign-ins that did not work, as the journals are told of them. An organisation is, where it is plain that it is the
//! one that is meant: others need not learn that somebody whom they entered tries to sign in elsewhere. All else is
//! told to the journal of the installation.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::engine;
use crate::failure::{Failure, SignInFailure};
use crate::gate::{Caller, Gate, RequestInfo};
use crate::journal::{Entry, Outcome};
use crate::org::INSTALLATION;
use crate::refusals;
use crate::tx::Tx;

use super::locks;
use super::strangers;
use super::throttle::{self, Closed, Pair};

/// A sign-in that did not work.
pub(super) struct Failed {
    /// Whose name it was.
    pub(super) known: Vec<(Uuid, Uuid)>,
    pub(super) pair: Pair,
    /// Whether the password was wrong, or the account is locked; otherwise the account is disabled.
    pub(super) wrong: bool,
    /// Whether it slows down who guesses.
    pub(super) counted: bool,
}

/// Counts a failure and tells a journal, in one transaction: a name that nobody has takes as many commits.
pub(super) async fn note(gate: &Gate, failed: Failed, request: RequestInfo) -> Result<(), Failure> {
    let Failed { known, pair, wrong, counted } = failed;
    let now = gate.now();
    let outcome = if wrong { Outcome::Failed } else { Outcome::Denied };
    let told = match known.as_slice() {
        [(org, user)] => Some((*org, Entry::security("sign_in.failed", outcome, Some(*user)))),
        [] => strangers::entry(gate, "sign_in.unknown_name", outcome, &pair, now).map(|entry| (INSTALLATION, entry)),
        _ => strangers::entry(gate, "sign_in.shared_name", outcome, &pair, now).map(|entry| (INSTALLATION, entry)),
    };
    let told = match told {
        Some((org, entry)) => Some((gate.system(org, request.clone()).await?, entry)),
        None => None,
    };
    let mut accounts = Vec::new();
    for account in known.into_iter().filter(|_| wrong) {
        accounts.push(Account { of: account, caller: gate.system(account.0, request.clone()).await? });
    }
    gate.write_raw(async move |db: &engine::Tx| {
        if counted {
            throttle::count(db, &pair, now).await?;
        }
        if accounts.is_empty() {
            locks::count_nobody(db).await?;
        }
        for account in accounts {
            account.count(db, now).await?;
        }
        if let Some((caller, entry)) = told {
            let tx = Tx::begin(db, caller, now).await?;
            tx.log(entry);
            tx.finish().await?;
        }
        Ok(())
    })
    .await
}

/// An account that somebody did not get into.
struct Account {
    of: (Uuid, Uuid),
    caller: Caller,
}

impl Account {
    /// Counts the failure, and tells the journal of a lock.
    async fn count(self, db: &engine::Tx, now: DateTime<Utc>) -> Result<(), Failure> {
        let policy = self.caller.org().settings.passwords.lock;
        let locked = locks::count(db, self.of, policy, now).await?;
        if let Some(policy) = policy.filter(|_| locked) {
            let tx = Tx::begin(db, self.caller, now).await?;
            tx.log(locks::locked(self.of.1, policy));
            tx.finish().await?;
        }
        Ok(())
    }
}

/// Refuses where there were too many failures. The first that is turned away by them is told to a journal, on each
/// server; further ones cost who tries nothing, and are not.
pub(super) async fn turn_away(
    gate: &Gate,
    known: &[(Uuid, Uuid)],
    pair: &Pair,
    request: &RequestInfo,
) -> Result<(), Failure> {
    const EVENT: &str = "sign_in.turned_away";
    let now = gate.now();
    let Some(Closed { seconds, failures }) = throttle::closed(gate.engine(), pair, now).await? else { return Ok(()) };
    if gate.sign_ins().count((EVENT, failures), now) == 1 {
        let (org, user) = match known {
            [(org, user)] => (*org, Some(*user)),
            _ => (INSTALLATION, None),
        };
        let caller = gate.system(org, request.clone()).await?;
        refusals::write(&caller, Entry::security(EVENT, Outcome::Denied, user)).await;
    }
    Err(Failure::SignIn(SignInFailure::Throttled(seconds)))
}
