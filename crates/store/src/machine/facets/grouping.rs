//! By what records can be grouped: fields whose value whoever asks sees of every record within reach.

use std::sync::Arc;

use kehu_domain::codes;
use kehu_domain::custom::{CustomField, CustomType, Slot};
use kehu_domain::field::{Field, Shape, Sight, Vocabulary};
use kehu_domain::filter::{Class, Member, members};
use kehu_domain::flaw::Flaw;
use kehu_domain::period::Period;
use kehu_domain::record::Kind;
use kehu_domain::rights::{Action, Sights};
use kehu_domain::value::{Industry, Region};

use crate::failure::Failure;
use crate::gate::Caller;
use crate::machine::question::wrong;
use crate::policy;
use crate::rows::custom::column;

/// One way to group.
pub(super) struct Grouping {
    /// As it was asked for: `created_at.month`.
    pub(super) name: String,
    pub(super) by: By,
    pub(super) show: Show,
}

/// Where the values stand.
pub(super) enum By {
    /// In a column of texts.
    Text(String),
    /// In a column of codes that lie in each other.
    Nested(String, Above),
    /// In a column of whole numbers.
    Number(String),
    /// In a column of flags.
    Flag(String),
    /// In a column of ids.
    Id(String),
    /// In a column of moments; of milliseconds, in a slot.
    Moment { column: String, in_slot: bool, period: Period },
    /// In a column of days, as texts; of their numbers, in a slot.
    Day { column: String, in_slot: bool, period: Period },
    /// In the links of tags.
    Tags,
    /// In a column of keys between commas.
    Keys(String, &'static Vocabulary),
    /// In the links of a field that the organisation added.
    Links(Arc<CustomField>),
}

/// The codes that a code lies in, itself among them.
pub(super) type Above = fn(&str) -> Vec<String>;

/// What stands beside a value.
pub(super) enum Show {
    /// Nothing.
    Plain,
    /// True or false, where a slot holds 1 or 0.
    Flag,
    /// Labels of a vocabulary.
    Vocabulary(&'static Vocabulary),
    /// Labels of what the organisation laid down.
    Choices(Arc<CustomField>),
    /// The record that it points to, under this name. `told`: only where the caller reads it.
    Reference {
        under: &'static str,
        told: bool,
    },
    Industry,
    Region,
    /// The first day of the period, and of the next.
    Period(Period),
}

/// Every name by which records of a kind can be grouped, fields that organisations add aside.
pub fn groupings(kind: &'static Kind) -> Vec<String> {
    let named = |member: Member| match member.class {
        Class::Time | Class::Day => Period::ALL.iter().map(|(_, key)| format!("{}.{key}", member.name)).collect(),
        _ => of_member(kind, member, None).map(|_| member.name.to_owned()).into_iter().collect::<Vec<_>>(),
    };
    members(kind).flat_map(named).collect()
}

impl Grouping {
    /// The grouping of that name.
    ///
    /// # Errors
    /// [`Failure::BadQuestion`] where there is none, or where whoever asks does not see the field of every record.
    pub(super) fn of(caller: &Caller, kind: &'static Kind, name: &str, at: &str) -> Result<Self, Failure> {
        let parted = name.rsplit_once('.').and_then(|(field, key)| Some((field, Period::from_key(key)?)));
        let (field, period) = parted.map_or((name, None), |(field, period)| (field, Some(period)));
        let found = if name.starts_with("custom.") {
            // A key may be called like a period.
            let whole = custom_named(caller, kind, name).map(|field| (field, None));
            let known = whole.or_else(|| custom_named(caller, kind, field).map(|field| (field, period)));
            match known {
                Some((field, period)) => of_custom(&field, period, at)?,
                None => None,
            }
        } else {
            known(caller, kind).find(|member| member.name == field).and_then(|member| of_member(kind, member, period))
        };
        let (by, show) = found.ok_or_else(|| unknown(caller, kind, name, at))?;
        Ok(Self { name: name.to_owned(), by, show })
    }
}

fn unknown(caller: &Caller, kind: &'static Kind, name: &str, at: &str) -> Failure {
    let named = |member: Member| match member.class {
        Class::Time | Class::Day => Some(periods(member.name)),
        _ => of_member(kind, member, None).map(|_| member.name.to_owned()),
    };
    let custom = customs(caller, kind).filter(|field| field.filterable).filter_map(|field| match field.holds {
        CustomType::Date | CustomType::Time => Some(periods(&field.name)),
        _ => custom_by(&field, None).map(|_| field.name.clone()),
    });
    let known: Vec<String> = known(caller, kind).filter_map(named).chain(custom).collect();
    wrong(at, Flaw::new(&codes::FACET_UNKNOWN).with("value", name).with("known", known.join(", ")))
}

fn periods(name: &str) -> String {
    let keys: Vec<&str> = Period::ALL.iter().map(|(_, key)| *key).collect();
    format!("{name}.{}", keys.join("|"))
}

/// Whether the caller sees a field in full of every record within reach.
fn sees_all(caller: &Caller, kind: &Kind, sights: Sights) -> bool {
    caller.rights().reach(Action::Read, kind.name).relations().all(|how| sights.of(how) == Sight::Full)
}

/// The members whose values tell the caller nothing that records do not.
fn known(caller: &Caller, kind: &'static Kind) -> impl Iterator<Item = Member> {
    let hidden = policy::hidden(caller, kind);
    let is_seen = move |member: &Member| {
        let field: Option<&Field> = kind.field(member.name);
        !hidden.contains(&member.name)
            && field.is_none_or(|field| sees_all(caller, kind, caller.rights().sights(kind.name, field)))
    };
    members(kind).filter(is_seen)
}

fn customs(caller: &Caller, kind: &Kind) -> impl Iterator<Item = Arc<CustomField>> {
    let seen = |field: &Arc<CustomField>| sees_all(caller, kind, caller.rights().custom_sights(kind.name, field));
    policy::askable(caller, kind).into_iter().filter(move |field| !field.sensitive && seen(field))
}

fn custom_named(caller: &Caller, kind: &Kind, name: &str) -> Option<Arc<CustomField>> {
    customs(caller, kind).find(|field| field.name == name)
}

fn of_member(kind: &Kind, member: Member, period: Option<Period>) -> Option<(By, Show)> {
    let shape = kind.field(member.name).map(|field| field.shape);
    let column = || member.name.to_owned();
    if let Some(period) = period {
        let by = match member.class {
            Class::Time => By::Moment { column: column(), in_slot: false, period },
            Class::Day => By::Day { column: column(), in_slot: false, period },
            _ => return None,
        };
        return Some((by, Show::Period(period)));
    }
    Some(match (member.class, shape) {
        (Class::Choice, Some(Shape::Choice(vocabulary))) => (By::Text(column()), Show::Vocabulary(vocabulary)),
        (Class::Word | Class::Quarter, _) => (By::Text(column()), Show::Plain),
        (Class::Industry, _) => {
            let above: Above = |code| Industry::from_stored(code.to_owned()).and_above();
            (By::Nested(column(), above), Show::Industry)
        }
        (Class::Region, _) => {
            let above: Above = |code| Region::from_stored(code.to_owned()).and_above();
            (By::Nested(column(), above), Show::Region)
        }
        (Class::Flag, _) => (By::Flag(column()), Show::Plain),
        (Class::Int, _) if member.name != "version" => (By::Number(column()), Show::Plain),
        (Class::Id, Some(Shape::Ref(_))) => {
            let under = kind.field(member.name).and_then(Field::display_name)?;
            (By::Id(column()), Show::Reference { under, told: false })
        }
        (Class::Id, None) if member.name == "created_by" => {
            (By::Id(column()), Show::Reference { under: "user", told: false })
        }
        (Class::Tags, _) => (By::Tags, Show::Reference { under: "tag", told: false }),
        (Class::Choices, Some(Shape::Choices(vocabulary))) => {
            (By::Keys(column(), vocabulary), Show::Vocabulary(vocabulary))
        }
        _ => return None,
    })
}

fn of_custom(field: &Arc<CustomField>, period: Option<Period>, at: &str) -> Result<Option<(By, Show)>, Failure> {
    let missing = match &**field {
        field if !field.filterable => &codes::CUSTOM_NOT_FILTERABLE,
        field if !field.is_indexed => &codes::CUSTOM_NOT_INDEXED,
        _ => return Ok(custom_by(field, period)),
    };
    Err(wrong(at, Flaw::new(missing).with("field", &field.name)))
}

/// Texts are normalised where they are compared, and numbers are many: neither groups.
fn custom_by(field: &Arc<CustomField>, period: Option<Period>) -> Option<(By, Show)> {
    let slot = || field.slot.map(|slot: Slot| column(slot));
    Some(match (field.holds, period) {
        (CustomType::Date, Some(period)) => (By::Day { column: slot()?, in_slot: true, period }, Show::Period(period)),
        (CustomType::Time, Some(period)) => {
            (By::Moment { column: slot()?, in_slot: true, period }, Show::Period(period))
        }
        (CustomType::Choice, None) => (By::Text(slot()?), Show::Choices(field.clone())),
        (CustomType::Choices, None) => (By::Links(field.clone()), Show::Choices(field.clone())),
        (CustomType::Boolean, None) => (By::Number(slot()?), Show::Flag),
        (CustomType::Reference, None) => {
            (By::Text(slot()?), Show::Reference { under: field.target.unwrap_or("record"), told: true })
        }
        _ => return None,
    })
}
