//! Pages of a list: keyset, in both directions, each part of what is selected by an index of its own.

use chrono::{DateTime, Utc};
use kehu_domain::record::{Kind, Stored};
use kehu_domain::text::pinyin;
use sea_orm::sea_query::{Alias, Cond, Expr, ExprTrait, Order, Query, SelectStatement, UnionType};
use sea_orm::{ConnectionTrait, EntityName as _, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, Value};
use serde_json::json;
use uuid::Uuid;

use crate::dialect;
use crate::engine::Kind as Column;
use crate::erasure;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::paging;
use crate::query;
use crate::rows::{Rows, sentinel};
use crate::sealed_query;

use super::answer::Asked;
use super::counting::{self, Count, Counted};
use super::custom_page;
use super::ranked;
use super::read::{self, col};
use super::selected::{Branch, Selected, Use};
use super::{Shown, erase};

/// A page and its neighbours.
pub(crate) struct Page {
    pub(crate) records: Vec<Box<dyn Shown>>,
    pub(crate) next: Option<String>,
    pub(crate) prev: Option<String>,
    /// How many there are, where that was asked for.
    pub(crate) count: Option<Counted>,
}

impl Page {
    /// A page behind the end of its list or, `before` it, at its beginning. Where there are records it leads to them.
    pub(super) fn beyond(sort: &str, before: bool, any: bool) -> Self {
        let way = any.then(|| edge_text(sort, !before));
        let (next, prev) = if before { (way, None) } else { (None, way) };
        Self { records: Vec::new(), next, prev, count: None }
    }
}

/// The end of a list, from which it is walked backwards, or its beginning, as a cursor: whatever stands there by then.
pub(super) fn edge_text(sort: &str, back: bool) -> String {
    paging::cursor(&json!([sort, back]))
}

/// Whether a question begins at an end of its list, and goes back from there or on.
pub(super) fn edge(asked: &Asked, sort: &str) -> Option<bool> {
    let (of, back): (String, bool) = paging::place(asked.after.as_deref()?)?;
    (of == sort).then_some(back)
}

/// The value of a sort column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum SortKey {
    Time(DateTime<Utc>),
    Text(String),
}

/// A place in a list: behind it or, going back, before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(super) back: bool,
    key: SortKey,
    id: Uuid,
}

impl Cursor {
    /// An opaque text: sort, direction, key and id. It holds nothing sealed.
    pub(super) fn to_text(&self, sort: &str) -> String {
        let key = match &self.key {
            SortKey::Time(time) => json!(time.timestamp_millis()),
            SortKey::Text(text) => json!(text),
        };
        paging::cursor(&json!([sort, self.back, key, self.id]))
    }

    /// Reads the text that an answer to the same question gave.
    pub(crate) fn parse(text: &str, sort: &str) -> Result<Self, Failure> {
        Self::read(text, sort).ok_or_else(paging::wrong_cursor)
    }

    fn read(text: &str, sort: &str) -> Option<Self> {
        let (of, back, key, id): (String, bool, serde_json::Value, Uuid) = paging::place(text)?;
        let key = match key {
            serde_json::Value::Number(millis) => {
                // Within the years that both engines can compare, the sentinels included.
                let millis =
                    millis.as_i64().filter(|millis| (-2_208_988_800_000..=253_402_300_799_999).contains(millis));
                SortKey::Time(DateTime::from_timestamp_millis(millis?)?)
            }
            serde_json::Value::String(text) if !text.contains('\0') => SortKey::Text(text),
            _ => return None,
        };
        // The key is of its column's type, or the text was not ours.
        let by_name = sort.trim_start_matches('-') == "name";
        (of == sort && by_name == matches!(key, SortKey::Text(_))).then_some(Self { back, key, id })
    }
}

fn sort_column(sort: &str) -> &str {
    if sort == "name" { "name_sort" } else { sort }
}

/// The sort key of a record, as its row has it.
fn key_of<R: Rows>(stored: &Stored<R>, sort: &str) -> SortKey {
    match sort {
        "created_at" => SortKey::Time(stored.base.created_at),
        "updated_at" => SortKey::Time(stored.base.updated_at),
        "name" => SortKey::Text(pinyin::sort_key(Rows::name(&stored.data).unwrap_or_default())),
        _ => SortKey::Time(stored.data.time_of(sort).or(sentinel(sort)).unwrap_or_default()),
    }
}

fn key_value(key: &SortKey) -> Value {
    match key {
        SortKey::Time(time) => (*time).into(),
        SortKey::Text(text) => text.clone().into(),
    }
}

/// Whether several statements over records make the answer to a question.
pub(crate) fn is_of_several(caller: &Caller, kind: &Kind, asked: &Asked) -> bool {
    let looks_up =
        sealed_query::asks(&asked.filter) || query::asks_name(caller, kind, &asked.filter, asked.q.as_deref());
    let looks_up = looks_up || !asked.filter.segments().is_empty();
    let counts = asked.count != Count::None;
    let placed = asked.page.is_some_and(|page| page > 1);
    asked.deleted || counts || placed || asked.custom_sort.is_some() || !asked.expand.is_empty() || looks_up
}

