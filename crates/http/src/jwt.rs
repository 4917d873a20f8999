//! Access tokens: JWT (RFC 7519) signed with Ed25519 (RFC 8037), as short-lived proof of a session.
//!
//! The algorithm is fixed here; a token's header only names one of our own keys, and a header that says anything else
//! is refused. Signatures come from ring (`signatures.rs`). Time is an argument, so jsonwebtoken, which reads the system's clock, checks signature and form, and this file the times.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::signatures::install_provider;

/// Who issues our tokens.
const ISSUER: &str = "kehu";
/// How far the clocks of two servers may differ, in seconds.
const LEEWAY: i64 = 10;
/// Longest token that is looked at, in bytes; ours have some 450.
const TOKEN_MAX: usize = 2048;

/// What a token is for. Each use has a type in the header (RFC 8725, 3.11) and an audience of its own: none passes for
/// another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// Any request of the session.
    Access,
    /// One address.
    Ticket,
}

impl Use {
    const fn kind(self) -> &'static str {
        match self {
            Self::Access => "JWT",
            Self::Ticket => "kehu-ticket+jwt",
        }
    }

    const fn audience(self) -> &'static str {
        match self {
            Self::Access => "kehu-api",
            Self::Ticket => "kehu-ticket",
        }
    }
}

/// What an access token says. Times are whole seconds since 1970 (`NumericDate`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The user.
    pub sub: Uuid,
    /// The session.
    pub sid: Uuid,
    /// The organisation.
    pub org: Uuid,
    /// When it was issued.
    pub iat: i64,
    /// Not valid before.
    pub nbf: i64,
    /// Not valid from then on.
    pub exp: i64,
}

impl Claims {
    /// Claims of a token that is valid from `now_ms` (milliseconds since 1970) for `seconds`.
    #[must_use]
    pub fn new(org: Uuid, sub: Uuid, sid: Uuid, now_ms: i64, seconds: u32) -> Self {
        let now = now_ms.div_euclid(1000);
        Self { sub, sid, org, iat: now, nbf: now, exp: now.saturating_add(i64::from(seconds)) }
    }

    /// Whether they hold at `now_ms` (milliseconds since 1970), give or take what two clocks may differ.
    ///
    /// # Errors
    /// Their time is over, or has not begun.
    pub fn check_times(&self, now_ms: i64) -> Result<(), TokenError> {
        let now = now_ms.div_euclid(1000);
        if self.exp.saturating_add(LEEWAY) <= now {
            return Err(TokenError::Expired);
        }
        let soon = now.saturating_add(LEEWAY);
        if self.nbf > soon || self.iat > soon { Err(TokenError::Invalid) } else { Ok(()) }
    }
}

/// The claims as they stand in the token; each is required, and times are whole numbers.
#[derive(Serialize, Deserialize)]
struct WireClaims {
    iss: String,
    aud: String,
    sub: Uuid,
    sid: Uuid,
    org: Uuid,
    iat: i64,
    nbf: i64,
    exp: i64,
    /// The address that a ticket opens, as a hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    adr: Option<String>,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It was ours and its time is over: refresh.
    #[error("the access token has expired")]
    Expired,
    /// Anything else.
    #[error("the access token is not valid")]
    Invalid,
}

/// A signing key that cannot sign.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// Not an Ed25519 private key in PKCS#8.
    #[error("the signing key is not an Ed25519 key in PKCS#8")]
    Key,
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random bytes")]
    Randomness,
    /// Signing failed.
    #[error("signing failed: {0}")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

/// A new Ed25519 key pair as PKCS#8 v2 (RFC 8410), to be sealed and stored.
pub fn new_signing_key() -> Result<Zeroizing<Vec<u8>>, SigningError> {
    let document = Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new());
    Ok(Zeroizing::new(document.map_err(|_| SigningError::Randomness)?.as_ref().to_vec()))
}

