//! Tokens, sealing and JSON by themselves, with warm keys.

use std::hint::black_box;

use aes_gcm::aead::AeadInOut as _;
use aes_gcm::{Aes256Gcm, KeyInit as _};
use anyhow::{Result, anyhow, ensure};
use hmac::{Hmac, Mac as _};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde_json::Value;
use sha2::Sha256;

use super::{Floor, repeat};

/// Measures each.
pub(super) fn measure(customer: &Value) -> Result<Vec<Floor>> {
    let mut floors = vec![token()?];
    for (length, seal, open) in [
        (32, "sealing a cell of 32 bytes (AES-256-GCM)", "opening a cell of 32 bytes"),
        (200, "sealing a cell of 200 bytes", "opening a cell of 200 bytes"),
    ] {
        floors.extend(cell(length, seal, open)?);
    }
    let mac = Hmac::<Sha256>::new_from_slice(&[7; 32])?;
    floors.push(repeat("index value (HMAC-SHA-256 of a phone number)", None, 1, |_| {
        black_box(mac.clone().chain_update(black_box(b"+8613800138000")).finalize());
        Ok(())
    })?);
    floors.push(repeat("writing the customer's JSON", None, 1, |_| {
        black_box(serde_json::to_vec(black_box(customer))?);
        Ok(())
    })?);
    Ok(floors)
}

fn token() -> Result<Floor> {
    let document = Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new());
    let pair = document
        .and_then(|document| Ed25519KeyPair::from_pkcs8(document.as_ref()).map_err(|_| ring::error::Unspecified));
    let pair = pair.map_err(|_| anyhow!("no key pair"))?;
    let message = [b'a'; 400];
    let signature = pair.sign(&message);
    let key = UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref().to_vec());
    repeat("token check (Ed25519 over 400 bytes)", None, 1, |_| {
        ensure!(key.verify(black_box(&message), signature.as_ref()).is_ok(), "the signature does not hold");
        Ok(())
    })
}

fn cell(length: usize, seal: &'static str, open: &'static str) -> Result<[Floor; 2]> {
    let cipher = Aes256Gcm::new(&[7; 32].into());
    let (nonce, associated) = ([1; 12], [2; 48]);
    let clear = vec![b'x'; length];
    let mut sealed = clear.clone();
    let refused = |_| anyhow!("it does not seal or open");
    let tag =
        cipher.encrypt_inout_detached(&nonce.into(), &associated, sealed.as_mut_slice().into()).map_err(refused)?;
    let sealing = repeat(seal, None, 1, |_| {
        let mut cell = black_box(&clear).clone();
        let cell_inout = cell.as_mut_slice().into();
        black_box(cipher.encrypt_inout_detached(&nonce.into(), &associated, cell_inout).map_err(refused)?);
        black_box(cell);
        Ok(())
    })?;
    let opening = repeat(open, None, 1, |_| {
        let mut cell = black_box(&sealed).clone();
        let cell_inout = cell.as_mut_slice().into();
        cipher.decrypt_inout_detached(&nonce.into(), &associated, cell_inout, &tag).map_err(refused)?;
        black_box(cell);
        Ok(())
    })?;
    Ok([sealing, opening])
}
