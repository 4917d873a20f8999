//! Somebody leaves.

use actix_web::HttpResponse;
use actix_web::web::{self, ServiceConfig};
use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::reason;
use kehu_store::leaving::{self, Leave, MOST_NAMED, MOST_SUCCESSORS};
use serde_json::Value;
use uuid::Uuid;

use crate::problem::Problem;
use crate::signed::SignedJson;

use super::jobs::accepted;
use super::members::{Members, typed};
use super::records::{plain, record_id};

/// The teams that a customer may go to: its new owner's, or none but its own.
const TEAMS: [&str; 2] = ["successor", "keep"];

pub(super) fn configure(app: &mut ServiceConfig) {
    app.service(web::resource("/v1/users/{id}/leave").route(web::post().to(leave)));
}

async fn leave(signed: SignedJson, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let SignedJson { caller, query, body } = signed;
    query.finish()?;
    let id = record_id(&id)?;
    let mut members = Members::of(body)?;
    let dry_run = members.flag("dry_run").unwrap_or_default();
    let leave = read(&mut members);
    members.finish()?;
    if dry_run {
        return Ok(plain(leaving::preview(&caller, id, leave).await?));
    }
    Ok(accepted(leaving::leave(&caller, id, leave).await?))
}

fn read(members: &mut Members) -> Leave {
    let (one, several) = (members.id("successor_id"), members.ids("successors", MOST_SUCCESSORS));
    let successors = match (one, several) {
        (Some(_), Some(_)) => {
            members.flaw("successors", typed("either this or successor_id", "与 successor_id 二选一"));
            Vec::new()
        }
        (one, several) => one.into_iter().chain(several.unwrap_or_default()).collect(),
    };
    let team = members.text("team");
    members.check("team", || {
        let team = team.as_deref().filter(|team| !TEAMS.contains(team))?;
        Some(Flaw::new(&codes::CHOICE_UNKNOWN).with("value", team).with("choices", TEAMS.join(", ")))
    });
    let reason = members.text("reason");
    let checked = reason.as_deref().map(reason::parse).transpose();
    members.check("reason", || checked.clone().err());
    let named = members.value("named").map(|said| named(members, &said)).unwrap_or_default();
    Leave { successors, named, keep_team: team.as_deref() == Some("keep"), reason: checked.ok().flatten() }
}

/// `[{"successor_id", "customer_ids"}]`.
fn named(members: &mut Members, said: &Value) -> Vec<(Uuid, Vec<Uuid>)> {
    let Some(lists) = said.as_array() else {
        members.flaw("named", typed("a list", "列表"));
        return Vec::new();
    };
    let mut all: Vec<(Uuid, Vec<Uuid>)> = Vec::new();
    for (at, list) in lists.iter().enumerate() {
        let place = format!("named/{at}");
        let Some(said) = list.as_object() else {
            members.flaw(&place, typed("an object", "对象"));
            continue;
        };
        let known = ["successor_id", "customer_ids"];
        for name in said.keys().filter(|name| !known.contains(&name.as_str())) {
            let flaw = Flaw::new(&codes::FIELD_UNKNOWN).with("field", name).with("known", known.join(", "));
            members.flaw(&format!("{place}/{}", name.replace('~', "~0").replace('/', "~1")), flaw);
        }
        let mut member = |name: &str| {
            let value = said.get(name).filter(|value| !value.is_null());
            if value.is_none() {
                members.flaw(&format!("{place}/{name}"), Flaw::new(&codes::REQUIRED).with("field", name));
            }
            value
        };
        let (to, customers) = (member("successor_id"), member("customer_ids"));
        let to = to.and_then(|to| members.id_of(&format!("{place}/successor_id"), to));
        let customers = customers.and_then(|ids| members.ids_of(&format!("{place}/customer_ids"), ids, MOST_NAMED));
        all.extend(to.zip(customers));
    }
    if all.iter().map(|(_, customers)| customers.len()).sum::<usize>() > MOST_NAMED {
        members.flaw("named", Flaw::new(&codes::LIST_TOO_LONG).with("max", MOST_NAMED));
    }
    all
}
