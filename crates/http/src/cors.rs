//! Which pages of other origins may call from a browser: those that were configured, and for submissions to a form the
//! form's own.

use std::str::FromStr;

use actix_cors::Cors;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse};

/// Request headers that a page may send.
const ALLOWED: &[&str] = &[
    "authorization",
    "content-type",
    "if-match",
    "if-none-match",
    "idempotency-key",
    "accept-language",
    "x-request-id",
    "x-http-method-override",
    "x-change-reason",
];

/// Answer headers that a page may read.
const EXPOSED: &[&str] = &[
    "etag",
    "location",
    "retry-after",
    "idempotency-replayed",
    "x-request-id",
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "content-disposition",
];

/// Seconds for which a browser remembers what it may do.
const MAX_AGE: usize = 3600;

/// The origin of a page as browsers send it: `https://crm.example.com`, `http://localhost:5173`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim().trim_end_matches('/').to_ascii_lowercase();
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
        let plain = host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'));
        if host.is_empty() || !plain {
            return Err(format!("“{text}” is no origin: write scheme and host, such as https://crm.example.com"));
        }
        // Browsers leave the scheme's own port out.
        let text = match text.split_once("://") {
            Some(("https", host)) => format!("https://{}", host.strip_suffix(":443").unwrap_or(host)),
            Some((scheme, host)) => format!("{scheme}://{}", host.strip_suffix(":80").unwrap_or(host)),
            None => text,
        };
        Ok(Self(text))
    }
}

/// The middleware for the configured origins. `Vary` is the door's to say.
pub(crate) fn configured(origins: &[Origin]) -> Cors {
    let cors = Cors::default()
        .allowed_methods(["GET", "POST", "PUT", "PATCH", "DELETE"])
        .allowed_headers(ALLOWED.iter().copied())
        .expose_headers(EXPOSED.iter().copied())
        // For the cookie that refreshes; nothing else looks at one.
        .supports_credentials()
        .max_age(MAX_AGE)
        .disable_vary_header();
    origins.iter().fold(cors, |cors, Origin(origin)| cors.allowed_origin(origin))
}

/// Answers a browser that asks whether it may submit to a form. It always may ask: whether the form takes submissions
/// from that origin is told by the answer to the submission, so that this one tells nothing about forms.
pub(crate) async fn form_preflight<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let asks = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        && is_submission(request.path());
    let origin = request.headers().get(header::ORIGIN).filter(|_| asks).cloned();
    let Some(origin) = origin else { return Ok(next.call(request).await?.map_into_left_body()) };
    let answer = HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, origin))
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "POST"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED.join(", ")))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, MAX_AGE.to_string()))
        .finish();
    Ok(request.into_response(answer).map_into_right_body())
}

/// `/v1/forms/{id}/submissions`
fn is_submission(path: &str) -> bool {
    let form = path.strip_prefix("/v1/forms/").and_then(|rest| rest.strip_suffix("/submissions"));
    form.is_some_and(|form| !form.is_empty() && !form.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_and_host() {
        let origin = |text: &str| text.parse::<Origin>().map(|Origin(origin)| origin).ok();
        assert_eq!(origin(" https://CRM.example.com/ ").as_deref(), Some("https://crm.example.com"));
        assert_eq!(origin("http://localhost:5173").as_deref(), Some("http://localhost:5173"));
        assert_eq!(origin("https://a.cn:443").as_deref(), Some("https://a.cn"));
        assert_eq!(origin("http://[::1]:3000").as_deref(), Some("http://[::1]:3000"));
        for bad in ["", "*", "crm.example.com", "https://", "https://a.cn/app", "ftp://a.cn", "https://*.a.cn"] {
            assert_eq!(origin(bad), None, "{bad}");
        }
    }

    #[test]
    fn submissions_are_told_by_their_path() {
        assert!(is_submission("/v1/forms/frm_1/submissions"));
        for other in ["/v1/forms//submissions", "/v1/forms/a/b/submissions", "/v1/forms/a", "/v1/hooks/hk_1"] {
            assert!(!is_submission(other), "{other}");
        }
    }
}
