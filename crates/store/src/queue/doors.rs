//! Jobs for people: lists, one of them, taking one back, trying a dead one again.

use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::rights::Action;
use kehu_domain::show::Out;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;
use uuid::Uuid;

use crate::dialect::{now, statement};
use crate::entities::job;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::journal::Entry;
use crate::machine::Answer;
use crate::paging;
use crate::tx::Tx;

use super::State;
use super::fence::{finished, for_change, kept};
use super::show::{Opened, Shown};

const KNOWN: &str = "filter[state], filter[kind], limit, after";

/// What was asked of the list.
struct Asked {
    state: Option<State>,
    kind: Option<String>,
    limit: u64,
    after: Option<Uuid>,
}

impl Asked {
    fn read(parameters: Vec<(String, String)>) -> Result<Self, Failure> {
        let mut asked = Self { state: None, kind: None, limit: paging::DEFAULT_LIMIT, after: None };
        let mut after = None;
        for (name, value) in parameters {
            match name.as_str() {
                "filter[state]" => asked.state = Some(state(name, &value)?),
                "filter[kind]" => asked.kind = Some(value),
                "limit" => asked.limit = paging::limit(&value)?,
                "after" => after = Some(value),
                _ => return Err(paging::unknown(&name, KNOWN)),
            }
        }
        asked.after = after.map(|text| asked.cursor(&text).ok_or_else(paging::wrong_cursor)).transpose()?;
        Ok(asked)
    }

    fn cursor(&self, text: &str) -> Option<Uuid> {
        let (of, state, kind, id): (String, Option<String>, Option<String>, Uuid) = paging::place(text)?;
        let fits = of == "jobs" && state.as_deref() == self.state.map(State::key) && kind == self.kind;
        fits.then_some(id)
    }

    /// The place behind a job.
    fn behind(&self, row: &Shown) -> String {
        paging::cursor(&json!(["jobs", self.state.map(State::key), self.kind, row.id]))
    }
}

fn state(parameter: String, value: &str) -> Result<State, Failure> {
    State::from_key(value).ok_or_else(|| {
        let choices = State::ALL.map(State::key).join(", ");
        Failure::question(parameter, Flaw::new(&codes::CHOICE_UNKNOWN).with("value", value).with("choices", choices))
    })
}

/// The jobs that the caller may see: an administrator all of the organisation, everybody else the own.
fn within_reach(caller: &Caller, action: Action) -> Result<Condition, Failure> {
    let reach = caller.reach(action, "job")?;
    let all = Condition::all().add(job::Column::OrgId.eq(caller.org().id));
    Ok(if reach.all { all } else { all.add(job::Column::CreatedBy.eq(caller.principal().user().unwrap_or_default())) })
}

/// A page of jobs, the newest first.
///
/// # Errors
/// The question is wrong, or the database is away.
pub async fn list(caller: &Caller, parameters: Vec<(String, String)>) -> Result<Answer, Failure> {
    use job::Column as C;
    let asked = Asked::read(parameters)?;
    let mut query = job::Entity::find().filter(within_reach(caller, Action::Read)?);
    if let Some(state) = asked.state {
        query = query.filter(C::State.eq(state.key()));
    }
    if let Some(kind) = &asked.kind {
        query = query.filter(C::Kind.eq(kind.as_str()));
    }
    if let Some(id) = asked.after {
        query = query.filter(C::Id.lt(id));
    }
    let mut rows = Shown::of(query.order_by_desc(C::Id).limit(asked.limit + 1)).all(caller.db()).await?;
    let more = paging::cut(&mut rows, asked.limit);
    let next = rows.last().filter(|_| more).map(|row| asked.behind(row));
    let jobs: Vec<Opened> = rows.into_iter().map(|row| Opened::new(caller, row)).collect::<Result<_, _>>()?;
    let mut out = Out::new();
    out.object(|out| {
        out.key("data").array(|out| {
            for job in &jobs {
                out.object(|out| job.write(caller, out));
            }
        });
        paging::page(out, next.as_deref(), more);
    });
    Ok(Answer { id: None, etag: None, body: out.into_text() })
}

/// One job.
///
/// # Errors
/// There is none within the caller's reach.
pub async fn get(caller: &Caller, id: Uuid) -> Result<Answer, Failure> {
    let query = job::Entity::find().filter(within_reach(caller, Action::Read)?).filter(job::Column::Id.eq(id));
    let row = Shown::of(query).one(caller.db()).await?.ok_or(Failure::NotFound)?;
    answer(caller, row)
}

