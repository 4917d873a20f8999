use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::body::to_bytes;
use actix_web::http::Method;
use actix_web::test::{TestRequest, call_service, init_service, try_call_service};
use kehu_store::clock::Clock;
use kehu_store::crypto::kek::LocalKeys;
use kehu_store::engine::EngineOptions;
use kehu_store::{GateOptions, HourlyLimits};
use serde_json::{Value, json};

use super::*;
use crate::body::JsonBody;
use crate::deprecated::Deprecation;
use crate::headers::Incoming;
use crate::problem::Problem;
use crate::query::Query;

const KEY: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OPEN: Limits = Limits { requests: 0, submissions: 0, sign_ins: 0, in_flight: 10 };

async fn state(folder: &tempfile::TempDir, limits: Limits, cors: bool) -> web::Data<State> {
    let options = GateOptions {
        files: kehu_store::files::Files::of(std::path::Path::new("/nowhere")),
        place: EngineOptions::sqlite(folder.path().join("kehu.db")),
        keys: Arc::new(LocalKeys::from_text(KEY).unwrap()),
        clock: Clock::new(|| 1_700_000_000_000),
        limits: HourlyLimits::default(),
        seal_limit: kehu_store::keys::SEAL_LIMIT,
    };
    let gate = Gate::open(options).await.unwrap();
    web::Data::new(
        State::new(
            gate,
            limits,
            Forwarded::LastHop,
            cors.then(|| "https://crm.example.com".parse().unwrap()).into_iter().collect(),
        )
        .unwrap(),
    )
}

/// Handlers that behave as the real ones do.
fn some_routes(config: &mut web::ServiceConfig) {
    let things = web::resource("/v1/things")
        .route(web::get().to(|query: Query| async { query.finish().map(|()| "things") }))
        .route(web::post().to(|body: JsonBody| async move { HttpResponse::Ok().json(body.0) }));
    config
        .service(things)
        .route("/v1/things/{id}", web::patch().to(|id: web::Path<uuid::Uuid>| async move { id.to_string() }))
        .route("/v1/long", web::get().to(long))
        .route("/v1/client", web::get().to(|incoming: Incoming| async move { incoming.client.to_string() }))
        .route("/v1/broken", web::get().to(broken))
        .route("/v1/wrong", web::get().to(|| async { Err::<&str, _>(Problem::internal("SELECT secret")) }))
        .route("/v1/hooks/{key}", web::post().to(|| async { HttpResponse::BadRequest().json(json!({"code": 7})) }));
    routes(config);
}

async fn long() -> HttpResponse {
    HttpResponse::Ok().insert_header(("etag", "\"7-5f\"")).body("x".repeat(5000))
}

async fn broken() -> HttpResponse {
    panic!("as tested")
}

struct Answer {
    status: u16,
    headers: actix_web::http::header::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// Sends one request through all layers.
macro_rules! send {
    ($app:expr, $request:expr) => {{
        let answer = call_service($app, $request.peer_addr("127.0.0.1:5000".parse().unwrap()).to_request()).await;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, body: to_bytes(answer.into_body()).await.unwrap().to_vec() }
    }};
}

#[actix_web::test]
async fn whatever_goes_wrong_is_a_problem() {
    let folder = tempfile::tempdir().unwrap();
    let app = init_service(app(state(&folder, OPEN, false).await, &[], some_routes)).await;
    for (request, status, code) in [
        (TestRequest::get().uri("/nowhere"), 404, "not_found"),
        (TestRequest::get().uri("/v1/things/"), 404, "not_found"),
        (TestRequest::patch().uri("/v1/things/42"), 404, "not_found"),
        (TestRequest::delete().uri("/v1/things"), 405, "method_not_allowed"),
        (TestRequest::get().uri("/v1/things?limt=1"), 400, "parameter_unknown"),
        (TestRequest::post().uri("/v1/things").set_payload("{}"), 415, "media_type_unsupported"),
        (TestRequest::post().uri("/v1/things").insert_header(("content-type", "application/json")), 400, "not_json"),
        (TestRequest::get().uri("/v1/wrong"), 500, "internal"),
        (
            TestRequest::get().uri("/v1/long").insert_header(("accept-encoding", "identity;q=0, br")),
            406,
            "not_acceptable",
        ),
        (
            TestRequest::get().uri("/v1/things").insert_header(("x-http-method-override", "PATCH")),
            400,
            "method_override_invalid",
        ),
    ] {
        let answer = send!(&app, request.insert_header(("x-request-id", "r-7")));
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{code}");
        let body = answer.json();
        assert_eq!((answer.status, &body["code"]), (status, &json!(code)));
        assert_eq!((&body["status"], &body["request_id"]), (&json!(status), &json!("r-7")));
        assert_eq!(answer.header("x-request-id"), Some("r-7"));
        assert!(!body.to_string().contains("SELECT"));
    }
}

