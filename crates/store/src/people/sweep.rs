//! Deleting what nobody needs any more.

use chrono::Duration;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};

use crate::allowance;
use crate::engine;
use crate::entities::{invitation, session};
use crate::failure::Failure;
use crate::gate::Gate;
use crate::kept;

use super::{external, throttle};

/// How long a session is kept after its end.
const SESSION_KEPT: Duration = Duration::days(30);

/// How much was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Answers kept for idempotency keys.
    pub kept_answers: u64,
    /// Sessions that ended long ago.
    pub sessions: u64,
    /// Counts of failed sign-ins.
    pub sign_in_failures: u64,
    /// Invitations that have expired.
    pub invitations: u64,
    /// Sign-ins by a provider that were begun and not finished.
    pub external_sign_ins: u64,
    /// Submissions as they were sent, more than 90 days ago.
    pub submissions: u64,
    /// Counts of what users were told in an hour.
    pub allowances: u64,
    /// Jobs that ended long ago.
    pub jobs: u64,
    /// Files that no attachment names.
    pub files: u64,
    /// Keys that signed access tokens: they are kept, and noted to be retired.
    pub signing_keys: u64,
}

impl Gate {
    /// Deletes kept answers older than 24 hours, sessions that ended 30 days ago, failed sign-ins that do not count any
    /// more, expired invitations, sign-ins by a provider that were not finished, submissions as they were sent 90 days
    /// ago, counts of past hours, jobs past their time, files that no attachment names; retires keys of access tokens that nobody believes any more.
    /// Each in a transaction of its own, so that nobody waits for all of them.
    ///
    /// # Errors
    /// The database is away; what was deleted until then is.
    pub async fn sweep(&self) -> Result<Swept, Failure> {
        let now = self.now();
        let answers = now - Duration::hours(kept::HOURS);
        Ok(Swept {
            kept_answers: self.write_raw(async move |db: &engine::Tx| kept::sweep(db, answers).await).await?,
            sessions: self.write_raw(async move |db: &engine::Tx| sessions(db, now - SESSION_KEPT).await).await?,
            sign_in_failures: self.write_raw(async move |db: &engine::Tx| throttle::sweep(db, now).await).await?,
            invitations: self.write_raw(async move |db: &engine::Tx| invitations(db, now).await).await?,
            external_sign_ins: self.write_raw(async move |db: &engine::Tx| external::sweep(db, now).await).await?,
            submissions: crate::intake::sweep(self).await?,
            allowances: self.write_raw(async move |db: &engine::Tx| allowance::sweep(db, now).await).await?,
            jobs: self.sweep_jobs().await? + self.sweep_bulk_changes().await?,
            files: crate::files::sweep::sweep(self).await?,
            signing_keys: self.retire_signing_keys().await?,
        })
    }
}

async fn sessions(db: &engine::Tx, before: chrono::DateTime<chrono::Utc>) -> Result<u64, Failure> {
    use session::Column as C;
    let old = Condition::any().add(C::EndedAt.lt(before)).add(C::AbsoluteExpiresAt.lt(before));
    Ok(session::Entity::delete_many().filter(old).exec(db).await?.rows_affected)
}

async fn invitations(db: &engine::Tx, now: chrono::DateTime<chrono::Utc>) -> Result<u64, Failure> {
    let old = invitation::Column::ExpiresAt.lte(now);
    Ok(invitation::Entity::delete_many().filter(old).exec(db).await?.rows_affected)
}
