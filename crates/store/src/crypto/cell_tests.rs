use super::super::roots::tests::{ORG, keys, rows};
use super::super::roots::{Purpose, RootState, new_root};
use super::*;
use proptest::prelude::*;
use std::sync::LazyLock;

const PHONES: FieldPath = FieldPath::new("contact.phones", "contacts", "phones");
const EMAILS: FieldPath = FieldPath::new("contact.emails", "contacts", "emails");
const ROW: Uuid = Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0042);

/// Three rings: two organisations, and the first one again with a second root.
static RING: LazyLock<KeyRing> = LazyLock::new(|| KeyRing::unlock(&keys(), ORG, &rows()).unwrap());
static OTHER_ORG: LazyLock<KeyRing> = LazyLock::new(|| {
    let org = Uuid::from_u128(7);
    let rows = Purpose::ALL.map(|purpose| new_root(&keys(), org, 1, purpose).unwrap());
    KeyRing::unlock(&keys(), org, &rows).unwrap()
});

#[test]
fn a_cell_has_the_designed_bytes() {
    let cell = RING.seal(PHONES, ROW, b"+8613800138000").unwrap();
    assert_eq!(cell.len(), 1 + 4 + 12 + 32 + 16);
    assert_eq!(cell[..5], [1, 0, 0, 0, 1]);
    assert_eq!(key_id(&cell), Some(1));
    assert_eq!(RING.open_text(PHONES, ROW, &cell).unwrap(), "+8613800138000");
    assert_ne!(RING.seal(PHONES, ROW, b"+8613800138000").unwrap(), cell);
}

#[test]
fn every_bit_and_every_cut_counts() {
    for value in [b"".as_slice(), b"+8613800138000", &[0x80; 31], &[7; 32]] {
        let cell = RING.seal(PHONES, ROW, value).unwrap();
        for bit in 0..cell.len() * 8 {
            let mut bad = cell.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let stale = (8..40).contains(&bit);
            let expected = if stale {
                CellError::StaleKeys { path: PHONES, row: ROW }
            } else {
                CellError::Tampered { path: PHONES, row: ROW }
            };
            assert_eq!(RING.open(PHONES, ROW, &bad), Err(expected), "bit {bit}");
        }
        for length in 0..cell.len() {
            assert_eq!(RING.open(PHONES, ROW, &cell[..length]), Err(CellError::Tampered { path: PHONES, row: ROW }));
            assert!(RING.open(PHONES, ROW, &cell[cell.len() - length..]).is_err());
        }
        for extra in [1, 16, 32] {
            assert!(RING.open(PHONES, ROW, &[cell.clone(), vec![0; extra]].concat()).is_err());
        }
    }
}

#[test]
fn a_cell_cannot_be_moved() {
    let cell = RING.seal(PHONES, ROW, b"x").unwrap();
    assert!(matches!(RING.open(EMAILS, ROW, &cell), Err(CellError::Tampered { path, .. }) if path == EMAILS));
    assert!(RING.open(PHONES, Uuid::from_u128(1), &cell).is_err());
    assert!(matches!(OTHER_ORG.open(PHONES, ROW, &cell), Err(CellError::Tampered { .. })));
}

#[test]
fn old_roots_open_new_ones_seal_retired_ones_refuse() {
    let mut rows = rows();
    let before = KeyRing::unlock(&keys(), ORG, &rows).unwrap();
    let cell = before.seal(PHONES, ROW, b"x").unwrap();
    rows[0].state = RootState::Active;
    rows.push(new_root(&keys(), ORG, 2, Purpose::Enc).unwrap());
    let during = KeyRing::unlock(&keys(), ORG, &rows).unwrap();
    assert_eq!(during.open_text(PHONES, ROW, &cell).unwrap(), "x");
    let again = during.seal(PHONES, ROW, b"x").unwrap();
    assert_eq!((key_id(&again), during.primary_enc()), (Some(2), 2));
    assert_eq!(before.open(PHONES, ROW, &again), Err(CellError::StaleKeys { path: PHONES, row: ROW }));
    rows[0].state = RootState::Retired;
    let after = KeyRing::unlock(&keys(), ORG, &rows).unwrap();
    assert_eq!(after.open(PHONES, ROW, &cell), Err(CellError::RetiredKey { path: PHONES, row: ROW }));
    assert_eq!(after.open_text(PHONES, ROW, &again).unwrap(), "x");
}

