//! How a write is asked for, and what it answers.

use super::answer::Answer;
use super::warning::Warning;

/// A client's name for one request, so that repeating it does nothing twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// What the client called it.
    pub key: String,
    /// A hash over method, path, query and body.
    pub fingerprint: [u8; 32],
}

/// How a write is done.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// The client's name for the request.
    pub idempotency: Option<Idempotency>,
    /// The version that the client saw (`If-Match`).
    pub expected: Option<i64>,
    /// Whether a record that is there already is left as it is (`If-None-Match: *`).
    pub only_new: bool,
    /// Whether a record with the same strong key is no obstacle.
    pub allow_duplicate: bool,
}

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// A record was made.
    Created,
    /// A record was changed.
    Updated,
    /// A record was deleted.
    Deleted,
}

impl Verb {
    /// The status of the answer.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Created => 201,
            Self::Updated => 200,
            Self::Deleted => 204,
        }
    }
}

/// The answer of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// What was done.
    pub verb: Verb,
    /// The record as it is now; empty for a deletion.
    pub answer: Answer,
    /// What rules say of it all the same; no part of the record, nor of its ETag.
    pub warnings: Vec<Warning>,
    /// Whether the answer was kept from an earlier request under the same key.
    pub replayed: bool,
}
