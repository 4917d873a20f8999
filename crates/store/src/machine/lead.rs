//! What leads to the records that a question selects: an index for each part of the caller's reach, and for each value of
//! a choice that an index is made for. SQLite has no statistics to choose by: a column that is not to lead is kept from it.

use kehu_domain::filter::{Condition, Filter, Op, Scalar};
use kehu_domain::record::Kind;
use sea_orm::sea_query::{Cond, Expr, ExprTrait};

use crate::policy::Parts;
use crate::query;
use crate::query_compare::value;
use crate::shapes::{Shape, led};

use super::read::col;

/// Values of a choice that are led to one by one.
const MOST_VALUES: usize = 16;
/// Parts of one statement.
const MOST_PARTS: usize = 64;

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

/// What a filter demands to be equal to a value, or to one of several.
struct Demand<'f> {
    member: &'static str,
    values: Vec<&'f Scalar>,
}

/// A part of the reach, and the column that its index begins with.
type Scope = (Option<&'static str>, Option<Expr>);

/// What leads to what a filter selects within a reach, in an order; without one, to be counted. Where `few` are selected
/// by a condition on ids, that leads.
pub(super) fn leads(kind: &Kind, filter: &Filter, sort: Option<&str>, reach: &Parts, few: bool) -> Vec<Lead> {
    if few {
        return vec![Lead { brought: false, ..lead(kind, reach.held(), None, true) }];
    }
    let demands = demands(filter);
    let is_one = |member: &&str| demands.iter().any(|demand| demand.member == *member);
    if let Some(pin) = led(kind).iter().find(|shape| shape.few && shape.equal.iter().all(|member| is_one(&member))) {
        let one = demands.iter().all(|demand| !pin.equal.contains(&demand.member) || demand.values.len() == 1);
        let ordered = one && sort.is_none_or(|sort| pin.sorts.contains(&sort));
        return vec![lead(kind, reach.held(), Some(pin), !ordered)];
    }
    let scopes = scopes(kind, &demands, reach);
    let parts = scopes.len();
    let mut leads: Vec<Lead> =
        scopes.into_iter().flat_map(|scope| in_scope(kind, &demands, sort, scope, parts)).collect();
    // What is only counted may be led to by ids.
    leads.iter_mut().for_each(|lead| lead.brought &= sort.is_some());
    leads.extend(shared(kind, reach, &demands));
    if leads.is_empty() {
        leads.push(lead(kind, Some(Expr::val(1).eq(0)), None, true));
    }
    leads
}

/// The conditions that must hold and that an index may lead by.
fn demands(filter: &Filter) -> Vec<Demand<'_>> {
    let mut demands: Vec<Demand<'_>> = Vec::new();
    for part in query::parts(filter) {
        let Filter::Is(Condition { member, op: Op::Eq | Op::In, values }) = part else { continue };
        let mut distinct: Vec<&Scalar> = Vec::new();
        values.iter().for_each(|value| {
            if !distinct.contains(&value) {
                distinct.push(value);
            }
        });
        if !distinct.is_empty() && demands.iter().all(|demand| demand.member != member.name) {
            demands.push(Demand { member: member.name, values: distinct });
        }
    }
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
    let is_asked = |team: &&uuid::Uuid| {
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

/// What leads within one part of the reach: an index, once for each value of a choice that it needs one value of.
fn in_scope(kind: &Kind, demands: &[Demand<'_>], sort: Option<&str>, (scope, part): Scope, parts: usize) -> Vec<Lead> {
    let single = demands.iter().filter(|demand| demand.values.len() == 1).map(|demand| demand.member);
    let equal: Vec<&str> = single.chain(scope).collect();
    let shape = best(kind, &equal, sort);
    let choice = demands.iter().filter(|demand| (2..=MOST_VALUES).contains(&demand.values.len())).find_map(|demand| {
        let with: Vec<&str> = equal.iter().copied().chain([demand.member]).collect();
        let longer = best(kind, &with, sort).filter(|longer| longer.equal.contains(&demand.member))?;
        let is_longer = shape.is_none_or(|shape| longer.equal.len() > shape.equal.len());
        (is_longer && demand.values.len() * parts <= MOST_PARTS).then_some((demand, longer))
    });
    let Some((demand, longer)) = choice else {
        let mut lead = lead(kind, part, shape, false);
        // The part has the column itself.
        lead.unled.extend(scope);
        return vec![lead];
    };
    let of_value = |scalar: &&Scalar| {
        let column = col(demand.member).eq(value(scalar));
        let part = part.iter().fold(column, |both, part| both.and(part.clone()));
        let mut lead = lead(kind, Some(part), Some(longer), false);
        lead.unled.extend(scope.into_iter().chain([demand.member]));
        lead
    };
    demand.values.iter().map(of_value).collect()
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
        let leading = by.map_or(&[] as &[&str], |shape| shape.equal);
        let all = led(kind).iter().flat_map(|shape| shape.equal.iter().copied());
        unled.extend(all.filter(|member| *member != "id" && !leading.contains(member)));
    }
    Lead { part, unled, brought: by.is_some() || few, few }
}

/// That a condition does not hold; what is missing fulfils none.
fn not(condition: Expr) -> Expr {
    Expr::expr(Expr::case(condition, Expr::val(1)).finally(Expr::val(0))).eq(0)
}
