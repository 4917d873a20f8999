//! One SQLite connection: how it is opened, and how statements of sea-orm run on it.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rusqlite::{CachedStatement, Connection, OpenFlags, config::DbConfig, ffi, types::ValueRef};
use sea_orm::{ProxyExecResult, ProxyRow, Statement};

use super::values::{Bound, Kind, read};
use crate::engine::{
    EngineError,
    error::Fault,
    rows::{Cells, Row},
};

/// Prepared statements kept per connection, and descriptions of their columns.
const STATEMENTS: usize = 256;

/// Virtual machine steps between two looks at the clock: some 10 µs.
const STEPS: i32 = 1000;

/// Looks at the clock before a statement may be interrupted. One that did less is short, and was itself held up: on a
/// busy machine its thread may not run for longer than the budget.
const LOOKS: u32 = 32;

/// Unless it is held up for so much longer, by a slow disk.
const HELD_UP: Duration = Duration::from_millis(50);

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Migrations and the writer; makes the file if it is not there. Never interrupted.
    Writer,
    /// Reads only: SQLite itself refuses every change, `INSERT … RETURNING` on the query path included.
    Reader,
}

/// How far a checkpoint goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checkpoint {
    /// Only counts.
    Noop,
    /// As far as no reader is in the way; waits for nobody.
    Passive,
    /// Waits for readers, then makes the WAL empty.
    Truncate,
}

/// What the WAL holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wal {
    /// Pages written since it was begun anew.
    pub(crate) frames: u64,
    /// Those of them that are in the file as well.
    pub(crate) copied: u64,
}

/// A connection with its statement cache.
pub(crate) struct Conn {
    db: Connection,
    busy: Duration,
    /// Bytes of one result, at most.
    result: usize,
    plans: HashMap<String, Arc<Plan>>,
    clock: Arc<Clock>,
    last_fault: Option<EngineError>,
}

/// Names and kinds of the columns of one statement.
type Plan = Vec<(String, Option<Kind>)>;

/// When the running statement is to be interrupted, in nanoseconds since `start`.
struct Clock {
    start: Instant,
    deadline: AtomicU64,
    /// Looks at it since the deadline was set.
    looks: AtomicU32,
}

impl Clock {
    const NEVER: u64 = u64::MAX;

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(Self::NEVER)
    }

    /// Whether to interrupt.
    fn is_over(&self) -> bool {
        let looks = self.looks.fetch_add(1, Ordering::Relaxed);
        let late = Duration::from_nanos(self.now().saturating_sub(self.deadline.load(Ordering::Relaxed)));
        late > HELD_UP || (!late.is_zero() && looks >= LOOKS)
    }
}