#[test]
fn sealing_is_counted_and_opening_is_not() {
    let ring = KeyRing::unlock(&keys(), ORG, &rows()).unwrap();
    let cell = ring.seal(PHONES, ROW, b"x").unwrap();
    ring.seal(EMAILS, ROW, b"x").unwrap();
    ring.open(PHONES, ROW, &cell).unwrap();
    assert_eq!(ring.sealed(), 2);
}

#[test]
fn errors_name_field_and_row_and_nothing_else() {
    let cell = RING.seal(PHONES, ROW, b"\xff\xfe").unwrap();
    let error = RING.open_text(PHONES, ROW, &cell).unwrap_err();
    assert_eq!(error.to_string(), format!("sealed value contacts.phones of row {ROW}: not text"));
    assert_eq!(format!("{:?}", *RING), format!("KeyRing {{ org: {ORG}, .. }}"));
}

#[test]
fn padding_must_be_the_shortest() {
    assert_eq!(unpadded(&[0; 32]), None);
    assert_eq!(unpadded(&[1; 32]), None);
    let mut long = vec![b'x', PAD];
    long.resize(64, 0);
    assert_eq!(unpadded(&long), None);
    long.truncate(32);
    assert_eq!(unpadded(&long), Some(1));
    assert_eq!(unpadded(&[]), None);
}

/// More fields than one piece of the table holds, asked for by several threads at once: each gets one key.
#[test]
fn the_table_grows_and_is_shared() {
    let ring = KeyRing::unlock(&keys(), ORG, &rows()).unwrap();
    let paths: Vec<FieldPath> = (0..3 * SLOTS)
        .map(|number| FieldPath::new(Box::leak(format!("test.field_{number}").into_boxed_str()), "t", "c"))
        .collect();
    let addresses = |path: &FieldPath| std::ptr::from_ref(ring.enc.primary.get(*path)).addr();
    let seen: Vec<Vec<usize>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| paths.iter().map(addresses).collect())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(seen.iter().all(|one| *one == seen[0]));
    let distinct: std::collections::HashSet<_> = seen[0].iter().collect();
    assert_eq!(distinct.len(), paths.len());
    let cells: Vec<_> = paths.iter().map(|path| ring.seal(*path, ROW, path.as_str().as_bytes()).unwrap()).collect();
    for (path, cell) in paths.iter().zip(&cells) {
        assert_eq!(ring.open_text(*path, ROW, cell).unwrap(), path.as_str());
    }
}

#[test]
#[should_panic(expected = "a field path is")]
fn a_path_is_a_plain_name() {
    let _ = FieldPath::new("contact phones", "contacts", "phones");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_sealed_comes_back(value in prop::collection::vec(any::<u8>(), 0..200), row in any::<u128>()) {
        let row = Uuid::from_u128(row);
        let cell = RING.seal(PHONES, row, &value).unwrap();
        prop_assert_eq!(cell.len(), 33 + (value.len() / 32 + 1) * 32);
        let opened = RING.open(PHONES, row, &cell).unwrap();
        prop_assert_eq!(opened.as_slice(), value.as_slice());
    }

    #[test]
    fn any_other_place_or_change_is_refused(
        value in prop::collection::vec(any::<u8>(), 0..100),
        row in any::<u128>(),
        other in any::<u128>(),
        bit in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
    ) {
        prop_assume!(row != other);
        let (row, other) = (Uuid::from_u128(row), Uuid::from_u128(other));
        let cell = RING.seal(PHONES, row, &value).unwrap();
        prop_assert!(RING.open(PHONES, other, &cell).is_err());
        prop_assert!(RING.open(EMAILS, row, &cell).is_err());
        prop_assert!(OTHER_ORG.open(PHONES, row, &cell).is_err());
        prop_assert!(RING.open(PHONES, row, &cell[..cut.index(cell.len())]).is_err());
        let mut flipped = cell.clone();
        let bit = bit.index(cell.len() * 8);
        flipped[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(RING.open(PHONES, row, &flipped).is_err());
    }

    /// The decoder meets whatever stands in the database: it refuses and never panics.
    #[test]
    fn arbitrary_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), headed in any::<bool>()) {
        let bytes = if headed { [[1, 0, 0, 0, 1].as_slice(), &bytes].concat() } else { bytes };
        prop_assert!(RING.open(PHONES, ROW, &bytes).is_err());
        let _ = unpadded(&bytes);
    }
}
