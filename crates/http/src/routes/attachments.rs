//! Files: taken part by part as they come, given chunk by chunk. None is ever whole in memory, nor in clear on a disk.

use std::time::{Duration, Instant};

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::body::SizedStream;
use actix_web::http::header::{self, HeaderMap};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Bytes, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::{StreamExt as _, stream};
use kehu_domain::codes as flaws;
use kehu_domain::flaw::Flaw;
use kehu_store::Caller;
use kehu_store::attachments::{Content, Piece, Said, Upload};
use kehu_store::failure::Failure;
use kehu_store::machine::resource;
use serde_json::{Map, Value};

use crate::auth;
use crate::body::{DEADLINE_SECONDS, parse_json};
use crate::problem::Problem;
use crate::problem_codes as codes;
use crate::query::Query;
use crate::signed::{Signed, SignedParts};

use super::records::{of_write, options, record_id};

type Reply = Result<HttpResponse, Problem>;

/// For how long the rest of what is refused is read.
const DRAIN: Duration = Duration::from_secs(5);
/// Longest part that is not the file, in bytes.
const TEXT_BYTES: usize = 4096;
/// The same of custom fields, which are as large as in a record.
const CUSTOM_BYTES: usize = 64 * 1024;
/// What a body may have beside the file, in bytes: custom fields, and the other parts with their headers.
const BESIDE_BYTES: u64 = 2 * 64 * 1024;
/// Bytes that come in a second at the least, over a whole body.
const SLOWEST: u64 = 64_000;
/// The most seconds that a body may take.
const LONGEST_SECONDS: u64 = 3600;
/// For how long what the caller may do is believed. An upload that took longer is admitted again at its end.
const FRESH: Duration = Duration::from_secs(1);
/// Parts that there may be, and the members of the record that they say.
const PARTS: [(&str, &str); 4] =
    [("kind", "record_kind"), ("record_id", "record_id"), ("name", "name"), ("custom", "custom")];

/// Registers what is no verb of every kind.
pub(super) fn configure(app: &mut ServiceConfig) {
    app.service(
        web::resource("/v1/attachments/{id}/content").route(web::get().to(content)).route(web::head().to(content)),
    );
}

/// `POST /v1/attachments`
pub(super) async fn upload(request: HttpRequest, signed: SignedParts) -> Reply {
    let SignedParts { caller, query, mut parts } = signed;
    let answer = received(&request, &caller, query, &mut parts).await;
    if answer.is_err() {
        drain(parts).await;
    }
    answer
}

async fn received(request: &HttpRequest, caller: &Caller, query: Query, parts: &mut Multipart) -> Reply {
    let options = options(request, query, None)?;
    let begun = Instant::now();
    let mut upload = Upload::begin(caller).await?;
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > upload.max_bytes().saturating_add(BESIDE_BYTES)) {
        return Err(Failure::FileTooLarge(upload.max_bytes()).into());
    }
    let seconds = seconds_for(length.unwrap_or_else(|| upload.max_bytes().saturating_add(BESIDE_BYTES)));
    let reading = tokio::time::timeout(Duration::from_secs(seconds), members(&mut upload, parts));
    let members = reading.await.unwrap_or_else(|_| Err(too_slow(seconds)))?;
    if begun.elapsed() > FRESH {
        upload.admit(auth::again(request, caller).await?);
    }
    let written = upload.finish(Said { members }, &options).await.map_err(as_parts)?;
    let attachments = resource("attachment").ok_or_else(|| Problem::internal("attachments are no kind"))?;
    Ok(of_write(request, attachments, written))
}

/// How long a body of so many bytes may take, over all its parts.
fn seconds_for(bytes: u64) -> u64 {
    (DEADLINE_SECONDS + bytes.div_ceil(SLOWEST)).min(LONGEST_SECONDS)
}

