use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use sea_orm::{ConnectionTrait, EntityTrait};
use tokio::task::{JoinHandle, LocalSet};

use super::{
    bed::{count, insert, on_both, quick, sqlite},
    schema::{self, Entity, thing},
};
use crate::engine::{Engine, EngineError, EngineOptions, Tx};

/// Holds the writer's thread inside a job until the answer is sent.
async fn hold(engine: &Engine) -> (mpsc::Sender<()>, JoinHandle<Result<(), EngineError>>) {
    let (go, wait) = mpsc::channel::<()>();
    let (started, running) = tokio::sync::oneshot::channel();
    let engine = engine.clone();
    let held = tokio::spawn(async move {
        engine
            .write(async move |_| {
                let _ = started.send(());
                let _ = wait.recv();
                Ok(())
            })
            .await
    });
    running.await.unwrap();
    (go, held)
}

/// Queues writes behind a held one, so that all of them are in one group.
async fn queued<T: Send + 'static>(engine: &Engine, write: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    let before = engine.stats().queue_depth;
    let handle = tokio::spawn(write);
    while engine.stats().queue_depth == before {
        tokio::task::yield_now().await;
    }
    handle
}

#[tokio::test]
async fn many_writes_share_a_commit() {
    let bed = sqlite().await;
    let engine = &bed.engine;
    let (go, held) = hold(engine).await;
    let mut writes = Vec::new();
    for number in 0..100 {
        let own = engine.clone();
        writes.push(queued(engine, async move { insert(&own, thing(&format!("n{number}"))).await }).await);
    }
    assert_eq!(engine.stats().queue_depth, 100);
    go.send(()).unwrap();
    held.await.unwrap().unwrap();
    for write in writes {
        write.await.unwrap().unwrap();
    }
    let stats = engine.stats();
    // The held job takes 63 of them along, the other 37 are the second group.
    assert_eq!((stats.jobs, stats.batches, stats.commits, stats.queue_depth), (101, 2, 2, 0));
    assert_eq!(count(engine).await, 100);
    bed.end().await;
}

/// Queues a write of one row that ends as told.
async fn ending(
    engine: &Engine,
    name: &'static str,
    end: fn() -> Result<(), EngineError>,
) -> JoinHandle<Result<(), EngineError>> {
    let own = engine.clone();
    let job = async move {
        let write = own.write(async move |tx| {
            Entity::insert(thing(name)).exec(tx).await?;
            end()
        });
        write.await
    };
    queued(engine, job).await
}

#[tokio::test]
async fn one_job_that_fails_harms_no_other_in_its_group() {
    let bed = sqlite().await;
    let engine = &bed.engine;
    let (go, held) = hold(engine).await;
    let good = ending(engine, "good", || Ok(())).await;
    let bad = ending(engine, "bad", || Err(EngineError::Misuse("on purpose"))).await;
    let panicking = ending(engine, "panicking", || panic!("on purpose")).await;
    let double = ending(engine, "good", || Ok(())).await;
    let last = ending(engine, "last", || Ok(())).await;
    go.send(()).unwrap();
    held.await.unwrap().unwrap();
    good.await.unwrap().unwrap();
    assert_eq!(bad.await.unwrap().unwrap_err().to_string(), "wrong use of the database: on purpose");
    let panic = panicking.await.unwrap_err().into_panic();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"on purpose"));
    assert!(matches!(double.await.unwrap(), Err(EngineError::Unique { .. })));
    last.await.unwrap().unwrap();
    assert_eq!((count(engine).await, engine.stats().batches), (2, 1));
    bed.end().await;
}

