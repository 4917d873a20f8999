//! Questions turned into SQL: what the caller may reach, what was asked for, in which order.

use std::collections::HashMap;

use kehu_domain::field::Find;
use kehu_domain::filter::{Class, Condition, Filter, Op, Scalar};
use kehu_domain::record::{Base, Kind};
use kehu_domain::rights::Reach;
use kehu_domain::text::normalise;
use sea_orm::sea_query::{Alias, Cond, Expr, ExprTrait, Func, Query};
use sea_orm::{ConnectionTrait, Value};
use uuid::Uuid;

use crate::dialect::position_function;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::machine::read::col;
use crate::pii::{self, Entry, class_of, padded};
use crate::rows::sentinel;
use crate::search;

/// Whether an action of that reach covers a record.
pub(crate) fn covers(caller: &Caller, reach: Reach, _: &Kind, base: &Base) -> bool {
    reach.covers(caller.relation(base.owner_id, base.team_id))
}

/// The parts of a reach, each of which walks an index of its own: everything, or one's own and each team's.
pub(crate) fn branches(caller: &Caller, reach: Reach) -> Vec<Option<Expr>> {
    if reach.all {
        return vec![None];
    }
    let mut parts = Vec::new();
    if let Some(user) = caller.principal().user().filter(|_| reach.own) {
        parts.push(Some(col("owner_id").eq(user)));
    }
    if reach.team {
        parts.extend(caller.teams().iter().map(|team| Some(col("team_id").eq(*team))));
    }
    parts
}

/// Records that hold a sealed value, by class and value.
pub(crate) type Sealed = HashMap<(Find, String), Vec<Uuid>>;

/// The most records that a condition on a sealed field may stand for.
const MAX_SEALED: usize = 1000;

/// Looks up every sealed value that a filter asks for, in one statement.
pub(crate) async fn resolve_sealed(caller: &Caller, kind: &Kind, filter: &Filter) -> Result<Sealed, Failure> {
    let mut wanted = Vec::new();
    collect_sealed(filter, &mut wanted);
    if wanted.is_empty() {
        return Ok(Sealed::new());
    }
    let entries: Vec<Entry> = wanted
        .iter()
        .map(|(find, value)| Entry {
            class: class_of(*find),
            value: value.clone(),
            strong: false,
            pointer: String::new(),
        })
        .collect();
    let found = pii::find(caller.db(), caller.ring(), caller.org().id, &entries).await?;
    let mut sealed: Sealed = wanted.iter().map(|key| (key.clone(), Vec::new())).collect();
    for hit in found.hits {
        // A customer is found under its own values and its contacts'.
        let id = if kind.name == "customer" { hit.parent_id } else { hit.record_id };
        let of_kind = kind.name == "customer" || hit.kind == kind.name;
        let ids = wanted.get(hit.entry).and_then(|key| sealed.get_mut(key));
        if let Some(ids) = ids.filter(|ids| of_kind && ids.len() < MAX_SEALED && !ids.contains(&id)) {
            ids.push(id);
        }
    }
    Ok(sealed)
}

/// Whether a filter asks for a sealed value, which is looked up first.
pub(crate) fn asks_sealed(filter: &Filter) -> bool {
    let mut wanted = Vec::new();
    collect_sealed(filter, &mut wanted);
    !wanted.is_empty()
}

fn collect_sealed(filter: &Filter, wanted: &mut Vec<(Find, String)>) {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().for_each(|part| collect_sealed(part, wanted)),
        Filter::Not(part) => collect_sealed(part, wanted),
        Filter::Is(condition) => {
            if let Class::Sealed(find) = condition.member.class {
                let texts = condition.values.iter().filter_map(|value| match value {
                    Scalar::Text(text) => Some((find, text.clone())),
                    _ => None,
                });
                wanted.extend(texts);
            }
        }
    }
}

