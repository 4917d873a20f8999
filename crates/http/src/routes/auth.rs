//! Signing in, staying signed in, signing out.

use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use kehu_domain::codes;
use kehu_domain::fields::Line;
use kehu_domain::flaw::Flaw;
use kehu_store::failure::Failure;
use kehu_store::people::{self, Client, Password, SignIn, SignedIn};
use serde_json::Value;

use crate::auth;
use crate::body::JsonBody;
use crate::limits::flood_key;
use crate::problem::Problem;
use crate::query::Query;
use crate::refresh_cookie;
use crate::state::State;

use super::members::Members;
use super::told::LoginAnswer;
use super::types::{InvitationRequest, LoginRequest, RefreshRequest, TokenAnswer, Transport};

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
    let (said, transport) = login_request(body.0, state.sign_ins.is_some())?;
    if transport == Transport::Cookie {
        refresh_cookie::from_own_page(&request, &state)?;
    }
    let signed_in = state.gate.sign_in(said, incoming.for_gate("api")).await?;
    let mut tokens = state.auth.tokens(&state.gate, &signed_in).await?;
    let mut response = HttpResponse::Ok();
    as_cookie(&state, &signed_in, (&mut tokens, &mut response), transport).await?;
    Ok(response.json(LoginAnswer::new(tokens, signed_in.before)))
}

/// The tokens, the refresh token in the body or as a cookie.
async fn answer(state: &State, signed_in: &SignedIn, transport: Transport) -> Reply {
    let mut tokens = state.auth.tokens(&state.gate, signed_in).await?;
    let mut response = HttpResponse::Ok();
    as_cookie(state, signed_in, (&mut tokens, &mut response), transport).await?;
    Ok(response.json(tokens))
}

/// Moves the refresh token into a cookie, where that was asked for.
async fn as_cookie(
    state: &State,
    signed_in: &SignedIn,
    (tokens, response): (&mut TokenAnswer, &mut HttpResponseBuilder),
    transport: Transport,
) -> Result<(), Problem> {
    if transport == Transport::Cookie
        && let Some(token) = tokens.refresh_token.take()
    {
        let ends = state.gate.session_ends(signed_in.verified).await?;
        response.insert_header((header::SET_COOKIE, refresh_cookie::set(&token, ends, state.gate.now())));
    }
    Ok(())
}

async fn refresh(request: HttpRequest, query: Query, body: JsonBody) -> Reply {
    query.finish()?;
    let state = auth::state(&request)?;
    let incoming = auth::incoming(&request)?;
    slow_down(&state, &request)?;
    let mut members = Members::of(body.0)?;
    let RefreshRequest { refresh_token } = RefreshRequest { refresh_token: members.text("refresh_token") };
    // What is said comes before what the browser sends by itself.
    let cookie = if refresh_token.is_none() { refresh_cookie::token(&request, &state)? } else { None };
    let transport = if cookie.is_some() { Transport::Cookie } else { Transport::Body };
    let token = refresh_token.or(cookie);
    members
        .check("refresh_token", || token.is_none().then(|| Flaw::new(&codes::REQUIRED).with("field", "refresh_token")));
    members.finish()?;
    let refreshed = state.gate.refresh(token.unwrap_or_default().trim(), incoming.for_gate("api")).await;
    match refreshed {
        Ok(signed_in) => answer(&state, &signed_in, transport).await,
        Err(failure @ Failure::SignIn(_)) if transport == Transport::Cookie => {
            Err(Problem::from(failure).with_header("set-cookie", refresh_cookie::clear()))
        }
        Err(failure) => Err(failure.into()),
    }
}

/// A session that has ended already has ended: the answer is the same. A page may have nothing but its cookie left.
async fn logout(request: HttpRequest) -> Reply {
    let state = auth::state(&request)?;
    let info = || Ok::<_, Problem>(auth::incoming(&request)?.for_gate("api"));
    let by_cookie = !request.headers().contains_key(header::AUTHORIZATION);
    let cookie = if by_cookie { refresh_cookie::token(&request, &state)? } else { None };
    let verified = match &cookie {
        Some(_) => None,
        None => Some(auth::verified(&request).await?),
    };
    Query::parse(request.query_string())?.finish()?;
    match (verified, cookie) {
        (Some(verified), _) => state.gate.sign_out(verified, info()?).await?,
        (None, cookie) => state.gate.sign_out_by(cookie.unwrap_or_default().trim(), info()?).await?,
    }
    let mut response = HttpResponse::NoContent();
    if refresh_cookie::present(&request).is_some() {
        response.insert_header((header::SET_COOKIE, refresh_cookie::clear()));
    }
    Ok(response.finish())
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

fn login_request(body: Value, throttled: bool) -> Result<(SignIn, Transport), Problem> {
    let mut members = Members::of(body)?;
    let (login, email) = (members.text("login"), members.text("email"));
    let said = LoginRequest {
        login,
        email,
        password: members.required("password"),
        new_password: members.text("new_password"),
        organisation: members.text("organisation"),
        otp: members.text("otp"),
        client: None,
        device_name: device_name(&mut members),
        transport: None,
    };
    let client = client(&mut members);
    let transport = transport(&mut members);
    if said.login.is_none() == said.email.is_none() {
        let flaw = match said.login {
            None => Flaw::new(&codes::REQUIRED).with("field", "login"),
            Some(_) => Flaw::new(&codes::FIELD_UNKNOWN).with("field", "email").with("known", "login"),
        };
        members.flaw(if said.login.is_none() { "login" } else { "email" }, flaw);
    }
    members.finish()?;
    let said = SignIn {
        login: said.login.or(said.email).unwrap_or_default(),
        password: Password::from(said.password),
        new_password: said.new_password.map(Password::from),
        organisation: said.organisation,
        otp: said.otp.map(Password::from),
        client,
        device_name: said.device_name,
        throttled,
    };
    Ok((said, transport))
}

fn transport(members: &mut Members) -> Transport {
    match members.text("transport").as_deref() {
        None | Some("body") => Transport::Body,
        Some("cookie") => Transport::Cookie,
        Some(other) => {
            let flaw = Flaw::new(&codes::CHOICE_UNKNOWN).with("value", other).with("choices", "body, cookie");
            members.flaw("transport", flaw);
            Transport::Body
        }
    }
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
