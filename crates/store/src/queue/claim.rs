//! Taking jobs from the queue.

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
use super::lease::milliseconds;
use super::take_back::not_begun;
use super::{LONG_AGO, QUEUED, RUNNING, Spec, State, Work, due};

/// Organisations that one look goes through. Where more have jobs that wait, the next look goes on behind them.
const ORGANISATIONS: usize = 200;
/// The first jobs of an organisation and priority that one look sees.
const HEADS: usize = 4;
/// How long a job waits before every few turns are of its like.
const PATIENCE: chrono::Duration = chrono::Duration::minutes(5);

/// How one server claims jobs.
pub struct Claims {
    /// The kinds and versions that the server knows, as a table of literals.
    known: String,
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

/// How the columns of one of the first jobs are called.
pub(super) struct HeadColumns {
    id: String,
    run_at: String,
}

impl HeadColumns {
    pub(super) fn new(at: usize) -> Self {
        Self { id: Kind::Uuid.alias(&format!("id{at}")), run_at: Kind::Millis.alias(&format!("run_at{at}")) }
    }
}

#[derive(FromQueryResult)]
struct FirstRow {
    #[sea_orm(from_alias = "org__uuid")]
    org: Uuid,
    #[sea_orm(from_alias = "priority__int")]
    priority: i64,
    #[sea_orm(from_alias = "now__ms")]
    now: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct Running {
    org_id: Uuid,
}

#[derive(FromQueryResult)]
struct Last {
    #[sea_orm(from_alias = "org__uuid")]
    org: Option<Uuid>,
}

impl Claims {
    /// Claims of jobs of these kinds, for a server of so many slots, each for so long.
    #[must_use]
    pub fn new(kinds: &[&'static Spec], slots: usize, lease: Duration) -> Self {
        let versions = |spec: &&'static Spec| (1..=spec.version).map(|version| (spec.name, version));
        let known = kinds.iter().flat_map(versions);
        let known = known.map(|(kind, version)| format!("SELECT '{kind}', {version}"));
        // The first line gives the columns their types; there is no kind without a name.
        let first = "SELECT CAST('' AS text) AS kind, CAST(0 AS bigint) AS version".to_owned();
        let known = std::iter::once(first).chain(known).collect::<Vec<_>>().join(" UNION ALL ");
        Self { known, slots, lease, many: ORGANISATIONS, from: Uuid::nil(), turns: Turns::default() }
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
        let heads = self.heads(gate, free).await?;
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
            self.turns.take(row.org_id);
            match Work::open(gate, &row, lease).await {
                Ok(work) => claimed.push(work),
                Err(failure) => not_begun(gate, &row, lease, &failure).await,
            }
        }
        Ok((claimed, more))
    }

    /// The same with looks of another size.
    #[cfg(test)]
    pub(super) fn looking_at(self, many: usize) -> Self {
        Self { many, ..self }
    }

    /// The first jobs of each organisation, known kind and priority. Every value comes out of an index by itself, so that no
    /// statistics are asked: those of a queue are always of another hour.
    pub(super) fn heads_sql(&self, db: &impl ConnectionTrait, columns: &[HeadColumns]) -> String {
        let (now, known) = (now(db), &self.known);
        let nth = |what: &str, alias: &str, at: usize| {
            format!(
                "(SELECT h.{what} FROM jobs h WHERE h.state = 'queued' AND h.org_id = o.org_id AND h.kind = k.kind \
                 AND h.version = k.version AND h.priority = p.priority AND h.run_at <= {now} \
                 ORDER BY h.run_at, h.id LIMIT 1 OFFSET {at}){alias}"
            )
        };
        let both = |(at, names): (usize, &HeadColumns)| {
            [nth("id", &format!(" AS {}", names.id), at), nth("run_at", &format!(" AS {}", names.run_at), at)]
        };
        let nths: Vec<String> = columns.iter().enumerate().flat_map(both).collect();
        format!(
            "WITH RECURSIVE {orgs} SELECT o.org_id AS {org}, p.priority AS {priority}, {now} AS {moment}, {nths} \
             FROM orgs o CROSS JOIN ({known}) k CROSS JOIN \
             (SELECT CAST(0 AS bigint) AS priority UNION ALL SELECT 1 UNION ALL SELECT 2) p \
             WHERE o.org_id IS NOT NULL AND {any} IS NOT NULL",
            orgs = self.orgs(),
            any = nth("id", "", 0),
            org = Kind::Uuid.alias("org"),
            priority = Kind::Integer.alias("priority"),
            moment = Kind::Millis.alias("now"),
            nths = nths.join(", "),
        )
    }

