//! Answers kept for idempotency keys: in the same transaction as their effect, sealed, for 24 hours. Those of a job for
//! as long as it may be tried again.

use sea_orm::{ConnectionTrait, EntityTrait};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::dialect::{has_concurrent_writers, statement};
use crate::engine::EngineError;
use crate::entities::kept_answer;
use crate::failure::Failure;
use crate::gate::Principal;
use crate::machine::Idempotency;
use crate::ops::duplicates;
use crate::queue;
use crate::sealed::kept_answer::{BODY, FINGERPRINT};
use crate::tx::Tx;

/// How long answers are kept, hours.
pub(crate) const HOURS: i64 = 24;

/// What is kept of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) status: u16,
    /// The id of the record, where it is one.
    pub(crate) location: Option<String>,
    /// Of the answer nothing else is stored: a hash of it, such as its ETag, would let whoever has the table try out
    /// what stood in it.
    pub(crate) body: String,
}

/// What a key is found by. Clients make keys of what they have at hand, a phone number perhaps: the hash is keyed.
fn key_hash(tx: &Tx<'_>, key: &str) -> Result<Vec<u8>, Failure> {
    let ring = tx.caller().ring();
    Ok(ring.idempotency_hash(ring.primary_index(), principal(tx), key)?.to_vec())
}

/// The same under every root that is open: what was kept before the index got another one is still found.
fn key_hashes(tx: &Tx<'_>, key: &str) -> Result<Vec<Vec<u8>>, Failure> {
    let ring = tx.caller().ring();
    ring.index_roots().map(|root| Ok(ring.idempotency_hash(root, principal(tx), key)?.to_vec())).collect()
}

fn principal(tx: &Tx<'_>) -> Uuid {
    tx.caller().principal().id().unwrap_or_default()
}

/// The answer that is kept for a key, if there is one. On PostgreSQL a second request under the same key waits here
/// until the first has ended; strong keys of what is to be written are locked at once.
pub(crate) async fn find(
    tx: &Tx<'_>,
    idempotency: &Idempotency,
    part: i64,
    strong: Vec<String>,
) -> Result<Option<Kept>, Failure> {
    let hash = key_hash(tx, &idempotency.key)?;
    if has_concurrent_writers(tx.db()) {
        let lock: [u8; 8] = Sha256::digest([principal(tx).as_bytes().as_slice(), &hash].concat())
            .first_chunk()
            .copied()
            .unwrap_or_default();
        let locked = duplicates::lock_with(tx, Some(i64::from_be_bytes(lock)), strong).await;
        locked.map_err(|failure| match failure {
            Failure::Engine(EngineError::LockTimeout) => Failure::KeyBusy,
            failure => failure,
        })?;
    }
    let mut row = None;
    for hash in key_hashes(tx, &idempotency.key)? {
        if row.is_none() {
            row = kept_answer::Entity::find_by_id((tx.org_id(), principal(tx), hash, part)).one(tx.db()).await?;
        }
    }
    let of_job = matches!(tx.caller().principal(), Principal::Job { .. });
    let fresh = |row: &kept_answer::Model| of_job || tx.now() - row.created_at < chrono::Duration::hours(HOURS);
    let Some(row) = row.filter(fresh) else { return Ok(None) };
    let fingerprint = tx.caller().ring().open(FINGERPRINT, row.id, &row.fingerprint)?;
    if fingerprint.as_slice() != idempotency.fingerprint {
        return Err(Failure::KeyReused);
    }
    let body = tx.caller().ring().open_text(BODY, row.id, &row.body)?;
    Ok(Some(Kept { status: u16::try_from(row.status).unwrap_or_default(), location: row.location, body }))
}

/// What was kept under a key before is too old to count.
pub(crate) const REPLACE: &str = "ON CONFLICT (org_id, principal, key_hash, part) DO UPDATE SET id = excluded.id, \
     fingerprint = excluded.fingerprint, status = excluded.status, location = excluded.location, \
     body = excluded.body, created_at = excluded.created_at";

/// Keeps an answer.
pub(crate) fn keep(tx: &Tx<'_>, idempotency: &Idempotency, part: i64, kept: &Kept) -> Result<(), Failure> {
    let id = tx.new_id();
    let key_hash = key_hash(tx, &idempotency.key)?;
    tx.keep(kept_answer::Model {
        org_id: tx.org_id(),
        principal: principal(tx),
        key_hash,
        part,
        id,
        fingerprint: tx.caller().ring().seal(FINGERPRINT, id, &idempotency.fingerprint)?,
        status: i64::from(kept.status),
        location: kept.location.clone(),
        body: tx.caller().ring().seal(BODY, id, kept.body.as_bytes())?,
        created_at: tx.now(),
    });
    Ok(())
}

/// Deletes what is older than a day, but for what a job did that may be tried again.
pub(crate) async fn sweep(db: &impl ConnectionTrait, before: chrono::DateTime<chrono::Utc>) -> Result<u64, Failure> {
    let sql = format!(
        "DELETE FROM kept_answers WHERE created_at < ? AND NOT EXISTS (SELECT 1 FROM jobs j \
         WHERE j.org_id = kept_answers.org_id AND j.id = kept_answers.principal AND {})",
        queue::may_run("j")
    );
    Ok(db.execute_raw(statement(db, &sql, [before.into()])).await?.rows_affected())
}