impl Conn {
    /// Opens the file and sets it up. `busy` is how long a lock of another process is waited for.
    pub(crate) fn open(path: &Path, role: Role, busy: Duration) -> Result<Self, Fault> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if role == Role::Writer {
            flags |= OpenFlags::SQLITE_OPEN_CREATE;
        }
        let start = Instant::now();
        let clock = Arc::new(Clock { start, deadline: AtomicU64::new(Clock::NEVER), looks: AtomicU32::new(0) });
        let db = Connection::open_with_flags(path, flags).and_then(|db| {
            set_up(&db, role, busy, &clock)?;
            Ok(db)
        });
        let db = db.map_err(|e| Fault::sqlite(&e))?;
        Ok(Self { db, busy, result: usize::MAX, plans: HashMap::new(), clock, last_fault: None })
    }

    /// Reads; SQLite gives up after `limit` with [`EngineError::TooExpensive`].
    pub(crate) fn within<T>(&mut self, limit: Duration, read: impl FnOnce(&mut Self) -> T) -> T {
        self.give_up_after(Some(limit));
        let done = read(self);
        self.give_up_after(None);
        done
    }

    /// A result of more bytes is [`EngineError::TooExpensive`].
    pub(crate) fn limit_result(&mut self, bytes: usize) {
        self.result = bytes;
    }

    /// What a reader runs from now on is interrupted after this time.
    pub(crate) fn give_up_after(&self, limit: Option<Duration>) {
        let limit = limit.and_then(|limit| u64::try_from(limit.as_nanos()).ok());
        let deadline = limit.map_or(Clock::NEVER, |limit| self.clock.now().saturating_add(limit));
        self.clock.deadline.store(deadline, Ordering::Relaxed);
        self.clock.looks.store(0, Ordering::Relaxed);
    }

    /// Runs a statement that gives rows.
    pub(crate) fn query(&mut self, statement: &Statement) -> Result<Vec<ProxyRow>, Fault> {
        let rows = query(&self.db, &mut self.plans, statement, self.result);
        rows.map_err(|e| self.fault(e))
    }

    /// Runs a statement that gives rows of exactly the columns of `R`.
    pub(crate) fn rows<R: Row>(&mut self, statement: &Statement) -> Result<Vec<R>, Fault> {
        let rows = rows(&self.db, statement, self.result);
        rows.map_err(|e| self.fault(e))
    }

    /// Runs a statement that gives none; rows it gives all the same are dropped.
    pub(crate) fn execute(&mut self, statement: &Statement) -> Result<ProxyExecResult, Fault> {
        execute(&self.db, statement).map_err(|e| self.fault(e))
    }

    /// Runs SQL text of any number of statements without values.
    pub(crate) fn batch(&mut self, sql: &str) -> Result<(), Fault> {
        self.db.execute_batch(sql).map_err(|e| self.fault(Failure::Sqlite(e)))
    }

    /// Runs one statement of those that begin and end transactions, prepared once.
    pub(crate) fn control(&mut self, sql: &str) -> Result<(), Fault> {
        let done = self.db.prepare_cached(sql).and_then(|mut prepared| prepared.execute([]));
        done.map(drop).map_err(|e| self.fault(Failure::Sqlite(e)))
    }

    /// Whether no transaction is open.
    pub(crate) fn is_autocommit(&self) -> bool {
        self.db.is_autocommit()
    }

    /// Brings the WAL into the file as far as `mode` goes, waiting for readers so long at most.
    pub(crate) fn checkpoint(&mut self, mode: Checkpoint, wait: Duration) -> Result<Wal, Fault> {
        let sql = match mode {
            Checkpoint::Noop => "PRAGMA wal_checkpoint(NOOP)",
            Checkpoint::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
            Checkpoint::Truncate => "PRAGMA wal_checkpoint(TRUNCATE)",
        };
        let run = || {
            let mut prepared = self.db.prepare_cached(sql)?;
            // -1 where there is no WAL yet.
            let count = |n: i64| u64::try_from(n).unwrap_or_default();
            prepared.query_row([], |row| Ok(Wal { frames: count(row.get(1)?), copied: count(row.get(2)?) }))
        };
        // Only a truncating one waits.
        let waited = self.db.busy_timeout(wait);
        let done = waited.and_then(|()| run());
        let done = self.db.busy_timeout(self.busy).and(done);
        done.map_err(|e| self.fault(Failure::Sqlite(e)))
    }

    /// So much of the WAL's file is kept when it is begun anew.
    pub(crate) fn limit_wal(&mut self, pages: u64) -> Result<(), Fault> {
        let limit = |db: &Connection| {
            let page: i64 = db.query_row("PRAGMA page_size", [], |row| row.get(0))?;
            let bytes = i64::try_from(pages).unwrap_or(i64::MAX).saturating_mul(page);
            db.query_row(&format!("PRAGMA journal_size_limit = {bytes}"), [], |_| Ok(()))
        };
        limit(&self.db).map_err(|e| self.fault(Failure::Sqlite(e)))
    }

    /// Commits a change that changes nothing.
    pub(crate) fn touch(&mut self) -> Result<(), Fault> {
        let version: rusqlite::Result<i64> = self.db.query_row("PRAGMA user_version", [], |row| row.get(0));
        let version = version.map_err(|e| self.fault(Failure::Sqlite(e)))?;
        self.batch(&format!("BEGIN IMMEDIATE; PRAGMA user_version = {version}; COMMIT"))
    }

    /// The last error of this connection since this was asked.
    pub(crate) fn take_last_fault(&mut self) -> Option<EngineError> {
        self.last_fault.take()
    }

    fn fault(&mut self, failure: Failure) -> Fault {
        let fault = match failure {
            Failure::Sqlite(error) => Fault::sqlite(&error),
            Failure::Mapping(fault) => fault,
        };
        let fault = match fault.known() {
            Some(EngineError::Unique { .. }) => {
                let name = index_name(&self.db, fault.text());
                fault.with_constraint(name)
            }
            _ => fault,
        };
        self.last_fault = fault.known().cloned();
        fault
    }
}

