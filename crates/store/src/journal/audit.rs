//! The log of an organisation, for whoever may read it.
//!
//! A page costs what it answers. Conditions that an index knows are walked along it; where others narrow the answer
//! further, at most [`BUDGET`] entries are walked for a page. Whoever asks for the newest is then told which conditions
//! are fast; whoever follows the journal gets what was found and goes on from there.

use kehu_domain::flaw::Lang;
use kehu_domain::rights::Right;
use kehu_domain::show::Out;
use sea_orm::sea_query::{ExprTrait, Order as Direction};
use sea_orm::{ColumnTrait, Condition, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use crate::engine::EngineError;
use crate::engine::rows::Reads;
use crate::entities::journal;
use crate::entities::journal::Column as C;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::machine::Answer;
use crate::refusals::{self, Refusal};

use super::question::{self, Asked, Order, Place};
use super::reading;
use super::show::{self, Reader, Told};
use super::walk::{self, Walk, time_of};

/// How many entries a page may walk that an index has and the answer has not.
const BUDGET: u64 = 20_000;

/// Conditions that an index knows.
const FAST: &str = "filter[record_id], filter[actor_id], filter[class] (but change), filter[outcome] (but ok)";

/// A page of the organisation's log. That it was read is journaled.
///
/// # Errors
/// [`Failure::Forbidden`] for whoever may not read it, [`Failure::BadQuestion`], [`Failure::TooExpensive`].
pub async fn audit(caller: &Caller, parameters: Vec<(String, String)>, lang: Lang) -> Result<Answer, Failure> {
    refusals::noting(caller, Refusal::to("audit", "read"), async {
        permit(caller)?;
        let asked = Asked::read(caller, parameters)?;
        let page = page(caller, &asked, lang).await.map_err(|failure| match failure {
            // Beyond the engine's limit of time.
            Failure::Engine(EngineError::TooExpensive) => Failure::TooExpensive(FAST),
            other => other,
        })?;
        reading::note(caller, &asked.said).await;
        Ok(page)
    })
    .await
}

/// One entry of the organisation's log. That it was read is journaled.
///
/// # Errors
/// [`Failure::Forbidden`] for whoever may not read the log, [`Failure::NotFound`].
pub async fn audit_entry(caller: &Caller, id: Uuid, lang: Lang) -> Result<Answer, Failure> {
    refusals::noting(caller, Refusal::to("audit", "read"), async {
        permit(caller)?;
        let mut query = journal::Entity::find().filter(C::OrgId.eq(caller.org().id)).filter(C::Id.eq(id));
        if let Some(at) = time_of(id) {
            // PostgreSQL finds the table of the month by it.
            query = query.filter(C::At.eq(at));
        }
        let row = caller.db().all(query).await?.pop().ok_or(Failure::NotFound)?;
        let told = [Told::of(caller, row)];
        let names = show::names(caller, &told).await?;
        let mut out = Out::new();
        let [one] = &told;
        Reader { caller, names: &names, lang }.entry(&mut out, one);
        reading::note(caller, &serde_json::json!({ "entry": id })).await;
        Ok(Answer { id: None, etag: None, body: out.into_text() })
    })
    .await
}

pub(super) fn permit(caller: &Caller) -> Result<(), Failure> {
    if caller.rights().grants(Right::AuditRead) { Ok(()) } else { Err(Failure::Forbidden) }
}

async fn page(caller: &Caller, asked: &Asked, lang: Lang) -> Result<Answer, Failure> {
    let Found { rows, next, more } = match asked.order {
        Order::Newest => newest(caller, asked).await?,
        Order::Written => written(caller, asked).await?,
    };
    let next = next.map(|place| question::behind(asked.order, place));
    let told: Vec<Told> = rows.into_iter().map(|row| Told::of(caller, row)).collect();
    let names = show::names(caller, &told).await?;
    let reader = Reader { caller, names: &names, lang };
    let mut out = Out::new();
    out.object(|out| {
        out.key("data").array(|out| {
            for one in &told {
                reader.entry(out, one);
            }
        });
        show::page(out, next.as_deref(), more);
    });
    Ok(Answer { id: None, etag: None, body: out.into_text() })
}

/// Entries of a page, and where the next one begins.
struct Found {
    rows: Vec<journal::Model>,
    next: Option<Place>,
    more: bool,
}

/// Cuts to the page's size; whether there was more.
fn cut(rows: &mut Vec<journal::Model>, limit: u64) -> bool {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    more
}

/// The newest first, along the index of one condition.
async fn newest(caller: &Caller, asked: &Asked) -> Result<Found, Failure> {
    let Walk { along, rest, id } = Walk::along_an_index(caller, &asked.filter);
    let mut along = along;
    if let Some(Place::Id(after)) = asked.after {
        along = along.add(id.clone().lt(after));
        if let Some(at) = time_of(after) {
            along = along.add(C::At.lte(at));
        }
    }
    let walk = journal::Entity::find().filter(along).order_by(id.clone(), Direction::Desc);
    let mut query = walk.clone().limit(asked.limit + 1);
    let mut end = None;
    if !rest.is_empty() {
        end = behind_budget::<EndId>(caller, walk, C::Id).await?.map(|end| end.id);
        query = query.filter(rest);
        if let Some(end) = end {
            query = query.filter(id.gt(end));
        }
    }
    let mut rows = caller.db().all(query).await?;
    let more = cut(&mut rows, asked.limit);
    if !more && end.is_some() {
        return Err(Failure::TooExpensive(FAST));
    }
    let next = rows.last().filter(|_| more).map(|row| Place::Id(row.id));
    Ok(Found { rows, next, more })
}

/// In the journal's own order, up to the settled mark: nothing can appear any more below it. There always is a next
/// page: whoever follows asks for it later.
async fn written(caller: &Caller, asked: &Asked) -> Result<Found, Failure> {
    let settled = caller.gate().settled().await?;
    let from = match asked.after {
        Some(Place::Seq(seq)) => seq,
        _ => 0,
    };
    let rest = walk::every_condition(caller, &asked.filter);
    let order = Condition::all().add(C::OrgId.eq(caller.org().id)).add(C::Seq.gt(from)).add(C::Seq.lte(settled));
    let walk = journal::Entity::find().filter(order).order_by(C::Seq, Direction::Asc);
    let mut query = walk.clone().limit(asked.limit + 1);
    let mut end = None;
    if !rest.is_empty() {
        end = behind_budget::<EndSeq>(caller, walk, C::Seq).await?.map(|end| end.seq);
        query = query.filter(rest);
        if let Some(end) = end {
            query = query.filter(C::Seq.lt(end));
        }
    }
    let mut rows = caller.db().all(query).await?;
    let more = cut(&mut rows, asked.limit);
    let reached = match (rows.last().filter(|_| more), end) {
        (Some(row), _) => row.seq,
        (None, Some(end)) => end - 1,
        // All that is settled was looked at. A mark that lies behind the cursor takes nobody back.
        (None, None) => std::cmp::max(settled, from),
    };
    Ok(Found { rows, next: Some(Place::Seq(reached)), more: more || end.is_some() })
}

#[derive(FromQueryResult)]
struct EndId {
    id: Uuid,
}

#[derive(FromQueryResult)]
struct EndSeq {
    seq: i64,
}

/// The first entry of a walk that is beyond the budget.
async fn behind_budget<E: FromQueryResult + Send + Sync>(
    caller: &Caller,
    walk: Select<journal::Entity>,
    key: C,
) -> Result<Option<E>, Failure> {
    let end = walk.select_only().column(key).offset(BUDGET).limit(1);
    Ok(end.into_model::<E>().one(caller.db()).await?)
}
