//! The key-encryption key (KEK): it lives outside the database, wraps the organisations' roots, and is never handed out.

use std::fmt;
use std::path::PathBuf;

use aes_gcm::Aes256Gcm;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::gcm::{self, TAG};
use super::random::{self, NONCE, NoRandomness};

/// Standard base64 as `openssl rand -base64 32` writes it; padding may be left out, as some secret stores do.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Longest id of a key, in characters.
const ID_MAX: usize = 32;

/// Why keys cannot be used. Every text says what to do; none shows a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No key at all.
    #[error(
        "there is no key-encryption key: set KEHU_KEK to id:base64 (32 random bytes), \
         or name a key file with --kek-file"
    )]
    Missing,
    /// An entry is not `id:base64`. Counted from 1; the text itself is not shown, it may be the key.
    #[error(
        "key {entry} is not of the form id:base64; an id is 1 to 32 letters, digits, '-' or '_', and several keys are \
         separated by commas, the current one first"
    )]
    Form { entry: usize },
    /// The part after the colon is no base64.
    #[error("key {id} is not valid base64: it must be 32 bytes as `openssl rand -base64 32` prints them")]
    Base64 { id: String },
    /// Decoded, but of another length.
    #[error("key {id} has {length} bytes and needs 32: make one with `openssl rand -base64 32`")]
    Length { id: String, length: usize },
    /// One byte 32 times: a placeholder, not a key.
    #[error("key {id} is a placeholder, the same byte 32 times: make one with `openssl rand -base64 32`")]
    Placeholder { id: String },
    /// The same id twice.
    #[error("key {id} is given twice: every key needs an id of its own")]
    Duplicate { id: String },
    /// The database was sealed under a key that is not here.
    #[error(
        "the data is sealed under key {id}, which is not among the given ones ({known}): add it, after the current"
    )]
    Unknown { id: String, known: String },
    /// A key of that name is here, and is not the one.
    #[error(
        "key {id} does not open what was wrapped under that name: it is another key, or the stored root was altered; \
         give the original key {id}"
    )]
    Mismatch { id: String },
    /// The key file cannot be read or written.
    #[error("key file {}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    /// The key file is there already.
    #[error("key file {} exists already and is left as it is: data may be sealed under it", path.display())]
    Exists { path: PathBuf },
    /// Others may read or change the key file.
    #[error(
        "key file {} has mode {mode:04o}: it must be 0600 (chmod 600), or 0444 owned by root as mounted secrets are",
        path.display()
    )]
    Permissions { path: PathBuf, mode: u32 },
    /// The key file would be copied with every backup of the data.
    #[error("key file {} lies inside the data folder: keep it elsewhere, so that a copy of the data is no copy of the key", path.display())]
    InsideData { path: PathBuf },
    /// The organisation has not exactly one primary root of a purpose.
    #[error("the organisation has {found} primary roots for {purpose} and needs one: restore its rows of tenant_keys")]
    Primary { purpose: &'static str, found: usize },
    /// The operating system gave no random bytes.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// Bytes wrapped under a KEK, and which one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    /// Id of the KEK.
    pub kek_id: String,
    /// `nonce 12 ‖ ciphertext ‖ tag 16`, AES-256-GCM.
    pub bytes: Vec<u8>,
}

/// Wraps and unwraps under keys it never hands out. Called when an organisation's keys are made or opened, never per
/// field, so that it may be a call to another machine.
pub trait KeyProvider: Send + Sync {
    /// Id of the key that wraps now.
    fn current_id(&self) -> &str;

    /// Wraps `plaintext` under the current key, bound to `aad`.
    fn wrap(&self, aad: &[u8], plaintext: &[u8]) -> Result<Wrapped, KeyError>;

