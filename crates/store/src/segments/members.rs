//! Who is in a segment: a page of records, and what is put into a static one or taken out.

use kehu_domain::codes;
use kehu_domain::filter::{Filter, SegmentCondition};
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::{Segment, SegmentType, unknown_reference};
use kehu_domain::read::Finding;
use kehu_domain::record::{Kind, Record as _, Stored};
use kehu_domain::rights::Action;
use sea_orm::sea_query::{Alias, Cond, ExprTrait, Query};
use sea_orm::{ConnectionTrait, Value};
use serde_json::json;
use uuid::Uuid;

use crate::dialect::statement;
use crate::failure::Failure;
use crate::gate::{Caller, worth_another_try};
use crate::inserts::{self, Insert, PLAIN};
use crate::journal::{Class, Entry, Outcome};
use crate::machine::deleted::refuse_deleted;
use crate::machine::question::{self, filters};
use crate::machine::read::{self, col, count};
use crate::machine::{Answer, Asked, TRIES, many, pause};
use crate::pii::padded;
use crate::policy;
use crate::query::{self, Compiler};
use crate::refusals::{Refusal, noting};
use crate::registry;
use crate::sealed_query;
use crate::tx::Tx;

use super::kind_of;

/// The most records that one request names to put in, and to take out.
pub const MOST_BY_ID: usize = 1000;
/// The most records that one filter puts in.
pub const MOST_BY_FILTER: u64 = 10_000;
/// The most records of a static segment.
const MOST: i64 = 100_000;

/// What is put into a static segment, and taken out.
#[derive(Clone, Debug, Default)]
pub struct ChangeOfMembers {
    /// Records that are put in.
    pub add: Vec<Uuid>,
    /// Records that are taken out.
    pub remove: Vec<Uuid>,
    /// A filter: what fits it now is put in.
    pub filter: Option<serde_json::Value>,
}

/// A segment within the caller's reach.
pub(super) async fn load(caller: &Caller, id: Uuid) -> Result<Stored<Segment>, Failure> {
    read::within_reach::<Segment>(caller, vec![id]).await?.pop().ok_or(Failure::NotFound)
}

/// A page of the records of a segment, as the list of their kind gives it. Where no order is said it is the segment's
/// own, if whoever asks may order by that, and else that of the list.
///
/// # Errors
/// [`Failure::NotFound`], or as the list.
pub async fn members(caller: &Caller, id: Uuid, parameters: Vec<(String, String)>) -> Result<Answer, Failure> {
    noting(caller, Refusal::of(Segment::KIND.name, "read", Some(id)), async {
        let segment = load(caller, id).await?.data;
        let kind = kind_of(&segment)?;
        caller.reach(Action::Read, kind.name)?;
        let machine = registry::machine(kind.name).ok_or(Failure::NotFound)?;
        let mut parameters = parameters;
        let is_sorted = parameters.iter().any(|(name, _)| name == "sort");
        if let Some(sort) = segment.sort.filter(|_| !is_sorted) {
            // He did not choose it: it is no fault of his that the field is hidden from him, or gone.
            match Asked::sorted(caller, kind, "sort", Some(sort.as_str())) {
                Ok(_) => parameters.insert(0, ("sort".to_owned(), sort.into_string())),
                Err(Failure::BadQuestion(_)) => {}
                Err(failure) => return Err(failure),
            }
        }
        refuse_deleted(&parameters, question::KNOWN)?;
        let asked = Asked::from_parameters(caller, kind, parameters)?;
        many(caller, machine, asked.within(SegmentCondition::is_one_of(id))).await
    })
    .await
}

/// Puts records into a static segment and takes others out. What is out of the caller's reach is neither.
///
/// # Errors
/// [`Failure::NotFound`], [`Failure::Forbidden`], or what is wrong with the records that are named.
pub async fn change_members(caller: &Caller, id: Uuid, change: ChangeOfMembers) -> Result<Answer, Failure> {
    noting(caller, Refusal::of(Segment::KIND.name, "update", Some(id)), async {
        caller.reach(Action::Update, Segment::KIND.name)?;
        let segment = load(caller, id).await?;
        if !caller.covers(Action::Update, Segment::KIND, &segment.base) {
            return Err(Failure::Forbidden);
        }
        let segment = segment.data;
        if segment.r#type != SegmentType::Static {
            let flaw = Flaw::new(&codes::SEGMENT_NOT_STATIC).with("name", segment.name.as_str());
            return Err(Failure::refused("", flaw));
        }
        let kind = kind_of(&segment)?;
        caller.reach(Action::Read, kind.name)?;
        let fitting = match &change.filter {
            Some(said) => fitting(caller, kind, said).await?,
            None => Vec::new(),
        };
        let mut tries = 1;
        loop {
            let (change, fitting) = (change.clone(), fitting.clone());
            match caller.write(async move |tx: &Tx<'_>| write(tx, (id, kind), change, fitting).await).await {
                Err(failure) if worth_another_try(&failure) && tries < TRIES => {
                    pause(tries).await;
                    tries += 1;
                }
                done => return done,
            }
        }
    })
    .await
}

