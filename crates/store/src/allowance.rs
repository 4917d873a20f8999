//! What a user may be told in an hour beyond what the own rights show: values that are revealed, values that a masked
//! field is compared with (a mask could be guessed out otherwise), answers that tell of records out of reach. Rows in the
//! database: every server counts the same. What is taken and its entry in the journal are one transaction, before
//! anything is told; what is refused is journaled once an hour.

use chrono::{DateTime, Duration, DurationRound, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::dialect::statement;
use crate::engine::{self, Kind};
use crate::entities::allowance;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::journal::{Entry, Outcome};
use crate::tx::Tx;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Fields that are revealed.
    Reveal,
    /// Values that a masked field is compared with.
    Compare,
    /// Answers that tell of records out of reach.
    Disclose,
}

impl What {
    const fn key(self) -> &'static str {
        match self {
            Self::Reveal => "reveal",
            Self::Compare => "compare",
            Self::Disclose => "disclose",
        }
    }

    /// How many an hour; 0 is any number.
    fn limit(self, caller: &Caller) -> i64 {
        let limits = caller.gate().limits();
        i64::from(match self {
            Self::Reveal => limits.reveals,
            Self::Compare | Self::Disclose => limits.reads,
        })
    }

    /// Why nothing more is told, and for how long.
    pub(crate) fn refusal(self, caller: &Caller) -> Failure {
        let now = caller.gate().now();
        let left = (hour_of(now) + Duration::hours(1) - now).num_seconds().max(1);
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        match self {
            Self::Reveal => Failure::RevealLimited(left),
            Self::Compare => Failure::CompareLimited(left),
            Self::Disclose => Failure::Limited(left),
        }
    }
}

fn hour_of(now: DateTime<Utc>) -> DateTime<Utc> {
    now.duration_trunc(Duration::hours(1)).unwrap_or(now)
}

/// Takes so many of what is left of this hour, and journals it.
///
/// # Errors
/// The limit of the hour does not allow it: nothing was taken. Or the database is away: nothing may be told.
pub(crate) async fn take(caller: &Caller, what: What, many: usize, entry: Entry) -> Result<(), Failure> {
    let many = i64::try_from(many).unwrap_or(i64::MAX);
    let counted = Account::of(caller, what);
    if let Some(account) = counted
        && account.is_spent(caller, many).await?
    {
        // Said before, and in the journal: one more would make it grow with whoever tries.
        return Err(what.refusal(caller));
    }
    let taken = caller
        .write(async move |tx: &Tx<'_>| {
            let taken = match counted {
                Some(account) => account.take(tx, many).await?,
                None => true,
            };
            match counted {
                Some(account) if !taken => {
                    if account.refuse(tx).await? {
                        tx.log(Entry { outcome: Outcome::Denied, ..entry });
                    }
                }
                _ => tx.log(entry),
            }
            Ok(taken)
        })
        .await?;
    if taken { Ok(()) } else { Err(what.refusal(caller)) }
}

/// Refuses where nothing is left of this hour.
///
/// # Errors
/// Nothing is left, or the database is away.
pub(crate) async fn check(caller: &Caller, what: What) -> Result<(), Failure> {
    match Account::of(caller, what) {
        Some(account) if account.left(caller.db(), caller).await? == 0 => Err(what.refusal(caller)),
        _ => Ok(()),
    }
}

/// Counts so many that were told already, were they too many too, and journals it: nothing is left of the hour then.
///
/// # Errors
/// They were too many: what is still to be told may not be.
pub(crate) async fn charge(caller: &Caller, what: What, many: usize, entry: Entry) -> Result<(), Failure> {
    let many = i64::try_from(many).unwrap_or(i64::MAX);
    let counted = Account::of(caller, what);
    let allowed = caller
        .write(async move |tx: &Tx<'_>| {
            let Some(account) = counted else {
                tx.log(entry);
                return Ok(true);
            };
            let allowed = account.take(tx, many).await?;
            if allowed {
                tx.log(entry);
            } else {
                account.spend(tx).await?;
                if account.refuse(tx).await? {
                    tx.log(Entry { outcome: Outcome::Denied, ..entry });
                }
            }
            Ok(allowed)
        })
        .await?;
    if allowed { Ok(()) } else { Err(what.refusal(caller)) }
}

