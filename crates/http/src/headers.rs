//! What the headers of a request say: which request it is, in which language to answer, under which conditions to write.

use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};

use actix_web::dev::{Payload, RequestHead};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderName};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use chrono::{DateTime, Utc};
use kehu_domain::flaw::Lang;
use kehu_domain::reason;
use kehu_store::RequestInfo;
use kehu_store::clock::new_id;
use uuid::Uuid;

use crate::acceptable::plain;
use crate::address::Forwarded;
use crate::problem::Problem;
use crate::problem_codes as codes;
use crate::query::percent_decoded;

/// The header that names a request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The header by which a POST becomes a PATCH.
pub const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");
/// The header that makes a repeated write the same write.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header that says why something is written.
pub const CHANGE_REASON: HeaderName = HeaderName::from_static("x-change-reason");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Longest user agent that is kept, in bytes.
const AGENT_MAX: usize = 300;

/// What is known of a request before anybody looks at what it asks. Handlers take it as an argument.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The caller's own id if it sent a sane one, else a new one; in the answer and in the log.
    pub request_id: String,
    /// The language of the answer's texts.
    pub lang: Lang,
    /// The client's address: personal data, never in a log.
    pub client: IpAddr,
    /// The client's name for itself: personal data, never in a log.
    pub user_agent: Option<String>,
}

impl Incoming {
    /// Reads the head of a request.
    pub(crate) fn read(head: &RequestHead, forwarded: &Forwarded, now: DateTime<Utc>) -> Self {
        let headers = &head.headers;
        let peer = head.peer_addr.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
        let given = text(headers, &REQUEST_ID).filter(|id| is_request_id(id));
        Self {
            request_id: given.map_or_else(|| new_id(now).simple().to_string(), str::to_owned),
            lang: lang(text(headers, &header::ACCEPT_LANGUAGE).unwrap_or_default()),
            client: forwarded.client(peer, headers.get_all(FORWARDED_FOR).filter_map(|value| value.to_str().ok())),
            user_agent: text(headers, &header::USER_AGENT).map(|agent| shortened(agent).to_owned()),
        }
    }

    /// What the door read of a request.
    #[must_use]
    pub fn of(request: &actix_web::HttpRequest) -> Option<Self> {
        request.extensions().get::<Self>().cloned()
    }

    /// The same for the journal; `via` names the door: `api`, `form`, `hook`.
    #[must_use]
    pub fn for_gate(&self, via: &'static str) -> RequestInfo {
        RequestInfo {
            request_id: self.request_id.clone(),
            via,
            address: Some(self.client.to_string()),
            user_agent: self.user_agent.clone(),
            reason: None,
        }
    }
}

impl FromRequest for Incoming {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let incoming = request.extensions().get::<Self>().cloned();
        ready(incoming.ok_or_else(|| Problem::internal("a request came past the door")))
    }
}

/// The method that counts: `X-HTTP-Method-Override: PATCH` turns a POST into a PATCH, for clients that cannot send one.
///
/// # Errors
/// 400 for any other override.
pub(crate) fn overridden(head: &RequestHead) -> Result<Option<Method>, Problem> {
    let mut all = head.headers.get_all(METHOD_OVERRIDE);
    let Some(said) = all.next() else { return Ok(None) };
    // Of two that differ nobody knows which counts.
    if head.method == Method::POST && said.as_bytes() == b"PATCH" && all.next().is_none() {
        Ok(Some(Method::PATCH))
    } else {
        Err(Problem::new(&codes::METHOD_OVERRIDE_INVALID))
    }
}

/// The `Idempotency-Key`, where there is one.
///
/// # Errors
/// 400 unless it has 16 to 255 printable ASCII characters.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut keys = headers.get_all(IDEMPOTENCY_KEY);
    let Some(key) = keys.next() else { return Ok(None) };
    let fits = |key: &&str| (16..=255).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    match (key.to_str().ok().filter(fits), keys.next()) {
        (Some(key), None) => Ok(Some(key.to_owned())),
        _ => Err(Problem::new(&codes::IDEMPOTENCY_KEY_INVALID)),
    }
}

/// The version that `If-Match` asks for. `*` is any, and so is none. A weak tag counts: proxies that compress make tags
/// weak, and only the number is compared.
///
/// # Errors
/// 400 for what is not one tag of ours, `"7-5f3a…"`.
pub fn if_match(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let value = value.to_str().unwrap_or_default().trim();
    if value == "*" {
        return Ok(None);
    }
    let number = opaque(value).and_then(|tag| tag.split_once('-')).and_then(|(number, hash)| {
        let plain = !hash.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        number.parse().ok().filter(|_| plain)
    });
    number.map(Some).ok_or_else(|| {
        let problem = Problem::new(&codes::HEADER_INVALID).with_param("header", "If-Match");
        problem
            .with_param("expected_en", "one ETag as an answer gave it, such as \"7-5f3a9c…\"")
            .with_param("expected_zh", "某次响应给出的一个 ETag，如 \"7-5f3a9c…\"")
    })
}

