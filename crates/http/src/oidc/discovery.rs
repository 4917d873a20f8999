//! What a provider says of itself (OpenID Connect Discovery 1.0), and its keys.

use std::sync::{Arc, PoisonError, RwLock};

use kehu_outgoing::{Outgoing, Target};
use kehu_store::people::Connection;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use super::id_token::{self, KeySet};
use super::{OidcError, target};

/// How long a description and keys are believed, in milliseconds: a key that was withdrawn counts no longer.
const FRESH: i64 = 10 * 60_000;
/// How often at most a key that is not known lets the keys be read again, in milliseconds.
const KEYS_PAUSE: i64 = 60_000;

/// What is used of a description.
#[derive(Debug)]
pub(super) struct Metadata {
    pub(super) authorization: Target,
    pub(super) token: Target,
    pub(super) userinfo: Option<Target>,
    keys: Target,
    /// Whether the secret is sent in a header.
    pub(super) takes_basic: bool,
    /// Whether the issuer comes back with each code (RFC 9207).
    pub(super) says_issuer: bool,
}

/// A provider that was asked for its description.
#[derive(Debug)]
pub(crate) struct Known {
    pub(super) metadata: Metadata,
    read_at: i64,
    keys: RwLock<Option<Arc<Keys>>>,
    reading: Mutex<()>,
}

#[derive(Debug)]
struct Keys {
    set: KeySet,
    read_at: i64,
}

#[derive(Deserialize)]
struct Described {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Known {
    /// Asks for the description.
    pub(super) async fn read(outgoing: Outgoing, issuer: &str, now: i64) -> Result<Self, OidcError> {
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let described: Described = outgoing.get(&target(outgoing, &address)?, None).await?.json()?;
        if described.issuer != issuer {
            return Err(OidcError::Away("its description is of another issuer".to_owned()));
        }
        let methods = described.token_endpoint_auth_methods_supported;
        let metadata = Metadata {
            authorization: target(outgoing, &described.authorization_endpoint)?,
            token: target(outgoing, &described.token_endpoint)?,
            userinfo: described.userinfo_endpoint.map(|address| target(outgoing, &address)).transpose()?,
            keys: target(outgoing, &described.jwks_uri)?,
            takes_basic: methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic")),
            says_issuer: described.authorization_response_iss_parameter_supported,
        };
        Ok(Self { metadata, read_at: now, keys: RwLock::default(), reading: Mutex::default() })
    }

    pub(super) fn is_fresh(&self, now: i64) -> bool {
        (now - self.read_at).abs() < FRESH
    }

    /// The claims of a token of this provider, all of which were checked.
    pub(super) async fn verify(
        &self,
        outgoing: Outgoing,
        connection: &Connection,
        token: &str,
        now: i64,
    ) -> Result<Map<String, Value>, OidcError> {
        let header = id_token::header(token)?;
        let mut keys = self.keys(outgoing, now, FRESH).await?;
        if !keys.set.knows(&header) {
            // The provider may have a new one.
            keys = self.keys(outgoing, now, KEYS_PAUSE).await?;
        }
        id_token::verify(&keys.set, &header, token, (&connection.settings.issuer, &connection.settings.client_id), now)
    }

    /// The keys, not older than that.
    async fn keys(&self, outgoing: Outgoing, now: i64, oldest: i64) -> Result<Arc<Keys>, OidcError> {
        let fresh = |keys: &Arc<Keys>| (now - keys.read_at).abs() < oldest;
        if let Some(keys) = self.known_keys().filter(fresh) {
            return Ok(keys);
        }
        let _one_at_a_time = self.reading.lock().await;
        if let Some(keys) = self.known_keys().filter(fresh) {
            return Ok(keys);
        }
        let set: KeySet = outgoing.get(&self.metadata.keys, None).await?.json()?;
        let keys = Arc::new(Keys { set, read_at: now });
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(keys.clone());
        Ok(keys)
    }

    fn known_keys(&self) -> Option<Arc<Keys>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
