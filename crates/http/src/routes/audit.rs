//! The organisation's log, for whoever may read it.

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};
use kehu_store::journal;

use crate::headers::Incoming;
use crate::problem::Problem;
use crate::signed::Signed;

use super::records::{plain, record_id};

type Reply = Result<HttpResponse, Problem>;

pub(super) fn configure(app: &mut ServiceConfig) {
    app.service(web::resource("/v1/audit").route(web::get().to(list)))
        .service(web::resource("/v1/audit/{id}").route(web::get().to(get)));
}

async fn list(incoming: Incoming, signed: Signed) -> Reply {
    let Signed { caller, query } = signed;
    Ok(plain(journal::audit(&caller, query.into_pairs(), incoming.lang).await?))
}

async fn get(incoming: Incoming, signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    Ok(plain(journal::audit_entry(&caller, record_id(&id)?, incoming.lang).await?))
}
