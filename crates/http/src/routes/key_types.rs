//! Bodies of what is about keys of programs, personal tokens and tickets.

use chrono::{DateTime, Utc};
use kehu_store::api_keys::KeyInfo;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::types::{Reference, milliseconds, milliseconds_or_null};

/// A key for a program.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// What people call the program.
    #[schema(min_length = 1, max_length = 100, example = "网站同步")]
    pub name: String,
    /// The role whose rights the key has. Without the right `rights.grant` only one's own.
    #[schema(example = "manager")]
    pub role: String,
    /// Fields that the key is limited to, as kind and field. Everything else is hidden from it, and not its to write;
    /// without a list it has what its role has.
    #[schema(example = json!(["customer.name", "customer.phones", "contact.name"]))]
    pub fields: Option<Vec<String>>,
    /// Addresses and networks that the key may be used from; from anywhere without a list.
    #[schema(min_items = 1, max_items = 100, example = json!(["203.0.113.7", "10.0.0.0/8"]))]
    pub addresses: Option<Vec<String>>,
    /// When it ends by itself; never without it.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A change of a key, as a merge patch.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyPatch {
    /// What people call the program.
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// When it ends by itself; null for never.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A personal token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonalTokenRequest {
    /// What one calls it.
    #[schema(min_length = 1, max_length = 100, example = "每周报表脚本")]
    pub name: String,
    /// What it is good for; `full` where nothing is said.
    pub scope: Option<TokenScope>,
    /// When it ends by itself; never without it.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What a personal token is good for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenScope {
    /// Whatever the user may do, but for what takes somebody who signed in.
    Full,
    /// Reading what the user may read.
    Read,
}

/// A key or a personal token, as it is shown after it was made.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiKey {
    /// Its id.
    pub id: Uuid,
    /// `server` for a program with a role, `personal` for a user's own token.
    #[schema(example = "server")]
    pub kind: String,
    /// What people call it.
    pub name: String,
    /// How it begins and ends.
    #[schema(example = "sk_…A1b2")]
    pub hint: String,
    /// `active`, `expired` or `revoked`.
    #[schema(example = "active")]
    pub state: &'static str,
    /// The role of a program's key; null for a personal token.
    #[schema(required)]
    pub role: Option<String>,
    /// The fields that a program's key is limited to; null for those of its role.
    #[schema(required)]
    pub fields: Option<Vec<String>>,
    /// The addresses and networks that a program's key may be used from; null for anywhere.
    #[schema(required)]
    pub addresses: Option<Vec<String>>,
    /// The user in whose name a personal token acts; null for a program's key.
    #[schema(required)]
    pub user: Option<Reference>,
    /// What a personal token is good for, `full` or `read`; null for a program's key.
    #[schema(required)]
    pub scope: Option<String>,
    /// When it was made.
    #[serde(serialize_with = "milliseconds")]
    pub created_at: DateTime<Utc>,
    /// Who made it.
    #[schema(required)]
    pub creator: Option<Reference>,
    /// When it ends by itself; null for never.
    #[schema(required)]
    #[serde(serialize_with = "milliseconds_or_null")]
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked; null where it was not.
    #[schema(required)]
    #[serde(serialize_with = "milliseconds_or_null")]
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute; null for never.
    #[schema(required)]
    #[serde(serialize_with = "milliseconds_or_null")]
    pub last_used_at: Option<DateTime<Utc>>,
}

impl From<KeyInfo> for ApiKey {
    fn from(info: KeyInfo) -> Self {
        let KeyInfo {
            id,
            kind,
            name,
            hint,
            state,
            role,
            fields,
            addresses,
            user,
            scope,
            created_at,
            creator,
            expires_at,
            revoked_at,
            last_used_at,
        } = info;
        let reference = |(id, name)| Reference { id, name };
        Self {
            id,
            kind,
            name,
            hint,
            state,
            role,
            fields,
            addresses,
            user: user.map(reference),
            scope,
            created_at,
            creator: creator.map(reference),
            expires_at,
            revoked_at,
            last_used_at,
        }
    }
}

/// A key that was made just now.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiKeyCreated {
    /// The key, sent as `Authorization: Bearer …`. It is shown this once.
    #[schema(example = "sk_AaIDO6…")]
    pub key: String,
    /// What is shown of it later.
    #[serde(flatten)]
    pub info: ApiKey,
}

/// The user's personal tokens.
#[derive(Debug, Serialize, ToSchema)]
pub struct PersonalTokens {
    /// The tokens, the newest first.
    pub data: Vec<ApiKey>,
}

/// A page of keys.
#[derive(Debug, Serialize)]
pub struct ApiKeyPage {
    /// The keys, the newest first.
    pub data: Vec<ApiKey>,
    /// Where the next page begins.
    pub page: Place,
}

/// Where a list goes on.
#[derive(Debug, Serialize)]
pub struct Place {
    /// The place behind this page.
    pub next: Option<String>,
    /// There is no way back.
    pub prev: Option<String>,
    /// Whether there is more.
    pub has_more: bool,
}

/// An address that is to open by itself.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TicketRequest {
    /// Path and query of this API, as they will be asked for.
    #[schema(max_length = 2000, example = "/v1/customers?limit=5")]
    pub path: String,
}

/// An address that opens by itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct TicketAnswer {
    /// The same address with its ticket, for GET and HEAD.
    #[schema(example = "/v1/customers?limit=5&ticket=eyJ0eXA…")]
    pub url: String,
    /// Until when it opens, at the latest.
    #[serde(serialize_with = "milliseconds")]
    pub expires_at: DateTime<Utc>,
}
