//! Every code a value, a body or a question can be refused with.

mod custom;
mod general;
mod value;

pub use custom::*;
pub use general::*;
pub use value::*;
