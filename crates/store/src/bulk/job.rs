//! The job of a bulk change: first it finds the records and notes them, then it does what was asked to each, a hundred in
//! a transaction. What was done and that it was done commit together, so that a run that was killed goes on behind it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::dialect::statement;
use crate::engine::Kind as Column;
use crate::entities::bulk_record;
use crate::failure::Failure;
use crate::gate::{Acting, worth_another_try};
use crate::machine::read::count;
use crate::machine::several::{self, Outcome, Step};
use crate::machine::{Asked, Machine, TRIES, pause};
use crate::queue::{self, Ended, Run, Spec, Work};
use crate::registry;
use crate::tx::Tx;
use sea_orm::ConnectionTrait as _;

use super::ask::in_order;
use super::rows::{self, Became, Status, Told};
use super::{CHUNK, What, may, on_behalf};

/// The job that changes what a filter finds.
pub static CHANGE: Spec = Spec::new("bulk.change", 1).attempts(10).within(Duration::from_secs(6 * 3600));

/// Records that one look finds.
const LOOK: u64 = 500;

/// What is asked.
#[derive(Serialize, Deserialize)]
pub(super) struct ToChange {
    pub(super) kind: String,
    /// Filter and words, as the request said them.
    pub(super) question: Value,
    pub(super) what: What,
    pub(super) acting: Acting,
}

/// How far it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Place {
    /// Where the next records are found.
    after: Option<String>,
    /// How many places were given.
    found: i64,
    /// How many records there are, once all are found.
    total: Option<i64>,
    /// The last place that was dealt with.
    at: i64,
    done: Counts,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Counts {
    changed: i64,
    unchanged: i64,
    refused: i64,
}

impl Counts {
    fn all(self) -> i64 {
        self.changed + self.unchanged + self.refused
    }

    fn add(&mut self, status: Status) {
        match status {
            Status::Changed => self.changed += 1,
            Status::Unchanged => self.unchanged += 1,
            _ => self.refused += 1,
        }
    }
}

/// The machine of a kind that a payload names.
pub(super) fn machine_of(kind: &str) -> Result<&'static dyn Machine, Ended> {
    let gone = || Ended::Final { code: "kind_unknown", detail: format!("there is no kind {kind}") };
    registry::machine(kind).ok_or_else(gone)
}

/// Runs the job.
///
/// # Errors
/// The job is to end before, whoever asked may not do it any more, or the database is away.
pub async fn run(work: Work) -> Run {
    let asked: ToChange = work.payload()?;
    let machine = machine_of(&asked.kind)?;
    let mut place: Place = work.checkpoint()?.unwrap_or_default();
    while place.total.is_none() {
        work.go_on()?;
        place = find(&work, machine, &asked, place).await?;
    }
    loop {
        work.go_on()?;
        match change(&work, machine, &asked, &place).await? {
            Some(next) => place = next,
            None => break,
        }
    }
    let Counts { changed, unchanged, refused } = place.done;
    Ok(Some(json!({ "kind": asked.kind, "changed": changed, "unchanged": unchanged, "refused": refused })))
}

/// Finds some of the records and notes them.
async fn find(work: &Work, machine: &'static dyn Machine, asked: &ToChange, place: Place) -> Result<Place, Ended> {
    let caller = on_behalf(work, &asked.acting).await?;
    may(&caller, asked.what.action(), &asked.kind)?;
    let question = in_order(&asked.question, LOOK, place.after.as_deref());
    let question = Asked::from_body(&caller, machine.kind(), &question)?;
    let page = machine.page(&caller, &question).await?;
    let ids: Vec<Uuid> = page.records.iter().map(|record| record.base().id).collect();
    let (next, noted, job) = (page.next, work.clone(), work.id());
    drop(page.records);
    let write = async move |tx: &Tx<'_>| {
        let many = i64::try_from(ids.len()).unwrap_or(i64::MAX);
        rows::add(tx, job, place.found, ids).await?;
        let mut place = Place { found: place.found + many, after: next, ..place };
        if place.after.is_none() {
            let of_job = [tx.org_id().into(), job.into()];
            place.total = Some(count(tx.db(), "bulk_records WHERE org_id = ? AND job_id = ?", of_job).await?);
        }
        noted.note(tx, queue::Step::default().checkpoint(json!(place)).progress(0, place.total));
        Ok(place)
    };
    Ok(work.caller().write(write).await?)
}

