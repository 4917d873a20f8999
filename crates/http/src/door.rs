//! What every request passes on its way in and every answer on its way out.
//!
//! [`outer`] names the request, picks the language, writes problems, sets the headers that stand on every answer, counts
//! and logs. [`admit`] stands behind CORS, so that a page can read why it was turned away.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use actix_cors::CorsError;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, web};
use futures_util::FutureExt;
use kehu_domain::flaw::Lang;
use tracing::Instrument;

use crate::acceptable;
use crate::headers::{Incoming, REQUEST_ID, overridden};
use crate::limits::{Standing, flood_key};
use crate::methods::{self, Asked};
use crate::metrics::method_label;
use crate::problem::{PROBLEM_JSON, Problem, of_status};
use crate::problem_codes as codes;
use crate::state::State;
use crate::tickets;

/// Seconds after which an overloaded server is asked again.
const OVERLOAD_RETRY: u32 = 1;

/// What an answer besides records says in `Vary` where it is the caller's own.
pub(crate) const AUTHORIZATION: &str = "Authorization";

/// Paths of supervisors: answered whatever the load is.
const PROBES: &[&str] = &["/healthz", "/readyz"];

/// The outermost layer.
pub(crate) async fn outer<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let state = state_of(&request)?;
    let incoming = Incoming::read(request.head(), &state.forwarded, state.gate.now());
    let (lang, id) = (incoming.lang, incoming.request_id.clone());
    let of_records = request.path().starts_with("/v1/");
    request.extensions_mut().insert(incoming);

    match overridden(request.head()) {
        Ok(Some(method)) => request.head_mut().method = method,
        Ok(None) => {}
        // Told behind the limits, which count it too.
        Err(problem) => drop(request.extensions_mut().insert(problem)),
    }
    let label = method_label(request.method());
    let asked = Asked::read(request.head_mut());
    let span = tracing::info_span!("request", request_id = %id);
    let answered = next.call(request).instrument(span.clone()).await.map(ServiceResponse::map_into_boxed_body);

    let _inside = span.enter();
    match answered {
        Ok(answer) => {
            let mut answer = settle(methods::told(answer, asked), lang, &id);
            methods::complete(&mut answer);
            let route = answer.request().match_pattern();
            dress(&mut answer, &state, &id, of_records, route.as_deref());
            note(&state, route.as_deref(), label, answer.status().as_u16(), started.elapsed());
            Ok(answer)
        }
        Err(error) => {
            let status = error.as_response_error().status_code().as_u16();
            note(&state, None, label, status, started.elapsed());
            Err(if error.as_error::<Problem>().is_some() { error } else { of_status(status).spoken(lang, &id).into() })
        }
    }
}

fn state_of(request: &ServiceRequest) -> Result<web::Data<State>, Problem> {
    request.app_data::<web::Data<State>>().cloned().ok_or_else(|| Problem::internal("a server without state"))
}

/// Writes the problem that an answer carries, or the one that an answer of the framework amounts to.
fn settle(answer: ServiceResponse, lang: Lang, id: &str) -> ServiceResponse {
    let status = answer.status().as_u16();
    if status < 400 {
        return answer;
    }
    let own = |error: &Error| error.as_error::<Problem>().map(|problem| problem.answer(lang, id));
    let written = match answer.response().error() {
        Some(error) => own(error).unwrap_or_else(|| foreign(error, status).answer(lang, id)),
        None if has_words(answer.headers()) => return answer,
        None => of_status(status).answer(lang, id),
    };
    let written = keep_headers(written, answer.headers());
    answer.into_response(written)
}

/// The problem of an error that is not ours.
fn foreign(error: &Error, status: u16) -> Problem {
    if error.as_error::<CorsError>().is_some() { Problem::new(&codes::ORIGIN_REFUSED) } else { of_status(status) }
}

/// Whether an error answer has a body of its own on purpose: a form's configured answer, say.
fn has_words(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| !kind.as_bytes().starts_with(b"text/plain"))
}

/// What other layers said about an answer holds for its new body too, but for what describes the old one.
pub(crate) fn keep_headers(mut written: HttpResponse, old: &HeaderMap) -> HttpResponse {
    const OF_THE_BODY: [HeaderName; 4] =
        [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::CONTENT_LENGTH, header::TRANSFER_ENCODING];
    let own: Vec<HeaderName> = written.headers().keys().cloned().collect();
    for (name, value) in old {
        if !OF_THE_BODY.contains(name) && !own.contains(name) {
            written.headers_mut().append(name.clone(), value.clone());
        }
    }
    written
}