    async fn heads(&self, gate: &Gate, free: usize) -> Result<Vec<Head>, Failure> {
        let db = gate.engine();
        let columns: Vec<HeadColumns> = (0..HEADS.min(free)).map(HeadColumns::new).collect();
        let sql = self.heads_sql(db, &columns);
        let mut heads = Vec::new();
        for row in db.query_all_raw(statement(db, &sql, [self.from.into()])).await? {
            let FirstRow { org, priority, now } = FirstRow::from_query_result(&row, "")?;
            for names in &columns {
                let id: Option<Uuid> = row.try_get("", &names.id)?;
                let run_at: Option<DateTime<Utc>> = row.try_get("", &names.run_at)?;
                let Some((id, run_at)) = id.zip(run_at) else { break };
                heads.push(Head { org, id, priority, run_at, waited: now - run_at >= PATIENCE });
            }
        }
        // Of all kinds together no more than of one: beyond the slots there is nothing to claim.
        heads.sort_unstable_by_key(|head| (head.org, head.priority, head.run_at, head.id));
        let mut many: HashMap<(Uuid, i64), usize> = HashMap::new();
        heads.retain(|head| {
            let many = many.entry((head.org, head.priority)).or_default();
            *many += 1;
            *many <= columns.len()
        });
        Ok(heads)
    }

    /// Organisations that have jobs waiting, one step in the index each.
    fn orgs(&self) -> String {
        let first = |from: &str| {
            format!(
                "(SELECT j.org_id FROM jobs j WHERE j.state = 'queued' AND j.org_id {from} \
                 ORDER BY j.org_id, j.kind, j.version, j.priority, j.run_at, j.id LIMIT 1)"
            )
        };
        format!(
            "orgs(org_id, n) AS (SELECT {one}, 1 UNION ALL \
             SELECT {next}, orgs.n + 1 FROM orgs WHERE orgs.org_id IS NOT NULL AND orgs.n < {many})",
            one = first(">= ?"),
            next = first("> orgs.org_id"),
            many = self.many
        )
    }

    /// Moves on where one look did not go through all organisations; whether it did not.
    async fn turn(&mut self, gate: &Gate) -> Result<bool, Failure> {
        let db = gate.engine();
        let org = Kind::Uuid.alias("org");
        let (orgs, many) = (self.orgs(), self.many);
        let sql = format!("WITH RECURSIVE {orgs} SELECT o.org_id AS {org} FROM orgs o WHERE o.n = {many}");
        let last = Last::find_by_statement(statement(db, &sql, [self.from.into()])).one(db).await?;
        let before = self.from;
        self.from = last.and_then(|last| last.org).unwrap_or_default();
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
    let sql = format!("SELECT id FROM jobs WHERE {} ORDER BY {QUEUED} LIMIT 1", due(db));
    Ok(db.query_one_raw(statement(db, &sql, [])).await?.is_some())
}

/// How many jobs run, by organisation.
async fn running(gate: &Gate) -> Result<HashMap<Uuid, usize>, Failure> {
    let db = gate.engine();
    let sql = format!("SELECT org_id FROM jobs WHERE {RUNNING}");
    let mut many = HashMap::new();
    for row in Running::find_by_statement(statement(db, &sql, [LONG_AGO.into()])).all(db).await? {
        *many.entry(row.org_id).or_default() += 1;
    }
    Ok(many)
}
