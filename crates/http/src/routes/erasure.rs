//! Erasing persons and companies.

use actix_web::HttpResponse;
use actix_web::web;
use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_store::machine::Resource;

use crate::headers::REASON_MAX;
use crate::problem::Problem;
use crate::signed::SignedJson;

use super::jobs::accepted;
use super::members::Members;
use super::records::record_id;

pub(super) async fn erase(
    resource: Resource,
    signed: SignedJson,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let SignedJson { caller, query, body } = signed;
    query.finish()?;
    let mut members = Members::of(body)?;
    let said = members.text("reason");
    let reason = said.as_deref().unwrap_or_default().trim();
    let length = reason.chars().count();
    if length > REASON_MAX {
        members.flaw("reason", Flaw::new(&codes::TEXT_TOO_LONG).with("length", length).with("max", REASON_MAX));
    } else if length == 0 {
        members.flaw("reason", Flaw::new(&codes::REQUIRED).with("field", "reason"));
    }
    members.finish()?;
    Ok(accepted(kehu_store::erasure::erase(&caller, resource, record_id(&id)?, reason).await?))
}
