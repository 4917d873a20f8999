//! Vocabularies that pages pick from: industries and regions. Everybody's are the same, and they change with the program
//! alone, so that a page may keep them and ask whether they are still right.

use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::show::Out;
use kehu_domain::value::{Industry, Region};
use sha2::{Digest, Sha256};

use crate::headers::if_none_match;
use crate::problem::Problem;
use crate::signed::Signed;

/// How long an answer may be used without asking.
const KEPT: &str = "private, max-age=3600";
/// The most regions that a search gives.
const MOST: usize = 50;
/// The longest text that is searched for, in characters.
const MAX_TEXT: usize = 100;

pub(super) fn configure(app: &mut ServiceConfig) {
    app.service(web::resource("/v1/industries").route(web::get().to(industries)))
        .service(web::resource("/v1/regions").route(web::get().to(regions)));
}

async fn industries(request: HttpRequest, signed: Signed) -> Result<HttpResponse, Problem> {
    let Signed { caller: _, mut query } = signed;
    let text = words(query.take("q"))?;
    let section = match query.take("parent") {
        None => None,
        Some(said) => {
            let known = Industry::parse(&said).ok().filter(|industry| industry.section() == Some(industry.code()));
            let unknown = || invalid("parent", &said, "the letter of a section", "门类字母");
            Some(known.ok_or_else(unknown)?)
        }
    };
    query.finish()?;
    let found = Industry::search(text.as_deref().unwrap_or_default(), section.as_ref().map(Industry::code));
    Ok(answer(&request, |out| {
        for industry in &found {
            out.object(|out| {
                let is_section = industry.section() == Some(industry.code());
                out.key("code").text(industry.code());
                out.key("name").text(industry.name_zh());
                out.key("level").text(if is_section { "section" } else { "division" });
                out.key("parent").text_or_null(industry.section().filter(|_| !is_section));
                out.key("short_code").text(industry.short_code());
            });
        }
    }))
}

async fn regions(request: HttpRequest, signed: Signed) -> Result<HttpResponse, Problem> {
    let Signed { caller: _, mut query } = signed;
    let text = words(query.take("q"))?;
    let parent = match query.take("parent") {
        None => None,
        Some(said) => {
            let unknown = || invalid("parent", &said, "the code of a region", "地区代码");
            Some(Region::from_code(&said).ok_or_else(unknown)?)
        }
    };
    query.finish()?;
    let found = match &text {
        Some(text) => {
            let mut found = Region::search(text, usize::MAX);
            if let Some(parent) = &parent {
                let head = parent.code().trim_end_matches("00");
                found.retain(|region| region.code().starts_with(head) && region != parent);
            }
            found.truncate(MOST);
            found
        }
        None => Region::children(parent.as_ref()),
    };
    Ok(answer(&request, |out| {
        for region in &found {
            out.object(|out| {
                out.key("code").text(region.code());
                out.key("name").text_or_null(region.name());
                out.key("level").text(region.level());
                out.key("parent").text_or_null(region.parent().as_deref());
                out.key("full_name").text(&region.full_name());
                out.key("has_children").flag(region.has_children());
            });
        }
    }))
}

fn words(said: Option<String>) -> Result<Option<String>, Problem> {
    let said = said.filter(|text| !text.trim().is_empty());
    match said {
        Some(text) if text.chars().count() > MAX_TEXT => {
            Err(invalid("q", &text, "at most 100 characters", "不超过 100 个字符"))
        }
        said => Ok(said),
    }
}

fn invalid(name: &str, said: &str, en: &str, zh: &str) -> Problem {
    let value: String = said.chars().take(50).collect();
    let flaw = Flaw::new(&codes::PARAMETER_INVALID).with("value", value);
    Problem::parameter(name, flaw.with("expected_en", en).with("expected_zh", zh))
}

/// A list under `data`, with a tag that its bytes give; 304 where the caller has it.
fn answer(request: &HttpRequest, write: impl FnOnce(&mut Out)) -> HttpResponse {
    let mut out = Out::new();
    out.object(|out| out.key("data").array(write));
    let body = out.into_text();
    let digest = Sha256::digest(body.as_bytes());
    let hash: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let etag = format!("\"{hash}\"");
    if if_none_match(request.headers(), &etag) {
        let mut same = HttpResponse::NotModified();
        return same.insert_header((header::ETAG, etag)).insert_header((header::CACHE_CONTROL, KEPT)).finish();
    }
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CONTENT_TYPE, "application/json")).insert_header((header::ETAG, etag));
    answer.insert_header((header::CACHE_CONTROL, KEPT)).body(body)
}
