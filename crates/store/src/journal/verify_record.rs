//! Verifying the history of one record: every version once and in order, each entry as it was written and, where it is
//! closed, in its stretch. Costs with the history, not with the journal.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use crate::entities::journal_stretch::{self, Model as Stretch};
use crate::failure::Failure;
use crate::gate::Gate;

use super::chain::{self, CHAIN};
use super::known::Known;
use super::verdict::{Broken, Flaw, Verdict};
use super::{Class, Sealed};

/// Entries that are read at once.
const PAGE: u16 = 500;

impl Gate {
    /// Verifies the entries about one record, also a deleted one.
    ///
    /// # Errors
    /// The database is away.
    pub async fn verify_record(&self, org: Uuid, record: Uuid) -> Result<Verdict, Failure> {
        let end = self.settled().await?;
        let closed = CHAIN.place(self.engine()).await?;
        let mut look = Look {
            known: Known::of(self, org, Some(record)).await?,
            closed,
            stretch: None,
            version: None,
            verdict: Verdict::default(),
        };
        let mut after = (i64::MIN, i64::MIN);
        loop {
            let rest = "AND record_id = ? AND (version > ? OR (version = ? AND seq > ?)) AND seq <= ? \
                        ORDER BY version, seq LIMIT ?";
            let (version, seq) = after;
            let values =
                [record.into(), version.into(), version.into(), seq.into(), end.into(), i64::from(PAGE).into()];
            let page = look.known.entries(rest, values).await?;
            for entry in &page {
                after = (entry.header.version, entry.header.seq);
                if let Some(broken) = look.at(entry).await? {
                    look.verdict.broken = Some(broken);
                    return Ok(look.verdict);
                }
            }
            if page.len() < usize::from(PAGE) {
                return Ok(look.verdict);
            }
        }
    }
}

struct Look<'g> {
    known: Known<'g>,
    /// Up to where every entry is in a stretch.
    closed: i64,
    /// The stretch of the last entry: neighbours are often in the same one.
    stretch: Option<Stretch>,
    /// The last version, and its place.
    version: Option<(i64, i64)>,
    verdict: Verdict,
}

impl Look<'_> {
    /// What is wrong with an entry.
    async fn at(&mut self, entry: &Sealed) -> Result<Option<Broken>, Failure> {
        let (seq, id) = (entry.header.seq, entry.header.id);
        if entry.header.mac.is_empty() && self.version.is_none() {
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
            None if seq <= self.closed => return Ok(broken(Flaw::StretchRemoved)),
            None => None,
        };
        if let Some(flaw) = self.known.flaw_of(entry, digest) {
            return Ok(broken(flaw));
        }
        if entry.header.class == Class::Change.key()
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
    fn version_flaw(&mut self, entry: &Sealed) -> Option<Flaw> {
        let (version, seq) = (entry.header.version, entry.header.seq);
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
