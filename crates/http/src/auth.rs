//! Who is calling: access tokens are issued and believed here, and nowhere else does a request become a caller.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpRequest, web};
use kehu_store::people::{ACCESS_TOKEN_SECONDS, SignedIn};
use kehu_store::{Caller, Gate, Principal, RequestInfo, Verified};
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use crate::headers::{Incoming, change_reason};
use crate::jwt::{Claims, TokenError};
use crate::problem::Problem;
use crate::problem_codes as codes;
use crate::routes::types::TokenAnswer;
use crate::signing::Keys;
use crate::state::State;
use crate::tickets;

/// How many verified tokens are remembered: checking a signature takes longer than everything else about a token.
const REMEMBERED: u64 = 50_000;
/// After how long the keys are read again, so that one that was retired is not believed for long; milliseconds.
const KEYS_FRESH: i64 = 60_000;
/// How old keys may be that a request goes on with while another one reads them; milliseconds. A server that nobody asked
/// for long may have missed a whole rotation.
const KEYS_USABLE: i64 = 5 * 60_000;
/// How often at most an unknown key lets the keys be read again; milliseconds.
const KEYS_PAUSE: i64 = 1_000;

/// Issues and checks access tokens.
pub(crate) struct Auth {
    keys: RwLock<Option<Arc<Keys>>>,
    /// When the keys were read, or were tried to; milliseconds since 1970.
    read_at: AtomicI64,
    reading: Mutex<()>,
    verified: Cache<[u8; 32], Claims>,
}

impl Auth {
    pub(crate) fn new() -> Self {
        Self {
            keys: RwLock::new(None),
            read_at: AtomicI64::new(0),
            reading: Mutex::new(()),
            verified: Cache::new(REMEMBERED),
        }
    }

    /// The keys that tokens are checked with, as a JWK set.
    pub(crate) async fn jwks(&self, gate: &Gate) -> Result<String, Problem> {
        Ok(self.keys(gate).await?.verifier.jwks_json())
    }

    /// Tokens for somebody who signed in or stayed signed in.
    pub(crate) async fn tokens(&self, gate: &Gate, signed_in: &SignedIn) -> Result<TokenAnswer, Problem> {
        let Verified { org, user, session } = signed_in.verified;
        let claims = Claims::new(org, user, session, gate.now().timestamp_millis(), ACCESS_TOKEN_SECONDS);
        Ok(TokenAnswer {
            access_token: self.keys(gate).await?.signer(gate.now())?.issue(&claims)?,
            refresh_token: Some(signed_in.refresh_token.to_string()),
            token_type: "Bearer",
            expires_in: ACCESS_TOKEN_SECONDS.into(),
        })
    }

    /// A ticket of a session for one address, of which `address` is a hash.
    pub(crate) async fn ticket(
        &self,
        gate: &Gate,
        verified: Verified,
        seconds: u32,
        address: &str,
    ) -> Result<String, Problem> {
        let Verified { org, user, session } = verified;
        let claims = Claims::new(org, user, session, gate.now().timestamp_millis(), seconds);
        Ok(self.keys(gate).await?.signer(gate.now())?.issue_ticket(&claims, address)?)
    }

    /// Whom a ticket for that address speaks for.
    pub(crate) async fn verify_ticket(&self, gate: &Gate, ticket: &str, address: &str) -> Result<Verified, Problem> {
        let now = gate.now().timestamp_millis();
        let keys = self.keys_for(gate, ticket, now).await?;
        let claims = keys.verifier.verify_ticket(ticket, address, now).map_err(|error| {
            Problem::new(match error {
                TokenError::Expired => &codes::TICKET_EXPIRED,
                TokenError::Invalid => &codes::TICKET_INVALID,
            })
        })?;
        Ok(Verified { org: claims.org, user: claims.sub, session: claims.sid })
    }

    /// Whom a token speaks for. Whether the session still lives is the gate's to say.
    async fn verify(&self, gate: &Gate, token: &str) -> Result<Verified, Problem> {
        let now = gate.now().timestamp_millis();
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let claims = match self.verified.get(&hash) {
            Some(claims) => {
                claims.check_times(now).map_err(refused)?;
                claims
            }
            None => {
                let claims = self.check(gate, token, now).await?;
                self.verified.insert(hash, claims.clone());
                claims
            }
        };
        Ok(Verified { org: claims.org, user: claims.sub, session: claims.sid })
    }

    async fn check(&self, gate: &Gate, token: &str, now: i64) -> Result<Claims, Problem> {
        self.keys_for(gate, token, now).await?.verifier.verify(token, now).map_err(refused)
    }

    /// The keys, with the one that a token names if there is such a one.
    async fn keys_for(&self, gate: &Gate, token: &str, now: i64) -> Result<Arc<Keys>, Problem> {
        let mut keys = self.keys(gate).await?;
        if !keys.verifier.knows_key_of(token) && now - self.read_at.load(Ordering::Relaxed) >= KEYS_PAUSE {
            // Another server may have made the key since.
            keys = self.read(gate, KEYS_PAUSE).await?;
        }
        Ok(keys)
    }

    /// The keys, at most a minute old.
    async fn keys(&self, gate: &Gate) -> Result<Arc<Keys>, Problem> {
        let now = gate.now().timestamp_millis();
        let age = now - self.read_at.load(Ordering::Relaxed);
        match self.known() {
            Some(keys) if age < KEYS_FRESH => Ok(keys),
            // One request reads them; the others go on with what there is.
            Some(keys) if age < KEYS_USABLE && self.reading.try_lock().is_err() => Ok(keys),
            _ => self.read(gate, KEYS_FRESH).await,
        }
    }

