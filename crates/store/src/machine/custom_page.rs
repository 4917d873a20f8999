//! Pages of a list in the order of a field that an organisation added: what has a value by its value, then what has
//! none, each the latest change last (turned round with the order). The index of a slot holds what has a value alone.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use kehu_domain::custom::{CustomField, Slot, SlotValue};
use kehu_domain::filter::{Filter, Op};
use kehu_domain::record::Stored;
use sea_orm::sea_query::{Expr, ExprTrait, Order};
use sea_orm::{ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Value};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::dialect;
use crate::engine::Kind as Column;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::paging;
use crate::rows::Rows;
use crate::rows::custom::column;

use super::answer::Asked;
use super::page::{Page, edge};
use super::read::{self, col};
use super::selected::{Branch, Selected};
use super::{Shown, erase};

/// A place in such a list: behind it or, going back, before it.
#[derive(Clone, Debug)]
struct Place {
    back: bool,
    value: Option<SlotValue>,
    at: DateTime<Utc>,
    id: Uuid,
}

impl Place {
    fn of<R: Rows>(record: &Stored<R>, field: &CustomField, back: bool) -> Self {
        Self { back, value: value_of(record, field), at: record.base.updated_at, id: record.base.id }
    }

    fn to_text(&self, sort: &str) -> String {
        let value = match &self.value {
            None => Json::Null,
            Some(SlotValue::Text(text)) => json!(text),
            Some(SlotValue::Number(number)) => json!(number),
        };
        paging::cursor(&json!([sort, self.back, value, self.at.timestamp_millis(), self.id]))
    }

    fn parse(text: &str, sort: &str, slot: Slot) -> Result<Self, Failure> {
        Self::read(text, sort, slot).ok_or_else(paging::wrong_cursor)
    }

    fn read(text: &str, sort: &str, slot: Slot) -> Option<Self> {
        let (of, back, value, at, id): (String, bool, Json, i64, Uuid) = paging::place(text)?;
        let value = match (value, slot) {
            (Json::Null, _) => None,
            (Json::String(text), Slot::Text(_)) if !text.contains('\0') => Some(SlotValue::Text(text)),
            (Json::Number(number), Slot::Number(_)) => Some(SlotValue::Number(number.as_i64()?)),
            _ => return None,
        };
        let at = DateTime::from_timestamp_millis(at)
            .filter(|at| (0..=253_402_300_799_999).contains(&at.timestamp_millis()))?;
        (of == sort).then_some(Self { back, value, at, id })
    }
}

fn value_of<R: Rows>(record: &Stored<R>, field: &CustomField) -> Option<SlotValue> {
    field.slot_value(record.base.custom.0.get(&field.no)?)
}

fn bound(value: &SlotValue) -> Value {
    match value {
        SlotValue::Text(text) => text.clone().into(),
        SlotValue::Number(number) => (*number).into(),
    }
}

/// Reads one page.
pub(super) async fn page<R: Rows>(
    caller: &Caller,
    asked: &Asked,
    (field, slot): (&CustomField, Slot),
    selected: &Selected,
) -> Result<Page, Failure> {
    // Where a condition leaves out what has no value, nobody looks for it.
    let mut phases = if needs_value(&asked.filter, field) { vec![true] } else { vec![true, false] };
    let skipped = asked.page.map_or(0, |page| page.saturating_sub(1).saturating_mul(asked.limit));
    let edge = edge(asked, &asked.sort_text());
    let place = match &asked.after {
        Some(text) if edge.is_none() => Some(Place::parse(text, &asked.sort_text(), slot)?),
        None if skipped > 0 => {
            let walk = Walk { column: column(slot), desc: asked.desc };
            match walk.place_of::<R>(caller, selected, slot, &phases, skipped).await? {
                Some(place) => Some(place),
                None => return beyond::<R>(caller, asked, &walk, selected, false).await,
            }
        }
        _ => None,
    };
    let back = edge.unwrap_or_else(|| place.as_ref().is_some_and(|place| place.back));
    let wanted = usize::try_from(asked.limit).unwrap_or(usize::MAX).saturating_add(1);
    let mut records: Vec<Stored<R>> = Vec::new();
    if back {
        phases.reverse();
    }
    let walk = Walk { column: column(slot), desc: asked.desc != back };
    // Those before the place are behind it.
    let begins = place.as_ref().is_none_or(|place| place.value.is_some());
    for has_value in phases.into_iter().skip_while(|phase| place.is_some() && *phase != begins) {
        let from = place.as_ref().filter(|place| place.value.is_some() == has_value);
        let mut part: Vec<Stored<R>> = Vec::new();
        for branch in &selected.branches {
            let left = u64::try_from(wanted - records.len().min(wanted)).unwrap_or(u64::MAX);
            let query = walk.query::<R>(caller, selected, branch, has_value, from).limit(left);
            part.extend(read::all::<R>(caller.db(), caller, query).await?);
        }
        if selected.branches.len() > 1 {
            walk.merge(&mut part, field);
        }
        records.extend(part);
        if records.len() >= wanted {
            break;
        }
    }
    if records.is_empty() && place.is_some() {
        return beyond::<R>(caller, asked, &walk, selected, back).await;
    }
    Ok(cut(records, asked, field, (place.is_some(), back)))
}

/// The page behind the last record of such a list, or before the first one.
async fn beyond<R: Rows>(
    caller: &Caller,
    asked: &Asked,
    walk: &Walk,
    selected: &Selected,
    before: bool,
) -> Result<Page, Failure> {
    let mut any = false;
    for has_value in [true, false] {
        for branch in &selected.branches {
            let query = walk.query::<R>(caller, selected, branch, has_value, None).limit(1);
            any = any || !read::all::<R>(caller.db(), caller, query).await?.is_empty();
        }
    }
    Ok(Page::beyond(&asked.sort_text(), before, any))
}