/// Whether a condition that must hold selects few records by an index of its own: a sealed value, a piece of a name,
/// a tag.
pub(crate) async fn selects_few(
    caller: &Caller,
    kind: &Kind,
    filter: &Filter,
    q: Option<&str>,
) -> Result<bool, Failure> {
    let (db, org) = (caller.db(), caller.org());
    for word in q.iter().flat_map(|q| q.split_whitespace()) {
        if search::selects_few(db, org.id, kind.name, word).await? {
            return Ok(true);
        }
    }
    let parts = match filter {
        Filter::And(parts) => parts.as_slice(),
        other => std::slice::from_ref(other),
    };
    for part in parts {
        let Filter::Is(condition) = part else { continue };
        let few = match (condition.member.class, condition.op) {
            (Class::Sealed(_), Op::Eq | Op::In) => true,
            (Class::Name, Op::Contains | Op::StartsWith) if is_searched(kind) => match condition.values.first() {
                Some(Scalar::Text(text)) => search::selects_few(db, org.id, kind.name, text).await?,
                _ => false,
            },
            (Class::Tags, Op::Eq | Op::HasAny | Op::HasAll) => {
                let ids: Vec<Uuid> = condition.values.iter().filter_map(|value| tag_id(caller, value)).collect();
                search::marks_few(db, org.id, &ids).await?
            }
            _ => false,
        };
        if few {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The living tag that a value names.
fn tag_id(caller: &Caller, value: &Scalar) -> Option<Uuid> {
    let org = caller.org();
    match value {
        Scalar::Id(id) => Some(*id).filter(|id| org.has_tag(*id)),
        Scalar::Text(name) => org.tag_named(&normalise(name)),
        _ => None,
    }
}

/// Compiles filters of one kind.
pub(crate) struct Compiler<'a, C> {
    pub(crate) db: &'a C,
    pub(crate) caller: &'a Caller,
    pub(crate) kind: &'static Kind,
    pub(crate) sealed: &'a Sealed,
}

impl<C: ConnectionTrait> Compiler<'_, C> {
    /// The condition of a filter. Every leaf is true or false, never unknown: a missing value satisfies only
    /// `is_null`, `ne`, `nin` and `not_within_last`.
    pub(crate) fn compile(&self, filter: &Filter) -> Cond {
        match filter {
            Filter::And(parts) => parts.iter().fold(Cond::all(), |all, part| all.add(self.compile(part))),
            Filter::Or(parts) => {
                // An empty choice holds for nothing.
                let none = Cond::any().add(Expr::val(1).eq(0));
                parts.iter().fold(none, |any, part| any.add(self.compile(part)))
            }
            Filter::Not(part) => self.compile(part).not(),
            Filter::Is(condition) => Cond::all().add(self.condition(condition)),
        }
    }

    fn condition(&self, condition: &Condition) -> Expr {
        let member = condition.member;
        match member.class {
            Class::Sealed(find) => self.sealed(find, condition),
            Class::Tags => self.tags(condition),
            Class::Name if matches!(condition.op, Op::Contains | Op::StartsWith) => self.name(condition),
            _ => plain(member.name, condition),
        }
    }

    fn sealed(&self, find: Find, condition: &Condition) -> Expr {
        if condition.op == Op::IsNull {
            let column = match find {
                Find::Phone => "phones",
                Find::Email => "emails",
                Find::Wechat => "wechat",
            };
            let empty = col(column).is_null();
            return if wants_null(condition) { empty } else { empty.not() };
        }
        let ids = condition.values.iter().filter_map(|value| match value {
            Scalar::Text(text) => self.sealed.get(&(find, text.clone())),
            _ => None,
        });
        let ids: Vec<Uuid> = ids.flatten().copied().collect();
        let found = if ids.is_empty() { Expr::val(1).eq(0) } else { col("id").is_in(padded(ids)) };
        if condition.op == Op::Ne { found.not() } else { found }
    }

    fn tags(&self, condition: &Condition) -> Expr {
        if condition.op == Op::IsNull {
            let empty = col("tag_ids").eq(Vec::<u8>::new());
            return if wants_null(condition) { empty } else { empty.not() };
        }
        let org = self.caller.org();
        let ids: Vec<Option<Uuid>> = condition.values.iter().map(|value| tag_id(self.caller, value)).collect();
        let linked = |ids: Vec<Uuid>| {
            let links = Query::select()
                .column(Alias::new("record_id"))
                .from(Alias::new("tag_links"))
                .and_where(col("org_id").eq(org.id))
                .and_where(col("tag_id").is_in(padded(ids)))
                .and_where(col("kind").eq(self.kind.name))
                .to_owned();
            col("id").in_subquery(links)
        };
        let nothing = || Expr::val(1).eq(0);
        if condition.op == Op::HasAny {
            let known: Vec<Uuid> = ids.into_iter().flatten().collect();
            return if known.is_empty() { nothing() } else { linked(known) };
        }
        ids.into_iter()
            .map(|id| id.map_or_else(nothing, |id| linked(vec![id])))
            .fold(Expr::val(1).eq(1), ExprTrait::and)
    }

    /// The real substring of the normalised name; tokens narrow it first.
    fn name(&self, condition: &Condition) -> Expr {
        let Some(Scalar::Text(text)) = condition.values.first() else { return Expr::val(1).eq(0) };
        let contains = condition.op == Op::Contains;
        self.name_holds(text, contains)
    }

    /// A condition that the normalised name holds a text: anywhere, or at its beginning.
    pub(crate) fn name_holds(&self, text: &str, anywhere: bool) -> Expr {
        let norm = normalise(text);
        let at =
            Expr::expr(Func::cust(Alias::new(position_function(self.db))).arg(col("name_norm")).arg(Expr::val(norm)));
        let holds = if anywhere { at.gt(0) } else { at.eq(1) };
        match search::matches(self.db, self.caller.org().id, self.kind.name, text) {
            Some(tokens) if is_searched(self.kind) => tokens.and(holds),
            _ => holds,
        }
    }
}

/// Kinds whose names are in the text index; the others are few and are walked.
fn is_searched(kind: &Kind) -> bool {
    matches!(kind.name, "customer" | "contact")
}

fn wants_null(condition: &Condition) -> bool {
    condition.values.first() == Some(&Scalar::Flag(true))
}

fn value(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::Text(text) => text.clone().into(),
        Scalar::Id(id) => (*id).into(),
        Scalar::Time(time) => (*time).into(),
        Scalar::Int(int) => (*int).into(),
        Scalar::Flag(flag) => (*flag).into(),
    }
}

