//! Pages of a list: keyset, in both directions, one query per part of the caller's reach.

use chrono::{DateTime, Utc};
use kehu_domain::record::{Kind, Stored};
use kehu_domain::rights::Action;
use kehu_domain::text::pinyin;
use sea_orm::sea_query::{Alias, Asterisk, Cond, Expr, ExprTrait, Func, Order, Query};
use sea_orm::{ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select, Value};
use serde_json::json;
use uuid::Uuid;

use crate::dialect;
use crate::engine::Kind as Column;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::paging;
use crate::pii::padded;
use crate::policy;
use crate::query::{self, Compiler};
use crate::rows::{Rows, sentinel};
use crate::sealed_query;

use super::answer::Asked;
use super::custom_page;
use super::ranked;
use super::read::{self, col};
use super::{Shown, erase};

/// A page and its neighbours.
pub(crate) struct Page {
    pub(crate) records: Vec<Box<dyn Shown>>,
    pub(crate) next: Option<String>,
    pub(crate) prev: Option<String>,
    /// How many there are, up to [`MAX_COUNT`].
    pub(crate) count: Option<u64>,
}

/// Where exact counting stops.
pub(crate) const MAX_COUNT: u64 = 10_000;

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
pub(crate) fn is_of_several(caller: &Caller, kind: &Kind, asked: &Asked) -> Result<bool, Failure> {
    let reach = caller.reach(Action::Read, kind.name)?;
    let parts = policy::branches(caller, kind, reach).len();
    let looks_up =
        sealed_query::asks(&asked.filter) || query::asks_name(caller, kind, &asked.filter, asked.q.as_deref());
    let looks_up = looks_up || !asked.filter.segments().is_empty();
    Ok(parts > 1 || asked.count || asked.custom_sort.is_some() || !asked.expand.is_empty() || looks_up)
}

/// Answers a question.
pub(crate) async fn page<R: Rows>(caller: &Caller, asked: &Asked) -> Result<Page, Failure> {
    let reach = caller.reach(Action::Read, R::KIND.name)?;
    let sealed = sealed_query::resolve(caller, R::KIND, &asked.filter).await?;
    let db = caller.db();
    let filter = sealed.opened(&asked.filter);
    let narrowed = query::narrow(caller, R::KIND, &filter, asked.q.as_deref()).await?;
    let named = narrowed.among.is_some();
    let compiler = Compiler { db, caller, kind: R::KIND, sealed: &sealed, named, brought: false };
    let mut filtered = Cond::all()
        .add(col("org_id").eq(caller.org().id))
        .add(col("deleted_at").is_null())
        .add(compiler.compile(&filter));
    if let Some(ids) = narrowed.among {
        filtered = filtered.add(col("id").is_in(padded(ids)));
    }
    let condition = filtered.clone().add(narrowed.words.condition(caller, R::KIND));
    if let Some((field, slot)) = asked.custom_sort.as_ref().and_then(|field| Some((field, field.slot?))) {
        let branches = policy::branches(caller, R::KIND, reach);
        let count = match asked.count {
            true => Some(count::<R>(db, &branches, condition.clone()).await?),
            false => None,
        };
        let page = custom_page::page::<R>(caller, asked, (field, slot), condition, &branches, narrowed.few).await?;
        return Ok(Page { count, ..page });
    }
    let branches = policy::branches(caller, R::KIND, reach);
    let count = match asked.count {
        true => Some(count::<R>(db, &branches, condition.clone()).await?),
        false => None,
    };
    // A place in a list that is not ranked is gone on with as it is.
    let ranks = narrowed.words.ranks(caller, R::KIND).filter(|_| !asked.sorted);
    if let Some(ranks) = ranks.filter(|_| asked.after.is_none() || ranked::place(asked).is_some()) {
        let page = ranked::page::<R>(caller, asked, ranks, (filtered, &branches, narrowed.few)).await?;
        return Ok(Page { count, ..page });
    }
    let cursor = asked.after.as_deref().map(|text| Cursor::parse(text, &asked.sort_text())).transpose()?;
    let desc = asked.desc != cursor.as_ref().is_some_and(|cursor| cursor.back);
    let place = (cursor.as_ref(), desc, asked.limit + 1);
    let records = stretch::<R>(caller, asked, condition, (&branches, narrowed.few), place).await?;
    Ok(cut(records, asked, cursor.as_ref(), count))
}

