//! The same program without a journal to write to: a view in the place of the table takes rows and keeps none. What the
//! program does before (the values as JSON, sealing, the code of the entry) it does all the same.

use std::path::Path;

use anyhow::{Context as _, Result};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

const SQLITE: [&str; 2] = [
    "ALTER TABLE journal RENAME TO journal_kept; CREATE VIEW journal AS SELECT * FROM journal_kept; \
     CREATE TRIGGER journal_dropped INSTEAD OF INSERT ON journal BEGIN SELECT 1; END",
    "DROP VIEW journal; ALTER TABLE journal_kept RENAME TO journal",
];

const POSTGRES: [&str; 2] = [
    "BEGIN; ALTER TABLE journal RENAME TO journal_kept; CREATE VIEW journal AS SELECT * FROM journal_kept; \
     CREATE FUNCTION journal_drop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; \
     CREATE TRIGGER journal_dropped INSTEAD OF INSERT ON journal FOR EACH ROW EXECUTE FUNCTION journal_drop(); COMMIT",
    "BEGIN; DROP VIEW journal; DROP FUNCTION journal_drop; ALTER TABLE journal_kept RENAME TO journal; COMMIT",
];

/// Takes the journal away from a database that no server runs on, or gives it back.
///
/// # Errors
/// The database refuses.
pub(super) fn set(file: &Path, url: Option<&str>, without: bool) -> Result<()> {
    let place = usize::from(!without);
    match url {
        Some(url) => run(url, POSTGRES.get(place).copied().unwrap_or_default()),
        None => {
            let database = rusqlite::Connection::open(file)?;
            // As the names in the triggers and views of a rename are not to be followed.
            database.execute_batch("PRAGMA legacy_alter_table = ON")?;
            database.execute_batch(SQLITE.get(place).copied().unwrap_or_default()).context("the journal's table")
        }
    }
}

fn run(url: &str, sql: &str) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connection = PgConnection::connect(url).await?;
        connection.execute(AssertSqlSafe(sql.to_owned())).await.context("the journal's table")?;
        Ok(connection.close().await?)
    })
}

/// Bytes of the journal with its indexes.
///
/// # Errors
/// The database refuses.
pub(super) fn size(file: &Path, url: Option<&str>) -> Result<i64> {
    let Some(url) = url else {
        let database = rusqlite::Connection::open(file)?;
        let sql =
            "SELECT sum(pgsize) FROM dbstat WHERE name IN (SELECT name FROM sqlite_schema WHERE tbl_name = 'journal')";
        return Ok(database.query_row(sql, [], |row| row.get(0))?);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connection = PgConnection::connect(url).await?;
        let sql = "SELECT sum(pg_total_relation_size(inhrelid))::bigint FROM pg_inherits WHERE inhparent = 'journal'::regclass";
        Ok(sqlx::query_scalar(sql).fetch_one(&mut connection).await?)
    })
}
