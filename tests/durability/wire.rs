//! HTTP by hand, to know to the byte what was sent and what came back.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// A connection that is kept.
pub(crate) struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// Whether the server takes nothing more on this connection.
    pub(crate) fn closes(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// The bytes of a request.
pub(crate) fn request(method: &str, path: &str, token: &str, more: &str, body: &Value) -> Vec<u8> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n{more}\r\n{body}",
        body.len()
    )
    .into_bytes()
}

impl Wire {
    /// Connects to `http://address`.
    pub(crate) fn connect(base: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(base.trim_start_matches("http://"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self { stream, unread: Vec::new() })
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Whether the server has closed it, as far as is known here by now.
    pub(crate) fn is_closed(&self) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        let seen = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false).unwrap();
        !matches!(seen, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Reads one answer; an error if it does not come whole.
    pub(crate) fn answer(&mut self) -> io::Result<Answer> {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            self.more()?;
        };
        let head = String::from_utf8(self.unread[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("{head}"));
        let mut answer = Answer { status, head, body: String::new() };
        let length: usize = match answer.header("content-length") {
            Some(length) => length.parse().unwrap(),
            None if status == 204 => 0,
            None => panic!("no length: {}", answer.head),
        };
        while self.unread.len() < end + length {
            self.more()?;
        }
        answer.body = String::from_utf8(self.unread[end..end + length].to_vec()).unwrap();
        self.unread.drain(..end + length);
        Ok(answer)
    }

    fn more(&mut self) -> io::Result<()> {
        let mut part = [0; 8192];
        match self.stream.read(&mut part)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.unread.extend_from_slice(&part[..read]);
                Ok(())
            }
        }
    }

    /// Waits for the first byte of an answer.
    pub(crate) fn wait(&self) {
        let _ = self.stream.peek(&mut [0]);
    }

    /// Cuts it off: what is under way in either direction is lost (RST).
    pub(crate) fn cut(self) {
        let now = libc::linger { l_onoff: 1, l_linger: 0 };
        #[expect(unsafe_code, reason = "the standard library cannot set SO_LINGER")]
        // SAFETY: the descriptor is open, and `now` is a linger of the size that is told.
        let set = unsafe {
            libc::setsockopt(
                std::os::fd::AsRawFd::as_raw_fd(&self.stream),
                libc::SOL_SOCKET,
                libc::SO_LINGER,
                (&raw const now).cast(),
                libc::socklen_t::try_from(size_of::<libc::linger>()).unwrap(),
            )
        };
        assert_eq!(set, 0);
    }
}
