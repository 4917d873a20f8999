//! Keys of programs for who manages them, and everybody's own personal tokens.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use kehu_domain::codes;
use kehu_domain::fields::Line;
use kehu_domain::flaw::Flaw;
use kehu_store::api_keys::{self, KeyChange, KeyPage, Made, NewKey, NewToken, Scope};

use crate::problem::Problem;
use crate::signed::{Signed, SignedJson};

use super::key_types::{ApiKey, ApiKeyCreated, ApiKeyPage, PersonalTokens, Place};
use super::members::Members;
use super::records::record_id;

type Reply = Result<HttpResponse, Problem>;

/// Longest name of a key, in characters.
const NAME: usize = 100;

pub(super) fn configure(app: &mut ServiceConfig) {
    let one = web::resource("/v1/api_keys/{id}");
    let one = one.route(web::get().to(get)).route(web::patch().to(change)).route(web::delete().to(revoke));
    app.service(web::resource("/v1/api_keys").route(web::get().to(list)).route(web::post().to(make)))
        .service(one)
        .service(web::resource("/v1/me/tokens").route(web::get().to(tokens)).route(web::post().to(make_token)))
        .service(web::resource("/v1/me/tokens/{id}").route(web::delete().to(revoke_token)));
}

async fn list(signed: Signed) -> Reply {
    let Signed { caller, query } = signed;
    let KeyPage { keys, next } = api_keys::list(&caller, query.into_pairs()).await?;
    let page = Place { has_more: next.is_some(), next, prev: None };
    Ok(HttpResponse::Ok().json(ApiKeyPage { data: keys.into_iter().map(ApiKey::from).collect(), page }))
}

async fn make(signed: SignedJson) -> Reply {
    let SignedJson { caller, query, body } = signed;
    query.finish()?;
    let mut members = Members::of(body)?;
    let (name, role) = (name(&mut members), members.required("role"));
    let (fields, addresses) = (members.texts("fields"), members.texts("addresses"));
    let expires_at = members.time("expires_at");
    members.finish()?;
    let asked = NewKey { name: name.unwrap_or_default(), role, fields, addresses, expires_at };
    let made = api_keys::make(&caller, asked).await?;
    let location = format!("/v1/api_keys/{}", made.info.id);
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(created(made)))
}

async fn get(signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    Ok(HttpResponse::Ok().json(ApiKey::from(api_keys::get(&caller, record_id(&id)?).await?)))
}

async fn change(signed: SignedJson, id: web::Path<String>) -> Reply {
    let SignedJson { caller, query, body } = signed;
    query.finish()?;
    let clears_name = body.get("name").is_some_and(serde_json::Value::is_null);
    let says_end = body.get("expires_at").is_some();
    let says_name = body.get("name").is_some();
    let mut members = Members::of(body)?;
    let name = if says_name && !clears_name { name(&mut members) } else { members.text("name") };
    let expires_at = members.time("expires_at");
    if clears_name {
        members.flaw("name", Flaw::new(&codes::REQUIRED).with("field", "name"));
    }
    members.finish()?;
    let change = KeyChange { name, expires_at: says_end.then_some(expires_at) };
    Ok(HttpResponse::Ok().json(ApiKey::from(api_keys::change(&caller, record_id(&id)?, change).await?)))
}

async fn revoke(signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    api_keys::revoke(&caller, record_id(&id)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn tokens(signed: Signed) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    let data = api_keys::tokens(&caller).await?.into_iter().map(ApiKey::from).collect();
    Ok(HttpResponse::Ok().json(PersonalTokens { data }))
}

async fn make_token(signed: SignedJson) -> Reply {
    let SignedJson { caller, query, body } = signed;
    query.finish()?;
    let mut members = Members::of(body)?;
    let name = name(&mut members);
    let scope = scope(&mut members);
    let expires_at = members.time("expires_at");
    members.finish()?;
    let asked = NewToken { name: name.unwrap_or_default(), scope, expires_at };
    Ok(HttpResponse::Created().json(created(api_keys::make_token(&caller, asked).await?)))
}

async fn revoke_token(signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    api_keys::revoke_token(&caller, record_id(&id)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn created(made: Made) -> ApiKeyCreated {
    ApiKeyCreated { key: made.token.reveal().to_owned(), info: made.info.into() }
}

/// The name, which must be there. Nothing where it is wrong, which [`Members::finish`] tells.
fn name(members: &mut Members) -> Option<String> {
    let said = members.required("name");
    match Line::<NAME>::parse(&said) {
        Ok(name) => Some(name.into_string()),
        Err(flaw) => {
            members.check("name", || Some(flaw));
            None
        }
    }
}

fn scope(members: &mut Members) -> Scope {
    let Some(said) = members.text("scope") else { return Scope::default() };
    Scope::ALL.into_iter().find(|scope| scope.key() == said).unwrap_or_else(|| {
        let choices = Scope::ALL.map(Scope::key).join(", ");
        members.flaw("scope", Flaw::new(&codes::CHOICE_UNKNOWN).with("value", &said).with("choices", choices));
        Scope::default()
    })
}
