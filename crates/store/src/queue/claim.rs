//! Taking jobs from the queue, and jobs back from servers that are gone.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, FromQueryResult};
use uuid::Uuid;

use crate::clock::new_id;
use crate::dialect::{after, now, statement, unlocked};
use crate::engine::rows::{Reads, Row};
use crate::engine::{self, Kind};
use crate::entities::job;
use crate::failure::Failure;
use crate::gate::Gate;

use super::fair::{Head, Held, Turns, order};
use super::fence::{dead_kept, finished, kept};
use super::lease::milliseconds;
use super::{Spec, State, Work};

/// Organisations that one look goes through. Where more have jobs that wait, the next look goes on behind them.
const ORGANISATIONS: usize = 200;
/// The first jobs of an organisation and priority that one look sees.
const HEADS: usize = 4;
/// How long a job waits before it counts as high, milliseconds.
const PATIENCE: i64 = 5 * 60 * 1000;
/// Leases that are taken back at once.
const EXPIRED: u64 = 100;

/// How one server claims jobs.
pub struct Claims {
    kinds: String,
    slots: usize,
    lease: Duration,
    /// Organisations that one look goes through.
    many: usize,
    /// Where the next look begins.
    from: Uuid,
    turns: Turns,
}

/// Jobs that were claimed, and whether there may be more to claim at once.
pub type Claimed = (Vec<Work>, bool);

#[derive(FromQueryResult)]
struct HeadRow {
    org_id: Uuid,
    id: Uuid,
    priority: i64,
    run_at: DateTime<Utc>,
    #[sea_orm(from_alias = "waited__bool")]
    waited: bool,
}

#[derive(FromQueryResult)]
struct Count {
    org_id: Uuid,
    #[sea_orm(from_alias = "running__int")]
    running: i64,
}

#[derive(FromQueryResult)]
struct Expired {
    org_id: Uuid,
    id: Uuid,
    lease: Uuid,
}

#[derive(FromQueryResult)]
struct Last {
    org_id: Option<Uuid>,
}

