//! Asking for a bulk change of what a filter finds.

use kehu_domain::codes;
use kehu_domain::field::Write;
use kehu_domain::flaw::Flaw;
use kehu_domain::read::Finding;
use kehu_domain::rights::Action;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::failure::Failure;
use crate::gate::{Acting, Caller};
use crate::journal::Entry;
use crate::kept::{self, Kept};
use crate::machine::answer::is_member;
use crate::machine::{Answer, Asked, Machine, Resource, WriteOptions, is_expansion};
use crate::queue::{self, NewJob};
use crate::refusals::{Refusal, noting};
use crate::sealed_query;
use crate::tx::Tx;

use super::job::{CHANGE, ToChange};
use super::{What, rows};

/// Asks for a job that does the same to every record that a filter finds: the job, and whether it was asked for before
/// under the same idempotency key.
///
/// # Errors
/// The question or what is to be done cannot be, or the caller may do it to no record.
pub async fn ask(
    caller: &Caller,
    resource: Resource,
    question: Value,
    what: What,
    options: &WriteOptions,
) -> Result<(Answer, bool), Failure> {
    let machine = resource.0;
    let kind = machine.kind().name;
    noting(caller, Refusal::of(kind, what.verb(), None), async {
        caller.reach(Action::Read, kind)?;
        caller.reach(what.action(), kind)?;
        of_one(caller, machine, &what)?;
        let first = look(caller, machine, &question).await?;
        drop(machine.page(caller, &first).await?);
        let (job, replayed) = enqueue(caller, machine, question, what, options).await?;
        Ok((queue::asked_for(caller, job).await?, replayed))
    })
    .await
}

/// Reads the question, and counts what it compares.
pub(super) async fn look(caller: &Caller, machine: &dyn Machine, question: &Value) -> Result<Asked, Failure> {
    let mut asked = Asked::from_body(caller, machine.kind(), &in_order(question, 1, None))?;
    sealed_query::count_compared(caller, machine.kind(), &asked.filter).await?;
    asked.expand.clear();
    Ok(asked)
}

/// The question in the order in which nothing is lost: what is changed meanwhile is found again at the end.
pub(super) fn in_order(question: &Value, limit: u64, after: Option<&str>) -> Value {
    let mut question = question.clone();
    if let Some(members) = question.as_object_mut() {
        members.insert("sort".to_owned(), "updated_at".into());
        members.insert("limit".to_owned(), limit.into());
        members.insert("after".to_owned(), after.into());
    }
    question
}

/// Refuses members that records of the kind do not have: no record could take them.
fn unknown(caller: &Caller, machine: &dyn Machine, body: &Value) -> Result<(), Failure> {
    let (kind, added) = (machine.kind(), caller.org().custom(machine.kind().name));
    let mut findings = Vec::new();
    let mut note = |pointer: String, field: &str, known: Vec<&str>| {
        let flaw = Flaw::new(&codes::FIELD_UNKNOWN).with("field", field).with("known", known.join(", "));
        findings.push(Finding { pointer, flaw });
    };
    for (name, value) in body.as_object().into_iter().flatten() {
        if !is_member(kind, name) && !is_expansion(kind.name, name) {
            let written = kind.fields.iter().filter(|field| field.write != Write::Never).map(|field| field.name);
            note(format!("/change/{name}"), name, written.chain(["custom"]).collect());
        }
        for key in value.as_object().filter(|_| name == "custom").into_iter().flatten().map(|(key, _)| key) {
            if added.by_name(&format!("custom.{key}")).is_none() {
                note(format!("/change/custom/{key}"), key, added.iter().map(|field| field.key.as_str()).collect());
            }
        }
    }
    if findings.is_empty() { Ok(()) } else { Err(Failure::Refused(findings)) }
}

/// Refuses what one record alone may have, such as a phone number, and what was compared with a mask: a change of
/// thousands would try it on each.
pub(super) fn of_one(caller: &Caller, machine: &dyn Machine, what: &What) -> Result<(), Failure> {
    let What::Change(body) = what else { return Ok(()) };
    unknown(caller, machine, body)?;
    let refused = |field: &str| {
        let flaw = Flaw::new(&codes::BULK_VALUE_OF_ONE).with("field", field);
        Err(Failure::refused(format!("/change/{}", field.replace('.', "/")), flaw))
    };
    let alone =
        |body: &Value| !machine.brought_keys(caller, body).is_empty() || !machine.veiled(caller, body).is_empty();
    for (name, value) in body.as_object().into_iter().flatten() {
        match value.as_object().filter(|_| name == "custom") {
            Some(custom) => {
                for (key, value) in custom {
                    if alone(&json!({ "custom": { key: value } })) {
                        return refused(&format!("custom.{key}"));
                    }
                }
            }
            None if alone(&json!({ name: value })) => return refused(name),
            None => {}
        }
    }
    Ok(())
}

async fn enqueue(
    caller: &Caller,
    machine: &dyn Machine,
    question: Value,
    what: What,
    options: &WriteOptions,
) -> Result<(Uuid, bool), Failure> {
    let kind = machine.kind().name;
    let asked = ToChange { kind: kind.to_owned(), question, what: what.clone(), acting: Acting::of(caller)? };
    let payload = serde_json::to_value(&asked).map_err(|error| Failure::Internal(error.to_string()))?;
    let idempotency = options.idempotency.clone();
    caller
        .write(async move |tx: &Tx<'_>| {
            if let Some(idempotency) = &idempotency
                && let Some(kept) = kept::find(tx, idempotency, 0, Vec::new()).await?
            {
                let job = kept.location.and_then(|id| Uuid::try_parse(&id).ok());
                return Ok((job.ok_or(Failure::NotFound)?, true));
            }
            let job = tx.enqueue(NewJob::new(&CHANGE, payload));
            rows::begin(tx, job, kind, &what).await?;
            let said = json!({ "kind": kind, "what": what.verb() });
            tx.log(Entry::admin("bulk.asked", Some(("job", job))).saying(&said));
            if let Some(idempotency) = &idempotency {
                let kept = Kept { status: 202, location: Some(job.to_string()), body: String::new() };
                kept::keep(tx, idempotency, 0, &kept)?;
            }
            Ok((job, false))
        })
        .await
}
