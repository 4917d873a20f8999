//! Jobs: what is done later, how far it is, taking it back, trying it again.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use kehu_store::machine::Answer;
use kehu_store::queue;

use crate::problem::Problem;
use crate::signed::Signed;

use super::records::record_id;

type Reply = Result<HttpResponse, Problem>;

pub(super) fn configure(app: &mut ServiceConfig) {
    app.service(web::resource("/v1/jobs").route(web::get().to(list)))
        .service(web::resource("/v1/jobs/{id}").route(web::get().to(get)))
        .service(web::resource("/v1/jobs/{id}/cancel").route(web::post().to(cancel)))
        .service(web::resource("/v1/jobs/{id}/retry").route(web::post().to(retry)));
}

async fn list(signed: Signed) -> Reply {
    let Signed { caller, query } = signed;
    Ok(json(queue::list(&caller, query.into_pairs()).await?))
}

async fn get(signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    Ok(json(queue::get(&caller, record_id(&id)?).await?))
}

async fn cancel(signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    Ok(json(queue::cancel(&caller, record_id(&id)?).await?))
}

async fn retry(signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    Ok(json(queue::retry(&caller, record_id(&id)?).await?))
}

/// The answer that a job was asked for.
pub(super) fn accepted(job: Answer) -> HttpResponse {
    let mut response = HttpResponse::Accepted();
    if let Some(id) = job.id {
        response.insert_header((header::LOCATION, format!("/v1/jobs/{id}")));
    }
    response.insert_header((header::CONTENT_TYPE, "application/json")).body(job.body)
}

fn json(answer: Answer) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json")).body(answer.body)
}
