//! What segments are made of: a filter that is kept, and how segments use each other.

mod graph;
mod stored;
mod tags;

pub use graph::{Broken, Graph, Known, MAX_DEPTH, MAX_TOTAL};
pub use stored::Where;
pub use tags::SaidTag;
