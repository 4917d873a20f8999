//! Bodies of company sign-in: what handlers read and write is what the description shows.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::types::{ClientKind, Transport, milliseconds};

/// The beginning of a sign-in by a provider.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExternalStartRequest {
    /// The organisation's short name.
    pub organisation: String,
    /// The provider; may be left out where the organisation has one.
    pub provider: Option<Uuid>,
    /// Where the provider sends the browser back to: one of the provider's `redirect_uris`, the first of them where nothing
    /// is said.
    pub redirect_uri: Option<String>,
    /// What signs in; it decides how long the session may last.
    pub client: Option<ClientKind>,
    /// What the user calls the device, for the list of sessions.
    #[schema(max_length = 100)]
    pub device_name: Option<String>,
}

/// Where the browser goes to sign in.
#[derive(Serialize, ToSchema)]
pub struct ExternalStartAnswer {
    /// The provider's address; send the browser there.
    pub authorization_url: String,
    /// Comes back from the provider, with the code.
    pub state: String,
    /// Shows who began: kept where the sign-in was begun, sent with the code, put into no address. The same stands in a
    /// cookie, for browsers that come back to `GET /v1/auth/external/callback`.
    pub proof: String,
}

/// The end of a sign-in by a provider.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExternalRequest {
    /// The `state` that came back.
    #[schema(write_only)]
    pub state: String,
    /// The `code` that came back.
    #[schema(write_only)]
    pub code: String,
    /// The `iss` that came back, where one did.
    pub iss: Option<String>,
    /// The `proof` that the beginning gave; may be left out where the cookie comes along.
    #[schema(write_only)]
    pub proof: Option<String>,
    /// Where the refresh token goes, as at `POST /v1/auth/login`.
    pub transport: Option<Transport>,
}

/// A provider of OpenID Connect, as it is laid down.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityProviderInput {
    /// What people call it.
    #[schema(max_length = 500)]
    pub name: String,
    /// Its address, exactly as its tokens say it.
    #[schema(example = "https://id.example.com/realms/main", max_length = 500)]
    pub issuer: String,
    /// As whom the organisation is registered there.
    #[schema(max_length = 500)]
    pub client_id: String,
    /// The secret that goes with it; it is never shown again. None for a public client.
    #[schema(write_only, max_length = 500)]
    pub client_secret: Option<String>,
    /// What is asked for besides `openid`; `email` and `profile` where nothing is said.
    #[schema(max_items = 100)]
    pub scopes: Option<Vec<String>>,
    /// Where the provider may send browsers back to, exactly: `https`, `http` on this machine, or an address of an app.
    #[schema(min_items = 1, max_items = 100)]
    pub redirect_uris: Vec<String>,
    /// The claim that names a person's groups; `groups` where nothing is said. Dots lead into objects.
    #[schema(example = "groups", max_length = 500)]
    pub groups_claim: Option<String>,
    /// Roles by group; the first that fits counts, and is set at each sign-in.
    #[schema(max_items = 100)]
    pub role_mapping: Option<Vec<GroupRoleMember>>,
    /// The role of who is in none of these groups; without one they are not let in.
    pub default_role: Option<String>,
    /// Whether somebody who is not known is made a user.
    pub just_in_time: Option<bool>,
    /// Domains of which a confirmed e-mail must be; none is any.
    #[schema(max_items = 100)]
    pub allowed_email_domains: Option<Vec<String>>,
    /// Whether it counts.
    pub enabled: Option<bool>,
}

/// The role of a group.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupRoleMember {
    /// The group, as the provider names it.
    #[schema(max_length = 500)]
    pub group: String,
    /// The role.
    #[schema(example = "salesperson")]
    pub role: String,
}

/// A change of a provider, as a merge patch (RFC 7396).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityProviderPatch {
    /// As it was read; it cannot be changed.
    pub id: Option<Uuid>,
    /// As it was read; it cannot be changed.
    pub version: Option<i64>,
    /// What people call it.
    pub name: Option<String>,
    /// Its address. With another one, who is whom there is forgotten.
    pub issuer: Option<String>,
    /// As whom the organisation is registered there.
    pub client_id: Option<String>,
    /// A new secret; null takes it away.
    #[schema(write_only)]
    pub client_secret: Option<String>,
    /// What is asked for besides `openid`.
    pub scopes: Option<Vec<String>>,
    /// Where the provider may send browsers back to.
    pub redirect_uris: Option<Vec<String>>,
    /// The claim that names a person's groups.
    pub groups_claim: Option<String>,
    /// Roles by group.
    pub role_mapping: Option<Vec<GroupRoleMember>>,
    /// The role of who is in none of these groups.
    pub default_role: Option<String>,
    /// Whether somebody who is not known is made a user.
    pub just_in_time: Option<bool>,
    /// Domains of which a confirmed e-mail must be.
    pub allowed_email_domains: Option<Vec<String>>,
    /// Whether it counts. Where it does not any more, the sessions that it began end.
    pub enabled: Option<bool>,
    /// As it was read; it cannot be changed.
    pub has_secret: Option<bool>,
    /// As it was read; it cannot be changed.
    pub created_at: Option<DateTime<Utc>>,
    /// As it was read; it cannot be changed.
    pub updated_at: Option<DateTime<Utc>>,
}

/// A provider of OpenID Connect, without its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = IdentityProvider)]
pub struct IdentityProviderAnswer {
    /// Its id.
    pub id: Uuid,
    /// Counts its changes.
    pub version: i64,
    /// What people call it.
    pub name: String,
    /// Its address.
    pub issuer: String,
    /// As whom the organisation is registered there.
    pub client_id: String,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// Where the provider may send browsers back to.
    pub redirect_uris: Vec<String>,
    /// The claim that names a person's groups.
    pub groups_claim: String,
    /// Roles by group; the first that fits counts.
    pub role_mapping: Vec<GroupRoleMember>,
    /// The role of who is in none of these groups.
    #[schema(required)]
    pub default_role: Option<String>,
    /// Whether somebody who is not known is made a user.
    pub just_in_time: bool,
    /// Domains of which a confirmed e-mail must be.
    pub allowed_email_domains: Vec<String>,
    /// Whether it counts.
    pub enabled: bool,
    /// Whether there is a secret.
    pub has_secret: bool,
    /// When it was made.
    #[serde(serialize_with = "milliseconds")]
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    #[serde(serialize_with = "milliseconds")]
    pub updated_at: DateTime<Utc>,
}

/// The organisation's providers.
#[derive(Serialize, ToSchema)]
pub struct IdentityProvidersAnswer {
    /// The providers, the oldest first.
    pub data: Vec<IdentityProviderAnswer>,
}
