//! What a definition of a field would find wrong.

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};
use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::read::Finding;
use kehu_store::custom_fields;
use serde_json::Value;

use crate::problem::Problem;
use crate::signed::SignedJson;

use super::jobs::accepted;
use super::records::record_id;

pub(super) fn configure(app: &mut ServiceConfig) {
    app.service(web::resource("/v1/fields/{id}/check").route(web::post().to(check)));
}

async fn check(signed: SignedJson, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let SignedJson { caller, query, body } = signed;
    query.finish()?;
    let id = record_id(&id)?;
    let Value::Object(patch) = body else {
        let flaw = Flaw::new(&codes::TYPE_WRONG).with("expected_en", "an object").with("expected_zh", "对象");
        return Err(Problem::validation(vec![Finding { pointer: String::new(), flaw }]));
    };
    Ok(accepted(custom_fields::check(&caller, id, patch).await?))
}
