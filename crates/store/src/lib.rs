//! crates/store

pub mod engine;
