//! A disk that fails in the middle of a group of writes, at every place in turn.

use rusqlite::ffi;
use sea_orm::EntityTrait;
use tempfile::TempDir;

use super::{
    bed::{count, insert, quick},
    disk::{Disk, Fault, Op},
    schema::{self, ActiveModel, Entity, thing},
    stage::{End, Ends, Stage, check, check_closed, end, run, template, write},
};
use crate::engine::{Engine, EngineError, EngineOptions};

/// Runs the group on a disk that fails so; `None` if nothing failed.
async fn broken(stage: Stage, fault: Fault) -> Option<Ends> {
    stage.disk.break_at(fault);
    let mut ends = run(&stage.engine).await;
    let killed = stage.as_killed("killed");
    let fired = stage.disk.heal();
    check_closed(&killed, &ends, fault.lasting, &format!("killed, {fault:?}")).await;
    // The same engine goes on at once.
    let after = end(tokio::spawn(write(stage.engine.clone(), "after"))).await;
    assert!(matches!(after, End::Done), "{fault:?}: {after:?}");
    ends.insert("after", after);
    check(&stage.engine, &ends, false, &format!("healed, {fault:?}")).await;
    let killed = stage.as_killed("killed later");
    check_closed(&killed, &ends, false, &format!("killed when healed, {fault:?}")).await;
    stage.engine.close().await;
    check_closed(&stage.path, &ends, false, &format!("closed, {fault:?}")).await;
    fired.then_some(ends)
}

/// Lets every operation of the group fail in turn, once or from there on; how many there are.
async fn sweep(ops: &'static [Op], code: i32, lasting: bool) -> u32 {
    let (_folder, file) = template().await;
    let mut refused = 0;
    for nth in 1.. {
        let fault = Fault { ops, part: None, code, nth, lasting };
        let Some(ends) = broken(Stage::from(&file, |_| {}).await, fault).await else {
            assert!(refused > 0, "{fault:?}: nobody was refused");
            return nth - 1;
        };
        refused += ends.values().filter(|end| matches!(end, End::Refused(_))).count();
    }
    0
}

#[tokio::test]
async fn a_write_that_fails_once_loses_its_group_and_nothing_else() {
    assert!(sweep(&[Op::Write], ffi::SQLITE_IOERR_WRITE, false).await > 20);
}

#[tokio::test]
async fn a_full_disk_loses_its_group_and_nothing_else() {
    assert!(sweep(&[Op::Write], ffi::SQLITE_FULL, false).await > 20);
    assert!(sweep(&[Op::Write], ffi::SQLITE_FULL, true).await > 20);
}

#[tokio::test]
async fn a_read_that_fails_loses_no_more_than_its_group() {
    sweep(&[Op::Read], ffi::SQLITE_IOERR_READ, false).await;
    sweep(&[Op::Read], ffi::SQLITE_IOERR_READ, true).await;
}

/// The group is whole in the WAL by then: it must not come back.
#[tokio::test]
async fn a_commit_that_cannot_be_synced_does_not_come_back() {
    assert!(sweep(&[Op::Sync], ffi::SQLITE_IOERR_FSYNC, false).await > 0);
    assert!(sweep(&[Op::Sync], ffi::SQLITE_IOERR_FSYNC, true).await > 0);
}

#[tokio::test]
async fn a_dead_disk_loses_its_group_and_nothing_else() {
    let all = &[Op::Read, Op::Write, Op::Sync, Op::Truncate, Op::Map];
    assert!(sweep(all, ffi::SQLITE_IOERR, true).await > 20);
}