/// The records within reach that fit a filter.
async fn fitting(caller: &Caller, kind: &'static Kind, said: &serde_json::Value) -> Result<Vec<Uuid>, Failure> {
    let filter = filters(caller, kind, policy::hidden(caller, kind)).body(said, "/where");
    let filter = filter.map_err(|finding| Failure::Refused(vec![finding]))?;
    sealed_query::count_compared(caller, kind, &filter).await?;
    let ids = async move |caller: &Caller| found(caller, kind, &filter).await;
    let ids = caller.at_one_moment(ids).await.map_err(|failure| match failure {
        Failure::BadQuestion(finding) => Failure::Refused(vec![finding]),
        other => other,
    })?;
    if u64::try_from(ids.len()).unwrap_or(u64::MAX) > MOST_BY_FILTER {
        return Err(Failure::refused("/where", Flaw::new(&codes::SEGMENT_ADDS_TOO_MANY).with("max", MOST_BY_FILTER)));
    }
    Ok(ids)
}

async fn found(caller: &Caller, kind: &'static Kind, filter: &Filter) -> Result<Vec<Uuid>, Failure> {
    let sealed = sealed_query::resolve(caller, kind, filter).await?;
    let db = caller.db();
    let narrowed = query::narrow(caller, kind, &sealed.opened(filter), None).await?;
    let named = narrowed.among.is_some();
    let compiler = Compiler { db, caller, kind, sealed: &sealed, named, brought: false, unled: &[] };
    let condition = Cond::all().add(compiler.compile(filter)).add(living_within_reach(caller, kind)?);
    let condition = match narrowed.among {
        Some(ids) => condition.add(col("id").is_in(padded(ids))),
        None => condition,
    };
    let query = Query::select()
        .column(Alias::new("id"))
        .from(Alias::new(kind.path))
        .cond_where(condition)
        .limit(MOST_BY_FILTER + 1)
        .to_owned();
    let rows = db.query_all(&query).await?;
    Ok(rows.iter().map(|row| row.try_get("", "id")).collect::<Result<Vec<Uuid>, _>>()?)
}

/// Those of some records that were put into a segment.
pub(crate) async fn those_in(caller: &Caller, segment: Uuid, ids: &[Uuid]) -> Result<Vec<Uuid>, Failure> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = Query::select()
        .column(Alias::new("record_id"))
        .from(Alias::new("segment_members"))
        .and_where(col("org_id").eq(caller.org().id))
        .and_where(col("segment_id").eq(segment))
        .and_where(col("record_id").is_in(padded(ids.to_vec())))
        .to_owned();
    let rows = caller.db().query_all(&query).await?;
    Ok(rows.iter().map(|row| row.try_get("", "record_id")).collect::<Result<Vec<Uuid>, _>>()?)
}

/// A condition on living records that the caller may read.
fn living_within_reach(caller: &Caller, kind: &'static Kind) -> Result<Cond, Failure> {
    Ok(Cond::all().add(within_reach(caller, kind)?).add(col("deleted_at").is_null()))
}

/// A condition on records that the caller may read.
fn within_reach(caller: &Caller, kind: &'static Kind) -> Result<Cond, Failure> {
    let reach = caller.reach(Action::Read, kind.name)?;
    let of_org = Cond::all().add(col("org_id").eq(caller.org().id));
    Ok(policy::parts(caller, kind, reach).any().into_iter().fold(of_org, Cond::add))
}

