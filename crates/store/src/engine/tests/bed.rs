//! An engine with a database of its own, and its end.

use std::{future::Future, io::Write, sync::Once, time::Duration};

use sea_orm::{ConnectionTrait, EntityTrait, PaginatorTrait};
use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};
use tempfile::TempDir;
use uuid::Uuid;

use super::schema;
use crate::engine::{Engine, EngineError, EngineKind, EngineOptions, Place};

pub(super) struct Bed {
    pub(super) engine: Engine,
    pub(super) options: EngineOptions,
    pub(super) home: Home,
}

pub(super) enum Home {
    /// Removed when dropped.
    Folder(#[expect(dead_code, reason = "kept for its end")] TempDir),
    Server {
        url: String,
        database: String,
    },
}

/// Short limits, so that tests of limits are short.
pub(super) fn quick(mut options: EngineOptions) -> EngineOptions {
    options.read_limit = Duration::from_millis(400);
    options.lock_timeout = Duration::from_millis(500);
    options
}

pub(super) async fn sqlite() -> Bed {
    let folder = TempDir::new().unwrap();
    let options = quick(EngineOptions::sqlite(folder.path().join("test.db")));
    let engine = Engine::open(options.clone(), schema::migrate).await.unwrap();
    Bed { engine, options, home: Home::Folder(folder) }
}

/// None, loudly, if there is no server to test with.
pub(super) async fn postgres() -> Option<Bed> {
    let (options, home) = empty_postgres().await?;
    let engine = Engine::open(options.clone(), schema::migrate).await.unwrap();
    Some(Bed { engine, options, home })
}

/// A database without a schema.
pub(super) async fn empty_postgres() -> Option<(EngineOptions, Home)> {
    empty_database("KEHU_TEST_PG_URL").await
}

/// A database without a schema, on the server whose address stands in this variable.
pub(super) async fn empty_database(variable: &str) -> Option<(EngineOptions, Home)> {
    let Ok(url) = std::env::var(variable) else {
        static ONCE: Once = Once::new();
        // Not by a macro: the test harness would keep that to itself.
        ONCE.call_once(|| {
            let _ = writeln!(std::io::stderr(), "\n*** SKIPPED ON POSTGRESQL: no KEHU_TEST_* is set ***\n");
        });
        return None;
    };
    let database = format!("kehu_test_{}", Uuid::now_v7().simple());
    admin(&url, &format!("CREATE DATABASE {database}")).await;
    let mut options = quick(EngineOptions::postgres(&url).unwrap());
    if let Place::Postgres(pg) = &mut options.place {
        **pg = pg.clone().database(&database);
    }
    Some((options, Home::Server { url, database }))
}

pub(super) async fn admin(url: &str, sql: &str) {
    // PgBouncer refuses that parameter.
    let options: PgConnectOptions = url.parse().unwrap();
    let mut conn = PgConnection::connect_with(&options.extra_float_digits(None)).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

/// Runs a test on SQLite and, if there is one, on PostgreSQL.
pub(super) async fn on_both<F: Future<Output = ()>>(test: impl Fn(Engine) -> F) {
    let bed = sqlite().await;
    test(bed.engine.clone()).await;
    bed.end().await;
    if let Some(bed) = postgres().await {
        test(bed.engine.clone()).await;
        bed.end().await;
    }
}

impl Bed {
    /// The maintenance URL and the name of the database on it.
    pub(super) fn server(&self) -> Option<(&str, &str)> {
        match &self.home {
            Home::Folder(_) => None,
            Home::Server { url, database } => Some((url, database)),
        }
    }

    pub(super) async fn end(self) {
        self.engine.close().await;
        if let Home::Server { url, database } = self.home {
            admin(&url, &format!("DROP DATABASE {database} WITH (FORCE)")).await;
        }
    }
}

/// Writes one row.
pub(super) async fn insert(engine: &Engine, row: schema::ActiveModel) -> Result<Uuid, EngineError> {
    engine.write(async move |tx| Ok(schema::Entity::insert(row).exec(tx).await?.last_insert_id)).await
}

pub(super) async fn count(engine: &impl ConnectionTrait) -> u64 {
    schema::Entity::find().count(engine).await.unwrap()
}

/// Whether this engine is the embedded one, for what differs on purpose.
pub(super) fn is_sqlite(engine: &Engine) -> bool {
    engine.kind() == EngineKind::Sqlite
}
