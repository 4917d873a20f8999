//! What holds for every input of the decoders of sealing, whatever stands in a database or comes in a request. The fuzz
//! targets beside this file run it for as long as one likes, `crates/store/tests/decoders.rs` some ten thousand times in
//! `make test`. Each function takes arbitrary bytes and panics where a property is broken.

use std::sync::LazyLock;

use kehu_store::crypto::cell::{CellError, FieldPath};
use kehu_store::crypto::chain::Signed;
use kehu_store::crypto::kek::{KeyError, LocalKeys};
use kehu_store::crypto::roots::{KeyRing, Purpose, RootState, WrappedRoot, new_root};
use kehu_store::crypto::token::{FamilyKey, RefreshToken, Token, refresh_token};
use serde_json::Value;
use uuid::Uuid;

const PHONES: FieldPath = FieldPath::new("contact.phones", "contacts", "phones");
const EMAILS: FieldPath = FieldPath::new("contact.emails", "contacts", "emails");
const OTHER_ORG: Uuid = Uuid::from_u128(7);

/// The published vectors: their keys are always the same, so a finding can be repeated.
static VECTORS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../docs/vectors/cells.json")).unwrap());
static KEYS: LazyLock<LocalKeys> = LazyLock::new(|| LocalKeys::from_text(VECTORS["kek"].as_str().unwrap()).unwrap());
static ORG: LazyLock<Uuid> = LazyLock::new(|| VECTORS["org"].as_str().unwrap().parse().unwrap());
static ROOTS: LazyLock<Vec<WrappedRoot>> =
    LazyLock::new(|| VECTORS["roots"].as_array().unwrap().iter().map(root).collect());
static RING: LazyLock<KeyRing> = LazyLock::new(|| KeyRing::unlock(&*KEYS, *ORG, &ROOTS).unwrap());
static OTHER_RING: LazyLock<KeyRing> = LazyLock::new(|| {
    let roots = Purpose::ALL.map(|purpose| new_root(&*KEYS, OTHER_ORG, key_id(), purpose).unwrap());
    KeyRing::unlock(&*KEYS, OTHER_ORG, &roots).unwrap()
});