#[actix_web::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let folder = tempfile::tempdir().unwrap();
    let app = init_service(app(state(&folder, OPEN, false).await, &[], some_routes)).await;
    let answer = send!(&app, TestRequest::delete().uri("/v1/things"));
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD, POST, OPTIONS")));
    let hook = send!(&app, TestRequest::delete().uri("/v1/hooks/hk_1"));
    assert_eq!((hook.status, hook.header("allow")), (405, Some("POST, GET, OPTIONS")));
}

#[actix_web::test]
async fn head_is_get_and_options_tells_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let app = init_service(app(state(&folder, OPEN, false).await, &[], some_routes)).await;
    let get = send!(&app, TestRequest::get().uri("/v1/things"));
    let head = send!(&app, TestRequest::default().method(Method::HEAD).uri("/v1/things"));
    // The connection leaves the body out.
    assert_eq!((head.status, head.header("content-type")), (get.status, get.header("content-type")));
    let wrong = send!(&app, TestRequest::default().method(Method::HEAD).uri("/v1/things?limt=1"));
    assert_eq!(wrong.status, 400);
    let options = send!(&app, TestRequest::default().method(Method::OPTIONS).uri("/v1/things"));
    assert_eq!((options.status, options.header("allow")), (204, Some("GET, HEAD, POST, OPTIONS")));
    assert!(options.body.is_empty() && options.header("x-request-id").is_some());
    // Nothing is there, or GET does something.
    assert_eq!(send!(&app, TestRequest::default().method(Method::OPTIONS).uri("/nowhere")).status, 404);
    assert_eq!(send!(&app, TestRequest::default().method(Method::HEAD).uri("/v1/hooks/hk_1")).status, 405);
}

#[actix_web::test]
async fn what_will_go_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let state = state(&folder, OPEN, false).await.into_inner();
    let declared = Deprecation {
        operation: "jwks_get",
        since: "2027-01-31",
        sunset: Some("2027-07-31"),
        instead: "Ask the other address.",
    };
    let state = web::Data::new(Arc::into_inner(state).unwrap().deprecating(&[declared]));
    let app = init_service(app(state, &[], routes)).await;
    let told = send!(&app, TestRequest::get().uri("/.well-known/jwks.json"));
    assert_eq!(told.header("deprecation"), Some("@1801353600"));
    assert_eq!(told.header("sunset"), Some("Sat, 31 Jul 2027 00:00:00 GMT"));
    assert!(told.header("link").is_some_and(|link| link.contains("rel=\"deprecation\"")));
    let other = send!(&app, TestRequest::get().uri("/healthz"));
    assert_eq!((other.header("deprecation"), other.header("sunset")), (None, None));
}

#[actix_web::test]
async fn addresses_are_routed_by_the_patterns_of_the_description() {
    let folder = tempfile::tempdir().unwrap();
    let app = init_service(app(state(&folder, OPEN, false).await, &[], routes)).await;
    for operation in crate::openapi::operations() {
        let method = Method::from_bytes(operation.method.to_uppercase().as_bytes()).unwrap();
        let request = TestRequest::default().method(method).uri(&operation.path.replace(['{', '}'], "~"));
        // Whoever is nobody is refused, behind the route.
        let answer = call_service(&app, request.peer_addr("127.0.0.1:5000".parse().unwrap()).to_request()).await;
        let route = answer.request().match_pattern();
        assert_eq!(route.as_deref(), Some(operation.path.as_str()), "{}", operation.id);
        assert_ne!(answer.status().as_u16(), 405, "{}", operation.id);
    }
}

#[actix_web::test]
async fn small_answers_are_not_packed_and_packed_ones_have_their_own_tag() {
    let folder = tempfile::tempdir().unwrap();
    let app = init_service(app(state(&folder, OPEN, false).await, &[], some_routes)).await;
    let small = send!(&app, TestRequest::get().uri("/v1/things").insert_header(("accept-encoding", "gzip")));
    assert_eq!((small.header("content-encoding"), small.body.as_slice()), (None, &b"things"[..]));
    let plain = send!(&app, TestRequest::get().uri("/v1/long"));
    let packed = send!(&app, TestRequest::get().uri("/v1/long").insert_header(("accept-encoding", "gzip")));
    assert_eq!((plain.header("etag"), packed.header("etag")), (Some("\"7-5f\""), Some("\"7-5f-gzip\"")));
}

