//! Tests of the addresses that submissions come to.

use std::sync::Arc;

use actix_web::body::to_bytes;
use actix_web::http::header::HeaderMap;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, web};
use kehu_store::clock::Clock;
use kehu_store::crypto::kek::LocalKeys;
use kehu_store::engine::EngineOptions;
use kehu_store::people::{FirstAdmin, Password};
use kehu_store::{Gate, GateOptions, HourlyLimits};
use serde_json::{Value, json};

use super::*;
use crate::address::Forwarded;
use crate::state::{Limits, State};
use crate::{door, routes};

const KEY: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const PAGE: &str = "https://www.example.com";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

struct Bed {
    state: web::Data<State>,
    token: String,
    form: Value,
    _folder: tempfile::TempDir,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn code(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }
}

impl Bed {
    async fn new(per_minute: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let gate = Gate::open(GateOptions {
            files: kehu_store::files::Files::of(std::path::Path::new("/nowhere")),
            place: EngineOptions::sqlite(folder.path().join("kehu.db")),
            keys: Arc::new(LocalKeys::from_text(KEY).unwrap()),
            clock: Clock::system(),
            limits: HourlyLimits::default(),
            seal_limit: kehu_store::keys::SEAL_LIMIT,
        })
        .await
        .unwrap();
        let password = Some(Password::from("correct horse battery".to_owned()));
        let admin = FirstAdmin { org_name: None, email: Some("admin@acme.test".to_owned()), password };
        gate.first_start(admin).await.unwrap().unwrap();
        let limits = Limits { requests: 0, submissions: per_minute, sign_ins: 0, in_flight: 10 };
        let state = web::Data::new(State::new(gate, limits, Forwarded::Ignored, Vec::new()).unwrap());
        let mut bed = Self { state, token: String::new(), form: Value::Null, _folder: folder };
        let login = json!({"login": "admin@acme.test", "password": "correct horse battery"});
        let tokens = bed.send(TestRequest::post().uri("/v1/auth/login").set_json(login)).await;
        bed.token = tokens.body["access_token"].as_str().unwrap().to_owned();
        let form = json!({
            "name": "官网", "origins": [PAGE, "wechat:wx0123456789abcdef"], "answer": {"code": 0, "id": "{{id}}"},
            "fields": [{"key": "name", "maps_to": "contact.name"}, {"key": "/tel", "maps_to": "contact.phone"}],
        });
        let made = bed.send(bed.signed(TestRequest::post().uri("/v1/forms")).set_json(form)).await;
        assert_eq!(made.status, 201, "{}", made.body);
        bed.form = made.body;
        bed
    }

    fn signed(&self, request: TestRequest) -> TestRequest {
        request.insert_header(("authorization", format!("Bearer {}", self.token)))
    }

