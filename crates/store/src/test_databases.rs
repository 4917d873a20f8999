//! Databases of a unit test's own, one on each engine.

use std::io::Write as _;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

use crate::clock::{Clock, new_id};
use crate::engine::{EngineOptions, Place};

/// An empty database; its end is dropping the folder and, on PostgreSQL, [`Database::end`].
pub(crate) struct Database {
    pub(crate) options: EngineOptions,
    pub(crate) folder: TempDir,
    server: Option<(String, String)>,
}

/// One on SQLite and, where there is a server, one on PostgreSQL.
pub(crate) async fn each() -> Vec<Database> {
    let mut all = vec![sqlite()];
    #[expect(clippy::disallowed_methods, reason = "tests are told by the environment where the server is")]
    let Ok(url) = std::env::var("KEHU_TEST_PG_URL") else {
        let _ = writeln!(std::io::stderr(), "\n*** SKIPPED ON POSTGRESQL: KEHU_TEST_PG_URL is not set ***\n");
        return all;
    };
    let name = format!("kehu_unit_{}", new_id(Clock::system().now()).simple());
    admin(&url, &format!("CREATE DATABASE {name}")).await;
    let mut options = EngineOptions::postgres(&url).unwrap();
    if let Place::Postgres(pg) = &mut options.place {
        **pg = pg.clone().database(&name);
    }
    all.push(Database { options, folder: TempDir::new().unwrap(), server: Some((url, name)) });
    all
}

/// One on SQLite.
pub(crate) fn sqlite() -> Database {
    let folder = TempDir::new().unwrap();
    Database { options: EngineOptions::sqlite(folder.path().join("test.db")), folder, server: None }
}

impl Database {
    pub(crate) async fn end(self) {
        if let Some((url, name)) = self.server {
            admin(&url, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

async fn admin(url: &str, sql: &str) {
    let mut conn = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}
