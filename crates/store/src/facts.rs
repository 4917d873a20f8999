//! A record with what hangs on it, as a filter is held against it in memory: what a list would select, one record fits.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use kehu_domain::custom::CustomField;
use kehu_domain::field::Find;
use kehu_domain::filter::{Fact, Facts, Filter, Member, Relation, Scalar, relations};
use kehu_domain::kinds::{Contact, Customer};
use kehu_domain::record::{Kind, Record as _};
use kehu_domain::rights::Action;
use serde_json::Value;
use uuid::Uuid;

use crate::failure::Failure;
use crate::gate::Caller;
use crate::machine::{Local, Resource, Shown, question};
use crate::policy;
use crate::query::tag_id;
use crate::registry::machine;
use crate::sealed_query;
use crate::segments::{self, Held, Segments};

/// A record and the related ones that the caller may read, as far as filters ask for them.
pub(crate) struct Dossier {
    record: Rc<dyn Shown>,
    related: HashMap<&'static str, Vec<Rc<Dossier>>>,
}

impl Dossier {
    /// The record's id.
    pub(crate) fn id(&self) -> Uuid {
        self.record.base().id
    }

    /// Whether the record fits a filter over its kind.
    pub(crate) fn fits(&self, caller: &Caller, filter: &Filter, segments: &Looked) -> bool {
        filter.holds(&Known { caller, dossier: self, segments })
    }

    #[cfg(test)]
    pub(crate) fn facts<'d>(&'d self, caller: &'d Caller, segments: &'d Looked) -> impl Facts + 'd {
        Known { caller, dossier: self, segments }
    }
}

/// The segments that filters name, looked up.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    segments: Segments,
    /// Segment and record, of those that are lists.
    listed: HashSet<(Uuid, Uuid)>,
}

impl Looked {
    /// Looks up the segments that a filter over a kind names, as far as they hold some of these records.
    async fn up(caller: &Caller, kind: &'static Kind, filter: &Filter, ids: &[Uuid]) -> Result<Self, Failure> {
        let segments = segments::look_up(caller, kind, filter).await?;
        let lists = segments.iter().filter(|(_, held)| matches!(held, Held::List)).map(|(id, _)| *id);
        let mut listed = HashSet::new();
        for segment in lists.collect::<Vec<Uuid>>() {
            listed.extend(segments::those_in(caller, segment, ids).await?.into_iter().map(|record| (segment, record)));
        }
        Ok(Self { segments, listed })
    }

    /// What live ones stand for.
    fn filters(&self) -> impl Iterator<Item = &Filter> {
        self.segments.values().filter_map(|held| match held {
            Held::Filter(filter) => Some(filter),
            Held::List => None,
        })
    }
}

/// Those of the living records of a kind, among these and within the caller's reach, that fit a filter as the `where` of
/// a search says it; in the order of their ids.
///
/// # Errors
/// [`Failure::BadQuestion`], [`Failure::Forbidden`].
pub async fn fitting(caller: &Caller, resource: Resource, asked: &Value, ids: Vec<Uuid>) -> Result<Vec<Uuid>, Failure> {
    let kind = resource.kind();
    let mut reader = question::filters(caller, kind, policy::hidden(caller, kind));
    let filter = reader.body(asked, "/where").map_err(Failure::BadQuestion)?;
    let segments = Looked::up(caller, kind, &filter, &ids).await?;
    let filters: Vec<&Filter> = std::iter::once(&filter).chain(segments.filters()).collect();
    let records = resource.0.load(caller, ids).await?.into_iter().map(Rc::from).collect();
    let dossiers = load(caller, kind, records, &filters).await?;
    let fits = dossiers.iter().filter(|dossier| dossier.fits(caller, &filter, &segments));
    let mut fitting: Vec<Uuid> = fits.map(|dossier| dossier.id()).collect();
    fitting.sort_unstable();
    Ok(fitting)
}

/// What hangs on a customer is read whole: none of it may be left out of a condition.
const EACH: u64 = 1_000_000;

