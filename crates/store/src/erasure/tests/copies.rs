//! Copies of a SQLite file, and what was erased after they were made.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use serde_json::json;

use super::bed::{Bed, CANARIES, ask, bystander, clear, plant, texts, work};
use crate::backup::{self, BackupError, beside};
use crate::clock::Clock;
use crate::crypto::kek::LocalKeys;
use crate::engine::EngineOptions;
use crate::gate::{Gate, GateOptions, HourlyLimits};
use crate::keys::SEAL_LIMIT;

fn keys() -> LocalKeys {
    LocalKeys::from_text("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap()
}

async fn open(file: &std::path::Path) -> Gate {
    let place = EngineOptions::sqlite(file);
    Gate::open(GateOptions {
        files: crate::files::Files::of(std::path::Path::new("/nowhere")),
        place,
        keys: Arc::new(keys()),
        clock: Clock::system(),
        limits: HourlyLimits::default(),
        seal_limit: SEAL_LIMIT,
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn what_was_erased_after_a_copy_is_erased_from_it() {
    let mut bed = Bed::sqlite(&json!({})).await;
    let (file, copy) = (bed.database.folder.path().join("test.db"), bed.database.folder.path().join("copy.db"));
    let person = plant(&mut bed).await;
    let other = bystander(&mut bed).await;
    let written = backup::write(&file, &copy, &keys()).unwrap();
    assert_eq!((written.checked.bytes, written.checked.organisations), (fs::metadata(&copy).unwrap().len(), 2));
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(backup::write(&file, &copy, &keys()), Err(BackupError::Exists(_))));
    ask(&bed.caller, "customer", person.customer).await;
    work(&bed.gate).await;
    let org = bed.caller.org().id;
    let text = bed.gate.erasures(org).await.unwrap().join("\n");
    let rows = backup::ledger_of(&file).unwrap();
    bed.gate.close().await;

    for by_text in [true, false] {
        let place = bed.database.folder.path().join(format!("restored-{by_text}.db"));
        backup::place(&copy, &place).unwrap();
        // A cell that does not open brings nobody back.
        let damage = "UPDATE customers SET phones = zeroblob(64); UPDATE contacts SET emails = zeroblob(64)";
        rusqlite::Connection::open(&place).unwrap().execute_batch(damage).unwrap();
        let gate = open(&place).await;
        assert!(!clear(&gate, &texts(&CANARIES), &person.all).await.is_empty());
        if by_text {
            gate.take_erasures(&text).await.unwrap();
        } else {
            gate.take_old_erasures(rows.clone()).await.unwrap();
        }
        let replayed = gate.replay_erasures(org).await.unwrap();
        assert_eq!((replayed.records, replayed.erased["contacts"], replayed.erased["follow_ups"]), (1, 2, 3));
        let headers = BTreeSet::from(["journal.record_id".to_owned()]);
        assert_eq!(clear(&gate, &texts(&CANARIES), &person.all).await, headers);
        assert!(!clear(&gate, &[], &[other]).await.is_subset(&headers), "others stay");
        assert_eq!(gate.replay_erasures(org).await.unwrap().records, 0);
        let verdict = gate.verify_journal(org, None, &mut |_| ()).await.unwrap();
        assert!(verdict.is_sound(), "{verdict:?}");
        gate.close().await;
        let bytes = fs::read(&place).unwrap();
        for canary in CANARIES {
            assert!(!bytes.windows(canary.len()).any(|window| window == canary.as_bytes()), "{canary}");
        }
    }
}

#[tokio::test]
async fn a_copy_that_is_not_whole_or_not_ours_is_refused() {
    let mut bed = Bed::sqlite(&json!({})).await;
    bystander(&mut bed).await;
    let folder = bed.database.folder.path().to_owned();
    let copy = folder.join("copy.db");
    backup::write(&folder.join("test.db"), &copy, &keys()).unwrap();
    bed.gate.close().await;
    let made = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = fs::read(&copy).unwrap();
        change(&mut bytes);
        fs::write(folder.join(name), bytes).unwrap();
        folder.join(name)
    };
    let half = made("half.db", &|bytes| bytes.truncate(bytes.len() / 2));
    assert!(matches!(backup::check(&half, &keys()), Err(BackupError::Damaged { .. })));
    let other = made("other.db", &|bytes| bytes[..16].copy_from_slice(b"not a database!!"));
    assert!(matches!(backup::check(&other, &keys()), Err(BackupError::Damaged { .. })));
    assert!(matches!(backup::check(&folder.join("none.db"), &keys()), Err(BackupError::Io { .. })));
    let stranger = LocalKeys::from_text("k1:HwECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let refused = backup::check(&copy, &stranger).unwrap_err();
    assert!(matches!(refused, BackupError::Key { .. }), "{refused}");
    // Roots that open, and cells of the journal that do not.
    let mixed = made("mixed.db", &|_| ());
    let sql = |file: &std::path::Path, sql: &str| rusqlite::Connection::open(file).unwrap().execute_batch(sql).unwrap();
    sql(&mixed, "UPDATE journal SET body = zeroblob(64)");
    assert!(backup::check(&mixed, &keys()).unwrap().unreadable.len() > 1, "others open");
    // One that is damaged among others that open is told, and makes the key no wrong one.
    let damaged = made("damaged.db", &|_| ());
    sql(
        &damaged,
        "UPDATE journal SET body = zeroblob(64) WHERE id = (SELECT id FROM journal WHERE org_id = (SELECT org_id FROM \
         customers LIMIT 1) ORDER BY org_id, seq LIMIT 1)",
    );
    assert_eq!(backup::check(&damaged, &keys()).unwrap().unreadable.len(), 1);
    assert_eq!(backup::check(&copy, &keys()).unwrap().unreadable, Vec::<String>::new());
    // A reader holds the log of the database that is to be replaced.
    let held = made("held.db", &|_| ());
    let (reader, writer) = (rusqlite::Connection::open(&held).unwrap(), rusqlite::Connection::open(&held).unwrap());
    let _: String = writer.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM journal").unwrap();
    writer.execute_batch("UPDATE organisations SET slug = slug").unwrap();
    assert!(matches!(backup::ledger_of(&held), Err(BackupError::InUse(_))));
    drop((reader, writer));
    let newer = made("newer.db", &|_| ());
    sql(&newer, "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m2999_01_01_000001_future', 1)");
    assert!(matches!(backup::check(&newer, &keys()), Err(BackupError::Newer { .. })));
    fs::write(beside(&copy, "-wal"), b"x").unwrap();
    assert!(matches!(backup::check(&copy, &keys()), Err(BackupError::HasLog(_))));
    fs::remove_file(beside(&copy, "-wal")).unwrap();
    assert!(backup::check(&copy, &keys()).is_ok());
    assert!(backup::ledger_of(&other).is_err() && backup::ledger_of(&copy).unwrap().is_empty());
    // Looking at it left nothing beside it.
    assert!(!beside(&copy, "-wal").exists() && !beside(&copy, "-shm").exists());
}
