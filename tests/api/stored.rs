//! Single values as they lie in the database of a running server, read and changed behind its back.

use std::path::Path;
use std::time::Duration;

use kehu_tests::cluster::Session as Database;
use kehu_tests::{Engine, env};
use rusqlite::Connection;

/// A column of one row.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) engine: Engine,
    pub(crate) table: &'a str,
    pub(crate) column: &'a str,
    pub(crate) id: &'a str,
}

fn sqlite() -> Connection {
    let database = Connection::open(Path::new(&env("KEHU_TEST_SQLITE_DATA")).join("kehu.db")).unwrap();
    database.busy_timeout(Duration::from_secs(10)).unwrap();
    database
}

/// Runs a statement that both engines understand.
pub(crate) fn run(engine: Engine, sql: &str) {
    match engine {
        Engine::Sqlite => sqlite().execute_batch(sql).unwrap(),
        Engine::Postgres => Database::open(&env("KEHU_TEST_POSTGRES_DB")).run(sql),
    }
}

impl Place<'_> {
    /// What stands there.
    pub(crate) fn bytes(self) -> Vec<u8> {
        let Self { engine, table, column, id } = self;
        let hex: String = match engine {
            Engine::Sqlite => {
                let sql = format!("SELECT hex({column}) FROM {table} WHERE id = x'{}'", id.replace('-', ""));
                sqlite().query_row(&sql, [], |row| row.get(0)).unwrap()
            }
            Engine::Postgres => Database::open(&env("KEHU_TEST_POSTGRES_DB"))
                .text(&format!("SELECT encode({column}, 'hex') FROM {table} WHERE id = '{id}'")),
        };
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    /// Puts something else there.
    pub(crate) fn put(self, bytes: Option<&[u8]>) {
        let Self { engine, table, column, id } = self;
        let hex = bytes.map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        match engine {
            Engine::Sqlite => {
                let value = hex.map_or("NULL".to_owned(), |hex| format!("x'{hex}'"));
                let id = id.replace('-', "");
                let sql = format!("UPDATE {table} SET {column} = {value} WHERE id = x'{id}'");
                assert_eq!(sqlite().execute(&sql, []).unwrap(), 1);
            }
            Engine::Postgres => {
                let value = hex.map_or("NULL".to_owned(), |hex| format!("'\\x{hex}'"));
                let sql = format!("UPDATE {table} SET {column} = {value} WHERE id = '{id}'");
                Database::open(&env("KEHU_TEST_POSTGRES_DB")).run(&sql);
            }
        }
    }
}
