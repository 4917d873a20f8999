//! What a sign-in answers: tokens, and what the user is told of the sign-in before.

use chrono::{DateTime, Utc};
use kehu_store::people::Before;
use serde::Serialize;
use utoipa::ToSchema;

use super::types::{TokenAnswer, milliseconds};

/// Tokens of a new session, and what was before it.
#[derive(Serialize, ToSchema)]
pub struct LoginAnswer {
    /// Sent as `Authorization: Bearer …`.
    pub access_token: String,
    /// Good for one refresh, which gives the next one; null where it came as a cookie.
    #[schema(required)]
    pub refresh_token: Option<String>,
    /// How the access token is sent.
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds for which the access token is good.
    #[schema(example = 900)]
    pub expires_in: i64,
    /// The sign-in before this one; null if it is the first.
    #[schema(required)]
    pub last_sign_in: Option<LastSignIn>,
    /// How many attempts to sign in failed since then, from whatever addresses.
    #[schema(example = 0)]
    pub failed_since: i64,
}

impl LoginAnswer {
    /// Of tokens and what was before.
    pub(super) fn new(tokens: TokenAnswer, before: Before) -> Self {
        let TokenAnswer { access_token, refresh_token, token_type, expires_in } = tokens;
        let (last_sign_in, failed_since) = LastSignIn::of(before);
        Self { access_token, refresh_token, token_type, expires_in, last_sign_in, failed_since }
    }
}

/// A sign-in that was.
#[derive(Debug, Serialize, ToSchema)]
pub struct LastSignIn {
    /// When it was.
    #[serde(serialize_with = "milliseconds")]
    pub at: DateTime<Utc>,
    /// From which address, where that is known.
    #[schema(required)]
    pub address: Option<String>,
}

impl LastSignIn {
    /// The sign-in, where there was one, and how many attempts failed since.
    pub(super) fn of(before: Before) -> (Option<Self>, i64) {
        let Before { at, address, failures } = before;
        (at.map(|at| Self { at, address }), failures)
    }
}
