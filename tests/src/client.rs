//! A client as an integrator would write one: JSON over HTTP with a bearer token.

use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::{HeaderMap, Request};

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
    /// The same, where it is no text.
    pub bytes: Vec<u8>,
}

impl Reply {
    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// A header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The same answer, after a look at its status.
    ///
    /// # Panics
    /// On another status; the body is shown.
    #[must_use]
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert!(self.status == status, "expected {status}, got {}: {}", self.status, self.text);
        self
    }

    /// The text of a write's answer without the warnings that it alone tells: what GET shows.
    #[must_use]
    pub fn record(&self) -> String {
        let end = self.text.rfind(",\"warnings\":[").unwrap_or(self.text.len());
        let record = self.text.get(..end).unwrap_or_default();
        if end == self.text.len() { record.to_owned() } else { format!("{record}}}") }
    }

    /// The codes in `errors`, with their places: `("/phones/0", "phone_invalid")`.
    #[must_use]
    pub fn errors(&self) -> Vec<(String, String)> {
        let body = self.json();
        let text = |error: &Value, name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
        let errors = body.get("errors").and_then(Value::as_array).cloned().unwrap_or_default();
        errors
            .iter()
            .map(|error| {
                let place = text(error, "pointer").or_else(|| text(error, "parameter")).unwrap_or_default();
                (place, text(error, "code").unwrap_or_default())
            })
            .collect()
    }

    /// The code of the problem.
    #[must_use]
    pub fn code(&self) -> String {
        self.json().get("code").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The id in the body.
    ///
    /// # Panics
    /// Without one.
    #[must_use]
    #[track_caller]
    pub fn id(&self) -> String {
        self.json().get("id").and_then(Value::as_str).unwrap_or_else(|| panic!("no id: {}", self.text)).to_owned()
    }

    /// The records of a page.
    #[must_use]
    pub fn data(&self) -> Vec<Value> {
        self.json().get("data").and_then(Value::as_array).cloned().unwrap_or_default()
    }
}

/// Somebody who talks to a server, signed in or not.
#[derive(Clone)]
pub struct Session {
    agent: Agent,
    base: String,
    token: Option<String>,
    headers: Vec<(String, String)>,
}

impl Session {
    /// Nobody yet.
    #[must_use]
    pub fn anonymous(base: &str) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(60)));
        // What an answer says is looked at, not followed.
        let config = config.max_redirects(0);
        Self { agent: config.build().into(), base: base.to_owned(), token: None, headers: Vec::new() }
    }

    /// Signs in.
    ///
    /// # Panics
    /// When that is refused.
    #[must_use]
    #[track_caller]
    pub fn login(base: &str, login: &str, password: &str, organisation: Option<&str>) -> Self {
        let mut session = Self::anonymous(base);
        let body = json!({ "login": login, "password": password, "organisation": organisation });
        let tokens = session.post("/v1/auth/login", &body).expect(200).json();
        session.token = tokens.get("access_token").and_then(Value::as_str).map(str::to_owned);
        assert!(session.token.is_some(), "no access token: {tokens}");
        session
    }

    /// The same with another token.
    #[must_use]
    pub fn with_token(&self, token: Option<&str>) -> Self {
        Self { token: token.map(str::to_owned), ..self.clone() }
    }

    /// The same with one more header on every request.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut session = self.clone();
        session.headers.push((name.to_owned(), value.to_owned()));
        session
    }

    /// The token.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Where the server listens.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Sends a request with a body of any kind.
    ///
    /// # Errors
    /// The server did not answer.
    pub fn try_send(&self, method: &str, path: &str, body: &[u8], content_type: &str) -> Result<Reply, ureq::Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut response = if body.is_empty() && content_type.is_empty() {
            self.agent.run(request.body(()).expect("a request"))?
        } else {
            self.agent.run(request.header("content-type", content_type).body(body).expect("a request"))?
        };
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.body_mut().with_config().limit(64 << 20).read_to_vec()?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Reply { status, headers, text, bytes })
    }

    /// Sends a request with a body of any kind.
    ///
    /// # Panics
    /// When the server does not answer.
    #[must_use]
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, body: &[u8], content_type: &str) -> Reply {
        match self.try_send(method, path, body, content_type) {
            Ok(reply) => reply,
            Err(error) => panic!("{method} {path}: {error}"),
        }
    }

    /// Attaches a file to a record, as a form of a page would.
    #[must_use]
    #[track_caller]
    pub fn attach(&self, kind: &str, record: &str, name: &str, content: &[u8]) -> Reply {
        let form = Form::default().text("kind", kind).text("record_id", record).file(name, content);
        self.send_form("/v1/attachments", &form)
    }

    /// POST of a form with files.
    #[must_use]
    #[track_caller]
    pub fn send_form(&self, path: &str, form: &Form) -> Reply {
        self.send("POST", path, &form.body(), &Form::content_type())
    }

    fn json(&self, method: &str, path: &str, body: &Value) -> Reply {
        self.send(method, path, body.to_string().as_bytes(), "application/json")
    }

    /// GET.
    #[must_use]
    #[track_caller]
    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], "")
    }

    /// POST of JSON.
    #[must_use]
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.json("POST", path, body)
    }

    /// PATCH of JSON.
    #[must_use]
    #[track_caller]
    pub fn patch(&self, path: &str, body: &Value) -> Reply {
        self.json("PATCH", path, body)
    }

    /// DELETE.
    #[must_use]
    #[track_caller]
    pub fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, &[], "")
    }
}

/// A form with files (RFC 7578).
#[derive(Clone, Default)]
pub struct Form(Vec<u8>);

impl Form {
    const BOUNDARY: &str = "kehu-tests-7MA4YWxkTrZu0gW";

    fn part(mut self, head: &str, content: &[u8]) -> Self {
        self.0.extend_from_slice(
            format!("--{}\r\nContent-Disposition: form-data; {head}\r\n\r\n", Self::BOUNDARY).as_bytes(),
        );
        self.0.extend_from_slice(content);
        self.0.extend_from_slice(b"\r\n");
        self
    }

    /// With a text.
    #[must_use]
    pub fn text(self, name: &str, value: &str) -> Self {
        self.part(&format!("name=\"{name}\""), value.as_bytes())
    }

    /// With a file, which says of itself that it is a picture.
    #[must_use]
    pub fn file(self, name: &str, content: &[u8]) -> Self {
        self.part(&format!("name=\"file\"; filename=\"{name}\"\r\nContent-Type: image/png"), content)
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        [&self.0, format!("--{}--\r\n", Self::BOUNDARY).as_bytes()].concat()
    }

    /// Its content type.
    #[must_use]
    pub fn content_type() -> String {
        format!("multipart/form-data; boundary={}", Self::BOUNDARY)
    }
}

/// A text as it stands in an address.
#[must_use]
pub fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