/// Changes some of the records; nothing where all were.
async fn change(
    work: &Work,
    machine: &'static dyn Machine,
    asked: &ToChange,
    place: &Place,
) -> Result<Option<Place>, Ended> {
    let mut tries = 1;
    loop {
        let caller = on_behalf(work, &asked.acting).await?;
        may(&caller, asked.what.action(), &asked.kind)?;
        let (noted, what, place) = (work.clone(), asked.what.clone(), place.clone());
        let write = async move |tx: &Tx<'_>| part(tx, machine, &what, place, &noted).await;
        match caller.write(write).await {
            Err(failure) if worth_another_try(&failure) && tries < TRIES => {
                pause(tries).await;
                tries += 1;
            }
            Err(failure) => return Err(failure.into()),
            Ok(None) => return Ok(None),
            Ok(Some((place, steps, mut outcomes))) => {
                several::account(&caller, &steps, &mut outcomes).await?;
                return Ok(Some(place));
            }
        }
    }
}

type Part = (Place, Vec<Option<Step>>, Vec<Outcome>);

/// One transaction.
async fn part(
    tx: &Tx<'_>,
    machine: &'static dyn Machine,
    what: &What,
    mut place: Place,
    work: &Work,
) -> Result<Option<Part>, Failure> {
    let found = rows::next(tx, work.id(), Status::Waiting, (place.at, CHUNK)).await?;
    let Some(last) = found.last().map(|row| row.place) else { return Ok(None) };
    // What it brings is no strong key.
    several::lock(tx, Vec::new()).await?;
    let (mut became, mut steps, mut outcomes) = (Vec::new(), Vec::new(), Vec::new());
    for row in found {
        let step = what.step(machine, row.record_id);
        let outcome = step.clone().run(tx, false, true).await.settled()?;
        let one = became_of(tx, machine, &row, &outcome).await?;
        place.done.add(one.status);
        became.push((row, one));
        steps.push(Some(step));
        outcomes.push(outcome);
    }
    rows::put(tx, became).await?;
    place.at = last;
    let progress = (place.done.all(), place.total);
    work.note(tx, queue::Step::default().checkpoint(json!(place)).progress(progress.0, progress.1));
    Ok(Some((place, steps, outcomes)))
}

async fn became_of(
    tx: &Tx<'_>,
    machine: &dyn Machine,
    row: &bulk_record::Model,
    outcome: &Outcome,
) -> Result<Became, Failure> {
    match &outcome.done {
        Ok(did) => {
            let status = if did.changed { Status::Changed } else { Status::Unchanged };
            let version = match did.version {
                Some(version) => Some(version),
                None => version_of(tx, machine, row.record_id).await?,
            };
            Ok(Became { status, version, told: None })
        }
        Err(failure) => Ok(Became { status: Status::Refused, version: None, told: Some(Told::of(failure)?) }),
    }
}

/// The version of a record that was deleted.
async fn version_of(tx: &Tx<'_>, machine: &dyn Machine, id: Uuid) -> Result<Option<i64>, Failure> {
    let alias = Column::Integer.alias("version");
    let sql = format!("SELECT version AS {alias} FROM {} WHERE org_id = ? AND id = ?", machine.table());
    let row = tx.db().query_one_raw(statement(tx.db(), &sql, [tx.org_id().into(), id.into()])).await?;
    Ok(row.map(|row| row.try_get("", &alias)).transpose()?)
}
