//! What things are and which rules hold. Pure: no I/O, no async, no SQL, no HTTP.

pub mod flaw;
