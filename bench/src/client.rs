//! A keep-alive HTTP/1.1 client that costs little CPU: client and server share the machine.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

/// A request. The body, where there is one, is JSON.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    /// GET, POST, PATCH.
    pub(crate) method: &'static str,
    /// Path and query.
    pub(crate) path: String,
    /// Bearer token; none for public addresses.
    pub(crate) token: String,
    /// `Idempotency-Key`; empty: without.
    pub(crate) key: String,
    /// The body; empty: without.
    pub(crate) body: String,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// The body as JSON; null when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body of an answer that succeeded.
    ///
    /// # Errors
    /// The status and the beginning of the body, where it did not.
    pub(crate) fn ok(&self) -> Result<Value> {
        let body = String::from_utf8_lossy(&self.body);
        let shown: String = body.chars().take(500).collect();
        ensure!((200..300).contains(&self.status), "answered {}: {shown}", self.status);
        Ok(self.json())
    }
}

/// One connection to a server, used for one request after the other.
pub(crate) struct Connection {
    host: String,
    stream: BufReader<TcpStream>,
    out: Vec<u8>,
}

impl Connection {
    /// Connects to `http://host:port`.
    ///
    /// # Errors
    /// Nobody listens there.
    pub(crate) fn open(base: &str) -> Result<Self> {
        let host = base.strip_prefix("http://").context("the address does not begin with http://")?.to_owned();
        let stream = TcpStream::connect(&host).with_context(|| format!("connecting to {host}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        Ok(Self { host, stream: BufReader::with_capacity(64 << 10, stream), out: Vec::with_capacity(16 << 10) })
    }

    /// Sends a request and reads the answer.
    ///
    /// # Errors
    /// The connection broke, or what came is not HTTP/1.1.
    pub(crate) fn send(&mut self, call: &Call) -> Result<Reply> {
        self.out.clear();
        write!(self.out, "{} {} HTTP/1.1\r\nhost: {}\r\n", call.method, call.path, self.host)?;
        if !call.token.is_empty() {
            write!(self.out, "authorization: Bearer {}\r\n", call.token)?;
        }
        if !call.key.is_empty() {
            write!(self.out, "idempotency-key: {}\r\n", call.key)?;
        }
        if !call.body.is_empty() {
            write!(self.out, "content-type: application/json\r\ncontent-length: {}\r\n", call.body.len())?;
        }
        write!(self.out, "\r\n{}", call.body)?;
        self.stream.get_mut().write_all(&self.out)?;
        self.read_reply()
    }

    fn read_reply(&mut self) -> Result<Reply> {
        let status = self.line()?;
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok()).context("not an HTTP answer")?;
        let (mut length, mut chunked) = (0, false);
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let Some((name, value)) = line.split_once(':') else { bail!("not a header: {line}") };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse()?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                chunked = value.trim().eq_ignore_ascii_case("chunked");
            }
        }
        let body = if chunked { self.chunks()? } else { self.bytes(length)? };
        Ok(Reply { status, body })
    }

    fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let length = usize::from_str_radix(self.line()?.trim(), 16).context("not the length of a chunk")?;
            body.extend(self.bytes(length)?);
            self.line()?;
            if length == 0 {
                return Ok(body);
            }
        }
    }

    fn bytes(&mut self, length: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(self.stream.read_line(&mut line)? > 0, "the server closed the connection");
        Ok(line.trim_end().to_owned())
    }
}

/// Somebody who is signed in, for what is not measured.
pub(crate) struct Session {
    connection: Connection,
    base: String,
    login: String,
    password: String,
    token: String,
}

impl Session {
    /// Signs in.
    ///
    /// # Errors
    /// Wrong credentials, or no server.
    pub(crate) fn sign_in(base: &str, login: &str, password: &str) -> Result<Self> {
        let mut session = Self {
            connection: Connection::open(base)?,
            base: base.to_owned(),
            login: login.to_owned(),
            password: password.to_owned(),
            token: String::new(),
        };
        session.renew()?;
        Ok(session)
    }

    /// Signs in again: a token lasts 15 minutes, a connection that rests for less.
    ///
    /// # Errors
    /// As [`Session::sign_in`].
    pub(crate) fn renew(&mut self) -> Result<String> {
        self.connection = Connection::open(&self.base)?;
        self.token.clear();
        let body = serde_json::json!({ "login": self.login, "password": self.password });
        self.token = text(&self.post("/v1/auth/login", &body)?, "access_token")?;
        Ok(self.token.clone())
    }

    /// Sends JSON and reads the answer.
    ///
    /// # Errors
    /// Any status but 2xx.
    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Result<Value> {
        self.send("POST", path, body.to_string())
    }

    /// Reads.
    ///
    /// # Errors
    /// Any status but 2xx.
    pub(crate) fn get(&mut self, path: &str) -> Result<Value> {
        self.send("GET", path, String::new())
    }

    fn send(&mut self, method: &'static str, path: &str, body: String) -> Result<Value> {
        let call = Call { method, path: path.to_owned(), token: self.token.clone(), key: String::new(), body };
        self.connection.send(&call)?.ok().with_context(|| format!("{method} {path}"))
    }
}

/// A text member of an answer.
///
/// # Errors
/// There is none.
pub(crate) fn text(answer: &Value, member: &str) -> Result<String> {
    let found = answer.get(member).and_then(Value::as_str).map(str::to_owned);
    found.with_context(|| format!("the answer has no {member}"))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Serves canned bytes on one connection and gives what was asked.
    fn served(answers: &'static [&'static str], calls: &[Call]) -> (Vec<Reply>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let mut stream = BufReader::new(listener.accept().unwrap().0);
            let mut asked = String::new();
            for answer in answers {
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    stream.read_line(&mut line).unwrap();
                    if let Some(said) = line.strip_prefix("content-length: ") {
                        length = said.trim().parse().unwrap();
                    }
                    asked.push_str(&line);
                    if line == "\r\n" {
                        break;
                    }
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).unwrap();
                asked.push_str(&String::from_utf8(body).unwrap());
                stream.get_mut().write_all(answer.as_bytes()).unwrap();
            }
            asked
        });
        let mut connection = Connection::open(&base).unwrap();
        let replies = calls.iter().map(|call| connection.send(call).unwrap()).collect();
        (replies, server.join().unwrap())
    }

    #[test]
    fn one_connection_serves_answers_of_both_framings() {
        let answers: &[&str] = &[
            "HTTP/1.1 202 Accepted\r\nContent-Length: 8\r\n\r\n{\"a\": 1}",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n[1,2\r\n1\r\n]\r\n0\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
        ];
        let get = Call { method: "GET", path: "/x".to_owned(), ..Call::default() };
        let post = Call { token: "t".to_owned(), key: "k".to_owned(), body: "{}".to_owned(), ..get.clone() };
        let (replies, asked) = served(answers, &[get.clone(), post, get]);
        assert_eq!(replies[0].ok().unwrap()["a"], 1);
        assert_eq!(replies[1].body, b"[1,2]");
        assert!(replies[2].ok().unwrap_err().to_string().contains("404"));
        assert!(asked.contains("authorization: Bearer t\r\nidempotency-key: k\r\n") && asked.contains("\r\n\r\n{}"));
    }
}
