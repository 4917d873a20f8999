//! Asking for a job, in the transaction of what it follows from.

use std::time::Duration;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde_json::Value;
use uuid::Uuid;

use crate::dialect::after;
use crate::entities::job;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::inserts::{Insert, PLAIN};
use crate::tx::Tx;

use super::{PAYLOAD, Spec, State};

/// Bytes of a payload, a checkpoint or a result.
const LARGEST: usize = 1_000_000;

/// A job that is asked for.
#[derive(Clone)]
pub struct NewJob {
    id: Uuid,
    spec: &'static Spec,
    payload: Value,
    delay: Duration,
    unique_key: Option<String>,
}

impl NewJob {
    /// A job of a kind. The payload is sealed: it may hold personal data.
    #[must_use]
    pub fn new(spec: &'static Spec, payload: Value) -> Self {
        Self { id: Uuid::nil(), spec, payload, delay: Duration::ZERO, unique_key: None }
    }

    /// Not before so long.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    pub(crate) fn with_id(self, id: Uuid) -> Self {
        Self { id, ..self }
    }

    /// One at a time: nothing is asked for while a job of the organisation with the same key waits or runs. The key is
    /// stored in clear: no personal data.
    #[must_use]
    pub fn unique(self, key: impl Into<String>) -> Self {
        Self { unique_key: Some(key.into()), ..self }
    }
}

/// Asks for a job by itself. Gives its id, or that of the job that is there already under the same unique key.
///
/// # Errors
/// The database is away.
pub async fn enqueue(caller: &Caller, job: NewJob) -> Result<Uuid, Failure> {
    // A job under the same key may end between the two looks.
    for _ in 0..3 {
        let asked = job.clone();
        let id = caller.write(async move |tx: &Tx<'_>| Ok(tx.enqueue(asked))).await?;
        let Some(key) = &job.unique_key else { return Ok(id) };
        if let Some(found) = standing(caller, id, key).await? {
            return Ok(found);
        }
    }
    Err(Failure::Internal("a job was not there after it was written".into()))
}

/// The job that was written, or else the one that kept it out.
pub(crate) async fn standing(caller: &Caller, id: Uuid, key: &str) -> Result<Option<Uuid>, Failure> {
    let org = caller.org().id;
    if job::Entity::find_by_id((org, id)).one(caller.db()).await?.is_some() {
        return Ok(Some(id));
    }
    living(caller.db(), org, key).await
}

/// The job that waits or runs under a unique key.
pub(crate) async fn living(db: &impl ConnectionTrait, org: Uuid, key: &str) -> Result<Option<Uuid>, Failure> {
    use job::Column as C;
    let states = [State::Queued.key(), State::Running.key()];
    let found = job::Entity::find().filter(C::OrgId.eq(org)).filter(C::UniqueKey.eq(key));
    Ok(found.filter(C::State.is_in(states)).one(db).await?.map(|row| row.id))
}

/// What the job is asked that waits or runs under a unique key.
pub(crate) async fn asked_under(tx: &Tx<'_>, key: &str) -> Result<Option<Value>, Failure> {
    let Some(id) = living(tx.db(), tx.org_id(), key).await? else { return Ok(None) };
    let Some(row) = job::Entity::find_by_id((tx.org_id(), id)).one(tx.db()).await? else { return Ok(None) };
    let text = tx.caller().ring().open_text(PAYLOAD, id, &row.payload)?;
    let unreadable = |_| Failure::Internal(format!("what the job {id} is asked is no JSON"));
    serde_json::from_str(&text).map(Some).map_err(unreadable)
}

/// Refuses a part of a job that is larger than 1 MB: what is large belongs elsewhere, and the job says where.
pub(super) fn measured(part: &'static str, value: Option<&Value>) -> Result<(), Failure> {
    let large = value.is_some_and(|value| value.to_string().len() > LARGEST);
    if large { Err(Failure::TooLarge(part)) } else { Ok(()) }
}

/// The rows of jobs that a transaction asked for.
pub(crate) fn rows(tx: &Tx<'_>, jobs: Vec<NewJob>) -> Result<Insert, Failure> {
    let time = after(tx.db());
    let columns = [
        ("org_id", PLAIN),
        ("id", PLAIN),
        ("kind", PLAIN),
        ("version", PLAIN),
        ("payload", PLAIN),
        ("state", PLAIN),
        ("priority", PLAIN),
        ("created_at", time),
        ("run_at", time),
        ("attempts", PLAIN),
        ("max_attempts", PLAIN),
        ("cancel_asked", PLAIN),
        ("unique_key", PLAIN),
        ("created_by", PLAIN),
        ("request_id", PLAIN),
    ];
    let caller = tx.caller();
    let row = |job: NewJob| -> Result<Vec<sea_orm::Value>, Failure> {
        let NewJob { id, spec, payload, delay, unique_key } = job;
        measured("payload", Some(&payload))?;
        let payload = caller.ring().seal(PAYLOAD, id, payload.to_string().as_bytes())?;
        Ok(vec![
            tx.org_id().into(),
            id.into(),
            spec.name.into(),
            i64::from(spec.version).into(),
            payload.into(),
            State::Queued.key().into(),
            spec.priority.stored().into(),
            0_i64.into(),
            i64::try_from(delay.as_millis()).unwrap_or(i64::MAX).into(),
            0_i64.into(),
            i64::from(spec.attempts).into(),
            false.into(),
            unique_key.into(),
            caller.principal().asks_for().into(),
            caller.request().request_id.clone().into(),
        ])
    };
    let rows = jobs.into_iter().map(row).collect::<Result<_, _>>()?;
    // The only rule that a fresh id can break is that of unique keys.
    Ok(Insert::into("jobs", &columns, rows).on_conflict("ON CONFLICT DO NOTHING"))
}
