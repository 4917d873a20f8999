//! What things are and which rules hold. Pure: no I/O, no async, no SQL, no HTTP.

pub mod codes;
pub mod flaw;
pub mod mask;
pub mod password;
pub mod text;
pub mod value;
