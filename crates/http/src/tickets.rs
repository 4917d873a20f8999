//! Tickets: addresses that open by themselves, for an image, a download, an EventSource, which can set no header.
//!
//! A ticket is signed like an access token, with a type of its own, and stored nowhere: it is asked for with every list
//! that shows pictures, and a read must not become a write. It makes the same caller as its session does, looked at with
//! each request, so that it ends with the session and with every right that is lost; what it adds is one address and five
//! minutes.

use actix_web::HttpRequest;
use actix_web::http::{Method, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use kehu_store::{Caller, Verified};
use sha2::{Digest, Sha256};

use crate::auth;
use crate::problem::Problem;
use crate::problem_codes as codes;

/// How long a ticket is good, in seconds.
const GOOD_FOR: u32 = 5 * 60;
/// The parameter that holds it, always the last one.
const PARAMETER: &str = "ticket";
/// A parameter in which some clients send their access token (RFC 6750, 2.3).
const FORBIDDEN: &str = "access_token";
/// Longest address that a ticket is made for, in characters.
pub(crate) const ADDRESS_MAX: usize = 2000;

/// An address with its ticket.
pub(crate) struct Ticket {
    pub(crate) url: String,
    pub(crate) expires_at: DateTime<Utc>,
}

/// Whether a ticket is made for an address: path and query of this API, as they will be asked for.
pub(crate) fn is_address(text: &str) -> bool {
    let plain =
        |b: u8| b.is_ascii_graphic() && !matches!(b, b'#' | b'\\' | b'"' | b'<' | b'>' | b'`' | b'{' | b'}' | b'|');
    text.starts_with("/v1/")
        && text.len() <= ADDRESS_MAX
        && text.bytes().all(plain)
        && named(query(text), PARAMETER).is_none()
}

/// Makes a ticket of the caller's session for an address.
///
/// # Errors
/// 403 for who did not sign in.
pub(crate) async fn make(request: &HttpRequest, caller: &Caller, address: &str) -> Result<Ticket, Problem> {
    let (user, session) = caller.signed_in()?;
    let verified = Verified { org: caller.org().id, user, session };
    let state = auth::state(request)?;
    let ticket = state.auth.ticket(&state.gate, verified, GOOD_FOR, &hash(address)).await?;
    let mark = if address.contains('?') { '&' } else { '?' };
    let url = format!("{address}{mark}{PARAMETER}={ticket}");
    Ok(Ticket { url, expires_at: state.gate.now() + Duration::seconds(GOOD_FOR.into()) })
}

/// Who asks with a ticket, and the query without it; nothing where there is no ticket, or a token stands beside it.
///
/// # Errors
/// 401: the ticket is none of ours, is for another address or method, its time is over, or its session has ended.
pub(crate) async fn admit(request: &HttpRequest) -> Result<Option<(Caller, String)>, Problem> {
    let Some(ticket) = presented(request) else { return Ok(None) };
    let wrong = || Problem::new(&codes::TICKET_INVALID);
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(wrong());
    }
    let whole = request.uri().path_and_query().map(|whole| whole.as_str()).unwrap_or_default();
    let end = format!("{PARAMETER}={ticket}");
    let address = whole.strip_suffix(&end).and_then(|rest| rest.strip_suffix(['?', '&'])).ok_or_else(wrong)?;
    let state = auth::state(request)?;
    let verified = state.auth.verify_ticket(&state.gate, ticket, &hash(address)).await?;
    let info = auth::incoming(request)?.for_gate("ticket");
    Ok(Some((state.gate.user(verified, info).await?, query(address).to_owned())))
}

/// Refuses what must not stand in an address: an access token, and a ticket where none is taken.
pub(crate) fn none_in_address(request: &HttpRequest) -> Result<(), Problem> {
    if named(request.query_string(), FORBIDDEN).is_some() {
        return Err(Problem::new(&codes::TOKEN_IN_ADDRESS));
    }
    if presented(request).is_some() { Err(Problem::new(&codes::TICKET_INVALID)) } else { Ok(()) }
}

/// The ticket of a request that has no other token.
fn presented(request: &HttpRequest) -> Option<&str> {
    if request.headers().contains_key(header::AUTHORIZATION) {
        return None;
    }
    named(request.query_string(), PARAMETER)
}

/// Whether an address has a ticket, so that the answer must not tell others where it came from.
pub(crate) fn in_query(query: &str) -> bool {
    named(query, PARAMETER).is_some()
}

fn named<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query.split('&').find_map(|pair| {
        let (known, value) = pair.split_once('=').unwrap_or((pair, ""));
        (known == name).then_some(value)
    })
}

fn query(address: &str) -> &str {
    address.split_once('?').map_or("", |(_, query)| query)
}

fn hash(address: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_path_and_query_of_the_api() {
        for good in ["/v1/customers", "/v1/customers?q=%E5%BC%A0&limit=5", "/v1/x?tickets=1"] {
            assert!(is_address(good), "{good}");
        }
        let long = format!("/v1/{}", "a".repeat(ADDRESS_MAX));
        for bad in
            ["", "/v1", "/healthz", "//evil.test/v1/", "https://a.cn/v1/x", "/v1/a b", "/v1/x#y", "/v1/客户", &long]
        {
            assert!(!is_address(bad), "{bad}");
        }
        for bad in ["/v1/x?ticket=1", "/v1/x?a=1&ticket", "/v1/\\evil.test"] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
