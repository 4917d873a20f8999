//! Two tags become one: at once where few records carry the one that goes, else as a job, a few records in each
//! transaction, so that nobody waits for a million of them.

use std::time::Duration;

use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::{Tag, unknown_reference};
use kehu_domain::record::{Record as _, Stored};
use kehu_domain::rights::Action;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::entities::{tag, tag_link};
use crate::failure::Failure;
use crate::gate::{Caller, worth_another_try};
use crate::journal::Entry;
use crate::machine::{Answer, TRIES, answer, pause, read, remove};
use crate::queue::{self, Ended, NewJob, Run, Spec, Step, Work};
use crate::refusals::{Refusal, noting};
use crate::segments;
use crate::tx::Tx;

use super::carry;

/// The job that merges where many records carry the tag that goes, and that looks once more where few did.
pub static MERGE: Spec = Spec::new("tags.merge", 1).attempts(10).within(Duration::from_secs(6 * 3600));

/// As many links are moved while the client waits.
const AT_ONCE: u64 = 200;
/// As many in a transaction of the job.
const TOGETHER: u64 = 50;
/// Servers know of a deleted tag within a second: whoever named it until then is found after so long.
const SETTLED: Duration = Duration::from_secs(5);

/// What became of a merge that was asked for.
pub enum Merged {
    /// It is done; the tag that stays.
    Done(Answer),
    /// A job does it.
    Job(Answer),
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct ToMerge {
    from: Uuid,
    into: Uuid,
    /// Whether the tag is gone, and only what still named it meanwhile is looked for.
    gone: bool,
}

impl ToMerge {
    fn job(self) -> Result<NewJob, Failure> {
        let payload = serde_json::to_value(self).map_err(|error| Failure::Internal(error.to_string()))?;
        let key = self.key();
        let job = NewJob::new(&MERGE, payload).unique(key);
        Ok(if self.gone { job.after(SETTLED) } else { job })
    }

