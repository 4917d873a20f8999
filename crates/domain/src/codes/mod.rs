//! Every code a value, a body or a question can be refused with.

mod general;
mod value;

pub use general::*;
pub use value::*;