/// Reads the parts: the file is taken, the members of the record come back.
async fn members(upload: &mut Upload, parts: &mut Multipart) -> Result<Map<String, Value>, Problem> {
    let mut members = Map::new();
    while let Some(part) = within_time(parts.next()).await? {
        let mut part = part.map_err(|error| malformed(&error))?;
        let name = part.name().unwrap_or_default().to_owned();
        let pointer = format!("/{name}");
        let known = PARTS.iter().find(|(known, _)| *known == name).map(|(_, member)| *member);
        match known {
            _ if name == "file" && upload.has_file() => return Err(twice(&pointer)),
            _ if name == "file" => take(upload, &mut part).await?,
            Some(member) if members.contains_key(member) => return Err(twice(&pointer)),
            Some(member) => {
                // Custom fields are structured: JSON, as in other bodies.
                let said = match name.as_str() {
                    "custom" => parse_json(text(&mut part, CUSTOM_BYTES).await?.as_bytes())?,
                    _ => text(&mut part, TEXT_BYTES).await?.into(),
                };
                members.insert(member.to_owned(), said);
            }
            None => {
                let known = ["file"].into_iter().chain(PARTS.iter().map(|(known, _)| *known));
                let flaw = Flaw::new(&flaws::FIELD_UNKNOWN).with("field", name.chars().take(50).collect::<String>());
                let flaw = flaw.with("known", known.collect::<Vec<_>>().join(", "));
                return Err(refused("", flaw));
            }
        }
    }
    Ok(members)
}

/// Reads on for a while what nobody wants: a client that still sends would not hear why.
async fn drain(mut parts: Multipart) {
    let rest = async {
        while let Some(Ok(mut part)) = parts.next().await {
            while let Some(Ok(_)) = part.next().await {}
        }
    };
    // Whoever sends more has it from the connection.
    let _ = tokio::time::timeout(DRAIN, rest).await;
}

/// Takes the file.
async fn take(upload: &mut Upload, part: &mut Field) -> Result<(), Problem> {
    upload.name_file(&file_name(part));
    while let Some(bytes) = within_time(part.next()).await? {
        upload.take(bytes.map_err(|error| malformed(&error))?.to_vec()).await?;
    }
    Ok(())
}

/// What the file is called where it comes from, without the folders that some clients send along.
fn file_name(part: &Field) -> String {
    let said = part.content_disposition();
    let extended = said.and_then(|said| said.get_filename_ext());
    let extended = extended.and_then(|name| String::from_utf8(name.value.clone()).ok());
    let plain = || said.and_then(|said| said.get_filename()).map(str::to_owned);
    let whole = extended.or_else(plain).unwrap_or_default();
    whole.rsplit(['/', '\\']).next().unwrap_or_default().trim().to_owned()
}

/// A part that is text of at most so many bytes.
async fn text(part: &mut Field, most: usize) -> Result<String, Problem> {
    let mut all = Vec::new();
    while let Some(bytes) = within_time(part.next()).await? {
        all.extend_from_slice(&bytes.map_err(|error| malformed(&error))?);
        if all.len() > most {
            return Err(Problem::new(&codes::BODY_TOO_LARGE).closing());
        }
    }
    String::from_utf8(all)
        .ok()
        .filter(|text| !text.contains('\0'))
        .ok_or_else(|| Problem::new(&codes::BAD_REQUEST).closing())
}

/// What does not come for as long as a whole body may take has been given up.
async fn within_time<T>(next: impl Future<Output = T>) -> Result<T, Problem> {
    tokio::time::timeout(Duration::from_secs(DEADLINE_SECONDS), next).await.map_err(|_| too_slow(DEADLINE_SECONDS))
}

fn too_slow(seconds: u64) -> Problem {
    Problem::new(&codes::REQUEST_TIMEOUT).with_param("seconds", seconds).closing()
}

fn malformed(error: &MultipartError) -> Problem {
    tracing::debug!(%error, "the parts of a body cannot be read");
    Problem::new(&codes::BAD_REQUEST).closing()
}

fn refused(pointer: &str, flaw: Flaw) -> Problem {
    Problem::new(&codes::VALIDATION).with_finding(pointer, flaw).closing()
}

fn twice(pointer: &str) -> Problem {
    refused(pointer, Flaw::new(&flaws::LIST_TOO_LONG).with("max", 1))
}

/// Pointers name parts.
fn as_parts(failure: Failure) -> Failure {
    let Failure::Refused(mut findings) = failure else { return failure };
    for finding in &mut findings {
        if let Some((part, _)) = PARTS.iter().find(|(_, member)| finding.pointer == format!("/{member}")) {
            finding.pointer = format!("/{part}");
        }
    }
    Failure::Refused(findings)
}

