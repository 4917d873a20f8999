//! Copies of a SQLite file: written beside a running server, checked, and what is taken over of a file that a copy
//! replaces. They hold cells and wrapped roots, never the key-encryption key.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::DateTime;
use kehu_migrations::Migrator;
use rusqlite::{Connection, OpenFlags, Row};
use sea_orm_migration::MigratorTrait;
use uuid::Uuid;

use crate::crypto::kek::KeyProvider;
use crate::crypto::roots::{KeyRing, Purpose, RootState, WrappedRoot};
use crate::erasure::OldRow;
use crate::files::{Files, copy};
use crate::org::INSTALLATION;
use crate::sealed::{TABLES, Table};

pub use crate::files::copy::Copied;

/// How long another process may hold a lock.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a copy was not made, or is not taken.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Something stands where it should go.
    #[error("{} is there already: a backup never replaces a file", .0.display())]
    Exists(PathBuf),
    /// The file system refused.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// SQLite refused.
    #[error("{}: {error}", path.display())]
    Sqlite {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: rusqlite::Error,
    },
    /// It is no whole database of Kehu.
    #[error("{} is damaged, or is no database of Kehu: {found}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What was found.
        found: String,
    },
    /// A log lies beside it: it was copied by other means while a server wrote.
    #[error("{} has a write-ahead log beside it: it is no backup that `kehu backup` wrote", .0.display())]
    HasLog(PathBuf),
    /// Somebody has it open.
    #[error("{} is in use: its write-ahead log could not be brought into it", .0.display())]
    InUse(PathBuf),
    /// A newer program wrote it.
    #[error("{} was written by a newer version of Kehu (it has the change {change})", path.display())]
    Newer {
        /// Which file.
        path: PathBuf,
        /// The change of the schema that this program does not know.
        change: String,
    },
    /// The key does not open it.
    #[error("the key does not open {}: {reason}", path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// A copy that was written, with the files that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The database.
    pub checked: Checked,
    /// The files of its attachments.
    pub files: Copied,
}

/// A copy that was found whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Its size.
    pub bytes: u64,
    /// Organisations whose keys and cells were opened, the installation among them.
    pub organisations: usize,
    /// Cells that do not open, of those that were tried, where others of their organisation do: damaged in the database
    /// that was copied.
    pub unreadable: Vec<String>,
}

/// Writes a copy of the database of one moment, beside a server that may be writing, and checks it. It is there whole
/// and on the disk, with the files that it names in a folder beside it, or not at all; only its owner may read it.
///
/// # Errors
/// Something is there already, the copy is not whole, or the key does not open it.
pub fn write(from: &Path, to: &Path, keys: &dyn KeyProvider) -> Result<Written, BackupError> {
    if fs::symlink_metadata(to).is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let partial = beside(to, ".partial");
    let written = copy(from, &partial).and_then(|()| check(&partial, keys)).and_then(|checked| {
        // Files that are written from here on are named by no row of the copy.
        let files = copy_files(&partial, &Files::of(folder_of(from)), &files_of(to), false)?;
        // Unlike a renaming, this replaces nothing that came meanwhile.
        fs::hard_link(&partial, to).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => BackupError::Exists(to.to_owned()),
            _ => told(to, error),
        })?;
        Ok(Written { checked, files })
    });
    let _ = fs::remove_file(&partial);
    let written = written?;
    sync_folder(to)?;
    Ok(written)
}

fn copy(from: &Path, partial: &Path) -> Result<(), BackupError> {
    let sqlite = |error| BackupError::Sqlite { path: from.to_owned(), error };
    // What an earlier run left that was killed.
    remove(partial)?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(partial);
    let file = file.map_err(|error| told(partial, error))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(from, flags).map_err(sqlite)?;
    db.busy_timeout(PATIENCE).map_err(sqlite)?;
    db.execute_batch("PRAGMA temp_store=MEMORY; PRAGMA secure_delete=ON").map_err(sqlite)?;
    let name = partial.to_str().ok_or_else(|| told(partial, io::Error::other("its name is not UTF-8")))?;
    // One read of one moment; free pages, with whatever is left in them, are not copied.
    db.execute("VACUUM INTO ?1", [name]).map_err(sqlite)?;
    file.sync_all().map_err(|error| told(partial, error))
}

