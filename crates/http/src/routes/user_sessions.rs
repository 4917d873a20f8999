//! The sessions of a user, for who may change that user.

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};
use kehu_store::people;

use crate::problem::Problem;
use crate::signed::Signed;

use super::me::session;
use super::records::record_id;
use super::types::SessionsAnswer;

type Reply = Result<HttpResponse, Problem>;

pub(super) fn configure(app: &mut ServiceConfig) {
    let all = web::resource("/v1/users/{id}/sessions");
    app.service(all.route(web::get().to(list)).route(web::delete().to(end_all)))
        .service(web::resource("/v1/users/{id}/sessions/{session_id}").route(web::delete().to(end)));
}

async fn list(signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    let sessions = people::sessions_of(&caller, record_id(&id)?).await?;
    Ok(HttpResponse::Ok().json(SessionsAnswer { data: sessions.into_iter().map(session).collect() }))
}

async fn end_all(signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    people::end_sessions_of(&caller, record_id(&id)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn end(signed: Signed, ids: web::Path<(String, String)>) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    people::end_session_of(&caller, record_id(&ids.0)?, record_id(&ids.1)?).await?;
    Ok(HttpResponse::NoContent().finish())
}