    /// Opens what [`wrap`](Self::wrap) made. [`KeyError::Unknown`] without a key `kek_id`; [`KeyError::Mismatch`] when
    /// key, `aad` or bytes differ.
    fn unwrap(&self, kek_id: &str, aad: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError>;
}

/// Keys given as text, by `KEHU_KEK` or a key file: `id:base64[,id:base64…]`, the first is current.
pub struct LocalKeys {
    current: String,
    keys: Vec<(String, Aes256Gcm)>,
}

impl LocalKeys {
    /// Reads `id:base64[,id:base64…]`; blanks around entries and a last line break are ignored.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        let mut keys: Vec<(String, Aes256Gcm)> = Vec::new();
        for (index, entry) in text.split(',').map(str::trim).enumerate() {
            if entry.is_empty() && text.trim().is_empty() {
                return Err(KeyError::Missing);
            }
            let (id, base64) = entry.split_once(':').ok_or(KeyError::Form { entry: index + 1 })?;
            if !is_id(id) {
                return Err(KeyError::Form { entry: index + 1 });
            }
            if keys.iter().any(|(known, _)| known == id) {
                return Err(KeyError::Duplicate { id: id.to_owned() });
            }
            keys.push((id.to_owned(), gcm::cipher(&*key_bytes(id, base64)?)));
        }
        let current = keys.first().map(|(id, _)| id.clone()).ok_or(KeyError::Missing)?;
        Ok(Self { current, keys })
    }

    fn find(&self, id: &str) -> Option<&Aes256Gcm> {
        self.keys.iter().find(|(known, _)| known == id).map(|(_, cipher)| cipher)
    }

    fn ids(&self) -> String {
        self.keys.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Debug for LocalKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalKeys({})", self.ids())
    }
}

impl KeyProvider for LocalKeys {
    fn current_id(&self) -> &str {
        &self.current
    }

    fn wrap(&self, aad: &[u8], plaintext: &[u8]) -> Result<Wrapped, KeyError> {
        let nonce = random::nonce()?;
        wrap_with(self, &nonce, aad, plaintext)
    }

    fn unwrap(&self, kek_id: &str, aad: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let cipher = self.find(kek_id).ok_or_else(|| KeyError::Unknown { id: kek_id.to_owned(), known: self.ids() })?;
        open(cipher, aad, wrapped).ok_or_else(|| KeyError::Mismatch { id: kek_id.to_owned() })
    }
}

/// Wraps under the current key with a given nonce; apart from [`KeyProvider::wrap`] only the test vectors choose one.
pub(super) fn wrap_with(
    keys: &LocalKeys,
    nonce: &[u8; NONCE],
    aad: &[u8],
    plaintext: &[u8],
) -> Result<Wrapped, KeyError> {
    let cipher = keys.find(&keys.current).ok_or(KeyError::Missing)?;
    let mut bytes = Vec::with_capacity(NONCE + plaintext.len() + TAG);
    bytes.extend_from_slice(nonce);
    bytes.extend_from_slice(plaintext);
    let tag = bytes
        .get_mut(NONCE..)
        .and_then(|body| gcm::encrypt(cipher, nonce, aad, body))
        .ok_or_else(|| KeyError::Mismatch { id: keys.current.clone() })?;
    bytes.extend_from_slice(&tag);
    Ok(Wrapped { kek_id: keys.current.clone(), bytes })
}

fn open(cipher: &Aes256Gcm, aad: &[u8], wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, rest) = wrapped.split_first_chunk::<NONCE>()?;
    let (body, tag) = rest.split_last_chunk::<TAG>()?;
    let mut plaintext = Zeroizing::new(body.to_vec());
    gcm::decrypt(cipher, nonce, aad, &mut plaintext, tag)?;
    Some(plaintext)
}

/// A new key as text, `id:base64`: the id is `k` and six random characters.
pub fn new_key_text() -> Result<Zeroizing<String>, KeyError> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let key = Zeroizing::new(random::array::<32>()?);
    let mut text = Zeroizing::new(String::with_capacity(64));
    text.push('k');
    for byte in random::array::<6>()? {
        text.extend(LETTERS.get(usize::from(byte % 32)).copied().map(char::from));
    }
    text.push(':');
    BASE64.encode_string(*key, &mut text);
    Ok(text)
}

