//! An organisation's random roots, wrapped under the KEK, and the ring of those that are open.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use hkdf::Hkdf;
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::cell::FieldKeys;
use super::chain::ChainKeys;
use super::index::ClassKeys;
use super::kek::{KeyError, KeyProvider};
use super::random;

/// The installation itself: its roots index sign-in names and seal the keys that sign access tokens.
pub const INSTALLATION: Uuid = Uuid::nil();

/// An opened root.
pub(super) type Root = Zeroizing<[u8; 32]>;

/// What a root is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Sealing cells.
    Enc,
    /// Index values.
    Index,
    /// Codes of journal entries and signatures of closed stretches.
    Chain,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 3] = [Self::Enc, Self::Index, Self::Chain];

    /// As stored and as bound into the wrapping: `enc`, `index` or `chain`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enc => "enc",
            Self::Index => "index",
            Self::Chain => "chain",
        }
    }

    /// Reads the stored text.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }
}

/// Where a root is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootState {
    /// Seals and opens; exactly one per organisation and purpose.
    Primary,
    /// Opens. With a number below the primary's, what it sealed once; above it, what it will seal when it is primary:
    /// a rotation is under way.
    Active,
    /// Nothing is sealed under it any more, and its wrapped bytes are gone; refuses.
    Retired,
    /// The same, of a root that was taken away while something was sealed under it; refuses.
    Destroyed,
}

impl RootState {
    /// As stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Active => "active",
            Self::Retired => "retired",
            Self::Destroyed => "destroyed",
        }
    }

    /// Reads the stored text.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        [Self::Primary, Self::Active, Self::Retired, Self::Destroyed].into_iter().find(|state| state.as_str() == text)
    }
}

/// A root as it is stored: one row of `tenant_keys`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedRoot {
    /// Number of the root within organisation and purpose; every cell and index entry names it.
    pub key_id: u32,
    /// What it is for.
    pub purpose: Purpose,
    /// Where it is in its life.
    pub state: RootState,
    /// The KEK that wrapped it.
    pub kek_id: String,
    /// `nonce 12 ‖ ciphertext 32 ‖ tag 16`, AES-256-GCM under the KEK.
    pub wrapped: Vec<u8>,
}

/// What the wrapping of a root is bound to: `"kehu-wrap/v1" ‖ org ‖ key_id u32be ‖ purpose`.
pub(super) fn wrap_aad(org: Uuid, key_id: u32, purpose: Purpose) -> Vec<u8> {
    [b"kehu-wrap/v1".as_slice(), org.as_bytes(), &key_id.to_be_bytes(), purpose.as_str().as_bytes()].concat()
}

/// Makes a random root, wrapped under the provider's current key, as the primary one.
pub fn new_root(provider: &dyn KeyProvider, org: Uuid, key_id: u32, purpose: Purpose) -> Result<WrappedRoot, KeyError> {
    let root: Root = Zeroizing::new(random::array()?);
    let wrapped = provider.wrap(&wrap_aad(org, key_id, purpose), root.as_slice())?;
    Ok(WrappedRoot { key_id, purpose, state: RootState::Primary, kek_id: wrapped.kek_id, wrapped: wrapped.bytes })
}

/// Wraps a root under the provider's current key, whatever its state; `None` where that key wraps it already, or nothing
/// is left of it. The root stays the same.
pub fn rewrap(provider: &dyn KeyProvider, org: Uuid, row: &WrappedRoot) -> Result<Option<WrappedRoot>, KeyError> {
    if row.kek_id == provider.current_id() || row.wrapped.is_empty() {
        return Ok(None);
    }
    let root = open_root(provider, org, row)?;
    let wrapped = provider.wrap(&wrap_aad(org, row.key_id, row.purpose), root.as_slice())?;
    Ok(Some(WrappedRoot { kek_id: wrapped.kek_id, wrapped: wrapped.bytes, ..row.clone() }))
}

/// HKDF-SHA256 (RFC 5869) of a root with an empty salt: a working key of 32 bytes.
#[expect(clippy::expect_used, reason = "HKDF-SHA256 gives up to 8160 bytes; 32 always fit")]
pub(super) fn derive(root: &Root, info: &[u8]) -> Root {
    let mut key: Root = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, root.as_slice()).expand(info, key.as_mut_slice()).expect("32 bytes");
    key
}

