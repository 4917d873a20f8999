//! Test vectors for other implementations: docs/vectors/cells.json is made here and must stay as it is.

use std::path::Path;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::hex::encode as hex;

use super::cell::FieldPath;
use super::index::{IndexClass, IndexVersion, Width};
use super::kek::{LocalKeys, wrap_with};
use super::roots::{KeyRing, Purpose, RootState, WrappedRoot, wrap_aad};
use super::token::{FamilyKey, RefreshToken, Token, refresh_token};

const KEK: &str = "k2026:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const ORG: Uuid = Uuid::from_u128(0x0198_b3c4_d5e6_7f80_9a1b_2c3d_4e5f_6071);
const ROW: Uuid = Uuid::from_u128(0x0198_b3c5_0a1b_7c2d_8e3f_4051_6273_8495);
const KEY_ID: u32 = 3;

const PHONES: FieldPath = FieldPath::new("contact.phones", "contacts", "phones");
const ID_NUMBER: FieldPath = FieldPath::new("contact.id_number", "contacts", "id_number");
const ADDRESS: FieldPath = FieldPath::new("customer.street", "customers", "street");

/// Bytes that count up from `first`, so that anyone can write them down.
fn counting<const N: usize>(first: u8) -> [u8; N] {
    std::array::from_fn(|index| first.wrapping_add(u8::try_from(index).unwrap()))
}

/// The ring of the published vectors.
pub(crate) fn ring() -> KeyRing {
    let keys = LocalKeys::from_text(KEK).unwrap();
    ring_of(&keys, ORG)
}

fn ring_of(keys: &LocalKeys, org: Uuid) -> KeyRing {
    KeyRing::unlock(keys, org, &roots(keys, org)).unwrap()
}

fn roots(keys: &LocalKeys, org: Uuid) -> Vec<WrappedRoot> {
    [(Purpose::Enc, 0x20), (Purpose::Index, 0x60), (Purpose::Chain, 0xa0)]
        .map(|(purpose, first)| {
            let aad = wrap_aad(org, KEY_ID, purpose);
            let wrapped = wrap_with(keys, &counting(first ^ 0xff), &aad, &counting::<32>(first)).unwrap();
            let (kek_id, wrapped) = (wrapped.kek_id, wrapped.bytes);
            WrappedRoot { key_id: KEY_ID, purpose, state: RootState::Primary, kek_id, wrapped }
        })
        .into()
}