/// A job that the caller asked for just now, by a door that asked for the right to.
pub(crate) async fn asked_for(caller: &Caller, id: Uuid) -> Result<Answer, Failure> {
    let query = job::Entity::find().filter(job::Column::OrgId.eq(caller.org().id)).filter(job::Column::Id.eq(id));
    let row = Shown::of(query).one(caller.db()).await?.ok_or(Failure::NotFound)?;
    answer(caller, row)
}

/// Who asked for a job that is within the caller's reach.
///
/// # Errors
/// There is none.
pub(crate) async fn created_by(caller: &Caller, action: Action, id: Uuid) -> Result<Option<Uuid>, Failure> {
    let query = job::Entity::find().filter(within_reach(caller, action)?).filter(job::Column::Id.eq(id));
    let row = query.one(caller.db()).await?.ok_or(Failure::NotFound)?;
    Ok(row.created_by)
}

/// Whether a job has ended, if it is there; its row is locked.
pub(crate) async fn has_ended(tx: &Tx<'_>, id: Uuid) -> Result<Option<bool>, Failure> {
    let waits = |row: job::Model| matches!(State::from_key(&row.state), Some(State::Queued | State::Running) | None);
    Ok(for_change(tx, id).await?.map(|row| !waits(row)))
}

fn answer(caller: &Caller, row: Shown) -> Result<Answer, Failure> {
    let id = row.id;
    let job = Opened::new(caller, row)?;
    let mut out = Out::new();
    out.object(|out| job.write(caller, out));
    Ok(Answer { id: Some(id), etag: None, body: out.into_text() })
}

/// Takes a job back: one that waits is cancelled at once, one that runs ends at its next step.
///
/// # Errors
/// There is none within the caller's reach, or it has ended.
pub async fn cancel(caller: &Caller, id: Uuid) -> Result<Answer, Failure> {
    changed(caller, id, "job.cancelled", |tx: &Tx<'_>, row: &job::Model| {
        let (set, values) = match State::from_key(&row.state) {
            Some(State::Queued) => (format!("state = 'cancelled', {}", finished(tx.db())), kept().to_vec()),
            Some(State::Running) => ("cancel_asked = ?".to_owned(), vec![true.into()]),
            _ => return Err(Failure::JobEnded),
        };
        tx.ring();
        Ok((set, values))
    })
    .await
}

/// Puts a dead job into the queue again, with all its attempts; it goes on where it stood.
///
/// # Errors
/// There is none within the caller's reach, or it is not dead.
pub async fn retry(caller: &Caller, id: Uuid) -> Result<Answer, Failure> {
    changed(caller, id, "job.retried", |tx: &Tx<'_>, row: &job::Model| {
        if State::from_key(&row.state) != Some(State::Dead) {
            return Err(Failure::JobNotDead);
        }
        tx.ring();
        let set = format!(
            "state = 'queued', run_at = {}, attempts = 0, cancel_asked = ?, finished_at = NULL, expires_at = NULL, \
             failure = NULL, detail = NULL",
            now(tx.db())
        );
        Ok((set, vec![false.into()]))
    })
    .await
}

/// Jobs that replace keys: whoever operates the servers asks for them, and nobody else calls them off.
const OPERATORS: &str = "keys.";

/// What an update of a job sets.
type Change = (String, Vec<sea_orm::Value>);

/// Changes a job that is within reach, tells the journal, and shows it.
async fn changed<F>(caller: &Caller, id: Uuid, event: &'static str, change: F) -> Result<Answer, Failure>
where
    F: FnOnce(&Tx<'_>, &job::Model) -> Result<Change, Failure> + Send + 'static,
{
    let reach = caller.reach(Action::Update, "job")?;
    caller
        .write(async move |tx: &Tx<'_>| {
            let row = for_change(tx, id).await?;
            let own = |row: &job::Model| row.created_by.is_some() && row.created_by == tx.caller().principal().user();
            let row = row.filter(|row| reach.all || own(row)).ok_or(Failure::NotFound)?;
            if row.kind.starts_with(OPERATORS) {
                return Err(Failure::Forbidden);
            }
            let (set, mut values) = change(tx, &row)?;
            values.extend([tx.org_id().into(), id.into()]);
            let sql = format!("UPDATE jobs SET {set} WHERE org_id = ? AND id = ?");
            tx.db().execute_raw(statement(tx.db(), &sql, values)).await?;
            tx.log(Entry::admin(event, Some(("job", id))));
            let row =
                Shown::of(job::Entity::find_by_id((tx.org_id(), id))).one(tx.db()).await?.ok_or(Failure::NotFound)?;
            answer(tx.caller(), row)
        })
        .await
}