/// Whether a copy is whole, is not newer than this program, and is opened by the key: the roots and one cell of every
/// organisation. Changes nothing.
///
/// # Errors
/// What is wrong with it.
pub fn check(file: &Path, keys: &dyn KeyProvider) -> Result<Checked, BackupError> {
    let found = |found: String| BackupError::Damaged { path: file.to_owned(), found };
    let sqlite = |error: rusqlite::Error| found(error.to_string());
    let bytes = fs::metadata(file).map_err(|error| told(file, error))?.len();
    if fs::metadata(beside(file, "-wal")).is_ok_and(|log| log.len() > 0) {
        return Err(BackupError::HasLog(file.to_owned()));
    }
    let db = open_unchanged(file)?;
    let whole: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(sqlite)?;
    if whole != "ok" {
        return Err(found(whole));
    }
    let known: Vec<String> = Migrator::migrations().iter().map(|change| change.name().to_owned()).collect();
    let changes = all(&db, "SELECT version FROM seaql_migrations", |row| row.get::<_, String>(0)).map_err(sqlite)?;
    if let Some(change) = changes.into_iter().find(|change| !known.contains(change)) {
        return Err(BackupError::Newer { path: file.to_owned(), change });
    }
    let key = |reason: String| BackupError::Key { path: file.to_owned(), reason };
    let organisations =
        all(&db, "SELECT DISTINCT org_id FROM tenant_keys ORDER BY 1", |row| id(row, 0)).map_err(sqlite)?;
    let mut unreadable = Vec::new();
    for org in &organisations {
        let roots = roots(&db, *org).map_err(sqlite)?;
        let ring = KeyRing::unlock(keys, *org, &roots).map_err(|error| key(error.to_string()))?;
        let tried = open_some(&db, &ring, *org).map_err(sqlite)?;
        match tried.unopened.first() {
            Some(first) if !tried.opened => return Err(key(first.clone())),
            _ => unreadable.extend(tried.unopened),
        }
    }
    if !organisations.contains(&INSTALLATION) {
        return Err(found("it has no keys".to_owned()));
    }
    Ok(Checked { bytes, organisations: organisations.len(), unreadable })
}

/// The ledger of erasures of a database that is about to be replaced. Its log is brought into the file, so that it lies
/// there alone. A database that is older than the ledger has an empty one.
///
/// # Errors
/// It cannot be read.
pub fn ledger_of(file: &Path) -> Result<Vec<OldRow>, BackupError> {
    let read = || -> rusqlite::Result<Option<Vec<OldRow>>> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(file, flags)?;
        db.busy_timeout(PATIENCE)?;
        // It does not fail where it could not: its first column says so.
        if db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))? != 0 {
            return Ok(None);
        }
        let tables = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ";
        let count = |name: &str| db.query_row(&format!("{tables}'{name}'"), [], |row| row.get::<_, i64>(0));
        if count("seaql_migrations")? == 0 {
            return Err(rusqlite::Error::InvalidQuery);
        }
        if count("erasures")? == 0 {
            return Ok(Some(Vec::new()));
        }
        let rows = all(&db, "SELECT org_id, mac, kind, at FROM erasures", |row| {
            let at = DateTime::from_timestamp_millis(row.get(3)?).unwrap_or(DateTime::UNIX_EPOCH);
            Ok(OldRow { org: id(row, 0)?, mac: row.get(1)?, kind: row.get(2)?, at })
        });
        rows.map(Some)
    };
    let rows = read().map_err(|error| BackupError::Damaged { path: file.to_owned(), found: error.to_string() })?;
    rows.ok_or_else(|| BackupError::InUse(file.to_owned()))
}

/// Puts the files that a database names, of the backup `from`, into the folder of the data. One that is not in the
/// backup may be there already.
///
/// # Errors
/// The file system refuses.
pub fn place_files(from: &Path, database: &Path, data: &Path) -> Result<Copied, BackupError> {
    copy_files(database, &files_of(from), &Files::of(data), true)
}

/// The folder beside a backup with the files of its attachments.
fn files_of(backup: &Path) -> Files {
    Files::within(beside(backup, ".attachments"))
}

fn copy_files(database: &Path, from: &Files, to: &Files, replace: bool) -> Result<Copied, BackupError> {
    let damaged = |error: rusqlite::Error| BackupError::Damaged { path: database.to_owned(), found: error.to_string() };
    let db = open_unchanged(database)?;
    let there = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'attachments'";
    if db.query_row(there, [], |row| row.get::<_, i64>(0)).map_err(damaged)? == 0 {
        return Ok(Copied::default());
    }
    let sql = "SELECT org_id, id FROM attachments ORDER BY org_id, id";
    let named = all(&db, sql, |row| Ok((id(row, 0)?, id(row, 1)?))).map_err(damaged)?;
    copy::copy(from, to, named.into_iter(), replace).map_err(|(path, error)| told(&path, error))
}

