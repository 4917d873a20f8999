//! Servers of a test's own: for what kills, fills or restarts.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::client::Session;
use crate::env;
use crate::organisation::PASSWORD;

/// The administrator of a server of a test's own.
pub const ADMIN: &str = "admin@own.test";

/// Where a server of a test's own keeps its data.
pub struct Home {
    dir: TempDir,
    data: PathBuf,
    database_url: Option<String>,
}

impl Home {
    /// An empty folder, for SQLite.
    ///
    /// # Panics
    /// When none can be made.
    #[must_use]
    pub fn sqlite() -> Self {
        Self::sqlite_in("data")
    }

    /// The same with another place for the data in the folder, on a disk of its own perhaps.
    ///
    /// # Panics
    /// When none can be made.
    #[must_use]
    pub fn sqlite_in(data: &str) -> Self {
        let dir = TempDir::new_in(env("KEHU_TEST_DIR")).expect("a folder");
        Self { data: dir.path().join(data), dir, database_url: None }
    }

    /// An empty folder for the key, and a database on the PostgreSQL server.
    ///
    /// # Panics
    /// When the key cannot be made.
    #[must_use]
    pub fn postgres(database_url: String) -> Self {
        let home = Self { database_url: Some(database_url), ..Self::sqlite() };
        let key = Command::new(env("KEHU_TEST_BIN")).args(["keys", "new"]).output().expect("kehu keys new");
        std::fs::write(home.key_file(), key.stdout).expect("a key file");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(home.key_file(), mode).expect("a key file");
        home
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.data.clone()
    }

    /// The address of the PostgreSQL database, if it is one.
    #[must_use]
    pub fn database_url(&self) -> Option<&str> {
        self.database_url.as_deref()
    }

    /// The key file.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.dir.path().join("kehu.key")
    }

    /// The folder of both.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A command of the program on this data.
    #[must_use]
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env("KEHU_TEST_BIN"));
        command.args(words).arg("--data").arg(self.data()).arg("--kek-file").arg(self.key_file());
        if let Some(url) = &self.database_url {
            command.args(["--database-url", url]);
        }
        for limit in
            ["KEHU_RATE_LIMIT", "KEHU_FORM_RATE_LIMIT", "KEHU_LOGIN_RATE_LIMIT", "KEHU_READ_LIMIT", "KEHU_REVEAL_LIMIT"]
        {
            command.env(limit, "0");
        }
        command.env("KEHU_ADMIN_EMAIL", ADMIN).env("KEHU_ADMIN_PASSWORD", PASSWORD);
        command
    }

    /// Starts a server and waits until it listens.
    #[must_use]
    #[track_caller]
    pub fn start(&self) -> Server {
        self.start_with(&[])
    }

    /// Starts a server with further flags and waits until it listens.
    #[must_use]
    #[track_caller]
    pub fn start_with(&self, flags: &[&str]) -> Server {
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.args(flags);
        self.start_from(command)
    }

    /// Starts a server by a command of this home and waits until it listens.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    #[track_caller]
    pub fn start_from(&self, command: Command) -> Server {
        match self.try_start(command) {
            Ok(server) => server,
            Err(status) => panic!("the server does not listen ({status:?}): {}", self.log()),
        }
    }

    /// The same; how it ended if it did not come to listen.
    ///
    /// # Errors
    /// It ended before.
    ///
    /// # Panics
    /// When the program cannot be run.
    pub fn try_start(&self, mut command: Command) -> Result<Server, ExitStatus> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.dir.path().join("log"));
        command.stdout(Stdio::piped()).stderr(log.expect("a log"));
        let figures = command.get_args().any(|argument| argument == "--metrics-listen");
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
        let mut printed = Vec::new();
        while let Some(line) = lines.next() {
            if let Some(base) = line.strip_prefix("listening on ") {
                let mut metrics =
                    lines.by_ref().filter_map(|line| Some(line.trim().strip_prefix("metrics")?.to_owned()));
                let metrics = if figures { metrics.next() } else { None };
                let metrics = metrics.map(|address| address.trim().to_owned());
                return Ok(Server { base: base.trim().to_owned(), child, printed, metrics });
            }
            printed.push(line);
        }
        Err(child.wait().expect("an ended server"))
    }

    /// What servers of this home wrote to their log.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

/// A running server; killed when dropped.
pub struct Server {
    /// Where it listens.
    pub base: String,
    child: Child,
    /// What it printed before it listened.
    pub printed: Vec<String>,
    /// Where it shows figures, if it was told to.
    pub metrics: Option<String>,
}

impl Server {
    /// Its first administrator, signed in.
    #[must_use]
    #[track_caller]
    pub fn admin(&self) -> Session {
        Session::login(&self.base, ADMIN, PASSWORD, None)
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// When the process is gone.
    pub fn signal(&self, signal: i32) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        #[expect(unsafe_code, reason = "signals have no safe interface in the standard library")]
        // SAFETY: a plain system call on the process id of a child that was not waited for.
        let sent = unsafe { libc::kill(pid, signal) };
        assert_eq!(sent, 0, "no process to signal");
    }

    /// Ends it as the power would: SIGKILL.
    ///
    /// # Panics
    /// When it cannot be waited for.
    pub fn kill(mut self) {
        self.child.kill().expect("a running server");
        self.child.wait().expect("an ended server");
    }

    /// Asks it to end (SIGTERM) and waits for it, 15 seconds at most.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    pub fn stop(self) -> ExitStatus {
        self.signal(libc::SIGTERM);
        self.ended()
    }

    /// Waits for its end, 15 seconds at most.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    pub fn ended(mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("an ended server") {
                return status;
            }
            assert!(begun.elapsed() < Duration::from_secs(15), "the server does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The same command, run by another program: its words come first.
#[must_use]
pub fn under(words: &[impl AsRef<OsStr>], command: &Command) -> Command {
    let (first, rest) = words.split_first().expect("a program");
    let mut outer = Command::new(first);
    outer.args(rest).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    outer
}