/// Somebody's count.
#[derive(Clone, Copy)]
pub(crate) struct Account {
    what: What,
    user: Uuid,
    limit: i64,
}

impl Account {
    /// A user's or a key's, where there is a limit at all.
    pub(crate) fn of(caller: &Caller, what: What) -> Option<Self> {
        let limit = what.limit(caller);
        caller.principal().accountable().filter(|_| limit > 0).map(|user| Self { what, user, limit })
    }

    /// How much is left of this hour.
    pub(crate) async fn left(self, db: &impl ConnectionTrait, caller: &Caller) -> Result<i64, Failure> {
        let used = self.row(db, caller).await?.map_or(0, |row| row.used);
        Ok((self.limit - used).max(0))
    }

    /// Counts so many that are told anyway; how many of them the hour allowed.
    pub(crate) async fn add(self, tx: &Tx<'_>, many: i64) -> Result<i64, Failure> {
        let set = "SET used = allowances.used + excluded.used WHERE allowances.used >= ?";
        let used = self.upsert(tx, many, false, set, 0_i64.into()).await?;
        let used = used.ok_or_else(|| Failure::Internal("a counter gave nothing".into()))?;
        Ok((self.limit - (used - many)).clamp(0, many))
    }

    /// Whether this hour allows no more, and the journal says so already.
    async fn is_spent(self, caller: &Caller, many: i64) -> Result<bool, Failure> {
        let row = self.row(caller.db(), caller).await?;
        Ok(row.is_some_and(|row| row.refused && row.used.saturating_add(many) > self.limit))
    }

    /// The row of this hour.
    async fn row(self, db: &impl ConnectionTrait, caller: &Caller) -> Result<Option<allowance::Model>, Failure> {
        let key = (caller.org().id, self.user, self.what.key().to_owned(), hour_of(caller.gate().now()));
        Ok(allowance::Entity::find_by_id(key).one(db).await?)
    }

    /// Takes all that is left.
    async fn spend(self, tx: &Tx<'_>) -> Result<(), Failure> {
        let set = "SET used = excluded.used WHERE allowances.used < ?";
        self.upsert(tx, self.limit, false, set, self.limit.into()).await.map(drop)
    }

    /// Takes so many, or nothing where they are too many. Two servers that take at once wait for each other.
    async fn take(self, tx: &Tx<'_>, many: i64) -> Result<bool, Failure> {
        if many > self.limit {
            return Ok(false);
        }
        let set = "SET used = allowances.used + excluded.used WHERE allowances.used + excluded.used <= ?";
        Ok(self.upsert(tx, many, false, set, self.limit.into()).await?.is_some())
    }

    /// Notes that something was refused; whether it is the first time in this hour.
    async fn refuse(self, tx: &Tx<'_>) -> Result<bool, Failure> {
        let set = "SET refused = excluded.refused WHERE allowances.refused = ?";
        Ok(self.upsert(tx, 0, true, set, false.into()).await?.is_some())
    }

    /// Writes the row of this hour, or changes it under a condition; what is used then, if one was written or changed.
    async fn upsert(
        self,
        tx: &Tx<'_>,
        used: i64,
        refused: bool,
        set: &str,
        condition: sea_orm::Value,
    ) -> Result<Option<i64>, Failure> {
        let alias = Kind::Integer.alias("used");
        let sql = format!(
            "INSERT INTO allowances (org_id, user_id, what, hour, used, refused) VALUES (?, ?, ?, ?, ?, ?) \
             ON CONFLICT (org_id, user_id, what, hour) DO UPDATE {set} RETURNING used AS {alias}"
        );
        let key = [tx.org_id().into(), self.user.into(), self.what.key().into(), hour_of(tx.now()).into()];
        let values = key.into_iter().chain([used.into(), refused.into(), condition]);
        let row = tx.db().query_one_raw(statement(tx.db(), &sql, values)).await?;
        Ok(row.map(|row| row.try_get("", &alias)).transpose()?)
    }
}

/// Deletes what does not count any more.
pub(crate) async fn sweep(db: &engine::Tx, now: DateTime<Utc>) -> Result<u64, Failure> {
    let old = allowance::Column::Hour.lt(hour_of(now));
    Ok(allowance::Entity::delete_many().filter(old).exec(db).await?.rows_affected)
}
