//! Answers that tell of records out of the caller's reach: that a phone number is somebody's, and whose. Counted per
//! user and hour, so that nobody asks for the whole book, and told to the journal. Rows in the database: every server
//! counts the same.

use chrono::{DateTime, Duration, DurationRound, Utc};
use kehu_domain::rights::Action;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::dialect::statement;
use crate::engine::{self, Kind};
use crate::entities::disclosure;
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

/// Whose answers are counted: a user's who does not reach everything, where there is a limit at all.
fn counted(caller: &Caller) -> Option<(Uuid, i64)> {
    let limit = i64::from(caller.gate().limits().reads);
    let everything = caller.rights().reach(Action::Read, "customer").all;
    caller.principal().user().filter(|_| limit > 0 && !everything).map(|user| (user, limit))
}

/// The hour that a moment is in.
pub(crate) fn hour_of(now: DateTime<Utc>) -> DateTime<Utc> {
    now.duration_trunc(Duration::hours(1)).unwrap_or(now)
}

/// How long the hour goes on, in seconds.
pub(crate) fn seconds_left(now: DateTime<Utc>) -> u32 {
    let left = (hour_of(now) + Duration::hours(1) - now).num_seconds().max(1);
    u32::try_from(left).unwrap_or(u32::MAX)
}

fn limited(now: DateTime<Utc>) -> Failure {
    Failure::Limited(seconds_left(now))
}

/// Refuses to look, where the caller was told enough this hour. Whether there is something to tell makes no
/// difference: the refusal itself would tell.
pub(crate) async fn check(db: &impl ConnectionTrait, caller: &Caller) -> Result<(), Failure> {
    let Some((user, limit)) = counted(caller) else { return Ok(()) };
    let now = caller.gate().now();
    let row = disclosure::Entity::find_by_id((caller.org().id, user, hour_of(now))).one(db).await?;
    if row.is_some_and(|row| row.told >= limit) { Err(limited(now)) } else { Ok(()) }
}

/// Counts answers and tells the journal, in a transaction of its own: what was to be written may have been undone.
/// Gives how many of them, from the first on, may be given.
pub(crate) async fn count(caller: &Caller, event: &'static str, answers: Vec<Value>) -> Result<usize, Failure> {
    let counted = counted(caller);
    caller
        .write(async move |tx: &Tx<'_>| {
            let many = i64::try_from(answers.len()).unwrap_or(i64::MAX);
            let allowed = match counted {
                Some((user, limit)) => limit - (add(tx, user, many).await? - many),
                None => many,
            };
            let allowed = usize::try_from(allowed.clamp(0, many)).unwrap_or_default();
            for (at, records) in answers.into_iter().enumerate() {
                let outcome = if at < allowed { Outcome::Ok } else { Outcome::Denied };
                tx.log(Entry::access(event, outcome, None).saying(&json!({ "records": records })));
            }
            Ok(allowed)
        })
        .await
}

async fn add(tx: &Tx<'_>, user: Uuid, many: i64) -> Result<i64, Failure> {
    let alias = Kind::Integer.alias("told");
    let sql = format!(
        "INSERT INTO disclosures (org_id, user_id, hour, told) VALUES (?, ?, ?, ?) \
         ON CONFLICT (org_id, user_id, hour) DO UPDATE SET told = disclosures.told + excluded.told \
         RETURNING told AS {alias}"
    );
    let values = [tx.org_id().into(), user.into(), hour_of(tx.now()).into(), many.into()];
    let row = tx.db().query_one_raw(statement(tx.db(), &sql, values)).await?;
    let row = row.ok_or_else(|| Failure::Internal("a counter gave nothing".into()))?;
    Ok(row.try_get("", &alias)?)
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
        *failure = limited(caller.gate().now());
    }
    Ok(())
}

/// Counts one answer of a look-up.
pub(crate) async fn settle_lookup(caller: &Caller, records: Vec<Value>) -> Result<(), Failure> {
    if records.is_empty() {
        return Ok(());
    }
    let allowed = count(caller, LOOKUP, vec![Value::from(records)]).await?;
    if allowed == 0 { Err(limited(caller.gate().now())) } else { Ok(()) }
}

/// Deletes what does not count any more.
pub(crate) async fn sweep(db: &engine::Tx, now: DateTime<Utc>) -> Result<u64, Failure> {
    let old = disclosure::Column::Hour.lt(hour_of(now));
    Ok(disclosure::Entity::delete_many().filter(old).exec(db).await?.rows_affected)
}
