//! Sign-ins that were begun: state, nonce and verifier, for ten minutes, used once.
//!
//! Whoever begins one is given a proof beside the state. The state travels through addresses and the provider; the proof
//! stays with the browser or the app that began, in a cookie or in its memory, and must be shown when the code comes
//! back. So nobody can have somebody else's browser finish a sign-in that he began himself (login CSRF): that browser
//! has no proof of it.

use chrono::{DateTime, Duration, Utc};
use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::Zeroizing;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::clock::new_id;
use crate::crypto::token::{Token, TokenKind};
use crate::engine;
use crate::entities::{external_sign_in, identity_provider, organisation};
use crate::failure::{ExternalFailure, Failure};
use crate::gate::{Gate, RequestInfo};
use crate::people::hashing::Password;
use crate::people::sign_in::Client;
use crate::sealed::external_sign_in::VERIFIER;
use crate::tx::Tx;

use super::{Connection, connection, settings};

/// How long a sign-in that was begun can be finished.
const GOOD_FOR: Duration = Duration::minutes(10);

/// What somebody wants who begins.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Where the code shall come back to; the provider's first address where nothing is said.
    pub redirect_uri: Option<String>,
    /// What signs in.
    pub client: Client,
    /// What the user calls the device.
    pub device_name: Option<String>,
}

/// A sign-in that was begun.
#[derive(Debug)]
pub struct Begun {
    /// Travels through the provider and comes back.
    pub state: Token,
    /// Stays with who began.
    pub proof: Token,
    /// Comes back in the provider's token.
    pub nonce: Zeroizing<String>,
    /// The hash of the verifier (RFC 7636, `S256`).
    pub challenge: String,
    /// Where the code shall come back to.
    pub redirect_uri: String,
}

/// A sign-in that is being finished. It was begun here, by who finishes it, and cannot be finished again.
#[derive(Debug)]
pub struct Taken {
    /// Whom to ask.
    pub connection: Connection,
    /// What the code is worth nothing without.
    pub verifier: Password,
    /// Where the code came back to.
    pub redirect_uri: String,
    pub(super) client: Client,
    pub(super) device_name: Option<String>,
    nonce_hash: Vec<u8>,
}

impl Taken {
    /// Whether a token was made for this sign-in.
    #[must_use]
    pub fn nonce_is(&self, nonce: &str) -> bool {
        nonce_hash(nonce).ct_eq(&self.nonce_hash).into()
    }
}

fn nonce_hash(nonce: &str) -> Vec<u8> {
    Sha256::new().chain_update(b"kehu-nonce/v1\0").chain_update(nonce.as_bytes()).finalize().to_vec()
}

const UNKNOWN: Failure = ExternalFailure::StateUnknown.failure();

impl Gate {
    /// The provider that somebody of an organisation signs in by; the one there is where none is named.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where there is none, or no such organisation; [`Failure::Refused`] with `/provider` where
    /// there are several.
    pub async fn external_provider(
        &self,
        slug: &str,
        provider: Option<Uuid>,
        request: RequestInfo,
    ) -> Result<Connection, Failure> {
        let slug = slug.trim().to_lowercase();
        let org = organisation::Entity::find().filter(organisation::Column::Slug.eq(slug)).one(self.engine()).await?;
        let org = org.ok_or(Failure::NotFound)?.id;
        let rows = identity_provider::Entity::find().filter(identity_provider::Column::OrgId.eq(org));
        let mut enabled = Vec::new();
        for row in rows.all(self.engine()).await? {
            if provider.is_none_or(|id| id == row.id) && settings(&row)?.enabled {
                enabled.push(row);
            }
        }
        match enabled.as_slice() {
            [] => Err(Failure::NotFound),
            [row] => connection(&self.system(org, request).await?, row),
            _ => Err(Failure::refused("/provider", Flaw::new(&codes::REQUIRED).with("field", "provider"))),
        }
    }

