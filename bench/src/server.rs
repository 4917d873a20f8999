//! Servers that the bench starts, and an organisation in them.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

use crate::client::{Connection, Session};
use crate::settings::{Engine, env};
use crate::usage::{Processes, postmaster};
use crate::wire::Call;

/// The password of everybody in the bench.
pub(crate) const PASSWORD: &str = "Kehu-Bench-Horse-2026";

/// How the names of copies begin.
pub(crate) const PASSING: &str = "passing.";

/// The key of a whole run: what is sealed in PostgreSQL's one database by the first workload is there for the next.
pub(crate) struct Key {
    folder: Folder,
}

/// A folder that goes with the run, or one that stays.
enum Folder {
    Passing(TempDir),
    Kept(PathBuf),
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Passing(folder) => folder.path(),
            Self::Kept(folder) => folder,
        }
    }
}

impl Key {
    /// Has the program make one.
    ///
    /// # Errors
    /// The program is not named, or makes none.
    pub(crate) fn make() -> Result<Self> {
        Self::make_in(Folder::Passing(folder()?))
    }

    fn make_in(folder: Folder) -> Result<Self> {
        let key = Command::new(program()?).args(["keys", "new"]).output().context("kehu keys new")?;
        ensure!(key.status.success(), "kehu keys new: {}", String::from_utf8_lossy(&key.stderr));
        let made = Self { folder };
        OpenOptions::new().create_new(true).write(true).mode(0o600).open(made.path())?.write_all(&key.stdout)?;
        Ok(made)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("kehu.key")
    }
}

fn program() -> Result<PathBuf> {
    env("KEHU_BIN").map(PathBuf::from).context("KEHU_BIN does not name the program: use make bench")
}

