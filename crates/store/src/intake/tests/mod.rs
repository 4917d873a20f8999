//! Tests of taking submissions, over a real database.

pub(crate) mod bed;
mod keys;
mod outcomes;
mod whole;
