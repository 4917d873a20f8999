//! The verbs of every kind of record: five handlers and their relatives, registered once per kind.

use actix_web::http::{StatusCode, header};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use kehu_domain::codes as flaws;
use kehu_domain::field::Find;
use kehu_domain::flaw::Flaw;
use kehu_store::journal;
use kehu_store::machine::{self, Answer, BatchItem, Idempotency, Resource, Verb, WriteOptions, Written, resources};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::headers::{Incoming, idempotency_key, if_match, if_none_match};
use crate::problem::Problem;
use crate::query::Query;
use crate::signed::{Signed, SignedBatch, SignedJson};

use super::warnings::{lang_of, warned};
use super::{attachments, bulk, erasure, keyed, outcomes, validation};

type Reply = Result<HttpResponse, Problem>;

/// The most items of a batch.
pub(super) const MAX_ITEMS: usize = 1000;
/// The most items of a batch that is made whole or not at all.
pub(super) const MAX_ATOMIC: usize = 200;
/// What a look-up takes one of.
const LOOKED_UP: &str = "phone, email, wechat, id_number, bank_account";

/// Registers every kind.
pub(super) fn configure(app: &mut ServiceConfig) {
    for resource in resources() {
        let path = format!("/v1/{}", resource.kind().path);
        app.service(
            web::resource(format!("{path}/search")).route(web::post().to(move |signed| search(resource, signed))),
        );
        app.service(
            web::resource(format!("{path}/facets")).route(web::post().to(move |signed| facets(resource, signed))),
        );
        if resource.batched() {
            app.service(
                web::resource(format!("{path}/batch"))
                    .route(web::post().to(move |request, signed| batch(resource, request, signed))),
            );
        }
        if resource.batched() {
            validation::configure(app, resource);
            bulk::configure(app, resource);
        }
        if resource.keyed() {
            keyed::configure(app, resource);
        }
        if resource.removable() {
            app.service(
                web::resource(format!("{path}/{{id}}/restore"))
                    .route(web::post().to(move |request, signed, id| restore(resource, request, signed, id))),
            );
        }
        if resource.erasable() {
            app.service(
                web::resource(format!("{path}/{{id}}/erase"))
                    .route(web::post().to(move |signed, id| erasure::erase(resource, signed, id))),
            );
        }
        if resource.kind().has_masked() {
            app.service(
                web::resource(format!("{path}/{{id}}/reveal"))
                    .route(web::post().to(move |signed, id| reveal(resource, signed, id))),
            );
        }
        app.service(
            web::resource(format!("{path}/{{id}}/access"))
                .route(web::get().to(move |signed, id| access(resource, signed, id))),
        );
        app.service(
            web::resource(format!("{path}/{{id}}/history"))
                .route(web::get().to(move |incoming, signed, id| history(resource, incoming, signed, id))),
        );
        let one = web::resource(format!("{path}/{{id}}"))
            .route(web::get().to(move |request, signed, id| get(resource, request, signed, id)))
            .route(web::patch().to(move |request, signed, id| update(resource, request, signed, id)));
        let one = if resource.removable() {
            one.route(web::delete().to(move |request, signed, id| delete(resource, request, signed, id)))
        } else {
            one
        };
        let all = web::resource(path).route(web::get().to(move |signed| list(resource, signed)));
        let all = if resource.uploaded() {
            all.route(web::post().to(attachments::upload))
        } else {
            all.route(web::post().to(move |request, signed| create(resource, request, signed)))
        };
        app.service(one).service(all);
    }
    app.service(web::resource("/v1/counts").route(web::post().to(counts)));
    app.service(web::resource("/v1/lookup").route(web::post().to(lookup)));
}

/// The id in an address; a malformed one is an id that does not exist.
pub(super) fn record_id(text: &str) -> Result<Uuid, Problem> {
    Uuid::try_parse(text).ok().filter(|_| text.len() == 36).ok_or_else(Problem::not_found)
}

async fn list(resource: Resource, signed: Signed) -> Reply {
    let Signed { caller, query } = signed;
    Ok(plain(machine::list(&caller, resource, query.into_pairs()).await?))
}

async fn search(resource: Resource, signed: SignedJson) -> Reply {
    let SignedJson { caller, query, body } = signed;
    query.finish()?;
    Ok(plain(machine::search(&caller, resource, &body).await?))
}

async fn facets(resource: Resource, signed: SignedJson) -> Reply {
    let SignedJson { caller, query, body } = signed;
    query.finish()?;
    Ok(plain(machine::facets(&caller, resource, &body).await?))
}

async fn counts(signed: SignedJson) -> Reply {
    let SignedJson { caller, query, body } = signed;
    query.finish()?;
    Ok(plain(machine::counts(&caller, &body).await?))
}

