//! Bodies of the special operations: what handlers read and write is what the description shows.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kehu_domain::fields::format_time;
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;
use uuid::Uuid;

use super::key_types::ApiKey;
use super::told::LastSignIn;

/// A sign-in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// An e-mail, a mobile number or a user name.
    #[schema(example = "admin")]
    pub login: Option<String>,
    /// The same, for clients that call it so; one of the two.
    pub email: Option<String>,
    /// The password.
    #[schema(format = Password, write_only)]
    pub password: String,
    /// The password that takes its place, where it must be changed (`password_change_required`) or is to be.
    #[schema(format = Password, write_only, min_length = 8, max_length = 128)]
    pub new_password: Option<String>,
    /// The organisation's short name, where the sign-in name belongs to several.
    pub organisation: Option<String>,
    /// The code of the second factor, where one is set up; or a recovery code.
    #[schema(write_only)]
    pub otp: Option<String>,
    /// What signs in; it decides how long the session may last.
    pub client: Option<ClientKind>,
    /// What the user calls the device, for the list of sessions.
    #[schema(max_length = 100)]
    pub device_name: Option<String>,
    /// How the refresh token is given; `body` where nothing is said.
    pub transport: Option<Transport>,
}

/// How a refresh token is given.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// In the answer.
    #[default]
    Body,
    /// As the cookie `__Host-kehu_refresh`, for pages of this server's origin or of a configured one.
    Cookie,
}

/// What signs in.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientKind {
    /// A page in a browser.
    Web,
    /// An app on a phone.
    Mobile,
    /// A mini-program.
    MiniProgram,
    /// Another server.
    Server,
}

/// Tokens of a session.
#[derive(Serialize, ToSchema)]
pub struct TokenAnswer {
    /// Sent as `Authorization: Bearer …`.
    pub access_token: String,
    /// Good for one refresh, which gives the next one; null where it was given as a cookie.
    #[schema(required)]
    pub refresh_token: Option<String>,
    /// How the access token is sent.
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds for which the access token is good.
    #[schema(example = 900)]
    pub expires_in: i64,
}

/// A refresh of the access token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshRequest {
    /// The refresh token that the last answer gave; without it the cookie is.
    #[schema(write_only)]
    pub refresh_token: Option<String>,
}

/// An invitation that is accepted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationRequest {
    /// The token that the invitation carries.
    #[schema(write_only)]
    pub token: String,
    /// The password to sign in with from now on.
    #[schema(format = Password, write_only, min_length = 8, max_length = 128)]
    pub password: String,
}

/// A change of one's own password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordRequest {
    /// The present password.
    #[schema(format = Password, write_only)]
    pub old_password: String,
    /// The password to come.
    #[schema(format = Password, write_only, min_length = 8, max_length = 128)]
    pub new_password: String,
}

/// Who is signed in, where, and what may be done.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeAnswer {
    /// The user; null for a program with a key of its own.
    #[schema(required)]
    pub user: Option<MeUser>,
    /// The organisation.
    pub organisation: MeOrganisation,
    /// The roles of the user or of the key.
    pub roles: Vec<String>,
    /// The user's team and those below.
    pub teams: Vec<Reference>,
    /// Reach by kind and action, a set of `own`, `team`, `shared`, or `all`: `{"customer": {"read": ["own", "shared"]}}`.
    /// What is about no record is `["all"]` or `[]`: `{"audit": {"read": ["all"]}}`.
    pub can: BTreeMap<&'static str, BTreeMap<&'static str, Vec<&'static str>>>,
    /// How much is seen of phones, e-mails, WeChat ids, addresses and birthdays.
    pub contact_data: MeSights,
    /// How much is seen of ID numbers and bank accounts.
    pub identity: MeSights,
    /// The session; null for a key and a personal token.
    #[schema(required)]
    pub session: Option<MeSession>,
    /// The key or the personal token; null in a session.
    #[schema(required)]
    pub key: Option<ApiKey>,
    /// The sign-in before the one that began the session; null if that was the first.
    #[schema(required)]
    pub last_sign_in: Option<LastSignIn>,
    /// How many attempts to sign in failed between the two.
    pub failed_since: i64,
}

/// The user who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeUser {
    /// The id.
    pub id: Uuid,
    /// What people call the user.
    pub name: String,
    /// Sign-in e-mail.
    #[schema(required)]
    pub email: Option<String>,
    /// Sign-in mobile number.
    #[schema(required)]
    pub mobile: Option<String>,
    /// Sign-in name.
    #[schema(required)]
    pub user_name: Option<String>,
}

