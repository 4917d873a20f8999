//! Undoing a bulk change: what it changed is as before again, but for what somebody changed since.

use std::time::Duration;

use kehu_domain::field::Write;
use kehu_domain::rights::{Action, CUSTOM};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::entities::bulk_record;
use crate::failure::Failure;
use crate::gate::{Acting, Caller, worth_another_try};
use crate::journal::{self, Entry};
use crate::machine::several::{self, Step};
use crate::machine::{Answer, Machine, TRIES, Work as Doings, pause};
use crate::queue::{self, Ended, NewJob, Run, Spec, Work};
use crate::refusals::{Refusal, noting};
use crate::tx::Tx;

use super::job::machine_of;
use super::rows::{self, Became, Status, Told};
use super::{CHUNK, may, on_behalf};

/// The job that undoes a bulk change.
pub static UNDO: Spec = Spec::new("bulk.undo", 1).attempts(10).within(Duration::from_secs(6 * 3600));

/// The values that a record had are not in the journal any more.
const VALUES_GONE: &str = "values_gone";

/// What is asked.
#[derive(Serialize, Deserialize)]
struct ToUndo {
    job: Uuid,
    acting: Acting,
}

/// How far it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Place {
    at: i64,
    undone: i64,
    left: i64,
}

fn key(job: Uuid) -> String {
    format!("{}:{job}", UNDO.name())
}

/// Asks for a job that undoes a bulk change; while one does, for that one.
///
/// # Errors
/// There is no such job within reach, or it is no bulk change that has ended.
pub async fn ask_to_undo(caller: &Caller, job: Uuid) -> Result<Answer, Failure> {
    noting(caller, Refusal::of("job", "undo", Some(job)), async {
        queue::created_by(caller, Action::Update, job).await?;
        let payload = serde_json::to_value(ToUndo { job, acting: Acting::of(caller)? });
        let payload = payload.map_err(|error| Failure::Internal(error.to_string()))?;
        let asked = caller
            .write(async move |tx: &Tx<'_>| {
                let ended = queue::has_ended(tx, job).await?.ok_or(Failure::NotFound)?;
                let change = rows::of_job(tx.db(), tx.org_id(), job).await?.ok_or(Failure::NotUndoable)?;
                if !ended {
                    return Err(Failure::NotUndoable);
                }
                for action in [Action::Read, action(&change.verb)] {
                    tx.caller().reach(action, &change.kind)?;
                }
                tx.log(Entry::admin("bulk.undo_asked", Some(("job", job))));
                Ok(tx.enqueue(NewJob::new(&UNDO, payload).unique(key(job))))
            })
            .await?;
        let standing = queue::standing(caller, asked, &key(job)).await?;
        queue::asked_for(caller, standing.unwrap_or(asked)).await
    })
    .await
}

/// The right that was used, and is needed to undo it.
fn action(verb: &str) -> Action {
    if verb == "delete" { Action::Delete } else { Action::Update }
}

/// Runs the job.
///
/// # Errors
/// The job is to end before, whoever asked may not do it any more, or the database is away.
pub async fn run(work: Work) -> Run {
    let asked: ToUndo = work.payload()?;
    let gone = || Ended::Final { code: "change_gone", detail: "the bulk change is not kept any more".to_owned() };
    let change = rows::of_job(work.caller().db(), work.org_id(), asked.job).await?.ok_or_else(gone)?;
    let (machine, action) = (machine_of(&change.kind)?, action(&change.verb));
    let mut place: Place = work.checkpoint()?.unwrap_or_default();
    loop {
        work.go_on()?;
        match part(&work, machine, action, &asked, &place).await? {
            Some(next) => place = next,
            None => break,
        }
    }
    Ok(Some(json!({ "job": asked.job, "kind": change.kind, "undone": place.undone, "left": place.left })))
}

async fn part(
    work: &Work,
    machine: &'static dyn Machine,
    action: Action,
    asked: &ToUndo,
    place: &Place,
) -> Result<Option<Place>, Ended> {
    let mut tries = 1;
    loop {
        let caller = on_behalf(work, &asked.acting).await?;
        may(&caller, action, machine.kind().name)?;
        let (noted, job, place) = (work.clone(), asked.job, place.clone());
        let write = async move |tx: &Tx<'_>| part_in(tx, machine, action, (job, place), &noted).await;
        match caller.write(write).await {
            Err(failure) if worth_another_try(&failure) && tries < TRIES => {
                pause(tries).await;
                tries += 1;
            }
            done => return Ok(done?),
        }
    }
}

