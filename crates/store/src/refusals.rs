//! What somebody who is signed in was not let see or do, for the journal.
//!
//! A refusal costs who asks for it nothing, so that what is written must not grow with them: of a user and an hour the
//! first 60 are journaled, then one entry says that others are not, counted on each server by itself. A refusal that
//! cannot be journaled is logged, and answered all the same.

use kehu_domain::codes;
use kehu_domain::flaw::Code;
use serde_json::json;
use uuid::Uuid;

use crate::failure::Failure;
use crate::gate::Caller;
use crate::journal::{Entry, Outcome};
use crate::tx::Tx;

/// How many refusals of a user and an hour are journaled.
const TOLD: u32 = 60;

/// Codes of fields that the caller has no right to write.
const OF_RIGHTS: [&Code; 3] = [&codes::OWNER_OUT_OF_REACH, &codes::FIELD_HIDDEN, &codes::PASSWORD_OWN];

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    what: &'static str,
    verb: &'static str,
    /// The kind and, where it was named, the id.
    kind: Option<&'static str>,
    id: Option<Uuid>,
}

impl Refusal {
    /// Doing something to records of a kind; `id` is the one that was named.
    pub(crate) fn of(kind: &'static str, verb: &'static str, id: Option<Uuid>) -> Self {
        Self { what: kind, verb, kind: Some(kind), id }
    }

    /// Doing something that is about no record.
    pub(crate) fn to(what: &'static str, verb: &'static str) -> Self {
        Self { what, verb, kind: None, id: None }
    }
}

/// Does it, and journals where the caller had no right to.
pub(crate) async fn noting<T>(
    caller: &Caller,
    refusal: Refusal,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let done = work.await;
    if let Err(failure) = &done {
        note(caller, refusal, std::iter::once(failure)).await;
    }
    done
}

/// Journals once that some of the failures of a request were refusals.
pub(crate) async fn note(caller: &Caller, refusal: Refusal, failures: impl Iterator<Item = &Failure>) {
    let Some(user) = caller.principal().accountable() else { return };
    let (mut refused, mut fields) = (false, Vec::new());
    for failure in failures {
        refused |= matches!(failure, Failure::Forbidden | Failure::RightMissing(_));
        let Failure::Refused(findings) = failure else { continue };
        let by_right = findings.iter().filter(|finding| OF_RIGHTS.contains(&finding.flaw.code));
        for field in by_right.filter_map(|finding| finding.pointer.rsplit('/').next().map(str::to_owned)) {
            if !fields.contains(&field) {
                fields.push(field);
            }
        }
    }
    if !refused && fields.is_empty() {
        return;
    }
    let now = caller.gate().now();
    let entry = match caller.gate().refusals().count((caller.org().id, user), now) {
        1..=TOLD => {
            let Refusal { what, verb, kind, id } = refusal;
            let entry = Entry::access(&format!("{what}.{verb}_refused"), Outcome::Denied, None);
            let entry = Entry { kind, record_id: id, ..entry };
            if fields.is_empty() { entry } else { entry.saying(&json!({ "fields": fields })) }
        }
        more if more == TOLD + 1 => {
            let entry =
                Entry::access("refusals.not_recorded", Outcome::Denied, Some((caller.principal().kind(), user)));
            entry.saying(&json!({ "recorded": TOLD }))
        }
        _ => return,
    };
    write(caller, entry).await;
}

/// Writes an entry in a transaction of its own; where that fails, the log has it.
pub(crate) async fn write(caller: &Caller, entry: Entry) {
    let event = entry.event.clone();
    let job = async move |tx: &Tx<'_>| {
        tx.log(entry);
        Ok(())
    };
    if let Err(failure) = caller.write(job).await {
        tracing::warn!(event, cause = %failure, "not journaled");
    }
}