/// Loads what filters over a kind ask for of each of its records, in one statement for each relation.
pub(crate) fn load<'t>(
    caller: &'t Caller,
    kind: &'static Kind,
    records: Vec<Rc<dyn Shown>>,
    filters: &'t [&'t Filter],
) -> Local<'t, Vec<Rc<Dossier>>> {
    Box::pin(async move {
        let mut all: Vec<Dossier> =
            records.into_iter().map(|record| Dossier { record, related: HashMap::new() }).collect();
        for relation in relations(kind) {
            let mut inner = Vec::new();
            filters.iter().for_each(|filter| inside(filter, relation, &mut inner));
            // A customer is found by its contacts' sealed values as well.
            let found_by = relation.to.name == Contact::KIND.name && kind.name == Customer::KIND.name;
            let wanted = !inner.is_empty() || found_by && filters.iter().any(|filter| asks_sealed(filter));
            if !wanted || caller.rights().reach(Action::Read, relation.to.name).is_none() {
                continue;
            }
            let machine = machine(relation.to.name).ok_or_else(|| Failure::Internal("a relation to no kind".into()))?;
            let found = match relation.by {
                None => machine.of_customers(caller, all.iter().map(Dossier::id).collect(), EACH).await?,
                Some(field) => {
                    let mut ids: Vec<Uuid> = all.iter().filter_map(|one| one.record.target(field)).collect();
                    ids.sort_unstable();
                    ids.dedup();
                    machine.load(caller, ids).await?
                }
            };
            let found = found.into_iter().map(Rc::from).collect();
            let mut by: HashMap<Uuid, Vec<Rc<Dossier>>> = HashMap::new();
            for one in load(caller, relation.to, found, &inner).await? {
                let leads = if relation.by.is_some() { one.id() } else { one.record.customer() };
                by.entry(leads).or_default().push(one);
            }
            for one in &mut all {
                let key = relation.by.map_or(Some(one.id()), |field| one.record.target(field));
                let related = key.and_then(|key| by.get(&key)).cloned().unwrap_or_default();
                one.related.insert(relation.name, related);
            }
        }
        Ok(all.into_iter().map(Rc::new).collect())
    })
}

/// What a filter asks of the records at the end of a relation.
fn inside<'f>(filter: &'f Filter, relation: &'static Relation, all: &mut Vec<&'f Filter>) {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().for_each(|part| inside(part, relation, all)),
        Filter::Not(part) => inside(part, relation, all),
        Filter::Related(related) if related.relation == relation => all.push(&related.filter),
        Filter::Related(_) | Filter::Is(_) | Filter::Custom(_) | Filter::Segment(_) => {}
    }
}

/// Whether a filter asks for a sealed value of the record itself.
fn asks_sealed(filter: &Filter) -> bool {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().any(asks_sealed),
        Filter::Not(part) => asks_sealed(part),
        Filter::Related(_) | Filter::Segment(_) => false,
        Filter::Is(_) | Filter::Custom(_) => sealed_query::asks(filter),
    }
}

/// A dossier, as the caller may know it.
struct Known<'a> {
    caller: &'a Caller,
    dossier: &'a Dossier,
    segments: &'a Looked,
}

impl Facts for Known<'_> {
    fn fact(&self, member: Member) -> Fact {
        self.dossier.record.fact(member)
    }

    fn forms(&self, find: Find) -> Vec<String> {
        let record = &self.dossier.record;
        let mut forms = record.forms(find);
        if record.kind().name == Customer::KIND.name {
            let contacts = self.dossier.related.get("contacts").into_iter().flatten();
            forms.extend(contacts.flat_map(|contact| contact.record.forms(find)));
        }
        forms
    }

    fn custom(&self, field: &CustomField) -> Option<&Value> {
        self.dossier.record.base().custom.0.get(&field.no)
    }

    fn tag(&self, said: &Scalar) -> Option<Uuid> {
        tag_id(self.caller, said)
    }

    fn has_related(&self, relation: &Relation, fits: &dyn Fn(&dyn Facts) -> bool) -> bool {
        let related = self.dossier.related.get(relation.name).into_iter().flatten();
        related.into_iter().any(|dossier| fits(&Known { caller: self.caller, dossier, segments: self.segments }))
    }

    fn in_segment(&self, segment: Uuid) -> bool {
        match self.segments.segments.get(&segment) {
            Some(Held::Filter(filter)) => filter.holds(self),
            Some(Held::List) => self.segments.listed.contains(&(segment, self.dossier.id())),
            None => false,
        }
    }
}

#[cfg(test)]
#[path = "facts_tests.rs"]
mod tests;
