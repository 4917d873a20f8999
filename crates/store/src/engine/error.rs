//! What can go wrong beneath the store, said once for both engines.

use std::{borrow::Cow, error::Error as StdError, fmt, sync::Arc};

use rusqlite::ErrorCode;
use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr};
use sqlx::error::{DatabaseError, ErrorKind};

/// An error of either engine, by situation.
///
/// Neither `Display` nor `Debug` ever shows SQL text, a bound value or the server's own message (PostgreSQL puts
/// values into some of them); there is no `source()` for the same reason. [`EngineError::Other`] shows the error
/// code only.
#[derive(Clone, thiserror::Error)]
pub enum EngineError {
    /// A unique rule. `constraint` is the name of the index, the same on both engines: SQLite's unnamed ones are
    /// named as PostgreSQL would name them (`customer_pkey`, `customer_org_id_number_key`).
    #[error("a unique rule was violated")]
    Unique {
        /// Name of the index or constraint, where the engine tells.
        constraint: Option<String>,
    },
    /// A foreign key points nowhere, or something still points here.
    #[error("a foreign key was violated")]
    ForeignKey,
    /// A CHECK constraint.
    #[error("a check constraint was violated")]
    Check,
    /// The transaction lost against another one, and may be tried again at once; nothing was written.
    #[error("the database is busy")]
    Busy,
    /// Somebody held a lock for as long as was waited for it; nothing was written.
    #[error("a lock was not had in time")]
    LockTimeout,
    /// The queue of writes is full (SQLite), or all connections are in use (PostgreSQL); nothing was written.
    #[error("too many are waiting")]
    QueueFull,
    /// No space on the disk; nothing was written.
    #[error("the disk is full")]
    Full,
    /// The database takes no writes, as a standby does (SQLSTATE 25006); nothing was written.
    #[error("the database is read-only")]
    ReadOnly,
    /// Connection lost, server shutting down, input or output error. When this comes out of a commit, whether the
    /// transaction took effect may not be known: on PostgreSQL if the connection broke; on SQLite if the disk failed
    /// when it was synced, or after that, and failed again when that was undone, until the next write that succeeds.
    /// Repeat with the same idempotency key.
    #[error("the database is not available")]
    Unavailable,
    /// A statement took longer than its limit.
    #[error("the statement takes too long")]
    TooExpensive,
    /// The engine was closed.
    #[error("the database is closed")]
    Closed,
    /// A mistake of the calling code, told in words.
    #[error("wrong use of the database: {0}")]
    Misuse(&'static str),
    /// Everything else. The inner error may hold SQL and values: it must not be printed.
    #[error("unexpected database error ({})", code_of(.0))]
    Other(DbErr),
}

impl fmt::Debug for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unique { constraint: Some(name) } => write!(f, "EngineError({self}: {name})"),
            _ => write!(f, "EngineError({self})"),
        }
    }
}

impl EngineError {
    /// Whether the same request may succeed a little later (503 with Retry-After).
    #[must_use]
    pub fn retryable(&self) -> bool {
        matches!(
            self,
            Self::Busy | Self::LockTimeout | Self::QueueFull | Self::ReadOnly | Self::Unavailable | Self::Closed
        )
    }
}

impl From<DbErr> for EngineError {
    fn from(error: DbErr) -> Self {
        let sqlx = match &error {
            DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => return Self::Unavailable,
            DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed) => return Self::Closed,
            DbErr::Conn(RuntimeErr::SqlxError(e))
            | DbErr::Exec(RuntimeErr::SqlxError(e))
            | DbErr::Query(RuntimeErr::SqlxError(e)) => Arc::clone(e),
            _ => return Self::Other(error),
        };
        match &*sqlx {
            sqlx::Error::Database(e) => match e.try_downcast_ref::<Fault>() {
                Some(Fault { error: Some(known), .. }) => known.clone(),
                Some(_) => Self::Other(error),
                None => of_sqlstate(e.as_ref()).unwrap_or(Self::Other(error)),
            },
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::WorkerCrashed => Self::Unavailable,
            sqlx::Error::PoolClosed => Self::Closed,
            _ => Self::Other(error),
        }
    }
}

