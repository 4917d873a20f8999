//! What there is to know of the kinds of record, for whoever draws forms.

use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::headers::if_none_match;
use crate::problem::Problem;
use crate::schema;
use crate::signed::Signed;

/// For how long a browser need not ask again, and for nobody else: it says what this caller may do.
const KEPT: &str = "private, max-age=60";

pub(super) fn configure(app: &mut ServiceConfig) {
    app.service(web::resource("/v1/schema").route(web::get().to(all)));
    app.service(web::resource("/v1/schema/{resource}").route(web::get().to(one)));
}

async fn all(request: HttpRequest, signed: Signed) -> Result<HttpResponse, Problem> {
    signed.query.finish()?;
    Ok(kept(&request, &schema::all(&signed.caller)))
}

async fn one(request: HttpRequest, signed: Signed, name: web::Path<String>) -> Result<HttpResponse, Problem> {
    signed.query.finish()?;
    let kind = schema::kind_of(&name).ok_or_else(Problem::not_found)?;
    Ok(kept(&request, &schema::one(&signed.caller, kind)))
}

/// The answer with its tag, or 304.
fn kept(request: &HttpRequest, body: &Value) -> HttpResponse {
    let body = body.to_string();
    let hash = Sha256::digest(body.as_bytes());
    let tag: String = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{tag}\"");
    let same = if_none_match(request.headers(), &tag);
    let mut answer = if same { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header((header::ETAG, tag)).insert_header((header::CACHE_CONTROL, KEPT));
    if same {
        return answer.finish();
    }
    answer.insert_header((header::CONTENT_TYPE, "application/json")).body(body)
}