/// A key number that this ring has no open root for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoot {
    /// Never heard of: made after the ring was opened. Open it again and try once more.
    #[error("key {0} is not in the open ring")]
    Stale(u32),
    /// Retired or destroyed: opening the ring again will not help.
    #[error("key {0} is retired")]
    Retired(u32),
}

/// The open roots of one purpose with what was derived from them.
pub(super) struct Opened<K> {
    pub(super) primary_id: u32,
    pub(super) primary: K,
    active: Vec<(u32, K)>,
    closed: Vec<u32>,
}

impl<K> Opened<K> {
    fn open(
        provider: &dyn KeyProvider,
        org: Uuid,
        purpose: Purpose,
        rows: &[WrappedRoot],
        build: impl Fn(u32, Root) -> K,
    ) -> Result<Self, KeyError> {
        let (mut primaries, mut active, mut closed) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows.iter().filter(|row| row.purpose == purpose) {
            let list = match row.state {
                RootState::Primary => &mut primaries,
                RootState::Active => &mut active,
                RootState::Retired | RootState::Destroyed => {
                    closed.push(row.key_id);
                    continue;
                }
            };
            list.push((row.key_id, build(row.key_id, open_root(provider, org, row)?)));
        }
        let found = primaries.len();
        match (primaries.pop(), found) {
            (Some((primary_id, primary)), 1) => Ok(Self { primary_id, primary, active, closed }),
            _ => Err(KeyError::Primary { purpose: purpose.as_str(), found }),
        }
    }

    fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        std::iter::once(self.primary_id).chain(self.active.iter().map(|(id, _)| *id))
    }

    fn has_newer(&self) -> bool {
        self.active.iter().any(|(id, _)| *id > self.primary_id)
    }

    /// Every open one, the primary one first.
    pub(super) fn each(&self) -> impl Iterator<Item = &K> {
        std::iter::once(&self.primary).chain(self.active.iter().map(|(_, keys)| keys))
    }

    pub(super) fn find(&self, key_id: u32) -> Result<&K, NoRoot> {
        if key_id == self.primary_id {
            return Ok(&self.primary);
        }
        match self.active.iter().find(|(id, _)| *id == key_id) {
            Some((_, keys)) => Ok(keys),
            None if self.closed.contains(&key_id) => Err(NoRoot::Retired(key_id)),
            None => Err(NoRoot::Stale(key_id)),
        }
    }
}

fn open_root(provider: &dyn KeyProvider, org: Uuid, row: &WrappedRoot) -> Result<Root, KeyError> {
    let bytes = provider.unwrap(&row.kek_id, &wrap_aad(org, row.key_id, row.purpose), &row.wrapped)?;
    let root: [u8; 32] = bytes.as_slice().try_into().map_err(|_| KeyError::Mismatch { id: row.kek_id.clone() })?;
    Ok(Zeroizing::new(root))
}

/// An organisation's open roots: seals, opens and indexes. Shared by reference between threads; working keys are
/// derived at first use, found again without a lock, and wiped when the ring is dropped.
pub struct KeyRing {
    org: Uuid,
    pub(super) enc: Opened<FieldKeys>,
    pub(super) index: Opened<ClassKeys>,
    pub(super) chain: Opened<ChainKeys>,
    sealed: Arc<AtomicU64>,
    /// The ring of the same organisation that took the place of this one.
    next: OnceLock<Arc<KeyRing>>,
}

impl KeyRing {
    /// Opens an organisation's roots, all rows of every purpose. Fails when one that should open does not
    /// ([`KeyError::Unknown`], [`KeyError::Mismatch`]) or a purpose has not exactly one primary.
    pub fn unlock(provider: &dyn KeyProvider, org: Uuid, rows: &[WrappedRoot]) -> Result<Self, KeyError> {
        Ok(Self {
            org,
            enc: Opened::open(provider, org, Purpose::Enc, rows, |id, root| FieldKeys::new(org, id, root))?,
            index: Opened::open(provider, org, Purpose::Index, rows, |_, root| ClassKeys::new(org, &root))?,
            chain: Opened::open(provider, org, Purpose::Chain, rows, |id, root| ChainKeys::new(org, id, &root))?,
            sealed: Arc::default(),
            next: OnceLock::new(),
        })
    }

    /// Counts what is sealed under the primary root there, for whoever keeps the count.
    #[must_use]
    pub fn counting(self, sealed: Arc<AtomicU64>) -> Self {
        Self { sealed, ..self }
    }

    /// Says which ring took the place of this one, for those who still hold it.
    pub fn is_followed_by(&self, next: Arc<KeyRing>) {
        // Only the first one says so; that one is followed by the second.
        let _ = self.next.set(next);
    }

