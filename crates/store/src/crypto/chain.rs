//! Codes of journal entries and signatures of closed stretches: HMAC-SHA-256 under keys of their own, which no rotation
//! of the sealing keys touches. Byte 0 names the algorithm, the key's number follows.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use super::roots::{KeyRing, NoRoot, Root, derive};

/// Number of HMAC-SHA-256, the first byte of a code.
const HMAC_SHA_256: u8 = 0x01;
/// Algorithm and key number.
const HEAD: usize = 1 + 4;

/// What is signed. The names are frozen: they are part of the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// The header of an entry; a code of 16 bytes.
    Entry,
    /// The hash of a stretch; a signature of 32 bytes.
    Stretch,
    /// A record that was erased, or a line about one; 32 bytes.
    Erasure,
}

impl Signed {
    const fn name(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Stretch => "stretch",
            Self::Erasure => "erasure",
        }
    }

    const fn length(self) -> usize {
        match self {
            Self::Entry => 16,
            Self::Stretch | Self::Erasure => 32,
        }
    }
}

/// The keys under one root.
pub(super) struct ChainKeys {
    id: u32,
    entry: Hmac<Sha256>,
    stretch: Hmac<Sha256>,
    erasure: Hmac<Sha256>,
}

impl ChainKeys {
    pub(super) fn new(org: Uuid, id: u32, root: &Root) -> Self {
        let keyed = |what| keyed(org, root, what);
        Self { id, entry: keyed(Signed::Entry), stretch: keyed(Signed::Stretch), erasure: keyed(Signed::Erasure) }
    }

    fn key(&self, what: Signed) -> &Hmac<Sha256> {
        match what {
            Signed::Entry => &self.entry,
            Signed::Stretch => &self.stretch,
            Signed::Erasure => &self.erasure,
        }
    }

    /// `01 ‖ key_id u32be ‖ the first bytes of HMAC-SHA-256(key, message)`
    fn sign(&self, what: Signed, message: &[u8]) -> Vec<u8> {
        let mut mac = self.key(what).clone();
        mac.update(message);
        let code = mac.finalize().into_bytes();
        let head = [HMAC_SHA_256].into_iter().chain(self.id.to_be_bytes());
        head.chain(code.into_iter().take(what.length())).collect()
    }

    fn fits(&self, what: Signed, message: &[u8], code: &[u8]) -> bool {
        let mut mac = self.key(what).clone();
        mac.update(message);
        code.len() == HEAD + what.length() && mac.verify_truncated_left(code.get(HEAD..).unwrap_or_default()).is_ok()
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
fn keyed(org: Uuid, root: &Root, what: Signed) -> Hmac<Sha256> {
    let info = [b"kehu-chain/v1\0".as_slice(), org.as_bytes(), what.name().as_bytes()].concat();
    Hmac::new_from_slice(derive(root, &info).as_slice()).expect("any length")
}

impl KeyRing {
    /// The code of a message under the primary root.
    #[must_use]
    pub fn sign(&self, what: Signed, message: &[u8]) -> Vec<u8> {
        self.chain.primary.sign(what, message)
    }

    /// The codes of a message under every open root, that of the primary one first: one of them is what was stored,
    /// whenever that was.
    #[must_use]
    pub fn signatures(&self, what: Signed, message: &[u8]) -> Vec<Vec<u8>> {
        self.chain.each().map(|keys| keys.sign(what, message)).collect()
    }

    /// Whether a code is this organisation's for that message.
    ///
    /// # Errors
    /// Its key is not open: it was made after the ring was, or is retired.
    pub fn signature_fits(&self, what: Signed, message: &[u8], code: &[u8]) -> Result<bool, NoRoot> {
        let Some(([HMAC_SHA_256, id @ ..], _)) = code.split_first_chunk::<HEAD>() else { return Ok(false) };
        Ok(self.chain.find(u32::from_be_bytes(*id))?.fits(what, message, code))
    }
}

#[cfg(test)]
mod tests {
    use super::super::roots::tests::{ORG, keys, rows};
    use super::super::roots::{Purpose, RootState, new_root};
    use super::*;

    #[test]
    fn a_code_belongs_to_its_message_purpose_and_organisation() {
        let ring = KeyRing::unlock(&keys(), ORG, &rows()).unwrap();
        for what in [Signed::Entry, Signed::Stretch, Signed::Erasure] {
            let code = ring.sign(what, b"message");
            assert_eq!(code.len(), HEAD + what.length());
            assert!(ring.signature_fits(what, b"message", &code).unwrap());
            assert!(!ring.signature_fits(what, b"massage", &code).unwrap());
            for at in HEAD..code.len() {
                let mut wrong = code.clone();
                wrong[at] ^= 1;
                assert!(!ring.signature_fits(what, b"message", &wrong).unwrap());
            }
            for cut in 0..code.len() {
                assert!(!ring.signature_fits(what, b"message", &code[..cut]).unwrap());
            }
        }
        let entry = ring.sign(Signed::Entry, b"message");
        let mut stretch = ring.sign(Signed::Stretch, b"message");
        stretch.truncate(entry.len());
        assert_ne!(entry, stretch);
        assert!(
            !KeyRing::unlock(&keys(), ORG, &rows()).unwrap().signature_fits(Signed::Entry, b"message", &entry).unwrap()
        );
    }

    #[test]
    fn codes_outlive_a_new_root() {
        let mut rows = rows();
        let before = KeyRing::unlock(&keys(), ORG, &rows).unwrap().sign(Signed::Stretch, b"hash");
        rows[2].state = RootState::Active;
        rows.push(new_root(&keys(), ORG, 2, Purpose::Chain).unwrap());
        let ring = KeyRing::unlock(&keys(), ORG, &rows).unwrap();
        assert!(ring.signature_fits(Signed::Stretch, b"hash", &before).unwrap());
        assert_ne!(ring.sign(Signed::Stretch, b"hash"), before);
        assert_eq!(ring.signatures(Signed::Stretch, b"hash"), [ring.sign(Signed::Stretch, b"hash"), before.clone()]);
        let mut unknown = before;
        unknown[4] = 9;
        assert_eq!(ring.signature_fits(Signed::Stretch, b"hash", &unknown), Err(NoRoot::Stale(9)));
    }
}
