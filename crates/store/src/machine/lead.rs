//! What leads to the records that a question selects: an index for each part of the caller's reach, and for each value of
//! a choice that an index is made for. SQLite has no statistics to choose by: a column that is not to lead is kept from it.

use kehu_domain::filter::{Condition, Filter, Op, Scalar};
use kehu_domain::record::Kind;
use sea_orm::Value;
use sea_orm::sea_query::{Cond, Expr, ExprTrait};
use uuid::Uuid;

use crate::pii::padded_length;
use crate::policy::Parts;
use crate::query;
use crate::query_compare::{value, wants_null};
use crate::shapes::{Shape, led};

use super::read::col;

/// Values of a choice that are led to one by one.
const MOST_VALUES: usize = 16;
/// Parts of one statement. SQLite takes 500, and lists with deleted records have twice as many.
const MOST_PARTS: usize = 64;
/// Values of one statement: each part has those of the filter once more. SQLite takes 32,766.
const MOST_BOUND: usize = 16_000;

/// What leads to a part of what is selected. No record is in two parts of a question.
pub(super) struct Lead {
    /// What makes it this part.
    pub(super) part: Cond,
    /// The columns that do not lead where the filter has them.
    pub(super) unled: Vec<&'static str>,
    /// Whether conditions on ids do not lead either.
    pub(super) brought: bool,
    /// Whether it selects few records, to be brought into order afterwards.
    pub(super) few: bool,
}

/// What a question is.
pub(super) struct Question<'q> {
    pub(super) kind: &'static Kind,
    pub(super) filter: &'q Filter,
    /// The order; none where it is only counted.
    pub(super) sort: Option<&'q str>,
    pub(super) reach: &'q Parts,
    /// Whether a condition on ids selects few records.
    pub(super) few: bool,
    /// How many values the filter has.
    pub(super) bound: &'q dyn Fn() -> usize,
}

/// What a filter demands to be equal to a value, to one of several, or to be missing.
struct Demand<'f> {
    member: &'static str,
    /// None where it is to be missing.
    values: Vec<&'f Scalar>,
    /// Whether it is a choice among them.
    is_choice: bool,
}

/// A part of the reach, and the column that its index begins with.
type Scope = (Option<&'static str>, Option<Expr>);

/// What leads to what a question selects within the caller's reach.
pub(super) fn leads(question: &Question<'_>) -> Vec<Lead> {
    let Question { kind, filter, sort, reach, few, bound } = *question;
    if few {
        return vec![Lead { brought: false, ..lead(kind, reach.held(), None, true) }];
    }
    let demands = demands(filter);
    let named = demands.iter().filter(|demand| !demand.values.is_empty()).map(|demand| demand.member);
    let named: Vec<&str> = named.collect();
    if let Some(pin) =
        led(kind).iter().find(|shape| shape.few && shape.equal.iter().all(|member| named.contains(member)))
    {
        let one = demands.iter().all(|demand| !pin.equal.contains(&demand.member) || !demand.is_choice);
        let ordered = one && sort.is_none_or(|sort| pin.sorts.contains(&sort));
        return vec![lead(kind, reach.held(), Some(pin), !ordered)];
    }
    let mut scopes = scopes(kind, &demands, reach);
    let mut shared = shared(kind, reach, &demands);
    let is_alone = scopes.len() + usize::from(shared.is_some()) < 2 && !demands.iter().any(|demand| demand.is_choice);
    let most = if is_alone { MOST_PARTS } else { MOST_PARTS.min(MOST_BOUND / bound().max(1)) };
    if scopes.len() + usize::from(shared.is_some()) > most.max(1) {
        (scopes, shared) = (vec![(None, reach.held())], None);
    }
    let room = most / scopes.len().max(1);
    let mut leads: Vec<Lead> =
        scopes.into_iter().flat_map(|scope| in_scope(kind, &demands, sort, scope, room)).collect();
    // What is only counted may be led to by ids.
    leads.iter_mut().for_each(|lead| lead.brought &= sort.is_some());
    leads.extend(shared);
    if leads.is_empty() {
        leads.push(lead(kind, Some(Expr::val(1).eq(0)), None, true));
    }
    leads
}

/// The conditions that must hold and that an index may lead by, of each member the first.
fn demands(filter: &Filter) -> Vec<Demand<'_>> {
    let mut demands: Vec<Demand<'_>> = Vec::new();
    for part in query::parts(filter) {
        let Filter::Is(condition) = part else { continue };
        let Condition { member, op, values } = condition;
        let mut distinct: Vec<&Scalar> = Vec::new();
        match op {
            Op::Eq | Op::In => values.iter().for_each(|value| {
                if !distinct.contains(&value) {
                    distinct.push(value);
                }
            }),
            // The indexes of grade and source have no records without one.
            Op::IsNull if wants_null(condition) && ["owner_id", "team_id"].contains(&member.name) => {}
            _ => continue,
        }
        let is_new = demands.iter().all(|demand| demand.member != member.name);
        if is_new && (*op == Op::IsNull || !distinct.is_empty()) {
            demands.push(Demand { member: member.name, values: distinct, is_choice: *op == Op::In });
        }
    }
    // Who owns them selects the fewest.
    demands.sort_by_key(|demand| demand.member != "owner_id");
    demands
}

