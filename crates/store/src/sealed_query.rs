//! Conditions on sealed members: looked up in the index first, and counted where the caller sees the member masked.

use std::collections::HashMap;
use std::sync::Arc;

use kehu_domain::custom::CustomField;
use kehu_domain::field::{Field, Find, Sight};
use kehu_domain::fields::Birthday;
use kehu_domain::filter::{Class, CustomOperand, Filter, Scalar};
use kehu_domain::kinds::{Contact, Customer};
use kehu_domain::record::{FieldName, Kind, Record as _};
use kehu_domain::rights::Action;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, QueryTrait};
use serde_json::json;
use uuid::Uuid;

use crate::allowance::{self, What};
use crate::crypto::index::IndexClass;
use crate::engine::rows::{Reads, row};
use crate::entities::contact;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::journal::{Entry as JournalEntry, Outcome};
use crate::machine::custom;
use crate::pii::{self, Entry, class_of, padded};
use crate::sealed::contact::BIRTHDAY;
use crate::sealer::Opener;
use crate::segments::{self, Held, Segments};

/// Records of one kind, by class and value.
type ByValue = HashMap<(IndexClass, String), Holders>;

/// What conditions stand for that are looked up before the question is put.
#[derive(Debug, Default)]
pub(crate) struct Sealed {
    /// Records that hold a sealed value, by their kind.
    values: HashMap<&'static str, ByValue>,
    /// Segments, by id: those that the filter names, and those that they use.
    pub(crate) segments: Segments,
}

impl Sealed {
    /// The records of a kind that hold a sealed value.
    pub(crate) fn get(&self, kind: &Kind, value: &(IndexClass, String)) -> Option<&Holders> {
        self.values.get(kind.name)?.get(value)
    }

    /// The same question, with the filters of segments that must hold in the place of their names: what selects few
    /// records is found in them as well.
    pub(crate) fn opened(&self, filter: &Filter) -> Filter {
        match filter {
            Filter::And(parts) => {
                let mut all = Vec::with_capacity(parts.len());
                for part in parts {
                    match self.opened(part) {
                        Filter::And(parts) => all.extend(parts),
                        part => all.push(part),
                    }
                }
                Filter::And(all)
            }
            Filter::Segment(condition) if !condition.excludes() => match condition.ids.as_slice() {
                [id] => match self.segments.get(id) {
                    Some(Held::Filter(filter)) => self.opened(filter),
                    _ => filter.clone(),
                },
                _ => filter.clone(),
            },
            other => other.clone(),
        }
    }
}

/// Records that hold a sealed value.
#[derive(Debug, Default)]
pub(crate) struct Holders {
    /// Those that are found by it.
    pub(crate) ids: Vec<Uuid>,
    /// Customers that are found by it where the caller may read their contacts.
    pub(crate) by_contacts: Vec<Uuid>,
}

/// The most records that the conditions of a filter on sealed members may stand for.
const MOST: usize = 8192;
/// What makes a question fast that stands for more.
const FAST: &str = "birthday (YYYY-MM-DD), phone, email";

/// Looks up the segments that a filter names, and every sealed value that it asks for, in one statement for each kind that
/// is asked. Segments ask for none.
///
/// # Errors
/// [`Failure::TooExpensive`]: more than [`MOST`] records of a kind hold one of them. [`Failure::BadQuestion`]: there is
/// no such segment, or it cannot be asked.
pub(crate) async fn resolve(caller: &Caller, kind: &'static Kind, filter: &Filter) -> Result<Sealed, Failure> {
    let segments = segments::look_up(caller, kind, filter).await?;
    let mut sealed = Sealed { segments, ..Sealed::default() };
    for (kind, wanted) in wanted_of(kind, filter) {
        sealed.values.insert(kind.name, look_up(caller, kind, wanted).await?);
    }
    Ok(sealed)
}

