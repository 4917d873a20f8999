//! The methods that no handler names: HEAD is GET without a body, OPTIONS tells which methods an address has (RFC 9110,
//! 9.3.2 and 9.3.7).

use actix_web::HttpResponse;
use actix_web::dev::{RequestHead, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{Method, StatusCode};

use crate::door::keep_headers;

/// What the client asked for, where another method is routed in its place or none is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The method that is routed.
    Routed,
    /// Which methods there are.
    Options,
}

impl Asked {
    /// Reads the method, and makes a GET of a HEAD: the connection sends the head of the answer alone.
    pub(crate) fn read(head: &mut RequestHead) -> Self {
        if head.method == Method::HEAD && is_safe(head.uri.path()) && !has_own_head(head.uri.path()) {
            head.method = Method::GET;
        }
        if head.method == Method::OPTIONS { Self::Options } else { Self::Routed }
    }
}

/// Whether a GET of the address only reads. One that does something must not be done by whoever looks whether the address
/// is there.
fn is_safe(path: &str) -> bool {
    !path.starts_with("/v1/hooks/") && path != "/v1/auth/external/callback"
}

/// Whether a handler answers HEAD itself: of a file nothing is read then.
fn has_own_head(path: &str) -> bool {
    path.strip_prefix("/v1/attachments/").is_some_and(|rest| rest.ends_with("/content"))
}

/// Turns the 405 that a question for the methods came to into its answer.
pub(crate) fn told(answer: ServiceResponse, asked: Asked) -> ServiceResponse {
    let methods = answer.headers().get(header::ALLOW).cloned();
    match methods.filter(|_| asked == Asked::Options && answer.status() == StatusCode::METHOD_NOT_ALLOWED) {
        Some(methods) => {
            let told = HttpResponse::NoContent().insert_header((header::ALLOW, methods)).finish();
            let told = keep_headers(told, answer.headers());
            answer.into_response(told)
        }
        None => answer,
    }
}

/// Names in `Allow`, beside the methods that are routed, those that are answered for them.
pub(crate) fn complete(answer: &mut ServiceResponse) {
    let safe = is_safe(answer.request().path());
    let headers = answer.headers_mut();
    let Some(routed) = headers.get(header::ALLOW).and_then(|methods| methods.to_str().ok()) else { return };
    let mut all: Vec<&str> = Vec::new();
    for method in routed.split(',').map(str::trim).filter(|method| !method.is_empty()) {
        let implied = (method == "GET" && safe).then_some("HEAD");
        all.extend([method].into_iter().chain(implied));
    }
    all.push("OPTIONS");
    let mut named: Vec<&str> = Vec::new();
    for method in all {
        if !named.contains(&method) {
            named.push(method);
        }
    }
    if let Ok(methods) = HeaderValue::from_str(&named.join(", ")) {
        headers.insert(header::ALLOW, methods);
    }
}
