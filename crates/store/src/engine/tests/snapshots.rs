//! Several statements that read one moment.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use sea_orm::{ConnectionTrait, EntityTrait, Statement};
use tempfile::TempDir;
use tokio::task::LocalSet;

use super::{
    bed::{count, insert, is_sqlite, on_both, quick, sqlite},
    reads::count_to,
    schema::{self, Entity, thing},
};
use crate::engine::{Engine, EngineError, EngineOptions, Snapshot};

/// Writes from a thread of its own and waits for the commit: a snapshot awaits nothing but its statements.
fn write_meanwhile(engine: &Engine, name: &'static str) {
    let engine = engine.clone();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { insert(&engine, thing(name)).await.unwrap() });
    });
    thread.join().unwrap();
}

#[tokio::test]
async fn a_snapshot_does_not_see_what_is_written_meanwhile() {
    on_both(async |engine: Engine| {
        insert(&engine, thing("a")).await.unwrap();
        let own = engine.clone();
        let seen = engine
            .snapshot(async move |reads: &Snapshot| {
                let before = count(reads).await;
                write_meanwhile(&own, "b");
                Ok::<_, EngineError>((before, count(reads).await, Entity::find().all(reads).await?.len()))
            })
            .await
            .unwrap();
        assert_eq!(seen, (1, 1, 1));
        assert_eq!(count(&engine).await, 2);
        let seen = engine.snapshot(async |reads: &Snapshot| Ok::<_, EngineError>(count(reads).await)).await.unwrap();
        assert_eq!(seen, 2);
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_over_its_budget_starts_again_and_answers_the_same() {
    let folder = TempDir::new().unwrap();
    let mut options = quick(EngineOptions::sqlite(folder.path().join("test.db")));
    options.read_limit = Duration::from_secs(20);
    let engine = Engine::open(options, schema::migrate).await.unwrap();
    insert(&engine, thing("a")).await.unwrap();
    let runs = Arc::new(AtomicU32::new(0));
    let (seen, own) = (Arc::clone(&runs), engine.clone());
    let counted = engine
        .snapshot(async move |reads: &Snapshot| {
            let run = seen.fetch_add(1, Ordering::Relaxed);
            let before = count(reads).await;
            if run == 0 {
                write_meanwhile(&own, "b");
            }
            // The error of the first run is swallowed, which does not make a result of it.
            let Ok(n) = count_to(reads, 2_000_000).await else { return Ok((0, 0, 0)) };
            Ok::<_, EngineError>((before, n, count(reads).await))
        })
        .await;
    // The second run is of its own moment.
    assert_eq!(counted.unwrap(), (2, 2_000_000, 2));
    assert_eq!(runs.load(Ordering::Relaxed), 2);
    assert_eq!(engine.stats().connections_in_use, 0);
    engine.close().await;
}

#[tokio::test]
async fn a_snapshot_without_end_is_refused() {
    on_both(async |engine: Engine| {
        let endless = engine.snapshot(async |reads: &Snapshot| {
            count(reads).await;
            Ok::<_, EngineError>(count_to(reads, 2_000_000_000).await?)
        });
        let error = endless.await.unwrap_err();
        assert!(matches!(error, EngineError::TooExpensive), "{error}");
        assert_eq!(count(&engine).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_reads_only_and_awaits_nothing_else() {
    on_both(async |engine: Engine| {
        let write = engine.snapshot(async |reads: &Snapshot| {
            let sql = "DELETE FROM thing RETURNING number";
            Ok::<_, EngineError>(reads.query_all_raw(Statement::from_string(reads.get_database_backend(), sql)).await?)
        });
        assert!(matches!(write.await.map(drop), Err(EngineError::Misuse(_))));
        let insert_one = engine.snapshot(async |reads: &Snapshot| {
            Ok::<_, EngineError>(Entity::insert(thing("a")).exec(reads).await.map(drop)?)
        });
        assert!(matches!(insert_one.await, Err(EngineError::Misuse(_))));
        let waits = engine.snapshot(async |reads: &Snapshot| {
            count(reads).await;
            tokio::task::yield_now().await;
            Ok::<_, EngineError>(())
        });
        assert!(matches!(waits.await, Err(EngineError::Misuse(_))));
        let kept = engine.snapshot(async |reads: &Snapshot| Ok::<_, EngineError>(reads.clone()));
        assert!(matches!(kept.await.map(drop), Err(EngineError::Misuse(_))));
        assert_eq!(count(&engine).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_failed_or_panicking_snapshot_harms_no_later_read() {
    on_both(async |engine: Engine| {
        insert(&engine, thing("a")).await.unwrap();
        for _ in 0..20 {
            let failed = engine.snapshot(async |reads: &Snapshot| {
                count(reads).await;
                let sql = "SELECT nothing FROM nowhere";
                reads.query_one_raw(Statement::from_string(reads.get_database_backend(), sql)).await.map(drop)?;
                Ok::<_, EngineError>(())
            });
            assert!(matches!(failed.await, Err(EngineError::Other(_))));
            let own = engine.clone();
            let local = LocalSet::new();
            let task = local.spawn_local(async move {
                let panicking = own.snapshot(async |reads: &Snapshot| -> Result<(), EngineError> {
                    count(reads).await;
                    panic!("on purpose")
                });
                panicking.await
            });
            local.await;
            assert!(task.await.unwrap_err().is_panic());
        }
        assert_eq!(count(&engine).await, 1);
        let again = engine.snapshot(async |reads: &Snapshot| Ok::<_, EngineError>(count(reads).await));
        assert_eq!(again.await.unwrap(), 1);
        // PostgreSQL's come back a little later.
        assert!(!is_sqlite(&engine) || engine.stats().connections_in_use == 0);
    })
    .await;
}

#[tokio::test]
async fn a_closed_engine_gives_no_snapshot() {
    let bed = sqlite().await;
    let engine = bed.engine.clone();
    bed.end().await;
    let closed = engine.snapshot(async |reads: &Snapshot| Ok::<_, EngineError>(count(reads).await));
    assert!(matches!(closed.await, Err(EngineError::Closed)));
}
