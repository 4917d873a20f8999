//! Questions turned into SQL: what the caller may reach, what was asked for, in which order.

use kehu_domain::custom::SlotValue;
use kehu_domain::field::Find;
use kehu_domain::filter::{Class, Condition, CustomCondition, CustomOperand, Filter, Op, Scalar, SegmentCondition};
use kehu_domain::kinds::Contact;
use kehu_domain::record::{Kind, Record as _};
use kehu_domain::rights::Action;
use kehu_domain::text::normalise;
use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Alias, Cond, Expr, ExprTrait, Func, Query, SelectStatement};
use uuid::Uuid;

use crate::crypto::index::IndexClass;
use crate::dialect::{self, position_function};
use crate::failure::Failure;
use crate::gate::Caller;
use crate::machine::custom;
use crate::machine::read::col;
use crate::pii::{class_of, padded};
use crate::query_compare::{plain, slot_condition, wants_null};
use crate::query_text::{indexed_part, is_documented, is_text};
use crate::rows::custom::column;
use crate::sealed_query::{Holders, Sealed};
use crate::search::{self, Words};
use crate::segments::Held;

/// What is known beforehand of the records that a question selects.
#[derive(Debug, Default)]
pub(crate) struct Narrowed {
    /// A condition that must hold selects few of them by an index of its own.
    pub(crate) few: bool,
    /// All of them are among these.
    pub(crate) among: Option<Vec<Uuid>>,
    /// The words of `q`.
    pub(crate) words: Words,
}

/// Whether a question asks for a part of a name that records may be looked up by first.
pub(crate) fn asks_name(caller: &Caller, kind: &Kind, filter: &Filter, q: Option<&str>) -> bool {
    let named = || parts(filter).iter().any(|part| part_of_text(part).is_some());
    q.is_some() || search::tells_few(caller.db()) && search::is_found_by_document(kind) && named()
}

/// The parts of a filter that must all hold.
pub(crate) fn parts(filter: &Filter) -> &[Filter] {
    match filter {
        Filter::And(parts) => parts.as_slice(),
        other => std::slice::from_ref(other),
    }
}

fn part_of_text(part: &Filter) -> Option<&str> {
    match part {
        Filter::Is(Condition { member, op: Op::Contains | Op::StartsWith, values }) => {
            match (member.class, values.first()) {
                (Class::Name | Class::Phrase | Class::Prose, Some(Scalar::Text(text))) => Some(indexed_part(text)),
                _ => None,
            }
        }
        Filter::Custom(CustomCondition { field, op: Op::Contains | Op::StartsWith, values }) => match values.first() {
            Some(CustomOperand::Slot(SlotValue::Text(text))) if is_documented(field) => Some(indexed_part(text)),
            _ => None,
        },
        _ => None,
    }
}

/// Looks whether a condition that must hold selects few records by an index of its own: a sealed value, a piece of a
/// name, a tag.
pub(crate) async fn narrow(
    caller: &Caller,
    kind: &'static Kind,
    filter: &Filter,
    q: Option<&str>,
) -> Result<Narrowed, Failure> {
    let (db, org) = (caller.db(), caller.org());
    let words = Words::of(caller, kind, q).await?;
    if words.among.is_some() {
        return Ok(Narrowed { few: true, among: None, words });
    }
    if search::is_found_by_document(kind) {
        for text in parts(filter).iter().filter_map(part_of_text) {
            if let Some(ids) = search::may_hold(db, org.id, kind, text).await? {
                return Ok(Narrowed { few: true, among: Some(ids), words });
            }
        }
    }
    for part in parts(filter) {
        if let Filter::Segment(condition) = part
            && !condition.excludes()
            && search::holds_few(db, org.id, kind, &condition.ids).await?
        {
            return Ok(Narrowed { few: true, among: None, words });
        }
        if part.asks_sealed_equality() {
            return Ok(Narrowed { few: true, among: None, words });
        }
        let Filter::Is(condition) = part else { continue };
        let few = match (condition.member.class, condition.op) {
            (Class::Tags, Op::Eq | Op::In | Op::HasAny | Op::HasAll) => {
                let ids: Vec<Uuid> = condition.values.iter().filter_map(|value| tag_id(caller, value)).collect();
                search::marks_few(db, org.id, kind, &ids).await?
            }
            _ => false,
        };
        if few {
            return Ok(Narrowed { few, among: None, words });
        }
    }
    Ok(Narrowed { words, ..Narrowed::default() })
}

/// The living tag that a value names.
pub(crate) fn tag_id(caller: &Caller, value: &Scalar) -> Option<Uuid> {
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
    /// Whether the records that a part of a name selects are known already.
    pub(crate) named: bool,
    /// Whether the condition is held against records that something else brings, and leads to none itself.
    pub(crate) brought: bool,
    /// Columns that lead to no records either.
    pub(crate) unled: &'a [&'static str],
}

