//! Finding sealed values: keyed, truncated hashes of normalised values, per class and not per column.
//!
//! A value's bucket is the first `width` bits of HMAC-SHA-256 under the class's key, about four values to a bucket, so
//! that a stolen table tells little. A check of eight bytes, different for every record, drops the strangers in a
//! bucket without reading their rows; whoever is left is opened and compared.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use super::roots::{KeyRing, NoRoot, Root, derive};

/// What kind of value is found, whatever record and column holds it. The names are frozen: they are part of the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IndexClass {
    /// Phone and fax numbers, E.164.
    Phone,
    /// E-mail addresses, lower case, domain in ASCII.
    Email,
    /// ID numbers, upper case.
    IdNumber,
    /// Bank accounts, digits.
    BankAccount,
    /// WeChat ids.
    Wechat,
    /// Birthdays as `MM-DD`.
    Birthday,
    /// Sign-in names; only in the installation's own index.
    Login,
    /// Values of fields that an organisation added, each with the id of its field before it.
    Custom,
    /// Ids in other systems, each with its kind and source before it.
    ExternalId,
}

impl IndexClass {
    /// Every class.
    pub const ALL: [Self; 9] = [
        Self::Phone,
        Self::Email,
        Self::IdNumber,
        Self::BankAccount,
        Self::Wechat,
        Self::Birthday,
        Self::Login,
        Self::Custom,
        Self::ExternalId,
    ];

    /// As stored and as bound into the key.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Email => "email",
            Self::IdNumber => "id_number",
            Self::BankAccount => "bank_account",
            Self::Wechat => "wechat",
            Self::Birthday => "birthday",
            Self::Login => "login",
            Self::Custom => "custom",
            Self::ExternalId => "external_id",
        }
    }

    /// Reads the stored text.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == text)
    }
}

/// How many bits of a hash an index keeps, 8 to 28.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Width(u8);

impl Width {
    /// Fewest bits.
    pub const MIN: Self = Self(8);
    /// Most bits.
    pub const MAX: Self = Self(28);

    /// The width for so many entries: `⌊log2(entries)⌋ − 2`, within the bounds, which leaves four to eight values a
    /// bucket.
    #[must_use]
    pub fn for_entries(entries: u64) -> Self {
        let log2 = entries.checked_ilog2().and_then(|bits| u8::try_from(bits).ok()).unwrap_or(0);
        Self(log2.saturating_sub(2)).clamp(Self::MIN, Self::MAX)
    }

    /// Reads the stored number.
    #[must_use]
    pub fn from_stored(bits: u8) -> Option<Self> {
        Some(Self(bits)).filter(|width| (Self::MIN..=Self::MAX).contains(width))
    }

    /// The number of bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }
}

/// One generation of an index: the root that keys it and the bits it keeps. While an index is widened or its root
/// rotates, two generations live side by side; every entry stores its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IndexVersion {
    /// Root of purpose index.
    pub key_id: u32,
    /// Bits kept.
    pub width: Width,
}

/// A bucket: the first `width` bits of the hash, below 2^28.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IndexValue(pub i64);

impl KeyRing {
    /// The bucket of a normalised value in one generation of the index.
    pub fn index_value(
        &self,
        class: IndexClass,
        version: IndexVersion,
        normalised: &str,
    ) -> Result<IndexValue, NoRoot> {
        let keys = self.index.find(version.key_id)?;
        let high = first_8(keys.mac(class), &[normalised.as_bytes()]);
        let bucket = u64::from_be_bytes(high) >> (64 - u32::from(version.width.0));
        // Below 2^28, so it fits.
        Ok(IndexValue(i64::try_from(bucket).unwrap_or(i64::MAX)))
    }

    /// The check of one record's entry: a candidate whose stored check differs holds another value.
    pub fn index_check(
        &self,
        class: IndexClass,
        key_id: u32,
        record: Uuid,
        normalised: &str,
    ) -> Result<[u8; 8], NoRoot> {
        Ok(first_8(self.index.find(key_id)?.mac(class), &[record.as_bytes(), normalised.as_bytes()]))
    }
}

/// Label of the key that hashes idempotency keys; no class has it.
const IDEMPOTENCY: &str = "idempotency_key";

impl KeyRing {
    /// What an idempotency key of one principal is found by under a root, keyed so that nobody tries keys out on a stolen
    /// table.
    pub fn idempotency_hash(&self, key_id: u32, principal: Uuid, key: &str) -> Result<[u8; 32], NoRoot> {
        let mut mac = self.index.find(key_id)?.idempotency.clone();
        mac.update(principal.as_bytes());
        mac.update(key.as_bytes());
        Ok(mac.finalize().into_bytes().into())
    }
}

fn first_8(mut mac: Hmac<Sha256>, parts: &[&[u8]]) -> [u8; 8] {
    for part in parts {
        mac.update(part);
    }
    let output: [u8; 32] = mac.finalize().into_bytes().into();
    let [a, b, c, d, e, f, g, h, ..] = output;
    [a, b, c, d, e, f, g, h]
}

/// The keyed hash of each class under one root, ready to be copied; wiped when dropped.
pub(super) struct ClassKeys {
    classes: [(IndexClass, Hmac<Sha256>); IndexClass::ALL.len()],
    idempotency: Hmac<Sha256>,
}

impl ClassKeys {
    pub(super) fn new(org: Uuid, root: &Root) -> Self {
        Self {
            classes: IndexClass::ALL.map(|class| (class, class_mac(org, root, class.as_str()))),
            idempotency: class_mac(org, root, IDEMPOTENCY),
        }
    }

