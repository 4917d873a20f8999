//! A relay between a server and PostgreSQL that counts what is asked (the frontend/backend protocol, version 3).

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

/// The name of a socket in its folder.
const SOCKET: &str = ".s.PGSQL.5432";

/// What was asked so far.
#[derive(Default)]
struct Counts {
    trips: AtomicU64,
    statements: AtomicU64,
}

/// A running relay; it takes no more connections when dropped.
pub(super) struct Relay {
    folder: TempDir,
    to: String,
    counts: Arc<Counts>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Relays to the database at a URL that names the folder of a Unix socket.
    ///
    /// # Errors
    /// The URL names none, or there is no room for a socket.
    pub(super) fn start(url: &str) -> Result<Self> {
        let (_, query) = url.split_once('?').context("the database's address names no socket")?;
        let host = query.split('&').find_map(|pair| pair.strip_prefix("host=")).context("no host")?;
        // Not where data is measured: the path of a socket must be short.
        let folder = tempfile::Builder::new().prefix("kehu-relay.").tempdir_in("/tmp")?;
        let listener = UnixListener::bind(folder.path().join(SOCKET))?;
        listener.set_nonblocking(true)?;
        let (counts, over) = (Arc::new(Counts::default()), Arc::new(AtomicBool::new(false)));
        let relay =
            Accepting { listener, to: PathBuf::from(host).join(SOCKET), counts: counts.clone(), over: over.clone() };
        let thread = Some(std::thread::spawn(move || relay.run()));
        Ok(Self { to: url.replace(host, &folder.path().display().to_string()), folder, counts, over, thread })
    }

    /// The database's address through the relay.
    pub(super) fn url(&self) -> &str {
        debug_assert!(self.folder.path().exists());
        &self.to
    }

    /// Round trips and statements so far. A round trip is what the client ends with Sync, or a simple query.
    pub(super) fn counts(&self) -> [u64; 2] {
        [&self.counts.trips, &self.counts.statements].map(|count| count.load(Ordering::Relaxed))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Accepting {
    listener: UnixListener,
    to: PathBuf,
    counts: Arc<Counts>,
    over: Arc<AtomicBool>,
}

impl Accepting {
    fn run(self) {
        while !self.over.load(Ordering::Relaxed) {
            match self.listener.accept() {
                Ok((client, _)) => drop(self.join(client)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(Duration::from_millis(2)),
                Err(_) => return,
            }
        }
    }

    /// Copies both ways until either side closes.
    fn join(&self, client: UnixStream) -> std::io::Result<()> {
        client.set_nonblocking(false)?;
        let server = UnixStream::connect(&self.to)?;
        let (from_client, from_server) = (client.try_clone()?, server.try_clone()?);
        let mut asked = Asked { counts: self.counts.clone(), ..Asked::default() };
        std::thread::spawn(move || copy(from_client, server, |bytes| asked.read(bytes)));
        std::thread::spawn(move || copy(from_server, client, |_| ()));
        Ok(())
    }
}

fn copy(mut from: UnixStream, mut to: UnixStream, mut see: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let bytes = buffer.get(..length).unwrap_or_default();
        see(bytes);
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

/// The messages of one client.
#[derive(Default)]
struct Asked {
    counts: Arc<Counts>,
    /// The startup message, which has no type, is over.
    started: bool,
    header: Vec<u8>,
    /// Bytes of the message that are still to come.
    rest: usize,
}

impl Asked {
    fn read(&mut self, mut bytes: &[u8]) {
        while let Some((first, others)) = bytes.split_first() {
            if self.rest > 0 {
                let skipped = self.rest.min(bytes.len());
                self.rest -= skipped;
                bytes = bytes.get(skipped..).unwrap_or_default();
                continue;
            }
            self.header.push(*first);
            bytes = others;
            self.look();
        }
    }

    /// Looks whether the header is whole: a type and a length, or at the start a length and a version.
    fn look(&mut self) {
        let (kind, length) = match (self.started, self.header.as_slice()) {
            (false, [a, b, c, d, version @ ..]) if version.len() == 4 => {
                // Requests for encryption come before the startup message.
                self.started = !matches!(version, [0x04, 0xd2, 0x16, 0x2f | 0x30]);
                (b'-', u32::from_be_bytes([*a, *b, *c, *d]).saturating_sub(8))
            }
            (true, [kind, a, b, c, d]) => (*kind, u32::from_be_bytes([*a, *b, *c, *d]).saturating_sub(4)),
            _ => return,
        };
        self.header.clear();
        self.rest = usize::try_from(length).unwrap_or(0);
        self.counts.trips.fetch_add(u64::from(matches!(kind, b'S' | b'Q')), Ordering::Relaxed);
        self.counts.statements.fetch_add(u64::from(matches!(kind, b'E' | b'Q')), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_however_they_are_cut() {
        let message = |kind: u8, body: &[u8]| {
            let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
            [&[kind][..], &length, body].concat()
        };
        let encryption = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
        let startup = [&[0, 0, 0, 12, 0, 3, 0, 0][..], b"SSSS"].concat();
        let all = [
            encryption.to_vec(),
            startup,
            message(b'P', b"SQSQ"),
            message(b'B', b"x"),
            message(b'E', b"x"),
            message(b'S', b""),
            message(b'Q', b"BEGIN"),
        ]
        .concat();
        for size in [1, 3, 7, all.len()] {
            let mut asked = Asked::default();
            all.chunks(size).for_each(|part| asked.read(part));
            let counts = [&asked.counts.trips, &asked.counts.statements].map(|count| count.load(Ordering::Relaxed));
            assert_eq!(counts, [2, 2], "in parts of {size}");
        }
    }
}
