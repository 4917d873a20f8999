use kehu_domain::codes as domain_codes;
use kehu_store::failure::KnownRecord;
use uuid::Uuid;

use super::*;

fn body(failure: Failure, lang: Lang) -> Value {
    Problem::from(failure).body(lang, "r-1")
}

fn header(problem: &Problem, name: &str) -> Option<String> {
    let answer = problem.answer(Lang::En, "r-1");
    answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
}

#[test]
fn a_refused_body_says_what_and_where_in_both_languages() {
    let flaw = Flaw::new(&domain_codes::REQUIRED).with("field", "name");
    let failure = Failure::refused("/contacts/0/name", flaw);
    assert_eq!(
        body(failure.clone(), Lang::En),
        json!({
            "type": "/problems/validation", "title": "The body breaks rules", "status": 422, "code": "validation",
            "detail": "Every finding stands in `errors` with its place.", "request_id": "r-1",
            "errors": [{
                "pointer": "/contacts/0/name", "code": "required", "params": {"field": "name"},
                "message": "“name” is required.", "hint": "Give a value for “name”.",
            }],
        })
    );
    let zh = body(failure, Lang::Zh);
    assert_eq!(zh["title"], "请求内容不符合规则");
    assert_eq!(zh["errors"][0]["message"], "缺少必填项“name”。");
    assert_eq!(zh["code"], "validation");
}

#[test]
fn a_question_is_answered_with_the_code_of_its_flaw() {
    let flaw = Flaw::new(&domain_codes::LIMIT_INVALID).with("value", "0").with("max", 500);
    let shown = body(Failure::question("limit", flaw), Lang::En);
    assert_eq!(shown["code"], "limit_invalid");
    assert_eq!(shown["type"], "/problems/limit_invalid");
    assert_eq!(shown["status"], 400);
    assert_eq!(shown["detail"], "“0” is not a page size.");
    assert_eq!(shown["errors"][0]["parameter"], "limit");
    assert_eq!(shown["errors"][0].get("pointer"), None);
    let flaw = Flaw::new(&domain_codes::FILTER_SHAPE).with("found_en", "a text");
    let in_body = body(Failure::question("/where/and/0", flaw), Lang::En);
    assert_eq!(in_body["errors"][0]["pointer"], "/where/and/0");
    assert_eq!(in_body["errors"][0]["message"], "Here stands a text, and no filter.");
    assert!(in_body["errors"][0]["hint"].as_str().unwrap().starts_with("A filter is {“field”, “op”, “value”}"));
}

#[test]
fn a_question_with_a_bad_value_keeps_a_stable_code_at_the_top() {
    let shown = body(Failure::question("/where", Flaw::new(&domain_codes::TYPE_WRONG)), Lang::En);
    assert_eq!((&shown["code"], &shown["errors"][0]["code"]), (&json!("question_invalid"), &json!("type_wrong")));
}

#[test]
fn out_of_reach_a_duplicate_tells_state_and_nothing_else() {
    let mut existing = Existing {
        state: "owned",
        claimable: false,
        known: None,
        pointer: "/phones/0".into(),
        code: &domain_codes::DUPLICATE_VALUE,
        beyond: Some(("customer".into(), uuid::Uuid::nil())),
    };
    let shown = body(Failure::Duplicate(Box::new(existing.clone())), Lang::En);
    assert_eq!(shown["existing"], json!({"state": "owned", "claimable": false}));
    let (id, number) = (Uuid::nil(), Some("2026-IT-001".to_owned()));
    existing.known = Some(KnownRecord { resource: "customer".into(), id, number, name: "甲公司".into() });
    let shown = body(Failure::Duplicate(Box::new(existing)), Lang::En);
    assert_eq!(shown["status"], 409);
    assert_eq!(shown["existing"]["name"], "甲公司");
    assert_eq!(shown["existing"]["number"], "2026-IT-001");
}

#[test]
fn what_went_wrong_inside_stays_inside() {
    for failure in [
        Failure::Internal("SELECT 13800138000".into()),
        Failure::Sealing("13800138000".into()),
        Failure::Engine(EngineError::Misuse("13800138000")),
    ] {
        let problem = Problem::from(failure);
        assert_eq!(problem.status(), 500);
        assert!(!problem.body(Lang::En, "r").to_string().contains("13800138000"));
    }
}

#[test]
fn an_unreadable_value_names_its_field_and_not_its_row() {
    use kehu_store::crypto::cell::{CellError, FieldPath};
    let (path, row) = (FieldPath::new("contact.phones", "contacts", "phones"), Uuid::from_u128(7));
    let problem = Problem::from(Failure::from(CellError::Tampered { path, row }));
    let shown = problem.body(Lang::En, "r");
    assert_eq!((&shown["status"], &shown["code"]), (&json!(500), &json!("value_unreadable")));
    assert_eq!(shown["field"], "contact.phones");
    assert!(shown["detail"].as_str().unwrap().starts_with("The stored value of contact.phones does not open"));
    assert!(problem.body(Lang::Zh, "r")["detail"].as_str().unwrap().contains("contact.phones"));
    assert!(!shown.to_string().contains(&row.to_string()) && !shown.to_string().contains("contacts"));
}

#[test]
fn headers_come_with_their_situations() {
    let problem = Problem::from(Failure::SignIn(SignInFailure::CredentialsWrong));
    assert_eq!(header(&problem, "www-authenticate").as_deref(), Some("Bearer"));
    assert_eq!(header(&problem, "content-type").as_deref(), Some("application/problem+json"));
    let throttled = Problem::from(Failure::SignIn(SignInFailure::Throttled(42)));
    assert_eq!((throttled.status(), header(&throttled, "retry-after").as_deref()), (429, Some("42")));
    assert_eq!(header(&throttled, "www-authenticate"), None);
    use EngineError::{Busy, LockTimeout, QueueFull, ReadOnly, Unavailable};
    for error in [Busy, LockTimeout, QueueFull, Unavailable, ReadOnly] {
        let problem = Problem::from(Failure::Engine(error));
        assert_eq!(problem.status(), 503);
        assert!(header(&problem, "retry-after").is_some());
    }
    assert_eq!(Problem::from(Failure::Engine(EngineError::Full)).status(), 507);
    assert_eq!(Problem::from(Failure::Engine(EngineError::TooExpensive)).key(), "too_expensive");
}

#[test]
fn every_placeholder_of_a_detail_is_filled() {
    for status in 400..600 {
        let shown = of_status(status).body(Lang::Zh, "r");
        assert!(!shown["detail"].as_str().unwrap().contains('{'), "{shown}");
    }
}