/// PostgreSQL's codes (appendix A of its manual).
fn of_sqlstate(error: &dyn DatabaseError) -> Option<EngineError> {
    let code = error.code()?;
    Some(match code.as_ref() {
        "23505" => EngineError::Unique { constraint: error.constraint().map(str::to_owned) },
        "23001" | "23503" => EngineError::ForeignKey,
        "23514" => EngineError::Check,
        "40001" | "40P01" => EngineError::Busy,
        "55P03" => EngineError::LockTimeout,
        "53100" => EngineError::Full,
        "25006" => EngineError::ReadOnly,
        "57014" => EngineError::TooExpensive,
        "25P03" | "57P01" | "57P02" | "57P03" | "57P05" => EngineError::Unavailable,
        other if other.starts_with("08") || other.starts_with("53") || other.starts_with("58") => {
            EngineError::Unavailable
        }
        _ => return None,
    })
}

/// The driver's code, or the class of sea-orm's own errors: never their text.
fn code_of(error: &DbErr) -> Cow<'static, str> {
    let sqlx = match error {
        DbErr::Conn(RuntimeErr::SqlxError(e))
        | DbErr::Exec(RuntimeErr::SqlxError(e))
        | DbErr::Query(RuntimeErr::SqlxError(e)) => e,
        DbErr::Type(_) | DbErr::TryIntoErr { .. } => return "type".into(),
        DbErr::Json(_) => return "json".into(),
        DbErr::RecordNotFound(_) => return "record not found".into(),
        DbErr::RecordNotInserted => return "record not inserted".into(),
        DbErr::RecordNotUpdated => return "record not updated".into(),
        DbErr::Migration(_) => return "migration".into(),
        DbErr::Custom(_) => return "custom".into(),
        _ => return "object mapper".into(),
    };
    match &**sqlx {
        sqlx::Error::Database(e) => e.code().map_or("no code".into(), |code| code.into_owned().into()),
        sqlx::Error::ColumnNotFound(_) => "column not found".into(),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => "decoding".into(),
        sqlx::Error::Encode(_) => "encoding".into(),
        _ => "driver".into(),
    }
}

/// An error of the SQLite driver or of the engine itself on its way through sea-orm, which only carries sqlx errors.
#[derive(Debug)]
pub(crate) struct Fault {
    error: Option<EngineError>,
    code: String,
    message: String,
    kind: fn() -> ErrorKind,
}

impl Fault {
    /// An error of the engine itself.
    pub(crate) fn engine(error: EngineError) -> Self {
        let kind = kind_of(&error);
        Self { code: "engine".to_owned(), message: error.to_string(), error: Some(error), kind }
    }

    /// A value that cannot be bound or read back; `message` names the column or type, never the value.
    pub(crate) fn mapping(message: String) -> Self {
        Self { code: "mapping".to_owned(), message, error: None, kind: || ErrorKind::Other }
    }

    /// An error of SQLite.
    pub(crate) fn sqlite(error: &rusqlite::Error) -> Self {
        let message = error.to_string();
        let rusqlite::Error::SqliteFailure(failure, _) = error else {
            return Self { error: None, code: "driver".to_owned(), message, kind: || ErrorKind::Other };
        };
        let known = of_sqlite(failure, &message);
        let kind = match (&known, failure.extended_code) {
            (Some(known), _) => kind_of(known),
            (None, rusqlite::ffi::SQLITE_CONSTRAINT_NOTNULL) => || ErrorKind::NotNullViolation,
            (None, _) => || ErrorKind::Other,
        };
        Self { error: known, code: failure.extended_code.to_string(), message, kind }
    }

