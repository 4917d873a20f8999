use std::sync::Arc;

use actix_web::body::to_bytes;
use actix_web::http::Method;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, middleware::from_fn};
use kehu_store::clock::Clock;
use kehu_store::crypto::kek::LocalKeys;
use kehu_store::engine::EngineOptions;
use kehu_store::keys::SEAL_LIMIT;
use kehu_store::people::{FirstAdmin, Password, Replace};
use kehu_store::{GateOptions, HourlyLimits};
use serde_json::{Value, json};

use super::*;
use crate::address::Forwarded;
use crate::jwt::{Signer, new_signing_key};
use crate::signing;
use crate::state::Limits;
use crate::{door, routes};

const KEY: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const PASSWORD: &str = "correct horse battery";

struct Bed {
    state: web::Data<State>,
    clock: Arc<AtomicI64>,
    options: EngineOptions,
    _folder: tempfile::TempDir,
}

struct Answer {
    status: u16,
    body: Value,
    authenticate: Option<String>,
}

impl Answer {
    fn code(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }

    fn errors(&self) -> Vec<(&str, &str)> {
        let errors = self.body["errors"].as_array().unwrap();
        errors.iter().map(|e| (e["pointer"].as_str().unwrap(), e["code"].as_str().unwrap())).collect()
    }
}

async fn gate(options: &EngineOptions, clock: &Arc<AtomicI64>) -> Gate {
    let time = clock.clone();
    let clock = Clock::new(move || time.load(Ordering::Relaxed));
    let keys = Arc::new(LocalKeys::from_text(KEY).unwrap());
    Gate::open(GateOptions {
        files: kehu_store::files::Files::of(std::path::Path::new("/nowhere")),
        place: options.clone(),
        keys,
        clock,
        limits: HourlyLimits::default(),
        seal_limit: SEAL_LIMIT,
    })
    .await
    .unwrap()
}

fn server(gate: Gate, sign_ins: u32) -> web::Data<State> {
    let limits = Limits { requests: 0, submissions: 0, sign_ins, in_flight: 10 };
    web::Data::new(State::new(gate, limits, Forwarded::Ignored, Vec::new()).unwrap())
}

impl Bed {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicI64::new(1_795_305_600_000));
        let options = EngineOptions::sqlite(folder.path().join("kehu.db"));
        let gate = gate(&options, &clock).await;
        let password = Some(Password::from(PASSWORD.to_owned()));
        let admin = FirstAdmin { org_name: None, email: Some("admin@acme.test".to_owned()), password };
        gate.first_start(admin).await.unwrap().unwrap();
        Self { state: server(gate, 100), clock, options, _folder: folder }
    }

    fn wait(&self, milliseconds: i64) {
        self.clock.fetch_add(milliseconds, Ordering::Relaxed);
    }

    async fn call(&self, method: Method, path: &str, token: Option<&str>, body: Option<Value>) -> Answer {
        call(&self.state, method, path, token, body).await
    }

    async fn login(&self) -> Value {
        let body = json!({ "login": "admin@acme.test", "password": PASSWORD, "organisation": null });
        let answer = self.call(Method::POST, "/v1/auth/login", None, Some(body)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }
}

async fn call(
    state: &web::Data<State>,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: Option<Value>,
) -> Answer {
    let app = App::new().app_data(state.clone()).configure(routes::configure).wrap(from_fn(door::outer));
    let app = init_service(app).await;
    let mut request = TestRequest::default().method(method).uri(path);
    if let Some(token) = token {
        request = request.insert_header((header::AUTHORIZATION, format!("Bearer {token}")));
    }
    if let Some(body) = body {
        request = request.set_json(body);
    }
    let answer = call_service(&app, request.to_request()).await;
    let authenticate = answer.headers().get(header::WWW_AUTHENTICATE).map(|v| v.to_str().unwrap().to_owned());
    let status = answer.status().as_u16();
    let bytes = to_bytes(answer.into_body()).await.unwrap();
    Answer { status, body: serde_json::from_slice(&bytes).unwrap_or_default(), authenticate }
}

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap()
}

/// What the description says of a body, it is.
fn described(name: &str, body: &Value) {
    let document = crate::openapi::document();
    let schema =
        json!({ "$ref": format!("#/components/schemas/{name}"), "components": document["components"].clone() });
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let faults: Vec<String> = validator.iter_errors(body).map(|error| error.to_string()).collect();
    assert_eq!(faults, Vec::<String>::new(), "{name}: {body}");
}

