//! The refresh token as a cookie, for pages: no script of the page can read it, and no other page can have it sent.
//!
//! `__Host-` ties it to this host alone; `SameSite=Strict` and the check of `Origin` keep other sites from using it. It
//! is a credential at refresh and logout alone, and gives nobody access to anything else.

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderValue};
use chrono::{DateTime, Utc};

use crate::cors::Origin;
use crate::problem::Problem;
use crate::problem_codes as codes;
use crate::state::State;

/// Its name.
const NAME: &str = "__Host-kehu_refresh";
/// What every one of them says.
const RULES: &str = "Path=/; Secure; HttpOnly; SameSite=Strict";

/// The cookie with a token, for as long as its session may last.
pub(crate) fn set(token: &str, ends: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("{NAME}={token}; Max-Age={}; {RULES}", (ends - now).num_seconds().max(0))
}

/// What takes it away.
pub(crate) fn clear() -> String {
    format!("{NAME}=; Max-Age=0; {RULES}")
}

/// The token that a request brings so, where it brings one.
///
/// # Errors
/// 403 where it was sent from a page of another origin, or from what says no origin.
pub(crate) fn token(request: &HttpRequest, state: &State) -> Result<Option<String>, Problem> {
    let Some(token) = present(request) else { return Ok(None) };
    from_own_page(request, state)?;
    Ok(Some(token))
}

/// Whether a request brings the cookie at all.
pub(crate) fn present(request: &HttpRequest) -> Option<String> {
    let lines = request.headers().get_all(header::COOKIE).filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(name, value)| (name == NAME && !value.is_empty()).then(|| value.to_owned()))
}

/// Refuses a page of another origin than this server's own and the configured ones. Browsers send `Origin` with every
/// POST; what sends none is no page, and has no use for the cookie.
pub(crate) fn from_own_page(request: &HttpRequest, state: &State) -> Result<(), Problem> {
    let text = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let origin = text(header::ORIGIN);
    let host = origin.and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    let own = host.is_some_and(|host| text(header::HOST).is_some_and(|own| own.eq_ignore_ascii_case(host)));
    let configured = || origin.and_then(|origin| origin.parse::<Origin>().ok());
    if own || configured().is_some_and(|origin| state.origins.contains(&origin)) {
        return Ok(());
    }
    Err(Problem::new(&codes::ORIGIN_REFUSED))
}