fn root(row: &Value) -> WrappedRoot {
    let text = |name: &str| row[name].as_str().unwrap();
    let hex = text("wrapped");
    WrappedRoot {
        key_id: u32::try_from(row["key_id"].as_u64().unwrap()).unwrap(),
        purpose: Purpose::from_stored(text("purpose")).unwrap(),
        state: RootState::Primary,
        kek_id: text("kek_id").to_owned(),
        wrapped: (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect(),
    }
}

/// Number of the root that seals, the same in both organisations: only the keys differ.
fn key_id() -> u32 {
    ROOTS[0].key_id
}

/// Takes the first bytes off arbitrary ones; zeros where there are none left.
fn take<const N: usize>(data: &mut &[u8]) -> [u8; N] {
    let mut taken = [0; N];
    let length = data.len().min(N);
    let (head, rest) = data.split_at(length);
    taken[..length].copy_from_slice(head);
    *data = rest;
    taken
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    flipped[bit / 8] ^= 1 << (bit % 8);
    flipped
}

/// A cell that was not sealed here is refused, with an error that names table, column and row and nothing else.
fn refused(ring: &KeyRing, path: FieldPath, row: Uuid, cell: &[u8]) {
    let error = ring.open(path, row, cell).expect_err("only what was sealed here opens");
    let place = format!("sealed value {}.{} of row {row}: ", path.table(), path.column());
    let reasons = ["altered or moved", "its key is not in the open ring", "its key is retired"];
    let told = error.to_string();
    assert!(told.strip_prefix(&place).is_some_and(|reason| reasons.contains(&reason)), "{told}");
}

/// Cells: arbitrary bytes open to nothing; what was sealed opens to what was sealed, here and nowhere else, and not
/// when a bit, the length or a piece of it differs. Bytes 0–15 are the row, 16–19 say what is done, the rest is the
/// value and the arbitrary cell.
pub(crate) fn cell(data: &[u8]) {
    let mut data = data;
    let row = Uuid::from_bytes(take(&mut data));
    let choice = usize::try_from(u32::from_be_bytes(take(&mut data))).unwrap();
    refused(&RING, PHONES, row, data);
    let headed = [[1].as_slice(), &key_id().to_be_bytes(), data].concat();
    refused(&RING, PHONES, row, &headed);

    let cell = RING.seal(PHONES, row, data).unwrap();
    assert_eq!(cell.len(), 33 + 32 * (data.len() / 32 + 1), "the length tells no more than that");
    assert_eq!(RING.open(PHONES, row, &cell).unwrap().as_slice(), data);
    match (RING.open_text(PHONES, row, &cell), std::str::from_utf8(data)) {
        (Ok(opened), Ok(text)) => assert_eq!(opened, text),
        (Err(error), Err(_)) => assert_eq!(error, CellError::NotText { path: PHONES, row }),
        (opened, _) => panic!("{opened:?}"),
    }

    refused(&OTHER_RING, PHONES, row, &cell);
    refused(&RING, EMAILS, row, &cell);
    refused(&RING, PHONES, Uuid::from_u128(row.as_u128() ^ 1 << (choice % 128)), &cell);
    refused(&RING, PHONES, row, &flipped(&cell, choice % (cell.len() * 8)));
    refused(&RING, PHONES, row, &cell[..choice % cell.len()]);
    refused(&RING, PHONES, row, &cell[1 + choice % cell.len()..]);
    refused(&RING, PHONES, row, &[cell.as_slice(), &data[..data.len().min(choice % 64)], &[0]].concat());
    // Two cells of the same field and row, and a piece of each.
    let again = RING.seal(PHONES, row, data).unwrap();
    assert_ne!(cell, again, "the same value gives another cell");
    let cut = 5 + 1 + choice % (cell.len() - 6);
    let pieced = [&cell[..cut], &again[cut..]].concat();
    if pieced != cell && pieced != again {
        refused(&RING, PHONES, row, &pieced);
    }
}

/// The same for every bit and every length of one cell.
pub(crate) fn whole_cell(data: &[u8]) {
    let mut data = data;
    let row = Uuid::from_bytes(take(&mut data));
    let cell = RING.seal(PHONES, row, data).unwrap();
    for bit in 0..cell.len() * 8 {
        refused(&RING, PHONES, row, &flipped(&cell, bit));
    }
    for length in 0..cell.len() {
        refused(&RING, PHONES, row, &cell[..length]);
        refused(&RING, PHONES, row, &cell[length + 1..]);
    }
}

/// Wrapped roots: arbitrary bytes and altered roots open nothing, nor does a root of another organisation, number or
/// purpose; the error names the KEK and nothing else.
pub(crate) fn root_of_keys(data: &[u8]) {
    let mut data = data;
    let choice = usize::try_from(u32::from_be_bytes(take(&mut data))).unwrap();
    let at = choice % ROOTS.len();
    let refused = |org: Uuid, change: &dyn Fn(&mut WrappedRoot)| {
        let mut roots = ROOTS.clone();
        change(&mut roots[at]);
        match KeyRing::unlock(&*KEYS, org, &roots) {
            Err(KeyError::Mismatch { id }) => assert_eq!(id, ROOTS[at].kek_id),
            other => panic!("{other:?}"),
        }
    };
    refused(*ORG, &|root| root.wrapped = data.to_vec());
    refused(*ORG, &|root| root.wrapped = flipped(&root.wrapped, choice / 4 % (root.wrapped.len() * 8)));
    refused(*ORG, &|root| root.wrapped.truncate(choice / 4 % root.wrapped.len()));
    refused(*ORG, &|root| root.wrapped.extend_from_slice(&[data, &[0]].concat()));
    refused(*ORG, &|root| root.key_id ^= 1 << (choice % 32));
    refused(*ORG, &|root| root.wrapped.clone_from(&ROOTS[(at + 1) % ROOTS.len()].wrapped));
    assert!(KeyRing::unlock(&*KEYS, Uuid::from_u128(ORG.as_u128() ^ 1 << (choice % 128)), &ROOTS).is_err());
    assert!(KeyRing::unlock(&*KEYS, *ORG, &ROOTS).is_ok());
}

/// Codes of journal entries and stretches: only the code that was made for a message fits it.
pub(crate) fn code(data: &[u8]) {
    let mut data = data;
    let choice = usize::try_from(u32::from_be_bytes(take(&mut data))).unwrap();
    let (what, other) = [(Signed::Entry, Signed::Stretch), (Signed::Stretch, Signed::Entry)][choice % 2];
    let fits = |message: &[u8], code: &[u8]| RING.signature_fits(what, message, code).unwrap_or(false);
    let code = RING.sign(what, data);
    assert!(fits(data, &code));
    assert!(!fits(b"of the journal", data), "arbitrary bytes are no code");
    assert!(!fits(&[data, &[0]].concat(), &code));
    assert!(!fits(data, &flipped(&code, choice / 2 % (code.len() * 8))));
    assert!(!fits(data, &code[..choice / 2 % code.len()]));
    assert!(!fits(data, &[code.as_slice(), &[0]].concat()));
    assert!(!RING.signature_fits(other, data, &code).unwrap_or(false));
    assert!(!OTHER_RING.signature_fits(what, data, &code).unwrap_or(false));
}

/// Opaque and refresh tokens: arbitrary text is refused, or read as exactly what stands there; a refresh token that was
/// not made with the family's key is not believed.
pub(crate) fn token(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for text in ["", "sk_", "pat_", "pk_", "hk_", "inv_"].map(|prefix| format!("{prefix}{text}")) {
        if let Some(token) = Token::parse(&text) {
            assert_eq!(token.reveal(), text);
            assert!(text.starts_with(token.kind().prefix()) && token.matches(&token.hash()));
        }
    }
    let mut data = data;
    let key = FamilyKey::from_bytes(&take::<32>(&mut data)).unwrap();
    let (org, session) = (Uuid::from_bytes(take(&mut data)), Uuid::from_bytes(take(&mut data)));
    let counter = u64::from_be_bytes(take(&mut data));
    for text in [text.to_string(), format!("rt_{text}")] {
        assert!(!RefreshToken::parse(&text).is_some_and(|token| token.verify(&key)));
    }
    let made = refresh_token(org, session, &key, counter);
    let read = RefreshToken::parse(&made).unwrap();
    assert_eq!((read.org, read.session, read.counter), (org, session, counter));
    assert!(read.verify(&key));
    let (at, letter) = (3 + data.len() % (made.len() - 3), if data.len().is_multiple_of(2) { "A" } else { "_" });
    let mut other = made.to_string();
    other.replace_range(at..=at, letter);
    assert!(other == *made || !RefreshToken::parse(&other).is_some_and(|token| token.verify(&key)));
}