/// One transaction.
async fn part_in(
    tx: &Tx<'_>,
    machine: &'static dyn Machine,
    action: Action,
    (job, mut place): (Uuid, Place),
    work: &Work,
) -> Result<Option<Place>, Failure> {
    let found = rows::next(tx, job, Status::Changed, (place.at, CHUNK)).await?;
    let Some(last) = found.last().map(|row| row.place) else { return Ok(None) };
    several::lock(tx, Vec::new()).await?;
    let mut became = Vec::with_capacity(found.len());
    for row in found {
        let one = match action {
            Action::Delete => restore(tx, machine, &row).await?,
            _ => change_back(tx, machine, &row).await?,
        };
        match one.status {
            Status::Undone => place.undone += 1,
            _ => place.left += 1,
        }
        became.push((row, one));
    }
    rows::put(tx, became).await?;
    place.at = last;
    work.note(tx, queue::Step::default().checkpoint(json!(place)).progress(place.undone + place.left, None));
    Ok(Some(place))
}

fn left(row: &bulk_record::Model, told: Told) -> Became {
    Became { status: Status::Left, version: row.version, told: Some(told) }
}

async fn restore(tx: &Tx<'_>, machine: &'static dyn Machine, row: &bulk_record::Model) -> Result<Became, Failure> {
    let step = Step { machine, work: Doings::Restore(row.record_id), expected: row.version };
    match step.run(tx, false, true).await.settled()?.done {
        Ok(did) => Ok(Became { status: Status::Undone, version: did.version, told: None }),
        Err(failure) => Ok(left(row, Told::of(&failure)?)),
    }
}

/// Gives a record the values that it had before, but for those of fields that somebody changed since.
async fn change_back(tx: &Tx<'_>, machine: &'static dyn Machine, row: &bulk_record::Model) -> Result<Became, Failure> {
    let (id, version) = (row.record_id, row.version.unwrap_or_default());
    let Some(mut body) = journal::before(tx, id, version).await?.map(|before| as_patch(machine, before)) else {
        return Ok(left(row, Told::code(VALUES_GONE)));
    };
    let mut stay: Option<Told> = None;
    loop {
        if body.is_empty() {
            return Ok(left(row, stay.unwrap_or_else(|| Told::code(VALUES_GONE))));
        }
        let work = Doings::Update(id, Value::Object(body.clone()));
        let step = Step { machine, work, expected: Some(version) };
        match step.run(tx, false, true).await.settled()?.done {
            Ok(did) => {
                let status = if stay.is_some() { Status::Left } else { Status::Undone };
                return Ok(Became { status, version: did.version, told: stay });
            }
            Err(failure @ Failure::Conflict(_)) if stay.is_none() => {
                let told = Told::of(&failure)?;
                told.fields.iter().for_each(|field| leave_out(&mut body, field));
                stay = Some(told);
            }
            Err(failure) => return Ok(left(row, Told::of(&failure)?)),
        }
    }
}

fn leave_out(body: &mut Map<String, Value>, field: &str) {
    match field.strip_prefix("custom.") {
        None => drop(body.remove(field)),
        Some(key) => {
            let custom = body.get_mut(CUSTOM).and_then(Value::as_object_mut);
            let is_empty = custom.is_some_and(|custom| {
                custom.remove(key);
                custom.is_empty()
            });
            if is_empty {
                body.remove(CUSTOM);
            }
        }
    }
}

/// What the journal says of a record as a patch says it: what follows from other fields follows again.
fn as_patch(machine: &dyn Machine, before: Map<String, Value>) -> Map<String, Value> {
    let (mut body, mut custom) = (Map::new(), Map::new());
    for (name, value) in before {
        if let Some(key) = name.strip_prefix("custom.") {
            custom.insert(key.to_owned(), value);
            continue;
        }
        let field = machine.kind().field(&name);
        if field.is_some_and(|field| matches!(field.write, Write::Always | Write::Transfer)) {
            body.insert(name, without_ids(value));
        }
    }
    if !custom.is_empty() {
        body.insert(CUSTOM.to_owned(), custom.into());
    }
    body
}

/// Elements whose values are known are made anew: those of these ids are gone.
fn without_ids(mut value: Value) -> Value {
    for item in value.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        if item.contains_key("value") {
            item.remove("id");
            item.remove("verified_at");
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use crate::registry;

    use super::*;

    #[test]
    fn what_the_journal_says_is_a_patch_of_what_can_be_written() {
        let before = json!({
            "stage": "potential", "contact_count": 3, "initial": "Q", "remark": null, "custom.output": 3,
            "phones": [{"id": "x", "value": "+8613800138000", "label": "work", "verified_at": null}],
        });
        let Value::Object(before) = before else { unreachable!() };
        let mut body = as_patch(registry::machine("customer").unwrap(), before);
        let expected = json!({
            "stage": "potential", "remark": null, "custom": {"output": 3},
            "phones": [{"value": "+8613800138000", "label": "work"}],
        });
        assert_eq!(Value::Object(body.clone()), expected);
        for field in ["stage", "custom.output", "custom.none", "phones", "remark"] {
            leave_out(&mut body, field);
        }
        assert!(body.is_empty(), "{body:?}");
    }
}
