use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kehu_domain::field::{Field, Shape, Sight};
use kehu_domain::filter::{FilterReader, members};
use kehu_domain::kinds::{Contact, Customer, EntryRule, FollowUp, Form, Note, Role, Segment, Tag, Team, User};
use kehu_domain::read::{Members, Reader};
use kehu_domain::record::{Kind, Record, Veiled};
use kehu_domain::show::{Name, Out, View};
use kehu_store::machine::{Resource, resource};
use uuid::Uuid;

use super::*;

const ID: &str = "0190a3c4-7e1b-7c3d-8f00-5b1f0c2d3e4f";

/// The only operations that anybody may call. The list may only shrink, or grow with a reason.
const PUBLIC: &[&str] = &[
    // Its token is in the body.
    "auth_accept_invitation",
    // Its state and its proof are in the body, or in the address and a cookie.
    "auth_external",
    "auth_external_callback",
    "auth_external_start",
    "auth_login",
    "auth_refresh",
    "description_get",
    "docs_get",
    "health_get",
    // The address itself is the secret.
    "hooks_get",
    "hooks_post",
    "jwks_get",
    "ready_get",
];

fn id() -> Uuid {
    ID.parse().unwrap()
}

fn each(value: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    visit(path, value);
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| each(value, &format!("{path}/{name}"), visit));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| each(value, &format!("{path}/{at}"), visit));
        }
        _ => {}
    }
}

fn methods(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, op)| (format!("{method} {path}"), op))
        })
        .collect()
}

/// A validator of one shared schema, with formats.
fn validator(document: &Value, name: &str) -> jsonschema::Validator {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": format!("#/components/schemas/{name}"),
        "components": document["components"].clone(),
    });
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

fn faults(document: &Value, name: &str, value: &Value) -> Vec<String> {
    validator(document, name)
        .iter_errors(value)
        .map(|error| format!("{name}{}: {error}", error.instance_path()))
        .collect()
}

#[test]
fn no_reference_dangles_and_none_is_idle() {
    let document = document();
    let mut used = BTreeSet::new();
    each(&document, "", &mut |path, value| {
        if let Some(target) = value.get("$ref").and_then(Value::as_str) {
            assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{path} points to {target}");
            used.insert(target.to_owned());
        }
    });
    for part in ["schemas", "responses", "parameters", "headers"] {
        for name in document["components"][part].as_object().unwrap().keys() {
            assert!(used.contains(&format!("#/components/{part}/{name}")), "nobody points to {part} {name}");
        }
    }
}

#[test]
fn operation_ids_are_unique_and_no_operation_hides_another() {
    let operations = operations();
    let ids: BTreeSet<_> = operations.iter().map(|operation| operation.id.as_str()).collect();
    let places: BTreeSet<_> = operations.iter().map(|operation| (operation.method, operation.path.as_str())).collect();
    assert_eq!((ids.len(), places.len()), (operations.len(), operations.len()));
    assert_eq!(methods(&document()).len(), operations.len());
}

#[test]
fn every_operation_says_who_may_call_it_and_how_it_fails() {
    let document = document();
    let mut public = BTreeSet::new();
    for (place, operation) in methods(&document) {
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{place}");
        assert!(responses.keys().any(|status| status.starts_with('4')), "{place}");
        let security = operation["security"].as_array().unwrap();
        if security.is_empty() {
            public.insert(operation["operationId"].as_str().unwrap());
        } else {
            assert!(responses.contains_key("401"), "{place}");
        }
        for member in ["summary", "description"] {
            assert!(!operation[member].as_str().unwrap().is_empty(), "{place} {member}");
        }
        let tag = &operation["tags"][0];
        assert!(document["tags"].as_array().unwrap().iter().any(|known| known["name"] == *tag), "{place} {tag}");
    }
    assert_eq!(public.into_iter().collect::<Vec<_>>(), PUBLIC);
}

