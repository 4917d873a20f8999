//! The only crate that knows SQL and keys.

pub mod api_keys;
pub mod attachments;
pub mod backup;
pub mod bulk;
pub mod clock;
pub mod crypto;
pub mod custom_fields;
pub mod engine;
pub mod erasure;
pub mod facts;
pub mod failure;
pub mod files;
pub mod gate;
pub mod intake;
pub mod journal;
pub mod keys;
pub mod leaving;
pub mod machine;
pub mod numbers;
pub mod org;
pub mod people;
pub mod queue;
pub mod reviews;
pub mod search;
pub mod shapes;
pub mod tagging;

mod allowance;
mod dialect;
mod disclosure;
mod entities;
mod hex;
mod hourly;
mod inserts;
mod kept;
mod ops;
mod paging;
mod pii;
mod policy;
mod query;
mod query_compare;
mod query_related;
mod query_text;
mod refusals;
mod registry;
mod rows;
mod sealed;
mod sealed_query;
mod sealer;
pub mod segments;
#[cfg(test)]
mod test_databases;
mod threads;
mod tx;
mod uses;

pub mod settings;

pub use gate::{Caller, Gate, GateOptions, HourlyLimits, Principal, RequestInfo, Verified};
