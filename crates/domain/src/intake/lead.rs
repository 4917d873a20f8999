//! A submission as the form's mapping reads it: who it is, how to reach the person, what was said.

use uuid::Uuid;

use crate::fields::{
    BankAccounts, Collaborators, ElementValue, Elements, ExternalIds, Line, Lines, Ref, SealedText, Several, Tags,
    Text, Words,
};
use crate::kinds::{Contact, Customer, CustomerKind, Form, Need, SizeBand, Stage};
use crate::record::{Record, RuleFinding, Weight};
use crate::value::{Budget, CreditCode, Industry, Quarter, Region};

use super::attribution::Attribution;
use super::flags::{NAME_MISSING, SPAM_HONEYPOT, UNREACHABLE};
use super::given::{Given, TEXT};
use super::names::{Names, cut};
use super::reach::{Holder, Reach};
use super::reading::Reading;
use super::scan::Scan;

/// Longest remark, in characters.
const MAX_REMARK: usize = 5000;
/// Longest summary, in characters.
const MAX_SUMMARY: usize = 10_000;
/// Names that are about the submission and not about the person.
const RESERVED: [&str; 4] = ["_key", "_charset_", "key", "test"];

/// A submission as the form's mapping reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct Lead {
    /// Ways to reach the person.
    pub reach: Reach,
    /// The credit code of the company.
    pub credit_code: Option<CreditCode>,
    /// What is wrong with it, by code; each once.
    pub flags: Vec<String>,
    /// Whether the field was filled in that nobody sees.
    pub spam: bool,
    /// Names of values that the form does not ask for.
    pub unmapped: Vec<String>,
    /// The sender's own id of the lead, whole, where the form says where it stands.
    pub source_id: Option<String>,
    /// Whether it is a rehearsal.
    pub test: bool,
    pub(super) names: Names,
    pub(super) industry: Option<Industry>,
    pub(super) size: Option<SizeBand>,
    pub(super) region: Option<Region>,
    pub(super) wants: Wants,
    pub(super) address: Option<SealedText<300>>,
    pub(super) position: Option<String>,
    pub(super) remarks: Vec<String>,
    pub(super) person_remarks: Vec<String>,
    pub(super) said: Vec<(String, String)>,
}

/// What the sender looks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Wants {
    pub(super) needs: Several<Need>,
    pub(super) products: Lines<20, 100>,
    pub(super) budget: Option<Budget>,
    pub(super) window: Option<Quarter>,
}

impl Lead {
    /// Reads a submission. `region` is for numbers without a country code.
    #[must_use]
    pub fn read(form: &Form, given: &Given, region: &str) -> Self {
        let mut reading = Reading::new(region);
        for field in &form.fields.0 {
            reading.field(field, &given.texts(field.key.as_str()));
        }
        let has_field = |key: &str| form.fields.0.iter().any(|field| field.key.as_str() == key);
        if let Some(text) = given.plain().filter(|_| !has_field(TEXT)) {
            reading.plain(text);
        }
        let mut lead = reading.finish();
        let honeypot = form.honeypot.as_ref().map(Line::as_str);
        lead.spam = honeypot.is_some_and(|key| given.texts(key).iter().any(|text| text.trim() != "false"));
        if lead.spam {
            lead.flag(SPAM_HONEYPOT);
        }
        if lead.reach.is_empty() {
            lead.flag(UNREACHABLE);
        }
        let source_id = form.source_id.as_ref().map(Line::as_str);
        lead.source_id = source_id.and_then(|key| given.word(key)).map(str::to_owned);
        lead.test = !has_field("test") && given.is_true("test");
        let mut known: Vec<&str> = form.fields.0.iter().map(|field| field.key.as_str()).collect();
        // Mapped, because the names live longer than the keys.
        known.extend(RESERVED.into_iter().chain(Attribution::names()).map(|name| -> &str { name }));
        known.extend(honeypot.into_iter().chain(source_id));
        let masked = |name: String| Scan::of(&name, region).masked();
        lead.unmapped = given.unmapped(&known).into_iter().map(masked).collect();
        lead
    }

    /// Marks it.
    pub fn flag(&mut self, code: &str) {
        if !self.flags.iter().any(|known| known == code) {
            self.flags.push(code.to_owned());
        }
    }

    /// The name of the company, or of the person who is the customer.
    #[must_use]
    pub fn customer_name(&self) -> Option<&str> {
        self.names.customer.as_deref()
    }

    /// The name of the person beside a company.
    #[must_use]
    pub fn person_name(&self) -> Option<&str> {
        self.names.person.as_deref()
    }

