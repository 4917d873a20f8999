//! What is done with tags beyond their records.

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};
use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_store::tagging::{self, Added, Merged};
use uuid::Uuid;

use crate::problem::Problem;
use crate::signed::{Signed, SignedJson};

use super::jobs::accepted;
use super::members::Members;
use super::records::{plain, record_id};

type Reply = Result<HttpResponse, Problem>;

/// The languages that a set is there in.
const LANGUAGES: [(&str, Added); 2] = [("zh-CN", Added::Zh), ("en", Added::En)];

/// The doors.
pub(super) fn configure(app: &mut ServiceConfig) {
    app.service(web::resource("/v1/tag_sets").route(web::get().to(sets)))
        .service(web::resource("/v1/tag_sets/{key}").route(web::post().to(add_set)))
        .service(web::resource("/v1/tags/{id}/merge").route(web::post().to(merge)));
}

async fn sets(signed: Signed) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    Ok(plain(tagging::sets(&caller).await?))
}

async fn add_set(signed: SignedJson, key: web::Path<String>) -> Reply {
    let SignedJson { caller, query, body } = signed;
    query.finish()?;
    let mut members = Members::of(body)?;
    let said = members.text("language");
    let language = said.as_ref().map(|said| LANGUAGES.iter().find(|(key, _)| key == said).map(|(_, added)| *added));
    members.check("language", || {
        let value: String = said.as_deref()?.chars().take(50).collect();
        let choices = LANGUAGES.map(|(key, _)| key).join(", ");
        let flaw = Flaw::new(&codes::CHOICE_UNKNOWN).with("value", value).with("choices", choices);
        language.is_some_and(|known| known.is_none()).then_some(flaw)
    });
    members.finish()?;
    Ok(plain(tagging::add_set(&caller, &key, language.flatten()).await?))
}

async fn merge(signed: SignedJson, id: web::Path<String>) -> Reply {
    let SignedJson { caller, query, body } = signed;
    query.finish()?;
    let id = record_id(&id)?;
    // Who may not merge is told that, whatever the body says.
    tagging::may_merge(&caller, id).await?;
    let mut members = Members::of(body)?;
    let into = members.value("into");
    if into.is_none() {
        members.flaw("into", Flaw::new(&codes::REQUIRED).with("field", "into"));
    }
    let into: Uuid = into.and_then(|into| members.id_of("into", &into)).unwrap_or_default();
    members.finish()?;
    Ok(match tagging::merge(&caller, id, into).await? {
        Merged::Done(tag) => plain(tag),
        Merged::Job(job) => accepted(job),
    })
}
