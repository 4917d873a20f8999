//! The identity providers that an organisation trusts.

use actix_web::http::header;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use kehu_domain::codes;
use kehu_domain::fields::format_time;
use kehu_domain::flaw::Flaw;
use kehu_domain::identity_provider::{GroupRole, IdentityProvider};
use kehu_domain::read::Finding;
use kehu_outgoing::{BadTarget, Outgoing};
use kehu_store::people::{self, Password, ProviderInfo};
use serde_json::{Map, Value, json};
use url::{Host, Url};

use crate::auth;
use crate::problem::Problem;
use crate::signed::{Signed, SignedJson};

use super::external_types::{GroupRoleMember, IdentityProviderAnswer, IdentityProvidersAnswer};
use super::members::typed;
use super::records::record_id;

type Reply = Result<HttpResponse, Problem>;

/// The member of a body that no answer shows.
const SECRET: &str = "client_secret";
/// The longest secret, in characters.
const SECRET_MAX: usize = 500;
/// Members that cannot be changed.
const READ_ONLY: [&str; 5] = ["id", "version", "has_secret", "created_at", "updated_at"];

pub(super) fn configure(app: &mut ServiceConfig) {
    let all = web::resource("/v1/identity_providers");
    let one = web::resource("/v1/identity_providers/{id}");
    app.service(all.route(web::get().to(list)).route(web::post().to(create)))
        .service(one.route(web::get().to(get)).route(web::patch().to(change)).route(web::delete().to(delete)));
}

async fn list(signed: Signed) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    let data = people::identity_providers(&caller).await?.into_iter().map(answer).collect();
    Ok(HttpResponse::Ok().json(IdentityProvidersAnswer { data }))
}

async fn get(signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    Ok(HttpResponse::Ok().json(answer(people::identity_provider(&caller, record_id(&id)?).await?)))
}

async fn create(request: HttpRequest, signed: SignedJson) -> Reply {
    let SignedJson { caller, query, mut body } = signed;
    query.finish()?;
    let mut findings = Vec::new();
    let secret = take_secret(&mut body, &mut findings).flatten();
    let settings = read(auth::state(&request)?.oidc.outgoing(), body, findings)?;
    let made = people::create_identity_provider(&caller, settings, secret).await?;
    let location = (header::LOCATION, format!("/v1/identity_providers/{}", made.id));
    Ok(HttpResponse::Created().insert_header(location).json(answer(made)))
}

async fn change(request: HttpRequest, signed: SignedJson, id: web::Path<String>) -> Reply {
    let SignedJson { caller, query, mut body } = signed;
    query.finish()?;
    let id = record_id(&id)?;
    let before = people::identity_provider(&caller, id).await?;
    let version = before.version;
    let mut findings = Vec::new();
    let secret = take_secret(&mut body, &mut findings);
    let merged = merge(&before, body, &mut findings)?;
    let settings = read(auth::state(&request)?.oidc.outgoing(), merged, findings)?;
    let changed = people::update_identity_provider(&caller, (id, version), settings, secret).await?;
    Ok(HttpResponse::Ok().json(answer(changed)))
}

