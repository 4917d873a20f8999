//! AES-256-GCM (NIST SP 800-38D) in place, with 96-bit nonces and 128-bit tags.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit};

use super::random::NONCE;

/// Length of a tag in bytes.
pub(crate) const TAG: usize = 16;

/// The schedule of a 32-byte key; wiped when dropped.
pub(crate) fn cipher(key: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(key.into())
}

/// Encrypts `data` in place and gives the tag. `None` beyond 64 GiB, the limit of the algorithm.
pub(crate) fn encrypt(cipher: &Aes256Gcm, nonce: &[u8; NONCE], aad: &[u8], data: &mut [u8]) -> Option<[u8; TAG]> {
    cipher.encrypt_inout_detached(nonce.into(), aad, data.into()).ok().map(Into::into)
}

/// Decrypts `data` in place after checking the tag. `None`, and `data` untouched, when anything differs.
pub(crate) fn decrypt(
    cipher: &Aes256Gcm,
    nonce: &[u8; NONCE],
    aad: &[u8],
    data: &mut [u8],
    tag: &[u8; TAG],
) -> Option<()> {
    cipher.decrypt_inout_detached(nonce.into(), aad, data.into(), tag.into()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test case 14 of the GCM specification: a 256-bit zero key, a zero nonce, one zero block.
    #[test]
    fn agrees_with_the_published_vector() {
        let cipher = cipher(&[0; 32]);
        let mut block = [0; 16];
        let tag = encrypt(&cipher, &[0; NONCE], b"", &mut block).unwrap();
        assert_eq!(u128::from_be_bytes(block), 0xcea7_403d_4d60_6b6e_074e_c5d3_baf3_9d18);
        assert_eq!(u128::from_be_bytes(tag), 0xd0d1_c8a7_9999_6bf0_265b_98b5_d48a_b919);
        decrypt(&cipher, &[0; NONCE], b"", &mut block, &tag).unwrap();
        assert_eq!(block, [0; 16]);
        assert_eq!(decrypt(&cipher, &[0; NONCE], b"x", &mut block, &tag), None);
    }
}