/// The organisation one is signed in to.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeOrganisation {
    /// The id.
    pub id: Uuid,
    /// The short name.
    pub slug: String,
    /// The name.
    pub name: String,
    /// Its language.
    #[schema(example = "zh-CN")]
    pub locale: String,
    /// Where its days and years begin.
    #[schema(example = "Asia/Shanghai")]
    pub time_zone: String,
    /// Its currency, ISO 4217.
    #[schema(example = "CNY")]
    pub currency: String,
    /// Its region, ISO 3166-1: phone numbers without a country code belong there.
    #[schema(example = "CN")]
    pub region: String,
}

/// How much is seen of some fields, by how the record stands to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MeSights {
    /// Of one's own records.
    pub own: SightWord,
    /// Of those of one's team and the teams below.
    pub team: SightWord,
    /// Of every other record.
    pub other: SightWord,
}

/// How much is seen of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SightWord {
    /// Nothing.
    Hidden,
    /// A mask.
    Masked,
    /// Everything.
    Full,
}

/// One of the user's sessions.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeSession {
    /// The id.
    pub id: Uuid,
    /// What signed in: `web`, `mobile`, `mini_program`, `server`.
    #[schema(example = "web")]
    pub client: String,
    /// What the user calls the device.
    #[schema(required)]
    pub device_name: Option<String>,
    /// When it began.
    #[serde(serialize_with = "milliseconds")]
    pub created_at: DateTime<Utc>,
    /// When it was last refreshed, or used, where the organisation counts use.
    #[serde(serialize_with = "milliseconds")]
    pub last_seen_at: DateTime<Utc>,
    /// When it ends at the latest.
    #[serde(serialize_with = "milliseconds")]
    pub expires_at: DateTime<Utc>,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// The user's living sessions.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionsAnswer {
    /// The sessions, the newest first.
    pub data: Vec<MeSession>,
}

/// Times have milliseconds, always.
pub(super) fn milliseconds<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format_time(*time))
}

/// The same for a time that may be absent.
pub(super) fn milliseconds_or_null<S: Serializer>(
    time: &Option<DateTime<Utc>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => milliseconds(time, serializer),
        None => serializer.serialize_none(),
    }
}

/// Who is calling, or writing? One of the members.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1, max_properties = 1)]
pub struct LookupRequest {
    /// A phone number as it was shown.
    #[schema(example = "13800138000")]
    pub phone: Option<String>,
    /// An e-mail address.
    pub email: Option<String>,
    /// A WeChat id.
    pub wechat: Option<String>,
    /// An ID number.
    pub id_number: Option<String>,
    /// The number of a bank account.
    pub bank_account: Option<String>,
}

/// Records that it belongs to, of every kind that the caller may see.
#[derive(Debug, Serialize, ToSchema)]
pub struct LookupAnswer {
    /// The records.
    pub data: Vec<LookupHit>,
}

/// One record that was found.
#[derive(Debug, Serialize, ToSchema)]
pub struct LookupHit {
    /// Its kind.
    #[schema(example = "contact")]
    pub resource: &'static str,
    /// Its id; null where it is out of the caller's reach.
    #[schema(required)]
    pub id: Option<Uuid>,
    /// Its name, or its first character and `**`.
    pub name: String,
    /// The customer: the record itself, or the one it belongs to.
    pub customer: LookupCustomer,
    /// Who looks after the customer.
    #[schema(required)]
    pub owner: Option<Reference>,
    /// How it stands to the caller.
    pub state: Standing,
    /// Members that are shown as a mask.
    pub masked: Vec<String>,
}

/// The customer of a record that was found.
#[derive(Debug, Serialize, ToSchema)]
pub struct LookupCustomer {
    /// Its id; null where it is out of the caller's reach.
    #[schema(required)]
    pub id: Option<Uuid>,
    /// Its number; null where it is out of the caller's reach.
    #[schema(required)]
    pub number: Option<String>,
    /// Its name, or its first character and `**`.
    pub name: String,
}

/// How a record stands to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The caller looks after it.
    Yours,
    /// Somebody of the caller's team does.
    Team,
    /// Somebody else does.
    Owned,
    /// Nobody does.
    InPool,
}

/// The id and the name of a record that another one points to. For display: not part of `version`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reference {
    /// Its id.
    pub id: Uuid,
    /// What people call it; null where it is out of the caller's reach.
    #[schema(required)]
    pub name: Option<String>,
}

/// Whether the program runs, or is ready.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthAnswer {
    /// `ok` where it runs, `ready` where it takes requests.
    #[schema(example = "ok")]
    pub status: &'static str,
}