fn is_id(id: &str) -> bool {
    (1..=ID_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn key_bytes(id: &str, base64: &str) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let decoded = BASE64.decode(base64.trim()).map_err(|_| KeyError::Base64 { id: id.to_owned() })?;
    let decoded = Zeroizing::new(decoded);
    let key: [u8; 32] =
        decoded.as_slice().try_into().map_err(|_| KeyError::Length { id: id.to_owned(), length: decoded.len() })?;
    let key = Zeroizing::new(key);
    if key.iter().all(|byte| Some(byte) == key.first()) {
        return Err(KeyError::Placeholder { id: id.to_owned() });
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const TWO: &str = "k2:Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";

    fn refusal(text: &str) -> String {
        LocalKeys::from_text(text).unwrap_err().to_string()
    }

    #[test]
    fn the_first_key_is_current_and_older_ones_still_open() {
        let old = LocalKeys::from_text(TWO).unwrap();
        let wrapped = old.wrap(b"aad", b"secret").unwrap();
        assert_eq!(wrapped.kek_id, "k2");
        let both = LocalKeys::from_text(&format!(" {ONE} , {TWO}\n")).unwrap();
        assert_eq!(both.current_id(), "k1");
        assert_eq!(both.unwrap("k2", b"aad", &wrapped.bytes).unwrap().as_slice(), b"secret");
        assert_eq!(both.wrap(b"", b"").unwrap().kek_id, "k1");
    }

    #[test]
    fn another_key_aad_or_byte_is_refused() {
        let keys = LocalKeys::from_text(ONE).unwrap();
        let wrapped = keys.wrap(b"aad", b"secret").unwrap();
        assert!(matches!(keys.unwrap("k1", b"other", &wrapped.bytes), Err(KeyError::Mismatch { .. })));
        assert!(matches!(keys.unwrap("k9", b"aad", &wrapped.bytes), Err(KeyError::Unknown { .. })));
        for bit in 0..wrapped.bytes.len() * 8 {
            let mut bytes = wrapped.bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(keys.unwrap("k1", b"aad", &bytes).is_err());
        }
        for length in 0..wrapped.bytes.len() {
            assert!(keys.unwrap("k1", b"aad", &wrapped.bytes[..length]).is_err());
        }
        let impostor = LocalKeys::from_text(&TWO.replace("k2", "k1")).unwrap();
        assert!(matches!(impostor.unwrap("k1", b"aad", &wrapped.bytes), Err(KeyError::Mismatch { .. })));
    }

    #[test]
    fn refusals_say_what_to_do_and_never_show_a_key() {
        assert!(refusal("").contains("KEHU_KEK"));
        assert!(refusal(" \n").contains("KEHU_KEK"));
        let bare = ONE.trim_start_matches("k1:");
        assert!(refusal(bare).contains("key 1 is not of the form") && !refusal(bare).contains("AAEC"));
        assert!(refusal(&format!("{ONE},")).contains("key 2 is not of the form"));
        assert!(refusal(&format!("a b:{bare}")).contains("not of the form"));
        assert!(refusal("k1:%%%").contains("key k1 is not valid base64"));
        assert!(refusal("k1:AAECAwQ=").contains("has 5 bytes and needs 32"));
        assert!(refusal(&format!("k1:{}=", "A".repeat(43))).contains("placeholder"));
        assert!(refusal(&format!("{ONE},{ONE}")).contains("given twice"));
        let keys = LocalKeys::from_text(&format!("{ONE},{TWO}")).unwrap();
        assert!(keys.unwrap("k0", b"", b"").unwrap_err().to_string().contains("(k1, k2)"));
        assert_eq!(format!("{keys:?}"), "LocalKeys(k1, k2)");
    }

    #[test]
    fn padding_may_be_missing() {
        assert!(LocalKeys::from_text(ONE.trim_end_matches('=')).is_ok());
    }

    #[test]
    fn new_keys_are_usable_and_differ() {
        let (one, two) = (new_key_text().unwrap(), new_key_text().unwrap());
        assert_ne!(*one, *two);
        let id = one.split_once(':').unwrap().0;
        assert_eq!((id.len(), &id[..1]), (7, "k"));
        assert_eq!(LocalKeys::from_text(&one).unwrap().current_id(), id);
    }
}