async fn write(
    tx: &Tx<'_>,
    (id, kind): (Uuid, &'static Kind),
    change: ChangeOfMembers,
    fitting: Vec<Uuid>,
) -> Result<Answer, Failure> {
    let (segment, _) = read::for_change::<Segment>(tx, id, Action::Update).await?;
    refuse_unknown(tx, kind, &change.add).await?;
    let before = how_many(tx, id).await?;
    let rows = change.add.iter().chain(&fitting);
    let rows = rows.map(|record| vec![tx.org_id().into(), id.into(), (*record).into()]).collect();
    let columns = [("org_id", PLAIN), ("segment_id", PLAIN), ("record_id", PLAIN)];
    let rows = Insert::into("segment_members", &columns, rows).on_conflict("ON CONFLICT DO NOTHING");
    inserts::write(tx.db(), vec![rows]).await?;
    let with = how_many(tx, id).await?;
    take_out(tx, (id, kind), change.remove).await?;
    let after = how_many(tx, id).await?;
    if after > MOST {
        return Err(Failure::refused("", Flaw::new(&codes::SEGMENT_FULL).with("max", MOST)));
    }
    let (added, removed) = (with.saturating_sub(before), with.saturating_sub(after));
    if added > 0 || removed > 0 {
        rise(tx, &segment, (added, removed)).await?;
    }
    let body = json!({ "id": id, "added": added, "removed": removed });
    Ok(Answer { id: None, etag: None, body: body.to_string() })
}

/// Refuses records that are not there, or out of the caller's reach.
async fn refuse_unknown(tx: &Tx<'_>, kind: &'static Kind, ids: &[Uuid]) -> Result<(), Failure> {
    if ids.is_empty() {
        return Ok(());
    }
    let query = Query::select()
        .column(Alias::new("id"))
        .from(Alias::new(kind.path))
        .cond_where(living_within_reach(tx.caller(), kind)?)
        .and_where(col("id").is_in(padded(ids.to_vec())))
        .to_owned();
    let rows = tx.db().query_all(&query).await?;
    let known = rows.iter().map(|row| row.try_get("", "id")).collect::<Result<Vec<Uuid>, _>>()?;
    let unknown = ids.iter().enumerate().filter(|(_, id)| !known.contains(id));
    let finding =
        |(at, id): (usize, &Uuid)| Finding { pointer: format!("/add/{at}"), flaw: unknown_reference(kind.name, id) };
    let findings: Vec<Finding> = unknown.map(finding).collect();
    if findings.is_empty() { Ok(()) } else { Err(Failure::Refused(findings)) }
}

async fn how_many(tx: &Tx<'_>, id: Uuid) -> Result<i64, Failure> {
    let from = "segment_members WHERE org_id = ? AND segment_id = ?";
    count(tx.db(), from, [tx.org_id().into(), id.into()]).await
}

/// Takes records out of a segment that the caller may read; of others nobody is told whether they were in it.
async fn take_out(tx: &Tx<'_>, (id, kind): (Uuid, &'static Kind), records: Vec<Uuid>) -> Result<(), Failure> {
    if records.is_empty() {
        return Ok(());
    }
    let readable = Query::select()
        .column(Alias::new("id"))
        .from(Alias::new(kind.path))
        .cond_where(within_reach(tx.caller(), kind)?)
        .and_where(col("id").is_in(padded(records)))
        .to_owned();
    let delete = Query::delete()
        .from_table(Alias::new("segment_members"))
        .and_where(col("org_id").eq(tx.org_id()))
        .and_where(col("segment_id").eq(id))
        .and_where(col("record_id").in_subquery(readable))
        .to_owned();
    tx.db().execute(&delete).await?;
    Ok(())
}

/// The segment has another version, and the journal says why.
async fn rise(tx: &Tx<'_>, segment: &Stored<Segment>, (added, removed): (i64, i64)) -> Result<(), Failure> {
    let base = &segment.base;
    let sql = "UPDATE segments SET updated_at = ?, version = version + 1 WHERE org_id = ? AND id = ?";
    let values: [Value; 3] = [tx.now().into(), tx.org_id().into(), base.id.into()];
    tx.db().execute_raw(statement(tx.db(), sql, values)).await?;
    let event = format!("{}.members_changed", Segment::KIND.name);
    let about = Some((Segment::KIND.name, base.id));
    tx.log(Entry {
        version: base.version + 1,
        owner: (base.owner_id, base.owner_id),
        team: (base.team_id, base.team_id),
        ..Entry::event(Class::Change, Outcome::Ok, &event, about).saying(&json!({ "added": added, "removed": removed }))
    });
    Ok(())
}