impl Claims {
    /// Claims of jobs of these kinds, for a server of so many slots, each for so long.
    #[must_use]
    pub fn new(kinds: &[&'static Spec], slots: usize, lease: Duration) -> Self {
        let kind = |spec: &&Spec| format!("(h.kind = '{}' AND h.version <= {})", spec.name, spec.version);
        let kinds: Vec<String> = kinds.iter().map(kind).collect();
        let kinds = if kinds.is_empty() { "1 = 0".to_owned() } else { kinds.join(" OR ") };
        Self { kinds, slots, lease, many: ORGANISATIONS, from: Uuid::nil(), turns: Turns::default() }
    }

    /// Claims what is due, in [order](super::fair), to fill the slots; `here` is what runs on this server, by
    /// organisation. Where nothing is due, one look at an index is all it costs.
    ///
    /// # Errors
    /// The database is away. What was claimed nevertheless comes back when its lease ends.
    pub async fn next(&mut self, gate: &Gate, here: &HashMap<Uuid, usize>) -> Result<Claimed, Failure> {
        let free = self.slots.saturating_sub(here.values().sum());
        if free == 0 || !is_due(gate).await? {
            return Ok((Vec::new(), false));
        }
        let heads = self.heads(gate).await?;
        let turned = self.turn(gate).await?;
        let held = Held { anywhere: running(gate).await?, here, slots: self.slots, turns: &self.turns };
        let heads = order(heads, held);
        if heads.is_empty() {
            return Ok((Vec::new(), turned));
        }
        // With slots left there may be more behind the heads, or another server was faster with some of them.
        let rows = self.take(gate, heads, free).await?;
        let more = rows.len() < free;
        let mut claimed = Vec::with_capacity(rows.len());
        for (row, lease) in rows {
            let (org, id) = (row.org_id, row.id);
            self.turns.take(org);
            match Work::open(gate, row, lease).await {
                Ok(work) => claimed.push(work),
                // It comes back when the lease ends, and counts as an attempt.
                Err(failure) => tracing::error!(%org, %id, cause = %failure, "a job cannot be opened"),
            }
        }
        Ok((claimed, more))
    }

    /// The same with looks of another size.
    #[cfg(test)]
    pub(super) fn looking_at(self, many: usize) -> Self {
        Self { many, ..self }
    }

    async fn heads(&self, gate: &Gate) -> Result<Vec<Head>, Failure> {
        let db = gate.engine();
        let (now, kinds) = (now(db), &self.kinds);
        let nth = |at: usize| {
            format!(
                "(SELECT h.id FROM jobs h WHERE h.state = 'queued' AND h.org_id = o.org_id AND h.priority = p.priority \
                 AND h.run_at <= {now} AND ({kinds}) ORDER BY h.run_at, h.id LIMIT 1 OFFSET {at}) AS id{at}"
            )
        };
        let nths: Vec<String> = (0..HEADS).map(nth).collect();
        let ids: Vec<String> = (0..HEADS).map(|at| format!("f.id{at}")).collect();
        let patience = after(db);
        let sql = format!(
            "WITH RECURSIVE {orgs}, \
             firsts AS MATERIALIZED (SELECT o.org_id, {nths} FROM orgs o CROSS JOIN \
             (SELECT 0 AS priority UNION ALL SELECT 1 UNION ALL SELECT 2) p WHERE o.org_id IS NOT NULL) \
             SELECT j.org_id, j.id, j.priority, j.run_at, j.run_at <= {patience} AS {waited} \
             FROM firsts f JOIN jobs j ON j.org_id = f.org_id AND j.id IN ({ids})",
            orgs = self.orgs(),
            nths = nths.join(", "),
            ids = ids.join(", "),
            waited = Kind::Bool.alias("waited"),
        );
        let rows = HeadRow::find_by_statement(statement(db, &sql, [self.from.into(), (-PATIENCE).into()])).all(db);
        let head = |row: HeadRow| {
            let HeadRow { org_id: org, id, priority, run_at, waited } = row;
            Head { org, id, priority, run_at, waited }
        };
        Ok(rows.await?.into_iter().map(head).collect())
    }

    /// Organisations that have jobs waiting, one step in the index each.
    fn orgs(&self) -> String {
        format!(
            "orgs(org_id, n) AS (\
             SELECT (SELECT org_id FROM jobs WHERE state = 'queued' AND org_id >= ? ORDER BY org_id LIMIT 1), 1 \
             UNION ALL \
             SELECT (SELECT j.org_id FROM jobs j WHERE j.state = 'queued' AND j.org_id > orgs.org_id \
             ORDER BY j.org_id LIMIT 1), orgs.n + 1 FROM orgs WHERE orgs.org_id IS NOT NULL AND orgs.n < {many})",
            many = self.many
        )
    }

    /// Moves on where one look did not go through all organisations; whether it did not.
    async fn turn(&mut self, gate: &Gate) -> Result<bool, Failure> {
        let db = gate.engine();
        let sql = format!("WITH RECURSIVE {} SELECT o.org_id FROM orgs o WHERE o.n = {}", self.orgs(), self.many);
        let last = Last::find_by_statement(statement(db, &sql, [self.from.into()])).one(db).await?;
        let before = self.from;
        self.from = last.and_then(|last| last.org_id).unwrap_or_default();
        Ok(self.from != before && !self.from.is_nil())
    }

    /// Claims the first of these that nobody else was faster with.
    async fn take(&self, gate: &Gate, heads: Vec<Head>, free: usize) -> Result<Vec<(job::Model, Uuid)>, Failure> {
        let length = milliseconds(self.lease);
        let moment = gate.now();
        gate.write_raw(async move |db: &engine::Tx| {
            let sql = format!(
                "UPDATE jobs SET state = ?, attempts = attempts + 1, lease = ?, started_at = {}, lease_until = {} \
                 WHERE org_id = ? AND id = (SELECT id FROM jobs WHERE org_id = ? AND id = ? AND state = 'queued' {}) \
                 RETURNING \"{}\"",
                now(db),
                after(db),
                unlocked(db),
                job::Model::COLUMNS.join("\", \""),
            );
            let mut taken = Vec::with_capacity(free);
            for Head { org, id, .. } in heads {
                if taken.len() == free {
                    break;
                }
                let lease = new_id(moment);
                let running = State::Running.key();
                let values = [running.into(), lease.into(), length.into(), org.into(), org.into(), id.into()];
                let rows: Vec<job::Model> = db.rows(statement(db, &sql, values)).await?;
                taken.extend(rows.into_iter().map(|row| (row, lease)));
            }
            Ok(taken)
        })
        .await
    }
}

/// Whether anything is due at all.
async fn is_due(gate: &Gate) -> Result<bool, Failure> {
    let db = gate.engine();
    let sql = format!("SELECT id FROM jobs WHERE state = 'queued' AND run_at <= {} LIMIT 1", now(db));
    Ok(db.query_one_raw(statement(db, &sql, [])).await?.is_some())
}

/// How many jobs run, by organisation.
async fn running(gate: &Gate) -> Result<HashMap<Uuid, usize>, Failure> {
    let db = gate.engine();
    let alias = Kind::Integer.alias("running");
    let sql = format!("SELECT org_id, count(*) AS {alias} FROM jobs WHERE state = 'running' GROUP BY org_id");
    let rows = Count::find_by_statement(statement(db, &sql, [])).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.org_id, usize::try_from(row.running).unwrap_or_default())).collect())
}