#[test]
fn every_code_of_an_operation_is_in_the_list_of_codes() {
    let codes = codes();
    let known: BTreeSet<_> =
        codes.as_array().unwrap().iter().map(|entry| (entry["status"].as_u64(), entry["code"].as_str())).collect();
    for operation in operations() {
        for (status, keys) in operation.codes() {
            for key in keys {
                assert!(known.contains(&(Some(status.into()), Some(key))), "{} {status} {key}", operation.id);
            }
        }
    }
}

#[test]
fn what_will_go_is_described_so() {
    let declared =
        Deprecation { operation: "tags_list", since: "2027-01-31", sunset: None, instead: "Use the search." };
    let document = document_with(&[declared]);
    let list = &document["paths"]["/v1/tags"]["get"];
    assert_eq!(list["deprecated"], true);
    assert!(list["description"].as_str().unwrap().ends_with("Deprecated since 2027-01-31. Use the search."));
    assert!(list["responses"]["200"]["headers"].get("Deprecation").is_some());
    let others = methods(&document).into_iter().filter(|(_, operation)| operation.get("deprecated").is_some()).count();
    assert_eq!(others, 1);
}

#[test]
fn every_path_parameter_is_described() {
    let document = document();
    for (place, operation) in methods(&document) {
        let named = |parameter: &Value| {
            let parameter = match parameter["$ref"].as_str() {
                Some(target) => document.pointer(&target[1..]).unwrap(),
                None => parameter,
            };
            (parameter["in"] == "path").then(|| format!("{{{}}}", parameter["name"].as_str().unwrap()))
        };
        let named: BTreeSet<_> = operation["parameters"].as_array().unwrap().iter().filter_map(named).collect();
        let in_path: BTreeSet<_> = place.split('/').filter(|part| part.starts_with('{')).map(str::to_owned).collect();
        assert_eq!(named, in_path, "{place}");
    }
}

#[test]
fn every_property_is_explained() {
    let document = document();
    each(&document["components"]["schemas"], "", &mut |path, value| {
        let Some(properties) = value.get("properties").and_then(Value::as_object) else { return };
        if path.ends_with("/properties") {
            return;
        }
        for (name, property) in properties {
            let target = property["$ref"].as_str().and_then(|target| document.pointer(&target[1..]));
            let said = |schema: &Value| schema["description"].is_string() || schema["title"].is_string();
            assert!(said(property) || target.is_some_and(said), "{path}/{name}");
        }
    });
}

#[test]
fn schemas_are_schemas() {
    let document = document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(jsonschema::draft202012::meta::is_valid(schema), "{name}");
        validator(&document, name);
    }
}

