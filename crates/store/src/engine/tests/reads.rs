use std::time::{Duration, Instant};

use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, QueryOrder, QuerySelect, Statement};
use tempfile::TempDir;

use super::{
    bed::{insert, is_sqlite, on_both, quick, sqlite},
    schema::{self, ActiveModel, Column, Entity, thing},
};
use crate::engine::{Engine, EngineError, EngineOptions};

/// Counts to `n` in SQL.
pub(super) async fn count_to(db: &impl ConnectionTrait, n: i64) -> Result<i64, DbErr> {
    let sql = format!(
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < {n}) SELECT count(*) AS n FROM c"
    );
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    row.unwrap().try_get("", "n")
}

#[tokio::test]
async fn a_read_without_end_is_refused() {
    on_both(async |engine: Engine| {
        let start = Instant::now();
        let error = EngineError::from(count_to(&engine, 2_000_000_000).await.unwrap_err());
        assert!(matches!(error, EngineError::TooExpensive), "{error}");
        assert!(start.elapsed() < Duration::from_secs(5));
        // The connection is as good as before.
        engine.ping().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_long_read_leaves_the_calling_thread() {
    let bed = sqlite().await;
    let engine = bed.engine.clone();
    // Some 30 ms and more: over the budget, under the limit. Meanwhile this thread runs something else.
    let ticks = tokio::spawn(async {
        let mut ticks = 0;
        loop {
            tokio::time::sleep(Duration::from_millis(1)).await;
            ticks += 1;
            if ticks == 5 {
                return Instant::now();
            }
        }
    });
    let counted = count_to(&engine, 300_000).await.unwrap();
    let done = Instant::now();
    assert_eq!(counted, 300_000);
    assert!(ticks.await.unwrap() < done, "the thread was blocked by the read");
    bed.end().await;
}

#[tokio::test]
async fn connections_are_opened_when_needed_and_given_back() {
    let bed = sqlite().await;
    assert_eq!(bed.engine.stats().connections, 0);
    insert(&bed.engine, thing("a")).await.unwrap();
    for _ in 0..10 {
        assert_eq!(Entity::find().all(&bed.engine).await.unwrap().len(), 1);
    }
    let stats = bed.engine.stats();
    assert_eq!((stats.connections, stats.connections_in_use), (1, 0));
    bed.end().await;
}

#[tokio::test(flavor = "current_thread")]
async fn many_threads_share_few_connections() {
    on_both(async |engine: Engine| {
        insert(&engine, thing("a")).await.unwrap();
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let engine = engine.clone();
                // A runtime of its own, as each actix worker has.
                std::thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(async {
                        for _ in 0..20 {
                            assert_eq!(Entity::find().all(&engine).await.unwrap().len(), 1);
                        }
                    });
                })
            })
            .collect();
        for thread in threads {
            tokio::task::spawn_blocking(move || thread.join().unwrap()).await.unwrap();
        }
        let stats = engine.stats();
        assert!(!is_sqlite(&engine) || (stats.connections <= 12 && stats.connections_in_use == 0), "{stats:?}");
    })
    .await;
}

/// An engine whose reads have these limits.
async fn with(set: impl FnOnce(&mut EngineOptions)) -> (TempDir, Engine) {
    let folder = TempDir::new().unwrap();
    let mut options = quick(EngineOptions::sqlite(folder.path().join("test.db")));
    set(&mut options);
    (folder, Engine::open(options, schema::migrate).await.unwrap())
}

