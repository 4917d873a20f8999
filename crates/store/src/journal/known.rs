//! What a verification goes by: keys, and what the journal itself says of erasures and expiries.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::Value;
use uuid::Uuid;

use crate::crypto::chain::Signed;
use crate::crypto::roots::KeyRing;
use crate::dialect::statement;
use crate::engine::Engine;
use crate::engine::rows::{self, Reads as _};
use crate::entities::journal;
use crate::entities::journal_head::Model as Head;
use crate::entities::journal_stretch::Model as Stretch;
use crate::failure::Failure;
use crate::gate::Gate;

use super::header::Hash;
use super::verdict::Flaw;
use super::{ERASURES, EXPIRED, anchor, chain, opened};

/// What administrators did. As the index of what is no change says it: SQLite uses it only then, and only if no other
/// one gives the order.
pub(super) const ADMIN: &str = "AND class <> 'change' AND class = 'admin' AND event = ? ORDER BY +seq";
/// What was done to a record.
pub(super) const OF_RECORD: &str = "AND record_id = ? AND event = ? ORDER BY +seq";

/// What is known of an organisation's journal before its entries are looked at.
pub(super) struct Known<'g> {
    pub(super) engine: &'g Engine,
    pub(super) ring: Arc<KeyRing>,
    pub(super) org: Uuid,
    /// Records whose values were erased, by the place of the last entry that says so.
    erased: HashMap<Uuid, i64>,
    /// Up to which stretch entries were dropped for their age.
    pub(super) expired_through: i64,
    /// Where the chain begins, and its last stretch; nothing where the record of it is not as Kehu wrote it.
    pub(super) head: Option<Head>,
    /// Up to where every entry is in a stretch; nothing where that was changed.
    pub(super) closed: Option<i64>,
}

impl<'g> Known<'g> {
    /// What the entries about erasures, of all records or of one, and about expiries say.
    pub(super) async fn of(gate: &'g Gate, org: Uuid, record: Option<Uuid>) -> Result<Self, Failure> {
        // In this order: whatever is closed meanwhile is beyond the head.
        let closed = anchor::place(gate).await?;
        let (engine, ring) = (gate.engine(), gate.fresh_ring(org).await?);
        let head = anchor::head(engine, &ring).await?;
        let mut known = Self { engine, ring, org, erased: HashMap::new(), expired_through: 0, head, closed };
        let mut erasures = Vec::new();
        for event in ERASURES {
            erasures.extend(match record {
                Some(record) => known.entries(OF_RECORD, [record.into(), event.into()]).await?,
                None => known.entries(ADMIN, [event.into()]).await?,
            });
        }
        let expiries = known.entries(ADMIN, [EXPIRED.into()]).await?;
        for entry in erasures.into_iter().chain(expiries).filter(|entry| entry.is_genuine(&known.ring)) {
            if let Some(record) = entry.record_id {
                let place = known.erased.entry(record).or_default();
                *place = entry.seq.max(*place);
            } else {
                known.expired_through = known.expired_through.max(entry.version);
            }
        }
        Ok(known)
    }

    /// Whether somebody erased or dropped something since this was asked: what looked broken may be what is allowed.
    pub(super) async fn is_outdated(&self, gate: &'g Gate, record: Option<Uuid>) -> Result<bool, Failure> {
        let now = Self::of(gate, self.org, record).await?;
        // Sealed anew under keys that were not there before: what does not open with these may open with those.
        let other_keys = !Arc::ptr_eq(&now.ring, &self.ring);
        Ok(other_keys || now.erased != self.erased || now.expired_through != self.expired_through)
    }

    /// Whether an entry is older than the chain: nothing can be told of it.
    pub(super) fn is_before_chain(&self, entry: &journal::Model) -> bool {
        entry.mac.is_empty() && self.head.as_ref().is_some_and(|head| entry.seq <= head.begins)
    }

    /// Entries of the organisation; `rest` follows the condition on it.
    pub(super) async fn entries<const N: usize>(
        &self,
        rest: &str,
        values: [Value; N],
    ) -> Result<Vec<journal::Model>, Failure> {
        let sql = format!("{} WHERE org_id = ? {rest}", rows::select::<journal::Entity>());
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
    pub(super) fn flaw_of(&self, entry: &journal::Model, digest: Option<Hash>) -> Option<Flaw> {
        let genuine = entry.is_genuine(&self.ring);
        match digest {
            Some(digest) if digest != entry.digest() => {
                return Some(if genuine { Flaw::Moved } else { Flaw::Changed });
            }
            _ if !genuine => return Some(Flaw::Changed),
            _ => {}
        }
        let Some(body) = &entry.body else {
            let erased = entry.record_id.and_then(|record| self.erased.get(&record));
            let allowed = erased.is_some_and(|place| entry.seq < *place);
            return (!allowed).then_some(Flaw::BodyRemoved);
        };
        opened::salted(&self.ring, entry.id, body, &entry.commitment).is_none().then_some(Flaw::BodyChanged)
    }
}
