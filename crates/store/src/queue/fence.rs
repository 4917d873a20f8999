//! The fence: a write of a job commits only while the job holds its lease, and what the job notes of itself is part of
//! that write.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Value};
use uuid::Uuid;

use crate::dialect::{after, locked, now, statement};
use crate::entities::job;
use crate::failure::Failure;
use crate::tx::Tx;

use super::end::End;
use super::enqueue::measured;
use super::work::Step;
use super::{CHECKPOINT, DETAIL, RESULT, State};

/// Days that ended jobs are kept: those of users, those of the system, dead ones.
const USER_DAYS: i64 = 30;
const SYSTEM_DAYS: i64 = 1;
const DEAD_DAYS: i64 = 90;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// Refuses the transaction of a job that lost its lease, and writes what the job noted. The job's row stays locked
/// until the commit, so that nobody takes the job meanwhile.
pub(crate) async fn hold(tx: &Tx<'_>, id: Uuid, lease: Uuid, step: Option<Step>) -> Result<(), Failure> {
    match step {
        None => look(tx, id, lease).await,
        Some(step) => note(tx, id, lease, step).await,
    }
}

async fn look(tx: &Tx<'_>, id: Uuid, lease: Uuid) -> Result<(), Failure> {
    let db = tx.db();
    let sql =
        format!("SELECT id FROM jobs WHERE org_id = ? AND id = ? AND state = 'running' AND lease = ? {}", locked(db));
    let row = db.query_one_raw(statement(db, &sql, [tx.org_id().into(), id.into(), lease.into()])).await?;
    row.map(drop).ok_or(Failure::LeaseLost)
}

/// Whether somebody took a running job back; the row is locked as for a [look](hold).
pub(super) async fn cancel_asked(tx: &Tx<'_>, id: Uuid, lease: Uuid) -> Result<bool, Failure> {
    let query = job::Entity::find_by_id((tx.org_id(), id)).filter(job::Column::Lease.eq(lease));
    let row = query.lock_exclusive().one(tx.db()).await?;
    row.map(|row| row.cancel_asked).ok_or(Failure::LeaseLost)
}

async fn note(tx: &Tx<'_>, id: Uuid, lease: Uuid, step: Step) -> Result<(), Failure> {
    let Step { checkpoint, progress, end } = step;
    measured("checkpoint", checkpoint.as_ref())?;
    if let Some(End::Done(result)) = &end {
        measured("result", result.as_ref())?;
    }
    let ring = tx.caller().ring();
    let seal = |path, text: &str| -> Result<Value, Failure> { Ok(ring.seal(path, id, text.as_bytes())?.into()) };
    let mut set = Set::default();
    if let Some(checkpoint) = checkpoint {
        set.put("checkpoint = ?", [seal(CHECKPOINT, &checkpoint.to_string())?]);
    }
    if let Some((done, total)) = progress {
        set.put("progress_done = ?, progress_total = ?", [done.into(), total.into()]);
    }
    if let Some(end) = end {
        ending(tx, &mut set, end, seal)?;
    }
    if set.parts.is_empty() {
        return look(tx, id, lease).await;
    }
    let sql = format!(
        "UPDATE jobs SET {} WHERE org_id = ? AND id = ? AND state = 'running' AND lease = ?",
        set.parts.join(", ")
    );
    set.values.extend([tx.org_id().into(), id.into(), lease.into()]);
    let done = tx.db().execute_raw(statement(tx.db(), &sql, set.values)).await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Failure::LeaseLost) }
}

/// What an update sets.
#[derive(Default)]
struct Set {
    parts: Vec<String>,
    values: Vec<Value>,
}

impl Set {
    fn put(&mut self, part: &str, values: impl IntoIterator<Item = Value>) {
        self.parts.push(part.to_owned());
        self.values.extend(values);
    }
}

fn ending(
    tx: &Tx<'_>,
    set: &mut Set,
    end: End,
    seal: impl Fn(crate::crypto::cell::FieldPath, &str) -> Result<Value, Failure>,
) -> Result<(), Failure> {
    let time = after(tx.db());
    set.put("lease = NULL, lease_until = NULL", []);
    match end {
        End::Done(result) => {
            set.put("state = ?", [State::Done.key().into()]);
            ended(tx, set);
            if let Some(result) = result {
                set.put("result = ?", [seal(RESULT, &result.to_string())?]);
            }
            set.put("failure = NULL, detail = NULL", []);
        }
        End::Cancelled => {
            set.put("state = ?", [State::Cancelled.key().into()]);
            ended(tx, set);
        }
        End::Dead { code, detail } => {
            set.put("state = ?, failure = ?", [State::Dead.key().into(), code.into()]);
            set.put("detail = ?", [seal(DETAIL, &detail)?]);
            set.put(&format!("finished_at = {}, expires_at = {time}", now(tx.db())), [(DEAD_DAYS * DAY).into()]);
        }
        End::Again { pause, code, detail } => {
            set.put("state = ?, failure = ?", [State::Queued.key().into(), code.into()]);
            set.put("detail = ?", [seal(DETAIL, &detail)?]);
            set.put(&format!("run_at = {time}"), [i64::try_from(pause.as_millis()).unwrap_or(i64::MAX).into()]);
        }
        End::Back => set.put("state = ?, attempts = attempts - 1", [State::Queued.key().into()]),
    }
    Ok(())
}

/// A job ended as it should.
fn ended(tx: &Tx<'_>, set: &mut Set) {
    set.parts.push(finished(tx.db()));
    set.values.extend(kept());
}

/// When a job ended, and until when it is kept; takes [`kept`].
pub(super) fn finished(db: &impl ConnectionTrait) -> String {
    let time = after(db);
    let expires = format!("CASE WHEN created_by IS NULL THEN {time} ELSE {time} END");
    format!("finished_at = {}, expires_at = {expires}", now(db))
}

/// The values of [`finished`].
pub(super) fn kept() -> [Value; 2] {
    [(SYSTEM_DAYS * DAY).into(), (USER_DAYS * DAY).into()]
}

/// The value for the expiry of a dead job.
pub(super) fn dead_kept() -> Value {
    (DEAD_DAYS * DAY).into()
}

/// A job by its id, locked.
pub(super) async fn for_change(tx: &Tx<'_>, id: Uuid) -> Result<Option<job::Model>, Failure> {
    Ok(job::Entity::find_by_id((tx.org_id(), id)).lock_exclusive().one(tx.db()).await?)
}
