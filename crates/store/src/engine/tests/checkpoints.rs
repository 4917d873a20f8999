//! The WAL stays bounded, and bringing it into the file harms no write.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rusqlite::{Connection, ffi};
use sea_orm::Set;

use super::{
    bed::{count, insert},
    disk::{Fault, Op, Part},
    schema::{ActiveModel, thing},
    stage::{End, Stage, check, check_closed, run, template},
};
use crate::engine::Engine;

const PAGE: u64 = 4_096 + 24;

/// (pages in the WAL, those of them that are in the file), as another process sees it.
fn wal(path: &Path) -> (i64, i64) {
    let conn = Connection::open(path).unwrap();
    conn.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| Ok((row.get(1)?, row.get(2)?))).unwrap()
}

/// A reader of another process, which reads as of now until it is dropped.
fn reader(path: &Path) -> Connection {
    let conn = Connection::open(path).unwrap();
    conn.execute_batch("BEGIN").unwrap();
    conn.query_row("SELECT count(*) FROM thing", [], |row| row.get::<_, i64>(0)).unwrap();
    conn
}

/// Writes one row that fills so many pages.
async fn fill(engine: &Engine, name: &str, pages: usize) {
    let row = ActiveModel { data: Set(vec![1; pages * 4_092]), ..thing(name) };
    insert(engine, row).await.unwrap();
}

/// Waits until it is so, for ten seconds.
async fn becomes(what: &str, so: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

#[tokio::test]
async fn a_checkpoint_that_fails_is_no_failed_write() {
    let (_folder, file) = template().await;
    let ops: [(&'static [Op], i32); 4] = [
        (&[Op::Write], ffi::SQLITE_FULL),
        (&[Op::Sync], ffi::SQLITE_IOERR_FSYNC),
        (&[Op::Truncate], ffi::SQLITE_IOERR_TRUNCATE),
        (&[Op::Write, Op::Sync, Op::Truncate], ffi::SQLITE_IOERR),
    ];
    for (ops, code) in ops {
        for nth in 1.. {
            // A checkpoint after every group; nothing else writes to the file itself.
            let stage = Stage::from(&file, |options| options.checkpoint_pages = 1).await;
            let fault = Fault { ops, part: Some(Part::Database), code, nth, lasting: nth % 2 == 0 };
            stage.disk.break_at(fault);
            let ends = run(&stage.engine).await;
            // The checkpoint of the group is over when this one is answered.
            insert(&stage.engine, thing("next")).await.unwrap();
            let killed = stage.as_killed("killed");
            let fired = stage.disk.heal();
            for name in ["held", "first", "attempting", "big", "last"] {
                assert!(matches!(ends.get(name), Some(End::Done)), "{fault:?}: {name}: {ends:?}");
            }
            check_closed(&killed, &ends, false, &format!("killed, {fault:?}")).await;
            check(&stage.engine, &ends, false, &format!("{fault:?}")).await;
            stage.engine.close().await;
            check_closed(&stage.path, &ends, false, &format!("closed, {fault:?}")).await;
            if !fired {
                assert!(nth > 1, "{fault:?}: there was no checkpoint");
                break;
            }
        }
    }
}

#[tokio::test]
async fn an_idle_writer_brings_the_wal_into_the_file() {
    let (_folder, file) = template().await;
    let stage = Stage::from(&file, |options| options.idle = Duration::from_millis(50)).await;
    insert(&stage.engine, thing("a")).await.unwrap();
    becomes("all in the file", || wal(&stage.path).0 == wal(&stage.path).1).await;
    // The space of a little is kept, that of much is given back.
    assert!(stage.engine.stats().wal_bytes > 0);
    fill(&stage.engine, "large", 5_000).await;
    becomes("space given back", || stage.engine.stats().wal_bytes == 0).await;
    stage.engine.close().await;
}

#[tokio::test]
async fn a_wal_that_was_left_is_brought_into_the_file() {
    let (_folder, file) = template().await;
    let first = Stage::from(&file, |options| options.idle = Duration::from_secs(600)).await;
    insert(&first.engine, thing("a")).await.unwrap();
    let left = first.as_killed("killed");
    let second = Stage::from_killed(&left, |options| options.idle = Duration::from_millis(50)).await;
    becomes("all in the file", || wal(&second.path).0 == wal(&second.path).1).await;
    assert_eq!(count(&second.engine).await, 2);
    second.engine.close().await;
    first.engine.close().await;
}

#[tokio::test]
async fn the_wal_is_begun_anew_under_load() {
    let (_folder, file) = template().await;
    let stage = Stage::from(&file, |options| options.checkpoint_pages = 100).await;
    for n in 0..60 {
        fill(&stage.engine, &format!("n{n}"), 20).await;
        let bytes = stage.engine.stats().wal_bytes;
        assert!(bytes < 160 * PAGE, "{bytes} after {n}");
    }
    stage.engine.close().await;
}

/// There is always somebody who reads, as under constant load; nobody for long.
#[tokio::test]
async fn readers_that_follow_each_other_do_not_let_the_wal_grow() {
    let (_folder, file) = template().await;
    let stage = Stage::from(&file, |options| {
        options.checkpoint_pages = 50;
        options.wal_pages = 400;
    })
    .await;
    let stop = Arc::new(AtomicBool::new(false));
    let (path, until) = (stage.path.clone(), Arc::clone(&stop));
    let readers = std::thread::spawn(move || {
        let mut last = reader(&path);
        while !until.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(20));
            // The next one begins before the last one ends.
            last = reader(&path);
        }
        drop(last);
    });
    let mut most = 0;
    for n in 0..150 {
        fill(&stage.engine, &format!("n{n}"), 20).await;
        most = most.max(stage.engine.stats().wal_bytes);
    }
    stop.store(true, Ordering::Relaxed);
    readers.join().unwrap();
    // 3,000 pages and more were written.
    assert!(most < 500 * PAGE, "{most}");
    stage.engine.close().await;
}

/// One that never ends, in another process: writing goes on, and the WAL shrinks when it ends at last.
#[tokio::test]
async fn a_reader_without_end_stops_no_write() {
    let (_folder, file) = template().await;
    let stage = Stage::from(&file, |options| {
        options.checkpoint_pages = 50;
        options.wal_pages = 100;
        options.read_limit = Duration::from_millis(50);
        options.idle = Duration::from_millis(50);
    })
    .await;
    let endless = reader(&stage.path);
    for n in 0..20 {
        fill(&stage.engine, &format!("n{n}"), 20).await;
    }
    assert!(stage.engine.stats().wal_bytes > 400 * PAGE);
    let seen: i64 = endless.query_row("SELECT count(*) FROM thing", [], |row| row.get(0)).unwrap();
    assert_eq!(seen, 1);
    drop(endless);
    becomes("space given back", || stage.engine.stats().wal_bytes == 0).await;
    assert_eq!(count(&stage.engine).await, 21);
    stage.engine.close().await;
}
