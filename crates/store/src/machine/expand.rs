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
    Expansion { of: "customer", name: "owner", to: "user", by: Some("owner_id") },
    Expansion { of: "customer", name: "team", to: "team", by: Some("team_id") },
    Expansion { of: "contact", name: "customer", to: "customer", by: Some("customer_id") },
    Expansion { of: "contact", name: "reports_to", to: "contact", by: Some("reports_to_id") },
    Expansion { of: "follow_up", name: "customer", to: "customer", by: Some("customer_id") },
    Expansion { of: "follow_up", name: "contact", to: "contact", by: Some("contact_id") },
    Expansion { of: "note", name: "customer", to: "customer", by: Some("customer_id") },
    Expansion { of: "attachment", name: "customer", to: "customer", by: Some("customer_id") },
    Expansion { of: "user", name: "team", to: "team", by: Some("team_id") },
];

/// The most records of one relation; where there are more, `{name}_has_more` is true.
pub(crate) const MAX: usize = 100;

/// The relations of a kind.
fn of(kind: &str) -> impl Iterator<Item = &'static Expansion> {
    EXPANSIONS.iter().filter(move |expansion| expansion.of == kind)
}

/// Everything that `expand` takes for a kind: its relations, and theirs behind a dot, `contacts.reports_to`. Two levels
/// are all.
#[must_use]
pub fn expansion_paths(kind: &str) -> Vec<String> {
    let deeper = |first: &'static Expansion| of(first.to).map(move |second| format!("{}.{}", first.name, second.name));
    of(kind).map(|first| first.name.to_owned()).chain(of(kind).flat_map(deeper)).collect()
}

/// Whether a member of a kind's answer is a relation that was brought along.
pub(crate) fn is_expansion(kind: &str, member: &str) -> bool {
    EXPANSIONS.iter().any(|expansion| {
        let many = expansion.by.is_none();
        let base = if many { member.strip_suffix("_has_more").unwrap_or(member) } else { member };
        expansion.of == kind && expansion.name == base
    })
}

/// The records of one relation, by the record that brings them, and what these bring along.
pub(crate) struct Brought {
    pub(crate) expansion: &'static Expansion,
    pub(crate) records: HashMap<Uuid, Vec<Box<dyn Shown>>>,
    pub(crate) deeper: Vec<Brought>,
}

/// Loads the relations that were asked for, each with one query, however many records there are.
pub(crate) async fn load(
    caller: &Caller,
    records: &[Box<dyn Shown>],
    paths: &[String],
) -> Result<Vec<Brought>, Failure> {
    let mut all = Vec::new();
    let Some(kind) = records.first().map(|record| record.kind().name) else { return Ok(all) };
    let records: Vec<&dyn Shown> = records.iter().map(|record| &**record).collect();
    let parted: Vec<(&str, Option<&str>)> =
        paths.iter().map(|path| path.split_once('.').map_or((path.as_str(), None), |(a, b)| (a, Some(b)))).collect();
    for first in of(kind).filter(|known| parted.iter().any(|(name, _)| *name == known.name)) {
        let mut brought = related(caller, first, &records).await?;
        let asked = |known: &&Expansion| parted.contains(&(first.name, Some(known.name)));
        let seconds: Vec<&'static Expansion> = of(first.to).filter(|known| asked(known)).collect();
        let mut deeper = Vec::new();
        for second in seconds {
            let shown = brought.records.values().flat_map(|records| records.iter().take(MAX));
            let shown: Vec<&dyn Shown> = shown.map(|record| &**record).collect();
            deeper.push(related(caller, second, &shown).await?);
        }
        brought.deeper = deeper;
        all.push(brought);
    }
    Ok(all)
}

/// Loads one relation.
async fn related(caller: &Caller, expansion: &'static Expansion, records: &[&dyn Shown]) -> Result<Brought, Failure> {
    let machine = machine(expansion.to).ok_or_else(|| Failure::Internal("a relation to no kind".into()))?;
    let mut brought = Brought { expansion, records: HashMap::new(), deeper: Vec::new() };
    let mut ids: Vec<Uuid> = match expansion.by {
        None => records.iter().map(|record| record.base().id).collect(),
        Some(field) => records.iter().filter_map(|record| record.target(field)).collect(),
    };
    ids.sort_unstable();
    ids.dedup();
    if expansion.by.is_none() {
        let each = u64::try_from(MAX + 1).unwrap_or(u64::MAX);
        for record in machine.of_customers(caller, ids, each).await? {
            brought.records.entry(record.customer()).or_default().push(record);
        }
    } else {
        for record in machine.load(caller, ids).await? {
            brought.records.entry(record.base().id).or_default().push(record);
        }
    }
    Ok(brought)
}
