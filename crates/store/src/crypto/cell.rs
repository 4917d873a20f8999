//! Cell format v1: one sealed field of one row.
//!
//! `01 ‖ key_id u32be ‖ nonce 12 ‖ ciphertext ‖ tag 16`, AES-256-GCM; the plaintext is the value, `80`, and zeros up
//! to a multiple of 32 bytes, so that the length tells little. The associated data names organisation, field and row:
//! a cell cannot be moved.

use std::sync::OnceLock;

use aes_gcm::Aes256Gcm;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::gcm::{self, TAG};
use super::random::{self, NONCE};
use super::roots::{KeyRing, NoRoot, Root, derive};

/// Suite number of AES-256-GCM, the first byte of a cell.
const AES_256_GCM: u8 = 0x01;
/// Suite and key number, before the nonce.
const HEAD: usize = 1 + 4;
/// The padded plaintext is a multiple of this many bytes.
const BLOCK: usize = 32;
/// First byte of the padding.
const PAD: u8 = 0x80;
/// Longest field path in bytes.
const PATH_MAX: usize = 64;

/// The frozen logical name of a sealed field (`contact.phones`), not its column: it is part of every cell's key and
/// associated data and never changes. The column where its cells lie is told where one does not open, and may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldPath {
    hash: u32,
    name: &'static str,
    table: &'static str,
    column: &'static str,
}

impl FieldPath {
    /// A path of 1 to 64 lower-case letters, digits, `_` and `.`, and where its cells lie.
    ///
    /// # Panics
    /// With any other text; in a constant that is a compile error.
    #[must_use]
    pub const fn new(name: &'static str, table: &'static str, column: &'static str) -> Self {
        let mut rest = name.as_bytes();
        assert!(!rest.is_empty() && rest.len() <= PATH_MAX, "a field path has 1 to 64 characters");
        // FNV-1a, only to find the cached key; computed when compiled.
        let mut hash: u32 = 0x811c_9dc5;
        while let [byte, tail @ ..] = rest {
            assert!(matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.'), "a field path is a-z, 0-9, '_' and '.'");
            #[expect(clippy::as_conversions, reason = "u32::from is not const")]
            let byte = *byte as u32;
            hash = (hash ^ byte).wrapping_mul(0x0100_0193);
            rest = tail;
        }
        Self { hash, name, table, column }
    }

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.name
    }

    /// The table where its cells lie.
    #[must_use]
    pub const fn table(self) -> &'static str {
        self.table
    }

    /// The column where its cells lie.
    #[must_use]
    pub const fn column(self) -> &'static str {
        self.column
    }
}

impl std::fmt::Display for FieldPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.table, self.column)
    }
}

/// Why a cell was not opened or made. Names table, column and row, shows nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CellError {
    /// Sealed under a key this ring has not opened: open the ring again and try once more.
    #[error("sealed value {path} of row {row}: its key is not in the open ring")]
    StaleKeys { path: FieldPath, row: Uuid },
    /// Sealed under a retired key: a rotation ended without it, or the row comes from an old backup.
    #[error("sealed value {path} of row {row}: its key is retired")]
    RetiredKey { path: FieldPath, row: Uuid },
    /// Not what was sealed here: altered, cut, or moved from another organisation, field or row.
    #[error("sealed value {path} of row {row}: altered or moved")]
    Tampered { path: FieldPath, row: Uuid },
    /// Opened, but not text.
    #[error("sealed value {path} of row {row}: not text")]
    NotText { path: FieldPath, row: Uuid },
    /// The operating system gave no random bytes, or the value is beyond 64 GiB.
    #[error("a value for {path} of row {row} could not be sealed")]
    NotSealed { path: FieldPath, row: Uuid },
}

impl CellError {
    /// The field that it is about.
    #[must_use]
    pub const fn path(&self) -> FieldPath {
        match self {
            Self::StaleKeys { path, .. }
            | Self::RetiredKey { path, .. }
            | Self::Tampered { path, .. }
            | Self::NotText { path, .. }
            | Self::NotSealed { path, .. } => *path,
        }
    }
}

impl KeyRing {
    /// Seals a value for one field of one row under the primary root.
    pub fn seal(&self, path: FieldPath, row: Uuid, plaintext: &[u8]) -> Result<Vec<u8>, CellError> {
        let nonce = random::nonce().map_err(|_| CellError::NotSealed { path, row })?;
        let cell = self.enc.primary.get(path).seal(&nonce, row, plaintext);
        self.count_one();
        cell.ok_or(CellError::NotSealed { path, row })
    }

    /// Opens a cell of one field of one row.
    pub fn open(&self, path: FieldPath, row: Uuid, cell: &[u8]) -> Result<Zeroizing<Vec<u8>>, CellError> {
        let tampered = CellError::Tampered { path, row };
        let key_id = key_id(cell).ok_or(tampered)?;
        // Sealed by somebody who knows more.
        let known = self.enc.find(key_id).or_else(|gone| match gone {
            NoRoot::Stale(_) => self.latest().enc.find(key_id),
            NoRoot::Retired(_) => Err(gone),
        });
        let keys = known.map_err(|gone| match gone {
            NoRoot::Stale(_) => CellError::StaleKeys { path, row },
            NoRoot::Retired(_) => CellError::RetiredKey { path, row },
        })?;
        keys.get(path).open(row, cell).ok_or(tampered)
    }

