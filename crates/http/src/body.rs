//! Reading bodies: within a size, within a time, and JSON without surprises.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_multipart::Multipart;
use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web::{Bytes, BytesMut};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::StreamExt;
use kehu_domain::flaw::Flaw;
use kehu_domain::read::pointer;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::problem::Problem;
use crate::problem_codes as codes;

/// Seconds that a whole body may take to arrive.
pub const DEADLINE_SECONDS: u64 = 30;
/// Largest body of one record or question, in bytes.
pub const RECORD_BYTES: usize = 2 * 1024 * 1024;
/// Largest body of somebody who is not signed in, in bytes.
pub const SMALL_BYTES: usize = 64 * 1024;
/// Largest body of a batch, in bytes.
pub const BATCH_BYTES: usize = 16 * 1024 * 1024;
/// How deep a body may be nested.
const DEPTH_MAX: usize = 32;

const JSON: &str = "application/json";
const FORM_DATA: &str = "multipart/form-data";
const MERGE_PATCH: &str = "application/merge-patch+json";

/// The small JSON body of somebody who is not signed in yet. A handler's argument.
#[derive(Debug)]
pub struct JsonBody(pub Value);

type Reading<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

impl FromRequest for JsonBody {
    type Error = Problem;
    type Future = Reading<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let reading = read_json(request, payload.take(), SMALL_BYTES);
        Box::pin(async move { reading.await.map(Self) })
    }
}

/// Reads a JSON body of at most `max` bytes: `application/json`, for a PATCH `application/merge-patch+json` too.
///
/// # Errors
/// 415 for another content type, else as [`read_bytes`] and [`parse_json`].
pub fn read_json(
    request: &HttpRequest,
    payload: Payload,
    max: usize,
) -> impl Future<Output = Result<Value, Problem>> + 'static {
    let typed = json_type(request.headers(), request.content_type(), request.method());
    let reading = read_bytes(request, payload, max);
    async move {
        typed?;
        parse_json(&reading.await?)
    }
}

/// Reads a body of at most `max` bytes as it is.
///
/// # Errors
/// 413 when it is larger, 408 when it does not arrive within 30 seconds, 415 when it has a content coding.
pub fn read_bytes(
    request: &HttpRequest,
    payload: Payload,
    max: usize,
) -> impl Future<Output = Result<Bytes, Problem>> + 'static {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let coded = request.headers().get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity");
    async move {
        if coded {
            return Err(unsupported(JSON));
        }
        if length.is_some_and(|length: u64| usize::try_from(length).map_or(true, |length| length > max)) {
            return Err(too_large());
        }
        let deadline = Duration::from_secs(DEADLINE_SECONDS);
        tokio::time::timeout(deadline, collect(payload, max)).await.unwrap_or_else(|_| {
            let problem = Problem::new(&codes::REQUEST_TIMEOUT).with_param("seconds", DEADLINE_SECONDS);
            Err(problem.closing())
        })
    }
}

/// The parts of a body, read as they come.
///
/// # Errors
/// 415 where it has none, does not say what stands between them, or has a content coding.
pub fn parts(request: &HttpRequest, payload: Payload) -> Result<Multipart, Problem> {
    let coded = request.headers().get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity");
    if coded || !request.content_type().eq_ignore_ascii_case(FORM_DATA) {
        return Err(unsupported(FORM_DATA));
    }
    let mime = request.mime_type().ok().flatten();
    let boundary = mime.as_ref().and_then(|mime| mime.get_param("boundary"));
    if boundary.is_none_or(|boundary| boundary.as_str().is_empty()) {
        return Err(unsupported("multipart/form-data; boundary=…"));
    }
    Ok(Multipart::new(request.headers(), payload))
}

