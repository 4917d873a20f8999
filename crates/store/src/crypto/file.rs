//! Sealed files: contents in chunks, each sealed for its place, so that a part can be read without the rest, and nothing
//! can be cut off, put in another order or brought from another file. Byte format: docs/sealing.md.
//!
//! `head 16 ‖ chunk 0 ‖ … ‖ chunk n`, where a chunk is the ciphertext of 65,536 bytes (the last one: of what is left) and
//! a tag of 16. Each file has a key of its own, kept as a cell.

use aes_gcm::Aes256Gcm;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::gcm::{self, TAG};
use super::random::{self, NONCE, NoRandomness};

/// Plaintext bytes of a chunk that is not the last.
pub(crate) const CHUNK: usize = 65_536;
/// Bytes in front of the first chunk.
pub(crate) const HEAD: usize = 16;
/// Bytes of a sealed chunk that is not the last.
pub(crate) const SEALED_CHUNK: usize = CHUNK + TAG;
/// What a file begins with: what it is, the suite (AES-256-GCM), and the size of a chunk.
pub(crate) const HEADER: [u8; HEAD] = *b"kehu-file\0\x01\0\0\x01\0\0";

/// The key of one file; wiped when dropped.
pub(crate) type Key = Zeroizing<[u8; 32]>;

/// A key for a new file.
pub(crate) fn new_key() -> Result<Key, NoRandomness> {
    let mut key = Zeroizing::new([0; 32]);
    random::fill(key.as_mut_slice())?;
    Ok(key)
}

/// How many chunks a content of so many bytes has: an empty one has an empty chunk.
pub(crate) fn chunks(size: u64) -> u64 {
    size.div_ceil(wide(CHUNK)).max(1)
}

/// How long the sealed file of so many bytes is.
pub(crate) fn sealed_len(size: u64) -> u64 {
    wide(HEAD) + size + wide(TAG) * chunks(size)
}

/// Where a sealed chunk begins.
pub(crate) fn place(chunk: u64) -> u64 {
    wide(HEAD) + wide(SEALED_CHUNK) * chunk
}

