//! What things are and which rules hold. Pure: no I/O, no async, no SQL, no HTTP.

pub mod address;
pub mod codes;
pub mod custom;
pub mod entry_rule;
pub mod field;
pub mod fields;
pub mod filter;
pub mod flaw;
pub mod history;
pub mod identity_provider;
pub mod intake;
pub mod kinds;
pub mod mask;
pub mod media;
pub mod organisation;
pub mod password;
pub mod read;
pub mod reason;
pub mod record;
pub mod rights;
pub mod sensitive;
pub mod settings;
pub mod show;
pub mod tag_sets;
pub mod text;
pub mod value;