fn set_up(db: &Connection, role: Role, busy: Duration, clock: &Arc<Clock>) -> rusqlite::Result<()> {
    db.busy_timeout(busy)?;
    // Without it SQLite prepares a statement again at every new value of `LIMIT ?`.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // A column that does not exist is an error, not a text in double quotes.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    // Temporary tables and sorts stay in memory: no file but the database and its WAL ever holds data. No
    // memory mapping: an I/O error would be a SIGBUS, and an index page that is not in the small cache comes from
    // the system's within a microsecond.
    let journal: String = db.query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0))?;
    if !journal.eq_ignore_ascii_case("wal") {
        // Some network file systems: readers and the writer would block each other there, and worse.
        return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CANTOPEN), None));
    }
    db.execute_batch(
        "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON;
         PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0;",
    )?;
    match role {
        // No checkpoint inside a commit: the writer makes them between its groups.
        Role::Writer => db.execute_batch("PRAGMA cache_size=-16384; PRAGMA wal_autocheckpoint=0"),
        Role::Reader => {
            db.execute_batch("PRAGMA cache_size=-2048; PRAGMA query_only=ON")?;
            let clock = Arc::clone(clock);
            db.progress_handler(STEPS, Some(move || clock.is_over()))
        }
    }
}

/// What a statement fails with.
enum Failure {
    Sqlite(rusqlite::Error),
    Mapping(Fault),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn query(
    db: &Connection,
    plans: &mut HashMap<String, Arc<Plan>>,
    statement: &Statement,
    limit: usize,
) -> Result<Vec<ProxyRow>, Failure> {
    let mut prepared = prepare(db, statement)?;
    let plan = plan(plans, &statement.sql, &prepared)?;
    let mut out = Vec::new();
    let mut left = limit;
    let mut rows = prepared.raw_query();
    while let Some(row) = rows.next()? {
        left = take_from(left, row, plan.len())?;
        let mut values = BTreeMap::new();
        for (index, (name, kind)) in plan.iter().enumerate() {
            let value = read(*kind, row.get_ref(index)?, name).map_err(Failure::Mapping)?;
            values.insert(name.clone(), value);
        }
        out.push(ProxyRow::new(values));
    }
    Ok(out)
}

fn rows<R: Row>(db: &Connection, statement: &Statement, mut left: usize) -> Result<Vec<R>, Failure> {
    let mut prepared = prepare(db, statement)?;
    let columns = R::COLUMNS;
    let given = prepared.column_count();
    let fits = given == columns.len()
        && columns.iter().enumerate().all(|(at, column)| prepared.column_name(at).is_ok_and(|name| name == *column));
    if !fits {
        let misuse = EngineError::Misuse("a query gives other columns than its rows have");
        return Err(Failure::Mapping(Fault::engine(misuse)));
    }
    let mut out = Vec::new();
    let mut rows = prepared.raw_query();
    while let Some(row) = rows.next()? {
        left = take_from(left, row, given)?;
        out.push(R::read(&mut Cells::of(row, columns)).map_err(Failure::Mapping)?);
    }
    Ok(out)
}

/// What is left of a result's bytes after this row.
fn take_from(mut left: usize, row: &rusqlite::Row<'_>, columns: usize) -> Result<usize, Failure> {
    for index in 0..columns {
        let bytes = match row.get_ref(index)? {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
            _ => size_of::<i64>(),
        };
        let too_much = || Failure::Mapping(Fault::engine(EngineError::TooExpensive));
        left = left.checked_sub(bytes).ok_or_else(too_much)?;
    }
    Ok(left)
}

fn execute(db: &Connection, statement: &Statement) -> Result<ProxyExecResult, Failure> {
    let mut prepared = prepare(db, statement)?;
    let mut rows = prepared.raw_query();
    while rows.next()?.is_some() {}
    Ok(ProxyExecResult {
        last_insert_id: u64::try_from(db.last_insert_rowid()).unwrap_or_default(),
        rows_affected: db.changes(),
    })
}

fn prepare<'db>(db: &'db Connection, statement: &Statement) -> Result<CachedStatement<'db>, Failure> {
    let mut prepared = db.prepare_cached(&statement.sql)?;
    let values = statement.values.as_ref().map_or(&[][..], |values| &values.0);
    if prepared.parameter_count() != values.len() {
        return Err(rusqlite::Error::InvalidParameterCount(values.len(), prepared.parameter_count()).into());
    }
    for (index, value) in values.iter().enumerate() {
        prepared.raw_bind_parameter(index + 1, Bound(value))?;
    }
    Ok(prepared)
}

