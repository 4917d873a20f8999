//! Erasing, and erasing again.

pub(crate) mod bed;
mod copies;
mod ledger;
mod whole;
