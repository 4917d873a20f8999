//! Changes of many records at once: of those that are named, of those that a filter finds; what became of each; undoing.

use actix_web::http::{StatusCode, header};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use kehu_domain::codes as flaws;
use kehu_domain::flaw::Flaw;
use kehu_domain::show::Out;
use kehu_store::bulk::{self, ListedRecord, Preview, Tried, What, Which};
use kehu_store::machine::Resource;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::headers::Incoming;
use crate::problem::Problem;
use crate::problem_codes::PROBLEM_CODES;
use crate::signed::{Signed, SignedJson};

use super::jobs::accepted;
use super::members::{Members, typed};
use super::operations;
use super::records::{options, record_id};
use super::warnings::{lang_of, write_warnings};

type Reply = Result<HttpResponse, Problem>;

/// The most records that are changed while the client waits.
const MAX_IDS: usize = 200;
/// Records that a preview shows.
const SAMPLE: usize = 20;
/// Records that a preview names of those that are refused for one reason.
const NAMED: usize = 5;

/// The doors of a kind.
pub(super) fn configure(app: &mut ServiceConfig, resource: Resource) {
    let path = format!("/v1/{}/bulk", resource.kind().path);
    app.service(web::resource(path).route(web::post().to(move |request, signed| change(resource, request, signed))));
}

/// The doors of jobs.
pub(super) fn configure_jobs(app: &mut ServiceConfig) {
    app.service(web::resource("/v1/jobs/{id}/records").route(web::get().to(records)))
        .service(web::resource("/v1/jobs/{id}/undo").route(web::post().to(undo)));
}

/// What a request asks for.
struct Asked {
    which: Which,
    what: What,
    preview: bool,
}

async fn change(resource: Resource, request: HttpRequest, signed: SignedJson) -> Reply {
    let SignedJson { caller, mut query, body } = signed;
    let dry_run = query.take_flag("dry_run")?;
    let options = options(&request, query, Some(&body))?;
    let Asked { which, what, preview } = read(resource, body)?;
    if preview || dry_run {
        let preview = bulk::preview(&caller, resource, which, &what, options.allow_duplicate).await?;
        return Ok(previewed(&request, &preview));
    }
    match which {
        Which::Ids(ids) => {
            let done = bulk::by_ids(&caller, resource, &ids, &what, &options).await;
            let done = done.map_err(|stopped| Problem::from(stopped.failure))?;
            Ok(operations::told(&request, StatusCode::MULTI_STATUS, None, &done))
        }
        Which::Found(question) => {
            let (job, replayed) = bulk::ask(&caller, resource, question, what, &options).await?;
            let mut response = accepted(job);
            if replayed {
                let name = header::HeaderName::from_static("idempotency-replayed");
                response.headers_mut().insert(name, header::HeaderValue::from_static("true"));
            }
            Ok(response)
        }
    }
}

fn read(resource: Resource, body: Value) -> Result<Asked, Problem> {
    let mut members = Members::of(body)?;
    let ids = members.value("ids").and_then(|said| members.ids_in_order("ids", &said, MAX_IDS));
    let said_ids = ids.is_some();
    let found = members.value("where");
    let words = members.value("q");
    let change = members.value("change");
    let delete = members.flag("delete").unwrap_or_default();
    let preview = members.flag("preview").unwrap_or_default();
    let one_of = |known: &str| Flaw::new(&flaws::BULK_WHAT).with("known", known);
    if said_ids == found.is_some() {
        members.check("ids", || Some(one_of("ids, where")));
    }
    if said_ids && words.is_some() {
        members.flaw("q", one_of("ids, q"));
    }
    if change.is_some() == delete {
        members.check("change", || Some(one_of("change, delete")));
    }
    if delete && !resource.removable() {
        members.flaw("delete", Flaw::new(&flaws::FIELD_UNKNOWN).with("field", "delete").with("known", "change"));
    }
    match change.as_ref().map(Value::as_object) {
        Some(None) => members.flaw("change", typed("an object", "对象")),
        Some(Some(change)) if change.get("version").is_some_and(|version| !version.is_null()) => {
            members.flaw("change/version", Flaw::new(&flaws::BULK_VERSION));
        }
        _ => {}
    }
    members.finish()?;
    let which = match ids {
        Some(ids) => Which::Ids(ids),
        None => {
            let mut question = Map::new();
            question.extend(found.map(|found| ("where".to_owned(), found)));
            question.extend(words.map(|words| ("q".to_owned(), words)));
            Which::Found(question.into())
        }
    };
    Ok(Asked { which, what: change.map_or(What::Delete, What::Change), preview })
}