/// The parts of the reach that have an index each. Where the filter names an owner, that leads.
fn scopes(kind: &Kind, demands: &[Demand<'_>], reach: &Parts) -> Vec<Scope> {
    if reach.all {
        return vec![(None, None)];
    }
    if is_led_by_owner(kind, demands) {
        return vec![(None, reach.held())];
    }
    let own = reach.own.iter().map(|own| (Some("owner_id"), Some(own.clone())));
    let named = demands.iter().find(|demand| demand.member == "team_id");
    let is_asked = |team: &&Uuid| {
        named.is_none_or(|named| named.values.iter().any(|value| matches!(value, Scalar::Id(id) if id == *team)))
    };
    let teams = reach.teams.iter().filter(is_asked).map(|team| {
        let of_team = col("team_id").eq(*team);
        let of_team = reach.own.iter().fold(of_team, |part, own| part.and(not(own.clone())));
        (Some("team_id"), Some(of_team))
    });
    own.chain(teams).collect()
}

/// Whether the filter names an owner whose records have an index: then the reach is held against these.
fn is_led_by_owner(kind: &Kind, demands: &[Demand<'_>]) -> bool {
    let has_index = led(kind).iter().any(|shape| shape.equal == ["owner_id"]);
    let named = demands.iter().find(|demand| demand.member == "owner_id");
    has_index && named.is_some_and(|named| named.values.len() <= MOST_VALUES)
}

/// What is shared, and in no other part: it is led to by the list of what is.
fn shared(kind: &Kind, reach: &Parts, demands: &[Demand<'_>]) -> Option<Lead> {
    let shared = reach.shared.clone().filter(|_| !reach.all && !is_led_by_owner(kind, demands))?;
    let others = Parts { all: false, own: reach.own.clone(), teams: reach.teams.clone(), shared: None };
    let apart = others.any().map_or_else(|| shared.clone(), |others| shared.clone().and(not(others)));
    Some(lead(kind, Some(apart), None, true))
}

/// What leads within one part of the reach: an index, once for each value of a choice that it needs one value of. There is
/// `room` for so many.
fn in_scope(kind: &Kind, demands: &[Demand<'_>], sort: Option<&str>, (scope, part): Scope, room: usize) -> Vec<Lead> {
    let single = demands.iter().filter(|demand| !demand.is_choice).map(|demand| demand.member);
    let equal: Vec<&str> = single.chain(scope).collect();
    let shape = best(kind, &equal, sort);
    let choices =
        demands.iter().filter(|demand| demand.is_choice && padded_length(demand.values.len()) <= MOST_VALUES.min(room));
    let choice = choices.filter_map(|demand| {
        let with: Vec<&str> = equal.iter().copied().chain([demand.member]).collect();
        let by_it = best(kind, &with, sort).filter(|shape| shape.equal.contains(&demand.member))?;
        // An owner's records are fewer than those of a grade.
        let is_better = shape.is_none_or(|shape| by_it.equal.len() > shape.equal.len() || demand.member == "owner_id");
        is_better.then_some((demand, by_it))
    });
    let Some((demand, by_it)) = choice.reduce(|first, other| first_of(first, other)) else {
        let mut alone = lead(kind, part, shape, false);
        // The part has the column itself.
        alone.unled.extend(scope);
        return vec![alone];
    };
    let of_value = |value: Value| {
        let column = col(demand.member).eq(value);
        let part = part.iter().fold(column, |both, part| both.and(part.clone()));
        let mut one = lead(kind, Some(part), Some(by_it), false);
        one.unled.extend(scope.into_iter().chain([demand.member]));
        one
    };
    let mut values: Vec<Value> = demand.values.iter().map(|scalar| value(scalar)).collect();
    if let Some(nothing) = values.first().map(Value::as_null) {
        // Few statements serve every number of values: nothing is equal to what is missing.
        values.resize(padded_length(values.len()), nothing);
    }
    values.into_iter().map(of_value).collect()
}

/// Of two choices the one by which an owner or more members lead; else the first.
fn first_of<'d, 'f>(
    first: (&'d Demand<'f>, &'static Shape),
    other: (&'d Demand<'f>, &'static Shape),
) -> (&'d Demand<'f>, &'static Shape) {
    let rank = |(demand, shape): &(&Demand<'_>, &Shape)| (demand.member == "owner_id", shape.equal.len());
    if rank(&other) > rank(&first) { other } else { first }
}

/// The longest question with an index that a filter and a part of the reach make, in that order; of two as long, the first.
fn best(kind: &Kind, equal: &[&str], sort: Option<&str>) -> Option<&'static Shape> {
    let fits = |shape: &&Shape| {
        !shape.few
            && sort.is_none_or(|sort| shape.sorts.contains(&sort))
            && shape.equal.iter().all(|member| equal.contains(member))
    };
    let fitting = led(kind).iter().filter(fits);
    fitting.reduce(|best, shape| if shape.equal.len() > best.equal.len() { shape } else { best })
}

/// A part that is led to by the columns of a question; by its own condition alone, where it selects `few`. Where no
/// index brings what is asked for, the engine chooses.
fn lead(kind: &Kind, part: Option<Expr>, by: Option<&Shape>, few: bool) -> Lead {
    let part = part.into_iter().fold(Cond::all(), Cond::add);
    let mut unled: Vec<&'static str> = Vec::new();
    if by.is_some() || few {
        let leading: &[&str] = by.map_or(&[], |shape| shape.equal);
        let all = led(kind).iter().flat_map(|shape| shape.equal.iter().copied());
        unled.extend(all.filter(|member| *member != "id" && !leading.contains(member)));
    }
    Lead { part, unled, brought: by.is_some() || few, few }
}

/// That a condition does not hold; what is missing fulfils none.
fn not(condition: Expr) -> Expr {
    Expr::expr(Expr::case(condition, Expr::val(1)).finally(Expr::val(0))).eq(0)
}
