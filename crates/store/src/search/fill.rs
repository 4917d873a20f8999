//! Writing documents anew that an older program left, or never wrote: their text is missing. No writer waits: a record
//! that somebody is changing is passed over and looked at again. What is left to do stands in the table itself, so that
//! a run that was killed goes on where it was.

use std::collections::BTreeMap;
use std::time::Duration;

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::dialect::statement;
use crate::failure::Failure;
use crate::gate::RequestInfo;
use crate::org::INSTALLATION;
use crate::queue::{Ended, NewJob, Priority, Run, Spec, Step, Work, enqueue};
use crate::registry;
use crate::tx::Tx;

/// The job that looks for organisations with documents to be written anew.
pub static LOOK: Spec = Spec::new("search.look", 1).priority(Priority::Low);

/// The job that writes the documents of an organisation anew.
pub static FILLING: Spec =
    Spec::new("search.fill", 1).priority(Priority::Low).attempts(10).within(Duration::from_secs(6 * 3600));

/// Records that are looked up at once, and written in one transaction.
const AHEAD: usize = 500;
const TOGETHER: usize = 100;
/// Passes over what was locked, before it is left to the next look.
const PASSES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(250);

/// Asks for the job of every organisation that has documents to be written anew.
///
/// # Errors
/// The database is away.
pub async fn look(work: Work) -> Run {
    let gate = work.caller().gate();
    let (mut after, mut asked) = (Uuid::nil(), 0_u64);
    loop {
        let sql = "SELECT org_id FROM search_text WHERE text IS NULL AND org_id > ? ORDER BY org_id LIMIT 1";
        let row = gate.engine().query_one_raw(statement(gate.engine(), sql, [after.into()])).await;
        let Some(row) = row.map_err(Failure::from)? else { break };
        after = row.try_get("", "org_id").map_err(Failure::from)?;
        let caller = gate.system(after, RequestInfo::of_program("job", gate.now())).await?;
        enqueue(&caller, NewJob::new(&FILLING, Value::Null).unique(FILLING.name())).await?;
        asked += 1;
    }
    Ok(Some(json!({ "organisations": asked })))
}

/// Writes the documents of an organisation anew.
///
/// # Errors
/// The database is away, or somebody wants the job to end.
pub async fn fill(work: Work) -> Run {
    let mut done = 0;
    for _ in 0..PASSES {
        let before = done;
        let mut after = Uuid::nil();
        loop {
            let left = unfilled(work.caller().db(), work.org_id(), after).await?;
            let Some((last, _)) = left.last() else { break };
            after = *last;
            for some in left.chunks(TOGETHER) {
                work.go_on()?;
                done = some_of(&work, some.to_vec(), done).await?;
            }
        }
        if after.is_nil() {
            break;
        }
        if done == before {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(Some(json!({ "documents": done })))
}

async fn some_of(work: &Work, left: Vec<(Uuid, String)>, done: i64) -> Result<i64, Ended> {
    let mut kinds: BTreeMap<String, Vec<Uuid>> = BTreeMap::new();
    for (record, kind) in left {
        kinds.entry(kind).or_default().push(record);
    }
    let note = work.clone();
    let write = async move |tx: &Tx<'_>| {
        let mut done = done;
        for (kind, ids) in kinds {
            let Some(machine) = registry::machine(&kind) else {
                return Err(Failure::Internal(format!("documents have a kind {kind}")));
            };
            let written = machine.redocument(tx, ids).await?;
            done = done.saturating_add(i64::try_from(written).unwrap_or(i64::MAX));
        }
        note.note(tx, Step::default().progress(done, None));
        Ok(done)
    };
    Ok(work.caller().write(write).await?)
}

async fn unfilled(db: &impl ConnectionTrait, org: Uuid, after: Uuid) -> Result<Vec<(Uuid, String)>, Failure> {
    let sql = format!(
        "SELECT record_id, kind FROM search_text WHERE text IS NULL AND org_id = ? AND record_id > ? \
         ORDER BY record_id LIMIT {AHEAD}"
    );
    let rows = db.query_all_raw(statement(db, &sql, [org.into(), after.into()])).await?;
    rows.into_iter().map(|row| Ok((row.try_get("", "record_id")?, row.try_get("", "kind")?))).collect()
}

/// Whether every document of an organisation has its text.
pub(crate) async fn is_filled(db: &impl ConnectionTrait, org: Uuid) -> Result<bool, Failure> {
    if org == INSTALLATION {
        return Ok(true);
    }
    let sql = "SELECT kind FROM search_text WHERE text IS NULL AND org_id = ? LIMIT 1";
    Ok(db.query_one_raw(statement(db, sql, [org.into()])).await?.is_none())
}
