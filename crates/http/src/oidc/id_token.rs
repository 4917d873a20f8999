//! ID tokens: who signed them, for whom, and when (OpenID Connect Core 1.0, 3.1.3.7; RFC 8725).
//!
//! The algorithm is one of three that are fixed here, and the key must be one for it: a key of the provider is never
//! taken for anything else. Time is an argument, so the times are checked here and not by jsonwebtoken.

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::OidcError;
use crate::signatures::install_provider;

/// How far the provider's clock may differ, in seconds.
const LEEWAY: i64 = 10;
/// How long ago a token may have been made, in seconds: it was asked for just now.
const AGE_MAX: i64 = 600;
/// The longest token that is looked at, in bytes: groups may be many.
const TOKEN_MAX: usize = 128 * 1024;
/// How many keys of a provider are looked at.
const KEYS_MAX: usize = 100;

const NOT_SIGNED: OidcError = OidcError::NotBelieved("the token is not signed by the provider");

/// The keys of a provider (RFC 7517).
#[derive(Debug, Deserialize)]
pub(super) struct KeySet {
    keys: Vec<Value>,
}

/// One of them, as far as it is of use.
#[derive(Deserialize)]
struct Key {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    used_for: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// What a token says of its signature.
pub(super) struct Signed {
    algorithm: Algorithm,
    kid: String,
}

/// Reads the header of a token.
pub(super) fn header(token: &str) -> Result<Signed, OidcError> {
    if token.len() > TOKEN_MAX {
        return Err(OidcError::NotBelieved("the token is too long"));
    }
    // An algorithm that it does not know is an error here already: `none` is one.
    let header = jsonwebtoken::decode_header(token).map_err(|_| NOT_SIGNED)?;
    let fixed = matches!(header.alg, Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA);
    if !fixed || header.crit.is_some() {
        return Err(NOT_SIGNED);
    }
    Ok(Signed { algorithm: header.alg, kid: header.kid.ok_or(NOT_SIGNED)? })
}

impl KeySet {
    /// Whether there is a key of that name for that algorithm.
    pub(super) fn knows(&self, signed: &Signed) -> bool {
        self.key(signed).is_some()
    }

    fn key(&self, signed: &Signed) -> Option<DecodingKey> {
        let keys = self.keys.iter().take(KEYS_MAX);
        let mut keys = keys.filter_map(|key| Key::deserialize(key).ok());
        let named = |key: &Key| key.kid.as_deref() == Some(signed.kid.as_str());
        keys.find_map(|key| if named(&key) { key.of(signed.algorithm) } else { None })
    }
}

impl Key {
    /// The key, if it is one for that algorithm and for signatures.
    fn of(&self, algorithm: Algorithm) -> Option<DecodingKey> {
        if self.used_for.as_deref().is_some_and(|used_for| used_for != "sig") {
            return None;
        }
        let name = match algorithm {
            Algorithm::RS256 => "RS256",
            Algorithm::ES256 => "ES256",
            _ => "EdDSA",
        };
        if self.alg.as_deref().is_some_and(|alg| alg != name && !(name == "EdDSA" && alg == "Ed25519")) {
            return None;
        }
        match (algorithm, self.kty.as_str(), self.crv.as_deref()) {
            (Algorithm::RS256, "RSA", None) => {
                DecodingKey::from_rsa_components(self.n.as_deref()?, self.e.as_deref()?).ok()
            }
            (Algorithm::ES256, "EC", Some("P-256")) => {
                DecodingKey::from_ec_components(self.x.as_deref()?, self.y.as_deref()?).ok()
            }
            (Algorithm::EdDSA, "OKP", Some("Ed25519")) => DecodingKey::from_ed_components(self.x.as_deref()?).ok(),
            _ => None,
        }
    }
}

/// The claims of a token, if one of those keys signed it, for that client, as that issuer, and its time is now
/// (milliseconds since 1970). Whether it is of this sign-in, its nonce says.
pub(super) fn verify(
    keys: &KeySet,
    signed: &Signed,
    token: &str,
    (issuer, client): (&str, &str),
    now: i64,
) -> Result<Map<String, Value>, OidcError> {
    install_provider();
    let key = keys.key(signed).ok_or(NOT_SIGNED)?;
    let mut validation = Validation::new(signed.algorithm);
    validation.set_required_spec_claims(&["iss", "sub", "aud", "exp"]);
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[client]);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let claims = jsonwebtoken::decode::<Map<String, Value>>(token, &key, &validation).map_err(|error| {
        use jsonwebtoken::errors::ErrorKind as K;
        match error.kind() {
            K::InvalidIssuer => OidcError::NotBelieved("the token is of another issuer"),
            K::InvalidAudience => OidcError::NotBelieved("the token is for somebody else"),
            K::MissingRequiredClaim(_) => OidcError::NotBelieved("the token lacks a claim"),
            _ => NOT_SIGNED,
        }
    })?;
    let claims = claims.claims;
    check_parties(&claims, issuer, client)?;
    check_times(&claims, now.div_euclid(1000))?;
    Ok(claims)
}

/// The issuer exactly, and the client among those that it is for; where there are several, as the one that asked for it.
fn check_parties(claims: &Map<String, Value>, issuer: &str, client: &str) -> Result<(), OidcError> {
    if claims.get("iss").and_then(Value::as_str) != Some(issuer) {
        return Err(OidcError::NotBelieved("the token is of another issuer"));
    }
    let several = match claims.get("aud") {
        Some(Value::String(one)) if one == client => false,
        Some(Value::Array(all)) if all.iter().any(|one| one == client) => all.len() > 1,
        _ => return Err(OidcError::NotBelieved("the token is for somebody else")),
    };
    match claims.get("azp") {
        None if !several => Ok(()),
        Some(asked) if asked == client => Ok(()),
        _ => Err(OidcError::NotBelieved("the token was asked for by somebody else")),
    }
}

fn check_times(claims: &Map<String, Value>, now: i64) -> Result<(), OidcError> {
    // `NumericDate` may have a fraction.
    let time = |name: &str| claims.get(name).map(|value| value.as_i64().or_else(|| whole(value.as_f64()?)));
    let expires = time("exp").flatten().ok_or(OidcError::NotBelieved("the token lacks a claim"))?;
    if expires.saturating_add(LEEWAY) <= now {
        return Err(OidcError::NotBelieved("the token has expired"));
    }
    let soon = now.saturating_add(LEEWAY);
    match (time("iat"), time("nbf")) {
        (Some(Some(made)), begins) if made <= soon && made >= now - AGE_MAX => match begins {
            None => Ok(()),
            Some(Some(begins)) if begins <= soon => Ok(()),
            Some(_) => Err(OidcError::NotBelieved("the token is not of now")),
        },
        _ => Err(OidcError::NotBelieved("the token is not of now")),
    }
}

/// A number without its fraction.
fn whole(number: f64) -> Option<i64> {
    format!("{:.0}", number.trunc()).parse().ok()
}

#[cfg(test)]
#[path = "id_token_tests.rs"]
mod tests;
