//! Requests one after the other, for what is prepared or posted in batches.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::wire::{Answer, Call};

/// One connection to a server, used for one request after the other.
pub(crate) struct Connection {
    base: String,
    stream: TcpStream,
    arrived: Vec<u8>,
}

impl Connection {
    /// Connects to `http://host:port`.
    ///
    /// # Errors
    /// Nobody listens there.
    pub(crate) fn open(base: &str) -> Result<Self> {
        let stream = connect(base)?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        Ok(Self { base: base.to_owned(), stream, arrived: Vec::new() })
    }

    /// Sends a request and reads the answer.
    ///
    /// # Errors
    /// The connection broke, or what came is not HTTP/1.1.
    pub(crate) fn send(&mut self, call: &Call) -> Result<Answer<'_>> {
        self.stream.write_all(&call.bytes(&self.base))?;
        self.arrived.clear();
        let mut part = vec![0; 64 << 10];
        while Answer::read(&self.arrived)?.is_none() {
            let length = self.stream.read(&mut part)?;
            ensure!(length > 0, "the server closed the connection");
            self.arrived.extend(part.get(..length).unwrap_or_default());
        }
        Answer::read(&self.arrived)?.context("an answer that was whole")
    }

    /// Sends a request that is to succeed, and gives its JSON; null where there is none.
    ///
    /// # Errors
    /// As [`Self::send`], and any status but 2xx.
    pub(crate) fn ask(&mut self, call: &Call) -> Result<Value> {
        let answer = self.send(call)?;
        answer.succeeded().with_context(|| format!("{} {}", call.method, call.path))?;
        Ok(serde_json::from_slice(&answer.body()?).unwrap_or_default())
    }
}

/// A connection to the server at `http://host:port`.
///
/// # Errors
/// Nobody listens there.
pub(crate) fn connect(base: &str) -> Result<TcpStream> {
    let host = base.strip_prefix("http://").context("the address does not begin with http://")?;
    let stream = TcpStream::connect(host).with_context(|| format!("connecting to {host}"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
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

    /// Signs the same user in at another server.
    ///
    /// # Errors
    /// As [`Session::sign_in`].
    pub(crate) fn elsewhere(&self, base: &str) -> Result<Self> {
        Self::sign_in(base, &self.login, &self.password)
    }

    /// Who it is.
    pub(crate) fn login(&self) -> &str {
        &self.login
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
        self.connection.ask(&call)
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
