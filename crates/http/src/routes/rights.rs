//! What can be given to a role, and what the built-in ones have.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use kehu_domain::field::{Field, Group};
use kehu_domain::kinds::kind_named;
use kehu_domain::rights::{ACTIONS, BUILT_IN, RIGHTS, actions_of, kind_names, reach_of};
use kehu_domain::show::Out;

use crate::problem::Problem;
use crate::signed::Signed;

pub(super) fn configure(app: &mut ServiceConfig) {
    app.service(web::resource("/v1/rights").route(web::get().to(rights)));
}

async fn rights(signed: Signed) -> Result<HttpResponse, Problem> {
    signed.query.finish()?;
    let mut out = Out::new();
    out.object(|out| {
        out.key("kinds").array(|out| kind_names().for_each(|kind| write_kind(out, kind)));
        out.key("besides").texts(RIGHTS.iter().map(|(_, word)| *word));
        out.key("roles").array(|out| {
            for role in BUILT_IN.iter() {
                out.object(|out| {
                    out.key("key").text(role.key);
                    labels(out, role.zh, role.en);
                    out.key("rights");
                    role.rights.write(out);
                });
            }
        });
    });
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CONTENT_TYPE, "application/json"));
    Ok(answer.body(out.into_text()))
}

fn labels(out: &mut Out, zh: &str, en: &str) {
    out.key("label").object(|out| {
        out.key("zh-CN").text(zh);
        out.key("en").text(en);
    });
}

fn write_kind(out: &mut Out, name: &str) {
    let kind = kind_named(name);
    out.object(|out| {
        out.key("kind").text(name);
        let (zh, en) = kind.map_or(("任务", "Job"), |kind| (kind.zh, kind.en));
        labels(out, zh, en);
        let known = ACTIONS.iter().filter(|(action, _)| actions_of(name).contains(action));
        out.key("actions").texts(known.map(|(_, word)| *word));
        out.key("reach").texts(reach_of(name).choices());
        out.key("fields").array(|out| {
            kind.map(|kind| kind.fields).unwrap_or_default().iter().for_each(|field| write_field(out, field));
        });
    });
}

fn write_field(out: &mut Out, field: &Field) {
    out.object(|out| {
        out.key("name").text(field.name);
        labels(out, field.zh, field.en);
        out.key("group").text(match field.group {
            Group::General => "general",
            Group::Contact => "contact_data",
            Group::Identity => "identity",
        });
        let sees =
            [(field.can_be_hidden(), "hidden"), (field.has_mask(), "masked"), (field.group != Group::Identity, "full")];
        out.key("sees").texts(sees.iter().filter(|(may, _)| *may).map(|(_, word)| *word));
    });
}
