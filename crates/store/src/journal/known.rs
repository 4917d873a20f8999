//! What a verification goes by: keys, and what the journal itself says of erasures and expiries.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::Value;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::crypto::chain::Signed;
use crate::crypto::roots::KeyRing;
use crate::dialect::statement;
use crate::engine::Engine;
use crate::engine::rows::Reads as _;
use crate::entities::journal_stretch::Model as Stretch;
use crate::failure::Failure;
use crate::gate::Gate;

use super::chain;
use super::header::Hash;
use super::verdict::Flaw;
use super::{BODY, ERASED, EXPIRED, Sealed};

/// What is known of an organisation's journal before its entries are looked at.
pub(super) struct Known<'g> {
    pub(super) engine: &'g Engine,
    pub(super) ring: Arc<KeyRing>,
    pub(super) org: Uuid,
    /// Records whose values were erased, by the place of the last entry that says so.
    erased: HashMap<Uuid, i64>,
    /// Up to which stretch entries were dropped for their age.
    pub(super) expired_through: i64,
}

impl<'g> Known<'g> {
    /// What the entries about erasures, of all records or of one, and about expiries say.
    pub(super) async fn of(gate: &'g Gate, org: Uuid, record: Option<Uuid>) -> Result<Self, Failure> {
        let (engine, ring) = (gate.engine(), gate.ring(org).await?);
        let mut known = Self { engine, ring, org, erased: HashMap::new(), expired_through: 0 };
        let erasures = match record {
            Some(record) => {
                known.entries("AND event = ? AND record_id = ? ORDER BY seq", [ERASED.into(), record.into()])
            }
            None => known.entries("AND class = ? AND event = ? ORDER BY seq", ["admin".into(), ERASED.into()]),
        };
        let erasures = erasures.await?;
        let expiries =
            known.entries("AND class = ? AND event = ? ORDER BY seq", ["admin".into(), EXPIRED.into()]).await?;
        for entry in erasures.into_iter().chain(expiries).filter(|entry| entry.header.is_genuine(&known.ring)) {
            if let Some(record) = entry.header.record_id {
                known.erased.insert(record, entry.header.seq);
            } else {
                known.expired_through = known.expired_through.max(entry.header.version);
            }
        }
        Ok(known)
    }

    /// Entries of the organisation; `rest` follows the condition on it.
    pub(super) async fn entries<const N: usize>(&self, rest: &str, values: [Value; N]) -> Result<Vec<Sealed>, Failure> {
        let sql = format!("{} WHERE org_id = ? {rest}", Sealed::select());
        let values = [self.org.into()].into_iter().chain(values);
        Ok(self.engine.rows(statement(self.engine, &sql, values)).await?)
    }

    /// Whether a stretch is as it was closed; whether it follows the one before is another question.
    pub(super) fn is_genuine(&self, stretch: &Stretch) -> bool {
        let hash = chain::hash(stretch);
        let signed = self.ring.signature_fits(Signed::Stretch, &hash, &stretch.mac).unwrap_or(false);
        let whole = stretch.digests.as_deref().is_none_or(|digests| chain::root(digests).as_slice() == stretch.root);
        stretch.hash == hash && signed && whole
    }

    /// What is wrong with an entry. Without a digest, a code is all there is to tell by.
    pub(super) fn flaw_of(&self, entry: &Sealed, digest: Option<Hash>) -> Option<Flaw> {
        let genuine = entry.header.is_genuine(&self.ring);
        match digest {
            Some(digest) if digest != entry.header.digest() => {
                return Some(if genuine { Flaw::Moved } else { Flaw::Changed });
            }
            _ if !genuine => return Some(Flaw::Changed),
            _ => {}
        }
        let Some(body) = &entry.body else {
            let erased = entry.header.record_id.and_then(|record| self.erased.get(&record));
            let allowed = erased.is_some_and(|place| entry.header.seq < *place);
            return (!allowed).then_some(Flaw::BodyRemoved);
        };
        let opened = self.ring.open(BODY, entry.header.id, body);
        let fits = opened.is_ok_and(|salted| Sha256::digest(&*salted).as_slice() == entry.header.commitment);
        (!fits).then_some(Flaw::BodyChanged)
    }
}
