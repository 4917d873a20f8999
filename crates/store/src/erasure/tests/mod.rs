//! Erasing, and erasing again.

mod bed;
mod copies;
mod ledger;
mod whole;
