//! Every code a value, a body or a question can be refused with.

mod custom;
mod entry_rule;
mod general;
mod value;

pub use custom::*;
pub use entry_rule::*;
pub use general::*;
pub use value::*;

use crate::flaw::Code;

/// Every one of them, room by room.
pub fn all() -> impl Iterator<Item = &'static Code> {
    [GENERAL_CODES, VALUE_CODES, CUSTOM_CODES, ENTRY_RULE_CODES].into_iter().flatten().copied()
}