/// What would become of the records.
fn previewed(request: &HttpRequest, preview: &Preview) -> HttpResponse {
    let (lang, request_id) = (lang_of(request), Incoming::of(request).map(|it| it.request_id).unwrap_or_default());
    let tried = &preview.tried;
    let number = |many: usize| i64::try_from(many).unwrap_or(i64::MAX);
    let many = |rule: &dyn Fn(&Tried) -> bool| number(tried.iter().filter(|one| rule(one)).count());
    let mut out = Out::new();
    out.object(|out| {
        out.key("matched").number(number(tried.len()));
        out.key("matched_is").text(if preview.all { "exact" } else { "at_least" });
        out.key("changed").number(many(&|one| matches!(one.outcome, Ok(true))));
        out.key("unchanged").number(many(&|one| matches!(one.outcome, Ok(false))));
        out.key("refused").number(many(&|one| one.outcome.is_err()));
        out.key("reasons").array(|out| {
            for (ids, problem) in reasons(tried) {
                problem.log(&request_id);
                out.object(|out| {
                    out.key("code").text(problem.key());
                    out.key("count").number(number(ids.len()));
                    out.key("ids").texts(ids.iter().take(NAMED).map(String::as_str));
                    out.key("error").raw(&problem.body(lang, &request_id).to_string());
                });
            }
        });
        out.key("sample").array(|out| {
            let shown = tried.iter().filter(|one| one.differs.is_some()).take(SAMPLE);
            for one in shown {
                let (before, after) = one.differs.as_ref().map_or((&Value::Null, &Value::Null), |(b, a)| (b, a));
                out.object(|out| {
                    out.key("id").id(one.id);
                    out.key("before").raw(&before.to_string());
                    out.key("after").raw(&after.to_string());
                    out.key("warnings");
                    write_warnings(out, &one.warnings, lang);
                });
            }
        });
    });
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json")).body(out.into_text())
}

/// Those that would be refused, by what the refusal says: its code and the codes of what was found.
fn reasons(tried: &[Tried]) -> Vec<(Vec<String>, Problem)> {
    let mut all: Vec<(String, Vec<String>, Problem)> = Vec::new();
    for one in tried {
        let Err(failure) = &one.outcome else { continue };
        let problem = Problem::from(failure.clone());
        let name = problem.reason();
        match all.iter_mut().find(|(known, ..)| *known == name) {
            Some((_, ids, _)) => ids.push(one.id.to_string()),
            None => all.push((name, vec![one.id.to_string()], problem)),
        }
    }
    all.sort_by_key(|(_, ids, _)| std::cmp::Reverse(ids.len()));
    all.into_iter().map(|(_, ids, problem)| (ids, problem)).collect()
}

async fn records(request: HttpRequest, signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, query } = signed;
    let lang = lang_of(&request);
    let page = bulk::records(&caller, record_id(&id)?, query.into_pairs()).await?;
    let mut out = Out::new();
    out.object(|out| {
        out.key("data").array(|out| {
            for record in &page.records {
                listed(out, record, lang);
            }
        });
        out.key("page").object(|out| {
            out.key("next").text_or_null(page.next.as_deref());
            out.key("prev").null();
            out.key("has_more").flag(page.next.is_some());
        });
    });
    Ok(HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json")).body(out.into_text()))
}

fn listed(out: &mut Out, record: &ListedRecord, lang: kehu_domain::flaw::Lang) {
    let ListedRecord { id, status, version, told } = record;
    out.object(|out| {
        out.key("id").id(*id);
        out.key("status").text(status);
        out.key("version");
        match version {
            Some(version) => out.number(*version),
            None => out.null(),
        }
        out.key("error");
        let Some(told) = told else { return out.null() };
        let code = PROBLEM_CODES.iter().find(|code| code.key == told.code);
        out.object(|out| {
            out.key("code").text(&told.code);
            out.key("title").text_or_null(code.map(|code| code.title(lang)));
            out.key("fields").texts(told.fields.iter().map(String::as_str));
            out.key("errors");
            write_warnings(out, &told.findings, lang);
        });
    });
}

async fn undo(signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    let id: Uuid = record_id(&id)?;
    Ok(accepted(bulk::ask_to_undo(&caller, id).await?))
}

#[cfg(test)]
mod tests {
    use kehu_store::machine::resource;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_says_which_and_what_once_each() {
        let read = |body: Value| read(resource("customer").unwrap(), body).map(|asked| asked.preview);
        let id = "0190a3c4-7e1b-7c3d-8f00-5b1f0c2d3e4f";
        assert!(!read(json!({"ids": [id], "change": {}})).unwrap());
        assert!(read(json!({"where": {"and": []}, "q": "x", "delete": true, "preview": true})).unwrap());
        for wrong in [
            json!({"change": {}}),
            json!({"ids": [id], "where": {}, "change": {}}),
            json!({"ids": [id], "q": "x", "change": {}}),
            json!({"ids": [id]}),
            json!({"ids": [id], "change": {}, "delete": true}),
            json!({"ids": [id], "delete": false}),
            json!({"ids": ["x"], "change": {}}),
            json!({"ids": [id], "change": []}),
            json!({"ids": [id], "change": {"version": 1}}),
            json!({"ids": [id], "change": {}, "sort": "x"}),
            json!({"q": "x", "change": {}}),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
        assert!(super::read(resource("team").unwrap(), json!({"ids": [id], "delete": true})).is_err());
    }
}
