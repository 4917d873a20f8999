//! Relations that an answer can bring along, one query per relation.

use std::collections::HashMap;

use uuid::Uuid;

use crate::failure::Failure;
use crate::gate::Caller;
use crate::registry::machine;

use super::Shown;

/// A relation: of which kind, under which name, to which kind, and how it is followed.
pub struct Expansion {
    /// The kind whose answers can bring it along.
    pub of: &'static str,
    /// The member it stands in.
    pub name: &'static str,
    /// The kind of the records it brings.
    pub to: &'static str,
    /// The reference field that points to the one record; `None` where many records point back.
    pub by: Option<&'static str>,
}

/// Every relation.
pub const EXPANSIONS: &[Expansion] = &[
    Expansion { of: "customer", name: "contacts", to: "contact", by: None },
    Expansion { of: "customer", name: "notes", to: "note", by: None },
    Expansion { of: "customer", name: "attachments", to: "attachment", by: None },
    Expansion { of: "contact", name: "customer", to: "customer", by: Some("customer_id") },
    Expansion { of: "follow_up", name: "customer", to: "customer", by: Some("customer_id") },
    Expansion { of: "follow_up", name: "contact", to: "contact", by: Some("contact_id") },
    Expansion { of: "note", name: "customer", to: "customer", by: Some("customer_id") },
    Expansion { of: "attachment", name: "customer", to: "customer", by: Some("customer_id") },
];

/// The most records of one relation; where there are more, `{name}_has_more` is true.
pub(crate) const MAX: usize = 100;

/// Names of the relations of a kind.
pub(crate) fn names(kind: &str) -> impl Iterator<Item = &'static str> {
    EXPANSIONS.iter().filter(move |expansion| expansion.of == kind).map(|expansion| expansion.name)
}

/// Whether a member of a kind's answer is a relation that was brought along.
pub(crate) fn is_expansion(kind: &str, member: &str) -> bool {
    EXPANSIONS.iter().any(|expansion| {
        let many = expansion.by.is_none();
        let base = if many { member.strip_suffix("_has_more").unwrap_or(member) } else { member };
        expansion.of == kind && expansion.name == base
    })
}

/// The records of one relation, by the record that brings them.
pub(crate) struct Brought {
    pub(crate) expansion: &'static Expansion,
    pub(crate) records: HashMap<Uuid, Vec<Box<dyn Shown>>>,
}

/// Loads the relations that were asked for.
pub(crate) async fn load(
    caller: &Caller,
    records: &[Box<dyn Shown>],
    names: &[String],
) -> Result<Vec<Brought>, Failure> {
    let mut all = Vec::new();
    let Some(kind) = records.first().map(|record| record.kind().name) else { return Ok(all) };
    for expansion in EXPANSIONS.iter().filter(|e| e.of == kind && names.iter().any(|name| name == e.name)) {
        let machine = machine(expansion.to).ok_or_else(|| Failure::Internal("a relation to no kind".into()))?;
        let mut brought = Brought { expansion, records: HashMap::new() };
        match expansion.by {
            None => {
                let ids = records.iter().map(|record| record.base().id).collect();
                let each = u64::try_from(MAX + 1).unwrap_or(u64::MAX);
                for record in machine.of_customers(caller, ids, each).await? {
                    brought.records.entry(record.customer()).or_default().push(record);
                }
            }
            Some(field) => {
                let mut ids: Vec<Uuid> = records.iter().filter_map(|record| record.target(field)).collect();
                ids.sort_unstable();
                ids.dedup();
                for record in machine.load(caller, ids).await? {
                    brought.records.entry(record.base().id).or_default().push(record);
                }
            }
        }
        all.push(brought);
    }
    Ok(all)
}
