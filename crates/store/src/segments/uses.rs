//! Which segments use which: never in a circle, never more than a question may hold, and never one that fewer people may
//! use than the one it is used by.

use std::collections::{BTreeMap, HashMap};

use kehu_domain::codes;
use kehu_domain::filter::Filter;
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::{Segment, Sharing};
use kehu_domain::read::Finding;
use kehu_domain::record::{Record as _, Stored};
use kehu_domain::rights::Action;
use kehu_domain::segment::{Broken, Graph, Known, Where};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::dialect::statement;
use crate::failure::Failure;
use crate::inserts::{self, Insert, PLAIN};
use crate::tx::Tx;

use super::look_up::{known, too_large};
use super::{fetch, kept, kind_of};

/// Checks the segments that one uses, and what becomes of those that use it.
pub(super) async fn check(tx: &Tx<'_>, segment: &Segment, before: Option<&Stored<Segment>>) -> Result<(), Failure> {
    let uses = segment.r#where.as_ref().map(Where::uses).unwrap_or_default();
    let is_new = before.is_none_or(|before| before.base.deleted_at.is_some());
    if is_new && uses.is_empty() {
        return Ok(());
    }
    let mut once = uses.clone();
    once.dedup();
    let used = fetch(tx.db(), tx.caller(), once.clone()).await?;
    let used: HashMap<Uuid, Stored<Segment>> = used.into_iter().map(|one| (one.base.id, one)).collect();
    check_each(tx, segment, &once, &used)?;
    // Of a new one nobody knows the id yet.
    let own = before.map(|before| before.base.id).unwrap_or_default();
    let mut graph = graph(tx).await?;
    for (id, one) in used {
        graph.0.entry(id).or_insert_with(|| one.data.r#where.as_ref().map(known).unwrap_or_default());
    }
    graph.0.insert(own, segment.r#where.as_ref().map(known).unwrap_or_default());
    match graph.check(own) {
        Ok(()) => Ok(()),
        Err(Broken::Cycle(path)) => {
            let names = names(tx, &path, (own, segment.name.as_str())).await?;
            let flaw = Flaw::new(&codes::SEGMENT_CYCLE).with("path", names.join(" → "));
            Err(Failure::refused("/where", flaw))
        }
        Err(Broken::Deep(id) | Broken::Large(id)) => {
            let names = names(tx, &[id], (own, segment.name.as_str())).await?;
            Err(Failure::refused("/where", too_large(&names.concat())))
        }
    }
}

/// Checks each segment that is used: it is there, within reach, and as many people may use it.
fn check_each(
    tx: &Tx<'_>,
    segment: &Segment,
    uses: &[Uuid],
    used: &HashMap<Uuid, Stored<Segment>>,
) -> Result<(), Failure> {
    let mut findings = Vec::new();
    for id in uses {
        let readable = used
            .get(id)
            .filter(|one| one.data.kind == segment.kind && tx.caller().covers(Action::Read, Segment::KIND, &one.base));
        let flaw = match readable {
            None => Flaw::new(&codes::SEGMENT_UNKNOWN).with("value", id),
            Some(one) if !is_as_wide(&one.data, segment) => {
                Flaw::new(&codes::SEGMENT_NARROWER).with("name", one.data.name.as_str())
            }
            Some(_) => continue,
        };
        findings.push(Finding { pointer: place(tx, segment, *id)?, flaw });
    }
    if findings.is_empty() { Ok(()) } else { Err(Failure::Refused(findings)) }
}

/// Where a filter names a segment.
fn place(tx: &Tx<'_>, segment: &Segment, id: Uuid) -> Result<String, Failure> {
    let Some(filter) = &segment.r#where else { return Ok("/where".to_owned()) };
    let read = kept(tx.caller(), kind_of(segment)?, filter.json(), "/where");
    // A segment that comes back may ask for a field that is gone.
    let conditions = read.as_ref().map(Filter::segments).unwrap_or_default();
    let named = conditions.into_iter().find(|condition| condition.ids.contains(&id));
    Ok(named.map_or_else(|| "/where".to_owned(), |condition| format!("{}/value", condition.at)))
}

/// Whether whoever may use a segment may use another one that it names.
fn is_as_wide(inner: &Segment, outer: &Segment) -> bool {
    match (outer.shared, inner.shared) {
        (_, Sharing::Everybody) | (Sharing::Private, Sharing::Team) => true,
        (Sharing::Team, Sharing::Team) => inner.team_id == outer.team_id,
        (Sharing::Private, Sharing::Private) => inner.owner_id == outer.owner_id,
        (Sharing::Everybody, _) | (Sharing::Team, Sharing::Private) => false,
    }
}

/// Refuses to share a segment with fewer people than those that use it need.
pub(super) async fn refuse_narrower(tx: &Tx<'_>, segment: &Segment, before: &Stored<Segment>) -> Result<(), Failure> {
    let users = users(tx, before.base.id).await?;
    let left: Vec<Stored<Segment>> = users.into_iter().filter(|user| !is_as_wide(segment, &user.data)).collect();
    if left.is_empty() { Ok(()) } else { Err(Failure::refused("/shared", still_used(tx, segment, &left))) }
}

/// The living segments that use one.
async fn users(tx: &Tx<'_>, id: Uuid) -> Result<Vec<Stored<Segment>>, Failure> {
    let sql = "SELECT segment_id FROM segment_uses WHERE org_id = ? AND uses_id = ? ORDER BY segment_id";
    let rows = tx.db().query_all_raw(statement(tx.db(), sql, [tx.org_id().into(), id.into()])).await?;
    let ids = rows.iter().map(|row| row.try_get("", "segment_id")).collect::<Result<Vec<Uuid>, _>>()?;
    fetch(tx.db(), tx.caller(), ids).await
}

/// Who uses a segment: by name what the caller may read, and how many others.
fn still_used(tx: &Tx<'_>, segment: &Segment, users: &[Stored<Segment>]) -> Flaw {
    let reads = |one: &&Stored<Segment>| tx.caller().covers(Action::Read, Segment::KIND, &one.base);
    let mut named: Vec<String> = users.iter().filter(reads).map(|one| one.data.name.as_str().to_owned()).collect();
    named.sort_unstable();
    let others = users.len().saturating_sub(named.len());
    if others > 0 {
        named.push(format!("+{others}"));
    }
    let flaw = Flaw::new(&codes::SEGMENT_STILL_USED).with("name", segment.name.as_str());
    flaw.with("users", named.join(", "))
}

/// What is known of every segment of the organisation that uses others, or is used.
async fn graph(tx: &Tx<'_>) -> Result<Graph, Failure> {
    let sql = "SELECT segment_id, uses_id, times FROM segment_uses WHERE org_id = ?";
    let mut graph = Graph::default();
    for row in tx.db().query_all_raw(statement(tx.db(), sql, [tx.org_id().into()])).await? {
        let (one, used): (Uuid, Uuid) = (row.try_get("", "segment_id")?, row.try_get("", "uses_id")?);
        let times = usize::try_from(row.try_get::<i64>("", "times")?).unwrap_or_default();
        graph.0.entry(one).or_default().uses.extend(vec![used; times]);
        graph.0.entry(used).or_default();
    }
    let sql = "SELECT id, conditions FROM segments WHERE org_id = ? AND (\
               id IN (SELECT segment_id FROM segment_uses WHERE org_id = ?) OR \
               id IN (SELECT uses_id FROM segment_uses WHERE org_id = ?))";
    let org = || tx.org_id().into();
    for row in tx.db().query_all_raw(statement(tx.db(), sql, [org(), org(), org()])).await? {
        let (id, conditions): (Uuid, i64) = (row.try_get("", "id")?, row.try_get("", "conditions")?);
        let known: &mut Known = graph.0.entry(id).or_default();
        known.conditions = usize::try_from(conditions).unwrap_or(usize::MAX);
    }
    Ok(graph)
}

/// Names of segments in their order; of those that the caller may not read, none.
async fn names(tx: &Tx<'_>, path: &[Uuid], (own, name): (Uuid, &str)) -> Result<Vec<String>, Failure> {
    let found = fetch(tx.db(), tx.caller(), path.iter().copied().filter(|id| *id != own).collect()).await?;
    let reads = |one: &Stored<Segment>| tx.caller().covers(Action::Read, Segment::KIND, &one.base);
    let named = found.into_iter().filter(reads).map(|one| (one.base.id, one.data.name.into_string()));
    let mut known: BTreeMap<Uuid, String> = named.collect();
    known.insert(own, name.to_owned());
    Ok(path.iter().map(|id| known.get(id).cloned().unwrap_or_else(|| "…".to_owned())).collect())
}

/// Keeps what a written segment uses; one that is deleted is used by nobody.
pub(crate) async fn follow(
    tx: &Tx<'_>,
    before: Option<&Stored<Segment>>,
    after: Option<&Stored<Segment>>,
) -> Result<(), Failure> {
    let uses = |one: Option<&Stored<Segment>>| {
        one.and_then(|one| one.data.r#where.as_ref()).map(Where::uses).unwrap_or_default()
    };
    let (was, is) = (uses(before), uses(after));
    if let (Some(before), None) = (before, after) {
        let users = users(tx, before.base.id).await?;
        if !users.is_empty() {
            return Err(Failure::SegmentUsed(still_used(tx, &before.data, &users)));
        }
    }
    let Some(id) = after.or(before).map(|one| one.base.id).filter(|_| was != is) else { return Ok(()) };
    let sql = "DELETE FROM segment_uses WHERE org_id = ? AND segment_id = ?";
    tx.db().execute_raw(statement(tx.db(), sql, [tx.org_id().into(), id.into()])).await?;
    let times = is.chunk_by(|one, next| one == next).filter_map(|same| Some((*same.first()?, same.len())));
    let row = |(used, times): (Uuid, usize)| {
        vec![tx.org_id().into(), id.into(), used.into(), i64::try_from(times).unwrap_or(i64::MAX).into()]
    };
    let rows = times.map(row).collect();
    let columns = [("org_id", PLAIN), ("segment_id", PLAIN), ("uses_id", PLAIN), ("times", PLAIN)];
    inserts::write(tx.db(), vec![Insert::into("segment_uses", &columns, rows)]).await
}
