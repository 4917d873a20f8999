//! Who is calling: access tokens are issued and believed here, and nowhere else does a request become a caller.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpRequest, web};
use kehu_store::people::SignedIn;
use kehu_store::{Caller, Gate, RequestInfo, Verified};
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use crate::headers::{Incoming, change_reason};
use crate::jwt::{Claims, PublicKey, Signer, SigningError, TokenError, Verifier, new_signing_key};
use crate::problem::Problem;
use crate::problem_codes as codes;
use crate::routes::types::TokenAnswer;
use crate::state::State;

/// How long an access token is good, in seconds.
const GOOD_FOR: u32 = 15 * 60;
/// How many verified tokens are remembered: checking a signature takes longer than everything else about a token.
const REMEMBERED: u64 = 50_000;
/// After how long the keys are read again, so that one that was retired is not believed for long; milliseconds.
const KEYS_FRESH: i64 = 60_000;
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

struct Keys {
    signer: Signer,
    verifier: Verifier,
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
        let claims = Claims::new(org, user, session, gate.now().timestamp_millis(), GOOD_FOR);
        Ok(TokenAnswer {
            access_token: self.keys(gate).await?.signer.issue(&claims)?,
            refresh_token: signed_in.refresh_token.to_string(),
            token_type: "Bearer",
            expires_in: GOOD_FOR.into(),
        })
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
        let mut keys = self.keys(gate).await?;
        if !keys.verifier.knows_key_of(token) && now - self.read_at.load(Ordering::Relaxed) >= KEYS_PAUSE {
            // Another server may have made the key since.
            keys = self.read(gate, KEYS_PAUSE).await?;
        }
        keys.verifier.verify(token, now).map_err(refused)
    }

    /// The keys, at most a minute old.
    async fn keys(&self, gate: &Gate) -> Result<Arc<Keys>, Problem> {
        let now = gate.now().timestamp_millis();
        let fresh = now - self.read_at.load(Ordering::Relaxed) < KEYS_FRESH;
        match self.known() {
            Some(keys) if fresh => Ok(keys),
            // One request reads them; the others go on with what there is.
            Some(keys) if self.reading.try_lock().is_err() => Ok(keys),
            _ => self.read(gate, KEYS_FRESH).await,
        }
    }

    fn known(&self) -> Option<Arc<Keys>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the keys, unless somebody else did within `pause` milliseconds; makes one where none can sign.
    async fn read(&self, gate: &Gate, pause: i64) -> Result<Arc<Keys>, Problem> {
        let _one_at_a_time = self.reading.lock().await;
        let now = gate.now().timestamp_millis();
        if let Some(keys) = self.known().filter(|_| now - self.read_at.load(Ordering::Relaxed) < pause) {
            return Ok(keys);
        }
        self.read_at.store(now, Ordering::Relaxed);
        let keys = match load(gate).await? {
            Some(keys) => keys,
            None => {
                let private = new_signing_key()?;
                let public = Signer::from_pkcs8(&private)?.public_key();
                gate.add_signing_key(&private, public.as_bytes()).await?;
                let made = load(gate).await?;
                made.ok_or_else(|| Problem::internal("a signing key that was made just now is not there"))?
            }
        };
        let keys = Arc::new(keys);
        let before = self.keys.write().unwrap_or_else(PoisonError::into_inner).replace(keys.clone());
        if before.is_some_and(|before| before.verifier.jwks_json() != keys.verifier.jwks_json()) {
            // What a retired key had signed is not believed any more.
            self.verified.invalidate_all();
        }
        Ok(keys)
    }
}

/// The newest key that is not retired signs; all that are not retired are believed.
async fn load(gate: &Gate) -> Result<Option<Keys>, Problem> {
    let keys = gate.signing_keys().await?;
    let mut living = keys.iter().filter(|key| key.retired_at.is_none()).peekable();
    let Some(newest) = living.peek() else { return Ok(None) };
    let signer = Signer::from_pkcs8(&newest.private)?;
    let verifier = Verifier::new(living.filter_map(|key| PublicKey::from_bytes(&key.public)));
    Ok(Some(Keys { signer, verifier }))
}

impl From<SigningError> for Problem {
    fn from(error: SigningError) -> Self {
        Self::internal(error.to_string())
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

/// Who is calling.
///
/// # Errors
/// 401: no token, not one of ours, its time is over, the session has ended, or the account is disabled. 403: a second
/// factor must be set up first. 400: the reason of a write is malformed.
pub(crate) async fn caller(request: &HttpRequest) -> Result<Caller, Problem> {
    let (verified, info) = asking(request).await?;
    Ok(state(request)?.gate.user(verified, info).await?)
}

/// The same, also where a second factor must be set up first.
pub(crate) async fn caller_to_enrol(request: &HttpRequest) -> Result<Caller, Problem> {
    let (verified, info) = asking(request).await?;
    Ok(state(request)?.gate.user_to_enrol(verified, info).await?)
}

async fn asking(request: &HttpRequest) -> Result<(Verified, RequestInfo), Problem> {
    let verified = verified(request).await?;
    let mut info = incoming(request)?.for_gate("api");
    if !request.method().is_safe() {
        info.reason = change_reason(request.headers())?;
    }
    Ok((verified, info))
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
