//! The limits of sessions with PostgreSQL, directly and through PgBouncer.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use sea_orm::{ConnectionTrait, EntityTrait, Statement};

use super::{
    bed::{Bed, count, empty_database, insert},
    schema::{self, Entity, thing},
};
use crate::engine::{Engine, EngineError, EngineOptions};

/// A bed on each server, with these limits.
async fn beds(limit: impl Fn(&mut EngineOptions)) -> Vec<Bed> {
    let mut beds = Vec::new();
    for variable in ["KEHU_TEST_PG_URL", "KEHU_TEST_PGBOUNCER_URL"] {
        let Some((mut options, home)) = empty_database(variable).await else { continue };
        limit(&mut options);
        let engine = Engine::open(options.clone(), schema::migrate).await.unwrap();
        beds.push(Bed { engine, options, home });
    }
    beds
}

/// What the session of a statement was told.
async fn settings(db: &impl ConnectionTrait) -> Vec<String> {
    let names = [
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "default_transaction_read_only",
        "transaction_isolation",
    ];
    let mut all = Vec::new();
    for name in names {
        let sql = format!("SELECT current_setting('{name}') AS set");
        let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap().unwrap();
        all.push(row.try_get::<String>("", "set").unwrap());
    }
    all
}

#[tokio::test]
async fn sessions_have_their_limits() {
    for bed in beds(|_| ()).await {
        // The second engine gets the sessions that PgBouncer took back from the first one.
        let again = Engine::open(bed.options.clone(), schema::migrate).await.unwrap();
        for engine in [&bed.engine, &again] {
            assert_eq!(settings(engine).await, ["400ms", "300ms", "10s", "on", "repeatable read"]);
            let written = engine.write(async |tx| Ok::<_, EngineError>(settings(tx).await)).await.unwrap();
            assert_eq!(written, ["10s", "500ms", "10s", "off", "read committed"]);
            let sql = "INSERT INTO thing SELECT * FROM thing RETURNING name";
            let written = engine.query_all_raw(Statement::from_string(engine.get_database_backend(), sql)).await;
            let error = EngineError::from(written.unwrap_err());
            assert!(matches!(error, EngineError::Misuse(_)), "a read wrote: {error}");
            engine.close().await;
        }
        bed.end().await;
    }
}

#[tokio::test]
async fn a_statement_of_a_write_ends_by_its_limit() {
    for bed in beds(|options| options.write_limit = Duration::from_millis(300)).await {
        let begun = Instant::now();
        let slept = bed
            .engine
            .write(async |tx| {
                Entity::insert(thing("undone")).exec(tx).await?;
                tx.execute_unprepared("SELECT pg_sleep(20)").await?;
                Ok::<_, EngineError>(())
            })
            .await;
        assert!(matches!(slept, Err(EngineError::TooExpensive)), "{slept:?}");
        assert!(begun.elapsed() < Duration::from_secs(5));
        assert_eq!(count(&bed.engine).await, 0);
        insert(&bed.engine, thing("done")).await.unwrap();
        bed.end().await;
    }
}

/// As when a server is stopped in the middle of a write: nobody waits for its locks for long.
#[tokio::test]
async fn a_transaction_that_idles_is_ended() {
    for bed in beds(|options| options.write_limit = Duration::from_millis(300)).await {
        let idled = bed
            .engine
            .write(async |tx| {
                Entity::insert(thing("undone")).exec(tx).await?;
                std::thread::sleep(Duration::from_millis(900));
                Entity::insert(thing("too late")).exec(tx).await?;
                Ok::<_, EngineError>(())
            })
            .await;
        assert!(matches!(idled, Err(EngineError::Unavailable)), "{idled:?}");
        assert_eq!(count(&bed.engine).await, 0);
        insert(&bed.engine, thing("done")).await.unwrap();
        bed.end().await;
    }
}

/// A backend that does not answer, as when its machine is cut off: the limits of the server itself do not help.
#[tokio::test]
async fn a_frozen_server_holds_nobody() {
    let Some(bed) = beds(|_| ()).await.into_iter().next() else { return };
    let engine = &bed.engine;
    let backend = Statement::from_string(engine.get_database_backend(), "SELECT pg_backend_pid()::int8 AS pid");
    let row = engine.query_one_raw(backend).await.unwrap().unwrap();
    let pid = row.try_get::<i64>("", "pid").unwrap().to_string();
    let signal = |name: &str| assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    signal("-STOP");
    let begun = Instant::now();
    let stuck = engine.ping().await;
    let next = engine.ping().await;
    signal("-CONT");
    assert!(matches!(stuck, Err(EngineError::Unavailable)), "{stuck:?}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    next.unwrap();
    bed.end().await;
}