#[actix_web::test]
async fn a_token_opens_what_it_speaks_for_until_its_time_is_over() {
    let bed = Bed::new().await;
    let tokens = bed.login().await;
    described("TokenAnswer", &tokens);
    assert_eq!((text(&tokens, "token_type"), tokens["expires_in"].as_i64()), ("Bearer", Some(900)));
    let access = text(&tokens, "access_token");
    for _ in 0..2 {
        let me = bed.call(Method::GET, "/v1/me", Some(access), None).await;
        assert_eq!(me.status, 200, "{}", me.body);
        described("MeAnswer", &me.body);
        assert_eq!(me.body["user"]["email"], "admin@acme.test");
        assert_eq!(me.body["organisation"]["slug"], "main");
        assert_eq!(me.body["can"]["customer"]["transfer"], json!(["all"]));
        assert_eq!(me.body["contact_data"]["other"], "full");
        assert_eq!(me.body["session"]["created_at"], "2026-11-22T00:00:00.000Z");
    }
    let list = bed.call(Method::GET, "/v1/users", Some(access), None).await;
    assert_eq!(list.body["data"].as_array().unwrap().len(), 1);
    bed.wait(910_000);
    // A remembered token ends like any other.
    let over = bed.call(Method::GET, "/v1/me", Some(access), None).await;
    assert_eq!(over.code(), (401, "token_expired"));
    assert_eq!(over.authenticate.as_deref(), Some("Bearer"));
    let refreshed = bed
        .call(Method::POST, "/v1/auth/refresh", None, Some(json!({ "refresh_token": tokens["refresh_token"] })))
        .await;
    described("TokenAnswer", &refreshed.body);
    let me = bed.call(Method::GET, "/v1/me", Some(text(&refreshed.body, "access_token")), None).await;
    assert_eq!(me.status, 200);
}

#[actix_web::test]
async fn nothing_else_is_a_token() {
    let bed = Bed::new().await;
    let tokens = bed.login().await;
    let access = text(&tokens, "access_token").to_owned();
    let missing = bed.call(Method::GET, "/v1/me", None, None).await;
    assert_eq!((missing.code(), missing.authenticate.as_deref()), ((401, "token_missing"), Some("Bearer")));
    assert_eq!(bed.call(Method::GET, "/v1/me", Some(" "), None).await.code(), (401, "token_missing"));
    let mut bent = access.clone();
    bent.pop();
    for token in ["sk_abc", "pat_", &format!("sk_{}", "A".repeat(64))] {
        // A malformed key is like an unknown one.
        assert_eq!(bed.call(Method::GET, "/v1/customers", Some(token), None).await.code(), (401, "key_invalid"));
    }
    for token in ["x", "pk_abc", text(&tokens, "refresh_token"), &bent] {
        assert_eq!(bed.call(Method::GET, "/v1/customers", Some(token), None).await.code(), (401, "token_invalid"));
    }
}

#[actix_web::test]
async fn signing_out_is_at_once_and_for_good() {
    let bed = Bed::new().await;
    let tokens = bed.login().await;
    let access = Some(text(&tokens, "access_token"));
    assert_eq!(bed.call(Method::POST, "/v1/auth/logout", access, None).await.status, 204);
    assert_eq!(bed.call(Method::POST, "/v1/auth/logout", access, None).await.status, 204);
    assert_eq!(bed.call(Method::GET, "/v1/me", access, None).await.code(), (401, "session_ended"));
    let refresh = json!({ "refresh_token": tokens["refresh_token"] });
    let refreshed = bed.call(Method::POST, "/v1/auth/refresh", None, Some(refresh)).await;
    assert_eq!(refreshed.code(), (401, "session_ended"));
    assert_eq!(bed.call(Method::POST, "/v1/auth/logout", None, None).await.code(), (401, "token_missing"));
}

#[actix_web::test]
async fn every_flaw_of_a_login_has_its_place() {
    let bed = Bed::new().await;
    let login = |body| bed.call(Method::POST, "/v1/auth/login", None, Some(body));
    let answer = login(json!({ "password": 1, "client": "tv", "device_name": "x".repeat(101), "a/b": 1 })).await;
    assert_eq!(answer.code(), (422, "validation"));
    let mut errors = answer.errors();
    errors.sort_unstable();
    let expected = [
        ("/a~1b", "field_unknown"),
        ("/client", "choice_unknown"),
        ("/device_name", "text_too_long"),
        ("/login", "required"),
        ("/password", "type_wrong"),
    ];
    assert_eq!(errors, expected);
    assert_eq!(login(json!([])).await.errors(), [("", "type_wrong")]);
    let wrong = login(json!({ "email": "admin@acme.test", "password": "wrong password" })).await;
    assert_eq!(wrong.code(), (401, "credentials_wrong"));
    assert_eq!(
        login(json!({ "email": "Admin@acme.test", "password": PASSWORD, "client": "mobile" })).await.status,
        200
    );
    let unknown = bed.call(Method::POST, "/v1/auth/login?x=1", None, Some(json!({}))).await;
    assert_eq!(unknown.code(), (400, "parameter_unknown"));
}

