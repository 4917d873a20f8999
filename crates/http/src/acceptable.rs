//! Whether the answer is one that the request takes: its type, and how it is packed (RFC 9110, 12.5.1 and 8.4).

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{self, HeaderMap, HeaderValue};

/// Answers that are smaller gain nothing from being packed, in bytes.
const PACKED_FROM: u64 = 1024;

/// What every answer of the API may be made of: the record, or the problem.
const TYPES: &[&str] = &["application/json", "application/problem+json", "application/*", "*/*"];

/// Whether a request takes what its address answers. `Accept` is looked at where JSON alone is answered; elsewhere (a file,
/// a page) the answer is what it is.
pub(crate) fn takes(path: &str, headers: &HeaderMap) -> bool {
    let json = path.starts_with("/v1/") && !path.starts_with("/v1/hooks/") && !is_download(path);
    let said: Vec<&str> = headers.get_all(header::ACCEPT).filter_map(|value| value.to_str().ok()).collect();
    let ranges: Vec<&str> = said.iter().flat_map(|value| value.split(',')).map(str::trim).collect();
    !json || ranges.iter().all(|range| range.is_empty()) || ranges.iter().any(|range| is_json(range))
}

/// Contents of files, and tables and streams that say what they are in their names.
fn is_download(path: &str) -> bool {
    path.ends_with("/content")
        || path.ends_with("/stream")
        || path.rsplit('/').next().is_some_and(|name| name.contains('.'))
}

/// Whether a range of types holds JSON, and with some weight.
fn is_json(range: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    let wanted = weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|weight| weight > 0.0));
    wanted && TYPES.iter().any(|known| kind.eq_ignore_ascii_case(known))
}

/// Keeps a small answer from being packed, by naming its coding; [`unpacked`] takes that word away again.
pub(crate) fn spare(answer: &mut ServiceResponse<BoxBody>) {
    let small = matches!(answer.response().body().size(), BodySize::Sized(size) if size < PACKED_FROM);
    let headers = answer.headers_mut();
    if small && !headers.contains_key(header::CONTENT_ENCODING) {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("identity"));
    }
}

/// What stands behind the tag of a packed answer. Its bytes are others than those that were hashed, and a tag stands for
/// bytes.
const PACKED: &[(&str, &str)] = &[("gzip", "-gzip"), ("deflate", "-deflate")];

/// Says nothing of a coding that is none, and gives a packed answer a tag of its own.
pub(crate) fn unpacked(headers: &mut HeaderMap) {
    let Some(coding) = headers.get(header::CONTENT_ENCODING) else { return };
    if coding == "identity" {
        headers.remove(header::CONTENT_ENCODING);
        return;
    }
    let suffix = PACKED.iter().find(|(known, _)| coding == known).map(|(_, suffix)| *suffix);
    let tag = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()?.strip_suffix('"').map(str::to_owned));
    if let Some(Ok(tag)) = tag.zip(suffix).map(|(tag, suffix)| HeaderValue::from_str(&format!("{tag}{suffix}\""))) {
        headers.insert(header::ETAG, tag);
    }
}

/// Names in a 304 the tag that the client has: that of the packed answer, where it got one.
pub(crate) fn same_tag(headers: &mut HeaderMap, known: &[HeaderValue]) {
    let Some(tag) = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned) else { return };
    let listed = known.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim);
    let theirs = listed.into_iter().find(|theirs| *theirs != tag && plain(theirs) == tag);
    if let Some(Ok(theirs)) = theirs.map(HeaderValue::from_str) {
        headers.insert(header::ETAG, theirs);
    }
}

/// The tag of the answer that was packed, by the tag of the packed one.
pub(crate) fn plain(tag: &str) -> String {
    let inside = tag.strip_suffix('"').unwrap_or(tag);
    let plain = PACKED.iter().find_map(|(_, suffix)| inside.strip_suffix(suffix));
    plain.map_or_else(|| tag.to_owned(), |plain| format!("{plain}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_is_asked_for_json() {
        let takes = |path: &str, accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_str(accept).unwrap());
            takes(path, &headers)
        };
        for accept in [
            "",
            "*/*",
            "application/json",
            "Application/JSON; charset=utf-8",
            "text/html, */*;q=0.1",
            "application/*",
            "text/csv, application/problem+json",
        ] {
            assert!(takes("/v1/customers", accept), "{accept}");
        }
        for accept in ["text/csv", "application/xml, text/*", "application/json;q=0", "*/*;q=0", "application/json;q=x"]
        {
            assert!(!takes("/v1/customers", accept), "{accept}");
        }
        for path in
            ["/v1/attachments/1/content", "/v1/imports/1/rows.csv", "/v1/changes/stream", "/v1/hooks/hk_1", "/docs"]
        {
            assert!(takes(path, "text/csv"), "{path}");
        }
        assert!(super::takes("/v1/customers", &HeaderMap::new()));
    }

    #[test]
    fn a_packed_answer_has_a_tag_of_its_own() {
        let tag = |coding: &'static str, tag: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
            headers.insert(header::ETAG, HeaderValue::from_static(tag));
            unpacked(&mut headers);
            let coding = headers.contains_key(header::CONTENT_ENCODING);
            (headers.get(header::ETAG).unwrap().to_str().unwrap().to_owned(), coding)
        };
        assert_eq!(tag("gzip", "\"7-5f\""), ("\"7-5f-gzip\"".into(), true));
        assert_eq!(tag("deflate", "\"7-5f\""), ("\"7-5f-deflate\"".into(), true));
        assert_eq!(tag("identity", "\"7-5f\""), ("\"7-5f\"".into(), false));
        assert_eq!(
            (plain("\"7-5f-gzip\""), plain("\"7-5f\""), plain("*")),
            ("\"7-5f\"".into(), "\"7-5f\"".into(), "*".into())
        );
    }

    #[test]
    fn what_is_the_same_has_the_tag_that_the_client_has() {
        let told = |known: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ETAG, HeaderValue::from_static("\"7-5f\""));
            same_tag(&mut headers, &[HeaderValue::from_static(known)]);
            headers.get(header::ETAG).unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(told("\"1-a\", \"7-5f-gzip\""), "\"7-5f-gzip\"");
        for other in ["\"7-5f\"", "*", "\"7-5e-gzip\""] {
            assert_eq!(told(other), "\"7-5f\"", "{other}");
        }
    }
}
