//! The life of an organisation's roots: rotation, replacement at the limit, wrapping under another KEK, and how it all
//! stands. Byte formats and states: docs/sealing.md; how to do it: docs/operations.md.
//!
//! A rotation makes a root that only opens, waits until every server knows it, makes it the primary one, and then seals
//! (or indexes) anew what is under older roots. A root retires when nothing is left under it.

mod begin;
mod counts;
pub(crate) mod guard;
mod reindex;
mod reseal;
mod rewrap;
mod rotate;
mod status;
#[cfg(test)]
mod tests;
mod walk;

pub(crate) use counts::SealCounts;

pub use counts::SEAL_LIMIT;
pub use rewrap::Rewrapped;
pub use rotate::{RETIREMENT, ROTATION, retire_index, rotate};
pub use status::{KeyStatus, RootStatus, Rotating};
pub use walk::CellCount;