    /// The situation, if it is one that has a name.
    pub(crate) fn known(&self) -> Option<&EngineError> {
        self.error.as_ref()
    }

    /// Whether a write to the database or its WAL had no space. [`EngineError::Full`] is also said where the index of
    /// the WAL cannot grow, which comes after the write.
    pub(crate) fn is_disk_full(&self) -> bool {
        self.code == rusqlite::ffi::SQLITE_FULL.to_string()
    }

    /// SQLite's own words.
    pub(crate) fn text(&self) -> &str {
        &self.message
    }

    /// Names the violated unique index.
    pub(crate) fn with_constraint(mut self, name: Option<String>) -> Self {
        if let Some(EngineError::Unique { constraint }) = &mut self.error {
            *constraint = name;
        }
        self
    }

    fn into_runtime(self) -> RuntimeErr {
        RuntimeErr::SqlxError(Arc::new(sqlx::Error::Database(Box::new(self))))
    }
}

impl From<Fault> for DbErr {
    fn from(fault: Fault) -> Self {
        DbErr::Query(fault.into_runtime())
    }
}

/// SQLite's result codes.
fn of_sqlite(failure: &rusqlite::ffi::Error, message: &str) -> Option<EngineError> {
    use rusqlite::ffi;
    Some(match failure.extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            EngineError::Unique { constraint: None }
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => EngineError::ForeignKey,
        // ON DELETE RESTRICT is an inner trigger of SQLite's.
        ffi::SQLITE_CONSTRAINT_TRIGGER if message.contains("FOREIGN KEY") => EngineError::ForeignKey,
        ffi::SQLITE_CONSTRAINT_CHECK => EngineError::Check,
        // No space for the file of shared memory beside the database.
        ffi::SQLITE_IOERR_SHMSIZE => EngineError::Full,
        _ => match failure.code {
            // Only after the whole time that a lock is waited for.
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => {
                EngineError::LockTimeout
            }
            ErrorCode::DiskFull => EngineError::Full,
            ErrorCode::ReadOnly => EngineError::ReadOnly,
            ErrorCode::OperationInterrupted => EngineError::TooExpensive,
            ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::OutOfMemory => EngineError::Unavailable,
            _ => return None,
        },
    })
}

fn kind_of(error: &EngineError) -> fn() -> ErrorKind {
    match error {
        EngineError::Unique { .. } => || ErrorKind::UniqueViolation,
        EngineError::ForeignKey => || ErrorKind::ForeignKeyViolation,
        EngineError::Check => || ErrorKind::CheckViolation,
        _ => || ErrorKind::Other,
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Fault {}

impl DatabaseError for Fault {
    fn message(&self) -> &str {
        &self.message
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(&self.code))
    }

    fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn StdError + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn StdError + Send + Sync + 'static> {
        self
    }

    fn constraint(&self) -> Option<&str> {
        match &self.error {
            Some(EngineError::Unique { constraint }) => constraint.as_deref(),
            _ => None,
        }
    }

    fn kind(&self) -> ErrorKind {
        (self.kind)()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_inner_error_is_printed() {
        let error = EngineError::from(DbErr::Custom("SELECT '13800138000'".to_owned()));
        assert_eq!(error.to_string(), "unexpected database error (custom)");
        assert_eq!(format!("{error:?}"), "EngineError(unexpected database error (custom))");
        let fault = EngineError::from(DbErr::from(Fault::mapping("no such table: secret".to_owned())));
        assert_eq!(fault.to_string(), "unexpected database error (mapping)");
        assert!(std::error::Error::source(&fault).is_none());
    }

    #[test]
    fn an_engine_error_survives_the_way_through_sea_orm() {
        let error = EngineError::from(DbErr::from(Fault::engine(EngineError::TooExpensive)));
        assert!(matches!(error, EngineError::TooExpensive), "{error:?}");
        assert!(!error.retryable());
        assert!(EngineError::Busy.retryable() && EngineError::QueueFull.retryable());
    }
}