/// The headers of every answer.
fn dress(answer: &mut ServiceResponse, state: &State, id: &str, of_records: bool, route: Option<&str>) {
    let (query, method) = (answer.request().query_string().to_owned(), answer.request().method().clone());
    if state.is_draining() {
        answer.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    let problem = answer.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == PROBLEM_JSON);
    let known = answer.request().headers().get_all(header::IF_NONE_MATCH).cloned().collect::<Vec<_>>();
    let same = answer.status() == StatusCode::NOT_MODIFIED;
    let headers = answer.headers_mut();
    acceptable::unpacked(headers);
    if same {
        acceptable::same_tag(headers, &known);
    }
    state.deprecated.say(method.as_str(), route, headers);
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if tickets::in_query(&query) {
        // What such an answer links to must not learn the address that opens it.
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    }
    let mut vary = Vec::new();
    if of_records || problem || headers.get_all(header::VARY).any(|names| names == AUTHORIZATION) {
        vary.push(AUTHORIZATION);
    }
    if of_records || problem {
        vary.push("Accept-Language");
    }
    vary.push("Accept-Encoding");
    // A page that submits to a form is answered as the form's origins say.
    if !state.origins.is_empty() || headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        vary.push("Origin");
    }
    if let Ok(vary) = HeaderValue::from_str(&vary.join(", ")) {
        headers.insert(header::VARY, vary);
    }
}

/// Counts and logs: the route's pattern, no path, no address, nothing of the body.
pub(crate) fn note(state: &State, route: Option<&str>, method: &'static str, status: u16, took: Duration) {
    let route = route.unwrap_or("unmatched");
    state.metrics.answered(route, method, status, took);
    let took_ms = f64::round(took.as_secs_f64() * 1e5) / 100.0;
    tracing::info!(target: "kehu::access", method, route, status, took_ms, "answered");
}

/// The innermost layer: limits, and panics that end in an answer.
pub(crate) async fn admit<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let state = state_of(&request)?;
    let misread = request.extensions_mut().remove::<Problem>();
    if PROBES.contains(&request.path()) && misread.is_none() {
        return guarded(request, next).await;
    }
    let standing = standing(&state, &request);
    let mut answer = within(&state, request, next, (standing, misread)).await?;
    acceptable::spare(&mut answer);
    if let Some(standing) = standing {
        say(&mut answer, standing);
    }
    Ok(answer)
}

/// The answer of the handler, where the limits and the request's own wishes let it come to that.
async fn within<B: MessageBody + 'static>(
    state: &State,
    request: ServiceRequest,
    next: Next<B>,
    (standing, misread): (Option<Standing>, Option<Problem>),
) -> Result<ServiceResponse<BoxBody>, Error> {
    if let Some(refused) = standing.filter(|standing| !standing.allowed) {
        return Ok(request.error_response(Problem::rate_limited(refused.reset)));
    }
    if let Some(problem) = misread {
        return Ok(request.error_response(problem));
    }
    if !acceptable::takes(request.path(), request.headers()) {
        return Ok(request.error_response(Problem::new(&codes::NOT_ACCEPTABLE)));
    }
    let Some(_place) = state.in_flight.enter() else {
        return Ok(request.error_response(Problem::new(&codes::OVERLOADED).retry_after(OVERLOAD_RETRY)));
    };
    guarded(request, next).await
}

/// How the address of a request stands to its limit. Intake addresses have none: their senders share addresses.
fn standing(state: &State, request: &ServiceRequest) -> Option<Standing> {
    if request.path().starts_with("/v1/hooks/") {
        return None;
    }
    let client = request.extensions().get::<Incoming>()?.client;
    Some(state.requests.as_ref()?.ask(&flood_key(client)))
}

/// Draft "RateLimit header fields for HTTP", version 03: the form that clients know.
fn say(answer: &mut ServiceResponse, standing: Standing) {
    let Standing { allowed: _, limit, remaining, reset } = standing;
    let headers = answer.headers_mut();
    headers.insert(HeaderName::from_static("ratelimit-limit"), limit.into());
    headers.insert(HeaderName::from_static("ratelimit-remaining"), remaining.into());
    headers.insert(HeaderName::from_static("ratelimit-reset"), reset.into());
}

async fn guarded<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let spoken = request.extensions().get::<Incoming>().map(|incoming| (incoming.lang, incoming.request_id.clone()));
    // Nothing is shared with the handler but what panics leave whole: locks of ours are not held across its code.
    match AssertUnwindSafe(async move { next.call(request).await }).catch_unwind().await {
        Ok(answered) => answered.map(ServiceResponse::map_into_boxed_body),
        Err(_) => {
            let (lang, id) = spoken.unwrap_or((Lang::En, String::new()));
            // The place of the panic was logged when it happened.
            Err(Problem::new(&codes::INTERNAL).spoken(lang, &id).into())
        }
    }
}

/// What an unknown address answers.
pub(crate) async fn unknown() -> HttpResponse {
    HttpResponse::new(StatusCode::NOT_FOUND)
}
