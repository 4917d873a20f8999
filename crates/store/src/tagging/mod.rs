//! What is done with tags beyond their records: two become one, and whole sets are added.

mod carry;
mod merge;
mod sets;

pub use merge::{MERGE, Merged, may_merge, merge, run};
pub use sets::{Added, add_set, sets};
