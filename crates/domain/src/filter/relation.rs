//! Conditions on related records: on a customer's contacts, on a contact's customer.

use serde_json::Value;

use crate::kinds::{Attachment, Contact, Customer, FollowUp, Note};
use crate::read::Members;
use crate::record::{Kind, Record as _};

use super::{Filter, FilterReader, Op, Read, SEGMENT, Scope};

/// A relation that can be asked along: of which kind, under which name, to which kind, and how it is followed.
#[derive(Debug, PartialEq, Eq)]
pub struct Relation {
    /// The kind whose records are asked for.
    pub of: &'static str,
    /// Its name, before the dot: `contacts.position`.
    pub name: &'static str,
    /// The kind of the related records.
    pub to: &'static Kind,
    /// The reference field that points to the one related record; `None` where many records point back.
    pub by: Option<&'static str>,
}

/// The field by which a record that hangs on a customer points to it.
pub const POINTS_BACK: &str = "customer_id";

/// Every relation.
pub const RELATIONS: &[Relation] = &[
    Relation { of: "customer", name: "contacts", to: Contact::KIND, by: None },
    Relation { of: "customer", name: "follow_ups", to: FollowUp::KIND, by: None },
    Relation { of: "customer", name: "notes", to: Note::KIND, by: None },
    Relation { of: "customer", name: "attachments", to: Attachment::KIND, by: None },
    Relation { of: "contact", name: "customer", to: Customer::KIND, by: Some("customer_id") },
    Relation { of: "follow_up", name: "customer", to: Customer::KIND, by: Some("customer_id") },
    Relation { of: "follow_up", name: "contact", to: Contact::KIND, by: Some("contact_id") },
    Relation { of: "note", name: "customer", to: Customer::KIND, by: Some("customer_id") },
    Relation { of: "attachment", name: "customer", to: Customer::KIND, by: Some("customer_id") },
];

/// The relations of a kind.
pub fn relations(kind: &Kind) -> impl Iterator<Item = &'static Relation> {
    let name = kind.name;
    RELATIONS.iter().filter(move |relation| relation.of == name)
}

/// A condition on related records: one of them fits the whole filter.
#[derive(Clone, Debug, PartialEq)]
pub struct Related {
    /// Along which relation.
    pub relation: &'static Relation,
    /// What one related record must be like.
    pub filter: Box<Filter>,
}

/// A relation, and what whoever asks may ask of the kind at its end.
pub(super) struct Way {
    pub(super) relation: &'static Relation,
    scope: Scope,
}

impl FilterReader<'_> {
    /// The same reader, which asks along a relation too: without the members that are hidden, with the fields that the
    /// organisation added.
    #[must_use]
    pub fn along(mut self, relation: &'static Relation, scope: Scope) -> Self {
        self.ways.push(Way { relation, scope });
        self
    }

    /// The relation that a name begins with, and the member behind its dot.
    pub(super) fn related<'n>(&self, name: &'n str) -> Option<(usize, &'n str)> {
        let (relation, member) = name.split_once('.')?;
        Some((self.way(relation)?, member))
    }

    pub(super) fn way(&self, relation: &str) -> Option<usize> {
        self.ways.iter().position(|way| way.relation.name == relation)
    }

    /// Reads a question about the related records. From there no relation leads further.
    fn inside(&mut self, way: usize, read: impl FnOnce(&mut FilterReader<'_>) -> Read<Filter>) -> Option<Read<Filter>> {
        let Way { relation, scope } = self.ways.get(way)?;
        let (relation, mut scope) = (*relation, scope.clone());
        // A segment is one of the kind that is asked for.
        scope.hidden.push(SEGMENT);
        let mut reader = FilterReader {
            kind: relation.to,
            region: self.region,
            now: self.now,
            zone: self.zone,
            scope,
            ways: Vec::new(),
            prefix: format!("{}.", relation.name),
            kept: self.kept,
            conditions: self.conditions,
            values: self.values,
        };
        let filter = read(&mut reader);
        (self.conditions, self.values) = (reader.conditions, reader.values);
        Some(filter.map(|filter| Filter::Related(Related { relation, filter: Box::new(filter) })))
    }

    pub(super) fn related_parameter(&mut self, way: usize, name: &str, value: &str, at: &str) -> Read<Filter> {
        let read = self.inside(way, |reader| reader.condition_parameter(name, value, at));
        read.unwrap_or_else(|| Err(self.unknown(name, at)))
    }

    pub(super) fn related_condition(&mut self, way: usize, name: &str, node: &Members, at: &str) -> Read<Filter> {
        let read = self.inside(way, |reader| reader.condition_node(name, node, at));
        read.unwrap_or_else(|| Err(self.unknown(name, at)))
    }

    /// Reads `{"related": "contacts", "where": …}`.
    pub(super) fn related_node(&mut self, name: &str, filter: &Value, at: &str, depth: usize) -> Read<Filter> {
        let Some(way) = self.way(name) else { return Err(self.relation_unknown(name, &format!("{at}/related"))) };
        let read = self.inside(way, |reader| reader.node(filter, &format!("{at}/where"), depth + 1));
        read.unwrap_or_else(|| Err(self.relation_unknown(name, at)))
    }
}

impl Filter {
    /// Whether some records may fit because a condition that must hold is on a sealed value, of which few have the same.
    #[must_use]
    pub fn asks_sealed_equality(&self) -> bool {
        let equals = |op| matches!(op, Op::Eq | Op::In);
        match self {
            Self::And(parts) => parts.iter().any(Self::asks_sealed_equality),
            Self::Is(condition) => matches!(condition.member.class, super::Class::Sealed(_)) && equals(condition.op),
            Self::Custom(condition) => condition.field.sensitive && equals(condition.op),
            Self::Related(related) => related.filter.asks_sealed_equality(),
            Self::Or(_) | Self::Not(_) | Self::Segment(_) => false,
        }
    }
}