#[tokio::test]
async fn a_panic_goes_to_its_caller_on_both_engines() {
    on_both(async |engine: Engine| {
        let own = engine.clone();
        let local = LocalSet::new();
        let task = local.spawn_local(async move {
            let write = own.write(async |tx: &Tx| -> Result<(), EngineError> {
                Entity::insert(thing("a")).exec(tx).await?;
                panic!("on purpose")
            });
            write.await
        });
        local.await;
        assert!(task.await.unwrap_err().is_panic());
        insert(&engine, thing("b")).await.unwrap();
        assert_eq!(count(&engine).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_write_awaits_nothing_but_statements() {
    on_both(async |engine: Engine| {
        let result = engine
            .write(async |tx| {
                Entity::insert(thing("a")).exec(tx).await?;
                tokio::task::yield_now().await;
                Ok::<_, EngineError>(())
            })
            .await;
        assert!(matches!(result, Err(EngineError::Misuse(_))), "{result:?}");
        let (never, silent) = tokio::sync::oneshot::channel::<()>();
        let result = engine
            .write(async |tx| {
                Entity::insert(thing("b")).exec(tx).await?;
                silent.await.map_err(|_| EngineError::Closed)
            })
            .await;
        assert!(matches!(result, Err(EngineError::Misuse(_))), "{result:?}");
        drop(never);
        assert_eq!(count(&engine).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_caller_gone_before_its_job_starts_wrote_nothing() {
    let bed = sqlite().await;
    let engine = &bed.engine;
    let (go, held) = hold(engine).await;
    let ran = Arc::new(AtomicBool::new(false));
    let (own, seen) = (engine.clone(), Arc::clone(&ran));
    let write = queued(engine, async move {
        let job = own.write(async move |tx| {
            seen.store(true, Ordering::Relaxed);
            Ok::<_, EngineError>(Entity::insert(thing("a")).exec(tx).await?.last_insert_id)
        });
        job.await
    });
    let write = write.await;
    write.abort();
    assert!(write.await.unwrap_err().is_cancelled());
    go.send(()).unwrap();
    held.await.unwrap().unwrap();
    insert(engine, thing("b")).await.unwrap();
    assert!(!ran.load(Ordering::Relaxed));
    assert_eq!((count(engine).await, engine.stats().jobs), (1, 2));
    bed.end().await;
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let folder = tempfile::TempDir::new().unwrap();
    let mut options = quick(EngineOptions::sqlite(folder.path().join("test.db")));
    options.queue = 2;
    let engine = Engine::open(options, schema::migrate).await.unwrap();
    let (go, held) = hold(&engine).await;
    let mut waiting = Vec::new();
    for name in ["a", "b"] {
        let own = engine.clone();
        waiting.push(queued(&engine, async move { insert(&own, thing(name)).await }).await);
    }
    let refused = insert(&engine, thing("c")).await.unwrap_err();
    assert!(matches!(refused, EngineError::QueueFull) && refused.retryable());
    go.send(()).unwrap();
    held.await.unwrap().unwrap();
    for write in waiting {
        write.await.unwrap().unwrap();
    }
    insert(&engine, thing("c")).await.unwrap();
    engine.close().await;
}

/// A group of three, the last of which runs out of space: (first, second, third).
async fn out_of_space(engine: &Engine, big: &'static str) -> [Result<(), EngineError>; 3] {
    let (go, held) = hold(engine).await;
    let own = engine.clone();
    let small = queued(engine, async move { insert(&own, thing("small")).await.map(drop) }).await;
    let own = engine.clone();
    let big = queued(engine, async move {
        let write = own.write(async move |tx| {
            // The file may grow no further, as on a full disk.
            tx.execute_unprepared("PRAGMA max_page_count = 30").await?;
            tx.execute_unprepared(big).await?;
            Ok::<_, EngineError>(())
        });
        write.await
    })
    .await;
    go.send(()).unwrap();
    let results = [held.await.unwrap(), small.await.unwrap(), big.await.unwrap()];
    let stats = engine.stats();
    assert_eq!((stats.jobs, stats.batches), (3, 1));
    insert(engine, thing("after")).await.unwrap();
    results
}

#[tokio::test]
async fn a_statement_without_space_that_can_be_undone_harms_no_other() {
    let bed = sqlite().await;
    // RETURNING makes SQLite keep a journal of the statement.
    let big = "INSERT INTO thing SELECT randomblob(16), NULL, hex(randomblob(8)), 0, 0, 0, zeroblob(1000000), '{}', 0, \
               NULL, NULL, NULL, NULL, NULL, NULL, NULL RETURNING number";
    let results = out_of_space(&bed.engine, big).await;
    assert!(matches!(results, [Ok(()), Ok(()), Err(EngineError::Full)]), "{results:?}");
    assert_eq!((count(&bed.engine).await, bed.engine.stats().commits), (2, 2));
    bed.end().await;
}

#[tokio::test]
async fn no_space_that_ends_the_transaction_takes_the_whole_group() {
    let bed = sqlite().await;
    let big = "INSERT INTO thing VALUES (randomblob(16), NULL, 'big', 0, 0, 0, zeroblob(1000000), '{}', 0, \
               NULL, NULL, NULL, NULL, NULL, NULL, NULL)";
    // SQLite rolled everything back under the savepoints: none of them may be told that it succeeded.
    let results = out_of_space(&bed.engine, big).await;
    assert!(results.iter().all(|result| matches!(result, Err(EngineError::Full))), "{results:?}");
    assert_eq!((count(&bed.engine).await, bed.engine.stats().commits), (1, 1));
    bed.end().await;
}

#[tokio::test]
async fn a_lock_of_another_process_is_waited_for_once() {
    let bed = sqlite().await;
    let crate::engine::Place::Sqlite(path) = bed.options.place.clone() else { panic!("not SQLite") };
    let other = rusqlite::Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = insert(&bed.engine, thing("a")).await.unwrap_err();
    assert!(matches!(error, EngineError::LockTimeout) && error.retryable(), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    insert(&bed.engine, thing("a")).await.unwrap();
    bed.end().await;
}

#[tokio::test]
async fn closing_finishes_what_waits_and_refuses_the_rest() {
    let bed = sqlite().await;
    let engine = bed.engine.clone();
    let (go, held) = hold(&engine).await;
    let own = engine.clone();
    let last = queued(&engine, async move { insert(&own, thing("last")).await }).await;
    let own = engine.clone();
    let closing = tokio::spawn(async move { own.close().await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(matches!(insert(&engine, thing("late")).await, Err(EngineError::Closed)));
    go.send(()).unwrap();
    held.await.unwrap().unwrap();
    last.await.unwrap().unwrap();
    closing.await.unwrap();
    assert!(matches!(engine.ping().await, Err(EngineError::Closed)));
    engine.close().await;
    let engine = Engine::open(bed.options, schema::migrate).await.unwrap();
    assert_eq!(count(&engine).await, 1);
    engine.close().await;
}

/// What a layer above does: its own transaction around ours, generic over the closure.
struct Layer(Engine);

struct LayerTx<'a>(&'a Tx);

impl Layer {
    async fn write<T, F>(&self, job: F) -> Result<T, EngineError>
    where
        F: AsyncFnOnce(&LayerTx<'_>) -> Result<T, EngineError> + Send + 'static,
        T: Send + 'static,
    {
        self.0.write(async move |tx: &Tx| job(&LayerTx(tx)).await).await
    }
}

#[tokio::test]
async fn a_layer_over_write_can_be_spawned() {
    on_both(async |engine: Engine| {
        let layer = Layer(engine.clone());
        let name = "owned".to_owned();
        // `tokio::spawn` asks for `Send`.
        let task = tokio::spawn(async move {
            let write = layer.write(async move |tx: &LayerTx<'_>| {
                Entity::insert(thing(&name)).exec(tx.0).await?;
                Ok(Entity::find().all(tx.0).await?.len())
            });
            write.await
        });
        assert_eq!(task.await.unwrap().unwrap(), 1);
    })
    .await;
}