    fn mac(&self, class: IndexClass) -> Hmac<Sha256> {
        let [phone, email, id_number, bank_account, wechat, birthday, login, custom, external_id] = &self.classes;
        let (_, mac) = match class {
            IndexClass::Phone => phone,
            IndexClass::Email => email,
            IndexClass::IdNumber => id_number,
            IndexClass::BankAccount => bank_account,
            IndexClass::Wechat => wechat,
            IndexClass::Birthday => birthday,
            IndexClass::Login => login,
            IndexClass::Custom => custom,
            IndexClass::ExternalId => external_id,
        };
        mac.clone()
    }
}

/// Key: HKDF of the root, info `"kehu-index/v1" ‖ 00 ‖ org ‖ class`.
#[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
fn class_mac(org: Uuid, root: &Root, class: &str) -> Hmac<Sha256> {
    let info = [b"kehu-index/v1\0".as_slice(), org.as_bytes(), class.as_bytes()].concat();
    Hmac::new_from_slice(derive(root, &info).as_slice()).expect("any length")
}

#[cfg(test)]
mod tests {
    use super::super::roots::tests::{ORG, keys, rows};
    use super::super::roots::{Purpose, RootState, new_root};
    use super::*;

    fn version(key_id: u32, bits: u8) -> IndexVersion {
        IndexVersion { key_id, width: Width::from_stored(bits).unwrap() }
    }

    #[test]
    fn the_width_leaves_four_to_eight_values_a_bucket() {
        let bits = |entries| Width::for_entries(entries).bits();
        assert_eq!([0, 1, 1023, 1024, 2047, 2048, 4096].map(bits), [8, 8, 8, 8, 8, 9, 10]);
        assert_eq!([1_000_000, 1 << 30, (1 << 31) - 1, 1 << 40, u64::MAX].map(bits), [17, 28, 28, 28, 28]);
        assert_eq!((Width::from_stored(7), Width::from_stored(29)), (None, None));
    }

    #[test]
    fn a_wider_bucket_begins_with_the_narrower() {
        let ring = KeyRing::unlock(&keys(), ORG, &rows()).unwrap();
        let value = |bits| ring.index_value(IndexClass::Phone, version(1, bits), "+8613800138000").unwrap().0;
        for bits in 8..=28 {
            assert!((0..1 << bits).contains(&value(bits)));
            assert_eq!(value(bits), value(28) >> (28 - bits));
        }
    }

    #[test]
    fn classes_organisations_and_roots_do_not_meet() {
        let mut rows = rows();
        rows[1].state = RootState::Active;
        rows.push(new_root(&keys(), ORG, 2, Purpose::Index).unwrap());
        let ring = KeyRing::unlock(&keys(), ORG, &rows).unwrap();
        let mut seen = std::collections::HashSet::new();
        for class in IndexClass::ALL {
            for key_id in [1, 2] {
                for text in ["13800138000", "13800138001"] {
                    seen.insert(ring.index_value(class, version(key_id, 28), text).unwrap());
                }
            }
        }
        assert_eq!(seen.len(), 36);
        assert_eq!(ring.primary_index(), 2);
        let root = zeroize::Zeroizing::new([7; 32]);
        let one = first_8(class_mac(ORG, &root, "login"), &[b"a"]);
        let two = first_8(class_mac(Uuid::nil(), &root, "login"), &[b"a"]);
        assert_ne!(one, two);
    }

    #[test]
    fn a_check_belongs_to_record_and_value() {
        let ring = KeyRing::unlock(&keys(), ORG, &rows()).unwrap();
        let check = |record, text| ring.index_check(IndexClass::Phone, 1, Uuid::from_u128(record), text).unwrap();
        assert_eq!(check(1, "a"), check(1, "a"));
        assert_ne!(check(1, "a"), check(2, "a"));
        assert_ne!(check(1, "a"), check(1, "b"));
    }

    #[test]
    fn an_idempotency_key_is_hashed_under_its_own_key() {
        let ring = KeyRing::unlock(&keys(), ORG, &rows()).unwrap();
        let hash = |principal, key| ring.idempotency_hash(1, Uuid::from_u128(principal), key).unwrap();
        assert_eq!(hash(1, "13800138000"), hash(1, "13800138000"));
        assert_ne!(hash(1, "13800138000"), hash(2, "13800138000"));
        assert_ne!(hash(1, "13800138000"), hash(1, "13800138001"));
        let check = ring.index_check(IndexClass::Phone, 1, Uuid::from_u128(1), "13800138000").unwrap();
        assert_ne!(hash(1, "13800138000")[..8], check);
        assert!(IndexClass::ALL.iter().all(|class| class.as_str() != IDEMPOTENCY));
    }

    #[test]
    fn unknown_and_retired_roots_are_told_apart() {
        let mut rows = rows();
        let mut old = new_root(&keys(), ORG, 9, Purpose::Index).unwrap();
        old.state = RootState::Retired;
        rows.push(old);
        let ring = KeyRing::unlock(&keys(), ORG, &rows).unwrap();
        assert_eq!(ring.index_value(IndexClass::Email, version(9, 8), "a"), Err(NoRoot::Retired(9)));
        assert_eq!(ring.index_check(IndexClass::Email, 3, ORG, "a"), Err(NoRoot::Stale(3)));
    }

    #[test]
    fn class_names_are_frozen() {
        let names = IndexClass::ALL.map(IndexClass::as_str);
        assert_eq!(
            names,
            ["phone", "email", "id_number", "bank_account", "wechat", "birthday", "login", "custom", "external_id"]
        );
        assert_eq!(names.map(IndexClass::from_stored), IndexClass::ALL.map(Some));
        assert_eq!(IndexClass::from_stored("mobile"), None);
    }
}
