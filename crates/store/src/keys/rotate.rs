//! The jobs of a rotation. Killed anywhere, a rotation goes on where it stood: what is done is said by the roots' states,
//! and where the walk is by the job's checkpoint, which commits together with what was sealed.

use std::time::{Duration, Instant};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::crypto::roots::{Purpose, RootState};
use crate::entities::{kept_answer, tenant_key};
use crate::failure::Failure;
use crate::gate::{Gate, RequestInfo};
use crate::journal::Entry;
use crate::kept;
use crate::queue::{Ended, NewJob, Run, Spec, Step, Work};
use crate::tx::Tx;

use super::begin::{announce, begin, make_primary, retire};
use super::{reindex, reseal};

/// The job that takes a new root into use.
pub static ROTATION: Spec = Spec::new("keys.rotate", 1).attempts(20).within(Duration::from_secs(7 * 86_400));

/// The job that retires the root of an index once nothing kept under it counts any more.
pub static RETIREMENT: Spec = Spec::new("keys.retire", 1).attempts(20);

/// So long after a root was made every server that runs knows it: what they know is a second old at most.
const KNOWN: Duration = if cfg!(test) { Duration::from_millis(10) } else { Duration::from_millis(2500) };

/// What is asked of a rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rotation {
    /// `enc` or `index`.
    pub(super) purpose: String,
    /// The new root.
    pub(super) key_id: i64,
    /// Whether what is under older roots is sealed anew; a root that reached its limit still opens.
    pub(super) reseals: bool,
}

/// What is asked of a retirement.
#[derive(Debug, Serialize, Deserialize)]
struct Retirement {
    /// The primary root of the index; those before it retire.
    key_id: i64,
    /// When it became that, milliseconds since 1970.
    since: i64,
}

impl Gate {
    /// Makes an organisation another root to seal with and asks for the job that takes it into use and seals everything
    /// anew. Gives the job; where a rotation is under way already, its job.
    ///
    /// # Errors
    /// There is no such organisation, or the database is away.
    pub async fn rotate_keys(&self, org: Uuid) -> Result<Uuid, Failure> {
        begin(&self.system(org, RequestInfo::of_program("command", self.now())).await?, Purpose::Enc, true).await
    }

    /// The same for the root of the index of sealed values.
    ///
    /// # Errors
    /// As for [`rotate_keys`](Self::rotate_keys).
    pub async fn reindex_keys(&self, org: Uuid) -> Result<Uuid, Failure> {
        begin(&self.system(org, RequestInfo::of_program("command", self.now())).await?, Purpose::Index, true).await
    }
}

/// Takes a new root into use.
///
/// # Errors
/// The job is to end before, something is left that does not open, or the database is away.
pub async fn rotate(work: Work) -> Run {
    let asked: Rotation = work.payload()?;
    let root = u32::try_from(asked.key_id).unwrap_or_default();
    match Purpose::from_stored(&asked.purpose) {
        Some(Purpose::Enc) => {
            take_into_use(&work, Purpose::Enc, asked.key_id).await?;
            if asked.reseals { all_cells(&work, root).await } else { Ok(Some(json!({ "key_id": root }))) }
        }
        Some(Purpose::Index) => {
            take_into_use(&work, Purpose::Index, asked.key_id).await?;
            all_entries(&work, root).await
        }
        Some(Purpose::Chain) | None => {
            Err(Ended::Final { code: "purpose_unknown", detail: format!("{} is not rotated", asked.purpose) })
        }
    }
}

/// Every server is to know a root before one of them seals with it. Counted from here on: clocks of servers differ.
async fn take_into_use(work: &Work, purpose: Purpose, key_id: i64) -> Result<(), Ended> {
    let gate = work.caller().gate();
    let row = tenant_key::Entity::find_by_id((work.org_id(), key_id, purpose.as_str().to_owned()));
    let row = row.one(work.caller().db()).await.map_err(Failure::from)?;
    let row = row.ok_or_else(|| Ended::Final { code: "root_missing", detail: format!("there is no root {key_id}") })?;
    if row.state != RootState::Active.as_str() {
        // An earlier run may have ended before it said so.
        return Ok(announce(gate, work.org_id()).await?);
    }
    let begun = Instant::now();
    while begun.elapsed() < KNOWN {
        work.go_on()?;
        tokio::time::sleep(KNOWN.min(Duration::from_millis(100))).await;
    }
    make_primary(gate, work.org_id(), purpose, key_id).await?;
    Ok(())
}

