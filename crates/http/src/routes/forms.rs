//! Submissions: with a form's public key, at its secret address, and what became of them.

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use kehu_domain::intake::origin_of;
use kehu_store::failure::Failure;
use kehu_store::intake::{self, OpenForm, Received, Sent};
use kehu_store::machine::Idempotency;
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth;
use crate::body::read_bytes;
use crate::headers::idempotency_key;
use crate::limits::flood_key;
use crate::problem::Problem;
use crate::problem_codes as codes;
use crate::signed::Signed;
use crate::submitted::{self, Submitted};

use super::records::record_id;

type Reply = Result<HttpResponse, Problem>;

/// Largest body of a submission, in bytes.
const SUBMISSION_BYTES: usize = 256 * 1024;
/// Where the pages of a mini-program say that they are.
const MINI_PROGRAM: &str = "https://servicewechat.com/";
/// Names under which the key may stand in the address or the body.
const KEY_NAMES: [&str; 2] = ["key", "_key"];
/// Answer headers that a page may read.
const EXPOSED: &str = "x-request-id, retry-after, idempotency-replayed";

/// That a submission was taken. It says nothing about what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SubmissionAnswer {
    /// The id of the submission.
    pub(crate) id: Uuid,
    /// Always `received`.
    #[schema(example = "received")]
    pub(crate) status: &'static str,
}

pub(super) fn configure(app: &mut ServiceConfig) {
    app.service(web::resource("/v1/forms/{id}/submissions").route(web::get().to(list)).route(web::post().to(submit)))
        .service(web::resource("/v1/forms/{id}/submissions/{submission_id}").route(web::get().to(get)))
        .service(web::resource("/v1/hooks/{key}").route(web::get().to(hook)).route(web::post().to(hook)));
}

async fn list(signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, query } = signed;
    let answer = intake::list(&caller, record_id(&id)?, query.into_pairs()).await?;
    Ok(json(HttpResponse::Ok(), answer.body))
}

async fn get(signed: Signed, ids: web::Path<(String, String)>) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    let (form, submission) = (record_id(&ids.0)?, record_id(&ids.1)?);
    Ok(json(HttpResponse::Ok(), intake::get(&caller, form, submission).await?.body))
}

fn json(mut response: HttpResponseBuilder, body: String) -> HttpResponse {
    response.insert_header((header::CONTENT_TYPE, "application/json")).body(body)
}

/// The pairs of the address; a submission may carry anything there.
fn address_pairs(request: &HttpRequest) -> Vec<(String, String)> {
    submitted::pairs(request.query_string().as_bytes(), None)
}

fn is_key(name: &str) -> bool {
    KEY_NAMES.contains(&name)
}

/// Takes a submission with a form's public key: as a Bearer token, as `key` in the address, or as `_key` in the body.
/// Whatever becomes of it, the answer is the same.
async fn submit(request: HttpRequest, payload: web::Payload, id: web::Path<String>) -> Reply {
    let mut waiting = Some(payload.into_inner());
    let mut early = None;
    let key = match head_key(&request) {
        Some(key) => key,
        None => {
            let mut body = read(&request, waiting.take()).await?;
            let key = body.given.take_word("_key").ok_or_else(|| Problem::new(&codes::TOKEN_MISSING))?;
            early = Some(body);
            key
        }
    };
    // A malformed id is one of no form.
    let id = record_id(&id).unwrap_or_default();
    let form = intake::by_public_key(&auth::state(&request)?.gate, id, &key).await.map_err(wrong_key)?;
    let page = page(&request, &form)?;
    let taken = async {
        within_limit(&request, &form)?;
        let body = match early {
            Some(body) => body,
            None => read(&request, waiting).await?,
        };
        take(&request, form, body, "form").await
    };
    for_page(taken.await.map(|received| accepted(&received)), page)
}

/// Takes a submission at a secret address, in whatever form the sender speaks. No page sends there: no CORS, and no limit,
/// for the senders of one platform share addresses.
async fn hook(request: HttpRequest, payload: web::Payload, key: web::Path<String>) -> Reply {
    let form = intake::by_hook_key(&auth::state(&request)?.gate, &key).await.map_err(wrong_key)?;
    let body = read(&request, Some(payload.into_inner())).await?;
    let received = take(&request, form, body, "hook").await?;
    Ok(replayed(HttpResponse::Ok(), received.replayed).json(received.answer))
}