async fn get(resource: Resource, request: HttpRequest, signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, query } = signed;
    let answer = machine::get(&caller, resource, record_id(&id)?, query.into_pairs()).await?;
    Ok(unless_known(&request, answer))
}

/// One record, or 304 where the caller has it already.
pub(super) fn unless_known(request: &HttpRequest, answer: Answer) -> HttpResponse {
    let etag = answer.etag.clone().unwrap_or_default();
    if if_none_match(request.headers(), &etag) {
        return HttpResponse::NotModified().insert_header((header::ETAG, etag)).finish();
    }
    plain(answer)
}

async fn history(resource: Resource, incoming: Incoming, signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, query } = signed;
    let id = record_id(&id)?;
    Ok(plain(journal::history(&caller, resource, id, query.into_pairs(), incoming.lang).await?))
}

async fn access(resource: Resource, signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, mut query } = signed;
    let user = query.take("user").map(|user| record_id(&user)).transpose()?;
    query.finish()?;
    Ok(plain(machine::access(&caller, resource, record_id(&id)?, user).await?))
}

async fn reveal(resource: Resource, signed: SignedJson, id: web::Path<String>) -> Reply {
    let SignedJson { caller, query, body } = signed;
    query.finish()?;
    Ok(plain(machine::reveal(&caller, resource, record_id(&id)?, &body).await?))
}

async fn create(resource: Resource, request: HttpRequest, signed: SignedJson) -> Reply {
    let SignedJson { caller, query, body } = signed;
    let options = options(&request, query, Some(&body))?;
    let written = if resource.kind().name == "user" {
        kehu_store::people::create_user(&caller, body, &options).await?
    } else {
        machine::create(&caller, resource, body, &options).await?
    };
    Ok(of_write(&request, resource, written))
}

async fn update(resource: Resource, request: HttpRequest, signed: SignedJson, id: web::Path<String>) -> Reply {
    let SignedJson { caller, query, body } = signed;
    let options = options(&request, query, Some(&body))?;
    let id = record_id(&id)?;
    let written = if resource.kind().name == "user" {
        kehu_store::people::update_user(&caller, id, body, &options).await?
    } else {
        machine::update(&caller, resource, id, body, &options).await?
    };
    Ok(of_write(&request, resource, written))
}

async fn delete(resource: Resource, request: HttpRequest, signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, mut query } = signed;
    let dry_run = query.take_flag("dry_run")?;
    let options = options(&request, query, None)?;
    let id = record_id(&id)?;
    if dry_run {
        return Ok(plain(machine::preview_delete(&caller, resource, id, options.expected).await?));
    }
    Ok(of_write(&request, resource, machine::delete(&caller, resource, id, &options).await?))
}

async fn restore(resource: Resource, request: HttpRequest, signed: Signed, id: web::Path<String>) -> Reply {
    let options = options(&request, signed.query, None)?;
    Ok(of_write(&request, resource, machine::restore(&signed.caller, resource, record_id(&id)?, &options).await?))
}

async fn batch(resource: Resource, request: HttpRequest, signed: SignedBatch) -> Reply {
    let SignedBatch { caller, query, body } = signed;
    let options = options(&request, query, Some(&body))?;
    let (items, atomic) = batch_items(body)?;
    let done = machine::batch(&caller, resource, items, atomic, &options).await?;
    Ok(of_batch(&request, &done))
}

async fn lookup(signed: SignedJson) -> Reply {
    let SignedJson { caller, query, body } = signed;
    query.finish()?;
    let wrong = |pointer: &str, flaw: Flaw| Problem::new(&crate::problem_codes::VALIDATION).with_finding(pointer, flaw);
    let mut named = Vec::new();
    for (name, value) in body.as_object().into_iter().flatten() {
        let Some(find) = looked_up(name) else {
            let flaw = Flaw::new(&flaws::FIELD_UNKNOWN).with("field", name).with("known", LOOKED_UP);
            return Err(wrong(&format!("/{name}"), flaw));
        };
        if !value.is_null() {
            named.push((name, find, value));
        }
    }
    let [(name, find, value)] = named.as_slice() else {
        return Err(wrong("", Flaw::new(&flaws::REQUIRED).with("field", LOOKED_UP)));
    };
    let pointer = format!("/{name}");
    let Some(raw) = value.as_str() else {
        let flaw = Flaw::new(&flaws::TYPE_WRONG).with("expected_en", "a text").with("expected_zh", "文本");
        return Err(wrong(&pointer, flaw));
    };
    Ok(plain(machine::lookup(&caller, *find, raw, &pointer).await?))
}

