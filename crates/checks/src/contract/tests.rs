use serde_json::{Value, json};

use super::operations::{Break, breaks};
use super::{check, unnamed};

/// A small description in which everything that is compared stands once.
fn document() -> Value {
    json!({
        "openapi": "3.1.0",
        "security": [{ "bearer": [] }],
        "paths": {
            "/v1/things": {
                "get": {
                    "operationId": "things_list",
                    "parameters": [
                        { "$ref": "#/components/parameters/Limit" },
                        { "name": "sort", "in": "query", "schema": { "type": "string", "enum": ["name", "-name"] } },
                    ],
                    "responses": {
                        "200": {
                            "headers": { "ETag": {} },
                            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Page" } } },
                        },
                        "400": { "$ref": "#/components/responses/Bad" },
                    },
                },
                "post": {
                    "requestBody": {
                        "required": true,
                        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/ThingInput" } } },
                    },
                    "responses": { "201": { "content": { "application/json": { "schema": { "allOf": [
                        { "$ref": "#/components/schemas/Thing" },
                        { "type": "object", "properties": { "warnings": { "type": "array" } }, "required": ["warnings"] },
                    ] } } } } },
                },
            },
        },
        "components": {
            "parameters": {
                "Limit": { "name": "limit", "in": "query", "schema": { "type": "integer", "minimum": 1, "maximum": 500 } },
            },
            "responses": { "Bad": { "content": { "application/problem+json": { "schema": { "allOf": [
                { "$ref": "#/components/schemas/Problem" },
                { "properties": { "code": { "enum": ["bad"] } } },
            ] } } } } },
            "schemas": {
                "Problem": { "type": "object", "properties": { "code": { "type": "string" } }, "required": ["code"] },
                "Page": {
                    "type": "object", "required": ["data"],
                    "properties": { "data": { "type": "array", "items": { "$ref": "#/components/schemas/Thing" } } },
                },
                "Thing": {
                    "type": "object", "required": ["id", "name", "stage", "colour", "size"],
                    "properties": {
                        "id": { "type": "string", "format": "uuid" },
                        "name": { "type": "string" },
                        "stage": { "type": "string", "enum": ["new", "old"], "x-extensible-enum": true },
                        "colour": { "type": "string", "enum": ["red", "blue"] },
                        "size": { "type": ["integer", "null"], "minimum": 0 },
                        "parent": { "anyOf": [{ "$ref": "#/components/schemas/Thing" }, { "type": "null" }] },
                    },
                },
                "ThingInput": {
                    "type": "object", "required": ["name"], "additionalProperties": false,
                    "properties": {
                        "name": { "type": "string", "minLength": 1, "maxLength": 100 },
                        "colour": { "type": "string", "enum": ["red", "blue"] },
                        "size": { "type": ["integer", "string", "null"], "minimum": 0 },
                        "parts": { "type": "array", "items": { "$ref": "#/components/schemas/Part" }, "maxItems": 20 },
                        "where": { "$ref": "#/components/schemas/Tree" },
                    },
                },
                "Part": { "anyOf": [{ "type": "string" }, { "type": "object", "properties": { "id": { "type": "string" } } }] },
                "Tree": { "anyOf": [
                    { "type": "object", "properties": { "field": { "type": "string" } }, "required": ["field"] },
                    { "type": "object", "properties": { "not": { "$ref": "#/components/schemas/Tree" } }, "required": ["not"] },
                ] },
            },
        },
    })
}

/// What a change of one place breaks, as `place what`.
fn broken(pointer: &str, value: Value) -> Vec<String> {
    let mut new = document();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let name = name.replace("~1", "/");
    match new.pointer_mut(parent).unwrap() {
        Value::Object(members) if value == json!("<gone>") => drop(members.remove(&name).unwrap()),
        Value::Object(members) => drop(members.insert(name, value)),
        Value::Array(items) if value == json!("<gone>") => drop(items.remove(name.parse().unwrap())),
        Value::Array(items) => items.push(value),
        _ => panic!("{pointer}"),
    }
    breaks(&document(), &new).into_iter().map(|Break { place, what }| format!("{place} {what}")).collect()
}

const LIST: &str = "/paths/~1v1~1things/get";
const CREATE: &str = "/paths/~1v1~1things/post";
const SCHEMAS: &str = "/components/schemas";

#[test]
fn what_is_the_same_breaks_nothing() {
    assert!(breaks(&document(), &document()).is_empty());
}