/// The public key where it stands before the body.
fn head_key(request: &HttpRequest) -> Option<String> {
    let said = auth::bearer(request.headers()).ok().map(str::to_owned);
    said.or_else(|| address_pairs(request).into_iter().find(|(name, _)| is_key(name)).map(|(_, key)| key))
}

/// An unknown form and a wrong key are told alike.
fn wrong_key(failure: Failure) -> Problem {
    match failure {
        Failure::NotFound => Problem::new(&codes::FORM_KEY_INVALID),
        other => other.into(),
    }
}

/// The page that submits, where a page does: its origin as the answer names it.
///
/// # Errors
/// 403: it is none of the form's.
fn page(request: &HttpRequest, form: &OpenForm) -> Result<Option<String>, Problem> {
    let text = |name| request.headers().get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    let mini_program = text(header::REFERER).and_then(|page| page.strip_prefix(MINI_PROGRAM)).and_then(|page| {
        let app = page.split('/').next().filter(|app| !app.is_empty())?;
        Some(format!("wechat:{app}"))
    });
    let (origin, said) = match (text(header::ORIGIN), mini_program) {
        (Some(said), _) => (origin_of(said), Some(said)),
        (None, Some(app)) => (Some(app), None),
        (None, None) => return Ok(None),
    };
    // A page of this very server asks nobody.
    let host = said.and_then(|said| said.split_once("://")).map(|(_, host)| host);
    if host.is_some() && host == text(header::HOST) {
        return Ok(None);
    }
    match origin.filter(|origin| form.allows(origin)) {
        Some(_) => Ok(said.map(str::to_owned)),
        None => Err(Problem::new(&codes::ORIGIN_REFUSED)),
    }
}

/// The answer, readable by the page that submitted.
fn for_page(reply: Reply, page: Option<String>) -> Reply {
    let Some(page) = page else { return reply };
    match reply {
        Ok(mut response) => {
            let headers = response.headers_mut();
            if let Ok(page) = header::HeaderValue::from_str(&page) {
                headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, page);
                headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, header::HeaderValue::from_static(EXPOSED));
            }
            Ok(response)
        }
        Err(problem) => Err(problem
            .with_header("access-control-allow-origin", page)
            .with_header("access-control-expose-headers", EXPOSED)),
    }
}

fn within_limit(request: &HttpRequest, form: &OpenForm) -> Result<(), Problem> {
    let state = auth::state(request)?;
    let client = flood_key(auth::incoming(request)?.client);
    let standing = state.submissions.as_ref().map(|limit| limit.ask(&(client, form.id())));
    match standing.filter(|standing| !standing.allowed) {
        Some(refused) => Err(Problem::rate_limited(refused.reset)),
        None => Ok(()),
    }
}

async fn read(request: &HttpRequest, payload: Option<Payload>) -> Result<Submitted, Problem> {
    let bytes = read_bytes(request, payload.unwrap_or(Payload::None), SUBMISSION_BYTES).await?;
    Ok(submitted::read(content_type(request), &bytes))
}

fn content_type(request: &HttpRequest) -> &str {
    request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default()
}

async fn take(request: &HttpRequest, form: OpenForm, body: Submitted, via: &'static str) -> Result<Received, Problem> {
    let Submitted { mut given, text } = body;
    let query: Vec<(String, String)> = address_pairs(request).into_iter().filter(|(name, _)| !is_key(name)).collect();
    given.add_missing(query.iter().cloned());
    // A platform repeats what is refused until it gives up: what it says wrong there costs no lead.
    let key = match idempotency_key(request.headers()) {
        Err(_) if via == "hook" => None,
        key => key?,
    };
    let idempotency = key.map(|key| Idempotency { key, fingerprint: fingerprint(request, &text) });
    let sent = Sent { given, content_type: content_type(request).to_owned(), body: text, query, idempotency };
    let info = auth::incoming(request)?.for_gate(via);
    intake::submit(&auth::state(request)?.gate, form, sent, info).await.map_err(wrong_key)
}

fn fingerprint(request: &HttpRequest, body: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [request.method().as_str(), request.path(), request.query_string(), body] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().into()
}

fn accepted(received: &Received) -> HttpResponse {
    let answer = SubmissionAnswer { id: received.id, status: "received" };
    replayed(HttpResponse::Accepted(), received.replayed).json(answer)
}

fn replayed(mut response: HttpResponseBuilder, is_replay: bool) -> HttpResponseBuilder {
    if is_replay {
        response.insert_header(("Idempotency-Replayed", "true"));
    }
    response
}

#[cfg(test)]
#[path = "forms_tests.rs"]
mod tests;