/// Whether `If-None-Match` names this tag (with its quotes), so that the answer is 304. Tags are compared weakly (RFC
/// 9110, 13.1.2), and that of the packed answer is as good; a malformed header names nothing.
#[must_use]
pub fn if_none_match(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|tag| plain(tag.trim()))
        .any(|tag| tag == "*" || (opaque(etag).is_some() && opaque(&tag) == opaque(etag)))
}

/// Whether `If-None-Match: *` says that a record is only to be made, not changed (RFC 9110, 13.1.2).
///
/// # Errors
/// 400 for a tag: what is written is not compared with one, and the write must not be done as if it were.
pub fn only_new(headers: &HeaderMap) -> Result<bool, Problem> {
    let mut said = headers.get_all(header::IF_NONE_MATCH);
    match (said.next().map(|value| value.to_str().map(str::trim)), said.next()) {
        (None, _) => Ok(false),
        (Some(Ok("*")), None) => Ok(true),
        _ => Err(Problem::new(&codes::HEADER_INVALID)
            .with_param("header", "If-None-Match")
            .with_param("expected_en", "* alone: only to be made")
            .with_param("expected_zh", "单独的 *（仅在记录不存在时新建）")),
    }
}

/// The inside of an entity tag.
fn opaque(tag: &str) -> Option<&str> {
    tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"')?.strip_suffix('"').filter(|tag| !tag.contains('"'))
}

/// The language that `Accept-Language` (RFC 9110, 12.5.4) prefers of the two; English where it names neither.
#[must_use]
pub fn lang(accepted: &str) -> Lang {
    let mut best = (0.0_f32, Lang::En);
    for range in accepted.split(',') {
        let (tag, weight) = range.split_once(';').unwrap_or((range, ""));
        let main = tag.trim().split('-').next().unwrap_or_default();
        let lang = match main {
            _ if main.eq_ignore_ascii_case("zh") => Lang::Zh,
            _ if main.eq_ignore_ascii_case("en") => Lang::En,
            _ => continue,
        };
        let weight = weight.trim().strip_prefix("q=").map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
        if weight > best.0 {
            best = (weight, lang);
        }
    }
    best.1
}

/// Why a write is made, where `X-Change-Reason` says so: plain ASCII, or UTF-8 percent-encoded, for a header holds
/// nothing else.
///
/// # Errors
/// 400: it stands there twice, is empty or longer than 300 characters, or is no such text.
pub fn change_reason(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut said = headers.get_all(CHANGE_REASON);
    let Some(value) = said.next() else { return Ok(None) };
    let text = value.to_str().ok().and_then(percent_decoded).and_then(|text| reason::parse(&text).ok());
    match text.filter(|_| said.next().is_none()) {
        Some(text) => Ok(Some(text)),
        None => Err(Problem::new(&codes::HEADER_INVALID)
            .with_param("header", "X-Change-Reason")
            .with_param("expected_en", "1 to 300 characters, percent-encoded UTF-8 where they are not ASCII")
            .with_param("expected_zh", "1 至 300 个字符，非 ASCII 字符须为百分号编码的 UTF-8")),
    }
}