    async fn send(&self, request: TestRequest) -> Answer {
        let app = App::new().app_data(self.state.clone()).configure(routes::configure).wrap(from_fn(door::outer));
        let answer = call_service(&init_service(app).await, request.to_request()).await;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = to_bytes(answer.into_body()).await.unwrap();
        Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or_default() }
    }

    fn path(&self) -> String {
        format!("/v1/forms/{}/submissions", self.text("id"))
    }

    fn text(&self, name: &str) -> &str {
        self.form[name].as_str().unwrap()
    }

    /// A submission with the key as a token.
    fn submission(&self, kind: &str, body: &str) -> TestRequest {
        let bearer = ("authorization", format!("Bearer {}", self.text("public_key")));
        let request = TestRequest::post().uri(&self.path()).insert_header(bearer);
        request.insert_header(("content-type", kind)).set_payload(body.to_owned())
    }

    async fn listed(&self) -> Vec<Value> {
        let answer = self.send(self.signed(TestRequest::get().uri(&self.path()))).await;
        described("SubmissionPage", &answer.body);
        answer.body["data"].as_array().unwrap().clone()
    }
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
async fn the_answer_is_the_same_whatever_becomes_of_a_submission() {
    let bed = Bed::new(0).await;
    described("Form", &bed.form);
    let bodies = [
        (JSON, r#"{"values": {"name": "王芳", "tel": 13800138000}}"#),
        (JSON, r#"{"values": {"name": "王芳", "tel": 13800138000}}"#),
        (JSON, r#"{"values": {"name": "王芳"}}"#),
        (JSON, r#"{"values": {"tel": "13900139000"}, "test": true}"#),
        (FORM, "name=%CD%F5%B7%BC&%2Ftel=13700137000&_charset_=gb18030"),
        ("text/plain", "hello"),
    ];
    for (kind, body) in bodies {
        let answer = bed.send(bed.submission(kind, body)).await;
        assert_eq!((answer.status, &answer.body["status"]), (202, &json!("received")), "{body}");
        described("SubmissionAnswer", &answer.body);
    }
    let outcomes: Vec<Value> = bed.listed().await.iter().rev().map(|row| row["status"].clone()).collect();
    assert_eq!(json!(outcomes), json!(["created", "matched", "quarantined", "test", "created", "quarantined"]));
    let first = bed.listed().await.pop().unwrap();
    let opened = bed.signed(TestRequest::get().uri(&format!("{}/{}", bed.path(), first["id"].as_str().unwrap())));
    let opened = bed.send(opened).await;
    described("SubmissionWhole", &opened.body);
    assert_eq!(opened.body["raw"]["body"], bodies[0].1);
}

#[actix_web::test]
async fn the_key_stands_in_the_header_the_address_or_the_body() {
    let bed = Bed::new(0).await;
    let key = bed.text("public_key");
    let post = |path: &str, body: Value| TestRequest::post().uri(path).set_json(body);
    let sent = bed.send(post(&format!("{}?key={key}&utm_source=a", bed.path()), json!({"tel": "13800138000"}))).await;
    assert_eq!(sent.status, 202);
    let sent = bed.send(post(&bed.path(), json!({"_key": key, "values": {"tel": "13900139000"}}))).await;
    assert_eq!(sent.status, 202);
    let rows = bed.listed().await;
    assert_eq!((&rows[1]["attribution"]["utm_source"], &rows[1]["unmapped"]), (&json!("a"), &json!([])));
    let none = bed.send(post(&bed.path(), json!({}))).await;
    assert_eq!((none.code(), none.header("www-authenticate")), ((401, "token_missing"), Some("Bearer")));
    let other = "/v1/forms/0190a3c4-7e1b-7c3d-8f00-5b1f0c2d3e4f/submissions".to_owned();
    for (path, key) in [
        (other, key),
        (bed.path(), bed.text("hook_key")),
        (bed.path(), "pk_x"),
        ("/v1/forms/x/submissions".to_owned(), key),
    ] {
        let wrong = bed.send(post(&format!("{path}?key={key}"), json!({}))).await;
        assert_eq!(wrong.code(), (401, "form_key_invalid"), "{path}");
    }
}

#[actix_web::test]
async fn pages_of_the_forms_origins_read_the_answer_and_others_are_turned_away() {
    let bed = Bed::new(0).await;
    let body = r#"{"tel": "13800138000"}"#;
    let from = |name: &'static str, value: &'static str| bed.submission(JSON, body).insert_header((name, value));
    let answer = bed.send(from("origin", PAGE)).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (202, Some(PAGE)));
    assert!(answer.header("vary").unwrap().contains("Origin"));
    for other in ["https://other.example.com", "http://www.example.com", "null", "https://www.example.com:8443"] {
        let answer = bed.send(from("origin", other)).await;
        assert_eq!(answer.code(), (403, "origin_refused"), "{other}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    let mini = "https://servicewechat.com/wx0123456789abcdef/7/page-frame.html";
    assert_eq!(bed.send(from("referer", mini)).await.status, 202);
    let other = "https://servicewechat.com/wxfedcba9876543210/7/page-frame.html";
    assert_eq!(bed.send(from("referer", other)).await.code(), (403, "origin_refused"));
    let own = bed.submission(JSON, body).insert_header(("host", "crm.example.com"));
    assert_eq!(bed.send(own.insert_header(("origin", "https://crm.example.com"))).await.status, 202);
    let unread = bed.submission(JSON, "{").insert_header(("origin", PAGE));
    let unread = bed.send(unread).await;
    assert_eq!((unread.status, unread.header("access-control-allow-origin")), (202, Some(PAGE)));
    let hook = TestRequest::post().uri(&format!("/v1/hooks/{}", bed.text("hook_key"))).set_payload(body);
    let hook = bed.send(hook.insert_header(("origin", "https://other.example.com"))).await;
    assert_eq!((hook.status, hook.header("access-control-allow-origin")), (200, None));
}

#[actix_web::test]
async fn a_secret_address_takes_what_senders_send_and_answers_as_they_want() {
    let bed = Bed::new(1).await;
    let hook = format!("/v1/hooks/{}", bed.text("hook_key"));
    let post = || TestRequest::post().uri(&hook);
    let requests = [
        post().set_json(json!({"tel": 13_800_138_000_u64, "deep": {"x": 1}})),
        post().insert_header(("content-type", FORM)).set_payload("name=a&%2Ftel=13900139000"),
        post().insert_header(("content-type", "text/plain")).set_payload(r#"{"tel": 13700137000}"#),
        TestRequest::get().uri(&format!("{hook}?tel=13600136000")),
    ];
    for request in requests {
        let answer = bed.send(request).await;
        assert_eq!((answer.status, &answer.body["code"]), (200, &json!(0)));
        assert!(answer.body["id"].is_string());
    }
    let rows = bed.listed().await;
    assert!(rows.iter().all(|row| row["status"] == "created"), "{rows:?}");
    assert_eq!(rows[3]["unmapped"], json!(["/deep/x"]));
    let wrong = bed.send(TestRequest::post().uri("/v1/hooks/hk_x").set_payload("{}")).await;
    assert_eq!(wrong.code(), (401, "form_key_invalid"));
    let pause = TestRequest::patch().uri(&format!("/v1/forms/{}", bed.text("id"))).set_json(json!({"paused": true}));
    assert_eq!(bed.send(bed.signed(pause)).await.status, 200);
    let paused = bed.send(post().set_json(json!({"tel": "1"}))).await;
    assert_eq!((paused.code(), paused.header("retry-after").is_some()), ((503, "form_paused"), true));
}

#[actix_web::test]
async fn repeats_floods_and_large_bodies_are_told() {
    let bed = Bed::new(2).await;
    let keyed =
        || bed.submission(JSON, r#"{"tel": "13800138000"}"#).insert_header(("idempotency-key", "0123456789abcdef"));
    let (first, again) = (bed.send(keyed()).await, bed.send(keyed()).await);
    assert_eq!((first.status, again.status, &first.body["id"]), (202, 202, &again.body["id"]));
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), (None, Some("true")));
    let flood = bed.send(keyed()).await;
    assert_eq!((flood.code(), flood.header("retry-after").is_some()), ((429, "rate_limited"), true));
    let bed = Bed::new(0).await;
    let large = bed.send(bed.submission(JSON, &format!("\"{}\"", "a".repeat(SUBMISSION_BYTES)))).await;
    assert_eq!(large.code(), (413, "body_too_large"));
    assert!(bed.listed().await.is_empty());
}
