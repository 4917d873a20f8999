//! Values that a write brings for fields which the caller sees masked: where nothing came of them, they were compared
//! with what is there. A write that is sure to fail would tell whether they are right, and so would one that changes
//! nothing. What is stored is not counted: the record and the journal show it, and an import may be long.

use std::collections::BTreeSet;

use kehu_domain::custom::CustomValues;
use kehu_domain::field::{Field, Sight};
use kehu_domain::filter::sealed_form;
use kehu_domain::record::{FieldName, Kind};
use kehu_domain::rights::{Action, Relation};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::allowance::{self, What};
use crate::failure::Failure;
use crate::gate::Caller;
use crate::journal::{Entry, Outcome};
use crate::pii;

use super::brought::{self, each_text};

/// Values in clear, each with its field.
#[derive(Clone, Debug, Default)]
pub(crate) struct Brought {
    own: Vec<(&'static Field, String)>,
    /// Of fields that the organisation added, found by their values or not: the name, the number, and the value as it is
    /// kept.
    custom: Vec<(FieldName, i64, Value)>,
}

/// What was compared: how many values, of which fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Compared {
    values: usize,
    fields: BTreeSet<FieldName>,
}

impl Brought {
    /// Those of a body. Masks are none, and what is no value of the field can be compared with nothing.
    pub(crate) fn of(caller: &Caller, kind: &'static Kind, contacts: Option<&'static Kind>, body: &Value) -> Self {
        let mut values = Vec::new();
        for field in kind.fields.iter().filter(|field| is_veiled(caller, kind, field)) {
            let Some(json) = body.get(field.name) else { continue };
            let Some(find) = field.find else { continue };
            let value = |text: &str| sealed_form(find, text, &caller.org().region).ok();
            each_text(json, &mut |text| values.extend(value(text).map(|value| (field, value))));
        }
        let mut custom = custom_values(caller, kind, body);
        let list = contacts.and_then(|kind| body.get("contacts")?.as_array().map(|list| (kind, list)));
        for (kind, contact) in list.into_iter().flat_map(|(kind, list)| list.iter().map(move |one| (kind, one))) {
            let of_contact = Self::of(caller, kind, None, contact);
            values.extend(of_contact.own);
            custom.extend(of_contact.custom);
        }
        Self { own: values, custom }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.own.is_empty() && self.custom.is_empty()
    }

    /// All of them: nothing was written.
    pub(crate) fn all(&self) -> Compared {
        self.but(|_, _| false, |_, _| false)
    }

    /// Those that a change did not write: they were there before, or are not there now.
    pub(crate) fn unwritten(
        &self,
        (before, custom_before): (&[pii::Entry], &CustomValues),
        (after, custom_after): (&[pii::Entry], &CustomValues),
    ) -> Compared {
        let has = |entries: &[pii::Entry], field: &Field, value: &str| {
            let class = field.find.map(pii::class_of);
            entries.iter().any(|entry| Some(entry.class) == class && entry.value == value)
        };
        let custom = |values: &CustomValues, no: i64, value: &Value| values.0.get(&no) == Some(value);
        self.but(
            |field, value| has(after, field, value) && !has(before, field, value),
            |no, value| custom(custom_after, no, value) && !custom(custom_before, no, value),
        )
    }

    fn but(&self, written: impl Fn(&Field, &str) -> bool, custom: impl Fn(i64, &Value) -> bool) -> Compared {
        let mut compared = Compared::default();
        for (name, ..) in self.custom.iter().filter(|(_, no, value)| !custom(*no, value)) {
            compared.values += 1;
            compared.fields.insert(name.clone());
        }
        for (field, _) in self.own.iter().filter(|(field, value)| !written(field, value)) {
            compared.values += 1;
            compared.fields.insert(field.name.into());
        }
        compared
    }
}

impl Compared {
    /// Both together.
    pub(crate) fn with(mut self, other: Self) -> Self {
        self.values += other.values;
        self.fields.extend(other.fields);
        self
    }
}

/// Whether the caller sees it masked of some record that he may write.
fn is_veiled(caller: &Caller, kind: &Kind, field: &Field) -> bool {
    let reach = caller.rights().reach(Action::Update, kind.name);
    let within = reach.relations();
    field.find.is_some() && within.chain([Relation::Own]).any(|how| caller.sees(kind, field, how) != Sight::Full)
}

/// Values of a body for sensitive fields that the organisation added: a refusal tells what is there, and so does a write
/// that changes nothing.
fn custom_values(caller: &Caller, kind: &'static Kind, body: &Value) -> Vec<(FieldName, i64, Value)> {
    let relations = || caller.rights().reach(Action::Update, kind.name).relations().chain([Relation::Own]);
    let fields = caller.org().custom(kind.name);
    let veiled = |no: i64| {
        let field = fields.ever(no)?;
        let sees = |how| caller.rights().sees_custom(kind.name, field, how);
        let is_veiled = field.sensitive && relations().any(|how| sees(how) != Sight::Full);
        is_veiled.then(|| FieldName::Owned(field.name.clone()))
    };
    let values = brought::custom_values(caller, kind, body).0.into_iter();
    values.filter_map(|(no, value)| Some((veiled(no)?, no, value))).collect()
}

/// Refuses to look, where the hour allows no more: a refusal of the wrong values alone would tell the right one.
pub(crate) async fn check(caller: &Caller, veiled: &Brought) -> Result<(), Failure> {
    if veiled.is_empty() { Ok(()) } else { allowance::check(caller, What::Compare).await }
}

/// Whether a failure may come of what the values met. Others come before anything was looked up, or tell the same of
/// every value.
pub(crate) fn may_tell(failure: &Failure) -> bool {
    !matches!(
        failure,
        Failure::Engine(_)
            | Failure::Unreadable(_)
            | Failure::Sealing(_)
            | Failure::Internal(_)
            | Failure::KeyReused
            | Failure::KeyBusy
            | Failure::RefusedBefore
            | Failure::IdTaken
            | Failure::MadeBefore(_)
            | Failure::NotFound
            | Failure::CompareLimited(_)
    )
}

/// Counts and journals what was compared, right or wrong.
///
/// # Errors
/// [`Failure::CompareLimited`]: the hour did not allow so many, and the outcome may not be told.
pub(crate) async fn settle(
    caller: &Caller,
    kind: &'static Kind,
    id: Option<Uuid>,
    compared: Compared,
) -> Result<(), Failure> {
    if compared.values == 0 {
        return Ok(());
    }
    let entry = Entry::access(&format!("{}.compared", kind.name), Outcome::Ok, None);
    let entry = entry.saying(&json!({"values": compared.values}));
    let changed = compared.fields.into_iter().collect();
    let entry = Entry { kind: Some(kind.name), record_id: id, changed, ..entry };
    allowance::charge(caller, What::Compare, compared.values, entry).await
}