/// Answers a question.
pub(crate) async fn page<R: Rows>(caller: &Caller, asked: &Asked) -> Result<Page, Failure> {
    let custom = asked.custom_sort.as_ref().and_then(|field| Some((field, field.slot?)));
    let sort = custom.map_or(asked.sort.as_str(), |(field, _)| field.name.as_str());
    let to = Use { sort: Some(sort), counts: asked.count != Count::None || asked.page.is_some() };
    let selected = match asked.deleted {
        true => Selected::with_deleted(caller, R::KIND, &asked.filter).await?,
        false => Selected::by(caller, R::KIND, &asked.filter, asked.q.as_deref(), to).await?,
    };
    let mut page = match custom {
        Some((field, slot)) => custom_page::page::<R>(caller, asked, (field, slot), &selected).await?,
        None => sorted::<R>(caller, asked, &selected).await?,
    };
    if asked.deleted {
        page.records = erasure::without_erased(caller, page.records).await?;
    }
    let count = match asked.count {
        Count::None => None,
        how => Some(counted::<R>(caller, asked, how, &selected, &page).await?),
    };
    Ok(Page { count, ..page })
}

/// How many records there are in the list of a page.
async fn counted<R: Rows>(
    caller: &Caller,
    asked: &Asked,
    how: Count,
    selected: &Selected,
    page: &Page,
) -> Result<Counted, Failure> {
    let table = R::Entity::default();
    let table = table.table_name();
    let seen = u64::try_from(page.records.len()).unwrap_or(u64::MAX).saturating_add(u64::from(page.next.is_some()));
    let is_whole = page.next.is_none() && page.prev.is_none() && (seen > 0 || asked.page.is_none_or(|at| at == 1));
    match how {
        // The page is the whole list; behind the end of one nothing is seen.
        Count::Estimate if is_whole => Ok(Counted::exactly(seen)),
        // The sample is one of living records.
        Count::Estimate if !asked.deleted => counting::estimate(caller.db(), table, selected, seen).await,
        _ => counting::exact(caller.db(), table, selected).await,
    }
}

/// A page in the order of a column of the kind's own.
async fn sorted<R: Rows>(caller: &Caller, asked: &Asked, selected: &Selected) -> Result<Page, Failure> {
    // A place in a list that is not ranked is gone on with as it is.
    let ranks = selected.words.ranks(caller, R::KIND).filter(|_| !asked.sorted);
    if let Some(ranks) =
        ranks.filter(|_| asked.after.is_none() || ranked::place(asked).is_some() || ranked::edge(asked).is_some())
    {
        return ranked::page::<R>(caller, asked, ranks, selected).await;
    }
    let skipped = skipped(asked);
    let edge = edge(asked, &asked.sort_text());
    let cursor = match &asked.after {
        Some(text) if edge.is_none() => Some(Cursor::parse(text, &asked.sort_text())?),
        None if skipped > 0 => match place_behind::<R>(caller, asked, selected, skipped).await? {
            Some(cursor) => Some(cursor),
            None => return beyond::<R>(caller, asked, selected, false).await,
        },
        _ => None,
    };
    let back = edge.unwrap_or_else(|| cursor.as_ref().is_some_and(|cursor| cursor.back));
    let place = (cursor.as_ref(), asked.desc != back, asked.limit + 1);
    let records = stretch::<R>(caller, asked, selected, place).await?;
    if records.is_empty() && cursor.is_some() {
        return beyond::<R>(caller, asked, selected, back).await;
    }
    Ok(cut(records, asked, cursor.is_some(), back))
}

/// The page behind the last record of a list, or before the first one.
async fn beyond<R: Rows>(caller: &Caller, asked: &Asked, selected: &Selected, before: bool) -> Result<Page, Failure> {
    let any = stretch::<R>(caller, asked, selected, (None, asked.desc, 1)).await?;
    Ok(Page::beyond(&asked.sort_text(), before, !any.is_empty()))
}

/// How many records stand before a page that is asked for by its number.
pub(super) fn skipped(asked: &Asked) -> u64 {
    asked.page.map_or(0, |page| page.saturating_sub(1).saturating_mul(asked.limit))
}

/// The records behind a place, so many at the most.
pub(super) async fn stretch<R: Rows>(
    caller: &Caller,
    asked: &Asked,
    selected: &Selected,
    (cursor, desc, most): (Option<&Cursor>, bool, u64),
) -> Result<Vec<Stored<R>>, Failure> {
    let walk = Walk { db: caller.db(), sort: &asked.sort, selected, cursor, desc };
    let mut records = read::all::<R>(caller.db(), caller, walk.records::<R>(caller.org().id, most)).await?;
    if selected.branches.len() > 1 {
        records.sort_by_cached_key(|record| (key_of(record, &asked.sort), record.base.id));
        if desc {
            records.reverse();
        }
    }
    Ok(records)
}

