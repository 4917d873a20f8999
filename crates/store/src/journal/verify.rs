//! Verifying an organisation's journal against its chain: from the first stretch to the last, entry by entry, then what
//! is not closed yet. It stops at the first thing that is wrong and names it.

use std::collections::HashSet;

use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::dialect::statement;
use crate::entities::journal;
use crate::entities::journal_stretch::{self, Model as Stretch};
use crate::failure::Failure;
use crate::gate::Gate;
use crate::org::INSTALLATION;

use super::chain::{self, NOTHING};
use super::known::Known;
use super::mark;
use super::verdict::{Broken, Flaw, Head, Verdict};

/// Entries that are read at once.
const PAGE: u16 = 1000;
/// Stretches that are read at once: each holds the digests of up to two thousand entries.
const STRETCHES: u64 = 50;

/// Told after each page of entries how many there were so far.
pub type Progress<'p> = &'p mut (dyn FnMut(u64) + Send);

impl Gate {
    /// Verifies the journal of an organisation. `noted` is a head that was written down elsewhere.
    ///
    /// # Errors
    /// The database is away.
    pub async fn verify_journal(
        &self,
        org: Uuid,
        noted: Option<Head>,
        progress: Progress<'_>,
    ) -> Result<Verdict, Failure> {
        loop {
            let known = Known::of(self, org, None).await?;
            let mut walk = Walk { known, noted, progress: &mut *progress, before: None, verdict: Verdict::default() };
            let found = match (&walk.known.head, walk.known.closed) {
                (Some(head), Some(closed)) => match walk.stretches(head.number).await? {
                    Outcome::Sound => walk.unclosed(closed).await?,
                    other => other,
                },
                _ => Outcome::Broken(Broken { flaw: Flaw::HeadChanged, seq: None, id: None, stretch: None }),
            };
            let Outcome::Broken(broken) = found else { return Ok(walk.verdict) };
            if !walk.known.is_outdated(self, None).await? {
                walk.verdict.broken = Some(broken);
                return Ok(walk.verdict);
            }
        }
    }
}

/// How a part of the walk ended.
enum Outcome {
    Sound,
    Broken(Broken),
}

struct Walk<'g> {
    known: Known<'g>,
    noted: Option<Head>,
    progress: Progress<'g>,
    /// The stretch before: its last place and its hash.
    before: Option<(i64, Vec<u8>)>,
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
        let hash = self.before.as_ref().map_or(NOTHING.as_slice(), |(_, hash)| hash.as_slice());
        match (&self.known.head, self.noted) {
            (Some(head), _) if head.hash != hash => Ok(stretch_flaw(Flaw::StretchChanged, last)),
            (_, Some(noted)) if noted.number > last => Ok(stretch_flaw(Flaw::StretchRemoved, noted.number)),
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
            for entry in &page {
                place = entry.seq;
                if self.known.is_before_chain(entry) {
                    self.verdict.before_chain += 1;
                    continue;
                }
                let flaw = match kept.next() {
                    Some((seq, _)) if seq < place => return Ok(removed(seq, number)),
                    Some((seq, digest)) if seq == place => self.known.flaw_of(entry, Some(digest)),
                    _ => Some(Flaw::Inserted),
                };
                if let Some(flaw) = flaw {
                    return Ok(entry_flaw(flaw, entry, number));
                }
                self.verdict.entries += 1;
                self.verdict.erased += u64::from(entry.body.is_none());
            }
            (self.progress)(self.verdict.entries);
            if page.len() < usize::from(PAGE) {
                break;
            }
        }
        match kept.next() {
            Some((seq, _)) => Ok(removed(seq, number)),
            None => Ok(Outcome::Sound),
        }
    }

    /// What no stretch holds yet: each entry has its own code. An organisation has an entry at the least, that of its
    /// beginning.
    async fn unclosed(&mut self, closed: i64) -> Result<Outcome, Failure> {
        let mut place = self.before.as_ref().map_or(i64::MIN, |(last, _)| *last);
        loop {
            // Without an end: what stands beyond the last place that was given is no entry of Kehu's.
            let page = self.page(place, i64::MAX).await?;
            let given = mark::given(self.known.engine).await?;
            let twice = self.twice(&page).await?;
            for entry in &page {
                place = entry.seq;
                if self.known.is_before_chain(entry) {
                    self.verdict.before_chain += 1;
                    continue;
                }
                if place <= closed {
                    let next = self.verdict.head.map_or(1, |head| head.number + 1);
                    return Ok(stretch_flaw(Flaw::StretchRemoved, next));
                }
                let flaw = self.known.flaw_of(entry, None);
                let flaw = flaw.or_else(|| twice.contains(&entry.id).then_some(Flaw::Inserted));
                let flaw = flaw.or_else(|| (place > given).then_some(Flaw::Moved));
                if let Some(flaw) = flaw {
                    return Ok(entry_flaw(flaw, entry, None));
                }
                self.verdict.unclosed += 1;
                self.verdict.erased += u64::from(entry.body.is_none());
            }
            (self.progress)(self.verdict.entries + self.verdict.unclosed);
            if page.len() < usize::from(PAGE) {
                break;
            }
        }
        let Verdict { stretches, expired, unclosed, before_chain, .. } = self.verdict;
        if stretches + expired + unclosed + before_chain > 0 || self.known.org == INSTALLATION {
            return Ok(Outcome::Sound);
        }
        Ok(Outcome::Broken(Broken { flaw: Flaw::Removed, seq: None, id: None, stretch: None }))
    }

    async fn page(&self, after: i64, to: i64) -> Result<Vec<journal::Model>, Failure> {
        let rest = "AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?";
        self.known.entries(rest, [after.into(), to.into(), i64::from(PAGE).into()]).await
    }

    /// Entries of a page that are there more than once: a copy is genuine, but for that.
    async fn twice(&self, page: &[journal::Model]) -> Result<HashSet<Uuid>, Failure> {
        let times = || page.iter().map(|entry| entry.at);
        let (Some(first), Some(last)) = (times().min(), times().max()) else { return Ok(HashSet::new()) };
        let places = vec!["?"; page.len()].join(",");
        // A genuine copy has its time too: PostgreSQL need not look into the tables of other months.
        let sql = format!(
            "SELECT id FROM journal WHERE org_id = ? AND at >= ? AND at <= ? AND id IN ({places}) \
             GROUP BY id HAVING count(*) > 1"
        );
        let bounds = [self.known.org.into(), first.into(), last.into()];
        let values = bounds.into_iter().chain(page.iter().map(|entry| entry.id.into()));
        let twice = statement(self.known.engine, &sql, values);
        let twice = Twice::find_by_statement(twice).all(self.known.engine).await?;
        Ok(twice.into_iter().map(|twice| twice.id).collect())
    }
}

fn stretch_flaw(flaw: Flaw, number: i64) -> Outcome {
    Outcome::Broken(Broken { flaw, seq: None, id: None, stretch: Some(number) })
}

fn entry_flaw(flaw: Flaw, entry: &journal::Model, stretch: Option<i64>) -> Outcome {
    Outcome::Broken(Broken { flaw, seq: Some(entry.seq), id: Some(entry.id), stretch })
}

fn removed(seq: i64, stretch: Option<i64>) -> Outcome {
    Outcome::Broken(Broken { flaw: Flaw::Removed, seq: Some(seq), id: None, stretch })
}
