//! `POST /v1/batch`: things done to records of several kinds in one request.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use kehu_domain::codes as flaws;
use kehu_domain::flaw::Flaw;
use kehu_domain::read::Finding;
use kehu_store::machine::operations::{Doing, Operation, OperationDone, Target, is_name, operations, reference};
use kehu_store::machine::resources;
use serde_json::{Map, Value};

use crate::problem::Problem;
use crate::signed::SignedBatch;

use super::members::typed;
use super::outcomes;
use super::records::{MAX_ATOMIC, MAX_ITEMS, options, record_id};

type Reply = Result<HttpResponse, Problem>;

const KNOWN: &str = "ref, method, path, body, version";

pub(super) fn configure(app: &mut ServiceConfig) {
    app.service(web::resource("/v1/batch").route(web::post().to(batch)));
}

async fn batch(request: HttpRequest, signed: SignedBatch) -> Reply {
    let SignedBatch { caller, query, body } = signed;
    let options = options(&request, query, Some(&body))?;
    let (list, atomic) = read(body)?;
    let names: Vec<Option<String>> = list.iter().map(|operation| operation.name.clone()).collect();
    match operations(&caller, list, atomic, &options).await {
        Ok(done) => Ok(answer(&request, &names, &done)),
        Err(stopped) => {
            let problem = Problem::from(stopped.failure);
            Err(match stopped.at {
                Some(at) => problem.with_member("operation", at.into()),
                None => problem,
            })
        }
    }
}

/// Everything that is wrong with how a request is built.
#[derive(Default)]
struct Reader {
    findings: Vec<Finding>,
    /// The place of each name so far.
    names: HashMap<String, usize>,
}

impl Reader {
    fn flaw(&mut self, pointer: impl Into<String>, flaw: Flaw) {
        self.findings.push(Finding { pointer: pointer.into(), flaw });
    }
}

/// The operations, and whether they are done all or none.
fn read(body: Value) -> Result<(Vec<Operation>, bool), Problem> {
    let mut reader = Reader::default();
    let Value::Object(mut members) = body else {
        return Err(Problem::validation(vec![Finding { pointer: String::new(), flaw: typed("an object", "对象") }]));
    };
    let atomic = match members.remove("atomic") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(atomic)) => atomic,
        Some(_) => {
            reader.flaw("/atomic", typed("true or false", "true 或 false"));
            false
        }
    };
    let list = match members.remove("operations") {
        Some(Value::Array(list)) => list,
        None | Some(Value::Null) => {
            reader.flaw("/operations", Flaw::new(&flaws::REQUIRED).with("field", "operations"));
            Vec::new()
        }
        Some(_) => {
            reader.flaw("/operations", typed("a list", "列表"));
            Vec::new()
        }
    };
    for name in members.keys() {
        let flaw = Flaw::new(&flaws::FIELD_UNKNOWN).with("field", name).with("known", "atomic, operations");
        reader.flaw(format!("/{name}"), flaw);
    }
    let max = if atomic { MAX_ATOMIC } else { MAX_ITEMS };
    if list.len() > max {
        reader.flaw("/operations", Flaw::new(&flaws::LIST_TOO_LONG).with("max", max));
        return Err(Problem::validation(reader.findings));
    }
    for (at, item) in list.iter().enumerate() {
        reader.name(item, at);
    }
    let operations: Vec<Operation> =
        list.into_iter().enumerate().filter_map(|(at, item)| reader.operation(item, at)).collect();
    if reader.findings.is_empty() { Ok((operations, atomic)) } else { Err(Problem::validation(reader.findings)) }
}

impl Reader {
    /// Notes what an operation is called.
    fn name(&mut self, item: &Value, at: usize) {
        let Some(name) = item.get("ref").and_then(Value::as_str).filter(|name| is_name(name)) else { return };
        if self.names.contains_key(name) {
            self.flaw(format!("/operations/{at}/ref"), Flaw::new(&flaws::OPERATION_NAME_TWICE).with("value", name));
        } else {
            self.names.insert(name.to_owned(), at);
        }
    }

    fn operation(&mut self, item: Value, at: usize) -> Option<Operation> {
        let place = format!("/operations/{at}");
        let Value::Object(mut members) = item else {
            self.flaw(place, typed("an object", "对象"));
            return None;
        };
        let name = self.text(&mut members, &place, "ref");
        if let Some(name) = name.as_deref().filter(|name| !is_name(name)) {
            self.flaw(format!("{place}/ref"), Flaw::new(&flaws::OPERATION_NAME).with("value", short(name)));
        }
        let expected = match members.remove("version") {
            None | Some(Value::Null) => None,
            Some(version) => {
                if version.as_i64().is_none() {
                    self.flaw(format!("{place}/version"), typed("a whole number", "整数"));
                }
                version.as_i64()
            }
        };
        let method = self.required(&mut members, &place, "method");
        let path = self.required(&mut members, &place, "path");
        let body = members.remove("body").filter(|body| !body.is_null());
        for name in members.keys() {
            let flaw = Flaw::new(&flaws::FIELD_UNKNOWN).with("field", name).with("known", KNOWN);
            self.flaw(format!("{place}/{name}"), flaw);
        }
        let (method, path) = (method?, path?);
        let (resource, doing, target) = self.address(&place, &method, &path, at)?;
        let takes = matches!(doing, Doing::Create | Doing::Update);
        match &body {
            None if takes => {
                self.flaw(format!("{place}/body"), Flaw::new(&flaws::REQUIRED).with("field", "body"));
            }
            Some(body) if !takes && body.as_object().is_none_or(|members| !members.is_empty()) => {
                self.flaw(format!("{place}/body"), Flaw::new(&flaws::OPERATION_BODY).with("method", &method));
            }
            Some(body) => self.references(&format!("{place}/body"), body, at),
            None => {}
        }
        Some(Operation { resource, doing, target, body: body.unwrap_or_default(), expected, name })
    }