fn cells(ring: &KeyRing) -> Vec<Value> {
    let values = [
        (PHONES, ""),
        (PHONES, r#"[{"kind":"mobile","value":"+8613800138000","raw":"138 0013 8000"}]"#),
        (ID_NUMBER, "110101199003070265"),
        (ADDRESS, "北京市朝阳区建国路88号"),
        (ADDRESS, "exactly thirty-two bytes of text"),
        (ADDRESS, "thirty-one bytes, one is left.."),
        (ADDRESS, "thirty-three bytes, one is over.."),
    ];
    let cell = |(first, (path, text)): (u8, (FieldPath, &str))| {
        let nonce = counting(first << 4);
        let cell = ring.enc.primary.get(path).seal(&nonce, ROW, text.as_bytes()).unwrap();
        assert_eq!(ring.open_text(path, ROW, &cell).unwrap(), text);
        json!({"path": path.as_str(), "row": ROW, "plaintext": text, "nonce": hex(&nonce), "cell": hex(&cell)})
    };
    (1..).zip(values).map(cell).collect()
}

/// Cells that no reader may open, and why.
fn refused(ring: &KeyRing) -> Vec<Value> {
    let good = ring.enc.primary.get(PHONES).seal(&counting(0xe0), ROW, b"+8613800138000").unwrap();
    let with = |at: usize, byte: u8| {
        let mut cell = good.clone();
        cell[at] = byte;
        cell
    };
    let mut longer = good.clone();
    longer.extend([0; 32]);
    let other_field = ring.enc.primary.get(ADDRESS).seal(&counting(0xe0), ROW, b"+8613800138000").unwrap();
    let other_row = ring.enc.primary.get(PHONES).seal(&counting(0xe0), ORG, b"+8613800138000").unwrap();
    let keys = LocalKeys::from_text(KEK).unwrap();
    let elsewhere = Uuid::from_u128(0x0198_b3c5_0a1b_7c2d_8e3f_0000_0000_0001);
    let other_org =
        ring_of(&keys, elsewhere).enc.primary.get(PHONES).seal(&counting(0xe0), ROW, b"+8613800138000").unwrap();
    let refused = [
        ("suite 00", with(0, 0)),
        ("suite 02, kept free for SM4-GCM", with(0, 2)),
        ("suite ff", with(0, 0xff)),
        ("a key that is not there", with(4, 9)),
        ("a bit of the nonce", with(5, good[5] ^ 1)),
        ("a bit of the ciphertext", with(17, good[17] ^ 0x80)),
        ("a bit of the tag", with(good.len() - 1, good[good.len() - 1] ^ 1)),
        ("cut by a block", good[..good.len() - 32].to_vec()),
        ("cut in the tag", good[..good.len() - 1].to_vec()),
        ("cut in the head", good[..4].to_vec()),
        ("a block more", longer),
        ("sealed for another field", other_field),
        ("sealed for another row", other_row),
        ("sealed for another organisation", other_org),
        ("nothing", Vec::new()),
    ];
    let told = |(why, cell): (&str, Vec<u8>)| {
        assert!(ring.open(PHONES, ROW, &cell).is_err(), "{why}");
        json!({"why": why, "path": PHONES.as_str(), "row": ROW, "cell": hex(&cell)})
    };
    assert!(ring.open(PHONES, ROW, &good).is_ok());
    refused.map(told).into()
}

fn index(ring: &KeyRing) -> Vec<Value> {
    let values = [
        (IndexClass::Phone, "+8613800138000"),
        (IndexClass::Email, "wang.wei@example.com"),
        (IndexClass::IdNumber, "110101199003070265"),
        (IndexClass::BankAccount, "6222020200112233446"),
        (IndexClass::Wechat, "wangwei_88"),
        (IndexClass::Birthday, "03-07"),
        (IndexClass::Login, "wang.wei@example.com"),
    ];
    let entry = |(class, text): (IndexClass, &str)| {
        let check = ring.index_check(class, KEY_ID, ROW, text).unwrap();
        let number = IndexClass::ALL.iter().position(|one| *one == class).unwrap() + 1;
        let values: Vec<Value> = [8_u8, 12, 16, 20, 24, 28]
            .map(|bits| {
                let version = IndexVersion { key_id: KEY_ID, width: Width::from_stored(bits).unwrap() };
                let value = ring.index_value(class, version, text).unwrap().0;
                let bucket = i64::try_from(number).unwrap() << 40 | i64::from(bits) << 32 | value;
                json!({"width": bits, "value": value, "bucket": bucket})
            })
            .into();
        json!({
            "class": class.as_str(), "normalised": text, "values": values,
            "record": ROW, "check": hex(&check),
        })
    };
    values.into_iter().map(entry).collect()
}

fn tokens() -> Value {
    let token = Token::parse("sk_AZizxNXmf4CaGyw9Tl9gcYCBgoOEhYaHiImKi4yNjo-QkZKTlJWWl5iZmpucnZ6f").unwrap();
    assert_eq!(token.org(), ORG);
    let family: [u8; 32] = counting(0xa0);
    let key = FamilyKey::from_bytes(&family).unwrap();
    let refresh = refresh_token(ORG, ROW, &key, 7);
    assert!(RefreshToken::parse(&refresh).unwrap().verify(&key));
    json!({
        "opaque": {"token": token.reveal(), "org": ORG, "hash": hex(&token.hash())},
        "refresh": {"token": *refresh, "org": ORG, "session": ROW, "counter": 7, "family_key": hex(&family)},
    })
}

#[test]
fn published_vectors_are_unchanged() {
    let keys = LocalKeys::from_text(KEK).unwrap();
    let roots = roots(&keys, ORG);
    let ring = ring_of(&keys, ORG);
    let wrapped: Vec<Value> = roots
        .iter()
        .zip([0x20, 0x60, 0xa0])
        .map(|(root, first)| {
            json!({
                "key_id": root.key_id, "purpose": root.purpose.as_str(), "kek_id": root.kek_id,
                "root": hex(&counting::<32>(first)), "wrapped": hex(&root.wrapped),
            })
        })
        .collect();
    let made = json!({
        "kek": KEK, "org": ORG, "roots": wrapped, "cells": cells(&ring), "refused": refused(&ring),
        "index": index(&ring), "tokens": tokens(),
    });
    let made = format!("{made:#}\n");

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/vectors/cells.json");
    #[expect(clippy::disallowed_methods, reason = "a switch of this test alone")]
    if std::env::var_os("KEHU_WRITE_VECTORS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap();
    assert!(
        published == made,
        "docs/vectors/cells.json differs from what this program makes: stored data would not be readable. \
         A new suite gets new vectors; these are rewritten (KEHU_WRITE_VECTORS=1) only before the first release."
    );
}