fn looked_up(name: &str) -> Option<Find> {
    match name {
        "phone" => Some(Find::Phone),
        "email" => Some(Find::Email),
        "wechat" => Some(Find::Wechat),
        "id_number" => Some(Find::IdNumber),
        "bank_account" => Some(Find::BankAccount),
        _ => None,
    }
}

/// What the headers and parameters of a write say.
pub(super) fn options(request: &HttpRequest, mut query: Query, body: Option<&Value>) -> Result<WriteOptions, Problem> {
    let allow_duplicate = match query.take("on_duplicate").as_deref() {
        None => false,
        Some("allow") => true,
        Some(other) => {
            let flaw = Flaw::new(&flaws::PARAMETER_INVALID).with("value", other);
            let flaw = flaw.with("expected_en", "allow").with("expected_zh", "allow");
            return Err(Problem::parameter("on_duplicate", flaw));
        }
    };
    query.finish()?;
    let idempotency =
        idempotency_key(request.headers())?.map(|key| Idempotency { key, fingerprint: fingerprint(request, body) });
    Ok(WriteOptions { idempotency, expected: if_match(request.headers())?, only_new: false, allow_duplicate })
}

/// A hash over what the request asks for.
fn fingerprint(request: &HttpRequest, body: Option<&Value>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [request.method().as_str(), request.path(), request.query_string()] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.update(body.map(Value::to_string).unwrap_or_default().as_bytes());
    hash.finalize().into()
}

pub(super) fn plain(answer: Answer) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CONTENT_TYPE, "application/json"));
    if let Some(etag) = answer.etag {
        response.insert_header((header::ETAG, etag));
    }
    response.body(answer.body)
}

pub(super) fn of_write(request: &HttpRequest, resource: Resource, written: Written) -> HttpResponse {
    let Written { verb, answer, warnings, replayed } = written;
    let mut response = match verb {
        Verb::Created => HttpResponse::Created(),
        Verb::Updated => HttpResponse::Ok(),
        Verb::Deleted => HttpResponse::NoContent(),
    };
    if replayed {
        response.insert_header(("Idempotency-Replayed", "true"));
    }
    if verb == Verb::Deleted {
        return response.finish();
    }
    if let Some(id) = answer.id.filter(|_| verb == Verb::Created) {
        response.insert_header((header::LOCATION, format!("/v1/{}/{id}", resource.kind().path)));
    }
    if let Some(etag) = answer.etag {
        response.insert_header((header::ETAG, etag));
    }
    let body = warned(answer.body, &warnings, lang_of(request));
    response.insert_header((header::CONTENT_TYPE, "application/json")).body(body)
}

/// The items of a batch, and whether they are made all or none.
fn batch_items(body: Value) -> Result<(Vec<Value>, bool), Problem> {
    let refused =
        |pointer: &str, flaw: Flaw| Err(Problem::new(&crate::problem_codes::VALIDATION).with_finding(pointer, flaw));
    let typed = |en, zh| Flaw::new(&flaws::TYPE_WRONG).with("expected_en", en).with("expected_zh", zh);
    let Value::Object(mut members) = body else { return refused("", typed("an object", "对象")) };
    let atomic = match members.remove("atomic") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(atomic)) => atomic,
        Some(_) => return refused("/atomic", typed("true or false", "true 或 false")),
    };
    let items = match members.remove("items") {
        Some(Value::Array(items)) => items,
        None | Some(Value::Null) => return refused("/items", Flaw::new(&flaws::REQUIRED).with("field", "items")),
        Some(_) => return refused("/items", typed("a list", "列表")),
    };
    if let Some(name) = members.keys().next() {
        let flaw = Flaw::new(&flaws::FIELD_UNKNOWN).with("field", name).with("known", "atomic, items");
        return refused(&format!("/{name}"), flaw);
    }
    let max = if atomic { MAX_ATOMIC } else { MAX_ITEMS };
    if items.len() > max {
        return refused("/items", Flaw::new(&flaws::LIST_TOO_LONG).with("max", max));
    }
    Ok((items, atomic))
}

/// 200 where every item was made, else 207.
fn of_batch(request: &HttpRequest, done: &[BatchItem]) -> HttpResponse {
    let status = outcomes::status(done.iter().all(|item| item.outcome.is_ok()));
    outcomes::answer(
        request,
        status,
        done,
        |item| item.replayed,
        |out, _, item, teller| {
            let problem = item.outcome.as_ref().err().map(|failure| teller.problem(failure));
            let made = if item.existed { StatusCode::OK } else { StatusCode::CREATED };
            out.key("index").number(i64::try_from(item.index).unwrap_or(i64::MAX));
            out.key("status").number(problem.as_ref().map_or(made.as_u16(), Problem::status).into());
            out.key("id").id_or_null(item.outcome.as_ref().ok().copied());
            teller.end(out, problem.as_ref(), &item.warnings);
        },
    )
}
