//! Records that are written and read by keys of theirs: `…/upsert`, `…/by/{key}/{value}`.

use actix_web::http::{StatusCode, header};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use kehu_domain::show::Out;
use kehu_store::machine::{self, Resource, UpsertItem};

use crate::headers::Incoming;
use crate::problem::Problem;
use crate::signed::{Signed, SignedBatch, SignedJson};

use super::records::{of_write, options, unless_known};
use super::warnings::{lang_of, write_warnings};

type Reply = Result<HttpResponse, Problem>;

/// Registers the doors of a kind whose records may come from other systems.
pub(super) fn configure(app: &mut ServiceConfig, resource: Resource) {
    let path = format!("/v1/{}", resource.kind().path);
    app.service(
        web::resource(format!("{path}/upsert"))
            .route(web::post().to(move |request, signed| upsert(resource, request, signed))),
    );
    app.service(
        web::resource(format!("{path}/by/{{key}}/{{value}}"))
            .route(web::get().to(move |request, signed, named| get(resource, request, signed, named)))
            .route(web::put().to(move |request, signed, named| put(resource, request, signed, named))),
    );
}

async fn get(resource: Resource, request: HttpRequest, signed: Signed, named: web::Path<(String, String)>) -> Reply {
    let Signed { caller, query } = signed;
    let (key, value) = named.into_inner();
    let answer = machine::get_by(&caller, resource, (&key, &value), query.into_pairs()).await?;
    Ok(unless_known(&request, answer))
}

async fn put(
    resource: Resource,
    request: HttpRequest,
    signed: SignedJson,
    named: web::Path<(String, String)>,
) -> Reply {
    let SignedJson { caller, query, body } = signed;
    let options = options(&request, query, Some(&body))?;
    let (key, value) = named.into_inner();
    let written = machine::put_by(&caller, resource, (&key, &value), body, &options).await?;
    Ok(of_write(&request, resource, written))
}

async fn upsert(resource: Resource, request: HttpRequest, signed: SignedBatch) -> Reply {
    let SignedBatch { caller, query, body } = signed;
    let options = options(&request, query, Some(&body))?;
    let done = machine::upsert(&caller, resource, body, &options).await?;
    Ok(of_upsert(&request, &done))
}

/// 200 where no item failed, else 207.
fn of_upsert(request: &HttpRequest, done: &[UpsertItem]) -> HttpResponse {
    let (lang, request_id) = (lang_of(request), Incoming::of(request).map(|it| it.request_id).unwrap_or_default());
    let mut out = Out::new();
    out.object(|out| {
        out.key("data").array(|out| {
            for item in done {
                out.object(|out| {
                    out.key("index").number(i64::try_from(item.index).unwrap_or(i64::MAX));
                    match &item.outcome {
                        Ok((id, status)) => {
                            out.key("status").text(status.as_str());
                            out.key("id").plain(id);
                            out.key("error").null();
                        }
                        Err(failure) => {
                            let problem = Problem::from(failure.clone());
                            problem.log(&request_id);
                            out.key("status").text("failed");
                            out.key("id").null();
                            out.key("error").raw(&problem.body(lang, &request_id).to_string());
                        }
                    }
                    out.key("warnings");
                    write_warnings(out, &item.warnings, lang);
                });
            }
        });
    });
    let whole = done.iter().all(|item| item.outcome.is_ok());
    let mut response = HttpResponse::build(if whole { StatusCode::OK } else { StatusCode::MULTI_STATUS });
    if !done.is_empty() && done.iter().all(|item| item.replayed) {
        response.insert_header(("Idempotency-Replayed", "true"));
    }
    response.insert_header((header::CONTENT_TYPE, "application/json")).body(out.into_text())
}
