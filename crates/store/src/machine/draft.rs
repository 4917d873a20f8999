//! New records: parsed, and judged by the rules, before any transaction.

use kehu_domain::codes;
use kehu_domain::custom::CustomValues;
use kehu_domain::field::{Field, Sight, Write};
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::Contact;
use kehu_domain::read::{Finding, Members, Reader};
use kehu_domain::record::{Kind, Record, RuleFinding, Weight};
use kehu_domain::rights::{Action, CUSTOM};
use kehu_domain::settings::Settings;
use serde_json::Value;
use uuid::Uuid;

use crate::clock::new_id;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::pii::Entry;
use crate::rows::Rows;

use super::{client_ids, custom};

/// A new record with the contacts it brings.
#[derive(Clone)]
pub(crate) struct New<R> {
    pub(crate) id: Uuid,
    pub(crate) record: Said<R>,
    pub(crate) contacts: Vec<Said<Contact>>,
    /// What the rules of the trade say of it, and refuse nothing for.
    pub(crate) warnings: Vec<Finding>,
    /// What becomes of what the organisation's own rules refuse.
    pub(crate) entry: EntryRules,
    /// Of a record whose id the client made, a hash over what it said.
    pub(crate) said: Option<client_ids::Said>,
}

/// What becomes of what the organisation's own rules refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryRules {
    /// It is refused.
    Refuse,
    /// It is marked on the record, and speaks up at the next change of stage: a lead is not turned away.
    Flag,
    /// Nobody entered it: the system writes it.
    None,
}

/// What is said of one new record.
#[derive(Clone)]
pub(crate) struct Said<R> {
    pub(crate) data: R,
    /// Values of custom fields, and what the record is found under because of them.
    pub(crate) custom: CustomValues,
    custom_entries: Vec<Entry>,
}

impl<R: Rows> Said<R> {
    fn new(caller: &Caller, data: R, custom: CustomValues) -> Self {
        let custom_entries = custom::entries(caller.org().custom(R::KIND.name), &custom);
        Self { data, custom, custom_entries }
    }

    /// What the system makes: custom fields have their defaults.
    pub(crate) fn plain(caller: &Caller, data: R) -> Self {
        Self::new(caller, data, custom::defaults(caller, R::KIND))
    }

    /// All that it is found under.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let mut entries = self.data.entries();
        entries.extend(self.custom_entries.iter().cloned());
        entries
    }

    /// How many those are.
    pub(crate) fn entry_count(&self) -> usize {
        self.data.entry_count() + self.custom_entries.len()
    }
}

/// The most contacts that a new customer may bring.
const MAX_CONTACTS: usize = 100;
/// The most phones, e-mails and WeChat ids that a new record and its contacts may bring.
const MAX_SEALED: usize = 300;

impl<R: Rows> New<R> {
    /// Sealed values of the record and its contacts, each with its place in the body.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let mut entries = self.record.entries();
        for (at, contact) in self.contacts.iter().enumerate() {
            let place = |entry: Entry| Entry { pointer: format!("/contacts/{at}{}", entry.pointer), ..entry };
            entries.extend(contact.entries().into_iter().map(place));
        }
        entries
    }
}

/// The members of a record that somebody says, as far as their fields are not written in one of these ways.
pub(super) fn written(kind: &'static Kind, not: &'static [Write]) -> impl Iterator<Item = &'static str> {
    let fields = kind.fields.iter().filter(move |field| !not.contains(&field.write));
    fields.map(|field| field.name).chain([CUSTOM])
}

/// Parses the body of a create.
pub(crate) fn parse<R: Rows>(caller: &Caller, body: Value) -> Result<New<R>, Failure> {
    let now = caller.gate().now();
    let mut make_id = || new_id(now);
    let region = caller.org().region.clone();
    let mut reader = Reader::new(&region, &mut make_id);
    let Value::Object(mut members) = body else {
        let flaw = Flaw::new(&codes::TYPE_WRONG).with("expected_en", "an object").with("expected_zh", "对象");
        return Err(Failure::refused("", flaw));
    };
    let brought_id = client_ids::brought::<R>(caller, &mut members, &mut reader);
    let (id, said) = brought_id.map_or_else(|| (new_id(now), None), |(id, said)| (id, Some(said)));
    let contacts = if R::BRINGS_CONTACTS { members.remove("contacts") } else { None };
    refuse_unseen(caller, R::KIND, &mut members, &mut reader);
    let data = R::create(&mut members, &mut reader);
    let values = custom::create(caller, R::KIND, members.remove(CUSTOM), &mut reader);
    let contacts = contacts.map(|list| read_contacts(caller, list, id, &mut reader)).unwrap_or_default();
    let brought = R::BRINGS_CONTACTS.then_some("contacts");
    let own_id = R::SAID.is_some().then_some("id");
    let known: Vec<&str> = written(R::KIND, &[Write::Never]).chain(brought).chain(own_id).collect();
    reader.refuse_rest(&members, &known);
    let mut findings = reader.into_findings();
    let mut warnings = Vec::new();
    let mut judge = |(refused, warned): (Vec<Finding>, Vec<Finding>)| {
        findings.extend(refused);
        warnings.extend(warned);
    };
    if let Some(data) = &data {
        judge(rule_findings(&caller.org().settings, data.rules(), ""));
    }
    for (at, contact) in contacts.iter().flatten().enumerate() {
        judge(rule_findings(&caller.org().settings, contact.data.rules(), &format!("/contacts/{at}")));
    }
    match (data, contacts.into_iter().collect::<Option<Vec<Said<Contact>>>>()) {
        (Some(data), Some(contacts)) if findings.is_empty() => {
            let record = Said::new(caller, data, values);
            let new = New { id, record, contacts, warnings, entry: EntryRules::Refuse, said };
            if new.entries().len() > MAX_SEALED {
                let flaw = Flaw::new(&codes::LIST_TOO_LONG).with("max", MAX_SEALED);
                return Err(Failure::refused("/contacts", flaw));
            }
            Ok(new)
        }
        _ => Err(Failure::Refused(findings)),
    }
}

