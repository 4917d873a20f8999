//! Every kind, a line each. Router, description and tests walk this list.

use kehu_domain::kinds::{
    Attachment, Contact, Customer, EntryRule, FieldDefinition, FollowUp, Form, Note, Role, Segment, Tag, Team, User,
};
use kehu_domain::record::Kind;

use crate::machine::{Machine, Of, Resource};

static MACHINES: &[&dyn Machine] = &[
    &Of::<Customer>::NEW,
    &Of::<Contact>::NEW,
    &Of::<FollowUp>::NEW,
    &Of::<Note>::NEW,
    &Of::<Attachment>::NEW,
    &Of::<Tag>::NEW,
    &Of::<User>::NEW,
    &Of::<Team>::NEW,
    &Of::<Role>::NEW,
    &Of::<Form>::NEW,
    &Of::<FieldDefinition>::NEW,
    &Of::<EntryRule>::NEW,
    &Of::<Segment>::NEW,
];

/// Every kind.
pub fn resources() -> impl Iterator<Item = Resource> {
    machines().map(Resource)
}

/// The kind with that singular name.
#[must_use]
pub fn resource(name: &str) -> Option<Resource> {
    resources().find(|resource| resource.kind().name == name)
}

/// Every machine, in the same order.
pub(crate) fn machines() -> impl Iterator<Item = &'static dyn Machine> {
    MACHINES.iter().copied()
}

/// Whether records of a kind can be deleted; people are disabled instead.
pub(crate) fn is_removable(kind: &Kind) -> bool {
    machine(kind.name).is_some_and(Machine::removable)
}

/// The machine of the kind with that singular name.
pub(crate) fn machine(name: &str) -> Option<&'static dyn Machine> {
    resource(name).map(|resource| resource.0)
}