#[test]
fn examples_are_valid() {
    let document = document();
    for (place, operation) in methods(&document) {
        let Some(content) = operation["requestBody"]["content"].as_object() else { continue };
        for media in content.values() {
            let Some(example) = media.get("example") else { continue };
            // What is tried may be anything else too.
            let schema = media["schema"]["$ref"].as_str().or_else(|| media["schema"]["anyOf"][0]["$ref"].as_str());
            let name = schema.unwrap().rsplit('/').next().unwrap();
            assert_eq!(faults(&document, name, example), Vec::<String>::new(), "{place}");
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        for example in schema["examples"].as_array().into_iter().flatten() {
            assert_eq!(faults(&document, name, example), Vec::<String>::new());
        }
    }
}

/// A reader of answers who sees so much of what is not general.
struct Seen(Sight, Name);

impl View for Seen {
    fn sight(&self, field: &Field) -> Sight {
        if field.group == kehu_domain::field::Group::General { Sight::Full } else { self.0 }
    }
    fn name(&self, _: Uuid) -> Option<&Name> {
        Some(&self.1)
    }
    fn wants(&self, _: &str) -> bool {
        true
    }
}

/// The answer that the program would write.
fn shown<R: Record>(record: &R, view: &Seen) -> Value {
    let mut out = Out::new();
    let mut veiled = Veiled::default();
    out.object(|out| {
        out.key("id").plain(&id());
        out.key("version").number(1);
        out.key("created_at").plain(&"2026-11-22T00:30:00.000Z");
        out.key("updated_at").plain(&"2026-11-22T00:30:00.000Z");
        out.key("created_by").null();
        record.show(out, view, &mut veiled);
        out.key("custom").object(|_| {});
        out.key("hidden").texts(veiled.hidden.iter().map(|name| &**name));
        out.key("masked").texts(veiled.masked.iter().map(|name| &**name));
    });
    serde_json::from_str(&out.into_text()).unwrap()
}

fn read<R: Record>(body: &Value) -> Result<R, Vec<String>> {
    let mut made = 0;
    let mut make_id = || {
        made += 1;
        Uuid::from_u128(made)
    };
    let mut reader = Reader::new("CN", &mut make_id);
    let mut members: Members = body.as_object().unwrap().clone();
    // What a create of another kind brings along is read by that kind.
    if R::KIND.name == "customer" {
        members.remove("contacts");
    }
    let record = R::create(&mut members, &mut reader);
    reader.refuse_rest(&members, &[]);
    let found: Vec<String> = reader.findings().iter().map(|f| format!("{} {}", f.pointer, f.flaw.code.key)).collect();
    record.filter(|_| found.is_empty()).ok_or(found)
}

/// What a create takes, an answer holds and a change takes back is what the schemas say.
fn check<R: Record>() {
    let document = document();
    let name = R::KIND.schema;
    let example = examples::input(R::KIND.name).unwrap();
    let record: R = read(&example).unwrap();
    for sight in [Sight::Full, Sight::Masked, Sight::Hidden] {
        let answer = shown(&record, &Seen(sight, Name { name: "名".into(), color: None }));
        assert_eq!(faults(&document, name, &answer), Vec::<String>::new(), "{sight:?}");
        assert_eq!(faults(&document, &format!("{name}Patch"), &answer), Vec::<String>::new(), "{sight:?}");
        let described = &document["components"]["schemas"][name];
        for member in answer.as_object().unwrap().keys() {
            assert!(described["properties"].get(member).is_some(), "{name}.{member} is not described");
        }
        let required: BTreeSet<_> =
            described["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(required, answer.as_object().unwrap().keys().map(String::as_str).collect());
    }
    let missing = read::<R>(&json!({})).err().unwrap_or_default();
    let required = &document["components"]["schemas"][format!("{name}{}", people::create_forms(R::KIND).0)]["required"];
    let required: Vec<String> = required
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(|name| format!("/{name} required"))
        .collect();
    assert_eq!(missing, required, "{name}");
    let patch = examples::patch(R::KIND.name).unwrap();
    // Those of the record were counted from 1.
    let mut made = 1000;
    let mut make_id = || {
        made += 1;
        Uuid::from_u128(made)
    };
    let mut reader = Reader::new("CN", &mut make_id);
    let full = Seen(Sight::Full, Name { name: "名".into(), color: None });
    let mut members = patch.as_object().unwrap().clone();
    assert!(record.patch(&mut members, &mut reader, &full).is_some() && members.is_empty(), "{:?}", reader.findings());
    unknown_members_are_refused(&document, R::KIND);
}

fn unknown_members_are_refused(document: &Value, kind: &Kind) {
    let batched = resource(kind.name).is_some_and(Resource::batched);
    let forms = [people::create_forms(kind).0, "Patch", "Search", "Batch"];
    for form in forms.into_iter().filter(|form| batched || *form != "Batch") {
        let name = format!("{}{form}", kind.schema);
        assert!(!faults(document, &name, &json!({ "no_such_member": 1 })).is_empty(), "{name}");
    }
}

#[test]
fn schemas_of_kinds_say_what_parsing_and_showing_do() {
    check::<Customer>();
    check::<Contact>();
    check::<FollowUp>();
    check::<Note>();
    check::<Tag>();
    check::<User>();
    check::<Team>();
    check::<Role>();
    check::<Form>();
    check::<EntryRule>();
    check::<Segment>();
    // Attachments come as forms: tests/api/openapi.rs holds their answers against the schema.
    assert_eq!(KINDS.len(), 13, "a kind that no test looks at");
}

#[test]
fn a_relation_stands_where_expand_puts_it() {
    let document = document();
    for expansion in kehu_store::machine::EXPANSIONS {
        let kind = kehu_domain::kinds::kind_named(expansion.of).unwrap();
        let properties = &document["components"]["schemas"][kind.schema]["properties"];
        assert!(properties.get(expansion.name).is_some(), "{}.{}", expansion.of, expansion.name);
        assert_eq!(properties.get(format!("{}_has_more", expansion.name)).is_some(), expansion.by.is_none());
    }
    let contact: Contact = read(&examples::input("contact").unwrap()).unwrap();
    let customer: Customer = read(&examples::input("customer").unwrap()).unwrap();
    let view = Seen(Sight::Full, Name { name: "名".into(), color: None });
    let mut answer = shown(&contact, &view);
    answer["customer"] = shown(&customer, &view);
    assert_eq!(faults(&document, "Contact", &answer), Vec::<String>::new());
    let mut answer = shown(&customer, &view);
    answer["contacts"] = json!([shown(&contact, &view)]);
    answer["contacts_has_more"] = false.into();
    assert_eq!(faults(&document, "Customer", &answer), Vec::<String>::new());
}

#[test]
fn the_conditions_of_addresses_are_those_that_are_read() {
    let document = document();
    let now = DateTime::<Utc>::from_timestamp(0, 0).unwrap();
    for kind in KINDS {
        let described =
            document["components"]["schemas"][format!("{}Filter", kind.schema)]["properties"].as_object().unwrap();
        let keys = kind.fields.iter().flat_map(|field| match field.shape {
            Shape::Choice(vocabulary) | Shape::Choices(vocabulary) => vocabulary.items,
            _ => &[],
        });
        let keys: Vec<&str> = keys.map(|(key, ..)| *key).collect();
        for name in described.keys() {
            let read = [
                "1",
                "true",
                ID,
                "2026-11-22",
                "2026-Q1",
                "IT",
                "上海市",
                "1,2",
                "2026-Q1,2026-Q2",
                "2026-01-01,2026-02-01",
                &format!("{ID},{ID}"),
            ]
            .into_iter()
            .chain(keys.iter().copied())
            .any(|value| {
                FilterReader::new(kind, "CN", now, "Asia/Shanghai".parse().unwrap()).parameter(name, value).is_ok()
            });
            assert!(read, "{}: {name}", kind.name);
        }
        for member in members(kind) {
            let sealed =
                FilterReader::new(kind, "CN", now, "Asia/Shanghai".parse().unwrap()).parameter(member.name, "1").err();
            let refused = sealed.is_some_and(|finding| finding.flaw.code.key == "sealed_in_url");
            // A text is asked for by what it holds alone.
            let with_op = format!("{}.", member.name);
            let stands = described.keys().any(|key| key == member.name || key.starts_with(&with_op));
            assert_eq!(stands, !refused, "{}: {}", kind.name, member.name);
        }
    }
}

#[test]
fn the_written_files_are_the_same_every_time() {
    let folder = tempfile::tempdir().unwrap();
    let texts = || {
        write(folder.path()).unwrap();
        ["openapi.json", "codes.json", "rights.txt"].map(|name| fs::read_to_string(folder.path().join(name)).unwrap())
    };
    let first = texts();
    assert_eq!(first, texts());
    assert_eq!(serde_json::from_str::<Value>(&first[0]).unwrap(), document());
    assert!(first.iter().all(|text| text.ends_with('\n')));
}
