//! Rules that an organisation lays down for what is entered: which fields a record must have at which stage of a
//! customer's life, how they are written, and what they may hold. What they say refuses a write, or is told with it; a
//! record that is older than a rule stays as it is until somebody changes the field, or the stage.

mod bound;
mod check;
mod fits;
mod judge;
mod naming;
mod parts;

pub use bound::Bound;
pub use check::{Check, Pattern, Range};
pub use fits::{Holds, holds, of_custom, unfit};
pub use judge::{Rule, judge};
pub use naming::Naming;
pub use parts::{Message, On, RuleField, Stages};

/// The most rules that one organisation has.
pub const MAX_RULES: u64 = 200;
