//! Every code a value, a body or a question can be refused with.

mod custom;
mod entry_rule;
mod general;
mod value;

pub use custom::*;
pub use entry_rule::*;
pub use general::*;
pub use value::*;
