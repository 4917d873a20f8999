//! `/openapi.json` and the documentation page. The page loads nothing from outside: its files are in the program, and a
//! content security policy says so to the browser.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderValue, LOCATION, VARY,
};
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use kehu_domain::codes::PARAMETER_INVALID;
use kehu_domain::flaw::Flaw;
use sha2::{Digest, Sha256};
use utoipa_swagger_ui::Config;

use crate::auth;
use crate::door::AUTHORIZATION;
use crate::headers::if_none_match;
use crate::problem::Problem;
use crate::query::Query;

use super::organisation::document_of;

/// Where the page and its files stand; all from here, nothing from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// Files of the page that come with the viewer.
const FILES: &[&str] = &["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"];

const PAGE: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Kehu API</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" type="image/png" href="docs/favicon-32x32.png">
</head>
<body>
<div id="docs"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"#;

/// Starts the viewer. Without a validator: the one it knows is on the internet.
const START: &str = r##"SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  displayOperationId: true,
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  filter: true,
  validatorUrl: null,
  queryConfigEnabled: false,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout"
});
"##;

/// Adds `/openapi.json`, `/docs` and the page's files.
pub fn configure(app: &mut web::ServiceConfig) {
    app.service(web::resource("/openapi.json").route(web::get().to(description)))
        .service(web::resource("/docs").route(web::get().to(page)))
        .service(web::resource("/docs/").route(web::get().to(to_page)))
        .service(web::resource("/docs/{file}").route(web::get().to(file)));
}

/// The description as bytes, made when it is first asked for.
fn bytes() -> Bytes {
    static BYTES: OnceLock<Bytes> = OnceLock::new();
    BYTES.get_or_init(|| super::document().to_string().into()).clone()
}

/// The description: that of the program to everybody, and with `view=organisation` that of the caller's organisation.
async fn description(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let mut query = Query::parse(request.query_string())?;
    match query.take("view").as_deref() {
        None => Ok(unless_known(&request, "no-cache", bytes(), tag())),
        Some("organisation") => {
            query.finish()?;
            let caller = auth::caller(&request).await?;
            let bytes: Bytes = document_of(&caller).to_string().into();
            let tag = tag_of(&bytes);
            let mut answer = unless_known(&request, "private, no-cache", bytes, &tag);
            answer.headers_mut().insert(VARY, HeaderValue::from_static(AUTHORIZATION));
            Ok(answer)
        }
        Some(other) => {
            let flaw = Flaw::new(&PARAMETER_INVALID).with("value", other);
            let flaw = flaw.with("expected_en", "organisation").with("expected_zh", "organisation");
            Err(Problem::parameter("view", flaw))
        }
    }
}

/// The tag of [`bytes`].
fn tag() -> &'static str {
    static TAG: OnceLock<String> = OnceLock::new();
    TAG.get_or_init(|| tag_of(&bytes()))
}

/// The tag that stands for a description: a hash of it.
fn tag_of(bytes: &Bytes) -> String {
    let digest = Sha256::digest(bytes);
    let hash: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hash}\"")
}

/// A description, or 304 where the client has it already.
fn unless_known(request: &HttpRequest, kept: &'static str, bytes: Bytes, tag: &str) -> HttpResponse {
    let known = if_none_match(request.headers(), tag);
    let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header((CACHE_CONTROL, kept)).insert_header((ETAG, tag.to_owned()));
    if known { answer.finish() } else { answer.insert_header((CONTENT_TYPE, "application/json")).body(bytes) }
}

async fn page() -> HttpResponse {
    answer("text/html; charset=utf-8").insert_header((CONTENT_SECURITY_POLICY, POLICY)).body(PAGE)
}

/// The page's files are named relative to `/docs`.
async fn to_page() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, "../docs")).finish()
}

async fn file(name: web::Path<String>) -> Result<HttpResponse, Problem> {
    if name.as_str() == "start.js" {
        return Ok(answer("text/javascript; charset=utf-8").body(START));
    }
    let (kind, bytes) = stored(&name).ok_or_else(Problem::not_found)?;
    Ok(answer(&kind).body(bytes))
}

fn stored(name: &str) -> Option<(String, Bytes)> {
    let known = FILES.contains(&name);
    let file =
        known.then(|| utoipa_swagger_ui::serve(name, Arc::new(Config::<'static>::default())).ok()).flatten()??;
    let bytes = match file.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    Some((file.content_type, bytes))
}

fn answer(kind: &str) -> HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CONTENT_TYPE, kind.to_owned())).insert_header((CACHE_CONTROL, "no-cache"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_files_of_its_own_only() {
        for text in [PAGE, START] {
            assert!(!text.contains("//"), "an address: {text}");
        }
        let named: Vec<&str> = PAGE.split('"').filter_map(|part| part.strip_prefix("docs/")).collect();
        assert_eq!(named.len(), 4);
        for name in named {
            assert!(name == "start.js" || stored(name).is_some(), "{name}");
        }
        assert!(stored("index.html").is_none() && stored("../Cargo.toml").is_none());
    }

    #[test]
    fn the_styles_load_nothing_from_outside() {
        let (_, bytes) = stored("swagger-ui.css").unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        assert!(!text.contains("@import"));
        for place in text.split("url(").skip(1) {
            let place = place.trim_start_matches(['"', '\'']);
            assert!(place.starts_with("data:") || place.starts_with('#'), "{}", &place[..60]);
        }
    }

    #[test]
    fn the_policy_allows_this_origin_alone() {
        let sources = POLICY.split(';').flat_map(|rule| rule.split_whitespace().skip(1));
        for source in sources {
            assert!(matches!(source, "'none'" | "'self'" | "'unsafe-inline'" | "data:"), "{source}");
        }
    }

    #[actix_web::test]
    async fn the_description_is_served_as_it_is_written() {
        let app = actix_web::test::init_service(actix_web::App::new().configure(configure)).await;
        let get = |path: &str| actix_web::test::TestRequest::get().uri(path).to_request();
        let body = actix_web::test::call_and_read_body(&app, get("/openapi.json")).await;
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).unwrap(), super::super::document());
        for (path, status) in [("/docs", 200), ("/docs/", 308), ("/docs/swagger-ui-bundle.js", 200), ("/docs/x", 404)] {
            let answer = actix_web::test::call_service(&app, get(path)).await;
            assert_eq!(answer.status(), status, "{path}");
        }
    }
}
