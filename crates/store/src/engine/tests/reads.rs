use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DbErr, EntityTrait, QueryResult, Statement};

use super::{
    bed::{insert, is_sqlite, on_both, sqlite},
    schema::{Entity, thing},
};
use crate::engine::{Engine, EngineError};

/// Counts to `n` in SQL.
async fn counting(engine: &Engine, n: u64) -> Result<Option<QueryResult>, DbErr> {
    let sql = format!(
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < {n}) SELECT count(*) AS n FROM c"
    );
    engine.query_one_raw(Statement::from_string(engine.get_database_backend(), sql)).await
}

#[tokio::test]
async fn a_read_without_end_is_refused() {
    on_both(async |engine: Engine| {
        let start = Instant::now();
        let error = EngineError::from(counting(&engine, 2_000_000_000).await.unwrap_err());
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
    let row = counting(&engine, 300_000).await.unwrap().unwrap();
    let done = Instant::now();
    assert_eq!(row.try_get::<i64>("", "n").unwrap(), 300_000);
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