/// Takes out the members that the caller may only read.
pub(super) fn take_read_only(caller: &Caller, kind: &Kind, members: &mut Members) -> Vec<&'static str> {
    let fields = kind.fields.iter().map(|field| field.name);
    fields.filter(|name| !caller.rights().writes(kind.name, name) && members.remove(*name).is_some()).collect()
}

/// Takes out and refuses what a new record brings for fields that the caller may only read, or see of no record that
/// he may make. What is null brings nothing.
fn refuse_unseen(caller: &Caller, kind: &Kind, members: &mut Members, reader: &mut Reader<'_>) {
    members.retain(|_, value| !value.is_null());
    for name in take_read_only(caller, kind, members) {
        reader.inside(name, |reader| reader.flaw(Flaw::new(&codes::READ_ONLY).with("field", name)));
    }
    let reach = caller.rights().reach(Action::Create, kind.name);
    let unseen = |field: &&Field| reach.relations().all(|how| caller.sees(kind, field, how) == Sight::Hidden);
    for field in kind.fields.iter().filter(unseen) {
        if members.remove(field.name).is_some() {
            reader.inside(field.name, |reader| {
                reader.flaw(Flaw::new(&codes::FIELD_HIDDEN).with("field", field.name));
            });
        }
    }
}

fn read_contacts(caller: &Caller, list: Value, customer: Uuid, reader: &mut Reader<'_>) -> Vec<Option<Said<Contact>>> {
    reader.inside("contacts", |reader| {
        let Value::Array(items) = list else {
            if !list.is_null() {
                let flaw = Flaw::new(&codes::TYPE_WRONG).with("expected_en", "a list").with("expected_zh", "列表");
                reader.flaw(flaw);
            }
            return Vec::new();
        };
        if items.len() > MAX_CONTACTS {
            reader.flaw(Flaw::new(&codes::LIST_TOO_LONG).with("max", MAX_CONTACTS));
            return Vec::new();
        }
        let read = |(at, item)| reader.inside(at, |reader| read_contact(caller, item, customer, reader));
        items.into_iter().enumerate().map(read).collect()
    })
}

fn read_contact(caller: &Caller, item: Value, customer: Uuid, reader: &mut Reader<'_>) -> Option<Said<Contact>> {
    let Value::Object(mut members) = item else {
        return reader.typed(None, "an object", "对象");
    };
    refuse_unseen(caller, Contact::KIND, &mut members, reader);
    // The customer is the one that is being made.
    if members.contains_key("customer_id") {
        reader.inside("customer_id", |reader| {
            reader.flaw(Flaw::new(&codes::READ_ONLY).with("field", "customer_id"));
        });
    }
    members.insert("customer_id".to_owned(), Value::from(customer.to_string()));
    // Whoever it names is a contact of another customer, or none: this one has no contacts yet.
    if members.remove("reports_to_id").is_some() {
        reader.inside("reports_to_id", |reader| reader.flaw(Flaw::new(&codes::REPORTS_TOO_EARLY)));
    }
    let contact = Contact::create(&mut members, reader);
    let values = custom::create(caller, Contact::KIND, members.remove(CUSTOM), reader);
    let known: Vec<&str> = written(Contact::KIND, &[Write::Never]).filter(|name| *name != "customer_id").collect();
    reader.refuse_rest(&members, &known);
    contact.map(|data| Said::new(caller, data, values))
}

/// What the rules of the trade refuse and what they warn of, of what they say.
pub(crate) fn rule_findings(
    settings: &Settings,
    rules: impl IntoIterator<Item = RuleFinding>,
    under: &str,
) -> (Vec<Finding>, Vec<Finding>) {
    let (mut refused, mut warned) = (Vec::new(), Vec::new());
    for rule in rules {
        let refuses = settings.weight(&rule) == Weight::Refuses;
        let finding = Finding { pointer: format!("{under}/{}", rule.field), flaw: rule.flaw };
        if refuses { refused.push(finding) } else { warned.push(finding) }
    }
    (refused, warned)
}