/// A new folder on the disk that is measured.
///
/// # Errors
/// There is no room for one.
pub(crate) fn folder() -> Result<TempDir> {
    let around = env("KEHU_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    Ok(tempfile::Builder::new().prefix("kehu-bench.").tempdir_in(around)?)
}

/// A data folder, a key and a database.
pub(crate) struct Home {
    program: PathBuf,
    folder: Folder,
    key: PathBuf,
    url: Option<String>,
}

impl Home {
    /// An empty folder; on PostgreSQL the database that the environment names.
    ///
    /// # Errors
    /// The program or the database is not named.
    pub(crate) fn new(engine: Engine, key: &Key) -> Result<Self> {
        let url = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(env("KEHU_BENCH_PG_URL").context("KEHU_BENCH_PG_URL is not set")?),
        };
        Ok(Self { program: program()?, folder: Folder::Passing(folder()?), key: key.path(), url })
    }

    /// A folder that stays, with a key of its own: as it is, or new where there is none; on PostgreSQL with the database
    /// at that address.
    ///
    /// # Errors
    /// The program is not named, or there is no room for a folder.
    pub(crate) fn kept(folder: &Path, url: Option<String>) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let folder = folder.canonicalize()?;
        let key = Key { folder: Folder::Kept(folder.clone()) };
        if !key.path().exists() {
            Key::make_in(Folder::Kept(folder.clone()))?;
        }
        Ok(Self { program: program()?, key: key.path(), folder: Folder::Kept(folder), url })
    }

    /// A copy of everything in a folder that passes, in that one; the database of the copy is at that address.
    ///
    /// # Errors
    /// There is no room for it.
    pub(crate) fn copied(&self, around: &Path, url: Option<String>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix(PASSING).tempdir_in(around)?;
        let mut copy = Command::new("cp");
        let copied = copy.arg("-a").arg("--").arg(self.folder().join(".")).arg(folder.path()).status()?;
        ensure!(copied.success(), "{} cannot be copied", self.folder().display());
        let key = folder.path().join("kehu.key");
        Ok(Self { program: self.program.clone(), folder: Folder::Passing(folder), key, url })
    }

    /// Writes down something about what was made, beside it.
    ///
    /// # Errors
    /// The disk is full.
    pub(crate) fn note(&self, name: &str, text: &str) -> Result<()> {
        Ok(fs::write(self.folder().join(name), text)?)
    }

    /// What an earlier run wrote down, where the folder was kept.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn noted(&self, name: &str) -> Result<Option<String>> {
        let path = self.folder().join(name);
        Ok(if path.exists() { Some(fs::read_to_string(path)?) } else { None })
    }

    /// The organisation that an earlier run made, or a new one; its administrator, signed in.
    ///
    /// # Errors
    /// As [`Home::organisation`].
    pub(crate) fn same_organisation(&self, server: &Server, purpose: &str) -> Result<Session> {
        match self.noted("login")? {
            Some(login) => Session::sign_in(&server.base, &login, PASSWORD),
            None => {
                let session = self.organisation(server, purpose)?;
                self.note("login", session.login())?;
                Ok(session)
            }
        }
    }

    /// An empty folder beside another home: the same key, and its database at another address.
    ///
    /// # Errors
    /// There is no room for a folder.
    pub(crate) fn beside(&self, url: String) -> Result<Self> {
        Ok(Self {
            program: self.program.clone(),
            folder: Folder::Passing(folder()?),
            key: self.key.clone(),
            url: Some(url),
        })
    }

    /// The folder of everything.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Size of the program, bytes.
    ///
    /// # Errors
    /// It is not there.
    pub(crate) fn program_size(&self) -> Result<u64> {
        Ok(fs::metadata(&self.program)?.len())
    }

    fn log(&self) -> PathBuf {
        self.folder().join("log")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(words).arg("--data").arg(self.folder().join("data")).arg("--kek-file").arg(&self.key);
        if let Some(url) = &self.url {
            command.args(["--database-url", url]);
        }
        command
    }

    /// The address of its database on PostgreSQL.
    pub(crate) fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// Runs a command of the program on the data, and gives what it printed.
    ///
    /// # Errors
    /// It fails.
    pub(crate) fn run(&self, words: &[&str]) -> Result<String> {
        let output = self.command(words).output().context("a command of the program")?;
        ensure!(output.status.success(), "kehu {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Starts a server without limits, everything else as it comes, and waits until it answers.
    ///
    /// # Errors
    /// It does not, and then the end of its log.
    pub(crate) fn start(&self) -> Result<Server> {
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        for limit in
            ["KEHU_RATE_LIMIT", "KEHU_FORM_RATE_LIMIT", "KEHU_LOGIN_RATE_LIMIT", "KEHU_READ_LIMIT", "KEHU_REVEAL_LIMIT"]
        {
            command.env(limit, "0");
        }
        command.env("KEHU_ADMIN_EMAIL", "admin@bench.test").env("KEHU_ADMIN_PASSWORD", PASSWORD);
        command.stderr(File::options().create(true).append(true).open(self.log())?);
        Server::launch(&mut command, self.url.as_deref().and_then(postmaster)).with_context(|| {
            let log = fs::read_to_string(self.log()).unwrap_or_default();
            let end: Vec<&str> = log.lines().rev().take(5).collect();
            format!("kehu serve does not answer; the end of its log: {end:?}")
        })
    }

    /// Makes an organisation beside a running server, and signs its administrator in.
    ///
    /// # Errors
    /// The command says why.
    pub(crate) fn organisation(&self, server: &Server, purpose: &str) -> Result<Session> {
        // PostgreSQL's database may have been measured before.
        let slug = format!("{purpose}-{}", server.processes.server);
        let email = format!("admin@{slug}.test");
        let mut command = self.command(&["org", "create", "--slug", &slug, "--name", "Bench"]);
        command.args(["--admin-email", &email, "--admin-password-stdin"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut stdin = child.stdin.take().context("no pipe")?;
        writeln!(stdin, "{PASSWORD}")?;
        drop(stdin);
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "kehu org create: {}", String::from_utf8_lossy(&output.stderr));
        Session::sign_in(&server.base, &email, PASSWORD)
    }
}

/// A body for a new user, with the password of everybody.
pub(crate) fn user(name: &str, role: &str, team: Option<&str>, email: &str) -> serde_json::Value {
    serde_json::json!({ "name": name, "role": role, "team_id": team, "email": email, "password": PASSWORD })
}

/// A running server; stopped when dropped.
pub(crate) struct Server {
    /// `http://127.0.0.1:port`
    pub(crate) base: String,
    /// Its processes.
    pub(crate) processes: Processes,
    /// From its start to its first answer.
    pub(crate) started_in: Duration,
    running: Running,
    output: BufReader<ChildStdout>,
}

impl Server {
    /// Starts a program that says `listening on http://…` and answers /healthz; its database is run by that postmaster.
    ///
    /// # Errors
    /// It ends, or does not answer.
    pub(crate) fn launch(command: &mut Command, database: Option<u32>) -> Result<Self> {
        let begun = Instant::now();
        let mut child = command.stdout(Stdio::piped()).spawn().context("a program to measure")?;
        let output = child.stdout.take().map(BufReader::new).context("no pipe")?;
        let mut server = Self {
            base: String::new(),
            processes: Processes { server: child.id(), database },
            started_in: Duration::ZERO,
            running: Running::new(child),
            output,
        };
        server.await_answer(begun)?;
        Ok(server)
    }

    /// Waits for the line with the address and then for a 200 of /healthz.
    fn await_answer(&mut self, begun: Instant) -> Result<()> {
        let mut line = String::new();
        while self.output.read_line(&mut line)? > 0 {
            if let Some(base) = line.trim_end().strip_prefix("listening on ") {
                self.base = base.to_owned();
                break;
            }
            line.clear();
        }
        ensure!(!self.base.is_empty(), "it ended");
        let call = Call { method: "GET", path: "/healthz".to_owned(), ..Call::default() };
        while begun.elapsed() < Duration::from_secs(30) {
            if Connection::open(&self.base).and_then(|mut server| server.ask(&call)).is_ok() {
                self.started_in = begun.elapsed();
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        bail!("no 200 within 30 seconds")
    }

    /// As [`Self::stop`], where another one takes its place.
    ///
    /// # Errors
    /// The same.
    pub(crate) fn end(&mut self) -> Result<()> {
        let status = self.running.end(libc::SIGTERM)?;
        ensure!(status.success(), "the process ended with {status}");
        Ok(())
    }

    /// As [`Running::stop`].
    ///
    /// # Errors
    /// The same.
    pub(crate) fn stop(self) -> Result<()> {
        self.running.stop()
    }
}

/// A program that was started; killed when dropped.
pub(crate) struct Running {
    child: Child,
}

impl Running {
    /// Takes care of one.
    pub(crate) fn new(child: Child) -> Self {
        Self { child }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end and waits for it.
    ///
    /// # Errors
    /// It does not within 15 seconds, or not with exit code 0.
    pub(crate) fn stop(mut self) -> Result<()> {
        let status = self.end(libc::SIGTERM)?;
        ensure!(status.success(), "the process ended with {status}");
        Ok(())
    }

    /// Ends it as Ctrl-C does, whatever it makes of that.
    ///
    /// # Errors
    /// It does not end within 15 seconds.
    pub(crate) fn interrupt(mut self) -> Result<()> {
        self.end(libc::SIGINT).map(drop)
    }

    fn end(&mut self, signal: i32) -> Result<ExitStatus> {
        let pid = i32::try_from(self.child.id())?;
        #[expect(unsafe_code, reason = "signals have no safe interface in the standard library")]
        // SAFETY: a plain system call on the process id of a child that was not waited for.
        let sent = unsafe { libc::kill(pid, signal) };
        ensure!(sent == 0, "there is no process to stop");
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(15) {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("the process does not end")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
