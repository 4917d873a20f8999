//! Which files an organisation takes.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::media;

/// Which files may be attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AttachmentPolicy {
    /// How many bytes a file may have.
    pub max_bytes: u32,
    /// Media types that are taken, of those that files are known as.
    pub types: BTreeSet<String>,
}

impl AttachmentPolicy {
    /// How large a file may be at all: 200 MiB.
    pub const MOST_BYTES: u32 = 200 * 1024 * 1024;
    /// How large one may be where nothing is said: 20 MiB.
    const BYTES: u32 = 20 * 1024 * 1024;
}

impl Default for AttachmentPolicy {
    fn default() -> Self {
        Self { max_bytes: Self::BYTES, types: media::by_default() }
    }
}
