//! The only crate that knows SQL and keys.

pub mod crypto;
