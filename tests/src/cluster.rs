//! PostgreSQL servers of a test's own, for what restarts, crashes or starves them, and a PgBouncer before them.

use std::path::{Path, PathBuf};
use std::process::Command;

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;

/// How a server is restarted.
#[derive(Clone, Copy, Debug)]
pub enum Restart {
    /// Its sessions are ended, it closes its files.
    Fast,
    /// As if it had crashed: it recovers when it starts.
    Crash,
}

/// A PostgreSQL server; stopped and removed when dropped.
pub struct Cluster {
    folder: TempDir,
    /// The address of its database.
    pub url: String,
}

impl Cluster {
    /// Starts one that keeps what it acknowledged when it crashes.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start() -> Self {
        // In /tmp: the path of a socket is short, and the server's user must reach it.
        let folder = tempfile::Builder::new().prefix("kehu-pg.").tempdir_in("/tmp").expect("a folder");
        let url = script("postgres.sh", &["start", "--durable", text(folder.path())]);
        Self { folder, url }
    }

    /// The folder of its socket.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Restarts it, and waits until it answers.
    pub fn restart(&self, how: Restart) {
        let how = match how {
            Restart::Fast => "fast",
            Restart::Crash => "immediate",
        };
        let _ = script("postgres.sh", &["restart", text(self.path()), how]);
    }

    /// Opens a session of the test's own.
    #[must_use]
    pub fn session(&self) -> Session {
        Session::open(&self.url)
    }

    /// Runs statements in a session of their own.
    pub fn run(&self, sql: &str) {
        self.session().run(sql);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = script("postgres.sh", &["stop", text(self.path())]);
    }
}

/// A session of the test's own with the database, beside the program's.
pub struct Session {
    connection: Option<PgConnection>,
    runtime: tokio::runtime::Runtime,
}

impl Session {
    /// Opens one.
    ///
    /// # Panics
    /// When the server refuses.
    #[must_use]
    pub fn open(url: &str) -> Self {
        Self::try_open(url).expect("the PostgreSQL server")
    }

    /// Opens one, where there is room.
    ///
    /// # Errors
    /// What the server says.
    ///
    /// # Panics
    /// Without a runtime.
    pub fn try_open(url: &str) -> Result<Self, sqlx::Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let connection = Some(runtime.block_on(PgConnection::connect(url))?);
        Ok(Self { connection, runtime })
    }

    /// Runs statements.
    ///
    /// # Panics
    /// When the server refuses.
    pub fn run(&mut self, sql: &str) {
        let connection = self.connection.as_mut().expect("an open session");
        self.runtime.block_on(connection.execute(AssertSqlSafe(sql.to_owned()))).expect("statements");
    }

    /// The one text that a question answers.
    ///
    /// # Panics
    /// When the server refuses.
    #[must_use]
    pub fn text(&mut self, sql: &str) -> String {
        let connection = self.connection.as_mut().expect("an open session");
        let query = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
        self.runtime.block_on(query.fetch_one(connection)).expect("a text")
    }

    /// The one number that a question answers.
    ///
    /// # Panics
    /// When the server refuses.
    #[must_use]
    pub fn number(&mut self, sql: &str) -> i64 {
        let connection = self.connection.as_mut().expect("an open session");
        let query = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
        self.runtime.block_on(query.fetch_one(connection)).expect("a number")
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = self.runtime.block_on(connection.close());
        }
    }
}

/// A PgBouncer in session mode; stopped and removed when dropped.
pub struct Bouncer {
    folder: TempDir,
    cluster: PathBuf,
    size: String,
    /// The address of the database through it.
    pub url: String,
}

impl Bouncer {
    /// Starts one before the server at this address, with so many connections to it.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(database_url: &str, size: u32) -> Self {
        let (head, cluster) = database_url.split_once("?host=").expect("an address with a socket");
        let folder = tempfile::Builder::new().prefix("kehu-pgb.").tempdir_in("/tmp").expect("a folder");
        let url = format!("{head}?host={}", folder.path().display());
        let bouncer = Self { url, cluster: cluster.into(), size: size.to_string(), folder };
        bouncer.begin();
        bouncer
    }

    fn begin(&self) {
        let _ = script("pgbouncer.sh", &["start", text(self.folder.path()), text(&self.cluster), &self.size]);
    }

    /// Ends it at once, with its connections, and starts it again.
    pub fn restart(&self) {
        let _ = script("pgbouncer.sh", &["stop", text(self.folder.path())]);
        self.begin();
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        let _ = script("pgbouncer.sh", &["stop", text(self.folder.path())]);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of ASCII")
}

/// Runs one of the scripts and answers with the last line that it printed.
#[track_caller]
fn script(name: &str, words: &[&str]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts").join(name);
    let output = Command::new(path).args(words).output().expect("a script");
    assert!(output.status.success(), "{name} {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default().to_owned()
}
