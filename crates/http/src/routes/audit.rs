//! The organisation's log, for whoever may read it.

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};
use kehu_store::journal::{self, Head, ToVerify};

use crate::headers::Incoming;
use crate::problem::Problem;
use crate::signed::{Signed, SignedJson};

use super::jobs::accepted;
use super::members::{Members, typed};
use super::records::{plain, record_id};

type Reply = Result<HttpResponse, Problem>;

pub(super) fn configure(app: &mut ServiceConfig) {
    app.service(web::resource("/v1/audit").route(web::get().to(list)))
        .service(
            web::resource("/v1/audit/verify").route(web::get().to(last_verification)).route(web::post().to(verify)),
        )
        .service(web::resource("/v1/audit/{id}").route(web::get().to(get)));
}

async fn list(incoming: Incoming, signed: Signed) -> Reply {
    let Signed { caller, query } = signed;
    Ok(plain(journal::audit(&caller, query.into_pairs(), incoming.lang).await?))
}

async fn last_verification(signed: Signed) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    Ok(plain(journal::last_verification(&caller).await?))
}

async fn verify(signed: SignedJson) -> Reply {
    let SignedJson { caller, query, body } = signed;
    query.finish()?;
    let mut members = Members::of(body)?;
    let record_id = members.text("record_id").map(|text| record_id(&text));
    if let Some(Err(_)) = record_id {
        members.flaw("record_id", typed("an id", "编号"));
    }
    let head = members.text("head");
    if head.as_ref().is_some_and(|head| head.parse::<Head>().is_err()) {
        members.flaw("head", typed("a number, a colon and 64 hexadecimal digits", "序号、冒号和 64 位十六进制数"));
    }
    members.finish()?;
    let asked = ToVerify { record_id: record_id.and_then(Result::ok), head };
    Ok(accepted(journal::ask_to_verify(&caller, asked).await?))
}

async fn get(incoming: Incoming, signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    Ok(plain(journal::audit_entry(&caller, record_id(&id)?, incoming.lang).await?))
}
