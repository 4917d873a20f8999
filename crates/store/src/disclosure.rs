//! Answers that tell of records out of the caller's reach: that a phone number is somebody's, and whose. Counted per
//! user and hour, so that nobody asks for the whole book, and told to the journal.

use kehu_domain::rights::Action;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::allowance::{Account, What};
use crate::failure::Failure;
use crate::gate::Caller;
use crate::journal::{Entry, Outcome};
use crate::tx::Tx;

/// How such answers are called in the journal.
pub(crate) const DUPLICATE: &str = "duplicate.disclosed";
pub(crate) const LOOKUP: &str = "lookup.disclosed";

/// A record that an answer told of, as the journal keeps it.
pub(crate) fn told_of(kind: &str, id: Uuid) -> Value {
    json!({ "kind": kind, "id": id })
}

/// Whose answers are counted: a user's who does not reach everything.
fn counted(caller: &Caller) -> Option<Account> {
    let everything = caller.rights().reach(Action::Read, "customer").all;
    Account::of(caller, What::Disclose).filter(|_| !everything)
}

/// Refuses to look, where the caller was told enough this hour. Whether there is something to tell makes no
/// difference: the refusal itself would tell.
pub(crate) async fn check(db: &impl ConnectionTrait, caller: &Caller) -> Result<(), Failure> {
    match counted(caller) {
        Some(account) if account.left(db, caller).await? == 0 => Err(What::Disclose.refusal(caller)),
        _ => Ok(()),
    }
}

/// Counts answers and tells the journal, in a transaction of its own: what was to be written may have been undone.
/// Gives how many of them, from the first on, may be given.
pub(crate) async fn count(caller: &Caller, event: &'static str, answers: Vec<Value>) -> Result<usize, Failure> {
    let counted = counted(caller);
    caller
        .write(async move |tx: &Tx<'_>| {
            let many = i64::try_from(answers.len()).unwrap_or(i64::MAX);
            let allowed = match counted {
                Some(account) => account.add(tx, many).await?,
                None => many,
            };
            let allowed = usize::try_from(allowed).unwrap_or_default();
            for (at, records) in answers.into_iter().enumerate() {
                let outcome = if at < allowed { Outcome::Ok } else { Outcome::Denied };
                tx.log(Entry::access(event, outcome, None).saying(&json!({ "records": records })));
            }
            Ok(allowed)
        })
        .await
}

/// Counts the failures that tell of a record out of reach; those beyond the limit become refusals that tell nothing.
pub(crate) async fn settle<'f>(
    caller: &Caller,
    failures: impl Iterator<Item = &'f mut Failure>,
) -> Result<(), Failure> {
    let told = |failure: &&mut Failure| matches!(failure, Failure::Duplicate(existing) if existing.beyond.is_some());
    let failures: Vec<&mut Failure> = failures.filter(told).collect();
    if failures.is_empty() {
        return Ok(());
    }
    let records = |failure: &&mut Failure| match failure {
        Failure::Duplicate(existing) => existing.beyond.iter().map(|(kind, id)| told_of(kind, *id)).collect(),
        _ => Value::Null,
    };
    let allowed = count(caller, DUPLICATE, failures.iter().map(records).collect()).await?;
    for failure in failures.into_iter().skip(allowed) {
        *failure = What::Disclose.refusal(caller);
    }
    Ok(())
}

/// Counts one answer of a look-up.
pub(crate) async fn settle_lookup(caller: &Caller, records: Vec<Value>) -> Result<(), Failure> {
    if records.is_empty() {
        return Ok(());
    }
    let allowed = count(caller, LOOKUP, vec![Value::from(records)]).await?;
    if allowed == 0 { Err(What::Disclose.refusal(caller)) } else { Ok(()) }
}
