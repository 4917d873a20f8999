//! Who is in segments, and how many.

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::show::Out;
use kehu_store::machine::Answer;
use kehu_store::segments::{self, ChangeOfMembers, MOST_BY_ID, MOST_COUNTED};

use crate::headers::Incoming;
use crate::problem::Problem;
use crate::signed::{Signed, SignedJson};

use super::members::{Members, typed};
use super::records::{plain, record_id};
use super::warnings::lang_of;

type Reply = Result<HttpResponse, Problem>;

/// Before the records: `counts` is no id.
pub(super) fn configure(app: &mut ServiceConfig) {
    app.service(web::resource("/v1/segments/counts").route(web::post().to(counts)))
        .service(web::resource("/v1/segments/{id}/count").route(web::get().to(count)))
        .service(
            web::resource("/v1/segments/{id}/members")
                .route(web::get().to(members))
                .route(web::post().to(change_members)),
        );
}

async fn members(signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, query } = signed;
    Ok(plain(segments::members(&caller, record_id(&id)?, query.into_pairs()).await?))
}

async fn change_members(signed: SignedJson, id: web::Path<String>) -> Reply {
    let SignedJson { caller, query, body } = signed;
    query.finish()?;
    let id = record_id(&id)?;
    let says = ["add", "remove", "where"].iter().any(|name| body.get(name).is_some_and(|said| !said.is_null()));
    let mut members = Members::of(body)?;
    let add = members.ids("add", MOST_BY_ID).unwrap_or_default();
    let remove = members.ids("remove", MOST_BY_ID).unwrap_or_default();
    let filter = members.value("where");
    if filter.as_ref().is_some_and(|filter| !filter.is_object()) {
        members.flaw("where", typed("an object", "对象"));
    }
    members.check("add", || (!says).then(|| Flaw::new(&codes::REQUIRED).with("field", "add, remove, where")));
    members.finish()?;
    Ok(plain(segments::change_members(&caller, id, ChangeOfMembers { add, remove, filter }).await?))
}

async fn count(signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    Ok(plain(segments::count(&caller, record_id(&id)?).await?))
}

async fn counts(request: HttpRequest, signed: SignedJson) -> Reply {
    let SignedJson { caller, query, body } = signed;
    query.finish()?;
    let mut members = Members::of(body)?;
    let ids = members.ids("ids", MOST_COUNTED);
    members.check("ids", || ids.is_none().then(|| Flaw::new(&codes::REQUIRED).with("field", "ids")));
    members.finish()?;
    let counted = segments::counts(&caller, ids.unwrap_or_default()).await?;
    let request_id = Incoming::of(&request).map(|it| it.request_id).unwrap_or_default();
    let lang = lang_of(&request);
    let mut out = Out::new();
    out.object(|out| {
        out.key("data").array(|out| {
            for one in counted {
                out.object(|out| {
                    out.key("id").id(one.id);
                    match one.count {
                        Ok(count) => {
                            out.key("count").number(i64::try_from(count.count).unwrap_or(i64::MAX));
                            out.key("count_is").text(count.is());
                            out.key("error").null();
                        }
                        Err(failure) => {
                            out.key("count").null();
                            out.key("count_is").null();
                            out.key("error").raw(&Problem::from(failure).body(lang, &request_id).to_string());
                        }
                    }
                });
            }
        });
    });
    Ok(plain(Answer { id: None, etag: None, body: out.into_text() }))
}