/// Bytes as the numbers of files.
pub(crate) fn wide(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// Seals and opens the chunks of one file.
pub(crate) struct FileCipher {
    cipher: Aes256Gcm,
    aad: Vec<u8>,
}

impl FileCipher {
    /// Of a file of an organisation under its own key.
    pub(crate) fn new(key: &[u8; 32], org: Uuid, file: Uuid) -> Self {
        let aad = [b"kehu-file/v1\0".as_slice(), &HEADER, org.as_bytes(), file.as_bytes()].concat();
        Self { cipher: gcm::cipher(key), aad }
    }

    /// Seals a chunk in place, its tag behind it. `None` beyond the limit of the algorithm.
    pub(crate) fn seal(&self, chunk: u64, last: bool, bytes: &mut Vec<u8>) -> Option<()> {
        let tag = gcm::encrypt(&self.cipher, &nonce(chunk, last), &self.aad, bytes)?;
        bytes.extend_from_slice(&tag);
        Some(())
    }

    /// Opens a chunk in place. `None` where it is not the chunk of that place in this file.
    pub(crate) fn open(&self, chunk: u64, last: bool, bytes: &mut Vec<u8>) -> Option<()> {
        let (_, tag) = bytes.split_last_chunk::<TAG>()?;
        let tag = *tag;
        bytes.truncate(bytes.len() - TAG);
        gcm::decrypt(&self.cipher, &nonce(chunk, last), &self.aad, bytes, &tag)
    }
}

/// `00 00 00 ‖ number u64be ‖ 01 in the last chunk, else 00`: a key seals one file, so that none comes twice.
fn nonce(chunk: u64, last: bool) -> [u8; NONCE] {
    let mut nonce = [0; NONCE];
    if let Some(number) = nonce.get_mut(3..11) {
        number.copy_from_slice(&chunk.to_be_bytes());
    }
    if let Some(mark) = nonce.last_mut() {
        *mark = u8::from(last);
    }
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ORG: Uuid = Uuid::from_u128(0x0198_b3c4_d5e6_7f80_9a1b_2c3d_4e5f_6071);
    const FILE: Uuid = Uuid::from_u128(0x0198_b3c5_0a1b_7c2d_8e3f_4051_6273_8495);

    fn cipher() -> FileCipher {
        FileCipher::new(&std::array::from_fn(|at| u8::try_from(at).unwrap()), ORG, FILE)
    }

    #[test]
    fn the_header_says_the_size_of_a_chunk() {
        assert_eq!(u32::from_be_bytes(*HEADER.last_chunk().unwrap()), u32::try_from(CHUNK).unwrap());
    }

    #[test]
    fn lengths_fit_what_is_sealed() {
        for (size, chunks_of_it) in [(0, 1), (1, 1), (65_535, 1), (65_536, 1), (65_537, 2), (131_072, 2)] {
            assert_eq!(chunks(size), chunks_of_it, "{size}");
            assert_eq!(sealed_len(size), 16 + size + 16 * chunks_of_it, "{size}");
        }
    }

    /// docs/vectors/files.json was made by tests/seal_check.py, and must stay as it is.
    #[test]
    fn the_published_vectors_stay() {
        let file = |name: &str, content: &[u8]| {
            let mut sealed = HEADER.to_vec();
            let parts: Vec<&[u8]> = if content.is_empty() { vec![&[]] } else { content.chunks(CHUNK).collect() };
            for (at, part) in parts.iter().enumerate() {
                let mut chunk = part.to_vec();
                cipher().seal(wide(at), at + 1 == parts.len(), &mut chunk).unwrap();
                sealed.extend(chunk);
            }
            assert_eq!(wide(sealed.len()), sealed_len(wide(content.len())));
            let whole = sealed.len() < 200;
            serde_json::json!({
                "name": name, "size": content.len(),
                "content": if whole { crate::hex::encode(content) } else { "byte n is n mod 251".to_owned() },
                "sealed": whole.then(|| crate::hex::encode(&sealed)),
                "sha256_of_sealed": crate::hex::encode(&<sha2::Sha256 as sha2::Digest>::digest(&sealed)),
            })
        };
        let long: Vec<u8> = (0..CHUNK + 100).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let made = serde_json::json!({
            "about": "Sealed files, as docs/sealing.md says.",
            "org": ORG, "file": FILE,
            "key": crate::hex::encode(&std::array::from_fn::<u8, 32, _>(|at| u8::try_from(at).unwrap())),
            "files": [file("empty", b""), file("short", "合同".as_bytes()), file("two chunks", &long)],
        });
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/vectors/files.json");
        let kept: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert!(kept == made, "docs/vectors/files.json differs from what is sealed now:\n{made:#}");
    }

    proptest! {
        #[test]
        fn a_chunk_opens_at_its_place_only(
            content in prop::collection::vec(any::<u8>(), 0..300), chunk in 0_u64..9, other in 0_u64..9, last: bool,
        ) {
            let mut sealed = content.clone();
            cipher().seal(chunk, last, &mut sealed).unwrap();
            let mut opened = sealed.clone();
            prop_assert_eq!(cipher().open(chunk, last, &mut opened), Some(()));
            prop_assert_eq!(&opened, &content);
            prop_assert_eq!(cipher().open(chunk, !last, &mut sealed.clone()), None);
            prop_assert_eq!(cipher().open(other, last, &mut sealed.clone()).is_some(), other == chunk);
            let elsewhere = FileCipher::new(&[7; 32], ORG, FILE);
            prop_assert_eq!(elsewhere.open(chunk, last, &mut sealed.clone()), None);
            let key = std::array::from_fn(|at| u8::try_from(at).unwrap());
            prop_assert_eq!(FileCipher::new(&key, FILE, FILE).open(chunk, last, &mut sealed.clone()), None);
            prop_assert_eq!(FileCipher::new(&key, ORG, ORG).open(chunk, last, &mut sealed), None);
        }

        #[test]
        fn any_bytes_are_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..200), chunk: u64, last: bool) {
            prop_assert_eq!(cipher().open(chunk, last, &mut bytes), None);
        }
    }
}
