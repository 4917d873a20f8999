//! The sealed parts of an entry, opened for somebody who may read it.

use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

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

/// Salt and JSON of a body, if it opens and is what the entry was committed to.
pub(super) fn salted(ring: &KeyRing, id: Uuid, cell: &[u8], commitment: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let salted = ring.open(BODY, id, cell).ok()?;
    (Sha256::digest(&*salted).as_slice() == commitment).then_some(salted)
}

impl Body {
    /// Opens the body and holds it against the entry's commitment.
    pub(super) fn open(ring: &KeyRing, row: &journal::Model) -> Self {
        let Some(cell) = &row.body else { return Self::Erased };
        let json = salted(ring, row.id, cell, &row.commitment)
            .and_then(|salted| serde_json::from_slice(salted.get(SALT..)?).ok());
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
