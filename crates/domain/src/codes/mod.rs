//! Every code a value, a body or a question can be refused with.

mod custom;
mod entry_rule;
mod general;
mod operation;
mod segment;
mod value;

pub use custom::*;
pub use entry_rule::*;
pub use general::*;
pub use operation::*;
pub use segment::*;
pub use value::*;

use crate::flaw::Code;

/// Those that are told with a write and never refuse one.
pub static WARNING_CODES: &[&Code] = &[
    &COMPANY_SUFFIX_MISSING,
    &COMPANY_SUFFIX_UNUSUAL,
    &PERSON_NAME_LONG,
    &EMAIL_TYPO,
    &EMAIL_FREE_MAIL,
    &ID_NUMBER_BIRTHDAY,
    &BANK_ACCOUNT_CHECK,
];

/// Every one of them, room by room.
pub fn all() -> impl Iterator<Item = &'static Code> {
    [GENERAL_CODES, VALUE_CODES, CUSTOM_CODES, ENTRY_RULE_CODES, OPERATION_CODES, SEGMENT_CODES]
        .into_iter()
        .flatten()
        .copied()
}
