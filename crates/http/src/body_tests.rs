use actix_web::test::TestRequest;
use kehu_domain::flaw::Lang;
use serde_json::json;

use super::*;

/// The finding of a refused body.
fn finding(body: &[u8]) -> Value {
    let problem = parse_json(body).unwrap_err().body(Lang::En, "r");
    assert_eq!((&problem["code"], &problem["status"]), (&json!("not_json"), &json!(400)));
    problem["errors"][0].clone()
}

async fn read(request: TestRequest, max: usize) -> Result<Value, &'static str> {
    let (request, payload) = request.to_http_parts();
    read_json(&request, payload, max).await.map_err(|problem| problem.key())
}

#[test]
fn json_is_read_as_it_is() {
    let text = r#"{"b": [1, -2, 2.5, 18446744073709551615], "a": null, "中": "\u4e2d\ud83d\ude00", "t": true}"#;
    let value = parse_json(text.as_bytes()).unwrap();
    assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
    let names: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["b", "a", "中", "t"]);
    assert_eq!(parse_json(b"\xef\xbb\xbf 7 ").unwrap(), json!(7));
}

#[test]
fn a_syntax_error_names_line_and_column() {
    let shown = finding(b"{\"name\": \"x\",\n  \"kind\": }");
    assert_eq!(shown["code"], "json_syntax");
    assert_eq!(shown["message"], "Line 2, column 11: expected value.");
    for bad in ["", "{", "{} x", "{a: 1}", "{\"a\": 01}", "\"\\ud800\"", "[1,]", "nul", "NaN", "1e999"] {
        assert_eq!(finding(bad.as_bytes())["code"], "json_syntax", "{bad}");
    }
}

#[test]
fn a_member_stands_there_once() {
    let shown = finding(br#"{"contacts": [{}, {"a/b": {"name": 1, "x": 2, "n\u0061me": 3}}]}"#);
    assert_eq!(shown["code"], "json_member_twice");
    assert_eq!(shown["pointer"], "/contacts/1/a~1b/name");
    assert_eq!(shown["params"]["member"], "name");
}

#[test]
fn depth_is_limited() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse_json(nested(DEPTH_MAX - 1).as_bytes()).is_ok());
    assert_eq!(finding(nested(DEPTH_MAX).as_bytes())["code"], "json_too_deep");
    assert_eq!(finding("[".repeat(2_000_000).as_bytes())["code"], "json_too_deep");
}

#[test]
fn other_encodings_are_refused_with_their_place() {
    let shown = finding(b"{\n \"name\": \"\xc3\xf7\"}");
    assert_eq!((&shown["code"], &shown["params"]["line"]), (&json!("json_not_utf8"), &json!("2")));
    assert_eq!(shown["params"]["column"], "11");
}

#[actix_web::test]
async fn the_content_type_must_be_json() {
    let typed = |kind: &'static str| TestRequest::post().insert_header(("content-type", kind)).set_payload("{}");
    for good in ["application/json", "application/json; charset=UTF-8", "Application/JSON;charset=\"utf-8\""] {
        assert_eq!(read(typed(good), 9).await, Ok(json!({})), "{good}");
    }
    for bad in ["text/plain", "application/json; charset=gbk", "application/merge-patch+json", "application/jsonp"] {
        assert_eq!(read(typed(bad), 9).await, Err("media_type_unsupported"), "{bad}");
    }
    assert_eq!(read(TestRequest::post().set_payload("{}"), 9).await, Err("media_type_unsupported"));
    assert_eq!(read(typed("application/merge-patch+json").method(Method::PATCH), 9).await, Ok(json!({})));
    let coded = typed("application/json").insert_header(("content-encoding", "gzip"));
    assert_eq!(read(coded, 9).await, Err("media_type_unsupported"));
}

#[actix_web::test]
async fn size_is_limited_with_and_without_a_said_length() {
    let sized =
        |text: &'static str| TestRequest::post().insert_header(("content-type", "application/json")).set_payload(text);
    assert_eq!(read(sized("[1,2]"), 5).await, Ok(json!([1, 2])));
    assert_eq!(read(sized("[1,2]"), 4).await, Err("body_too_large"));
    let (said, rest) = (sized("[1]").insert_header(("content-length", "99999999999999999999")), sized("[1]"));
    assert_eq!(read(said, 5).await, Ok(json!([1])), "a length that is no number is the parser's to refuse");
    assert_eq!(read(rest.insert_header(("content-length", "6")), 5).await, Err("body_too_large"));
}