async fn look_up(caller: &Caller, kind: &Kind, wanted: Vec<Wanted>) -> Result<ByValue, Failure> {
    let entries: Vec<Entry> = wanted.iter().map(Wanted::entry).collect();
    let found = pii::find(caller.db(), caller.ring(), caller.org().id, &entries).await?;
    let mut values: ByValue = wanted.iter().map(|one| (one.key(), Holders::default())).collect();
    let mut many = 0;
    for hit in found.hits {
        // A customer is found under its own values and its contacts'.
        let id = if kind.name == "customer" { hit.parent_id } else { hit.record_id };
        let of_kind = kind.name == "customer" || hit.kind == kind.name;
        let one = wanted.get(hit.entry);
        // A field of customers is no field of their contacts.
        let of_kind = of_kind && (hit.kind == kind.name || !one.is_some_and(Wanted::is_custom));
        let holders = one.and_then(|one| values.get_mut(&one.key()));
        if let Some(holders) = holders.filter(|_| of_kind) {
            let places = if hit.kind == kind.name { &mut holders.ids } else { &mut holders.by_contacts };
            places.push(id);
            many += 1;
        }
    }
    if many > MOST {
        return Err(Failure::too_expensive(FAST));
    }
    for ((class, value), Holders { ids, by_contacts }) in &mut values {
        for ids in [&mut *ids, by_contacts] {
            ids.sort_unstable();
            ids.dedup();
        }
        if let Some(day) = whole_day(*class, value) {
            *ids = born_on(caller, day, std::mem::take(ids)).await?;
        }
    }
    Ok(values)
}

/// What a value is looked up under. Of a birthday the index knows the day of the year alone.
pub(crate) fn entry(find: Find, value: &str, pointer: String) -> Entry {
    let value = whole_day(class_of(find), value).map_or_else(|| value.to_owned(), Birthday::index_form);
    Entry { class: class_of(find), value, strong: false, pointer }
}

/// The day, where a birthday is asked for with its year.
fn whole_day(class: IndexClass, value: &str) -> Option<Birthday> {
    let day = Birthday::parse(value).ok().filter(|day| day.has_year())?;
    (class == IndexClass::Birthday).then_some(day)
}

/// A sealed value that is asked for.
#[derive(Clone)]
enum Wanted {
    /// Of a field of the kind.
    Own(Find, String),
    /// Of a field that the organisation added.
    Custom(Arc<CustomField>, String),
}

impl Wanted {
    /// Under which class and value it is found.
    fn key(&self) -> (IndexClass, String) {
        match self {
            Self::Own(find, value) => (class_of(*find), value.clone()),
            Self::Custom(field, form) => (IndexClass::Custom, custom::index_value(field, form)),
        }
    }

    fn entry(&self) -> Entry {
        match self {
            Self::Own(find, value) => entry(*find, value, String::new()),
            Self::Custom(..) => {
                let (class, value) = self.key();
                Entry { class, value, strong: false, pointer: String::new() }
            }
        }
    }

    fn is_custom(&self) -> bool {
        matches!(self, Self::Custom(..))
    }
}

#[derive(FromQueryResult)]
struct Born {
    id: Uuid,
    birthday: Option<Vec<u8>>,
}

row!(Born { id, birthday });

/// Those of the contacts whose birthday, opened, is that day.
async fn born_on(caller: &Caller, day: Birthday, ids: Vec<Uuid>) -> Result<Vec<Uuid>, Failure> {
    use contact::Column as C;
    if ids.is_empty() {
        return Ok(ids);
    }
    let query = contact::Entity::find().select_only().columns([C::Id, C::Birthday]);
    let query = query.filter(C::OrgId.eq(caller.org().id)).filter(C::Id.is_in(padded(ids)));
    let query = query.build(sea_orm::ConnectionTrait::get_database_backend(caller.db()));
    let opener = Opener(caller.ring());
    let mut born = Vec::new();
    for row in caller.db().rows::<Born>(query).await? {
        let text = opener.text(BIRTHDAY, row.id, row.birthday.as_deref())?;
        if text.is_some_and(|text| Birthday::parse(&text).is_ok_and(|known| known.is(day))) {
            born.push(row.id);
        }
    }
    Ok(born)
}

/// Whether a filter asks for a sealed value, which is looked up first.
pub(crate) fn asks(filter: &Filter) -> bool {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().any(asks),
        Filter::Not(part) => asks(part),
        Filter::Related(related) => asks(&related.filter),
        Filter::Segment(_) => false,
        Filter::Is(condition) => matches!(condition.values.first(), Some(Scalar::Sealed(_))),
        Filter::Custom(condition) => matches!(condition.values.first(), Some(CustomOperand::Sealed(_))),
    }
}

