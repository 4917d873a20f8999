//! What would come of a write, without writing.

use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use kehu_domain::show::Out;
use kehu_store::machine::{self, Rehearsal, Resource};

use crate::problem::{Problem, met, shown};
use crate::signed::SignedJson;

use super::records::{options, record_id};
use super::warnings::{lang_of, write_warnings};

/// Registers the doors of a kind: a create and a change are tried where they would be made.
pub(super) fn configure(app: &mut ServiceConfig, resource: Resource) {
    let path = format!("/v1/{}", resource.kind().path);
    app.service(
        web::resource(format!("{path}/validate"))
            .route(web::post().to(move |request, signed| validate(resource, request, signed, None))),
    );
    app.service(
        web::resource(format!("{path}/{{id}}/validate"))
            .route(web::post().to(move |request, signed, id| validate(resource, request, signed, Some(id)))),
    );
}

async fn validate(
    resource: Resource,
    request: HttpRequest,
    signed: SignedJson,
    id: Option<web::Path<String>>,
) -> Result<HttpResponse, Problem> {
    let SignedJson { caller, query, body } = signed;
    let options = options(&request, query, None)?;
    let id = id.map(|id| record_id(&id)).transpose()?;
    let rehearsal = machine::validate(&caller, resource, id, body, &options).await?;
    Ok(told(&request, &rehearsal))
}

fn told(request: &HttpRequest, rehearsal: &Rehearsal) -> HttpResponse {
    let lang = lang_of(request);
    let mut out = Out::new();
    out.object(|out| {
        out.key("valid").flag(rehearsal.is_valid());
        out.key("errors").array(|out| {
            rehearsal.refused.iter().for_each(|finding| out.raw(&shown(finding, lang).to_string()));
        });
        out.key("warnings");
        write_warnings(out, &rehearsal.warnings, lang);
        out.key("duplicate");
        match &rehearsal.duplicate {
            Some(existing) => out.raw(&met(existing).to_string()),
            None => out.null(),
        }
    });
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json")).body(out.into_text())
}