/// `GET` and `HEAD /v1/attachments/{id}/content`
async fn content(request: HttpRequest, signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    let content = Content::open(&caller, record_id(&id)?).await?;
    let (size, range) = (content.size(), range(request.headers(), content.size())?);
    let mut answer = HttpResponse::build(if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK });
    answer
        .insert_header((header::CONTENT_TYPE, content.media_type()))
        .insert_header((header::CONTENT_DISPOSITION, disposition(content.name())))
        .insert_header((header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"))
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        // What is packed already is not packed again, and its length is known.
        .insert_header((header::CONTENT_ENCODING, "identity"));
    let (from, end) = range.unwrap_or((0, size));
    if range.is_some() {
        answer.insert_header((header::CONTENT_RANGE, format!("bytes {from}-{}/{size}", end.saturating_sub(1))));
    }
    if request.method() == Method::HEAD {
        return Ok(answer.body(SizedStream::new(end - from, stream::empty::<Result<Bytes, Problem>>())));
    }
    let piece = content.give(from, end).await?;
    Ok(answer.body(SizedStream::new(end - from, Box::pin(stream::try_unfold(piece, next)))))
}

/// The next bytes. What fails here ends the connection: the length that was promised does not come.
async fn next(mut piece: Piece) -> Result<Option<(Bytes, Piece)>, Problem> {
    Ok(piece.next().await?.map(|bytes| (Bytes::from(bytes), piece)))
}

/// The one range that is asked for, as its first byte and the one behind its last. Several are answered with the whole,
/// and so is one under a condition: contents have no tags, since they never change.
fn range(headers: &HeaderMap, size: u64) -> Result<Option<(u64, u64)>, Problem> {
    let Some(said) = headers.get(header::RANGE).filter(|_| !headers.contains_key(header::IF_RANGE)) else {
        return Ok(None);
    };
    let Some(parts) = said.to_str().ok().and_then(|said| said.trim().strip_prefix("bytes=")?.split_once('-')) else {
        return Ok(None);
    };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let found = match parts {
        ("", last) => number(last).map(|last| (size.saturating_sub(last), size)).filter(|_| last.trim() != "0"),
        (from, "") => number(from).map(|from| (from, size)),
        (from, last) => match (number(from), number(last)) {
            (Some(from), Some(last)) if from <= last => Some((from, last.saturating_add(1).min(size))),
            // Not as RFC 9110 has it: as if nothing was said.
            _ => return Ok(None),
        },
    };
    match found {
        Some((from, end)) if from < end => Ok(Some((from, end))),
        _ => {
            let problem = Problem::new(&codes::RANGE_INVALID).with_param("size", size);
            Err(problem.with_header("content-range", format!("bytes */{size}")))
        }
    }
}

/// Saved under its name, never shown (RFC 6266); for old clients without what is not plain.
fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ') { c } else { '_' })
        .collect();
    let mut encoded = String::new();
    for byte in name.bytes() {
        // The characters of RFC 5987 that need no escape.
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    #[test]
    fn one_range_is_understood() {
        let asked = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, HeaderValue::from_str(text).unwrap());
            range(&headers, 100).map_err(|problem| problem.status())
        };
        for (text, meant) in [
            ("bytes=0-9", Some((0, 10))),
            ("bytes=90-", Some((90, 100))),
            ("bytes=-10", Some((90, 100))),
            ("bytes=-1000", Some((0, 100))),
            ("bytes=50-1000", Some((50, 100))),
            ("bytes=9-0", None),
            ("bytes=0-1,5-6", None),
            ("lines=0-1", None),
        ] {
            assert_eq!(asked(text), Ok(meant), "{text}");
        }
        for text in ["bytes=100-", "bytes=100-200", "bytes=-0"] {
            assert_eq!(asked(text), Err(416), "{text}");
        }
    }

    #[test]
    fn a_body_has_time_by_its_length() {
        for (bytes, seconds) in [(0, 30), (1, 31), (6_400_000, 130), (200 << 20, 3307), (u64::MAX, 3600)] {
            assert_eq!(seconds_for(bytes), seconds, "{bytes}");
        }
    }

    #[test]
    fn a_name_breaks_no_header() {
        let said = disposition("合同\"\r\n2026;.pdf");
        assert!(said.is_ascii() && !said.contains('\r') && !said.contains('\n'), "{said}");
        assert!(said.ends_with("filename*=UTF-8''%E5%90%88%E5%90%8C%22%0D%0A2026%3B.pdf"), "{said}");
        assert!(said.starts_with("attachment; filename=\"_____2026_.pdf\";"), "{said}");
    }
}