    /// What a method at an address does, to which record of which kind.
    fn address(
        &mut self,
        place: &str,
        method: &str,
        path: &str,
        at: usize,
    ) -> Option<(kehu_store::machine::Resource, Doing, Target)> {
        let mut parts = path.strip_prefix("/v1/").unwrap_or_default().split('/');
        let kind = parts.next().unwrap_or_default();
        let resource = resources().find(|resource| resource.kind().path == kind && resource.batched());
        let parts: Vec<&str> = parts.collect();
        let Some(resource) = resource.filter(|_| parts.len() < 3) else {
            let known: Vec<String> = resources()
                .filter(|resource| resource.batched())
                .map(|resource| format!("/v1/{}", resource.kind().path))
                .collect();
            let flaw = Flaw::new(&flaws::OPERATION_PATH).with("value", short(path)).with("known", known.join(", "));
            self.flaw(format!("{place}/path"), flaw);
            return None;
        };
        let doing = match (method, parts.as_slice()) {
            ("POST", []) => Doing::Create,
            ("PATCH", [_]) => Doing::Update,
            ("DELETE", [_]) if resource.removable() => Doing::Delete,
            ("POST", [_, "restore"]) if resource.removable() => Doing::Restore,
            _ => {
                let flaw = Flaw::new(&flaws::OPERATION_METHOD).with("value", short(method)).with("path", short(path));
                self.flaw(format!("{place}/method"), flaw);
                return None;
            }
        };
        let target = match parts.first() {
            None => Target::None,
            Some(id) => match reference(id) {
                Some(name) => {
                    self.known(&format!("{place}/path"), name, at);
                    Target::Of(name.to_owned())
                }
                None => record_id(id).map_or(Target::None, Target::Id),
            },
        };
        Some((resource, doing, target))
    }

    /// Looks whether what a body refers to comes before.
    fn references(&mut self, place: &str, body: &Value, at: usize) {
        match body {
            Value::String(text) => {
                if let Some(name) = reference(text) {
                    self.known(place, name, at);
                }
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(n, item)| self.references(&format!("{place}/{n}"), item, at));
            }
            Value::Object(members) => {
                for (name, value) in members {
                    let name = name.replace('~', "~0").replace('/', "~1");
                    self.references(&format!("{place}/{name}"), value, at);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn known(&mut self, place: &str, name: &str, at: usize) {
        let code = match self.names.get(name) {
            None => &flaws::OPERATION_UNKNOWN,
            Some(of) if *of >= at => &flaws::OPERATION_LATER,
            Some(_) => return,
        };
        self.flaw(place, Flaw::new(code).with("value", name));
    }

    fn text(&mut self, members: &mut Map<String, Value>, place: &str, name: &str) -> Option<String> {
        match members.remove(name) {
            Some(Value::String(text)) => Some(text),
            None | Some(Value::Null) => None,
            Some(_) => {
                self.flaw(format!("{place}/{name}"), typed("a text", "文本"));
                None
            }
        }
    }

    fn required(&mut self, members: &mut Map<String, Value>, place: &str, name: &str) -> Option<String> {
        let missing = members.get(name).is_none_or(Value::is_null);
        if missing {
            self.flaw(format!("{place}/{name}"), Flaw::new(&flaws::REQUIRED).with("field", name));
        }
        self.text(members, place, name)
    }
}

/// As much of a value as a message quotes.
fn short(value: &str) -> String {
    value.chars().take(50).collect()
}

/// What became of each: 200 where every one was done, else 207.
pub(super) fn answer(request: &HttpRequest, names: &[Option<String>], done: &[OperationDone]) -> HttpResponse {
    let whole = done.iter().all(|one| one.outcome.is_ok());
    let status = outcomes::status(whole);
    told(request, status, Some(names), done)
}

/// The same with a status; without names, of records that were named by their ids.
pub(super) fn told(
    request: &HttpRequest,
    status: StatusCode,
    names: Option<&[Option<String>]>,
    done: &[OperationDone],
) -> HttpResponse {
    outcomes::answer(
        request,
        status,
        done,
        |one| one.replayed,
        |out, at, one, teller| {
            let problem = one.outcome.as_ref().err().map(|failure| teller.problem(failure));
            let wrote = one.outcome.as_ref().ok();
            out.key("index").number(i64::try_from(at).unwrap_or(i64::MAX));
            if let Some(names) = names {
                out.key("ref").text_or_null(names.get(at).and_then(Option::as_deref));
            }
            let done = wrote.map_or(0, |wrote| wrote.verb.status());
            out.key("status").number(problem.as_ref().map_or(done, Problem::status).into());
            out.key("id").id_or_null(wrote.map(|wrote| wrote.id));
            out.key("version");
            match wrote.and_then(|wrote| wrote.version) {
                Some(version) => out.number(version),
                None => out.null(),
            }
            teller.end(out, problem.as_ref(), wrote.map(|wrote| wrote.warnings.as_slice()).unwrap_or_default());
        },
    )
}
