//! Databases of a test's own on the PostgreSQL server of the run.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};

use crate::{env, unique};

/// A database; dropped with its server's data folder at the end of the run.
pub struct Database {
    /// Its address.
    pub url: String,
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

/// Makes a database.
///
/// # Panics
/// When the server refuses.
#[must_use]
pub fn own_postgres() -> Database {
    let url = env("KEHU_TEST_PG_URL");
    let name = format!("own_{}_{}", std::process::id(), unique());
    block_on(async {
        let mut connection = PgConnection::connect(&url).await.expect("the PostgreSQL server");
        let sql = AssertSqlSafe(format!("CREATE DATABASE {name}"));
        connection.execute(sql).await.expect("a database");
    });
    let (head, query) = url.split_once('?').unwrap_or((&url, ""));
    let head = head.rsplit_once('/').map_or(head, |(head, _)| head);
    Database { url: format!("{head}/{name}?{query}") }
}

impl Database {
    /// Every value of every table, as text, one after the other; binary columns as they are.
    ///
    /// # Panics
    /// When the server refuses.
    #[must_use]
    pub fn every_value(&self) -> Vec<u8> {
        block_on(async {
            let mut connection = PgConnection::connect(&self.url).await.expect("the database");
            let columns = "SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns \
                           WHERE table_schema = 'public' ORDER BY 1, 2";
            let columns = sqlx::query(columns).fetch_all(&mut connection).await.expect("the columns");
            let mut all = Vec::new();
            for column in columns {
                let (table, name): (String, String) = (column.get(0), column.get(1));
                let kind: String = column.get(2);
                let value = if kind == "bytea" {
                    format!("\"{name}\"")
                } else {
                    format!("convert_to(\"{name}\"::text, 'UTF8')")
                };
                let sql = AssertSqlSafe(format!("SELECT {value} FROM \"{table}\" WHERE \"{name}\" IS NOT NULL"));
                for row in sqlx::query(sql).fetch_all(&mut connection).await.expect("the values") {
                    all.extend_from_slice(&row.get::<Vec<u8>, _>(0));
                    all.push(b'\n');
                }
            }
            all
        })
    }
}
