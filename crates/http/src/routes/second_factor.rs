//! The second factor: one's own, and that of somebody who lost it. The doors of one's own are open also where the role
//! needs a factor that is not set up yet.

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_store::people::{self, Enrolling, FactorInfo, Password, Proof};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::auth;
use crate::problem::Problem;
use crate::signed::{Signed, SignedJsonToEnrol, SignedToEnrol};

use super::members::Members;
use super::records::record_id;

type Reply = Result<HttpResponse, Problem>;

/// The beginning of a second factor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecondFactorRequest {
    /// The present password.
    #[schema(format = Password, write_only)]
    pub password: String,
}

/// The confirmation of a second factor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecondFactorConfirmation {
    /// The code that the app shows.
    #[schema(write_only, example = "287082")]
    pub otp: String,
}

/// The password or a code: one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1, max_properties = 1)]
pub(crate) struct SecondFactorProof {
    /// The present password.
    #[schema(format = Password, write_only)]
    pub password: Option<String>,
    /// A code of the app, or a recovery code.
    #[schema(write_only)]
    pub otp: Option<String>,
}

/// How it stands with a second factor.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecondFactorAnswer {
    /// `none`, `pending` (begun and not confirmed) or `active`.
    #[schema(example = "active")]
    pub state: &'static str,
    /// Whether the role needs one.
    pub required: bool,
    /// How many recovery codes were not used yet.
    pub recovery_codes_left: u64,
}

/// A second factor that was begun.
#[derive(Serialize, ToSchema)]
pub(crate) struct SecondFactorSecret {
    /// The seed in Base32, to be typed into an app; shown this once.
    pub secret: String,
    /// The same as an address for a QR code; shown this once.
    #[schema(example = "otpauth://totp/…")]
    pub uri: String,
}

/// Recovery codes.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecoveryCodes {
    /// Ten codes, each good once; shown this once.
    pub recovery_codes: Vec<String>,
}

pub(super) fn configure(app: &mut ServiceConfig) {
    let own = web::resource("/v1/me/second_factor");
    app.service(own.route(web::get().to(show)).route(web::post().to(begin)).route(web::delete().to(remove)))
        .service(web::resource("/v1/me/second_factor/confirm").route(web::post().to(confirm)))
        .service(web::resource("/v1/me/second_factor/recovery_codes").route(web::post().to(renew)))
        .service(web::resource("/v1/users/{id}/second_factor").route(web::delete().to(reset)));
}

async fn show(signed: SignedToEnrol) -> Reply {
    let SignedToEnrol { caller, query } = signed;
    query.finish()?;
    let FactorInfo { state, required, recovery_codes_left } = people::second_factor(&caller).await?;
    Ok(HttpResponse::Ok().json(SecondFactorAnswer { state: state.key(), required, recovery_codes_left }))
}

async fn begin(request: HttpRequest, signed: SignedJsonToEnrol) -> Reply {
    let SignedJsonToEnrol { caller, query, body } = signed;
    query.finish()?;
    let mut members = Members::of(body)?;
    let SecondFactorRequest { password } = SecondFactorRequest { password: members.required("password") };
    members.finish()?;
    let begun = people::enrol_second_factor(&caller, Password::from(password), throttled(&request)?).await?;
    let Enrolling { secret, uri } = begun;
    Ok(HttpResponse::Created().json(SecondFactorSecret { secret: secret.to_string(), uri: uri.to_string() }))
}

async fn confirm(request: HttpRequest, signed: SignedJsonToEnrol) -> Reply {
    let SignedJsonToEnrol { caller, query, body } = signed;
    query.finish()?;
    let mut members = Members::of(body)?;
    let SecondFactorConfirmation { otp } = SecondFactorConfirmation { otp: members.required("otp") };
    members.finish()?;
    let codes = people::confirm_second_factor(&caller, Password::from(otp), throttled(&request)?).await?;
    Ok(HttpResponse::Ok().json(shown(&codes)))
}

async fn remove(request: HttpRequest, signed: SignedJsonToEnrol) -> Reply {
    let SignedJsonToEnrol { caller, query, body } = signed;
    query.finish()?;
    people::remove_second_factor(&caller, proof(body)?, throttled(&request)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn renew(request: HttpRequest, signed: SignedJsonToEnrol) -> Reply {
    let SignedJsonToEnrol { caller, query, body } = signed;
    query.finish()?;
    let codes = people::renew_recovery_codes(&caller, proof(body)?, throttled(&request)?).await?;
    Ok(HttpResponse::Ok().json(shown(&codes)))
}

async fn reset(signed: Signed, id: web::Path<String>) -> Reply {
    let Signed { caller, query } = signed;
    query.finish()?;
    people::reset_second_factor(&caller, record_id(&id)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn throttled(request: &HttpRequest) -> Result<bool, Problem> {
    Ok(auth::state(request)?.sign_ins.is_some())
}

fn shown(codes: &[Zeroizing<String>]) -> RecoveryCodes {
    RecoveryCodes { recovery_codes: codes.iter().map(|code| code.to_string()).collect() }
}

fn proof(body: Value) -> Result<Proof, Problem> {
    let mut members = Members::of(body)?;
    let said = SecondFactorProof { password: members.text("password"), otp: members.text("otp") };
    let proof = match said {
        SecondFactorProof { password: Some(password), otp: None } => Some(Proof::Password(password.into())),
        SecondFactorProof { password: None, otp: Some(otp) } => Some(Proof::Otp(otp.into())),
        SecondFactorProof { password: None, otp: None } => {
            members.check("password", || Some(Flaw::new(&codes::REQUIRED).with("field", "password")));
            None
        }
        SecondFactorProof { password: Some(_), otp: Some(_) } => {
            let flaw = Flaw::new(&codes::FIELD_UNKNOWN).with("field", "otp").with("known", "password");
            members.check("otp", || Some(flaw));
            None
        }
    };
    members.finish()?;
    proof.ok_or_else(|| Problem::internal("a proof that is neither refused nor there"))
}