    /// Opens a cell that holds text.
    pub fn open_text(&self, path: FieldPath, row: Uuid, cell: &[u8]) -> Result<String, CellError> {
        let mut bytes = self.open(path, row, cell)?;
        String::from_utf8(std::mem::take(&mut *bytes)).map_err(|_| CellError::NotText { path, row })
    }
}

/// The number of the root a cell is sealed under; `None` if it is no cell of a known suite.
#[must_use]
pub fn key_id(cell: &[u8]) -> Option<u32> {
    match cell.split_first_chunk::<HEAD>()?.0 {
        [AES_256_GCM, id @ ..] => Some(u32::from_be_bytes(*id)),
        _ => None,
    }
}

/// One field's key under one root.
pub(super) struct FieldKey {
    path: FieldPath,
    cipher: Aes256Gcm,
    /// `01 ‖ key_id`, the head of every cell.
    head: [u8; HEAD],
    /// The associated data up to the row.
    aad: Vec<u8>,
}

impl FieldKey {
    fn derive(org: Uuid, key_id: u32, root: &Root, path: FieldPath) -> Self {
        let name = path.name.as_bytes();
        let length = u16::try_from(name.len()).unwrap_or(u16::MAX).to_be_bytes();
        let info = [b"kehu-field/v1/enc\0".as_slice(), org.as_bytes(), &length, name].concat();
        let [a, b, c, d] = key_id.to_be_bytes();
        let head = [AES_256_GCM, a, b, c, d];
        let aad = [b"kehu\0".as_slice(), &head, org.as_bytes(), &length, name].concat();
        Self { path, cipher: gcm::cipher(&derive(root, &info)), head, aad }
    }

    fn aad(&self, row: Uuid) -> Vec<u8> {
        let mut aad = Vec::with_capacity(self.aad.len() + 16);
        aad.extend_from_slice(&self.aad);
        aad.extend_from_slice(row.as_bytes());
        aad
    }

    /// `None` beyond 64 GiB. The buffer has its last size from the start: no copy of the plaintext is left behind.
    pub(super) fn seal(&self, nonce: &[u8; NONCE], row: Uuid, plaintext: &[u8]) -> Option<Vec<u8>> {
        let padded = (plaintext.len() + 1).next_multiple_of(BLOCK);
        let mut cell = Vec::with_capacity(HEAD + NONCE + padded + TAG);
        cell.extend_from_slice(&self.head);
        cell.extend_from_slice(nonce);
        cell.extend_from_slice(plaintext);
        cell.push(PAD);
        cell.resize(HEAD + NONCE + padded, 0);
        let tag = gcm::encrypt(&self.cipher, nonce, &self.aad(row), cell.get_mut(HEAD + NONCE..)?)?;
        cell.extend_from_slice(&tag);
        Some(cell)
    }

    fn open(&self, row: Uuid, cell: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (head, rest) = cell.split_first_chunk::<HEAD>()?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE>()?;
        let (body, tag) = rest.split_last_chunk::<TAG>()?;
        if *head != self.head || body.is_empty() || body.len() % BLOCK != 0 {
            return None;
        }
        let mut plaintext = Zeroizing::new(body.to_vec());
        gcm::decrypt(&self.cipher, nonce, &self.aad(row), &mut plaintext, tag)?;
        let length = unpadded(&plaintext)?;
        plaintext.truncate(length);
        Some(plaintext)
    }
}

/// Length before the padding; `None` if the padding is not the shortest possible.
fn unpadded(plaintext: &[u8]) -> Option<usize> {
    let length = plaintext.iter().rposition(|byte| *byte != 0)?;
    let shortest = plaintext.len() - length <= BLOCK;
    (plaintext.get(length) == Some(&PAD) && shortest).then_some(length)
}

/// How many keys one piece of the table holds; there are some dozens of sealed fields.
const SLOTS: usize = 64;

/// The keys of all fields under one root, derived at first use. A table that only grows: reading takes no lock.
pub(super) struct FieldKeys {
    org: Uuid,
    key_id: u32,
    root: Root,
    table: Table,
}

impl FieldKeys {
    pub(super) fn new(org: Uuid, key_id: u32, root: Root) -> Self {
        Self { org, key_id, root, table: Table::new() }
    }

    pub(super) fn get(&self, path: FieldPath) -> &FieldKey {
        self.table.get(path, || FieldKey::derive(self.org, self.key_id, &self.root, path))
    }
}

struct Table {
    slots: Box<[OnceLock<Box<FieldKey>>]>,
    more: OnceLock<Box<Table>>,
}

impl Table {
    fn new() -> Self {
        Self { slots: (0..SLOTS).map(|_| OnceLock::new()).collect(), more: OnceLock::new() }
    }

    /// Open addressing. Two threads that meet in an empty slot wait for each other there, so a path has one slot.
    fn get(&self, path: FieldPath, make: impl Fn() -> FieldKey) -> &FieldKey {
        let start = usize::try_from(path.hash).unwrap_or(0) % SLOTS;
        let (before, after) = self.slots.split_at(start);
        for slot in after.iter().chain(before) {
            let key = slot.get_or_init(|| Box::new(make()));
            if key.path == path {
                return key;
            }
        }
        self.more.get_or_init(|| Box::new(Self::new())).get(path, make)
    }
}

#[cfg(test)]
#[path = "cell_tests.rs"]
mod tests;