#[test]
fn planted_changes_that_break_are_found() {
    let gone = || json!("<gone>");
    for (at, value, told) in [
        ("/paths/~1v1~1things".to_owned(), gone(), "GET /v1/things is gone"),
        (LIST.to_owned(), gone(), "GET /v1/things is gone"),
        (format!("{LIST}/parameters/1"), gone(), "GET /v1/things query sort is gone"),
        (
            format!("{LIST}/operationId"),
            json!("things_all"),
            "GET /v1/things operationId was \"things_list\" and is \"things_all\"",
        ),
        (
            format!("{LIST}/parameters/1/explode"),
            json!(false),
            "GET /v1/things query sort was written as form, exploded and is as form",
        ),
        (
            "/components/parameters/Limit/style".into(),
            json!("deepObject"),
            "parameter Limit query limit was written as form, exploded and is as deepObject",
        ),
        (
            format!("{LIST}/parameters/-"),
            json!({ "name": "q", "in": "query", "required": true, "schema": { "type": "string" } }),
            "GET /v1/things query q is new and required",
        ),
        ("/components/parameters/Limit/required".into(), json!(true), "parameter Limit query limit is required now"),
        (
            "/components/parameters/Limit/schema/maximum".into(),
            json!(100),
            "parameter Limit query limit: maximum was 500 and is 100",
        ),
        (
            "/components/parameters/Limit/schema/minimum".into(),
            json!(10),
            "parameter Limit query limit: minimum was 1 and is 10",
        ),
        (
            format!("{LIST}/parameters/1/schema/enum"),
            json!(["name"]),
            "GET /v1/things query sort: the value \"-name\" is not taken any more",
        ),
        (format!("{LIST}/responses/200"), gone(), "GET /v1/things the answer 200 is gone"),
        (
            format!("{LIST}/responses/200/headers/ETag"),
            gone(),
            "GET /v1/things the answer 200 has no header ETag any more",
        ),
        (
            format!("{LIST}/responses/200/content"),
            json!({ "text/csv": {} }),
            "GET /v1/things the answer 200 is not application/json any more",
        ),
        (
            format!("{LIST}/security"),
            json!([{ "ticket": [] }]),
            "GET /v1/things security {\"bearer\":[]} does not suffice any more",
        ),
        (format!("{CREATE}/requestBody"), gone(), "POST /v1/things no body is taken any more"),
        (
            format!("{LIST}/requestBody"),
            json!({ "required": true, "content": {} }),
            "GET /v1/things a body is required now",
        ),
        (format!("{SCHEMAS}/Thing/properties/name"), gone(), "schema Thing as it is read at /name: is gone"),
        (
            format!("{SCHEMAS}/Thing/required"),
            json!(["id", "name", "stage", "colour"]),
            "schema Thing as it is read at /size: may be missing now",
        ),
        (
            format!("{SCHEMAS}/Thing/properties/name/type"),
            json!(["string", "null"]),
            "schema Thing as it is read at /name: type null was not promised before",
        ),
        (
            format!("{SCHEMAS}/Thing/properties/colour/enum"),
            json!(["red", "blue", "green"]),
            "schema Thing as it is read at /colour: the value \"green\" was not promised before",
        ),
        (
            format!("{SCHEMAS}/Thing/properties/size/minimum"),
            gone(),
            "schema Thing as it is read at /size: minimum was 0 and is none",
        ),
        (
            format!("{SCHEMAS}/Thing/properties/id/format"),
            json!("uri"),
            "schema Thing as it is read at /id: format is another one",
        ),
        (
            format!("{SCHEMAS}/Thing/properties/parent/anyOf/-"),
            json!({ "type": "string" }),
            "schema Thing as it is read at /parent: alternative 2 was not promised before",
        ),
        (format!("{SCHEMAS}/ThingInput/required"), json!(["name", "colour"]), "at /colour: is required now"),
        (format!("{SCHEMAS}/ThingInput/properties/colour"), gone(), "at /colour: is gone"),
        (format!("{SCHEMAS}/ThingInput/properties/colour/enum"), json!(["red"]), "the value \"blue\" is not taken"),
        (format!("{SCHEMAS}/ThingInput/properties/name/pattern"), json!("^r"), "at /name: pattern is another one"),
        (format!("{SCHEMAS}/ThingInput/properties/name/maxLength"), json!(50), "maxLength was 100 and is 50"),
        (format!("{SCHEMAS}/ThingInput/properties/size/type"), json!(["integer", "null"]), "type string is not taken"),
        (format!("{SCHEMAS}/ThingInput/properties/parts/maxItems"), json!(5), "maxItems was 20 and is 5"),
        (format!("{SCHEMAS}/ThingInput/minProperties"), json!(2), "minProperties was none and is 2"),
        (format!("{SCHEMAS}/Part/anyOf/0"), gone(), "schema Part as it is sent: alternative 0 is not taken any more"),
        (
            format!("{SCHEMAS}/Tree/anyOf/0/required"),
            json!(["field", "op"]),
            "schema Tree as it is sent: alternative 0 is not taken any more",
        ),
        (format!("{SCHEMAS}/Problem/required"), json!([]), "schema Problem as it is read at /code: may be missing now"),
    ] {
        let found = broken(&at, value);
        assert!(found.iter().any(|found| found.contains(told)), "{at}: {found:?}");
    }
}

