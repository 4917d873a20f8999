//! Closing the journal: what is settled becomes stretches, one after the other in each organisation. A stretch holds a
//! digest of each of its entries and the hash of the stretch before it, and is signed: whoever changes, removes, moves
//! or adds an entry, or a stretch, without the key is found out, and which entry it was. Byte formats: docs/sealing.md.

use std::time::Duration;

use chrono::{DateTime, Datelike, Utc};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::crypto::chain::Signed;
use crate::crypto::roots::KeyRing;
use crate::engine;
use crate::entities::journal;
use crate::entities::journal_head::Model as Head;
use crate::entities::journal_stretch::{self, Model as Stretch};
use crate::failure::Failure;
use crate::gate::Gate;

use super::header::{Hash, Message};
use super::{anchor, reader};

/// Entries that are closed in one transaction.
const TOGETHER: u16 = 2000;

/// What the first stretch of an organisation follows.
pub(crate) const NOTHING: Hash = [0; 32];

impl Gate {
    /// Closes everything that is settled; how many entries. Of several servers that do so at once, one does.
    ///
    /// # Errors
    /// The database is away; what was closed until then is.
    pub async fn close_journal(&self) -> Result<u64, Failure> {
        let mut closed = 0;
        loop {
            let more = close_some(self).await?;
            closed += more;
            if more == 0 {
                return Ok(closed);
            }
        }
    }
}

impl Gate {
    /// For how long the oldest entry that no stretch holds has waited; nothing where the place of the chain was changed,
    /// and nothing is closed any more.
    ///
    /// # Errors
    /// The database is away.
    pub async fn unclosed_for(&self) -> Result<Option<Duration>, Failure> {
        let Some(place) = anchor::place(self).await? else { return Ok(None) };
        let first = reader::headers(self.engine(), place, i64::MAX, 1).await?.pop();
        let waited = first.map(|first| (self.now() - first.at).to_std().unwrap_or_default());
        Ok(Some(waited.unwrap_or_default()))
    }
}

async fn close_some(gate: &Gate) -> Result<u64, Failure> {
    let Some(from) = anchor::place(gate).await? else {
        return Err(Failure::Internal(
            "the place up to which the journal is closed was changed: nothing is closed".into(),
        ));
    };
    let headers = reader::headers(gate.engine(), from, gate.settled().await?, TOGETHER).await?;
    let Some(to) = headers.last().map(|header| header.seq) else { return Ok(0) };
    let (many, now, installation) = (headers.len(), gate.now(), gate.installation_ring()?);
    let mut parts = Vec::new();
    for part in parts_of(headers) {
        match gate.ring(part.org_id).await {
            Ok(ring) => parts.push((ring, part)),
            Err(failure @ Failure::Engine(_)) => return Err(failure),
            // Nobody's entry, or that of somebody whose keys are gone, keeps no other organisation's from being closed.
            Err(failure) => {
                tracing::error!(org = %part.org_id, cause = %failure, "entries of the journal cannot be closed");
            }
        }
    }
    gate.write_raw(async move |db: &engine::Tx| {
        if !anchor::move_place(db, &installation, from, to).await? {
            return Ok(0);
        }
        for (ring, part) in parts {
            close_part(db, &ring, part, now).await?;
        }
        Ok(u64::try_from(many).unwrap_or(u64::MAX))
    })
    .await
}

/// Closes entries, unless the chain behind them is not as it was left: then it stays as it is, for a verification.
async fn close_part(db: &engine::Tx, ring: &KeyRing, part: Part, now: DateTime<Utc>) -> Result<(), Failure> {
    let (head, last) = (anchor::head(db, ring).await?, last_stretch(db, part.org_id).await?);
    let ends = |head: &Head| match &last {
        Some(last) => (head.number, head.hash.as_slice()) == (last.number, last.hash.as_slice()),
        None => head.number == 0,
    };
    let Some(head) = head.filter(ends) else {
        tracing::error!(org = %part.org_id, "the chain of the journal was changed: nothing is added to it");
        return Ok(());
    };
    let stretch = part.close(ring, last.as_ref(), now);
    let after = anchor::next(ring, &head, stretch.number, &stretch.hash);
    tracing::debug!(org = %stretch.org_id, number = stretch.number, "closed a stretch of the journal");
    journal_stretch::Entity::insert(stretch.into_active_model()).exec_without_returning(db).await?;
    anchor::move_head(db, &head, after).await
}

