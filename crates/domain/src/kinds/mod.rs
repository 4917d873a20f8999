//! The kinds of record: one file each, one line each in the list.

mod attachment;
mod contact;
mod customer;
mod entry_rule;
mod field;
mod follow_up;
mod form;
mod note;
mod role;
mod segment;
mod tag;
mod team;
mod user;
mod warnings;

pub use attachment::Attachment;
pub use contact::{Attitude, Contact, DecisionRole};
pub use customer::{Customer, CustomerKind, Grade, Need, SizeBand, Source, Stage};
pub use entry_rule::{EntryRule, RuleKind, Severity};
pub use field::{FieldDefinition, said_to_stored};
pub use follow_up::{FollowUp, FollowUpKind, Outcome};
pub use form::Form;
pub use note::{Note, Noted};
pub use role::Role;
pub use segment::{Segment, SegmentKind, SegmentType, Sharing};
pub use tag::Tag;
pub use team::Team;
pub use user::{User, login_names, roles_of};

use std::fmt;

use crate::codes;
use crate::flaw::Flaw;
use crate::record::{Kind, Record};

/// Every kind of record, in the order of the description.
pub const KINDS: &[&Kind] = &[
    Customer::KIND,
    Contact::KIND,
    FollowUp::KIND,
    Note::KIND,
    Attachment::KIND,
    Tag::KIND,
    User::KIND,
    Team::KIND,
    Role::KIND,
    Form::KIND,
    EntryRule::KIND,
    FieldDefinition::KIND,
    Segment::KIND,
];

/// The kind of that singular name.
#[must_use]
pub fn kind_named(name: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.name == name)
}

/// What is wrong with a reference to a record of a kind that is not there or out of reach: programs read the kind's name,
/// people what it is called.
#[must_use]
pub fn unknown_reference(kind: &str, value: impl fmt::Display) -> Flaw {
    let flaw = Flaw::new(&codes::REFERENCE_UNKNOWN).with("kind", kind).with("value", value);
    match kind_named(kind) {
        Some(kind) => flaw.with("kind_zh", kind.zh),
        None => flaw,
    }
}