/// Copies a file that was checked, onto the disk, for its owner only. What is there under the name, and beside it, goes.
///
/// # Errors
/// The file system refuses.
pub fn place(from: &Path, to: &Path) -> Result<(), BackupError> {
    remove_database(to)?;
    let mut source = File::open(from).map_err(|error| told(from, error))?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    let mut file = file.map_err(|error| told(to, error))?;
    io::copy(&mut source, &mut file).and_then(|_| file.sync_all()).map_err(|error| told(to, error))
}

/// Deletes a database that nobody has open, with its log; nothing need be there.
///
/// # Errors
/// The file system refuses.
pub fn remove_database(file: &Path) -> Result<(), BackupError> {
    for name in [file.to_owned(), beside(file, "-wal"), beside(file, "-shm")] {
        remove(&name)?;
    }
    Ok(())
}

/// Brings the folder of a file onto the disk: its name is there after the power fails.
///
/// # Errors
/// The file system refuses.
pub fn sync_folder(file: &Path) -> Result<(), BackupError> {
    let folder = folder_of(file);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| told(folder, error))
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The name with something behind it.
#[must_use]
pub fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn remove(file: &Path) -> Result<(), BackupError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(told(file, error)),
        _ => Ok(()),
    }
}

fn told(path: &Path, error: io::Error) -> BackupError {
    BackupError::Io { path: path.to_owned(), error }
}

/// Opens a file that nobody writes to, and makes no log beside it.
fn open_unchanged(file: &Path) -> Result<Connection, BackupError> {
    let path = file.canonicalize().map_err(|error| told(file, error))?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(byte);
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match plain(byte) {
            true => uri.push(char::from(*byte)),
            false => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(uri, flags).map_err(|error| BackupError::Sqlite { path: file.to_owned(), error })
}

fn all<T>(db: &Connection, sql: &str, read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>) -> rusqlite::Result<Vec<T>> {
    db.prepare(sql)?.query_map([], read)?.collect()
}

fn id(row: &Row<'_>, at: usize) -> rusqlite::Result<Uuid> {
    let bytes: Vec<u8> = row.get(at)?;
    Uuid::from_slice(&bytes).map_err(|_| rusqlite::Error::InvalidQuery)
}

fn roots(db: &Connection, org: Uuid) -> rusqlite::Result<Vec<WrappedRoot>> {
    let sql = "SELECT key_id, purpose, state, kek_id, wrapped FROM tenant_keys WHERE org_id = ?1";
    let read = |row: &Row<'_>| {
        let (purpose, state): (String, String) = (row.get(1)?, row.get(2)?);
        let known = Purpose::from_stored(&purpose).zip(RootState::from_stored(&state));
        let (purpose, state) = known.ok_or(rusqlite::Error::InvalidQuery)?;
        Ok(WrappedRoot { key_id: row.get(0)?, purpose, state, kek_id: row.get(3)?, wrapped: row.get(4)? })
    };
    db.prepare(sql)?.query_map([org.as_bytes().as_slice()], read)?.collect()
}

/// Cells that were tried.
#[derive(Default)]
struct Tried {
    opened: bool,
    unopened: Vec<String>,
}

/// How many cells of a column are tried before the next column is.
const TRIED: usize = 3;

/// Opens cells of an organisation until one opens: a damaged one does not make the key the wrong one.
fn open_some(db: &Connection, ring: &KeyRing, org: Uuid) -> rusqlite::Result<Tried> {
    let mut tried = Tried::default();
    // The journal is the last: everybody has entries there.
    for Table { name, key, row, has_org, cells, .. } in TABLES.iter().rev() {
        if !has_org && org != INSTALLATION {
            continue;
        }
        for cell in *cells {
            let whose = if *has_org { "org_id = ?1 AND" } else { "?1 IS NOT NULL AND" };
            let sql = format!(
                "SELECT {row}, {column} FROM {name} WHERE {whose} {column} IS NOT NULL ORDER BY {} LIMIT {TRIED}",
                key.iter().map(|(column, _)| *column).collect::<Vec<_>>().join(", "),
                column = cell.column()
            );
            let read = |row: &Row<'_>| Ok((id(row, 0)?, row.get::<_, Vec<u8>>(1)?));
            let found: Vec<(Uuid, Vec<u8>)> =
                db.prepare(&sql)?.query_map([org.as_bytes().as_slice()], read)?.collect::<Result<_, _>>()?;
            for (row, bytes) in found {
                match ring.open(*cell, row, &bytes) {
                    Ok(_) => return Ok(Tried { opened: true, ..tried }),
                    Err(error) => tried.unopened.push(format!("{} of {row}: {error}", cell.as_str())),
                }
            }
        }
    }
    Ok(tried)
}