/// The records behind a place, so many at the most.
pub(super) async fn stretch<R: Rows>(
    caller: &Caller,
    asked: &Asked,
    mut condition: Cond,
    (branches, few): (&[Option<Expr>], bool),
    (cursor, desc, most): (Option<&Cursor>, bool, u64),
) -> Result<Vec<Stored<R>>, Failure> {
    let db = caller.db();
    let sort = dialect::sort_column(db, sort_column(&asked.sort), few);
    if let Some(cursor) = cursor {
        let place = Expr::tuple([sort.clone(), col("id")]);
        let key = Expr::tuple([Expr::val(key_value(&cursor.key)), Expr::val(cursor.id)]);
        condition = condition.add(if desc { place.lt(key) } else { place.gt(key) });
    }
    let mut records = Vec::new();
    for branch in branches {
        let query = ordered::<R>(condition.clone(), branch.as_ref(), &sort, desc).limit(most);
        records.extend(read::all::<R>(db, caller, query).await?);
    }
    if branches.len() > 1 {
        merge(&mut records, &asked.sort, desc);
        records.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    }
    Ok(records)
}

/// The place of a record in a list.
pub(super) fn place_of<R: Rows>(record: &Stored<R>, sort: &str, back: bool) -> Cursor {
    Cursor { back, key: key_of(record, sort), id: record.base.id }
}

fn ordered<R: Rows>(condition: Cond, branch: Option<&Expr>, sort: &Expr, desc: bool) -> Select<R::Entity> {
    let order = if desc { Order::Desc } else { Order::Asc };
    let query = R::Entity::find().filter(condition);
    let query = match branch {
        Some(branch) => query.filter(branch.clone()),
        None => query,
    };
    query.order_by(sort.clone(), order.clone()).order_by(col("id"), order)
}

/// Brings the parts of a reach into one order; a record may be in several.
fn merge<R: Rows>(records: &mut Vec<Stored<R>>, sort: &str, desc: bool) {
    records.sort_by_cached_key(|record| (key_of(record, sort), record.base.id));
    if desc {
        records.reverse();
    }
    records.dedup_by_key(|record| record.base.id);
}

/// Cuts to the page's size and makes the cursors of its neighbours.
fn cut<R: Rows>(mut records: Vec<Stored<R>>, asked: &Asked, cursor: Option<&Cursor>, count: Option<u64>) -> Page {
    let limit = usize::try_from(asked.limit).unwrap_or(usize::MAX);
    let more = records.len() > limit;
    records.truncate(limit);
    let back = cursor.is_some_and(|cursor| cursor.back);
    if back {
        records.reverse();
    }
    let sort = asked.sort_text();
    let place = |record: Option<&Stored<R>>, back: bool| {
        record.map(|record| place_of(record, &asked.sort, back).to_text(&sort))
    };
    let (has_next, has_prev) = if back { (true, more) } else { (more, cursor.is_some()) };
    let next = place(records.last(), false).filter(|_| has_next);
    let prev = place(records.first(), true).filter(|_| has_prev);
    Page { records: erase(records), next, prev, count }
}

async fn count<R: Rows>(db: &impl ConnectionTrait, branches: &[Option<Expr>], condition: Cond) -> Result<u64, Failure> {
    let query = R::Entity::find().select_only().expr_as(col("id"), "id").filter(condition);
    let reach: Option<Vec<Expr>> = branches.iter().cloned().collect();
    let query = match reach {
        Some(reach) => query.filter(reach.into_iter().fold(Cond::any(), Cond::add)),
        // Everything is within reach.
        None => query,
    };
    let sub = query.limit(MAX_COUNT + 1).into_query();
    let alias = Column::Integer.alias("n");
    let count = Query::select()
        .expr_as(Func::count(Expr::col(Asterisk)), Alias::new(alias.as_str()))
        .from_subquery(sub, Alias::new("found"))
        .to_owned();
    let row = db.query_one(&count).await?.ok_or_else(|| Failure::Internal("no count".into()))?;
    let n: i64 = row.try_get("", &alias)?;
    Ok(u64::try_from(n).unwrap_or(0))
}
