//! Verifying an organisation's journal against its chain: from the first stretch to the last, entry by entry, then what
//! is not closed yet. It stops at the first thing that is wrong and names it.

use std::collections::HashSet;

use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::dialect::statement;
use crate::entities::journal_stretch::{self, Model as Stretch};
use crate::failure::Failure;
use crate::gate::Gate;

use super::chain::{self, CHAIN, NOTHING};
use super::known::Known;
use super::verdict::{Broken, Flaw, Head, Verdict};
use super::{Entry, Sealed};

/// Entries that are read at once.
const PAGE: u16 = 1000;
/// Stretches that are read at once: each holds the digests of up to two thousand entries.
const STRETCHES: u64 = 50;

/// Told after each page of entries how many there were so far; whether to go on.
pub type Progress<'p> = &'p mut (dyn FnMut(u64) -> bool + Send);

impl Gate {
    /// Verifies the journal of an organisation. `noted` is a head that was written down elsewhere. `progress` may end
    /// it early: then the verdict is about what was looked at.
    ///
    /// # Errors
    /// The database is away.
    pub async fn verify_journal(
        &self,
        org: Uuid,
        noted: Option<Head>,
        progress: Progress<'_>,
    ) -> Result<Verdict, Failure> {
        // What is written meanwhile is left to the next time.
        let end = self.settled().await?;
        let closed = CHAIN.place(self.engine()).await?;
        let last = chain::last_stretch(self.engine(), org).await?;
        let mut walk = Walk {
            known: Known::of(self, org, None).await?,
            noted,
            progress,
            before: None,
            founded_here: false,
            verdict: Verdict::default(),
        };
        let found = match walk.stretches(last.as_ref().map_or(0, |last| last.number)).await? {
            Outcome::Sound => walk.unclosed(closed, end).await?,
            other => other,
        };
        if let Outcome::Broken(broken) = found {
            walk.verdict.broken = Some(broken);
        }
        Ok(walk.verdict)
    }
}

/// How a part of the walk ended.
enum Outcome {
    Sound,
    Broken(Broken),
    /// Somebody had seen enough.
    Enough,
}

struct Walk<'g> {
    known: Known<'g>,
    noted: Option<Head>,
    progress: Progress<'g>,
    /// The stretch before: its last place and its hash.
    before: Option<(i64, Vec<u8>)>,
    /// Whether the first entry that is chained is the organisation's own beginning.
    founded_here: bool,
    verdict: Verdict,
}

#[derive(FromQueryResult)]
struct Twice {
    id: Uuid,
}

