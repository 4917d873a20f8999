//! Failed sign-ins of an account, from whatever addresses: told to the user at the next sign-in, and, where the
//! organisation asks for it, a lock for a while. A locked account answers like a wrong password: an answer of its own
//! would say which names exist, and one that depends on the password would let whoever guesses go on.

use chrono::{DateTime, Duration, Utc};
use kehu_domain::settings::LockPolicy;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::dialect::statement;
use crate::engine;
use crate::entities::account_failure;
use crate::failure::Failure;
use crate::journal::{Entry, Outcome};
use crate::tx::Tx;

/// Whether an account is locked.
pub(super) async fn is_locked(
    db: &impl ConnectionTrait,
    (org, user): (Uuid, Uuid),
    now: DateTime<Utc>,
) -> Result<bool, Failure> {
    let row = account_failure::Entity::find_by_id((org, user)).one(db).await?;
    Ok(row.and_then(|row| row.locked_until).is_some_and(|until| until > now))
}

/// Failed sign-ins of an account since its last one.
pub(super) async fn failures(tx: &Tx<'_>, user: Uuid) -> Result<i64, Failure> {
    let row = account_failure::Entity::find_by_id((tx.org_id(), user)).one(tx.db()).await?;
    Ok(row.map_or(0, |row| row.failures))
}

/// Counts a failed sign-in; a count that stands still since the policy's minutes begins anew. While an account is
/// locked nothing counts towards the next lock. Gives whether the account is locked by this failure.
pub(super) async fn count(
    db: &engine::Tx,
    (org, user): (Uuid, Uuid),
    policy: Option<LockPolicy>,
    now: DateTime<Utc>,
) -> Result<bool, Failure> {
    let window = Duration::minutes(policy.map_or(0, |policy| policy.minutes.into()));
    let sql = "INSERT INTO account_failures (org_id, user_id, failures, counted, since) VALUES (?, ?, 1, 1, ?) \
               ON CONFLICT (org_id, user_id) DO UPDATE SET failures = account_failures.failures + 1, \
               counted = CASE WHEN account_failures.locked_until > ? THEN 0 \
               WHEN account_failures.since > ? THEN account_failures.counted + 1 ELSE 1 END, \
               since = CASE WHEN account_failures.since > ? THEN account_failures.since ELSE excluded.since END";
    let begin = now - window;
    let values = [org.into(), user.into(), now.into(), now.into(), begin.into(), begin.into()];
    db.execute_raw(statement(db, sql, values)).await?;
    let Some(policy) = policy else { return Ok(false) };
    let sql = "UPDATE account_failures SET locked_until = ?, counted = 0 WHERE org_id = ? AND user_id = ? \
               AND counted >= ? AND (locked_until IS NULL OR locked_until <= ?)";
    let failures = i64::from(policy.failures);
    let values = [(now + window).into(), org.into(), user.into(), failures.into(), now.into()];
    Ok(db.execute_raw(statement(db, sql, values)).await?.rows_affected() > 0)
}

/// Takes as many statements as [`count`] and changes nothing: for a name that nobody has.
pub(super) async fn count_nobody(db: &engine::Tx) -> Result<(), Failure> {
    let sql = "UPDATE account_failures SET counted = 0 WHERE org_id = ? AND user_id = ?";
    db.execute_raw(statement(db, sql, [Uuid::nil().into(), Uuid::nil().into()])).await?;
    Ok(())
}

/// The entry that tells of a lock.
pub(super) fn locked(user: Uuid, policy: LockPolicy) -> Entry {
    let LockPolicy { failures, minutes } = policy;
    let entry = Entry::security("user.locked", Outcome::Denied, Some(user));
    entry.saying(&serde_json::json!({ "failures": failures, "minutes": minutes }))
}

/// Forgets the failures and the lock of an account: somebody signed in, or has a new password.
pub(in crate::people) async fn forget(tx: &Tx<'_>, user: Uuid) -> Result<(), Failure> {
    account_failure::Entity::delete_by_id((tx.org_id(), user)).exec(tx.db()).await?;
    Ok(())
}

/// Lifts every lock of the organisation that is written to: it does not ask for them any more.
pub(crate) async fn lift_all(tx: &Tx<'_>) -> Result<(), Failure> {
    use account_failure::Column as C;
    account_failure::Entity::update_many()
        .col_expr(C::LockedUntil, sea_orm::sea_query::Expr::value(Option::<DateTime<Utc>>::None))
        .filter(C::OrgId.eq(tx.org_id()))
        .exec(tx.db())
        .await?;
    Ok(())
}