/// Takes back jobs whose lease ended: their server is gone, or cannot reach the database. They go back into the queue;
/// those that have no attempt left are dead, those that were taken back are cancelled. How many there were.
///
/// # Errors
/// The database is away.
pub async fn take_back(gate: &Gate) -> Result<usize, Failure> {
    let db = gate.engine();
    let sql = format!(
        "SELECT org_id, id, lease FROM jobs WHERE state = 'running' AND lease_until <= {} LIMIT {EXPIRED}",
        now(db)
    );
    let expired = Expired::find_by_statement(statement(db, &sql, [])).all(db).await?;
    if expired.is_empty() {
        return Ok(0);
    }
    gate.write_raw(async move |db: &engine::Tx| {
        let mut many = 0;
        for Expired { org_id, id, lease } in expired {
            many += release(db, org_id, id, lease).await?;
        }
        Ok(many)
    })
    .await
}

/// One of them; it is left alone where it was renewed after all, or where somebody is changing it.
async fn release(db: &engine::Tx, org: Uuid, id: Uuid, lease: Uuid) -> Result<usize, Failure> {
    let (now, time) = (now(db), after(db));
    let this = format!(
        "lease = NULL, lease_until = NULL WHERE org_id = ? AND id = (SELECT id FROM jobs WHERE org_id = ? AND id = ? \
         AND state = 'running' AND lease = ? AND lease_until <= {now} {})",
        unlocked(db)
    );
    let key = || [org.into(), org.into(), id.into(), lease.into()];
    let ends = [
        (format!("state = 'cancelled', {}", finished(db)), "AND cancel_asked", kept().to_vec()),
        (
            format!("state = 'dead', failure = 'lost', detail = NULL, finished_at = {now}, expires_at = {time}"),
            "AND attempts >= max_attempts",
            vec![dead_kept()],
        ),
        (format!("state = 'queued', run_at = {now}"), "", Vec::new()),
    ];
    for (set, only, values) in ends {
        let sql = format!("UPDATE jobs SET {set}, {this} {only}");
        let values = values.into_iter().chain(key());
        if db.execute_raw(statement(db, &sql, values)).await?.rows_affected() > 0 {
            return Ok(1);
        }
    }
    Ok(0)
}
