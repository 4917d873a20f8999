//! The sealed parts of an entry, opened for somebody who may read it.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::crypto::roots::KeyRing;
use crate::entities::journal;

use super::{BODY, ORIGIN, SALT};

/// What the body of an entry is now.
#[derive(Debug, PartialEq)]
pub(super) enum Body {
    /// As it was written.
    Kept(Value),
    /// It was erased; the entry still says that it was there.
    Erased,
    /// It does not open, or is not the one that the entry was written with. One broken entry must not keep the others
    /// from being read.
    Broken,
}

impl Body {
    /// Opens the body and holds it against the entry's commitment.
    pub(super) fn open(ring: &KeyRing, row: &journal::Model) -> Self {
        let Some(cell) = &row.body else { return Self::Erased };
        let salted = ring.open(BODY, row.id, cell).ok().filter(|salted| {
            let hash = Sha256::digest(salted.as_slice());
            hash.as_slice() == row.commitment.as_slice()
        });
        let json = salted.and_then(|salted| serde_json::from_slice(salted.get(SALT..)?).ok());
        json.map_or(Self::Broken, Self::Kept)
    }

    /// The JSON, where it is there.
    pub(super) fn json(&self) -> Option<&Value> {
        match self {
            Self::Kept(json) => Some(json),
            Self::Erased | Self::Broken => None,
        }
    }
}

/// Address and user agent of the request; nothing once they were deleted.
pub(super) fn origin(ring: &KeyRing, row: &journal::Model) -> Option<Value> {
    let cell = row.origin.as_ref()?;
    let json = ring.open(ORIGIN, row.id, cell).ok()?;
    serde_json::from_slice(&json).ok()
}
