//! Sealing: the only place that touches keys. Byte formats and test vectors: docs/sealing.md.
//!
//! A key-encryption key outside the database ([`kek`]) wraps each organisation's random roots ([`roots`]); from these
//! come the working keys that seal single fields ([`cell`]) and make them findable ([`index`]). Opaque tokens
//! ([`token`]) and passwords ([`password`]) are kept as hashes. Nothing here reads or writes a database: rows come in
//! and go out as plain values.

pub mod cell;
pub mod chain;
pub(crate) mod file;
mod gcm;
pub mod index;
pub mod kek;
pub mod keyfile;
pub mod password;
mod random;
pub mod roots;
pub mod token;
pub mod totp;
#[cfg(test)]
pub(crate) mod vectors;

pub use random::NoRandomness;