fn plain(name: &str, condition: &Condition) -> Expr {
    let values: Vec<Value> = condition.values.iter().map(value).collect();
    let first = || Expr::val(values.first().cloned().unwrap_or(Value::Bool(None)));
    let second = || Expr::val(values.get(1).cloned().unwrap_or(Value::Bool(None)));
    let column = || col(name);
    // A missing value satisfies no comparison; where a sentinel stands for it, it is named.
    let some = |expr: Expr| match sentinel(name) {
        Some(missing) => expr.and(column().ne(missing)),
        None => expr.and(column().is_not_null()),
    };
    let missing = || match sentinel(name) {
        Some(missing) => column().eq(missing),
        None => column().is_null(),
    };
    match condition.op {
        Op::Eq | Op::HasAny | Op::HasAll | Op::Contains => some(column().eq(first())),
        Op::Ne => some(column().eq(first())).not(),
        Op::Lt => some(column().lt(first())),
        Op::Lte => some(column().lte(first())),
        Op::Gt => some(column().gt(first())),
        Op::Gte | Op::WithinLast => some(column().gte(first())),
        Op::NotWithinLast => some(column().gte(first())).not(),
        Op::In if values.is_empty() => Expr::val(1).eq(0),
        Op::Nin if values.is_empty() => Expr::val(1).eq(1),
        Op::In => some(column().is_in(padded(values))),
        Op::Nin => some(column().is_in(padded(values))).not(),
        Op::Between => some(column().gte(first()).and(column().lte(second()))),
        Op::IsNull if wants_null(condition) => missing(),
        Op::IsNull => missing().not(),
        Op::StartsWith => match condition.values.first() {
            Some(Scalar::Text(text)) => some(column().gte(text.as_str()).and(column().lt(format!("{text}\u{10ffff}")))),
            _ => Expr::val(1).eq(0),
        },
    }
}
