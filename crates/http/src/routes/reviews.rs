//! Reviews of who may do what.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use kehu_domain::codes;
use kehu_domain::fields::Instant;
use kehu_domain::flaw::Flaw;
use kehu_domain::reason;
use kehu_store::machine::Answer;
use kehu_store::reviews::{self, Decision, NewReview, Word};
use serde_json::{Map, Value};

use crate::problem::Problem;
use crate::signed::{Signed, SignedJson};

use super::members::Members;
use super::records::{plain, record_id};

type Reply = Result<HttpResponse, Problem>;

/// The most users that are named for a review.
const MOST_USERS: usize = 1000;

pub(super) fn configure(app: &mut ServiceConfig) {
    app.service(web::resource("/v1/access_reviews").route(web::get().to(list)).route(web::post().to(open)))
        .service(web::resource("/v1/access_reviews/{id}").route(web::get().to(get)))
        .service(web::resource("/v1/access_reviews/{id}/items").route(web::get().to(items)))
        .service(web::resource("/v1/access_reviews/{id}/items/{user}/decide").route(web::post().to(decide)))
        .service(web::resource("/v1/access_reviews/{id}/close").route(web::post().to(close)));
}

async fn list(signed: Signed) -> Reply {
    let Signed { caller, query } = signed;
    Ok(plain(reviews::list(&caller, query.into_pairs()).await?))
}

async fn open(signed: SignedJson) -> Reply {
    let SignedJson { caller, query, body } = signed;
    query.finish()?;
    let mut members = Members::of(body)?;
    let due = members.text("due_at").map(|text| Instant::parse(&text));
    let revoke_unanswered = members.flag("revoke_unanswered").unwrap_or_default();
    let users = members.ids("users", MOST_USERS);
    let due_at = match due {
        Some(Err(flaw)) => {
            members.flaw("due_at", flaw);
            None
        }
        Some(Ok(due)) => Some(due.time()),
        None => None,
    };
    members.finish()?;
    Ok(opened(reviews::open(&caller, NewReview { due_at, revoke_unanswered, users }).await?))
}

fn opened(answer: Answer) -> HttpResponse {
    let mut response = HttpResponse::Created();
    if let Some(id) = answer.id {
        response.insert_header((header::LOCATION, format!("/v1/access_reviews/{id}")));
    }
    response.insert_header((header::CONTENT_TYPE, "application/json")).body(answer.body)
}

async fn get(signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    Ok(plain(reviews::get(&caller, record_id(&id)?).await?))
}

async fn items(signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, query } = signed;
    Ok(plain(reviews::items(&caller, record_id(&id)?, query.into_pairs()).await?))
}

async fn decide(signed: SignedJson, ids: web::Path<(String, String)>) -> Reply {
    let SignedJson { caller, query, body } = signed;
    query.finish()?;
    let (review, user) = (record_id(&ids.0)?, record_id(&ids.1)?);
    let mut members = Members::of(body)?;
    let word = members.required("decision");
    let known = Word::from_key(&word);
    members.check("decision", || {
        let choices = Word::ALL.map(Word::key).join(", ");
        known.is_none().then(|| Flaw::new(&codes::CHOICE_UNKNOWN).with("value", &word).with("choices", choices))
    });
    let reason = members.text("reason");
    let checked = reason.as_deref().map(reason::parse).transpose();
    members.check("reason", || checked.clone().err());
    let change = if known == Some(Word::Change) { change(&mut members) } else { Map::new() };
    members.finish()?;
    let word = known.unwrap_or(Word::Confirm);
    let decision = Decision { word, change: Value::Object(change), reason: checked.ok().flatten() };
    Ok(plain(reviews::decide(&caller, review, user, decision).await?))
}

/// What a change says of the user, as a change of the user says it: a role or a team that is null is taken away.
fn change(members: &mut Members) -> Map<String, Value> {
    let names = ["role", "other_roles", "team_id"];
    let said: Map<String, Value> =
        names.into_iter().filter_map(|name| Some((name.to_owned(), members.said(name)?))).collect();
    if said.is_empty() {
        members.flaw("decision", Flaw::new(&codes::REQUIRED).with("field", names.join(", ")));
    }
    said
}

async fn close(signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    Ok(plain(reviews::close(&caller, record_id(&id)?).await?))
}
