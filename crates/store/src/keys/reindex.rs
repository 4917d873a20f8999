//! Indexing sealed values anew under the primary root of the index. While it lasts a look-up asks for the buckets of
//! both roots; records are done in short transactions that wait for nobody.

use std::collections::BTreeMap;
use std::time::Duration;

use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::dialect::statement;
use crate::failure::Failure;
use crate::ops::logins;
use crate::org::INSTALLATION;
use crate::queue::{Ended, Step, Work};
use crate::registry;
use crate::tx::Tx;

/// Where the walk stands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Place {
    pass: u32,
    after: Option<Uuid>,
    /// Records indexed anew, and how many there were to do.
    pub(super) done: i64,
    total: i64,
    /// When the root became the primary one, milliseconds since 1970.
    pub(super) since: Option<i64>,
}

/// Records of one transaction.
const TOGETHER: usize = 100;
/// Passes without an end: somebody holds records locked all the time, or they do not open.
const PASSES: u32 = 20;
/// Between passes that find everything locked.
const PAUSE: Duration = Duration::from_millis(250);

/// Indexes every record anew that has entries under an older root.
pub(super) async fn reindex(work: &Work, mut place: Place) -> Result<Place, Ended> {
    let caller = work.caller();
    let root = caller.gate().fresh_ring(work.org_id()).await?.primary_index();
    loop {
        if place.after.is_none() {
            place.total = place.done.saturating_add(left(work, root).await?);
            work.save(step(&place)).await?;
        }
        let before = place.done;
        while let Some(batch) = next(work, root, place.after).await? {
            place.after = Some(batch.last);
            let (mut next, note) = (place.clone(), work.clone());
            let done = caller.write(async move |tx: &Tx<'_>| {
                let done = again(tx, batch.records).await?;
                next.done = next.done.saturating_add(i64::try_from(done).unwrap_or(i64::MAX));
                note.note(tx, step(&next));
                Ok(next.done)
            });
            place.done = done.await?;
        }
        let left = left(work, root).await?;
        if left == 0 {
            return Ok(place);
        }
        place = Place { pass: place.pass + 1, after: None, ..place };
        if place.pass >= PASSES {
            // Another attempt begins with the first record.
            work.save(step(&Place { pass: 0, ..place })).await?;
            let detail = format!("{left} records have entries under an older root: they do not open, or are locked");
            return Err(Ended::Failed { code: "records_left", detail });
        }
        if place.done == before {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn step(place: &Place) -> Step {
    let total = place.total.max(place.done);
    Step::default().checkpoint(serde_json::json!(place)).progress(place.done, Some(total))
}

/// Records by kind and by the organisation that they are of.
type Records = BTreeMap<(String, Uuid), Vec<Uuid>>;

/// Records that have entries under an older root, and the last record that was looked at.
struct Batch {
    last: Uuid,
    records: Records,
}

/// The next records with entries under an older root; none, and nothing more to look at, at the end.
async fn next(work: &Work, root: u32, mut after: Option<Uuid>) -> Result<Option<Batch>, Ended> {
    let (db, org) = (work.caller().db(), work.org_id());
    while let Some(look) = look(db, org, after).await? {
        work.go_on()?;
        let mut records = Records::new();
        let mut many = 0;
        for entry in look.entries.into_iter().filter(|entry| entry.root < i64::from(root)) {
            // Sign-in names of users: what those hang on is their organisation.
            let of = if org == INSTALLATION { entry.parent } else { org };
            let ids = records.entry((entry.kind, of)).or_default();
            if ids.last() != Some(&entry.record) {
                ids.push(entry.record);
                many += 1;
            }
            if many == TOGETHER {
                return Ok(Some(Batch { last: entry.record, records }));
            }
        }
        if many > 0 {
            return Ok(Some(Batch { last: look.last, records }));
        }
        after = Some(look.last);
    }
    Ok(None)
}

/// How many records have entries under an older root.
pub(super) async fn left(work: &Work, root: u32) -> Result<i64, Ended> {
    let (db, org) = (work.caller().db(), work.org_id());
    let (mut after, mut many) = (None, 0);
    while let Some(look) = look(db, org, after).await? {
        work.go_on()?;
        let mut records: Vec<Uuid> =
            look.entries.iter().filter(|entry| entry.root < i64::from(root)).map(|entry| entry.record).collect();
        records.dedup();
        many += i64::try_from(records.len()).unwrap_or(i64::MAX);
        after = Some(look.last);
    }
    Ok(many)
}

/// Entries of records that stand one after the other, each record with all of its entries.
struct Look {
    entries: Vec<Entry>,
    last: Uuid,
}

struct Entry {
    record: Uuid,
    kind: String,
    parent: Uuid,
    root: i64,
}

/// Entries of one look: more than any record has.
const LOOK: usize = 4000;

async fn look(db: &impl ConnectionTrait, org: Uuid, after: Option<Uuid>) -> Result<Option<Look>, Failure> {
    let sql = format!(
        "SELECT record_id, kind, parent_id, key_id FROM pii_index WHERE org_id = ? AND record_id > ? \
         ORDER BY record_id LIMIT {LOOK}"
    );
    let mut entries = Vec::new();
    for row in db.query_all_raw(statement(db, &sql, [org.into(), after.unwrap_or_default().into()])).await? {
        entries.push(Entry {
            record: row.try_get("", "record_id")?,
            kind: row.try_get("", "kind")?,
            parent: row.try_get("", "parent_id")?,
            root: row.try_get("", "key_id")?,
        });
    }
    let last = entries.last().map(|entry| entry.record);
    if entries.len() == LOOK {
        // The last one may have more.
        entries.retain(|entry| Some(entry.record) != last);
    }
    Ok(entries.last().map(|entry| entry.record).map(|last| Look { entries, last }))
}

async fn again(tx: &Tx<'_>, records: Records) -> Result<u64, Failure> {
    let mut done = 0;
    for ((kind, org), ids) in records {
        done += if tx.org_id() == INSTALLATION {
            logins::reindex(tx, org, &ids).await?
        } else {
            let machine = registry::machine(&kind);
            machine.ok_or_else(|| Failure::Internal(format!("the index has a kind {kind}")))?.reindex(tx, ids).await?
        };
    }
    Ok(done)
}
