//! Tickets: addresses that open by themselves.

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use kehu_domain::codes;
use kehu_domain::flaw::Flaw;

use crate::problem::Problem;
use crate::signed::SignedJson;
use crate::tickets::{self, Ticket};

use super::key_types::{TicketAnswer, TicketRequest};
use super::members::Members;

pub(super) fn configure(app: &mut ServiceConfig) {
    app.service(web::resource("/v1/tickets").route(web::post().to(make)));
}

async fn make(request: HttpRequest, signed: SignedJson) -> Result<HttpResponse, Problem> {
    let SignedJson { caller, query, body } = signed;
    query.finish()?;
    let mut members = Members::of(body)?;
    let TicketRequest { path } = TicketRequest { path: members.required("path") };
    members.check("path", || (!tickets::is_address(&path)).then(|| Flaw::new(&codes::TICKET_PATH)));
    members.finish()?;
    let Ticket { url, expires_at } = tickets::make(&request, &caller, &path).await?;
    Ok(HttpResponse::Ok().json(TicketAnswer { url, expires_at }))
}
