//! The organisation: who everybody in it sees that it is, and what it lays down for itself.

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, http::header};
use kehu_domain::codes;
use kehu_domain::fields::format_time;
use kehu_domain::flaw::Flaw;
use kehu_domain::settings::Preset;
use kehu_store::numbers;
use kehu_store::people::{self, ResetLink};
use kehu_store::settings;
use serde_json::json;

use crate::headers::{if_match, if_none_match};
use crate::problem::Problem;
use crate::signed::{Signed, SignedJson};

use super::members::Members;
use super::records::{plain, record_id};

type Reply = Result<HttpResponse, Problem>;

pub(super) fn configure(app: &mut ServiceConfig) {
    let organisation = web::resource("/v1/organisation").route(web::get().to(show)).route(web::patch().to(change));
    app.service(organisation)
        .service(web::resource("/v1/organisation/apply_preset").route(web::post().to(apply_preset)))
        .service(web::resource("/v1/organisation/numbers/preview").route(web::post().to(preview_numbers)))
        .service(web::resource("/v1/users/{id}/reset_password").route(web::post().to(reset_password)));
}

async fn show(request: HttpRequest, signed: Signed) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    let answer = settings::show(&caller).await?;
    let etag = answer.etag.clone().unwrap_or_default();
    if if_none_match(request.headers(), &etag) {
        return Ok(HttpResponse::NotModified().insert_header((header::ETAG, etag)).finish());
    }
    Ok(plain(answer))
}

async fn change(request: HttpRequest, signed: SignedJson) -> Reply {
    let SignedJson { caller, query, body } = signed;
    query.finish()?;
    Ok(plain(settings::change(&caller, body, if_match(request.headers())?).await?))
}

async fn apply_preset(signed: SignedJson) -> Reply {
    let SignedJson { caller, query, body } = signed;
    query.finish()?;
    let mut members = Members::of(body)?;
    let key = members.required("preset");
    let preset = Preset::from_key(&key);
    members.check("preset", || {
        let value: String = key.chars().take(50).collect();
        let flaw = Flaw::new(&codes::CHOICE_UNKNOWN).with("value", value);
        preset.is_none().then(|| flaw.with("choices", Preset::Dengbao3.key()))
    });
    members.finish()?;
    let preset = preset.ok_or_else(|| Problem::internal("a preset that was checked is none"))?;
    Ok(plain(settings::apply_preset(&caller, preset).await?))
}

async fn preview_numbers(signed: SignedJson) -> Reply {
    let SignedJson { caller, query, body } = signed;
    query.finish()?;
    Ok(plain(numbers::preview(&caller, &body).await?))
}

async fn reset_password(signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    let ResetLink { token, expires_at } = people::reset_password(&caller, record_id(&id)?).await?;
    let body = json!({ "token": token.reveal(), "expires_at": format_time(expires_at) });
    Ok(HttpResponse::Ok().json(body))
}