#[actix_web::test]
async fn a_type_that_is_not_there_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let state = state(&folder, Limits { requests: 9, ..OPEN }, false).await;
    let app = init_service(app(state, &[], some_routes)).await;
    let refused = send!(&app, TestRequest::get().uri("/v1/things").insert_header(("accept", "text/csv")));
    assert_eq!((refused.status, &refused.json()["code"]), (406, &json!("not_acceptable")));
    assert_eq!(refused.header("ratelimit-remaining"), Some("8"));
    let taken = send!(&app, TestRequest::get().uri("/v1/things").insert_header(("accept", "text/csv, */*;q=0.1")));
    assert_eq!(taken.status, 200);
}

#[actix_web::test]
async fn a_panic_is_a_500_with_the_request_id() {
    let folder = tempfile::tempdir().unwrap();
    let app = init_service(app(state(&folder, OPEN, false).await, &[], some_routes)).await;
    let request = TestRequest::get().uri("/v1/broken").insert_header(("x-request-id", "r-8"));
    let error = try_call_service(&app, request.to_request()).await.map(|_| ()).unwrap_err();
    let answer = error.error_response();
    assert_eq!(
        (answer.status().as_u16(), answer.headers().get("x-request-id").unwrap().as_bytes()),
        (500, &b"r-8"[..])
    );
    let body: Value = serde_json::from_slice(&to_bytes(answer.into_body()).await.unwrap()).unwrap();
    assert_eq!((&body["code"], &body["request_id"]), (&json!("internal"), &json!("r-8")));
}

#[actix_web::test]
async fn an_answer_of_its_own_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let app = init_service(app(state(&folder, OPEN, false).await, &[], some_routes)).await;
    let answer = send!(&app, TestRequest::post().uri("/v1/hooks/hk_1"));
    assert_eq!((answer.status, answer.json()), (400, json!({"code": 7})));
}

#[actix_web::test]
async fn a_post_becomes_a_patch() {
    let folder = tempfile::tempdir().unwrap();
    let app = init_service(app(state(&folder, OPEN, false).await, &[], some_routes)).await;
    let id = "0190a3c4-7e1b-7c3d-8f00-5b1f0c2d3e4f";
    let post = TestRequest::post().uri("/v1/things/0190a3c4-7e1b-7c3d-8f00-5b1f0c2d3e4f");
    let answer = send!(&app, post.insert_header(("x-http-method-override", "PATCH")));
    assert_eq!((answer.status, answer.body.as_slice()), (200, id.as_bytes()));
}

#[actix_web::test]
async fn every_answer_carries_the_headers_of_the_house() {
    let folder = tempfile::tempdir().unwrap();
    let app = init_service(app(state(&folder, OPEN, false).await, &[], some_routes)).await;
    let plain = send!(&app, TestRequest::get().uri("/v1/long"));
    assert_eq!(plain.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(plain.header("cache-control"), Some("no-store"));
    assert_eq!(plain.header("vary"), Some("Authorization, Accept-Language, Accept-Encoding"));
    assert!(plain.header("x-request-id").is_some_and(|id| id.len() == 32));
    assert_eq!((plain.header("ratelimit-limit"), plain.header("access-control-allow-origin")), (None, None));
    let packed = send!(&app, TestRequest::get().uri("/v1/long").insert_header(("accept-encoding", "gzip")));
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.body.len() < plain.body.len());
    let zh = TestRequest::get().uri("/v1/nowhere").insert_header(("accept-language", "zh-CN"));
    let zh = send!(&app, zh.insert_header(("accept-encoding", "gzip")));
    assert_eq!((zh.header("content-encoding"), &zh.json()["title"]), (None, &json!("此处没有内容")));
}

#[actix_web::test]
async fn an_address_has_a_limit_and_probes_and_hooks_have_none() {
    let folder = tempfile::tempdir().unwrap();
    let state = state(&folder, Limits { requests: 2, ..OPEN }, false).await;
    let app = init_service(app(state, &[], some_routes)).await;
    let ask = |uri: &str, from: &str| TestRequest::get().uri(uri).insert_header(("x-forwarded-for", from.to_owned()));
    let first = send!(&app, ask("/v1/client", "1.2.3.4"));
    assert_eq!((first.status, first.body.as_slice()), (200, &b"1.2.3.4"[..]));
    assert_eq!((first.header("ratelimit-limit"), first.header("ratelimit-remaining")), (Some("2"), Some("1")));
    send!(&app, ask("/v1/client", "1.2.3.4"));
    let refused = send!(&app, ask("/v1/client", "1.2.3.4"));
    assert_eq!((refused.status, &refused.json()["code"]), (429, &json!("rate_limited")));
    assert!(refused.header("retry-after").is_some() && refused.header("ratelimit-remaining") == Some("0"));
    assert_eq!(send!(&app, ask("/v1/client", "1.2.3.5")).status, 200);
    assert_eq!(send!(&app, ask("/healthz", "1.2.3.4")).status, 200);
    let hook = ask("/v1/hooks/hk_1", "1.2.3.4").method(Method::POST);
    assert_eq!(send!(&app, hook).status, 400);
}