    /// Begins a sign-in.
    ///
    /// # Errors
    /// [`Failure::Refused`] with `/redirect_uri`.
    pub async fn begin_external(
        &self,
        connection: &Connection,
        wanted: Wanted,
        request: RequestInfo,
    ) -> Result<Begun, Failure> {
        let redirect_uri = redirect_uri(connection, wanted.redirect_uri)?;
        let token = || {
            Token::generate(TokenKind::External, connection.org).map_err(|error| Failure::Internal(error.to_string()))
        };
        let (state, proof) = (token()?, token()?);
        let (nonce, verifier) = (random()?, random()?);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        let id = new_id(self.now());
        let caller = self.system(connection.org, request).await?;
        let (state_hash, proof_hash, nonce_hash) = (state.hash().to_vec(), proof.hash().to_vec(), nonce_hash(&nonce));
        let (provider_id, redirects_to) = (connection.id, redirect_uri.clone());
        caller
            .write(async move |tx: &Tx<'_>| {
                let row = external_sign_in::ActiveModel {
                    org_id: Set(tx.org_id()),
                    id: Set(id),
                    provider_id: Set(provider_id),
                    state_hash: Set(state_hash),
                    proof_hash: Set(proof_hash),
                    nonce_hash: Set(nonce_hash),
                    verifier: Set(tx.caller().ring().seal(VERIFIER, id, verifier.as_bytes())?),
                    redirect_uri: Set(redirects_to),
                    client: Set(wanted.client.key().to_owned()),
                    device_name: Set(wanted.device_name),
                    expires_at: Set(tx.now() + GOOD_FOR),
                };
                external_sign_in::Entity::insert(row).exec_without_returning(tx.db()).await?;
                Ok(())
            })
            .await?;
        Ok(Begun { state, proof, nonce, challenge, redirect_uri })
    }

    /// Takes a sign-in that was begun, so that nobody else can finish it.
    ///
    /// # Errors
    /// [`ExternalFailure::StateUnknown`]: it never was one, was taken, has expired, was begun by somebody else (there is no
    /// proof of it), or its provider does not count any more.
    pub async fn take_external(
        &self,
        state: &str,
        proof: Option<&str>,
        request: RequestInfo,
    ) -> Result<Taken, Failure> {
        let of_external = |text: &str| Token::parse(text).filter(|token| token.kind() == TokenKind::External);
        let (state, proof) = (of_external(state).ok_or(UNKNOWN)?, proof.and_then(of_external).ok_or(UNKNOWN)?);
        let caller = self.system(state.org(), request).await.map_err(|failure| match failure {
            Failure::NotFound => UNKNOWN,
            other => other,
        })?;
        let row = external_sign_in::Entity::find()
            .filter(external_sign_in::Column::OrgId.eq(state.org()))
            .filter(external_sign_in::Column::StateHash.eq(state.hash().to_vec()))
            .one(self.engine())
            .await?;
        let row = row.filter(|row| row.expires_at > self.now() && proof.matches(&row.proof_hash)).ok_or(UNKNOWN)?;
        let key = (row.org_id, row.provider_id);
        let provider = identity_provider::Entity::find_by_id(key).one(self.engine()).await?.ok_or(UNKNOWN)?;
        let connection = connection(&caller, &provider)?;
        if !connection.settings.enabled {
            return Err(UNKNOWN);
        }
        let verifier = caller.ring().open(VERIFIER, row.id, &row.verifier)?;
        let verifier = String::from_utf8(verifier.to_vec());
        let verifier = verifier.map_err(|_| Failure::Internal(format!("the verifier of {} is no text", row.id)))?;
        let key = (row.org_id, row.id);
        caller
            .write(async move |tx: &Tx<'_>| {
                // Whoever deletes it has it: of two at once, one.
                let taken = external_sign_in::Entity::delete_by_id(key).exec(tx.db()).await?;
                if taken.rows_affected == 1 { Ok(()) } else { Err(UNKNOWN) }
            })
            .await?;
        Ok(Taken {
            connection,
            verifier: Password::from(verifier),
            redirect_uri: row.redirect_uri,
            client: Client::from_key(&row.client).unwrap_or(Client::Web),
            device_name: row.device_name,
            nonce_hash: row.nonce_hash,
        })
    }
}

fn redirect_uri(connection: &Connection, wanted: Option<String>) -> Result<String, Failure> {
    let known = &connection.settings.redirect_uris;
    match wanted {
        Some(wanted) if known.contains(&wanted) => Ok(wanted),
        Some(wanted) => {
            let flaw = Flaw::new(&codes::REDIRECT_URI_UNKNOWN).with("value", wanted);
            Err(Failure::refused("/redirect_uri", flaw))
        }
        None => known.first().cloned().ok_or_else(|| Failure::Internal("a provider without an address".into())),
    }
}

/// 256 random bits, as they stand in an address.
fn random() -> Result<Zeroizing<String>, Failure> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|error| Failure::Internal(error.to_string()))?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice())))
}

/// Deletes sign-ins that were begun and not finished.
pub(in crate::people) async fn sweep(db: &engine::Tx, now: DateTime<Utc>) -> Result<u64, Failure> {
    let old = external_sign_in::Column::ExpiresAt.lte(now);
    Ok(external_sign_in::Entity::delete_many().filter(old).exec(db).await?.rows_affected)
}