/// Interrupted after some thousand steps, wherever it is then, and begun anew.
#[tokio::test]
async fn a_read_that_starts_again_gives_the_same_rows() {
    let (_folder, engine) = with(|options| {
        options.read_budget = Duration::ZERO;
        options.read_limit = Duration::from_secs(20);
    })
    .await;
    let rows: Vec<_> = (0..3_000).map(|n| ActiveModel { number: Set(n), ..thing(&format!("n{n}")) }).collect();
    let fill = engine.write(async move |tx| {
        for row in rows {
            Entity::insert(row).exec(tx).await?;
        }
        Ok::<_, EngineError>(())
    });
    fill.await.unwrap();
    for _ in 0..5 {
        let found = Entity::find().order_by_asc(Column::Number).all(&engine).await.unwrap();
        assert!(found.iter().map(|row| row.number).eq(0..3_000), "{}", found.len());
    }
    engine.close().await;
}

/// There is no place for a long read: whatever went over its budget would wait for one and hear that there is none.
#[tokio::test]
async fn a_short_read_that_was_held_up_is_not_taken_for_a_long_one() {
    let (_folder, engine) = with(|options| {
        options.read_budget = Duration::ZERO;
        options.long_readers = 0;
    })
    .await;
    // Held up for very long it would be; not every time.
    let mut answered = 0;
    for _ in 0..20 {
        answered += i32::from(count_to(&engine, 1_000).await.is_ok());
    }
    assert!(answered > 0);
    let error = EngineError::from(count_to(&engine, 1_000_000).await.unwrap_err());
    assert!(matches!(error, EngineError::Busy), "{error}");
    engine.close().await;
}

#[tokio::test]
async fn many_slow_reads_starve_no_short_one() {
    let (_folder, engine) = with(|options| options.long_readers = 1).await;
    insert(&engine, thing("a")).await.unwrap();
    let slow: Vec<_> = (0..8)
        .map(|_| {
            let engine = engine.clone();
            tokio::spawn(async move { count_to(&engine, 2_000_000_000).await })
        })
        .collect();
    let mut short = 0;
    while slow.iter().any(|task| !task.is_finished()) {
        assert_eq!(Entity::find().all(&engine).await.unwrap().len(), 1);
        short += 1;
        tokio::task::yield_now().await;
    }
    let mut ends = [0, 0];
    for task in slow {
        match EngineError::from(task.await.unwrap().unwrap_err()) {
            EngineError::TooExpensive => ends[0] += 1,
            EngineError::Busy => ends[1] += 1,
            other => panic!("{other}"),
        }
    }
    // One runs at a time; the others wait as long as one may take, and then hear that there is too much to do.
    assert!(ends[0] >= 1 && ends[1] >= 1, "{ends:?}");
    assert!(short > 10, "{short}");
    let stats = engine.stats();
    assert!(stats.connections_in_use == 0 && stats.connections <= 3, "{stats:?}");
    engine.close().await;
}

#[tokio::test]
async fn a_slow_read_whose_caller_goes_away_gives_its_place_back() {
    let (_folder, engine) = with(|options| {
        options.long_readers = 1;
        options.read_limit = Duration::from_secs(1);
    })
    .await;
    for _ in 0..3 {
        let own = engine.clone();
        let task = tokio::spawn(async move { count_to(&own, 2_000_000_000).await });
        tokio::time::sleep(Duration::from_millis(150)).await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }
    // Over the budget, under the limit: it needs the one place, and has it when the one that nobody waits for is over.
    assert_eq!(count_to(&engine, 300_000).await.unwrap(), 300_000);
    engine.close().await;
}

#[tokio::test]
async fn a_result_that_is_too_large_is_refused() {
    let (_folder, engine) = with(|options| options.read_bytes = 100_000).await;
    for n in 0..20 {
        let row = ActiveModel { data: Set(vec![0; 10_000]), ..thing(&format!("n{n}")) };
        insert(&engine, row).await.unwrap();
    }
    let first = |rows| Entity::find().order_by_asc(Column::Name).limit(rows).all(&engine);
    assert_eq!(first(9).await.unwrap().len(), 9);
    let error = EngineError::from(first(11).await.unwrap_err());
    assert!(matches!(error, EngineError::TooExpensive), "{error}");
    assert_eq!(first(9).await.unwrap().len(), 9);
    engine.close().await;
}
