//! A relay between a server and PostgreSQL that counts round trips, keeps the statements that went through, and may
//! cut a connection at its commit.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempDir;

/// The name of PostgreSQL's socket in its folder.
const SOCKET: &str = ".s.PGSQL.5432";

/// What went through a relay.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// What the client sent and then waited for, in order: the texts of its statements; none for a bare Sync.
    pub round_trips: Vec<Vec<String>>,
    /// The texts of the statements that were prepared.
    pub prepared: Vec<String>,
}

/// When a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The server does not get the commit.
    BeforeCommit,
    /// The server commits, and the client does not get its answer.
    AfterCommit,
}

/// What the threads of a relay share.
#[derive(Default)]
struct Shared {
    traffic: Mutex<Traffic>,
    cut: Mutex<Option<Cut>>,
    ended: AtomicBool,
}

/// A relay; it listens in a folder of its own until dropped.
pub struct Relay {
    folder: TempDir,
    url: String,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Relay {
    /// Listens for clients of the database at this address, which names the folder of a socket.
    ///
    /// # Panics
    /// When it names none, or no folder can be made.
    #[must_use]
    pub fn new(database_url: &str) -> Self {
        let (head, folder) = database_url.split_once("?host=").expect("an address with a socket");
        let server = Path::new(folder).join(SOCKET);
        // Not in the folder of the run: the path of a socket is short.
        let folder = tempfile::Builder::new().prefix("kehu-relay.").tempdir_in("/tmp").expect("a folder");
        let listener = UnixListener::bind(folder.path().join(SOCKET)).expect("a socket");
        let url = format!("{head}?host={}", folder.path().display());
        let shared = Arc::<Shared>::default();
        let accepting = {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || accept(&listener, &server, &shared))
        };
        Self { folder, url, shared, accepting: Some(accepting) }
    }

    /// The address of the database through the relay.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What went through since this was last asked, once nothing more comes.
    #[must_use]
    pub fn take(&self) -> Traffic {
        let count = || lock(&self.shared.traffic).round_trips.len();
        let mut before = count();
        loop {
            std::thread::sleep(Duration::from_millis(40));
            let now = count();
            if now == before {
                return std::mem::take(&mut *lock(&self.shared.traffic));
            }
            before = now;
        }
    }

    /// Cuts the next connection that commits.
    pub fn cut(&self, when: Cut) {
        *lock(&self.shared.cut) = Some(when);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _ = UnixStream::connect(self.folder.path().join(SOCKET));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Two threads for each client; they end with it, or with the server.
fn accept(listener: &UnixListener, server: &Path, shared: &Arc<Shared>) {
    while let Ok((client, _)) = listener.accept() {
        if shared.ended.load(Ordering::Relaxed) {
            return;
        }
        let Ok(server) = UnixStream::connect(server) else { continue };
        let answers = (server.try_clone().expect("a socket"), client.try_clone().expect("a socket"));
        let deaf = Arc::<AtomicBool>::default();
        let (shared, mut messages) = (Arc::clone(shared), Messages::default());
        std::thread::spawn({
            let deaf = Arc::clone(&deaf);
            move || pass(answers.0, answers.1, |_| !deaf.load(Ordering::SeqCst))
        });
        std::thread::spawn(move || {
            pass(client, server, |bytes| {
                let cut = if messages.read(bytes, &shared.traffic) { lock(&shared.cut).take() } else { None };
                deaf.fetch_or(cut == Some(Cut::AfterCommit), Ordering::SeqCst);
                cut != Some(Cut::BeforeCommit)
            });
        });
    }
}

/// Passes on what is read for as long as `see` says so, until either end closes.
fn pass(mut from: UnixStream, mut to: UnixStream, mut see: impl FnMut(&[u8]) -> bool) {
    let mut buffer = vec![0; 1 << 18];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let bytes = buffer.get(..count).unwrap_or_default();
        if !see(bytes) || to.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

/// The messages of one client (chapter "Frontend/Backend Protocol" of PostgreSQL's manual).
#[derive(Default)]
struct Messages {
    pending: Vec<u8>,
    started: bool,
    statements: HashMap<String, String>,
    sent: Vec<String>,
}

impl Messages {
    /// Takes what was read at once: if the client waits for an answer after it, that is one round trip, however many
    /// statements it holds. Answers whether a commit is among them.
    fn read(&mut self, bytes: &[u8], traffic: &Mutex<Traffic>) -> bool {
        self.pending.extend_from_slice(bytes);
        let mut waits = false;
        while let Some((kind, body)) = self.next() {
            match kind {
                b'P' => {
                    let (name, text) = (text_at(&body, 0), text_at(&body, 1));
                    lock(traffic).prepared.push(text.clone());
                    self.sent.push(format!("(prepare) {text}"));
                    self.statements.insert(name, text);
                }
                b'B' => {
                    let text = self.statements.get(&text_at(&body, 1));
                    self.sent.push(text.cloned().unwrap_or_default());
                }
                b'Q' => {
                    self.sent.push(text_at(&body, 0));
                    waits = true;
                }
                b'S' | b'H' => waits = true,
                _ => {}
            }
        }
        let commits = self.sent.iter().any(|text| text.ends_with("COMMIT"));
        if waits {
            lock(traffic).round_trips.push(std::mem::take(&mut self.sent));
        }
        commits
    }

    /// The next whole message: its kind, 0 for those at the start, and its body.
    fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        let head = usize::from(self.started);
        let length = self.pending.get(head..head + 4)?.try_into().map(u32::from_be_bytes).ok()?;
        let end = head + usize::try_from(length).ok()?;
        if self.pending.len() < end {
            return None;
        }
        let message: Vec<u8> = self.pending.drain(..end).collect();
        let kind = if self.started { *message.first()? } else { 0 };
        let body = message.get(head + 4..)?.to_vec();
        // Protocol 3; requests for encryption come before it, and are refused on a socket.
        self.started = self.started || body.starts_with(&[0, 3]);
        Some((kind, body))
    }
}

/// The text at this place of a message whose texts end with a null.
fn text_at(body: &[u8], place: usize) -> String {
    let text = body.split(|byte| *byte == 0).nth(place).unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}