async fn delete(signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    people::delete_identity_provider(&caller, record_id(&id)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The secret that a body brings; null takes it away.
fn take_secret(body: &mut Value, findings: &mut Vec<Finding>) -> Option<Option<Password>> {
    let mut wrong = |flaw| findings.push(Finding { pointer: format!("/{SECRET}"), flaw });
    match body.as_object_mut()?.remove(SECRET)? {
        Value::Null => Some(None),
        Value::String(secret) if secret.is_empty() => {
            wrong(Flaw::new(&codes::TEXT_EMPTY));
            None
        }
        Value::String(secret) if secret.chars().count() > SECRET_MAX => {
            let length = secret.chars().count();
            wrong(Flaw::new(&codes::TEXT_TOO_LONG).with("length", length).with("max", SECRET_MAX));
            None
        }
        Value::String(secret) => Some(Some(Password::from(secret))),
        _ => {
            wrong(typed("a text", "文本"));
            None
        }
    }
}

/// The provider with what a merge patch says of it (RFC 7396).
fn merge(before: &ProviderInfo, patch: Value, findings: &mut Vec<Finding>) -> Result<Value, Problem> {
    let Value::Object(patch) = patch else {
        return Err(Problem::validation(vec![Finding { pointer: String::new(), flaw: typed("an object", "对象") }]));
    };
    let fixed = [
        ("id", json!(before.id)),
        ("version", json!(before.version)),
        ("has_secret", json!(before.has_secret)),
        ("created_at", json!(format_time(before.created_at))),
        ("updated_at", json!(format_time(before.updated_at))),
    ];
    let mut merged: Map<String, Value> = match json!(&before.settings) {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    for (name, value) in patch {
        if READ_ONLY.contains(&name.as_str()) {
            if !fixed.contains(&(name.as_str(), value)) {
                let flaw = Flaw::new(&codes::READ_ONLY).with("field", &name);
                findings.push(Finding { pointer: format!("/{name}"), flaw });
            }
        } else if value.is_null() {
            merged.remove(&name);
        } else {
            merged.insert(name, value);
        }
    }
    Ok(Value::Object(merged))
}

/// Reads a provider, and looks at its addresses.
fn read(outgoing: Outgoing, body: Value, mut findings: Vec<Finding>) -> Result<IdentityProvider, Problem> {
    let settings = match IdentityProvider::parse(body) {
        Ok(settings) => settings,
        Err(more) => {
            findings.extend(more);
            return Err(Problem::validation(findings));
        }
    };
    if let Some(flaw) = issuer_flaw(outgoing, &settings.issuer) {
        findings.push(Finding { pointer: "/issuer".into(), flaw });
    }
    for (at, address) in settings.redirect_uris.iter().enumerate().filter(|(_, address)| !may_come_back(address)) {
        let flaw = Flaw::new(&codes::TARGET_INVALID).with("value", address);
        let flaw = flaw.with("reason_en", "nobody can be sent back there").with("reason_zh", "无法作为回调地址");
        findings.push(Finding { pointer: format!("/redirect_uris/{at}"), flaw });
    }
    if findings.is_empty() { Ok(settings) } else { Err(Problem::validation(findings)) }
}

fn issuer_flaw(outgoing: Outgoing, issuer: &str) -> Option<Flaw> {
    let error = match outgoing.target(issuer) {
        // An issuer has no query (OpenID Connect Core 1.0, 1.2).
        Ok(target) if target.as_str().contains('?') => BadTarget::Malformed,
        Ok(_) => return None,
        Err(error) => error,
    };
    let why = match error {
        BadTarget::Malformed => "不是服务器的普通地址",
        BadTarget::NotHttps => "不是 https 地址",
        BadTarget::NotPublic => "不是公网地址",
    };
    let flaw = Flaw::new(&codes::TARGET_INVALID).with("value", issuer);
    Some(flaw.with("reason_en", error.to_string()).with("reason_zh", why))
}

/// Whether a browser can be sent back there: by TLS, to this machine, or to an app by a scheme of its own, which has a dot
/// in it (RFC 8252).
fn may_come_back(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else { return false };
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    let scheme = match url.scheme() {
        "https" => url.has_host(),
        "http" => local,
        own => own.contains('.'),
    };
    scheme && url.fragment().is_none() && url.username().is_empty() && url.password().is_none()
}

fn answer(info: ProviderInfo) -> IdentityProviderAnswer {
    let ProviderInfo { id, version, settings, has_secret, created_at, updated_at } = info;
    let IdentityProvider {
        name,
        issuer,
        client_id,
        scopes,
        redirect_uris,
        groups_claim,
        role_mapping,
        default_role,
        just_in_time,
        allowed_email_domains,
        enabled,
    } = settings;
    let member = |GroupRole { group, role }| GroupRoleMember { group, role };
    IdentityProviderAnswer {
        id,
        version,
        name,
        issuer,
        client_id,
        scopes,
        redirect_uris,
        groups_claim,
        role_mapping: role_mapping.into_iter().map(member).collect(),
        default_role,
        just_in_time,
        allowed_email_domains,
        enabled,
        has_secret,
        created_at,
        updated_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_come_back_by_tls_or_to_an_app() {
        for good in [
            "https://crm.example.com/callback",
            "http://localhost:5173/callback",
            "http://127.0.0.1:8080/v1/auth/external/callback",
            "http://[::1]/x",
            "com.example.crm:/callback",
        ] {
            assert!(may_come_back(good), "{good}");
        }
        for bad in [
            "http://crm.example.com/",
            "https://u:p@x.com/",
            "https://x.com/#f",
            "javascript:alert(1)",
            "data:,x",
            "/callback",
            "",
        ] {
            assert!(!may_come_back(bad), "{bad}");
        }
    }
}