/// Looks the columns of a statement up once. A schema never changes while the engine is open.
fn plan(
    plans: &mut HashMap<String, Arc<Plan>>,
    sql: &str,
    prepared: &CachedStatement<'_>,
) -> Result<Arc<Plan>, Failure> {
    if let Some(plan) = plans.get(sql) {
        return Ok(Arc::clone(plan));
    }
    let plan: Plan = (prepared.columns().iter())
        .map(|column| (column.name().to_owned(), Kind::of(column.decl_type(), column.name())))
        .collect();
    let names: std::collections::HashSet<&str> = plan.iter().map(|(name, _)| name.as_str()).collect();
    if names.len() != plan.len() {
        // A row of sea-orm's proxy is a map: the second one would take the place of the first.
        return Err(Failure::Mapping(Fault::engine(EngineError::Misuse("two columns of a query have one name"))));
    }
    if plans.len() >= 2 * STATEMENTS {
        plans.clear();
    }
    let plan = Arc::new(plan);
    plans.insert(sql.to_owned(), Arc::clone(&plan));
    Ok(plan)
}

/// SQLite names the columns of a violated unique rule (`customer.org_id, customer.number`), PostgreSQL its index.
/// The index is looked up, so that both name the same thing.
fn index_name(db: &Connection, text: &str) -> Option<String> {
    let (_, what) = text.split_once("UNIQUE constraint failed: ")?;
    if let Some(index) = what.strip_prefix("index '") {
        return Some(index.trim_end_matches('\'').to_owned());
    }
    let (table, _) = what.split_once('.')?;
    let columns: Vec<&str> = what.split(", ").filter_map(|c| c.split_once('.').map(|(_, name)| name)).collect();
    let found: Option<(String, String)> = db
        .query_row(
            "SELECT i.name, i.origin FROM pragma_index_list(?1) i WHERE i.\"unique\" AND ?2 = (SELECT \
             group_concat(c.name, ',') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno) c)",
            [table, &columns.join(",")],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .ok();
    match found {
        Some((name, origin)) if origin == "c" => Some(name),
        Some((_, origin)) if origin == "u" => Some(format!("{table}_{}_key", columns.join("_"))),
        // No index at all: the INTEGER PRIMARY KEY.
        _ => Some(format!("{table}_pkey")),
    }
}