/// The last stretch of an organisation.
pub(crate) async fn last_stretch(db: &impl ConnectionTrait, org: Uuid) -> Result<Option<Stretch>, Failure> {
    use journal_stretch::Column as C;
    Ok(journal_stretch::Entity::find().filter(C::OrgId.eq(org)).order_by_desc(C::Number).one(db).await?)
}

/// Entries that become one stretch.
struct Part {
    org_id: Uuid,
    first_seq: i64,
    last_seq: i64,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    digests: Vec<u8>,
}

/// Bytes that a stretch keeps of one entry: its place and its digest.
const KEPT: usize = 8 + 32;

/// Places and digests, in order.
pub(crate) fn kept(digests: &[u8]) -> impl Iterator<Item = (i64, Hash)> {
    digests.chunks_exact(KEPT).filter_map(|kept| {
        let (seq, digest) = kept.split_first_chunk::<8>()?;
        Some((i64::from_be_bytes(*seq), Hash::try_from(digest).ok()?))
    })
}

/// By organisation, and by month of their times: a month goes as a whole when it is too old.
fn parts_of(headers: Vec<journal::Model>) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for header in headers {
        let kept = [header.seq.to_be_bytes().as_slice(), header.digest().as_slice()].concat();
        let last = parts.iter_mut().rev().find(|part| part.org_id == header.org_id);
        match last.filter(|part| month(part.last_at) == month(header.at)) {
            Some(part) => {
                part.last_seq = header.seq;
                part.first_at = part.first_at.min(header.at);
                part.last_at = part.last_at.max(header.at);
                part.digests.extend(kept);
            }
            None => parts.push(Part {
                org_id: header.org_id,
                first_seq: header.seq,
                last_seq: header.seq,
                first_at: header.at,
                last_at: header.at,
                digests: kept,
            }),
        }
    }
    parts
}

fn month(at: DateTime<Utc>) -> (i32, u32) {
    (at.year(), at.month())
}

impl Part {
    fn close(self, ring: &KeyRing, last: Option<&Stretch>, now: DateTime<Utc>) -> Stretch {
        let mut stretch = Stretch {
            org_id: self.org_id,
            number: last.map_or(0, |last| last.number) + 1,
            first_seq: self.first_seq,
            last_seq: self.last_seq,
            entries: i64::try_from(self.digests.len() / KEPT).unwrap_or(i64::MAX),
            first_at: self.first_at,
            last_at: self.last_at,
            // Never before what is closed already: what is dropped for its age is dropped from the beginning.
            closed_at: last.map_or(now, |last| now.max(last.closed_at)),
            root: root(&self.digests).to_vec(),
            digests: Some(self.digests),
            previous: last.map_or_else(|| NOTHING.to_vec(), |last| last.hash.clone()),
            hash: Vec::new(),
            mac: Vec::new(),
        };
        stretch.hash = hash(&stretch).to_vec();
        stretch.mac = ring.sign(Signed::Stretch, &stretch.hash);
        stretch
    }
}

/// What stays of the digests when they go with their entries.
pub(crate) fn root(digests: &[u8]) -> Hash {
    Sha256::digest(digests).into()
}

/// The hash of a stretch: everything but the digests themselves, for which their root stands.
pub(crate) fn hash(stretch: &Stretch) -> Hash {
    Message::of("kehu-journal/v1/stretch")
        .id(stretch.org_id)
        .number(stretch.number)
        .number(stretch.first_seq)
        .number(stretch.last_seq)
        .number(stretch.entries)
        .number(stretch.first_at.timestamp_millis())
        .number(stretch.last_at.timestamp_millis())
        .number(stretch.closed_at.timestamp_millis())
        .bytes(&stretch.root)
        .bytes(&stretch.previous)
        .hash()
}