fn checkpoint<T: DeserializeOwned + Default>(work: &Work) -> Result<T, Ended> {
    Ok(work.checkpoint()?.unwrap_or_default())
}

async fn all_cells(work: &Work, root: u32) -> Run {
    let place = reseal::reseal(work, checkpoint(work)?).await?;
    let (note, unreadable) = (work.clone(), place.unreadable);
    let told = work.caller().write(async move |tx: &Tx<'_>| {
        let retired = if place.unreadable == 0 { retire(tx, Purpose::Enc, i64::from(root)).await? } else { Vec::new() };
        let told = json!({ "purpose": "enc", "key_id": root, "resealed": place.done, "unreadable": place.unreadable,
                           "retired": retired });
        tx.log(Entry::admin("keys.rotated", None).saying(&told));
        if place.unreadable == 0 {
            note.note(tx, Step::default().done(Some(told)));
        }
        Ok(())
    });
    told.await?;
    if unreadable == 0 {
        return Ok(None);
    }
    // Another attempt would find the same.
    let detail = format!("{unreadable} cells do not open, so the roots before {root} stay: see the log");
    Err(Ended::Final { code: "cells_unreadable", detail })
}

async fn all_entries(work: &Work, root: u32) -> Run {
    let mut place: reindex::Place = checkpoint(work)?;
    let since = *place.since.get_or_insert_with(|| work.caller().gate().now().timestamp_millis());
    let place = reindex::reindex(work, place).await?;
    let note = work.clone();
    work.caller()
        .write(async move |tx: &Tx<'_>| {
            let told = json!({ "purpose": "index", "key_id": root, "reindexed": place.done });
            tx.log(Entry::admin("keys.rotated", None).saying(&told));
            let retirement = json!(Retirement { key_id: i64::from(root), since });
            let later = Duration::from_secs(u64::try_from(kept::HOURS + 1).unwrap_or(25) * 3600);
            tx.enqueue(NewJob::new(&RETIREMENT, retirement).after(later));
            note.note(tx, Step::default().done(Some(told)));
            Ok(())
        })
        .await?;
    Ok(None)
}

/// Retires the roots of the index before the primary one, when nothing is left under them; where answers are kept under
/// them still, asks for the same an hour later.
///
/// # Errors
/// The index has entries under them, or the database is away.
pub async fn retire_index(work: Work) -> Run {
    let Retirement { key_id, since } = work.payload()?;
    let since = chrono::DateTime::from_timestamp_millis(since).unwrap_or_default();
    let kept = kept_answer::Entity::find().filter(kept_answer::Column::OrgId.eq(work.org_id()));
    let kept = kept.filter(kept_answer::Column::CreatedAt.lte(since)).limit(1);
    let kept = kept.one(work.caller().db()).await.map_err(Failure::from)?.is_some();
    let root = u32::try_from(key_id).unwrap_or_default();
    if reindex::left(&work, root).await? > 0 {
        let detail = "the index has entries under a root before: `kehu keys reindex` moves them".to_owned();
        return Err(Ended::Failed { code: "entries_left", detail });
    }
    let note = work.clone();
    work.caller()
        .write(async move |tx: &Tx<'_>| {
            // Answers of a job are kept for as long as it may be tried again.
            let retired = if kept { Vec::new() } else { retire(tx, Purpose::Index, key_id).await? };
            if kept {
                let again = json!(Retirement { key_id, since: since.timestamp_millis() });
                tx.enqueue(NewJob::new(&RETIREMENT, again).after(Duration::from_secs(3600)));
            }
            note.note(tx, Step::default().done(Some(json!({ "retired": retired }))));
            Ok(())
        })
        .await?;
    Ok(None)
}