    fn key(&self) -> String {
        let what = if self.gone { "settled" } else { "merge" };
        format!("{}:{what}:{}", MERGE.name(), self.from)
    }
}

/// Merges a tag into another: every record that carries it carries the other one instead, in its place; the tag is
/// deleted, and its name is free.
///
/// # Errors
/// [`Failure::NotFound`] or [`Failure::Forbidden`] as deleting it; [`Failure::Refused`] where the other tag is none that
/// the caller may change, or the same one; [`Failure::MergingElsewhere`] while a job merges it into another tag.
pub async fn merge(caller: &Caller, id: Uuid, into: Uuid) -> Result<Merged, Failure> {
    noting(caller, Refusal::of(Tag::KIND.name, "merge", Some(id)), async {
        caller.reach(Action::Update, Tag::KIND.name)?;
        caller.reach(Action::Delete, Tag::KIND.name)?;
        let asked = ToMerge { from: id, into, gone: false };
        let mut tries = 1;
        let done = loop {
            match caller.write(async move |tx: &Tx<'_>| begin(tx, asked).await).await {
                Err(failure) if worth_another_try(&failure) && tries < TRIES => {
                    pause(tries).await;
                    tries += 1;
                }
                done => break done?,
            }
        };
        match done {
            Begun::Done(answer) => Ok(Merged::Done(answer)),
            Begun::Asked(job) => {
                let standing = queue::standing(caller, job, &asked.key()).await?;
                queue::asked_for(caller, standing.unwrap_or(job)).await.map(Merged::Job)
            }
        }
    })
    .await
}

/// Whether the caller may merge tags at all.
///
/// # Errors
/// [`Failure::Forbidden`].
pub async fn may_merge(caller: &Caller, id: Uuid) -> Result<(), Failure> {
    noting(caller, Refusal::of(Tag::KIND.name, "merge", Some(id)), async {
        caller.reach(Action::Update, Tag::KIND.name)?;
        caller.reach(Action::Delete, Tag::KIND.name)?;
        Ok(())
    })
    .await
}

enum Begun {
    Done(Answer),
    Asked(Uuid),
}

async fn begin(tx: &Tx<'_>, asked: ToMerge) -> Result<Begun, Failure> {
    let (_, into) = both(tx, asked).await?;
    // Both tags are held: of two that ask at once the second finds the job of the first.
    if let Some(standing) = queue::asked_under(tx, &asked.key()).await? {
        let standing: ToMerge =
            serde_json::from_value(standing).map_err(|error| Failure::Internal(error.to_string()))?;
        if standing.into != asked.into {
            return Err(Failure::MergingElsewhere(standing.into));
        }
    }
    let links = tag_link::Entity::find()
        .filter(tag_link::Column::OrgId.eq(tx.org_id()))
        .filter(tag_link::Column::TagId.eq(asked.from))
        .limit(AT_ONCE + 1)
        .all(tx.db())
        .await?;
    if u64::try_from(links.len()).unwrap_or(u64::MAX) > AT_ONCE {
        return Ok(Begun::Asked(tx.enqueue(asked.job()?)));
    }
    let moved = carry::some(tx, asked.from, asked.into, AT_ONCE).await?;
    end(tx, asked, moved).await?;
    let body = answer::render_in(tx, &into).await?;
    Ok(Begun::Done(Answer::of_record(into.base.id, into.base.version, body)))
}

/// The two tags, locked in the order of their ids, so that two merges do not wait for each other.
async fn both(tx: &Tx<'_>, asked: ToMerge) -> Result<(Stored<Tag>, Stored<Tag>), Failure> {
    if asked.from == asked.into {
        return Err(Failure::refused("/into", Flaw::new(&codes::MERGE_INTO_ITSELF)));
    }
    let unknown = |failure| match failure {
        Failure::NotFound => {
            let flaw = unknown_reference(Tag::KIND.name, asked.into);
            Failure::refused("/into", flaw)
        }
        other => other,
    };
    if asked.from < asked.into {
        let (from, _) = read::for_change::<Tag>(tx, asked.from, Action::Delete).await?;
        let (into, _) = read::for_change::<Tag>(tx, asked.into, Action::Update).await.map_err(unknown)?;
        return Ok((from, into));
    }
    let into = read::for_change::<Tag>(tx, asked.into, Action::Update).await.map_err(unknown);
    let (from, _) = read::for_change::<Tag>(tx, asked.from, Action::Delete).await?;
    Ok((from, into?.0))
}

/// Deletes the tag that no record carries any more, tells the journal, and has somebody look once more.
async fn end(tx: &Tx<'_>, asked: ToMerge, moved: i64) -> Result<(), Failure> {
    let ToMerge { from, into, .. } = asked;
    segments::carry(tx, from, into).await?;
    remove::remove::<Tag>(tx, from, None).await?;
    let said = json!({ "into": into, "records": moved });
    tx.log(Entry::admin("tag.merged", Some((Tag::KIND.name, from))).saying(&said));
    tx.enqueue(ToMerge { gone: true, ..asked }.job()?);
    Ok(())
}

/// Merges, as the job.
///
/// # Errors
/// The job is to end before, one of the tags is gone, or the database is away.
pub async fn run(work: Work) -> Run {
    let asked: ToMerge = work.payload()?;
    let mut done: i64 = work.checkpoint()?.unwrap_or_default();
    loop {
        work.go_on()?;
        match step(&work, asked, done).await? {
            Progress::More(so_far) => done = so_far,
            Progress::Ended(result) => return Ok(Some(result)),
        }
    }
}

enum Progress {
    /// So many links are moved.
    More(i64),
    /// The job has ended with this.
    Ended(Value),
}

/// One transaction of the job.
async fn step(work: &Work, asked: ToMerge, done: i64) -> Result<Progress, Ended> {
    let mut tries = 1;
    loop {
        let noted = work.clone();
        let write = async move |tx: &Tx<'_>| {
            let (from, into) = (is_living(tx, asked.from).await?, is_living(tx, asked.into).await?);
            // Merged already, and restored since: it keeps what it has. Or there is nothing left to merge into.
            let over = from == asked.gone || !into;
            let moved = if over { 0 } else { carry::some(tx, asked.from, asked.into, TOGETHER).await? };
            let done = done + moved;
            if moved > 0 {
                noted.note(tx, Step::default().checkpoint(done.into()).progress(done, None));
                return Ok(Progress::More(done));
            }
            if !over && asked.gone {
                segments::carry(tx, asked.from, asked.into).await?;
            } else if !over {
                end(tx, asked, done).await?;
            }
            let result = json!({ "into": asked.into, "records": done, "merged": !over });
            noted.note(tx, Step::default().progress(done, Some(done)).done(Some(result.clone())));
            Ok(Progress::Ended(result))
        };
        match work.caller().write(write).await {
            Err(failure) if worth_another_try(&failure) && tries < TRIES => {
                pause(tries).await;
                tries += 1;
            }
            Err(failure) => return Err(failure.into()),
            Ok(progress) => return Ok(progress),
        }
    }
}

/// Whether there is such a tag; on PostgreSQL it stays so until the transaction ends.
async fn is_living(tx: &Tx<'_>, id: Uuid) -> Result<bool, Failure> {
    let row = tag::Entity::find_by_id((tx.org_id(), id)).lock_exclusive().one(tx.db()).await?;
    Ok(row.is_some_and(|row| row.deleted_at.is_none()))
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