#[actix_web::test]
async fn guessing_is_slowed_down() {
    let bed = Bed::new().await;
    let body = || Some(json!({ "login": "admin@acme.test", "password": "wrong password" }));
    for _ in 0..10 {
        assert_eq!(bed.call(Method::POST, "/v1/auth/login", None, body()).await.status, 401);
    }
    assert_eq!(bed.call(Method::POST, "/v1/auth/login", None, body()).await.code(), (429, "rate_limited"));
    let open = server(bed.state.gate.clone(), 0);
    assert_eq!(call(&open, Method::POST, "/v1/auth/login", None, body()).await.status, 401);
    let narrow = server(bed.state.gate.clone(), 1);
    assert_eq!(call(&narrow, Method::POST, "/v1/auth/refresh", None, Some(json!({}))).await.status, 422);
    assert_eq!(call(&narrow, Method::POST, "/v1/auth/refresh", None, Some(json!({}))).await.status, 429);
    assert_eq!(call(&narrow, Method::POST, "/v1/auth/login", None, body()).await.status, 429);
}

#[actix_web::test]
async fn a_user_is_made_invited_and_signs_in() {
    let bed = Bed::new().await;
    let tokens = bed.login().await;
    let access = Some(text(&tokens, "access_token"));
    let user = json!({ "name": "王芳", "email": "wang@acme.test", "role": "salesperson" });
    described("UserCreate", &user);
    let made = bed.call(Method::POST, "/v1/users", access, Some(user)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    described("UserCreated", &made.body);
    let accept = json!({ "token": made.body["invitation"]["token"], "password": PASSWORD });
    let accepted = bed.call(Method::POST, "/v1/auth/accept_invitation", None, Some(accept.clone())).await;
    assert_eq!(accepted.status, 204, "{}", accepted.body);
    let again = bed.call(Method::POST, "/v1/auth/accept_invitation", None, Some(accept)).await;
    assert_eq!((again.code(), again.errors()), ((422, "validation"), vec![("/token", "invitation_invalid")]));

    let body = json!({ "login": "wang@acme.test", "password": PASSWORD, "device_name": "手机", "client": "mobile" });
    let wang = bed.call(Method::POST, "/v1/auth/login", None, Some(body.clone())).await.body;
    let other = bed.call(Method::POST, "/v1/auth/login", None, Some(body)).await.body;
    let wang = Some(text(&wang, "access_token"));
    let sessions = bed.call(Method::GET, "/v1/me/sessions", wang, None).await.body;
    described("SessionsAnswer", &sessions);
    let others: Vec<&Value> = sessions["data"].as_array().unwrap().iter().filter(|s| s["current"] == false).collect();
    let path = format!("/v1/me/sessions/{}", text(others[0], "id"));
    assert_eq!(bed.call(Method::DELETE, &path, access, None).await.code(), (404, "not_found"));
    assert_eq!(bed.call(Method::DELETE, &path, wang, None).await.status, 204);
    let other = Some(text(&other, "access_token"));
    assert_eq!(bed.call(Method::GET, "/v1/me", other, None).await.code(), (401, "session_ended"));

    let change = json!({ "old_password": PASSWORD, "new_password": "a new password" });
    assert_eq!(bed.call(Method::POST, "/v1/me/password", wang, Some(change.clone())).await.status, 204);
    let again = bed.call(Method::POST, "/v1/me/password", wang, Some(change)).await;
    assert_eq!(again.errors(), [("/old_password", "password_wrong")]);
    let off = format!("/v1/users/{}", text(&made.body, "id"));
    let off = bed.call(Method::PATCH, &off, access, Some(json!({ "disabled": true }))).await;
    assert_eq!(off.status, 200, "{}", off.body);
    assert_eq!(bed.call(Method::GET, "/v1/me", wang, None).await.code(), (401, "account_disabled"));
}

#[actix_web::test]
async fn servers_believe_each_others_keys() {
    let bed = Bed::new().await;
    let other = server(gate(&bed.options, &bed.clock).await, 0);
    let jwks = |state: &web::Data<State>| {
        let state = state.clone();
        async move { call(&state, Method::GET, "/.well-known/jwks.json", None, None).await.body["keys"].clone() }
    };
    assert_eq!(jwks(&bed.state).await.as_array().unwrap().len(), 1);
    assert_eq!(jwks(&other).await, jwks(&bed.state).await);
    // A third server makes another key, which the first two have not read.
    bed.wait(2_000);
    let private = new_signing_key().unwrap();
    let public = Signer::from_pkcs8(&private).unwrap().public_key();
    let add = bed.state.gate.add_signing_key(&private, public.as_bytes(), Replace::AtOnce, "system");
    assert!(add.await.unwrap());
    let third = server(gate(&bed.options, &bed.clock).await, 0);
    let body = json!({ "login": "admin@acme.test", "password": PASSWORD });
    let tokens = call(&third, Method::POST, "/v1/auth/login", None, Some(body)).await.body;
    let access = Some(text(&tokens, "access_token"));
    assert_eq!(bed.call(Method::GET, "/v1/me", access, None).await.status, 200);
    assert_eq!(jwks(&bed.state).await, jwks(&third).await);
    // Unknown keys do not let the keys be read more than once a second.
    let read_at = || bed.state.auth.read_at.load(Ordering::Relaxed);
    let before = read_at();
    let forged = Signer::from_pkcs8(&new_signing_key().unwrap()).unwrap();
    let claims = Claims::new(uuid::Uuid::nil(), uuid::Uuid::nil(), uuid::Uuid::nil(), before, 900);
    let forged = forged.issue(&claims).unwrap();
    bed.wait(999);
    assert_eq!(bed.call(Method::GET, "/v1/me", Some(&forged), None).await.code(), (401, "token_invalid"));
    assert_eq!(read_at(), before);
    bed.wait(1);
    assert_eq!(bed.call(Method::GET, "/v1/me", Some(&forged), None).await.code(), (401, "token_invalid"));
    assert_eq!(read_at(), before + 1000);
}

#[actix_web::test]
async fn a_new_key_is_published_signs_and_outlives_the_one_before() {
    let bed = Bed::new().await;
    let kids = || async {
        let keys = bed.call(Method::GET, "/.well-known/jwks.json", None, None).await.body["keys"].clone();
        let mut kids: Vec<String> =
            keys.as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect();
        kids.sort_unstable();
        kids
    };
    let kid = |tokens: &Value| jsonwebtoken::decode_header(text(tokens, "access_token")).unwrap().kid.unwrap();
    let states = || async {
        let lines = signing::status(&bed.state.gate).await.unwrap();
        lines.iter().map(|line| line.state).collect::<Vec<_>>()
    };
    let old = kid(&bed.login().await);
    assert_eq!((kids().await, states().await), (vec![old.clone()], vec!["signs"]));
    // Of two keys of one moment nobody could tell the newer.
    bed.wait(1_000);
    signing::rotate(&bed.state.gate, false).await.unwrap();
    // A minute later the server has read it: it is published, and does not sign.
    bed.wait(60_000);
    assert_eq!(kid(&bed.login().await), old);
    assert_eq!((kids().await.len(), states().await), (2, vec!["published", "signs"]));
    bed.wait(90_000);
    // To the very millisecond, whenever the server read it.
    let tokens = bed.login().await;
    let new = kid(&tokens);
    assert_ne!(new, old);
    assert_eq!((kids().await.len(), states().await), (2, vec!["signs", "believed"]));
    bed.wait(17 * 60_000);
    assert_eq!((kids().await, states().await), (vec![new.clone()], vec!["signs", "retired"]));
    // One that is not secret any more: within a minute nothing that it signed is believed.
    let tokens = bed.login().await;
    let access = Some(text(&tokens, "access_token"));
    signing::rotate(&bed.state.gate, true).await.unwrap();
    assert_eq!(states().await, ["signs", "retired", "retired"]);
    bed.wait(60_000);
    assert_eq!(bed.call(Method::GET, "/v1/me", access, None).await.code(), (401, "token_invalid"));
    assert_ne!(kid(&bed.login().await), new);
    // After 90 days another one is made by itself.
    bed.wait(90 * 86_400_000);
    bed.login().await;
    assert_eq!(states().await.first(), Some(&"published"));
}

#[path = "forged_tests.rs"]
mod forged;
