//! Signing in, staying signed in, signing out.

use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use kehu_domain::codes;
use kehu_domain::fields::Line;
use kehu_domain::flaw::Flaw;
use kehu_store::people::{self, Client, Password, SignIn};
use serde_json::Value;

use crate::auth;
use crate::body::JsonBody;
use crate::limits::flood_key;
use crate::problem::Problem;
use crate::query::Query;
use crate::state::State;

use super::members::Members;
use super::types::{InvitationRequest, LoginRequest, RefreshRequest};

type Reply = Result<HttpResponse, Problem>;

/// For how long the keys may be kept by whoever checks tokens: a new key signs nothing older than that.
const KEYS_KEPT: &str = "public, max-age=60";
/// Longest name of a device, in characters.
const DEVICE_NAME: usize = 100;

pub(super) fn configure(app: &mut ServiceConfig) {
    app.service(web::resource("/v1/auth/login").route(web::post().to(login)))
        .service(web::resource("/v1/auth/refresh").route(web::post().to(refresh)))
        .service(web::resource("/v1/auth/logout").route(web::post().to(logout)))
        .service(web::resource("/v1/auth/accept_invitation").route(web::post().to(accept_invitation)))
        .service(web::resource("/.well-known/jwks.json").route(web::get().to(jwks)));
}

async fn login(request: HttpRequest, query: Query, body: JsonBody) -> Reply {
    query.finish()?;
    let state = auth::state(&request)?;
    let incoming = auth::incoming(&request)?;
    slow_down(&state, &request)?;
    let said = login_request(body.0, state.sign_ins.is_some())?;
    let signed_in = state.gate.sign_in(said, incoming.for_gate("api")).await?;
    Ok(HttpResponse::Ok().json(state.auth.tokens(&state.gate, &signed_in).await?))
}

async fn refresh(request: HttpRequest, query: Query, body: JsonBody) -> Reply {
    query.finish()?;
    let state = auth::state(&request)?;
    let incoming = auth::incoming(&request)?;
    slow_down(&state, &request)?;
    let mut members = Members::of(body.0)?;
    let RefreshRequest { refresh_token } = RefreshRequest { refresh_token: members.required("refresh_token") };
    members.finish()?;
    let signed_in = state.gate.refresh(refresh_token.trim(), incoming.for_gate("api")).await?;
    Ok(HttpResponse::Ok().json(state.auth.tokens(&state.gate, &signed_in).await?))
}

/// A session that has ended already has ended: the answer is the same.
async fn logout(request: HttpRequest) -> Reply {
    let verified = auth::verified(&request).await?;
    Query::parse(request.query_string())?.finish()?;
    let info = auth::incoming(&request)?.for_gate("api");
    auth::state(&request)?.gate.sign_out(verified, info).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn accept_invitation(request: HttpRequest, query: Query, body: JsonBody) -> Reply {
    query.finish()?;
    let state = auth::state(&request)?;
    let incoming = auth::incoming(&request)?;
    slow_down(&state, &request)?;
    let mut members = Members::of(body.0)?;
    let said = InvitationRequest { token: members.required("token"), password: members.required("password") };
    members.finish()?;
    let password = Password::from(said.password);
    people::accept_invitation(&state.gate, said.token.trim(), password, incoming.for_gate("api")).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn jwks(request: HttpRequest, query: Query) -> Reply {
    query.finish()?;
    let state = auth::state(&request)?;
    let keys = state.auth.jwks(&state.gate).await?;
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CONTENT_TYPE, "application/json")).insert_header((header::CACHE_CONTROL, KEYS_KEPT));
    Ok(answer.body(keys))
}

/// Counts an attempt of this address, whoever it says it is.
pub(super) fn slow_down(state: &State, request: &HttpRequest) -> Result<(), Problem> {
    let Some(limit) = &state.sign_ins else { return Ok(()) };
    let standing = limit.ask(&flood_key(auth::incoming(request)?.client));
    if standing.allowed { Ok(()) } else { Err(Problem::rate_limited(standing.reset)) }
}

fn login_request(body: Value, throttled: bool) -> Result<SignIn, Problem> {
    let mut members = Members::of(body)?;
    let (login, email) = (members.text("login"), members.text("email"));
    let said = LoginRequest {
        login,
        email,
        password: members.required("password"),
        organisation: members.text("organisation"),
        otp: members.text("otp"),
        client: None,
        device_name: device_name(&mut members),
    };
    let client = client(&mut members);
    if said.login.is_none() == said.email.is_none() {
        let flaw = match said.login {
            None => Flaw::new(&codes::REQUIRED).with("field", "login"),
            Some(_) => Flaw::new(&codes::FIELD_UNKNOWN).with("field", "email").with("known", "login"),
        };
        members.flaw(if said.login.is_none() { "login" } else { "email" }, flaw);
    }
    members.finish()?;
    Ok(SignIn {
        login: said.login.or(said.email).unwrap_or_default(),
        password: Password::from(said.password),
        organisation: said.organisation,
        otp: said.otp.map(Password::from),
        client,
        device_name: said.device_name,
        throttled,
    })
}

/// What the user calls the device.
pub(super) fn device_name(members: &mut Members) -> Option<String> {
    let name = members.text("device_name").filter(|name| !name.trim().is_empty())?;
    match Line::<DEVICE_NAME>::parse(&name) {
        Ok(name) => Some(name.into_string()),
        Err(flaw) => {
            members.flaw("device_name", flaw);
            None
        }
    }
}

/// What signs in; a page in a browser where nothing is said, which lasts shortest.
pub(super) fn client(members: &mut Members) -> Client {
    let Some(key) = members.text("client") else { return Client::Web };
    Client::from_key(&key).unwrap_or_else(|| {
        let choices = "web, mobile, mini_program, server";
        members.flaw("client", Flaw::new(&codes::CHOICE_UNKNOWN).with("value", &key).with("choices", choices));
        Client::Web
    })
}
