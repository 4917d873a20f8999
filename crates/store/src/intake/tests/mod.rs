//! Tests of taking submissions, over a real database.

mod bed;
mod keys;
mod outcomes;
mod whole;
