//! The conditions of a question to the log as SQL, so that one index is walked and no other.

use chrono::{DateTime, Duration, Utc};
use sea_orm::sea_query::{Expr, ExprTrait, Func};
use sea_orm::{ColumnTrait, Condition, IdenStatic, Value};
use uuid::Uuid;

use crate::dialect;
use crate::entities::journal::Column as C;
use crate::gate::Caller;

use super::question::{Event, Filter};
use super::{Class, Outcome};

/// A walk through the entries of an organisation, by their ids.
pub(super) struct Walk {
    /// What the index that is walked knows.
    pub(super) along: Condition,
    /// What else must hold.
    pub(super) rest: Condition,
    /// The id, as the walk is ordered and bounded by it.
    pub(super) id: Expr,
}

/// A condition on a column that an index begins with.
struct Indexed {
    column: C,
    value: Option<Value>,
    /// Whether the index holds entries of that value.
    holds: bool,
    /// The index's own condition: it is used only where this is said as it says it.
    partial: Option<&'static str>,
}

impl Walk {
    /// Along the index of the condition that fewest entries fulfil, as a rule; the time is a part of every index.
    pub(super) fn along_an_index(caller: &Caller, filter: &Filter) -> Self {
        let mut along = Condition::all().add(C::OrgId.eq(caller.org().id));
        let mut rest = unindexed(caller, filter);
        let mut walked = None;
        for Indexed { column, value, holds, partial } in indexed(filter) {
            let Some(value) = value else { continue };
            if holds && walked.is_none() {
                along = along.add(column.eq(value)).add_option(partial.map(Expr::cust));
                walked = Some(column);
            } else {
                rest = rest.add(aside(caller, column).eq(value));
            }
        }
        // The index of records is ordered by version: their entries are few, and sorted.
        let id = match walked {
            Some(C::RecordId) => aside(caller, C::Id),
            _ => Expr::col(C::Id),
        };
        for (time, after) in [(filter.from, true), (filter.to, false)] {
            let Some(time) = time.map(whole) else { continue };
            let bound = id.clone();
            let bound = if after { bound.gte(first_id(time)) } else { bound.lt(first_id(time)) };
            // PostgreSQL finds its tables of months by the time itself.
            along = along.add(bound).add(if after { C::At.gte(time) } else { C::At.lt(time) });
        }
        Self { along, rest, id }
    }
}

/// Every condition, for a walk along none of their indexes.
pub(super) fn every_condition(caller: &Caller, filter: &Filter) -> Condition {
    let mut all = unindexed(caller, filter);
    for Indexed { column, value, .. } in indexed(filter) {
        all = all.add_option(value.map(|value| aside(caller, column).eq(value)));
    }
    let from = filter.from.map(whole).map(|time| C::At.gte(time));
    let to = filter.to.map(whole).map(|time| C::At.lt(time));
    all.add_option(from).add_option(to)
}

/// The conditions that an index begins with, those first that fewest entries fulfil.
fn indexed(filter: &Filter) -> [Indexed; 4] {
    let of_id = |column, id: Option<Uuid>| Indexed { column, value: id.map(Value::from), holds: true, partial: None };
    [
        of_id(C::RecordId, filter.record_id),
        of_id(C::ActorId, filter.actor_id),
        Indexed {
            column: C::Outcome,
            value: filter.outcome.map(|outcome| outcome.key().into()),
            holds: filter.outcome != Some(Outcome::Ok),
            partial: Some("outcome <> 'ok'"),
        },
        Indexed {
            column: C::Class,
            value: filter.class.map(|class| class.key().into()),
            holds: filter.class != Some(Class::Change),
            partial: Some("class <> 'change'"),
        },
    ]
}

/// The conditions that no index knows.
fn unindexed(caller: &Caller, filter: &Filter) -> Condition {
    let word = |column: C, word: &Option<String>| word.as_ref().map(|word| column.eq(word.as_str()));
    let event = filter.event.as_ref().map(|event| match event {
        Event::Is(event) => C::Event.eq(event.as_str()),
        Event::Of(begin) => position(caller, Expr::col(C::Event), begin).eq(1),
    });
    let listed = || Expr::cust("',' || changed || ','");
    let changed = filter.changed.as_ref();
    Condition::all()
        .add_option(event)
        .add_option(word(C::Kind, &filter.kind))
        .add_option(word(C::Via, &filter.via))
        .add_option(word(C::RequestId, &filter.request_id))
        .add_option(filter.session_id.map(|id| C::SessionId.eq(id)))
        .add_option(changed.map(|field| position(caller, listed(), &format!(",{field},")).gt(0)))
}

fn aside(caller: &Caller, column: C) -> Expr {
    dialect::unindexed(caller.db(), column.as_str())
}

fn position(caller: &Caller, text: Expr, part: &str) -> Expr {
    let function = dialect::position_function(caller.db());
    Func::cust(function).arg(text).arg(part).into()
}

/// What no id of an entry of that moment lies before.
fn first_id(time: DateTime<Utc>) -> Uuid {
    let millis = u64::try_from(time.timestamp_millis()).unwrap_or_default();
    Uuid::from_u128(u128::from(millis) << 80)
}

/// The next whole millisecond: entries are written at whole ones.
fn whole(time: DateTime<Utc>) -> DateTime<Utc> {
    let cut = DateTime::from_timestamp_millis(time.timestamp_millis()).unwrap_or(time);
    if cut < time { cut + Duration::milliseconds(1) } else { cut }
}

/// The time in an entry's id.
pub(super) fn time_of(id: Uuid) -> Option<DateTime<Utc>> {
    let millis = i64::try_from(id.as_u128() >> 80).ok()?;
    (id.get_version_num() == 7).then(|| DateTime::from_timestamp_millis(millis)).flatten()
}