/// Whether an id may stand in answers and in the log. One that could be somebody's number may not: what looks like a
/// UUID, or has a letter and never more digits in a row than a date has. Punctuation does not end a row.
fn is_request_id(id: &str) -> bool {
    let sane = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if !(1..=128).contains(&id.len()) || !id.bytes().all(sane) {
        return false;
    }
    let digits = |part: &str| part.bytes().filter(u8::is_ascii_digit).count();
    let longest = id.split(|c: char| c.is_ascii_alphabetic()).map(digits).max().unwrap_or_default();
    let lettered = id.bytes().any(|b| b.is_ascii_alphabetic());
    longest <= 6 || (lettered && (longest <= 8 || Uuid::try_parse(id).is_ok()))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// ASCII, as header values that are text are.
fn shortened(agent: &str) -> &str {
    agent.get(..AGENT_MAX).unwrap_or(agent)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let request = TestRequest::default().insert_header((name, value)).to_http_request();
        request.headers().clone()
    }

    fn incoming(request: TestRequest) -> Incoming {
        Incoming::read(request.to_http_request().head(), &Forwarded::Ignored, DateTime::UNIX_EPOCH)
    }

    #[test]
    fn the_better_liked_language_wins() {
        for zh in ["zh", "zh-CN,zh;q=0.9,en;q=0.8", "ZH-Hant", "fr, en;q=0.2, zh;q=0.3", "zh;q=1, en"] {
            assert_eq!(lang(zh), Lang::Zh, "{zh}");
        }
        for en in ["", "*", "fr-FR", "en-US,zh;q=0.5", "en, zh", "zh;q=0", "zha", "zh;q=x"] {
            assert_eq!(lang(en), Lang::En, "{en}");
        }
    }

    #[test]
    fn a_sane_request_id_is_kept_and_any_other_replaced() {
        let kept = incoming(TestRequest::default().insert_header(("X-Request-Id", "Web.42_a-b")));
        assert_eq!(kept.request_id, "Web.42_a-b");
        for id in ["01a20331-8057-746e-a8f0-8bb90347e84e", "0af7651916cd43dd8448eb211c80319c", "42", "req-20261122-x7"]
        {
            let kept = incoming(TestRequest::default().insert_header(("X-Request-Id", id)));
            assert_eq!(kept.request_id, id);
        }
        let long = "a".repeat(129);
        let numbers = ["13900001111", "139-0000-1111", "a13900001111", "tel.139.0000.1111", "11010119900307002X"];
        for bad in ["", "a b", "<script>", "a\u{e4}", &long].into_iter().chain(numbers) {
            let made = incoming(TestRequest::default().insert_header(("X-Request-Id", bad)));
            assert_ne!(made.request_id, bad);
            assert!(is_request_id(&made.request_id));
        }
    }

    #[test]
    fn only_a_post_becomes_a_patch() {
        let said = |method: Method, value: &str| {
            let request = TestRequest::default().method(method).insert_header((METHOD_OVERRIDE, value));
            overridden(request.to_http_request().head()).map_err(|problem| problem.key())
        };
        assert_eq!(said(Method::POST, "PATCH"), Ok(Some(Method::PATCH)));
        for (method, value) in [
            (Method::POST, "DELETE"),
            (Method::POST, "patch"),
            (Method::POST, ""),
            (Method::GET, "PATCH"),
            (Method::PUT, "PATCH"),
        ] {
            assert_eq!(said(method, value), Err("method_override_invalid"));
        }
        assert!(overridden(TestRequest::post().to_http_request().head()).unwrap().is_none());
        let twice = TestRequest::post().append_header((METHOD_OVERRIDE, "PATCH"));
        let twice = twice.append_header((METHOD_OVERRIDE, "DELETE")).to_http_request();
        assert_eq!(overridden(twice.head()).map_err(|problem| problem.key()), Err("method_override_invalid"));
    }

    #[test]
    fn if_match_gives_the_number_of_our_tags() {
        let version = |value: &str| if_match(&headers("If-Match", value)).map_err(|problem| problem.key());
        assert_eq!(version("\"7-5f3a\""), Ok(Some(7)));
        assert_eq!(version("W/\"12-0\""), Ok(Some(12)));
        assert_eq!(version("*"), Ok(None));
        assert_eq!(if_match(&HeaderMap::new()).unwrap(), None);
        for bad in ["7", "\"7\"", "\"7-\"", "\"-5f\"", "\"+7-5f\"", "\"x-5f\"", "\"7-a\", \"8-b\"", "\"7-a", ""] {
            assert_eq!(version(bad), Err("header_invalid"), "{bad}");
        }
    }

    #[test]
    fn if_none_match_compares_whole_tags() {
        let holds = |value: &str| if_none_match(&headers("If-None-Match", value), "\"7-5f3a\"");
        for same in ["\"7-5f3a\"", "\"7-5f3a-gzip\"", "W/\"7-5f3a\"", "\"1-a\", \"7-5f3a\"", "*"] {
            assert!(holds(same), "{same}");
        }
        for other in ["", "\"7-5f3b\"", "7-5f3a", "\"7\"", "\"7-5f3a"] {
            assert!(!holds(other), "{other}");
        }
    }

    #[test]
    fn a_reason_is_ascii_or_percent_encoded() {
        let reason = |value: &str| change_reason(&headers("X-Change-Reason", value)).map_err(|problem| problem.key());
        assert_eq!(reason("asked by the customer, 100%25"), Ok(Some("asked by the customer, 100%".into())));
        assert_eq!(reason("%E5%AE%A2%E6%88%B7%E8%A6%81%E6%B1%82+1"), Ok(Some("客户要求+1".into())));
        assert_eq!(reason(&"%E5%AE%A2".repeat(300)), Ok(Some("客".repeat(300))));
        assert_eq!(change_reason(&HeaderMap::new()).unwrap(), None);
        let long = "a".repeat(301);
        for bad in ["", "%20", "100%", "%zz", "%FF", "a%0Ab", "a%00", "\u{5ba2}", &long] {
            assert_eq!(reason(bad), Err("header_invalid"), "{bad}");
        }
    }

    #[test]
    fn an_idempotency_key_has_16_to_255_characters() {
        let key = |value: &str| idempotency_key(&headers("Idempotency-Key", value)).map_err(|problem| problem.key());
        assert_eq!(key("0123456789abcdef"), Ok(Some("0123456789abcdef".into())));
        assert_eq!(idempotency_key(&HeaderMap::new()).unwrap(), None);
        for bad in ["", "0123456789abcde", &"a".repeat(256), "0123456789abcde\u{e9}\u{e9}"] {
            assert_eq!(key(bad), Err("idempotency_key_invalid"), "{bad}");
        }
    }
}