    fn known(&self) -> Option<Arc<Keys>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the keys, unless somebody else did within `pause` milliseconds; makes one where one is due.
    async fn read(&self, gate: &Gate, pause: i64) -> Result<Arc<Keys>, Problem> {
        let _one_at_a_time = self.reading.lock().await;
        let now = gate.now().timestamp_millis();
        if let Some(keys) = self.known().filter(|_| now - self.read_at.load(Ordering::Relaxed) < pause) {
            return Ok(keys);
        }
        self.read_at.store(now, Ordering::Relaxed);
        let keys = Keys::read(gate).await?;
        let keys = Arc::new(keys);
        let before = self.keys.write().unwrap_or_else(PoisonError::into_inner).replace(keys.clone());
        if before.is_some_and(|before| before.verifier.jwks_json() != keys.verifier.jwks_json()) {
            // What a retired key had signed is not believed any more.
            self.verified.invalidate_all();
        }
        Ok(keys)
    }
}

fn refused(error: TokenError) -> Problem {
    Problem::new(match error {
        TokenError::Expired => &codes::TOKEN_EXPIRED,
        TokenError::Invalid => &codes::TOKEN_INVALID,
    })
}

/// What every handler shares.
pub(crate) fn state(request: &HttpRequest) -> Result<web::Data<State>, Problem> {
    request.app_data::<web::Data<State>>().cloned().ok_or_else(|| Problem::internal("a server without state"))
}

/// What is known of a request.
pub(crate) fn incoming(request: &HttpRequest) -> Result<Incoming, Problem> {
    Incoming::of(request).ok_or_else(|| Problem::internal("a request came past the door"))
}

/// Whom the access token of a request speaks for, whether or not the session still lives.
///
/// # Errors
/// 401: no token, not one of ours, or its time is over.
pub(crate) async fn verified(request: &HttpRequest) -> Result<Verified, Problem> {
    let state = state(request)?;
    let token = bearer(request.headers())?;
    state.auth.verify(&state.gate, token).await
}

/// Who is calling: a user by an access token, a program by its key or by a user's personal token.
///
/// # Errors
/// 401: no token, not one of ours, its time is over, the session has ended, or the account is disabled. 403: a token that
/// only reads, or a second factor must be set up first. 400: the reason of a write is malformed, or a token stands in
/// the address.
pub(crate) async fn caller(request: &HttpRequest) -> Result<Caller, Problem> {
    let gate = &state(request)?.gate;
    let (speaker, info) = asking(request).await?;
    let caller = match speaker {
        Speaker::Session(verified) => gate.user(verified, info).await?,
        Speaker::Key(key) => gate.key(key, info).await?,
    };
    if matches!(caller.principal(), Principal::Personal { reads: true, .. }) && !only_reads(request) {
        return Err(Problem::new(&codes::KEY_READS_ONLY));
    }
    Ok(caller)
}

/// The caller of a request that took long to come, as of now: what was taken away meanwhile counts. An access token whose
/// time is over was good when the request began, and its session speaks for it.
///
/// # Errors
/// As [`caller`].
pub(crate) async fn again(request: &HttpRequest, before: &Caller) -> Result<Caller, Problem> {
    match before.principal() {
        Principal::User { id: user, session } => {
            let verified = Verified { org: before.org().id, user, session };
            Ok(state(request)?.gate.user(verified, before.request().clone()).await?)
        }
        _ => caller(request).await,
    }
}

/// Who is calling, also where a second factor must be set up first. A key has none.
pub(crate) async fn caller_to_enrol(request: &HttpRequest) -> Result<Caller, Problem> {
    let (speaker, info) = asking(request).await?;
    match speaker {
        Speaker::Session(verified) => Ok(state(request)?.gate.user_to_enrol(verified, info).await?),
        Speaker::Key(_) => caller(request).await,
    }
}

/// What a request speaks by.
enum Speaker<'r> {
    /// An access token, which was checked.
    Session(Verified),
    /// A key or a personal token.
    Key(&'r str),
}

async fn asking(request: &HttpRequest) -> Result<(Speaker<'_>, RequestInfo), Problem> {
    tickets::none_in_address(request)?;
    let token = bearer(request.headers())?;
    let mut info = incoming(request)?.for_gate("api");
    let state = state(request)?;
    // Who it is comes first: nobody else gets as far as having a header looked at.
    let verified = if Gate::is_key(token) { None } else { Some(state.auth.verify(&state.gate, token).await?) };
    if !request.method().is_safe() {
        info.reason = change_reason(request.headers())?;
    }
    Ok((verified.map_or(Speaker::Key(token), Speaker::Session), info))
}

/// Whether a request changes nothing: a question that is too long for an address is a POST.
fn only_reads(request: &HttpRequest) -> bool {
    let asks = |route: String| route.ends_with("/search") || route == "/v1/lookup";
    request.method().is_safe() || (request.method() == Method::POST && request.match_pattern().is_some_and(asks))
}

/// The token of `Authorization: Bearer …` (RFC 6750).
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut said = headers.get_all(header::AUTHORIZATION);
    let (Some(value), None) = (said.next(), said.next()) else {
        let several = headers.contains_key(header::AUTHORIZATION);
        return Err(Problem::new(if several { &codes::TOKEN_INVALID } else { &codes::TOKEN_MISSING }));
    };
    let value = value.to_str().map_err(|_| Problem::new(&codes::TOKEN_INVALID))?.trim();
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    let token = token.trim();
    if token.is_empty() || !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Problem::new(&codes::TOKEN_MISSING));
    }
    Ok(token)
}

#[cfg(test)]
#[path = "auth_tests.rs"]
mod tests;
