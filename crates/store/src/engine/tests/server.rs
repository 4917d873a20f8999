//! Opening, migrating, and a server that goes away.

use std::pin::Pin;

use sea_orm::{ConnectionTrait, DatabaseExecutor, DbErr, EntityTrait, Statement};
use sea_orm_migration::MigratorTrait;
use tempfile::TempDir;

use super::{
    bed::{Bed, Home, admin, count, empty_postgres, insert, on_both, postgres, quick, sqlite},
    schema::{self, Entity, thing},
};
use crate::engine::{Engine, EngineError, EngineOptions};

type Migrated<'a> = Pin<Box<dyn Future<Output = Result<(), DbErr>> + Send + 'a>>;

/// Makes the schema anew beside a second table, then fails.
fn failing(db: DatabaseExecutor<'_>) -> Migrated<'_> {
    Box::pin(async move {
        db.execute_unprepared("CREATE TABLE half (id integer)").await?;
        schema::Migrator::status(&db).await?;
        Err(DbErr::Custom("on purpose".to_owned()))
    })
}

fn again(db: DatabaseExecutor<'_>) -> Migrated<'_> {
    Box::pin(async move {
        db.execute_unprepared("CREATE TABLE half (id integer)").await?;
        schema::migrate(db).await
    })
}

#[tokio::test]
async fn a_failed_migration_leaves_nothing() {
    for bed in [Some(sqlite().await), postgres().await].into_iter().flatten() {
        let error = Engine::open(bed.options.clone(), failing).await.err().unwrap();
        assert!(matches!(error, EngineError::Other(DbErr::Custom(_))), "{error}");
        // The half table can be made: the failed run left none.
        Engine::open(bed.options.clone(), again).await.unwrap().close().await;
        assert!(Engine::open(bed.options.clone(), again).await.is_err());
        bed.end().await;
    }
}

/// Opens the same database in four threads at once.
fn open_at_once(options: &EngineOptions) {
    let open = |options: EngineOptions| {
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { Engine::open(options, schema::migrate).await.unwrap().close().await });
        })
    };
    let threads: Vec<_> = (0..4).map(|_| open(options.clone())).collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[tokio::test]
async fn those_that_open_at_once_migrate_once() {
    let folder = TempDir::new().unwrap();
    let options = quick(EngineOptions::sqlite(folder.path().join("test.db")));
    let places = [Some((options, Home::Folder(folder))), empty_postgres().await];
    for (options, home) in places.into_iter().flatten() {
        open_at_once(&options);
        let engine = Engine::open(options.clone(), schema::migrate).await.unwrap();
        assert_eq!(count(&engine).await, 0);
        Bed { engine, options, home }.end().await;
    }
}

#[tokio::test]
async fn what_is_written_is_there_after_closing() {
    on_both(async |engine: Engine| {
        engine.ping().await.unwrap();
        insert(&engine, thing("a")).await.unwrap();
        let commits = engine.stats().commits;
        assert_eq!(commits, 1);
        engine.close().await;
        assert!(matches!(engine.ping().await, Err(EngineError::Closed)));
        assert!(matches!(insert(&engine, thing("b")).await, Err(EngineError::Closed)));
    })
    .await;
}

#[tokio::test]
async fn the_sqlite_file_is_set_up_as_promised() {
    let bed = sqlite().await;
    let pragmas = bed
        .engine
        .write(async |tx| {
            let mut found = Vec::new();
            for (name, kind) in
                [("journal_mode", "__text"), ("synchronous", ""), ("foreign_keys", ""), ("secure_delete", "")]
            {
                let sql = format!("SELECT {name} AS v{kind} FROM pragma_{name}");
                let row = tx.query_one_raw(Statement::from_string(tx.get_database_backend(), sql)).await?;
                let row = row.ok_or(EngineError::Misuse("no pragma"))?;
                found.push(if kind.is_empty() {
                    row.try_get::<i64>("", "v")?.to_string()
                } else {
                    row.try_get::<String>("", "v__text")?
                });
            }
            Ok::<_, EngineError>(found)
        })
        .await
        .unwrap();
    assert_eq!(pragmas, ["wal", "2", "1", "1"]);
    bed.end().await;
}

#[tokio::test]
async fn connections_cut_off_heal() {
    let Some(bed) = postgres().await else { return };
    let (url, database) = bed.server().unwrap();
    for round in 0..3 {
        insert(&bed.engine, thing(&format!("before {round}"))).await.unwrap();
        bed.engine.ping().await.unwrap();
        let cut = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'");
        admin(url, &cut).await;
        for attempt in 0..5 {
            match insert(&bed.engine, thing(&format!("after {round} {attempt}"))).await {
                Ok(_) => break,
                Err(error) => assert!(error.retryable() && attempt < 4, "{error}"),
            }
        }
        for attempt in 0..5 {
            match Entity::find().all(&bed.engine).await {
                Ok(_) => break,
                Err(error) => assert!(EngineError::from(error).retryable() && attempt < 4),
            }
        }
    }
    bed.end().await;
}

#[tokio::test]
async fn locks_and_conflicts_of_the_server_are_retryable() {
    let Some(bed) = postgres().await else { return };
    let engine = &bed.engine;
    let id = insert(engine, thing("a")).await.unwrap();
    let lock = "SELECT 1 AS one FROM thing FOR UPDATE";
    let own = engine.clone();
    let (held, other) = tokio::join!(
        engine.write(async move |tx| {
            tx.execute_unprepared(lock).await?;
            tx.execute_unprepared("SELECT pg_sleep(1)").await?;
            Ok::<_, EngineError>(())
        }),
        async move {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            own.write(async move |tx| Ok::<_, EngineError>(Entity::delete_by_id(id).exec(tx).await?)).await
        }
    );
    held.unwrap();
    let error = other.err().unwrap();
    assert!(matches!(error, EngineError::LockTimeout) && error.retryable(), "{error}");
    bed.end().await;
}
