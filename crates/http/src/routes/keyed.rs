//! Records that are written and read by keys of theirs: `…/upsert`, `…/by/{key}/{value}`.

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use kehu_store::machine::{self, Resource, UpsertItem, WriteOptions};

use crate::headers::only_new;
use crate::problem::Problem;
use crate::signed::{Signed, SignedBatch, SignedJson};

use super::outcomes;
use super::records::{of_write, options, unless_known};

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
    let options = WriteOptions { only_new: only_new(request.headers())?, ..options(&request, query, Some(&body))? };
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
    let status = outcomes::status(done.iter().all(|item| item.outcome.is_ok()));
    outcomes::answer(
        request,
        status,
        done,
        |item| item.replayed,
        |out, _, item, teller| {
            let problem = item.outcome.as_ref().err().map(|failure| teller.problem(failure));
            let did = item.outcome.as_ref().ok();
            out.key("index").number(i64::try_from(item.index).unwrap_or(i64::MAX));
            out.key("status").text(did.map_or("failed", |(_, status)| status.as_str()));
            out.key("id").id_or_null(did.map(|(id, _)| *id));
            teller.end(out, problem.as_ref(), &item.warnings);
        },
    )
}
