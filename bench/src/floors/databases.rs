//! Both databases by themselves: one connection, prepared statements.

use std::fs::File;
use std::io::Write as _;

use anyhow::{Context as _, Result, ensure};
use rusqlite::{params, params_from_iter};

use super::table::{COLUMNS, TABLE, Table, insert, schema, values};
use super::{Floor, repeat};
use crate::core::Row;
use crate::server::folder;
use crate::usage::postmaster;

/// What they are called.
pub(super) const SQLITE_SELECT: &str = "SQLite: select by key";
pub(super) const SQLITE_GROUP: &str = "SQLite: insert, 64 in a commit";
pub(super) const POSTGRES_SELECT: &str = "PostgreSQL: select by key";
pub(super) const POSTGRES_INSERT: &str = "PostgreSQL: insert with commit";
const SQLITE_INSERT: &str = "SQLite: insert with commit";

/// Inserts in one commit of a group.
const GROUP: u32 = 64;

/// Appending 4 KiB to a file and waiting until they are on the disk: no commit takes less time.
pub(super) fn append() -> Result<Floor> {
    let folder = folder()?;
    let mut file = File::create(folder.path().join("floor"))?;
    repeat("file: append 4 KiB and synchronise", None, 1, |_| {
        file.write_all(&[7; 4096])?;
        Ok(file.sync_data()?)
    })
}

/// SQLite as Kehu opens it: write-ahead log, full synchronisation.
pub(super) fn sqlite(rows: &[Row]) -> Result<Vec<Floor>> {
    let folder = folder()?;
    let database = rusqlite::Connection::open(folder.path().join("floor.db"))?;
    database.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")?;
    database.execute_batch(&schema("INTEGER PRIMARY KEY"))?;
    let mut number = 0;
    let sql = insert(|_| "?".to_owned());
    let row = |number: usize| rows.get(number % rows.len().max(1)).context("no rows");
    let mut add = |count: u32| -> Result<()> {
        let mut statement = database.prepare_cached(&sql)?;
        for _ in 0..count {
            statement.execute(params_from_iter(values(row(number)?, number)))?;
            number += 1;
        }
        Ok(())
    };
    let mut group = |count: u32| -> Result<()> {
        database.execute_batch("BEGIN IMMEDIATE")?;
        add(count)?;
        Ok(database.execute_batch("COMMIT")?)
    };
    group(u32::try_from(rows.len())?)?;
    let mut read = database.prepare(&format!("SELECT * FROM {TABLE} WHERE id = ?"))?;
    let select = repeat(SQLITE_SELECT, None, 1, |run| {
        let key = i64::try_from(run * 7919 % rows.len().max(1))? + 1;
        let read = read.query_row(params![key], |row| (1..=COLUMNS.len()).map(|at| row.get(at)).collect());
        let read: Vec<String> = read?;
        ensure!(read.len() == COLUMNS.len(), "a column is missing");
        Ok(())
    })?;
    let one = repeat(SQLITE_INSERT, None, 1, |_| group(1))?;
    let many = repeat(SQLITE_GROUP, None, GROUP, |_| group(GROUP))?;
    Ok(vec![select, one, many])
}

/// PostgreSQL with the settings of the cluster; client and server together.
pub(super) fn postgres(url: &str, rows: &[Row]) -> Result<Vec<Floor>> {
    let mut table = Table::make(url, rows)?;
    let database = postmaster(url);
    let select = repeat(POSTGRES_SELECT, database, 1, |run| {
        let key = i64::try_from(run * 7919 % rows.len().max(1))? + 1;
        ensure!(table.read(key)?.len() == COLUMNS.len(), "a column is missing");
        Ok(())
    })?;
    let write = repeat(POSTGRES_INSERT, database, 1, |run| {
        table.add(rows.get(run % rows.len().max(1)).context("no rows")?, rows.len() + run)
    })?;
    table.drop()?;
    Ok(vec![select, write])
}