async fn collect(mut payload: Payload, max: usize) -> Result<Bytes, Problem> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::new(&codes::BAD_REQUEST).closing())?;
        if body.len() + chunk.len() > max {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn too_large() -> Problem {
    Problem::new(&codes::BODY_TOO_LARGE).closing()
}

fn unsupported(expected: &str) -> Problem {
    Problem::new(&codes::MEDIA_TYPE_UNSUPPORTED).with_param("expected", expected).closing()
}

fn json_type(headers: &HeaderMap, essence: &str, method: &Method) -> Result<(), Problem> {
    let patch = *method == Method::PATCH;
    let expected = if patch { "application/merge-patch+json, application/json" } else { JSON };
    let fits = essence.eq_ignore_ascii_case(JSON) || (patch && essence.eq_ignore_ascii_case(MERGE_PATCH));
    let whole = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let charset =
        whole.split(';').skip(1).filter_map(|parameter| parameter.split_once('=')).find_map(|(name, value)| {
            name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"').to_ascii_lowercase())
        });
    let utf8 = charset.is_none_or(|charset| charset == "utf-8" || charset == "utf8");
    if fits && utf8 { Ok(()) } else { Err(unsupported(expected)) }
}

/// Parses JSON (RFC 8259) in UTF-8, with or without a byte order mark.
///
/// # Errors
/// 400 `not_json` with line and column: not UTF-8, not JSON, a member twice, nested too deep.
pub fn parse_json(body: &[u8]) -> Result<Value, Problem> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = std::str::from_utf8(body).map_err(|error| {
        let before = body.get(..error.valid_up_to()).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
        refused(String::new(), placed(Flaw::new(&codes::JSON_NOT_UTF8), line, column))
    })?;
    let notes = Notes::default();
    let mut parser = serde_json::Deserializer::from_str(text);
    let parsed = Node { depth: 1, notes: &notes }.deserialize(&mut parser);
    parsed.and_then(|value| parser.end().map(|()| value)).map_err(|error| notes.problem(&error))
}

fn placed(flaw: Flaw, line: usize, column: usize) -> Flaw {
    flaw.with("line", line).with("column", column)
}

fn refused(pointer: String, flaw: Flaw) -> Problem {
    Problem::new(&codes::NOT_JSON).with_finding(pointer, flaw)
}

/// What the parser's own errors cannot carry: which rule of ours was broken, and the way there (innermost first).
#[derive(Default)]
struct Notes {
    flaw: RefCell<Option<Flaw>>,
    path: RefCell<Vec<String>>,
}

impl Notes {
    fn problem(&self, error: &serde_json::Error) -> Problem {
        let (line, column) = (error.line(), error.column());
        let Some(flaw) = self.flaw.take() else {
            let whole = error.to_string();
            let place = format!(" at line {line} column {column}");
            let reason = whole.strip_suffix(&place).unwrap_or(&whole);
            let flaw = placed(Flaw::new(&codes::JSON_SYNTAX), line, column).with("reason", reason);
            return refused(String::new(), flaw);
        };
        let mut path = self.path.take();
        path.reverse();
        refused(pointer(&path), placed(flaw, line, column))
    }

    /// Notes the rule that was broken; the parser stops there.
    fn broken<E: serde::de::Error>(&self, flaw: Flaw) -> E {
        self.flaw.replace(Some(flaw));
        E::custom("")
    }

    /// Notes a step of the way to a broken rule.
    fn inside<T, E>(&self, step: impl fmt::Display, read: Result<T, E>) -> Result<T, E> {
        if read.is_err() && self.flaw.borrow().is_some() {
            self.path.borrow_mut().push(step.to_string());
        }
        read
    }
}

/// One value at its depth.
#[derive(Clone, Copy)]
struct Node<'a> {
    depth: usize,
    notes: &'a Notes,
}

impl Node<'_> {
    fn below<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= DEPTH_MAX {
            return Err(self.notes.broken(Flaw::new(&codes::JSON_TOO_DEEP).with("max", DEPTH_MAX)));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Value, E> {
        // PostgreSQL stores no U+0000, and no text that people write has one.
        if value.contains('\0') {
            return Err(self.notes.broken(Flaw::new(&codes::JSON_NUL)));
        }
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let below = self.below()?;
        let mut items = Vec::new();
        while let Some(item) = self.notes.inside(items.len(), access.next_element_seed(below))? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let below = self.below()?;
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            if name.contains('\0') {
                return Err(self.notes.broken(Flaw::new(&codes::JSON_NUL)));
            }
            if members.contains_key(&name) {
                let flaw = Flaw::new(&codes::JSON_MEMBER_TWICE).with("member", &name);
                return self.notes.inside(&name, Err(self.notes.broken(flaw)));
            }
            let value = self.notes.inside(&name, access.next_value_seed(below))?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
