//! The log of an organisation, for whoever may read it.
//!
//! A page costs what it answers. Conditions that an index knows are walked along it; where others narrow the answer
//! further, only so many entries are walked for a page (`budget.rs`). Whoever asks for the newest is then told which conditions
//! are fast; whoever follows the journal gets what was found and goes on from there.

use kehu_domain::flaw::Lang;
use kehu_domain::rights::Right;
use kehu_domain::show::Out;
use sea_orm::sea_query::{Expr, ExprTrait, Order as Direction};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use crate::engine::EngineError;
use crate::engine::rows::Reads;
use crate::entities::journal;
use crate::entities::journal::Column as C;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::machine::Answer;
use crate::paging;
use crate::refusals::{self, Refusal};

use super::budget::Path;
use super::question::{self, Asked, Order, Place};
use super::reading;
use super::show::{self, Reader, Told};
use super::walk::{self, Walk, time_of};

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
            Failure::Engine(EngineError::TooExpensive) => Failure::too_expensive(FAST),
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
    caller.may(Right::AuditRead)
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
        paging::page(out, next.as_deref(), more);
    });
    Ok(Answer { id: None, etag: None, body: out.into_text() })
}

/// Entries of a page, and where the next one begins.
struct Found {
    rows: Vec<journal::Model>,
    next: Option<Place>,
    more: bool,
}

/// The newest first.
async fn newest(caller: &Caller, asked: &Asked) -> Result<Found, Failure> {
    let (path, rest) = newest_path(caller, asked);
    let (mut rows, broke_off) = path.find(caller, rest, asked.limit + 1).await?;
    let more = paging::cut(&mut rows, asked.limit);
    if !more && broke_off.is_some() {
        return Err(Failure::too_expensive(FAST));
    }
    let next = rows.last().filter(|_| more).map(|row| Place::Id(row.id));
    Ok(Found { rows, next, more })
}

/// Along the index of one condition.
pub(super) fn newest_path(caller: &Caller, asked: &Asked) -> (Path, Condition) {
    let Walk { mut along, rest, id } = Walk::along_an_index(caller, &asked.filter);
    if let Some(Place::Id(after)) = asked.after {
        along = along.add(id.clone().lt(after));
        if let Some(at) = time_of(after) {
            along = along.add(C::At.lte(at));
        }
    }
    let walk = journal::Entity::find().filter(along).order_by(id.clone(), Direction::Desc);
    (Path { walk, key: id, order: Order::Newest }, rest)
}

/// In the journal's own order, up to the settled mark: nothing can appear any more below it. There always is a next
/// page: whoever follows asks for it later.
async fn written(caller: &Caller, asked: &Asked) -> Result<Found, Failure> {
    let settled = caller.gate().settled().await?;
    let from = match asked.after {
        Some(Place::Seq(seq)) => seq,
        _ => 0,
    };
    let (path, rest) = written_path(caller, asked, from, settled);
    let (mut rows, broke_off) = path.find(caller, rest, asked.limit + 1).await?;
    let more = paging::cut(&mut rows, asked.limit);
    let reached = match (rows.last().filter(|_| more), broke_off) {
        (Some(row), _) => row.seq,
        (None, Some(Place::Seq(end))) => end - 1,
        // All that is settled was looked at. A mark that lies behind the cursor takes nobody back.
        _ => std::cmp::max(settled, from),
    };
    Ok(Found { rows, next: Some(Place::Seq(reached)), more: more || broke_off.is_some() })
}

/// Along the order, whatever else is asked for.
pub(super) fn written_path(caller: &Caller, asked: &Asked, from: i64, settled: i64) -> (Path, Condition) {
    let along = Condition::all().add(C::OrgId.eq(caller.org().id)).add(C::Seq.gt(from)).add(C::Seq.lte(settled));
    let walk = journal::Entity::find().filter(along).order_by(C::Seq, Direction::Asc);
    let path = Path { walk, key: Expr::col(C::Seq), order: Order::Written };
    (path, walk::every_condition(caller, &asked.filter))
}