#[actix_web::test]
async fn too_much_at_once_is_turned_away_but_for_probes() {
    let folder = tempfile::tempdir().unwrap();
    let state = state(&folder, Limits { in_flight: 0, ..OPEN }, false).await;
    let app = init_service(app(state, &[], some_routes)).await;
    let refused = send!(&app, TestRequest::get().uri("/v1/long"));
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert_eq!(refused.json()["code"], "overloaded");
    assert_eq!(send!(&app, TestRequest::get().uri("/readyz")).status, 200);
}

#[actix_web::test]
async fn readiness_ends_before_service_does() {
    let folder = tempfile::tempdir().unwrap();
    let state = state(&folder, OPEN, false).await;
    let app = init_service(app(state.clone(), &[], some_routes)).await;
    assert_eq!(send!(&app, TestRequest::get().uri("/readyz")).json(), json!({"status": "ready"}));
    state.drain();
    let not_ready = send!(&app, TestRequest::get().uri("/readyz"));
    assert_eq!((not_ready.status, &not_ready.json()["code"]), (503, &json!("shutting_down")));
    assert_eq!(send!(&app, TestRequest::get().uri("/v1/long")).status, 200);
    let gone = send!(&app, TestRequest::get().uri("/healthz"));
    assert_eq!(gone.status, 200);
    state.gate.close().await;
}

#[actix_web::test]
async fn pages_of_configured_origins_may_call_and_read_refusals() {
    let folder = tempfile::tempdir().unwrap();
    let origins = ["https://crm.example.com".parse().unwrap()];
    let app = init_service(app(state(&folder, OPEN, true).await, &origins, some_routes)).await;
    let preflight = |origin: &'static str, uri: &str| {
        let request = TestRequest::default().method(Method::OPTIONS).uri(uri).insert_header(("origin", origin));
        request.insert_header(("access-control-request-method", "PATCH"))
    };
    let allowed = send!(&app, preflight("https://crm.example.com", "/v1/things"));
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://crm.example.com"));
    assert!(allowed.header("access-control-allow-headers").unwrap().to_lowercase().contains("if-match"));
    let refused = send!(&app, preflight("https://evil.example", "/v1/things"));
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (403, None));
    assert_eq!(refused.json()["code"], "origin_refused");
    let form = send!(&app, preflight("https://shop.example", "/v1/forms/frm_1/submissions"));
    assert_eq!((form.status, form.header("access-control-allow-origin")), (204, Some("https://shop.example")));
    let missing = TestRequest::get().uri("/v1/nowhere").insert_header(("origin", "https://crm.example.com"));
    let missing = send!(&app, missing);
    assert_eq!(missing.header("access-control-allow-origin"), Some("https://crm.example.com"));
    assert!(missing.header("access-control-expose-headers").unwrap().to_lowercase().contains("etag"));
    assert!(missing.header("vary").unwrap().contains("Origin"));
}

#[actix_web::test]
async fn figures_name_routes_and_no_paths() {
    let folder = tempfile::tempdir().unwrap();
    let state = state(&folder, OPEN, false).await;
    let app = init_service(app(state.clone(), &[], some_routes)).await;
    send!(&app, TestRequest::patch().uri("/v1/things/13800138000"));
    send!(&app, TestRequest::get().uri("/13800138000"));
    let shown = metrics::show(state).await;
    let text = String::from_utf8(to_bytes(shown.into_body()).await.unwrap().to_vec()).unwrap();
    assert!(text.contains("route=\"/v1/things/{id}\"") && text.contains("route=\"unmatched\""), "{text}");
    assert!(!text.contains("13800138000"));
    for name in [
        "kehu_store_queue_depth",
        "kehu_journal_lag_seconds",
        "kehu_journal_unclosed_seconds",
        "process_resident_memory_bytes",
        "kehu_build_info{version=",
    ] {
        assert!(text.contains(name), "{name}");
    }
}
