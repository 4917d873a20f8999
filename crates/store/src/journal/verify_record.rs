//! Verifying the history of one record: every version once and in order, each entry as it was written and, where it is
//! closed, in its stretch. Costs with the history, not with the journal.

use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder};
use uuid::Uuid;

use crate::dialect::statement;
use crate::entities::journal;
use crate::entities::journal_stretch::{self, Model as Stretch};
use crate::failure::Failure;
use crate::gate::Gate;
use crate::registry;

use super::known::Known;
use super::verdict::{Broken, Flaw, Verdict};
use super::{Class, chain};

/// A page of the entries about a record. Nothing is said of the place by itself: it would be read through the whole
/// journal.
pub(super) const HISTORY: &str =
    "AND record_id = ? AND (version > ? OR (version = ? AND seq > ?)) ORDER BY version, seq LIMIT ?";

/// Entries that are read at once.
const PAGE: u16 = 500;

impl Gate {
    /// Verifies the entries about one record, also a deleted one.
    ///
    /// # Errors
    /// The database is away.
    pub async fn verify_record(&self, org: Uuid, record: Uuid) -> Result<Verdict, Failure> {
        loop {
            let known = Known::of(self, org, Some(record)).await?;
            let mut look = Look { known, stretch: None, version: None, verdict: Verdict::default() };
            let broken = look.all(record).await?;
            if broken.is_none() || !look.known.is_outdated(self, Some(record)).await? {
                return Ok(Verdict { broken, ..look.verdict });
            }
        }
    }
}

#[derive(FromQueryResult)]
struct Version {
    version: i64,
}

struct Look<'g> {
    known: Known<'g>,
    /// The stretch of the last entry: neighbours are often in the same one.
    stretch: Option<Stretch>,
    /// The last version, and its place.
    version: Option<(i64, i64)>,
    verdict: Verdict,
}

impl Look<'_> {
    async fn all(&mut self, record: Uuid) -> Result<Option<Broken>, Failure> {
        if self.known.head.is_none() || self.known.closed.is_none() {
            return Ok(Some(Broken { flaw: Flaw::HeadChanged, seq: None, id: None, stretch: None }));
        }
        let now = self.version_of(record).await?;
        let mut after = (i64::MIN, i64::MIN);
        loop {
            let (version, seq) = after;
            let values = [record.into(), version.into(), version.into(), seq.into(), i64::from(PAGE).into()];
            let page = self.known.entries(HISTORY, values).await?;
            for entry in &page {
                after = (entry.version, entry.seq);
                if let Some(broken) = self.at(entry).await? {
                    return Ok(Some(broken));
                }
            }
            if page.len() < usize::from(PAGE) {
                break;
            }
        }
        // The record says which version it has: its newest entries are there.
        let last = self.version.map_or(0, |(version, _)| version);
        let gone = now.is_some_and(|now| now > last && self.verdict.before_chain == 0);
        Ok(gone.then_some(Broken { flaw: Flaw::Removed, seq: None, id: None, stretch: None }))
    }

    /// The version that the record has now, by the kind that its entries say. Before they are read: they may become
    /// more.
    async fn version_of(&self, record: Uuid) -> Result<Option<i64>, Failure> {
        let one =
            self.known.entries("AND record_id = ? AND version > 0 ORDER BY version LIMIT 1", [record.into()]).await?;
        let kind = one.into_iter().next().and_then(|entry| entry.kind);
        let Some(machine) = kind.as_deref().and_then(registry::machine) else { return Ok(None) };
        let sql = format!("SELECT version FROM {} WHERE org_id = ? AND id = ?", machine.table());
        let sql = statement(self.known.engine, &sql, [self.known.org.into(), record.into()]);
        Ok(Version::find_by_statement(sql).one(self.known.engine).await?.map(|row| row.version))
    }

    /// What is wrong with an entry.
    async fn at(&mut self, entry: &journal::Model) -> Result<Option<Broken>, Failure> {
        let (seq, id) = (entry.seq, entry.id);
        if self.known.is_before_chain(entry) {
            self.verdict.before_chain += 1;
            return Ok(None);
        }
        self.find_stretch(seq).await?;
        let stretch = self.stretch.as_ref();
        let number = stretch.map(|stretch| stretch.number);
        let broken = |flaw| Some(Broken { flaw, seq: Some(seq), id: Some(id), stretch: number });
        let digest = match stretch {
            Some(stretch) if !self.known.is_genuine(stretch) => {
                return Ok(Some(Broken { flaw: Flaw::StretchChanged, seq: None, id: None, stretch: number }));
            }
            Some(Stretch { digests: Some(digests), .. }) => match chain::kept(digests).find(|(kept, _)| *kept == seq) {
                Some((_, digest)) => Some(digest),
                None => return Ok(broken(Flaw::Inserted)),
            },
            // About to be dropped for its age.
            Some(_) => None,
            None if self.known.closed.is_some_and(|closed| seq <= closed) => return Ok(broken(Flaw::StretchRemoved)),
            None => None,
        };
        if let Some(flaw) = self.known.flaw_of(entry, digest) {
            return Ok(broken(flaw));
        }
        if entry.class == Class::Change.key()
            && let Some(flaw) = self.version_flaw(entry)
        {
            return Ok(broken(flaw));
        }
        match number {
            Some(_) => self.verdict.entries += 1,
            None => self.verdict.unclosed += 1,
        }
        self.verdict.erased += u64::from(entry.body.is_none());
        Ok(None)
    }

    /// Every version has one entry, and their places rise with them. The first ones may have been dropped for their age.
    fn version_flaw(&mut self, entry: &journal::Model) -> Option<Flaw> {
        let (version, seq) = (entry.version, entry.seq);
        let begins = self.verdict.before_chain > 0 || self.known.expired_through > 0 || version == 1;
        let flaw = match self.version {
            None if !begins => Some(Flaw::Removed),
            Some((before, _)) if version == before => Some(Flaw::Inserted),
            Some((before, _)) if version != before + 1 => Some(Flaw::Removed),
            Some((_, place)) if seq < place => Some(Flaw::Moved),
            _ => None,
        };
        self.version = Some((version, seq));
        flaw
    }

    async fn find_stretch(&mut self, seq: i64) -> Result<(), Failure> {
        use journal_stretch::Column as C;
        let holds = |stretch: &Stretch| stretch.first_seq <= seq && seq <= stretch.last_seq;
        if self.stretch.as_ref().is_some_and(holds) {
            return Ok(());
        }
        let found = journal_stretch::Entity::find().filter(C::OrgId.eq(self.known.org)).filter(C::LastSeq.gte(seq));
        let found = found.order_by_asc(C::LastSeq).one(self.known.engine).await?;
        self.stretch = found.filter(holds);
        Ok(())
    }
}