/// The public half of a signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads the 32 bytes of an Ed25519 public key; `None` for another length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key's name in token headers: its JWK thumbprint (RFC 7638), so that a name cannot belong to another key.
    #[must_use]
    pub fn kid(&self) -> String {
        let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, self.x());
        URL_SAFE_NO_PAD.encode(Sha256::digest(jwk))
    }

    fn x(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

/// Issues tokens with the current key.
pub struct Signer {
    public: PublicKey,
    kid: String,
    key: EncodingKey,
}

impl Signer {
    /// Reads a PKCS#8 key as [`new_signing_key`] makes it.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, SigningError> {
        install_provider();
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| SigningError::Key)?;
        let public = PublicKey::from_bytes(pair.public_key().as_ref()).ok_or(SigningError::Key)?;
        Ok(Self { public, kid: public.kid(), key: EncodingKey::from_ed_der(pkcs8) })
    }

    /// The public half, for every server's [`Verifier`].
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.public
    }

    /// Signs the claims of an access token.
    pub fn issue(&self, claims: &Claims) -> Result<String, SigningError> {
        self.sign(Use::Access, claims, None)
    }

    /// Signs the claims of a ticket that opens one address; `address` is a hash of it.
    pub fn issue_ticket(&self, claims: &Claims, address: &str) -> Result<String, SigningError> {
        self.sign(Use::Ticket, claims, Some(address.to_owned()))
    }

    fn sign(&self, of: Use, claims: &Claims, adr: Option<String>) -> Result<String, SigningError> {
        let Claims { sub, sid, org, iat, nbf, exp } = *claims;
        let (iss, aud) = (ISSUER.to_owned(), of.audience().to_owned());
        let wire = WireClaims { iss, aud, sub, sid, org, iat, nbf, exp, adr };
        Ok(jsonwebtoken::encode(&header(of, self.kid.clone()), &wire, &self.key)?)
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// Checks tokens against our own keys: the current one and, while keys rotate, the ones before and after it.
pub struct Verifier {
    keys: HashMap<String, (PublicKey, DecodingKey)>,
    validation: Validation,
}

impl Verifier {
    /// A verifier that believes exactly these keys.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        install_provider();
        let keys = keys.into_iter().map(|key| (key.kid(), (key, DecodingKey::from_ed_der(key.as_bytes())))).collect();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        // Each use has its own, looked at with the type.
        validation.validate_aud = false;
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp", "nbf"]);
        // The clock is the caller's: `Claims::check_times`.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self { keys, validation }
    }

    /// Checks form, key, signature, claims, and times against `now_ms` (milliseconds since 1970) of an access token.
    pub fn verify(&self, token: &str, now_ms: i64) -> Result<Claims, TokenError> {
        self.checked(Use::Access, token, None, now_ms)
    }

    /// The same of a ticket, which must be for that address.
    pub fn verify_ticket(&self, ticket: &str, address: &str, now_ms: i64) -> Result<Claims, TokenError> {
        self.checked(Use::Ticket, ticket, Some(address), now_ms)
    }

    fn checked(&self, of: Use, token: &str, address: Option<&str>, now_ms: i64) -> Result<Claims, TokenError> {
        let claims = self.signed_claims(of, token, address).ok_or(TokenError::Invalid)?;
        claims.check_times(now_ms)?;
        Ok(claims)
    }

    /// Whether the key that a token names is one of these. A token that names none is as if it did: reading the keys
    /// again would not help.
    #[must_use]
    pub fn knows_key_of(&self, token: &str) -> bool {
        if token.len() > TOKEN_MAX {
            return true;
        }
        let named = jsonwebtoken::decode_header(token).ok().and_then(|header| header.kid);
        named.is_none_or(|kid| self.keys.contains_key(&kid))
    }

    fn signed_claims(&self, of: Use, token: &str, address: Option<&str>) -> Option<Claims> {
        if token.len() > TOKEN_MAX {
            return None;
        }
        let said = jsonwebtoken::decode_header(token).ok()?;
        let (_, key) = self.keys.get(said.kid.as_ref()?)?;
        // Nothing but type, algorithm and key: no jku, jwk, x5u, x5c, crit, and nothing unknown.
        if said != header(of, said.kid.clone()?) {
            return None;
        }
        let wire = jsonwebtoken::decode::<WireClaims>(token, key, &self.validation).ok()?.claims;
        let WireClaims { iss, aud, sub, sid, org, iat, nbf, exp, adr } = wire;
        (iss == ISSUER && aud == of.audience() && adr.as_deref() == address).then_some(Claims {
            sub,
            sid,
            org,
            iat,
            nbf,
            exp,
        })
    }

    /// The public keys as a JWK set (RFC 7517), in the order of their names.
    #[must_use]
    pub fn jwks_json(&self) -> String {
        let mut keys: Vec<_> = self.keys.iter().collect();
        keys.sort_by_key(|(kid, _)| kid.as_str());
        let keys: Vec<_> = keys
            .into_iter()
            .map(|(kid, (public, _))| {
                json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": public.x()})
            })
            .collect();
        json!({ "keys": keys }).to_string()
    }
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("kids", &self.keys.keys()).finish_non_exhaustive()
    }
}

fn header(of: Use, kid: String) -> Header {
    Header { kid: Some(kid), typ: Some(of.kind().to_owned()), ..Header::new(Algorithm::EdDSA) }
}

#[cfg(test)]
#[path = "jwt_tests.rs"]
mod tests;
