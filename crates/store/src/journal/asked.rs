//! A verification that somebody asked for: a job, whose end is an entry itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::dialect::statement;
use crate::entities::job;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::machine::Answer;
use crate::queue::{self, Ended, NewJob, Priority, Run, Spec, Step, Work};
use crate::refusals::{self, Refusal};
use crate::tx::Tx;

use super::audit::permit;
use super::{Entry, Head, Outcome, Verdict};

/// The job.
pub static VERIFICATION: Spec =
    Spec::new("audit.verify", 1).priority(Priority::High).attempts(3).within(Duration::from_secs(12 * 3600));

/// How often a job says how far it is, and sees whether it should end.
const LOOK: Duration = Duration::from_secs(1);

/// What is to be verified.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToVerify {
    /// The history of one record; without it the whole journal of the organisation.
    pub record_id: Option<Uuid>,
    /// A head that was noted earlier, as a verification tells it.
    pub head: Option<String>,
}

/// Asks for a verification. Gives the job.
///
/// # Errors
/// [`Failure::Forbidden`] for whoever may not read the log, or the database is away.
pub async fn ask_to_verify(caller: &Caller, what: ToVerify) -> Result<Answer, Failure> {
    refusals::noting(caller, Refusal::to("audit", "verify"), async {
        permit(caller)?;
        let asked = NewJob::new(&VERIFICATION, serde_json::to_value(&what).unwrap_or_default());
        let id = caller
            .write(async move |tx: &Tx<'_>| {
                let id = tx.enqueue(asked);
                let entry = Entry::access("audit.verification_asked", Outcome::Ok, Some(("job", id)));
                tx.log(entry.saying(&json!({ "record_id": what.record_id, "head": what.head })));
                Ok(id)
            })
            .await?;
        queue::asked_for(caller, id).await
    })
    .await
}

/// The last verification that was asked for.
///
/// # Errors
/// [`Failure::Forbidden`] for whoever may not read the log, [`Failure::NotFound`] where none was asked for.
pub async fn last_verification(caller: &Caller) -> Result<Answer, Failure> {
    refusals::noting(caller, Refusal::to("audit", "verify"), async {
        permit(caller)?;
        use job::Column as C;
        let last = job::Entity::find().filter(C::OrgId.eq(caller.org().id)).filter(C::Kind.eq(VERIFICATION.name()));
        let last = last.order_by_desc(C::Id).one(caller.db()).await?.ok_or(Failure::NotFound)?;
        queue::asked_for(caller, last.id).await
    })
    .await
}

/// Does it.
///
/// # Errors
/// The job is to end before, or the database is away.
pub async fn verify_asked(work: Work) -> Run {
    let what: ToVerify = work.payload()?;
    let noted = what.head.as_deref().map(str::parse::<Head>).transpose();
    let noted = noted.map_err(|error| Ended::Final { code: "head_unreadable", detail: error.to_owned() })?;
    let (gate, org) = (work.caller().gate(), work.org_id());
    let verdict = match what.record_id {
        Some(record) => gate.verify_record(org, record).await?,
        None => whole(&work, noted).await?,
    };
    if !verdict.is_sound() {
        tracing::error!(%org, "the journal of an organisation is not as it was written");
    }
    let told = told(&verdict);
    let (result, note) = (told.clone(), work.clone());
    work.caller()
        .write(async move |tx: &Tx<'_>| {
            let outcome = if verdict.is_sound() { Outcome::Ok } else { Outcome::Failed };
            tx.log(Entry::access("audit.verified", outcome, Some(("job", note.id()))).saying(&told));
            note.note(tx, Step::default().done(Some(result)));
            Ok(())
        })
        .await?;
    Ok(None)
}

#[derive(FromQueryResult)]
struct Total {
    total: i64,
}

/// Closes what is new first: the head that is told then stands for everything that was there.
async fn whole(work: &Work, noted: Option<Head>) -> Result<Verdict, Ended> {
    let caller = work.caller();
    caller.gate().close_journal().await?;
    let sql = "SELECT CAST(coalesce(sum(entries), 0) AS bigint) AS total FROM journal_stretches \
               WHERE org_id = ? AND digests IS NOT NULL";
    let total = statement(caller.db(), sql, [work.org_id().into()]);
    let total = Total::find_by_statement(total).one(caller.db()).await.map_err(Failure::from)?;
    let total = total.map(|total| total.total);
    let seen = AtomicU64::new(0);
    let mut progress = |entries: u64| seen.store(entries, Ordering::Relaxed);
    let verifying = caller.gate().verify_journal(work.org_id(), noted, &mut progress);
    let mut verifying = std::pin::pin!(verifying);
    loop {
        tokio::select! {
            verdict = &mut verifying => return Ok(verdict?),
            () = tokio::time::sleep(LOOK) => {
                work.go_on()?;
                let done = i64::try_from(seen.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
                work.save(Step::default().progress(done, total)).await?;
            }
        }
    }
}

/// A verdict as it is shown.
fn told(verdict: &Verdict) -> Value {
    let broken = verdict.broken.map(|broken| {
        json!({ "flaw": broken.flaw.key(), "seq": broken.seq, "entry_id": broken.id, "stretch": broken.stretch })
    });
    json!({
        "sound": verdict.is_sound(),
        "broken": broken,
        "entries": verdict.entries,
        "stretches": verdict.stretches,
        "unclosed": verdict.unclosed,
        "erased": verdict.erased,
        "expired_stretches": verdict.expired,
        "before_chain": verdict.before_chain,
        "head": verdict.head.map(|head| head.to_string()),
    })
}