/// The sealed values that a filter over a kind asks for, by the kinds that have them.
fn wanted_of(kind: &'static Kind, filter: &Filter) -> Vec<(&'static Kind, Vec<Wanted>)> {
    let mut wanted = Vec::new();
    collect(kind, filter, &mut wanted);
    let mut kinds: Vec<(&'static Kind, Vec<Wanted>)> = Vec::new();
    for (kind, one) in wanted {
        match kinds.iter_mut().find(|(known, _)| known.name == kind.name) {
            Some((_, all)) => all.push(one),
            None => kinds.push((kind, vec![one])),
        }
    }
    kinds
}

fn collect(kind: &'static Kind, filter: &Filter, wanted: &mut Vec<(&'static Kind, Wanted)>) {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().for_each(|part| collect(kind, part, wanted)),
        Filter::Not(part) => collect(kind, part, wanted),
        Filter::Related(related) => collect(related.relation.to, &related.filter, wanted),
        Filter::Is(condition) => {
            if let Class::Sealed(find) = condition.member.class {
                let values = condition.values.iter().filter_map(|value| match value {
                    Scalar::Sealed(value) => Some(Wanted::Own(find, value.expose().clone())),
                    _ => None,
                });
                wanted.extend(values.map(|one| (kind, one)));
            }
        }
        Filter::Custom(condition) => {
            let values = condition.values.iter().filter_map(|value| match value {
                CustomOperand::Sealed(form) => Some(Wanted::Custom(condition.field.clone(), form.expose().clone())),
                _ => None,
            });
            wanted.extend(values.map(|one| (kind, one)));
        }
        // What is kept holds no sealed value.
        Filter::Segment(_) => {}
    }
}

/// Counts and journals the values of a filter that a field is compared with which the caller may see masked only: who
/// may compare as often as he likes has guessed the value in the end.
///
/// # Errors
/// [`Failure::CompareLimited`].
pub(crate) async fn count_compared(caller: &Caller, kind: &'static Kind, filter: &Filter) -> Result<(), Failure> {
    for (kind, wanted) in wanted_of(kind, filter) {
        count(caller, kind, kind.name, wanted).await?;
    }
    Ok(())
}

/// The same for one value that is looked up over all kinds.
pub(crate) async fn count_looked_up(caller: &Caller, kind: &'static Kind, find: Find) -> Result<(), Failure> {
    count(caller, kind, "lookup", vec![Wanted::Own(find, String::new())]).await
}

async fn count(caller: &Caller, kind: &'static Kind, what: &str, wanted: Vec<Wanted>) -> Result<(), Failure> {
    let reach = caller.reach(Action::Read, kind.name)?;
    let within = || reach.relations();
    let veiled = |find: Find| {
        let field = kind.fields.iter().find(|field| field.find == Some(find));
        // A customer is compared with what its contacts have as well.
        let through = if kind.name == Customer::KIND.name { Contact::KIND } else { kind };
        let same = through.fields.iter().find(|field| field.find == Some(find));
        let veils = |kind: &Kind, field: &Field| within().any(|how| caller.sees(kind, field, how) != Sight::Full);
        field.filter(|field| veils(kind, field) || same.is_some_and(|same| veils(through, same)))
    };
    let veils_custom =
        |field: &CustomField| within().any(|how| caller.rights().sees_custom(kind.name, field, how) != Sight::Full);
    let named = |one: Wanted| match one {
        Wanted::Own(find, _) => veiled(find).map(|field| FieldName::Borrowed(field.name)),
        Wanted::Custom(field, _) => veils_custom(&field).then(|| FieldName::Owned(field.name.clone())),
    };
    let fields: Vec<FieldName> = wanted.into_iter().filter_map(named).collect();
    if fields.is_empty() {
        return Ok(());
    }
    let values = fields.len();
    let mut changed = fields;
    changed.sort_unstable();
    changed.dedup();
    let entry = JournalEntry::access(&format!("{what}.compared"), Outcome::Ok, None).saying(&json!({"values": values}));
    let entry = JournalEntry { kind: Some(kind.name), changed, ..entry };
    allowance::take(caller, What::Compare, values, entry).await
}