impl<C: ConnectionTrait> Compiler<'_, C> {
    /// The condition of a filter. Every leaf is true or false, never unknown: a missing value satisfies only
    /// `is_null`, `ne`, `nin`, `not_within_last` and `not_within_next`.
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
            Filter::Custom(condition) => Cond::all().add(self.custom(condition)),
            Filter::Related(related) => Cond::all().add(self.related(related)),
            Filter::Segment(condition) => self.segments(condition),
        }
    }

    /// A condition on segments: what each of them stands for was looked up.
    fn segments(&self, condition: &SegmentCondition) -> Cond {
        let lists: Vec<Uuid> = condition
            .ids
            .iter()
            .copied()
            .filter(|id| matches!(self.sealed.segments.get(id), Some(Held::List)))
            .collect();
        let none = Cond::any().add(Expr::val(1).eq(0));
        let any = condition.ids.iter().fold(none, |any, id| match self.sealed.segments.get(id) {
            Some(Held::Filter(filter)) => any.add(self.compile(filter)),
            _ => any,
        });
        let any = if lists.is_empty() { any } else { any.add(self.linked(members_of(self.caller.org().id, lists))) };
        if condition.excludes() { any.not() } else { any }
    }

    fn condition(&self, condition: &Condition) -> Expr {
        let member = condition.member;
        match member.class {
            Class::Sealed(find) => self.sealed(find, condition),
            Class::Tags => self.tags(condition),
            Class::Choices if condition.op != Op::IsNull => self.choices(condition),
            Class::Name | Class::Phrase | Class::Prose if matches!(condition.op, Op::Contains | Op::StartsWith) => {
                self.text(condition)
            }
            _ => plain(member.name, &|| self.column(member.name), condition),
        }
    }

    /// A column of the kind; no index is walked by one that is not to lead.
    fn column(&self, name: &str) -> Expr {
        if self.unled.contains(&name) { dialect::unindexed(self.db, name) } else { col(name) }
    }

    fn sealed(&self, find: Find, condition: &Condition) -> Expr {
        if condition.op == Op::IsNull {
            let Some(field) = self.kind.fields.iter().find(|field| field.find == Some(find)) else {
                return Expr::val(1).eq(0);
            };
            let empty = col(field.name).is_null();
            return if wants_null(condition) { empty } else { empty.not() };
        }
        let ids = condition.values.iter().filter_map(|value| match value {
            Scalar::Sealed(value) => self.sealed.get(self.kind, &(class_of(find), value.expose().clone())),
            _ => None,
        });
        let holders: Vec<&Holders> = ids.collect();
        let mut own: Vec<Uuid> = holders.iter().flat_map(|holders| holders.ids.iter().copied()).collect();
        let by_contacts: Vec<Uuid> = holders.iter().flat_map(|holders| holders.by_contacts.iter().copied()).collect();
        let found = if by_contacts.is_empty() || self.contacts_go_along() {
            own.extend(by_contacts);
            self.among(own)
        } else {
            self.among(own).or(self.among(by_contacts).and(self.reads_contacts()))
        };
        if condition.op == Op::Ne { found.not() } else { found }
    }

    /// A condition on a field that the organisation added.
    fn custom(&self, condition: &CustomCondition) -> Expr {
        let field = &condition.field;
        if field.sensitive && condition.op == Op::IsNull {
            return self.has_links(condition);
        }
        if field.sensitive {
            let ids = condition.values.iter().filter_map(|value| match value {
                CustomOperand::Sealed(value) => {
                    self.sealed.get(self.kind, &(IndexClass::Custom, custom::index_value(field, value.expose())))
                }
                _ => None,
            });
            let found = self.among(ids.flat_map(|holders| holders.ids.iter().copied()).collect());
            return if condition.op == Op::Ne { found.not() } else { found };
        }
        if is_text(condition) {
            return self.custom_text(condition);
        }
        match field.slot {
            Some(slot) => slot_condition(&column(slot), condition),
            None => self.choices_linked(condition),
        }
    }

    /// What links tell of the values of a field.
    fn links(&self, field: Uuid) -> SelectStatement {
        Query::select()
            .column(Alias::new("record_id"))
            .from(Alias::new("custom_links"))
            .and_where(col("org_id").eq(self.caller.org().id))
            .and_where(col("field_id").eq(field))
            .to_owned()
    }

    /// That a record has a link of a field which fulfils a condition.
    pub(crate) fn is_linked(&self, field: Uuid, condition: Cond) -> Expr {
        let of_this = Expr::col((Alias::new(self.kind.path), Alias::new("id")));
        Expr::exists(self.links(field).and_where(col("record_id").eq(of_this)).cond_where(condition).to_owned())
    }

    /// Whether a field has a value, where links tell.
    fn has_links(&self, condition: &CustomCondition) -> Expr {
        let some = self.is_linked(condition.field.id, Cond::all());
        if condition.values.first() == Some(&CustomOperand::Flag(true)) { some.not() } else { some }
    }

    /// A condition on several choices.
    fn choices_linked(&self, condition: &CustomCondition) -> Expr {
        let links = || self.links(condition.field.id);
        let picked = |value: &CustomOperand| match value {
            CustomOperand::Slot(SlotValue::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let with = |values: Vec<String>| self.linked(links().and_where(col("value").is_in(padded(values))).to_owned());
        let any = |values: Vec<String>| if values.is_empty() { Expr::val(1).eq(0) } else { with(values) };
        let values: Vec<String> = condition.values.iter().filter_map(picked).collect();
        match condition.op {
            Op::IsNull => self.has_links(condition),
            Op::HasAny | Op::In => any(values),
            Op::Ne | Op::Nin => any(values).not(),
            _ => values.into_iter().map(|value| with(vec![value])).fold(Expr::val(1).eq(1), ExprTrait::and),
        }
    }

    /// That links name a record: they lead to it, or are looked up for one that something else brings.
    fn linked(&self, mut links: SelectStatement) -> Expr {
        if self.brought {
            let of_this = Expr::col((Alias::new(self.kind.path), Alias::new("id")));
            Expr::exists(links.and_where(col("record_id").eq(of_this)).to_owned())
        } else {
            col("id").in_subquery(links)
        }
    }

    /// Whether the caller may read the contacts of every customer that he may read.
    fn contacts_go_along(&self) -> bool {
        let reach = |kind: &str| self.caller.rights().reach(Action::Read, kind);
        let contacts = reach(Contact::KIND.name);
        contacts.with(reach(self.kind.name)) == contacts
    }

    /// A condition on customers: that the caller may read their contacts, which stand to him as they do.
    fn reads_contacts(&self) -> Expr {
        let reach = self.caller.rights().reach(Action::Read, Contact::KIND.name);
        self.within(reach).unwrap_or_else(|| Expr::val(1).eq(1))
    }

    fn tags(&self, condition: &Condition) -> Expr {
        if condition.op == Op::IsNull {
            let empty = col("tag_ids").eq(Vec::<u8>::new());
            return if wants_null(condition) { empty } else { empty.not() };
        }
        let org = self.caller.org();
        let ids: Vec<Option<Uuid>> = condition.values.iter().map(|value| tag_id(self.caller, value)).collect();
        let marked = |ids: Vec<Uuid>| {
            let links = Query::select()
                .column(Alias::new("record_id"))
                .from(Alias::new("tag_links"))
                .and_where(col("org_id").eq(org.id))
                .and_where(col("tag_id").is_in(padded(ids)))
                .and_where(col("kind").eq(self.kind.name))
                .to_owned();
            self.linked(links)
        };
        let nothing = || Expr::val(1).eq(0);
        if matches!(condition.op, Op::HasAny | Op::In | Op::Ne | Op::Nin) {
            let known: Vec<Uuid> = ids.into_iter().flatten().collect();
            let any = if known.is_empty() { nothing() } else { marked(known) };
            return if matches!(condition.op, Op::Ne | Op::Nin) { any.not() } else { any };
        }
        ids.into_iter()
            .map(|id| id.map_or_else(nothing, |id| marked(vec![id])))
            .fold(Expr::val(1).eq(1), ExprTrait::and)
    }

    /// Keys that stand in a list, each between commas: one of them, or all.
    fn choices(&self, condition: &Condition) -> Expr {
        let holds = |key: &str| {
            let place = Func::cust(Alias::new(position_function(self.db)));
            let place = Expr::expr(place.arg(col(condition.member.name)).arg(Expr::val(format!(",{key},"))));
            // A list that is not there is nothing, not unknown.
            col(condition.member.name).is_not_null().and(place.gt(0))
        };
        let keys = condition.values.iter().filter_map(|value| match value {
            Scalar::Text(key) => Some(holds(key)),
            _ => None,
        });
        match condition.op {
            Op::HasAll => keys.fold(Expr::val(1).eq(1), ExprTrait::and),
            Op::Ne | Op::Nin => keys.fold(Expr::val(1).eq(0), ExprTrait::or).not(),
            _ => keys.fold(Expr::val(1).eq(0), ExprTrait::or),
        }
    }
}

/// The records that were put into one of those segments.
fn members_of(org: Uuid, segments: Vec<Uuid>) -> SelectStatement {
    Query::select()
        .column(Alias::new("record_id"))
        .from(Alias::new("segment_members"))
        .and_where(col("org_id").eq(org))
        .and_where(col("segment_id").is_in(padded(segments)))
        .to_owned()
}
