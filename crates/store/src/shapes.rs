//! Questions that are fast however many records there are, for each kind: an index leads to what they select, in their
//! order.

use kehu_domain::record::Kind;

use crate::engine::EngineError;
use crate::failure::Failure;

/// A question that is fast at any size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The members of which each must be equal to one value.
    pub equal: &'static [&'static str],
    /// The orders, either way round, that an index brings them in; none where any order is fast.
    pub sorts: &'static [&'static str],
    /// Whether few records are selected: any order is as good as one of these.
    pub few: bool,
    /// Whether it is what a part of whoever asks reaches, of a kind that is not asked for it by name.
    part: bool,
}

const fn shape(equal: &'static [&'static str], sorts: &'static [&'static str]) -> Shape {
    Shape { equal, sorts, few: false, part: false }
}

const fn few(equal: &'static [&'static str], sorts: &'static [&'static str]) -> Shape {
    Shape { equal, sorts, few: true, part: false }
}

const fn part(equal: &'static [&'static str], sorts: &'static [&'static str]) -> Shape {
    Shape { equal, sorts, few: false, part: true }
}

/// Every order of customers.
const OF_CUSTOMERS: &[&str] = &["updated_at", "created_at", "name", "last_follow_up_at", "next_follow_up_at"];
/// Of two that are as long, the first one leads.
const CUSTOMERS: &[Shape] = &[
    shape(&[], OF_CUSTOMERS),
    shape(&["owner_id"], OF_CUSTOMERS),
    shape(&["owner_id", "stage"], &["updated_at"]),
    shape(&["team_id"], OF_CUSTOMERS),
    shape(&["stage"], &["updated_at"]),
    shape(&["grade"], &["updated_at"]),
    shape(&["source"], &["updated_at"]),
    few(&["id"], &[]),
    few(&["number"], &[]),
    few(&["credit_code"], &[]),
    few(&["phone"], &[]),
    few(&["email"], &[]),
    few(&["wechat"], &[]),
];
const CONTACTS: &[Shape] = &[
    shape(&[], &["updated_at", "name"]),
    part(&["owner_id"], &["updated_at", "name"]),
    part(&["team_id"], &["updated_at", "name"]),
    few(&["customer_id"], &["created_at"]),
    few(&["id"], &[]),
    few(&["phone"], &[]),
    few(&["email"], &[]),
    few(&["wechat"], &[]),
];
const FOLLOW_UPS: &[Shape] = &[
    shape(&[], &["happened_at", "next_due_at"]),
    part(&["owner_id"], &["happened_at", "next_due_at"]),
    part(&["team_id"], &["happened_at", "next_due_at"]),
    few(&["customer_id"], &["happened_at"]),
    few(&["id"], &[]),
];
const NOTES: &[Shape] = &[
    shape(&[], &["updated_at"]),
    part(&["owner_id"], &["updated_at"]),
    part(&["team_id"], &["updated_at"]),
    few(&["customer_id"], &["created_at"]),
    few(&["record_id"], &["updated_at"]),
    few(&["id"], &[]),
];
const ATTACHMENTS: &[Shape] = &[
    shape(&[], &["updated_at", "name"]),
    part(&["owner_id"], &["updated_at", "name"]),
    part(&["team_id"], &["updated_at", "name"]),
    few(&["customer_id"], &["created_at"]),
    few(&["record_id"], &["updated_at"]),
    few(&["id"], &[]),
];
/// Kinds of which an organisation has few records: tags, people, settings.
const FEW: &[Shape] = &[shape(&[], &["updated_at"]), few(&["id"], &[])];

/// The fast questions of a kind.
pub fn shapes(kind: &Kind) -> impl Iterator<Item = &'static Shape> {
    led(kind).iter().filter(|shape| !shape.part)
}

/// The same, with those that only parts of somebody's reach make.
pub(crate) fn led(kind: &Kind) -> &'static [Shape] {
    match kind.name {
        "customer" => CUSTOMERS,
        "contact" => CONTACTS,
        "follow_up" => FOLLOW_UPS,
        "note" => NOTES,
        "attachment" => ATTACHMENTS,
        _ => FEW,
    }
}

impl Shape {
    /// The question in a few words: `owner_id (sort=updated_at, next_follow_up_at)`.
    fn text(&self) -> String {
        let equal = if self.equal.is_empty() { "no filter".to_owned() } else { self.equal.join(" + ") };
        if self.sorts.is_empty() { equal } else { format!("{equal} (sort={})", self.sorts.join("|")) }
    }
}

/// What is wrong with a question that the engine gave up: it names questions of the kind that are fast.
pub(crate) fn too_expensive(kind: &'static Kind, failure: Failure) -> Failure {
    match failure {
        Failure::Engine(EngineError::TooExpensive) => {
            let fast: Vec<String> = shapes(kind).map(Shape::text).collect();
            Failure::too_expensive(fast.join("; "))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use kehu_domain::filter::{members, sorts};
    use kehu_domain::kinds::{KINDS, kind_named};
    use rusqlite::Connection;
    use tempfile::TempDir;

    use super::*;
    use crate::engine::EngineOptions;
    use crate::queue::tests::bed::Bed;
    use crate::queue::tests::plans::plan;

    #[test]
    fn a_shape_names_what_can_be_asked() {
        for kind in KINDS {
            for shape in shapes(kind) {
                for member in shape.equal {
                    assert!(members(kind).any(|known| known.name == *member), "{}: {member}", kind.name);
                }
                for sort in shape.sorts {
                    assert!(sorts(kind).any(|known| known == *sort), "{}: {sort}", kind.name);
                }
            }
        }
    }

    #[test]
    fn who_asks_too_much_is_told_what_is_fast() {
        let customer = kind_named("customer").unwrap();
        let told = too_expensive(customer, Failure::Engine(EngineError::TooExpensive));
        let Failure::TooExpensive { fast, .. } = told else { panic!("{told:?}") };
        assert!(fast.contains("owner_id + stage (sort=updated_at)") && fast.contains("; phone"), "{fast}");
        assert!(matches!(too_expensive(customer, Failure::NotFound), Failure::NotFound));
    }

    /// Lists with deleted records ask for those apart.
    #[tokio::test]
    async fn an_index_leads_to_deleted_records() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("test.db");
        let _bed = Bed::open(EngineOptions::sqlite(&file), 0).await;
        let database = Connection::open(&file).unwrap();
        for kind in ["customer", "contact", "follow_up", "note", "attachment"] {
            let kind = kind_named(kind).unwrap();
            for sort in shapes(kind).flat_map(|shape| shape.sorts) {
                let column = if *sort == "name" { "name_sort" } else { sort };
                let sql = format!(
                    "SELECT * FROM {} WHERE org_id = ? AND (deleted_at IS NOT NULL) ORDER BY {column} DESC, id DESC LIMIT 51",
                    kind.path
                );
                let plan = plan(&database, &sql);
                assert!(plan.contains("_deleted"), "{sql}: {plan}");
                assert!(*sort != "updated_at" || !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
            }
        }
    }
}
