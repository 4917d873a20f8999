//! The keys that access tokens are signed and checked with, and their rotation. When a key signs and is believed is the
//! store's to say (`kehu_store::people::signer`).

use chrono::{DateTime, Utc};
use kehu_store::Gate;
use kehu_store::failure::Failure;
use kehu_store::people::{Replace, SigningKey, is_due, is_outlived, signer};

use crate::jwt::{PublicKey, Signer, SigningError, Verifier, new_signing_key};
use crate::problem::Problem;

/// The keys that are not retired.
pub(crate) struct Keys {
    /// When they were made, the newest first.
    made: Vec<DateTime<Utc>>,
    /// In the same order.
    signers: Vec<Signer>,
    pub(crate) verifier: Verifier,
}

impl Keys {
    /// Reads them; makes one where there is none, and where the newest is 90 days old.
    pub(crate) async fn read(gate: &Gate) -> Result<Self, Problem> {
        let keys = Self::living(gate).await?;
        if !is_due(keys.made.first().copied(), gate.now()) {
            return Ok(keys);
        }
        match add(gate, Replace::WhenDue, "system").await {
            Ok(_) => Self::living(gate).await,
            // It signs on with what it has: a database that takes no writes keeps nobody out.
            Err(failure) if !keys.made.is_empty() => {
                tracing::warn!(cause = %failure, "no new signing key was made");
                Ok(keys)
            }
            Err(failure) => Err(failure.into()),
        }
    }

    async fn living(gate: &Gate) -> Result<Self, Problem> {
        let keys = gate.signing_keys().await?;
        let now = gate.now();
        let (mut made, mut signers): (Vec<DateTime<Utc>>, _) = (Vec::new(), Vec::new());
        for key in keys.iter().filter(|key| key.retired_at.is_none()) {
            if is_outlived(made.last().copied(), now) {
                break;
            }
            signers.push(Signer::from_pkcs8(&key.private)?);
            made.push(key.created_at);
        }
        let verifier = Verifier::new(signers.iter().map(Signer::public_key));
        Ok(Self { made, signers, verifier })
    }

    /// The one that signs now.
    pub(crate) fn signer(&self, now: DateTime<Utc>) -> Result<&Signer, Problem> {
        let at = signer(&self.made, now);
        at.and_then(|at| self.signers.get(at)).ok_or_else(|| Problem::internal("no key signs access tokens"))
    }
}

async fn add(gate: &Gate, replace: Replace, via: &'static str) -> Result<bool, Failure> {
    let made = new_signing_key().and_then(|private| {
        let public = Signer::from_pkcs8(&private)?.public_key();
        Ok((private, public))
    });
    let (private, public) = made.map_err(|error| Failure::Internal(error.to_string()))?;
    gate.add_signing_key(&private, public.as_bytes(), replace, via).await
}

/// Makes a new key for access tokens, for the command line. It signs once everybody may know it, and the one before it
/// is believed until its last token has expired; `at_once`, it signs now and no other is believed, within a minute on
/// servers that run.
///
/// # Errors
/// The database is away.
pub async fn rotate(gate: &Gate, at_once: bool) -> Result<(), Failure> {
    add(gate, if at_once { Replace::AtOnce } else { Replace::Soon }, "command").await.map(drop)
}

/// A key as the command line shows it.
pub struct KeyLine {
    /// Its name in the headers of tokens.
    pub kid: String,
    /// What it is for now: `published`, `signs`, `believed` or `retired`.
    pub state: &'static str,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Every key, the newest first, for the command line.
///
/// # Errors
/// The database is away, or a key does not open.
pub async fn status(gate: &Gate) -> Result<Vec<KeyLine>, Failure> {
    let keys = gate.signing_keys().await?;
    let living = keys.iter().filter(|key| key.retired_at.is_none());
    let made: Vec<DateTime<Utc>> = living.map(|key| key.created_at).collect();
    let signs = signer(&made, gate.now());
    let (mut place, mut next) = (0, None);
    let line = |key: &SigningKey| {
        let outlived = key.retired_at.is_some() || is_outlived(next, gate.now());
        let state = match signs {
            _ if outlived => "retired",
            Some(signs) if place < signs => "published",
            Some(signs) if place == signs => "signs",
            _ => "believed",
        };
        if key.retired_at.is_none() {
            (place, next) = (place + 1, Some(key.created_at));
        }
        let kid = PublicKey::from_bytes(&key.public).map(|public| public.kid()).unwrap_or_default();
        KeyLine { kid, state, created_at: key.created_at }
    };
    Ok(keys.iter().map(line).collect())
}

impl From<SigningError> for Problem {
    fn from(error: SigningError) -> Self {
        Self::internal(error.to_string())
    }
}
