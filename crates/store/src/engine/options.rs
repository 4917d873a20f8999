//! How an engine is opened.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use sqlx::postgres::PgConnectOptions;

use super::EngineError;

/// Where the data are.
#[derive(Clone)]
pub enum Place {
    /// A file; its WAL lies beside it.
    Sqlite(PathBuf),
    /// A server, with user and password.
    Postgres(Box<PgConnectOptions>),
}

/// Everything that can be set on an engine. The defaults are right for one process on a small machine.
#[derive(Clone)]
pub struct EngineOptions {
    /// Where the data are.
    pub place: Place,
    /// SQLite: connections for short reads. They are opened when first needed; more than there are threads that
    /// read is of no use.
    pub readers: usize,
    /// SQLite: connections for reads that went over [`EngineOptions::read_budget`], each on a thread of its own that gives way.
    pub long_readers: usize,
    /// SQLite: writes that may wait; one more is refused with [`EngineError::QueueFull`].
    pub queue: usize,
    /// SQLite: how long a read may hold the calling thread before it starts again on a thread of its own.
    pub read_budget: Duration,
    /// Both engines: a read longer than this is refused with [`EngineError::TooExpensive`].
    pub read_limit: Duration,
    /// SQLite: a read whose rows have more bytes than this is refused with [`EngineError::TooExpensive`].
    pub read_bytes: usize,
    /// Both engines: how long to wait for a lock (SQLite: of another process).
    pub lock_timeout: Duration,
    /// SQLite: pages of the WAL after which the writer brings them into the file, between two groups.
    pub checkpoint_pages: u64,
    /// SQLite: pages of the WAL from which on it waits for readers to do so.
    pub wal_pages: u64,
    /// SQLite: how long no write came before the writer brings the rest of the WAL into the file.
    pub idle: Duration,
    /// PostgreSQL: limit of one statement of a write.
    pub write_limit: Duration,
    /// PostgreSQL: connections per runtime (each actix worker is one) for reads, and as many again for writes.
    /// They are opened when first needed.
    pub connections: u32,
}

impl EngineOptions {
    /// SQLite in this file; it is made if it is not there.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self::at(Place::Sqlite(path.into()))
    }

    /// PostgreSQL by URL: `postgres://user:password@host:port/database`, or with a socket
    /// `postgres:///database?host=/run/postgresql&user=kehu`. `sslmode`, `sslrootcert` and the like as in libpq.
    ///
    /// # Errors
    /// [`EngineError::Misuse`] if it cannot be read; the URL is not repeated, for it may hold a password.
    pub fn postgres(url: &str) -> Result<Self, EngineError> {
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err(EngineError::Misuse("a database URL begins with postgres://"));
        }
        let options =
            PgConnectOptions::from_str(url).map_err(|_| EngineError::Misuse("the database URL cannot be read"))?;
        Ok(Self::at(Place::Postgres(Box::new(options))))
    }

    fn at(place: Place) -> Self {
        let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self {
            place,
            readers: threads.max(2),
            long_readers: 2,
            queue: 1024,
            read_budget: Duration::from_millis(5),
            read_limit: Duration::from_secs(2),
            read_bytes: 128 << 20,
            lock_timeout: Duration::from_secs(5),
            checkpoint_pages: 2_000,
            wal_pages: 16_000,
            idle: Duration::from_secs(1),
            write_limit: Duration::from_secs(10),
            connections: 4,
        }
    }
}

impl fmt::Debug for EngineOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self.place {
            Place::Sqlite(_) => "sqlite",
            Place::Postgres(_) => "postgres",
        };
        f.debug_struct("EngineOptions").field("place", &place).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_folder_is_a_host() {
        let options = EngineOptions::postgres("postgres:///shop?host=/tmp/pg&user=kehu").unwrap();
        let Place::Postgres(pg) = options.place else { panic!("not PostgreSQL") };
        assert_eq!(pg.get_socket().map(|p| p.display().to_string()).as_deref(), Some("/tmp/pg"));
        assert_eq!((pg.get_database(), pg.get_username()), (Some("shop"), "kehu"));
    }

    #[test]
    fn a_bad_url_is_refused_without_repeating_it() {
        for url in ["mysql://u:secret@h/d", "postgres://u:secret@h:notaport/d"] {
            let error = EngineOptions::postgres(url).unwrap_err();
            assert!(matches!(error, EngineError::Misuse(_)) && !error.to_string().contains("secret"), "{error}");
        }
        assert!(!format!("{:?}", EngineOptions::postgres("postgres://u:secret@h/d").unwrap()).contains("secret"));
    }
}