/// Whether a condition that must hold leaves out what has no value of a field.
fn needs_value(filter: &Filter, field: &CustomField) -> bool {
    let parts = match filter {
        Filter::And(parts) => parts.as_slice(),
        other => std::slice::from_ref(other),
    };
    let of_missing = |op| matches!(op, Op::IsNull | Op::Ne | Op::Nin | Op::NotWithinLast | Op::NotWithinNext);
    parts.iter().any(|part| match part {
        Filter::Custom(condition) => condition.field.id == field.id && !of_missing(condition.op),
        _ => false,
    })
}

/// How the list is walked.
struct Walk {
    column: String,
    desc: bool,
}

impl Walk {
    fn query<R: Rows>(
        &self,
        caller: &Caller,
        selected: &Selected,
        branch: &Branch,
        has_value: bool,
        from: Option<&Place>,
    ) -> sea_orm::Select<R::Entity> {
        let db = caller.db();
        let slot = || dialect::sort_column(db, &self.column, branch.few);
        let updated = || dialect::sort_column(db, "updated_at", branch.few);
        let mut condition = branch.condition.clone().add(selected.worded.clone());
        let some = col(&self.column).is_not_null();
        condition = condition.add(if has_value { some } else { some.not() });
        if let Some(from) = from {
            let (mut columns, mut key) = (vec![updated(), col("id")], vec![Expr::val(from.at), Expr::val(from.id)]);
            if let Some(value) = &from.value {
                columns.insert(0, slot());
                key.insert(0, Expr::val(bound(value)));
            }
            let (columns, key) = (Expr::tuple(columns), Expr::tuple(key));
            condition = condition.add(if self.desc { columns.lt(key) } else { columns.gt(key) });
        }
        let order = if self.desc { Order::Desc } else { Order::Asc };
        let query = R::Entity::find().filter(condition);
        let query = if has_value { query.order_by(slot(), order.clone()) } else { query };
        query.order_by(updated(), order.clone()).order_by(col("id"), order)
    }

    /// The place behind so many records of the list; nothing where it has fewer. Keys alone are read.
    async fn place_of<R: Rows>(
        &self,
        caller: &Caller,
        selected: &Selected,
        slot: Slot,
        phases: &[bool],
        skipped: u64,
    ) -> Result<Option<Place>, Failure> {
        let kind = if matches!(slot, Slot::Text(_)) { Column::Text } else { Column::Integer };
        let (value, at, id) = (kind.alias("value"), Column::Millis.alias("at"), Column::Uuid.alias("id"));
        let mut left = skipped;
        for has_value in phases {
            let mut places = Vec::new();
            for branch in &selected.branches {
                let query = self.query::<R>(caller, selected, branch, *has_value, None);
                let query = query.select_only().expr_as(col(&self.column), value.as_str());
                let query = query.expr_as(col("updated_at"), at.as_str()).expr_as(col("id"), id.as_str()).limit(left);
                for row in caller.db().query_all(&query.into_query()).await? {
                    let value = match slot {
                        Slot::Text(_) => row.try_get::<Option<String>>("", &value)?.map(SlotValue::Text),
                        Slot::Number(_) => row.try_get::<Option<i64>>("", &value)?.map(SlotValue::Number),
                    };
                    places.push(Place { back: false, value, at: row.try_get("", &at)?, id: row.try_get("", &id)? });
                }
            }
            if selected.branches.len() > 1 {
                places.sort_by(|one, other| self.order(one, other));
            }
            let here = u64::try_from(places.len()).unwrap_or(u64::MAX);
            if here >= left {
                return Ok(usize::try_from(left - 1).ok().and_then(|at| places.into_iter().nth(at)));
            }
            left -= here;
        }
        Ok(None)
    }

    fn order(&self, one: &Place, other: &Place) -> Ordering {
        let order = compare(one, other);
        if self.desc { order.reverse() } else { order }
    }

    /// Brings the parts of what is selected into one order.
    fn merge<R: Rows>(&self, records: &mut [Stored<R>], field: &CustomField) {
        records.sort_by(|one, other| self.order(&Place::of(one, field, false), &Place::of(other, field, false)));
    }
}

/// Of two that both have a value, or both have none.
fn compare(one: &Place, other: &Place) -> Ordering {
    let values = match (&one.value, &other.value) {
        (Some(SlotValue::Text(one)), Some(SlotValue::Text(other))) => one.cmp(other),
        (Some(SlotValue::Number(one)), Some(SlotValue::Number(other))) => one.cmp(other),
        _ => Ordering::Equal,
    };
    values.then(one.at.cmp(&other.at)).then(one.id.cmp(&other.id))
}

/// Cuts to the page's size and makes the cursors of its neighbours.
fn cut<R: Rows>(mut records: Vec<Stored<R>>, asked: &Asked, field: &CustomField, (placed, back): (bool, bool)) -> Page {
    let limit = usize::try_from(asked.limit).unwrap_or(usize::MAX);
    let more = records.len() > limit;
    records.truncate(limit);
    if back {
        records.reverse();
    }
    let sort = asked.sort_text();
    let place =
        |record: Option<&Stored<R>>, back: bool| record.map(|record| Place::of(record, field, back).to_text(&sort));
    let (has_next, has_prev) = if back { (placed, more) } else { (more, placed) };
    let next = place(records.last(), false).filter(|_| has_next);
    let prev = place(records.first(), true).filter(|_| has_prev);
    let records: Vec<Box<dyn Shown>> = erase(records);
    Page { records, next, prev, count: None }
}
