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
    let reason = members.required("reason");
    let reason = reason.trim();
    members.check("reason", || {
        let length = reason.chars().count();
        match length {
            0 => Some(Flaw::new(&codes::REQUIRED).with("field", "reason")),
            1..=REASON_MAX => None,
            _ => Some(Flaw::new(&codes::TEXT_TOO_LONG).with("length", length).with("max", REASON_MAX)),
        }
    });
    members.finish()?;
    Ok(accepted(kehu_store::erasure::erase(&caller, resource, record_id(&id)?, reason).await?))
}
