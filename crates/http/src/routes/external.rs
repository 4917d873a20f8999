//! Company sign-in: sending a browser to the provider, and what it comes back with.

use actix_web::http::header::{self, HeaderMap};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_store::people::{Begun, Taken, Wanted};
use uuid::Uuid;

use crate::auth;
use crate::body::JsonBody;
use crate::headers::Incoming;
use crate::oidc::{OidcError, authorization_url};
use crate::problem::Problem;
use crate::problem_codes;
use crate::query::Query;
use crate::state::State;

use super::auth::{client, device_name, slow_down};
use super::external_types::{ExternalRequest, ExternalStartAnswer, ExternalStartRequest};
use super::members::Members;
use super::told::LoginAnswer;

type Reply = Result<HttpResponse, Problem>;

/// Holds the proof of who began, for a browser: sent back to this host alone, by TLS alone, and not seen by pages.
const COOKIE: &str = "__Host-kehu_external";
/// For how long it is kept, in seconds: as long as a sign-in that was begun.
const COOKIE_KEPT: u32 = 600;

pub(super) fn configure(app: &mut ServiceConfig) {
    app.service(web::resource("/v1/auth/external").route(web::post().to(finish)))
        .service(web::resource("/v1/auth/external/start").route(web::post().to(start)))
        .service(web::resource("/v1/auth/external/callback").route(web::get().to(callback)));
}

async fn start(request: HttpRequest, query: Query, body: JsonBody) -> Reply {
    query.finish()?;
    let state = auth::state(&request)?;
    let incoming = auth::incoming(&request)?;
    slow_down(&state, &request)?;
    let (said, wanted) = start_request(body)?;
    let ExternalStartRequest { organisation, provider, .. } = said;
    let gate = &state.gate;
    let connection = gate.external_provider(&organisation, provider, incoming.for_gate("api")).await?;
    let known = state.oidc.prepare(&connection, gate.now().timestamp_millis()).await.map_err(away)?;
    let begun = gate.begin_external(&connection, wanted, incoming.for_gate("api")).await?;
    let authorization_url = authorization_url(&known, &connection, &begun);
    let Begun { state, proof, .. } = begun;
    let cookie = cookie(proof.reveal(), COOKIE_KEPT);
    let answer =
        ExternalStartAnswer { authorization_url, state: state.reveal().to_owned(), proof: proof.reveal().to_owned() };
    Ok(HttpResponse::Ok().insert_header((header::SET_COOKIE, cookie)).json(answer))
}

fn start_request(body: JsonBody) -> Result<(ExternalStartRequest, Wanted), Problem> {
    let mut members = Members::of(body.0)?;
    let organisation = members.required("organisation");
    let provider = members.text("provider").and_then(|text| {
        let id = Uuid::try_parse(&text).ok();
        if id.is_none() {
            members.flaw("provider", Flaw::new(&codes::ID_INVALID).with("value", &text));
        }
        id
    });
    let redirect_uri = members.text("redirect_uri");
    let said = ExternalStartRequest { organisation, provider, redirect_uri, client: None, device_name: None };
    let client = client(&mut members);
    let device_name = device_name(&mut members);
    members.finish()?;
    let wanted = Wanted { redirect_uri: said.redirect_uri.clone(), client, device_name };
    Ok((said, wanted))
}

async fn finish(request: HttpRequest, query: Query, body: JsonBody) -> Reply {
    query.finish()?;
    let state = auth::state(&request)?;
    let incoming = auth::incoming(&request)?;
    slow_down(&state, &request)?;
    let mut members = Members::of(body.0)?;
    let said = ExternalRequest {
        state: members.required("state"),
        code: members.required("code"),
        iss: members.text("iss"),
        proof: members.text("proof"),
    };
    members.finish()?;
    let proof = said.proof.or_else(|| kept_proof(request.headers()));
    let taken = state.gate.take_external(&said.state, proof.as_deref(), incoming.for_gate("api")).await?;
    sign_in(&state, &incoming, &taken, &said.code, said.iss.as_deref()).await
}

/// Providers add parameters of their own: what is not known is left alone here.
async fn callback(request: HttpRequest, mut query: Query) -> Reply {
    let state = auth::state(&request)?;
    let incoming = auth::incoming(&request)?;
    slow_down(&state, &request)?;
    let mut taken = |name: &str| query.take(name);
    let (said, code, iss, error) = (taken("state"), taken("code"), taken("iss"), taken("error"));
    let required = |name: &'static str| Problem::parameter(name, Flaw::new(&codes::REQUIRED).with("field", name));
    let said = said.ok_or_else(|| required("state"))?;
    let proof = kept_proof(request.headers());
    let taken = state.gate.take_external(&said, proof.as_deref(), incoming.for_gate("api")).await?;
    if error.is_some() {
        let why = "the provider refused";
        return Err(state.gate.external_refused(&taken, why, incoming.for_gate("api")).await.into());
    }
    let code = code.ok_or_else(|| required("code"))?;
    sign_in(&state, &incoming, &taken, &code, iss.as_deref()).await
}

/// Asks the provider whose code it is, and begins the session.
async fn sign_in(state: &State, incoming: &Incoming, taken: &Taken, code: &str, issuer: Option<&str>) -> Reply {
    let gate = &state.gate;
    let person = match state.oidc.person(taken, code, issuer, gate.now().timestamp_millis()).await {
        Ok(person) => person,
        Err(OidcError::NotBelieved(why)) => {
            return Err(gate.external_refused(taken, why, incoming.for_gate("api")).await.into());
        }
        Err(error) => return Err(away(error)),
    };
    let signed_in = gate.sign_in_external(taken, &person, incoming.for_gate("api")).await?;
    let tokens = LoginAnswer::new(state.auth.tokens(gate, &signed_in).await?, signed_in.before);
    let mut answer = HttpResponse::Ok();
    // The address of a callback holds a code; nobody is told where somebody came from.
    answer.insert_header((header::REFERRER_POLICY, "no-referrer"));
    Ok(answer.insert_header((header::SET_COOKIE, cookie("", 0))).json(tokens))
}

/// The provider cannot be asked: the log says why.
fn away(error: OidcError) -> Problem {
    let why = match error {
        OidcError::Away(why) => why,
        OidcError::NotBelieved(why) => why.to_owned(),
    };
    tracing::warn!(why, "an identity provider cannot be asked");
    Problem::new(&problem_codes::IDENTITY_PROVIDER_UNAVAILABLE).retry_after(10)
}

fn cookie(proof: &str, kept: u32) -> String {
    format!("{COOKIE}={proof}; Max-Age={kept}; Path=/; HttpOnly; Secure; SameSite=Lax")
}

/// The proof that a browser kept (RFC 6265).
fn kept_proof(headers: &HeaderMap) -> Option<String> {
    let mut pairs =
        headers.get_all(header::COOKIE).filter_map(|value| value.to_str().ok()).flat_map(|all| all.split(';'));
    pairs.find_map(|pair| Some(pair.trim().strip_prefix(COOKIE)?.strip_prefix('=')?.to_owned()))
}
