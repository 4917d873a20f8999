//! Erasing persons and companies.

use actix_web::HttpResponse;
use actix_web::web;
use kehu_domain::reason;
use kehu_store::machine::Resource;

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
    members.check("reason", || reason::parse(&reason).err());
    members.finish()?;
    Ok(accepted(kehu_store::erasure::erase(&caller, resource, record_id(&id)?, reason.trim()).await?))
}