    /// The ring that took the place of this one, and of that one; this one where none did.
    #[must_use]
    pub fn latest(&self) -> &KeyRing {
        let mut ring = self;
        while let Some(next) = ring.next.get() {
            ring = next;
        }
        ring
    }

    /// Whether a root is about to become primary.
    #[must_use]
    pub fn is_about_to_change(&self) -> bool {
        self.enc.has_newer() || self.index.has_newer()
    }

    /// Numbers of the roots that key index values: the primary first, then those that were, or are about to be.
    pub(crate) fn index_roots(&self) -> impl Iterator<Item = u32> + '_ {
        self.index.numbers()
    }

    /// Whose ring this is.
    #[must_use]
    pub fn org(&self) -> Uuid {
        self.org
    }

    /// Number of the root that seals now.
    #[must_use]
    pub fn primary_enc(&self) -> u32 {
        self.enc.primary_id
    }

    /// Number of the root that keys new index versions.
    #[must_use]
    pub fn primary_index(&self) -> u32 {
        self.index.primary_id
    }

    /// How many cells were sealed under the primary root since somebody took the count.
    #[must_use]
    pub fn sealed(&self) -> u64 {
        self.sealed.load(Ordering::Relaxed)
    }

    pub(super) fn count_one(&self) {
        self.sealed.fetch_add(1, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing").field("org", &self.org).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::kek::LocalKeys;
    use super::*;

    pub(crate) const ORG: Uuid = Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0001);

    pub(crate) fn keys() -> LocalKeys {
        LocalKeys::from_text("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap()
    }

    pub(crate) fn rows() -> Vec<WrappedRoot> {
        Purpose::ALL.map(|purpose| new_root(&keys(), ORG, 1, purpose).unwrap()).into()
    }

    #[test]
    fn a_wrapped_root_belongs_to_its_organisation_number_and_purpose() {
        let rows = rows();
        assert_eq!(rows[0].wrapped.len(), 12 + 32 + 16);
        assert!(KeyRing::unlock(&keys(), ORG, &rows).is_ok());
        let refused =
            |org, rows: &[WrappedRoot]| matches!(KeyRing::unlock(&keys(), org, rows), Err(KeyError::Mismatch { .. }));
        assert!(refused(Uuid::from_u128(2), &rows));
        let mut renumbered = rows.clone();
        renumbered[0].key_id = 2;
        assert!(refused(ORG, &renumbered));
        let mut swapped = rows.clone();
        let (enc, index) = (rows[0].wrapped.clone(), rows[1].wrapped.clone());
        (swapped[0].wrapped, swapped[1].wrapped) = (index, enc);
        assert!(refused(ORG, &swapped));
        let mut unknown = rows;
        unknown[0].kek_id = "k7".into();
        assert!(matches!(KeyRing::unlock(&keys(), ORG, &unknown), Err(KeyError::Unknown { .. })));
    }

    #[test]
    fn a_purpose_has_exactly_one_primary() {
        let rows = rows();
        for wrong in [&rows[..1], &rows[..2], &rows[1..], &[rows.clone(), rows.clone()].concat()] {
            assert!(matches!(KeyRing::unlock(&keys(), ORG, wrong), Err(KeyError::Primary { .. })));
        }
    }

    #[test]
    fn a_retired_root_is_not_even_opened() {
        let mut rows = rows();
        let mut old = new_root(&keys(), ORG, 7, Purpose::Enc).unwrap();
        (old.state, old.wrapped) = (RootState::Destroyed, Vec::new());
        rows.push(old);
        let ring = KeyRing::unlock(&keys(), ORG, &rows).unwrap();
        assert_eq!(ring.enc.find(7).err(), Some(NoRoot::Retired(7)));
        assert_eq!(ring.enc.find(8).err(), Some(NoRoot::Stale(8)));
        assert_eq!(ring.index.find(7).err(), Some(NoRoot::Stale(7)));
        assert!(ring.enc.find(1).is_ok());
    }

    #[test]
    fn stored_words_are_read_back() {
        for state in [RootState::Primary, RootState::Active, RootState::Retired, RootState::Destroyed] {
            assert_eq!(RootState::from_stored(state.as_str()), Some(state));
        }
        assert_eq!(Purpose::from_stored("index"), Some(Purpose::Index));
        assert_eq!(Purpose::from_stored("Index"), None);
    }
}