#[test]
fn changes_that_break_nobody_are_let_through() {
    let gone = || json!("<gone>");
    let more = json!({ "type": "string", "enum": ["new", "old", "lost"], "x-extensible-enum": true });
    for (at, value) in [
        ("/paths/~1v1~1others".to_owned(), json!({ "get": { "responses": { "200": {} } } })),
        (format!("{LIST}/parameters/-"), json!({ "name": "q", "in": "query", "schema": { "type": "string" } })),
        ("/components/parameters/Limit/schema/maximum".into(), json!(1000)),
        (format!("{LIST}/responses/400"), gone()),
        (format!("{LIST}/responses/409"), json!({ "content": {} })),
        (format!("{LIST}/responses/200/headers/Vary"), json!({})),
        (format!("{LIST}/security"), json!([{ "bearer": [] }, { "ticket": [] }])),
        (format!("{LIST}/security"), json!([])),
        (
            "/components/responses/Bad/content/application~1problem+json/schema/allOf/1/properties/code/enum".into(),
            json!(["bad", "worse"]),
        ),
        (format!("{SCHEMAS}/Thing/properties/stage"), more),
        (format!("{SCHEMAS}/Thing/properties/colour/enum"), json!(["red"])),
        (format!("{SCHEMAS}/Thing/properties/size/type"), json!("integer")),
        (format!("{SCHEMAS}/Thing/properties/weight"), json!({ "type": "number" })),
        (format!("{SCHEMAS}/Thing/properties/name/description"), json!("What it is called.")),
        (format!("{SCHEMAS}/Thing/properties/parent/anyOf/1"), gone()),
        (format!("{SCHEMAS}/ThingInput/required"), json!([])),
        (format!("{SCHEMAS}/ThingInput/properties/weight"), json!({ "type": "number" })),
        (format!("{SCHEMAS}/ThingInput/properties/size/type"), json!(["number", "string", "null"])),
        (format!("{SCHEMAS}/ThingInput/properties/size/minimum"), gone()),
        (format!("{SCHEMAS}/ThingInput/additionalProperties"), gone()),
        (format!("{SCHEMAS}/Part/anyOf/-"), json!({ "type": "integer" })),
    ] {
        let found = broken(&at, value);
        assert_eq!(found, Vec::<String>::new(), "{at}");
    }
}

#[test]
fn a_break_is_excused_by_a_new_line_that_names_it() {
    let mut new = document();
    new["paths"]["/v1/things"].as_object_mut().unwrap().remove("get");
    new["components"]["schemas"]["ThingInput"]["required"] = json!(["name", "size"]);
    let found = breaks(&document(), &new);
    assert_eq!(found.len(), 2, "{found:?}");
    let old = "## [Unreleased]\n- Breaking: schema ThingInput: another time.\n";
    let said = |more: &str| unnamed(&found, old, &format!("{old}{more}")).len();
    assert_eq!(said(""), 2, "an old line excuses nothing");
    assert_eq!(said("- Breaking: GET /v1/things: lists are gone.\n"), 1);
    assert_eq!(said("- Breaking: GET /v1/things/{id}: another place.\n"), 2);
    assert_eq!(said("- Breaking: schema Other, GET /v1/things: both are gone.\n"), 1);
    assert_eq!(said("- Breaking: `GET /v1/things`\n- **Breaking:** schema ThingInput: `size` is asked for.\n"), 0);
    assert!(unnamed(&found, old, old)[0].remedy.contains("Breaking: GET /v1/things"));
}

/// A repository with two commits of a description.
fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let who = ["-c", "user.name=t", "-c", "user.email=t@example.test", "-c", "commit.gpgsign=false"];
        let done = std::process::Command::new("git").current_dir(folder.path()).args(who).args(arguments).output();
        assert!(done.unwrap().status.success(), "{arguments:?}");
    };
    std::fs::create_dir(folder.path().join("openapi")).unwrap();
    git(&["init", "--quiet"]);
    write(&folder, &document(), "");
    for _ in 0..2 {
        git(&["add", "--all"]);
        git(&["commit", "--quiet", "--allow-empty", "--message", "As it is"]);
    }
    folder
}

fn write(folder: &tempfile::TempDir, document: &Value, log: &str) {
    std::fs::write(folder.path().join("openapi/openapi.json"), document.to_string()).unwrap();
    std::fs::write(folder.path().join("CHANGELOG.md"), log).unwrap();
}

#[test]
fn the_working_file_is_compared_with_a_commit() {
    let folder = repository();
    let same = check(folder.path(), None).unwrap();
    assert!(same.violations.is_empty() && same.note.contains("last two commits"), "{}", same.note);
    let mut new = document();
    new["paths"]["/v1/things"].as_object_mut().unwrap().remove("post");
    write(&folder, &new, "");
    assert_eq!(check(folder.path(), None).unwrap().violations[0].what, "POST /v1/things is gone");
    assert_eq!(check(folder.path(), Some("HEAD~1")).unwrap().violations.len(), 1);
    write(&folder, &new, "- Breaking: POST /v1/things: nobody used it.");
    let named = check(folder.path(), None).unwrap();
    assert!(named.violations.is_empty() && named.note.contains("1 breaks"), "{}", named.note);
    assert!(check(folder.path(), Some("no-such-commit")).is_err());
}

#[test]
fn without_an_earlier_commit_it_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("openapi")).unwrap();
    write(&folder, &document(), "");
    assert!(check(folder.path(), None).unwrap().note.contains("--contract-base"));
}