/// Also when no other write comes, and when one came that wrote nothing.
#[tokio::test]
async fn a_failed_commit_is_written_over_when_the_disk_works_again() {
    let (_folder, file) = template().await;
    let stage = Stage::from(&file, |_| {}).await;
    let sync = &[Op::Sync];
    stage.disk.break_at(Fault { ops: sync, part: None, code: ffi::SQLITE_IOERR_FSYNC, nth: 1, lasting: true });
    let refused = insert(&stage.engine, thing("refused")).await.unwrap_err();
    assert!(matches!(refused, EngineError::Unavailable), "{refused}");
    let nothing = stage.engine.write(async |_| Ok::<_, EngineError>(()));
    nothing.await.unwrap();
    assert!(stage.disk.heal());
    for n in 0..100 {
        let left = Stage::from_killed(&stage.as_killed(&n.to_string()), |_| {}).await;
        let there = count(&left.engine).await;
        left.engine.close().await;
        if there == 1 {
            stage.engine.close().await;
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("what was refused is still in the WAL");
}

/// The index of the WAL grows when the commit is on the disk already: also where there is no space for it.
#[tokio::test]
async fn a_commit_that_readers_cannot_be_told_of_does_not_come_back() {
    for code in [ffi::SQLITE_IOERR_SHMMAP, ffi::SQLITE_IOERR_SHMSIZE] {
        for (lasting, gone) in [(false, false), (true, false), (true, true)] {
            let stage = index_nearly_full().await;
            if gone {
                // It cannot be written over.
                stage.disk.gone_afterwards();
            }
            let fault = Fault { ops: &[Op::Map], part: None, code, nth: 1, lasting };
            let ends = broken(stage, fault).await.expect("the index did not grow");
            match &ends["last"] {
                End::Refused(EngineError::Full) if code == ffi::SQLITE_IOERR_SHMSIZE && !gone => {}
                End::Refused(EngineError::Unavailable) if code == ffi::SQLITE_IOERR_SHMMAP || gone => {}
                other => panic!("{fault:?}, {gone}: {other:?}"),
            }
        }
    }
}

/// The next group needs a second part of the WAL's index: the first one has room for 4,062 pages.
async fn index_nearly_full() -> Stage {
    let (_folder, file) = template().await;
    let stage = Stage::from(&file, |options| options.checkpoint_pages = u64::MAX).await;
    let big = ActiveModel { data: sea_orm::Set(vec![0; 4_000 * 4_092]), ..thing("fills the WAL") };
    insert(&stage.engine, big).await.unwrap();
    let pages = || (stage.engine.stats().wal_bytes - 32) / (4_096 + 24);
    for n in 0..100 {
        if pages() < 4_050 {
            insert(&stage.engine, thing(&format!("filler {n}"))).await.unwrap();
        }
    }
    assert!((4_050..4_062).contains(&pages()), "{}", pages());
    stage
}

/// More than the cache holds: pages go to the WAL before the commit, and some of them twice.
#[tokio::test]
async fn a_group_larger_than_the_cache_is_lost_whole() {
    let (_folder, file) = template().await;
    let mut refused = 0;
    // Among the first pieces, among those before the commit, and around its end, which is not always at the same one.
    for nth in [1, 2, 2_000, 4_000, 4_700, 4_800, 4_880, 4_899, 4_900, 4_901] {
        let stage = Stage::from(&file, |_| {}).await;
        stage.disk.break_at(Fault { ops: &[Op::Write], part: None, code: ffi::SQLITE_FULL, nth, lasting: true });
        let large = stage.engine.write(async move |tx| {
            for n in 0..10 {
                let row = ActiveModel { data: sea_orm::Set(vec![1; 1_000_000]), ..thing(&format!("large {n}")) };
                Entity::insert(row).exec(tx).await?;
            }
            Ok::<_, EngineError>(())
        });
        let told = large.await;
        let killed = stage.as_killed("killed");
        assert_eq!(stage.disk.heal(), told.is_err(), "{nth}: {told:?}");
        assert!(matches!(told, Ok(()) | Err(EngineError::Full)), "{nth}: {told:?}");
        insert(&stage.engine, thing("after")).await.unwrap();
        let there = if told.is_ok() { 10 } else { 0 };
        assert_eq!(count(&stage.engine).await, 2 + there, "{nth}");
        let left = Stage::from_killed(&killed, |_| {}).await;
        check(&left.engine, &Ends::new(), false, "killed").await;
        assert_eq!(count(&left.engine).await, 1 + there, "{nth}");
        refused += u32::from(told.is_err());
        left.engine.close().await;
        stage.engine.close().await;
    }
    assert!(refused > 4, "{refused}");
}

#[tokio::test]
async fn a_read_that_fails_is_told_and_the_next_one_answered() {
    let (_folder, file) = template().await;
    for lasting in [false, true] {
        for nth in 1.. {
            let stage = Stage::from(&file, |_| {}).await;
            let ops = &[Op::Read, Op::Map];
            stage.disk.break_at(Fault { ops, part: None, code: ffi::SQLITE_IOERR_READ, nth, lasting });
            let read = Entity::find().all(&stage.engine).await.map_err(EngineError::from);
            let fired = stage.disk.heal();
            assert!(!fired || matches!(read, Err(EngineError::Unavailable)), "{nth}: {read:?}");
            assert_eq!(count(&stage.engine).await, 1);
            stage.engine.close().await;
            if !fired {
                assert!(nth > 2, "nothing was read");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_start_on_a_failing_disk_is_refused_and_leaves_nothing_half() {
    for lasting in [false, true] {
        for nth in 1.. {
            let folder = TempDir::new().unwrap();
            let path = folder.path().canonicalize().unwrap().join("test.db");
            let disk = Disk::beneath(&path);
            let options = quick(EngineOptions::sqlite(path));
            let ops = &[Op::Write, Op::Sync, Op::Truncate, Op::Map];
            disk.break_at(Fault { ops, part: None, code: ffi::SQLITE_IOERR, nth, lasting });
            match Engine::open(options.clone(), schema::migrate).await {
                Ok(engine) => engine.close().await,
                Err(error) => assert!(matches!(error, EngineError::Unavailable), "{nth}: {error}"),
            }
            let fired = disk.heal();
            let engine = Engine::open(options, schema::migrate).await.unwrap();
            insert(&engine, thing("a")).await.unwrap();
            assert_eq!(count(&engine).await, 1, "{nth}");
            engine.close().await;
            if !fired {
                assert!(nth > 10, "nothing was written");
                break;
            }
        }
    }
}