    /// The customer that it is, and the contact beside it, without owner and team. What rules a keyboard refuses is
    /// marked on the customer. `zh` is for the name of somebody who gave none.
    #[must_use]
    pub fn records(
        &self,
        form: &Form,
        id: Uuid,
        zh: bool,
        make_id: &mut dyn FnMut() -> Uuid,
    ) -> (Customer, Option<Contact>) {
        let mut flags = self.flags.clone();
        let contact = self.names.person.as_ref().map(|name| self.contact(name, id, make_id));
        let with_contact = contact.is_some();
        let mine = |holder: Holder| holder == Holder::Customer || !with_contact;
        let name = self.names.customer.clone().unwrap_or_else(|| {
            flags.push(NAME_MISSING.to_owned());
            let visitor = if zh { "访客" } else { "Visitor" };
            format!("{visitor} {}", self.reach.mask().unwrap_or_default()).trim_end().to_owned()
        });
        let mut remarks = self.remarks.clone();
        if !with_contact {
            remarks.extend(self.person_remarks.iter().cloned());
            remarks.extend(self.position.iter().cloned());
        }
        let wechat = self.reach.wechat.as_ref().filter(|(_, holder)| mine(*holder));
        let mut customer = Customer {
            number: None,
            name: Line::from_stored(name),
            initial: None,
            kind: self.names.kind.unwrap_or(CustomerKind::Person),
            stage: Stage::Potential,
            grade: None,
            industry: self.industry.clone(),
            size: self.size,
            credit_code: self.credit_code.clone(),
            region: self.region.clone(),
            address: self.address.clone(),
            phones: elements(&self.reach.phones, mine, make_id),
            emails: elements(&self.reach.emails, mine, make_id),
            wechat: wechat.and_then(|(wechat, _)| SealedText::parse(wechat).ok()),
            id_number: None,
            bank_accounts: BankAccounts::default(),
            source: Some(form.source),
            needs: self.wants.needs.clone(),
            need_products: self.wants.products.clone(),
            budget: self.wants.budget,
            purchase_window: self.wants.window,
            preferences: None,
            cooperation_history: None,
            cooperation_since: None,
            remark: remark(&remarks),
            tags: Tags::default(),
            external_ids: ExternalIds::default(),
            owner_id: None,
            team_id: None,
            collaborators: Collaborators::default(),
            last_follow_up_at: None,
            next_follow_up_at: None,
            contact_count: 0,
            follow_up_count: 0,
            flags: Words::default(),
        };
        // A name that was made here keeps no rule.
        if self.names.customer.is_some() {
            flags.extend(customer.rules().into_iter().filter_map(|rule| broken(&rule)));
        }
        flags.extend(contact.iter().flat_map(Contact::rules).filter_map(|rule| broken(&rule)));
        let mut once: Vec<String> = Vec::new();
        flags.retain(|flag| {
            !once.contains(flag) && {
                once.push(flag.clone());
                true
            }
        });
        customer.flags = Words(flags);
        (customer, contact)
    }

    fn contact(&self, name: &str, customer: Uuid, make_id: &mut dyn FnMut() -> Uuid) -> Contact {
        let its = |holder: Holder| holder == Holder::Person;
        let wechat = self.reach.wechat.as_ref().filter(|(_, holder)| its(*holder));
        Contact {
            customer_id: Ref::new(customer),
            name: Line::from_stored(name.to_owned()),
            initial: None,
            position: self.position.as_deref().and_then(|position| Line::parse(&cut(position, 100)).ok()),
            role: None,
            attitude: None,
            reports_to_id: None,
            phones: elements(&self.reach.phones, its, make_id),
            emails: elements(&self.reach.emails, its, make_id),
            wechat: wechat.and_then(|(wechat, _)| SealedText::parse(wechat).ok()),
            birthday: None,
            id_number: None,
            primary: true,
            remark: remark(&self.person_remarks),
            tags: Tags::default(),
            external_ids: ExternalIds::default(),
        }
    }

    /// What came in, in words: labels and values, sealed ones as masks.
    #[must_use]
    pub fn summary(&self, form: &Form, zh: bool) -> String {
        let (name, colon) = (form.name.as_str(), if zh { "：" } else { ": " });
        let mut text = if zh {
            format!("表单“{name}”有新提交")
        } else {
            format!("Submitted through the form “{name}”")
        };
        for (label, value) in &self.said {
            text.push('\n');
            text.push_str(label);
            text.push_str(colon);
            text.push_str(value);
        }
        cut(&text, MAX_SUMMARY)
    }
}

/// The code of a rule that a keyboard refuses; what is only told there marks nobody.
fn broken(rule: &RuleFinding) -> Option<String> {
    (rule.weight == Weight::Refuses).then(|| rule.flaw.code.key.to_owned())
}

fn elements<V: ElementValue>(
    values: &[(V, Holder)],
    mine: impl Fn(Holder) -> bool,
    make_id: &mut dyn FnMut() -> Uuid,
) -> Elements<V> {
    let mut list = Elements::default();
    for (value, _) in values.iter().filter(|(_, holder)| mine(*holder)) {
        let mut one = Elements::of(make_id(), value.clone());
        one.0.iter_mut().for_each(|item| item.primary = list.0.is_empty());
        list.0.append(&mut one.0);
    }
    list
}

fn remark(texts: &[String]) -> Option<Text<5000>> {
    Text::parse(&cut(&texts.join("\n"), MAX_REMARK)).ok()
}

#[cfg(test)]
#[path = "lead_tests.rs"]
mod tests;