impl Walk<'_> {
    async fn stretches(&mut self, last: i64) -> Result<Outcome, Failure> {
        use journal_stretch::Column as C;
        let mut number = 0;
        while number < last {
            let some = journal_stretch::Entity::find().filter(C::OrgId.eq(self.known.org)).filter(C::Number.gt(number));
            let some = some.order_by_asc(C::Number).limit(STRETCHES).all(self.known.engine).await?;
            if some.is_empty() {
                return Ok(stretch_flaw(Flaw::StretchRemoved, number + 1));
            }
            for stretch in some.into_iter().take_while(|stretch| stretch.number <= last) {
                if stretch.number != number + 1 {
                    return Ok(stretch_flaw(Flaw::StretchRemoved, number + 1));
                }
                number = stretch.number;
                match self.stretch(&stretch).await? {
                    Outcome::Sound => self.before = Some((stretch.last_seq, stretch.hash)),
                    ended => return Ok(ended),
                }
            }
        }
        match self.noted {
            Some(noted) if noted.number > last => Ok(stretch_flaw(Flaw::StretchRemoved, noted.number)),
            _ => Ok(Outcome::Sound),
        }
    }

    async fn stretch(&mut self, stretch: &Stretch) -> Result<Outcome, Failure> {
        let previous = self.before.as_ref().map_or(NOTHING.as_slice(), |(_, hash)| hash.as_slice());
        let hash = chain::hash(stretch);
        if !self.known.is_genuine(stretch) || stretch.previous != previous {
            return Ok(stretch_flaw(Flaw::StretchChanged, stretch.number));
        }
        if self.noted.is_some_and(|noted| noted.number == stretch.number && noted.hash != hash) {
            return Ok(stretch_flaw(Flaw::AnotherChain, stretch.number));
        }
        self.verdict.head = Some(Head { number: stretch.number, hash });
        let Some(digests) = &stretch.digests else {
            if stretch.number > self.known.expired_through {
                return Ok(stretch_flaw(Flaw::Dropped, stretch.number));
            }
            self.verdict.expired += 1;
            return Ok(Outcome::Sound);
        };
        let ended = self.compare(stretch, digests).await?;
        if let Outcome::Broken(_) = ended {
            // It may have grown too old while it was looked at.
            let now =
                journal_stretch::Entity::find_by_id((self.known.org, stretch.number)).one(self.known.engine).await?;
            if now.is_some_and(|now| now.digests.is_none()) {
                self.verdict.expired += 1;
                return Ok(Outcome::Sound);
            }
        }
        if let Outcome::Sound = ended {
            self.verdict.stretches += 1;
        }
        Ok(ended)
    }

    /// Walks what the stretch kept and what is there, side by side.
    async fn compare(&mut self, stretch: &Stretch, digests: &[u8]) -> Result<Outcome, Failure> {
        let number = Some(stretch.number);
        let mut kept = chain::kept(digests);
        let mut place = self.before.as_ref().map_or(i64::MIN, |(last, _)| *last);
        loop {
            let page = self.page(place, stretch.last_seq).await?;
            let twice = self.twice(&page).await?;
            for entry in &page {
                place = entry.header.seq;
                if stretch.number == 1 && place < stretch.first_seq && entry.header.mac.is_empty() {
                    self.verdict.before_chain += 1;
                    continue;
                }
                let flaw = match kept.next() {
                    Some((seq, _)) if seq < place => return Ok(removed(seq, number)),
                    Some((seq, digest)) if seq == place => self.known.flaw_of(entry, Some(digest)),
                    _ => Some(Flaw::Inserted),
                };
                let flaw = flaw.or_else(|| twice.contains(&entry.header.id).then_some(Flaw::Inserted));
                if let Some(flaw) = flaw {
                    return Ok(entry_flaw(flaw, entry, number));
                }
                if self.verdict.entries == 0 {
                    self.founded_here = entry.header.event == Entry::FOUNDED;
                }
                self.verdict.entries += 1;
                self.verdict.erased += u64::from(entry.body.is_none());
            }
            if !(self.progress)(self.verdict.entries) {
                return Ok(Outcome::Enough);
            }
            if page.len() < usize::from(PAGE) {
                break;
            }
        }
        match kept.next() {
            Some((seq, _)) => Ok(removed(seq, number)),
            None if self.founded_here && self.verdict.before_chain > 0 => {
                Ok(Outcome::Broken(Broken { flaw: Flaw::Inserted, seq: None, id: None, stretch: number }))
            }
            None => Ok(Outcome::Sound),
        }
    }

    /// What no stretch holds yet: each entry has its own code.
    async fn unclosed(&mut self, closed: i64, end: i64) -> Result<Outcome, Failure> {
        let mut place = self.before.as_ref().map_or(i64::MIN, |(last, _)| *last);
        loop {
            let page = self.page(place, end).await?;
            let twice = self.twice(&page).await?;
            for entry in &page {
                place = entry.header.seq;
                if self.before.is_none() && entry.header.mac.is_empty() {
                    self.verdict.before_chain += 1;
                    continue;
                }
                if place <= closed {
                    let next = self.verdict.head.map_or(1, |head| head.number + 1);
                    return Ok(stretch_flaw(Flaw::StretchRemoved, next));
                }
                let flaw = self.known.flaw_of(entry, None);
                let flaw = flaw.or_else(|| twice.contains(&entry.header.id).then_some(Flaw::Inserted));
                if let Some(flaw) = flaw {
                    return Ok(entry_flaw(flaw, entry, None));
                }
                self.verdict.unclosed += 1;
                self.verdict.erased += u64::from(entry.body.is_none());
            }
            if !(self.progress)(self.verdict.entries + self.verdict.unclosed) {
                return Ok(Outcome::Enough);
            }
            if page.len() < usize::from(PAGE) {
                return Ok(Outcome::Sound);
            }
        }
    }

    async fn page(&self, after: i64, to: i64) -> Result<Vec<Sealed>, Failure> {
        let rest = "AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?";
        self.known.entries(rest, [after.into(), to.into(), i64::from(PAGE).into()]).await
    }

    /// Entries of a page that are there more than once: a copy is genuine, but for that.
    async fn twice(&self, page: &[Sealed]) -> Result<HashSet<Uuid>, Failure> {
        if page.is_empty() {
            return Ok(HashSet::new());
        }
        let places = vec!["?"; page.len()].join(",");
        let sql =
            format!("SELECT id FROM journal WHERE org_id = ? AND id IN ({places}) GROUP BY id HAVING count(*) > 1");
        let values = [self.known.org.into()].into_iter().chain(page.iter().map(|entry| entry.header.id.into()));
        let twice = Twice::find_by_statement(statement(self.known.engine, &sql, values)).all(self.known.engine).await?;
        Ok(twice.into_iter().map(|twice| twice.id).collect())
    }
}

fn stretch_flaw(flaw: Flaw, number: i64) -> Outcome {
    Outcome::Broken(Broken { flaw, seq: None, id: None, stretch: Some(number) })
}

fn entry_flaw(flaw: Flaw, entry: &Sealed, stretch: Option<i64>) -> Outcome {
    Outcome::Broken(Broken { flaw, seq: Some(entry.header.seq), id: Some(entry.header.id), stretch })
}

fn removed(seq: i64, stretch: Option<i64>) -> Outcome {
    Outcome::Broken(Broken { flaw: Flaw::Removed, seq: Some(seq), id: None, stretch })
}