/// A walk through the parts of what is selected, in the order of a column.
struct Walk<'w, C> {
    db: &'w C,
    sort: &'w str,
    selected: &'w Selected,
    cursor: Option<&'w Cursor>,
    desc: bool,
}

impl<C: ConnectionTrait> Walk<'_, C> {
    fn order(&self) -> Order {
        if self.desc { Order::Desc } else { Order::Asc }
    }

    /// The condition of a part, behind the place; and the column of its order.
    fn part(&self, branch: &Branch) -> (Cond, Expr) {
        let sort = dialect::sort_column(self.db, sort_column(self.sort), branch.few);
        let condition = branch.condition.clone().add(self.selected.worded.clone());
        let behind = self.cursor.map(|cursor| {
            let place = Expr::tuple([sort.clone(), col("id")]);
            let key = Expr::tuple([Expr::val(key_value(&cursor.key)), Expr::val(cursor.id)]);
            if self.desc { place.lt(key) } else { place.gt(key) }
        });
        (condition.add_option(behind), sort)
    }

    /// Whole records, so many at the most. Of several parts the keys are walked first, each part's in its own index and no
    /// further than the page needs.
    fn records<R: Rows>(&self, org: Uuid, most: u64) -> Select<R::Entity> {
        if let [branch] = self.selected.branches.as_slice() {
            let (condition, sort) = self.part(branch);
            let query = R::Entity::find().filter(condition);
            return query.order_by(sort, self.order()).order_by(col("id"), self.order()).limit(most);
        }
        let keys = self.keys(R::Entity::default().table_name(), ("key", "id")).limit(most).to_owned();
        let ids = Query::select().column(Alias::new("id")).from_subquery(keys, Alias::new("keys")).to_owned();
        R::Entity::find().filter(col("org_id").eq(org)).filter(col("id").in_subquery(ids))
    }

    /// The keys of the records of all parts, in one order, under those names.
    fn keys(&self, table: &str, (key, id): (&str, &str)) -> SelectStatement {
        let part = |branch| {
            let (condition, sort) = self.part(branch);
            let mut query = Query::select();
            query.expr_as(sort, Alias::new(key)).expr_as(col("id"), Alias::new(id));
            query.from(Alias::new(table)).cond_where(condition).to_owned()
        };
        let mut parts = self.selected.branches.iter().map(part);
        let mut all = parts.next().unwrap_or_default();
        if self.selected.branches.len() < 2 {
            // The column itself: a name would not be led to by an index.
            let sort = self.selected.branches.first().map_or_else(|| col("id"), |branch| self.part(branch).1);
            return all.order_by_expr(sort, self.order()).order_by_expr(col("id"), self.order()).to_owned();
        }
        for part in parts {
            all.union(UnionType::All, part);
        }
        all.order_by(Alias::new(key), self.order()).order_by(Alias::new(id), self.order()).to_owned()
    }
}

/// The place of a record in a list.
pub(super) fn place_of<R: Rows>(record: &Stored<R>, sort: &str, back: bool) -> Cursor {
    Cursor { back, key: key_of(record, sort), id: record.base.id }
}

/// The place behind so many records of a list; nothing where it has fewer. Keys alone are read.
pub(super) async fn place_behind<R: Rows>(
    caller: &Caller,
    asked: &Asked,
    selected: &Selected,
    skipped: u64,
) -> Result<Option<Cursor>, Failure> {
    let by_name = asked.sort == "name";
    let (key, id) = (if by_name { Column::Text } else { Column::Millis }.alias("key"), Column::Uuid.alias("id"));
    let walk = Walk { db: caller.db(), sort: &asked.sort, selected, cursor: None, desc: asked.desc };
    let mut keys = walk.keys(R::Entity::default().table_name(), (&key, &id));
    let Some(row) = caller.db().query_one(keys.offset(skipped.saturating_sub(1)).limit(1)).await? else {
        return Ok(None);
    };
    let key = match by_name {
        true => SortKey::Text(row.try_get("", &key)?),
        false => SortKey::Time(row.try_get("", &key)?),
    };
    Ok(Some(Cursor { back: false, key, id: row.try_get("", &id)? }))
}

/// Cuts to the page's size and makes the cursors of its neighbours.
fn cut<R: Rows>(mut records: Vec<Stored<R>>, asked: &Asked, placed: bool, back: bool) -> Page {
    let limit = usize::try_from(asked.limit).unwrap_or(usize::MAX);
    let more = records.len() > limit;
    records.truncate(limit);
    if back {
        records.reverse();
    }
    let sort = asked.sort_text();
    let place = |record: Option<&Stored<R>>, back: bool| {
        record.map(|record| place_of(record, &asked.sort, back).to_text(&sort))
    };
    let (has_next, has_prev) = if back { (placed, more) } else { (more, placed) };
    let next = place(records.last(), false).filter(|_| has_next);
    let prev = place(records.first(), true).filter(|_| has_prev);
    Page { records: erase(records), next, prev, count: None }
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
