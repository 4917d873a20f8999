//! On PostgreSQL the journal is divided by months: what is too old goes with its month, at the cost of nothing. A
//! month's table is made ahead; entries that have none (clocks that are wrong) stand in a table of the rest.
//!
//! A table that comes or goes is wanted by nobody else for a moment: dropping one wants the whole journal, attaching
//! one the table of the rest, which is looked through. Whoever reads or writes there queues behind whoever waits for
//! that, so it is waited for briefly, a few times, and otherwise left for the next night.

use std::time::Duration;

use chrono::{DateTime, Datelike, Months, Utc};
use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::dialect::statement;
use crate::engine::{self, EngineError};
use crate::failure::Failure;
use crate::gate::Gate;

use super::anchor;
use super::keep::month_of;

/// The table of entries whose month has none.
pub(super) const REST: &str = "journal_rest";
/// Months that have a table before they begin.
const AHEAD: u32 = 2;

/// How others are spared: for how long tables are waited for, and how long it may take then.
const LIMITS: [&str; 2] = ["SET LOCAL lock_timeout = '100ms'", "SET LOCAL statement_timeout = '500ms'"];
/// Pauses between tries, for those who were kept waiting.
const PAUSES: [Duration; 3] = [Duration::from_millis(200), Duration::from_millis(300), Duration::from_millis(500)];

#[derive(FromQueryResult)]
struct Table {
    name: String,
}

/// Makes the tables of this month and the next ones, where they are missing and the rest holds nothing of theirs.
pub(super) async fn make(gate: &Gate) -> Result<(), Failure> {
    let there = tables(gate).await?;
    for ahead in 0..=AHEAD {
        let Some(from) = month_of(gate.now()).checked_add_months(Months::new(ahead)) else { continue };
        let name = name_of(from);
        if there.contains(&name) || rest_may_have(gate, from).await {
            continue;
        }
        match undisturbed(gate, attached(from)).await {
            Ok(true) => {}
            Ok(false) => break,
            // Another server made it at this moment.
            Err(Failure::Engine(EngineError::Unique { .. })) => {}
            Err(failure) if tables(gate).await?.contains(&name) => {
                tracing::debug!(cause = %failure, "another server made a month of the journal");
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(())
}

/// Made apart and then attached: writers wait for the second only, as long as the table of the rest is looked through.
fn attached(from: DateTime<Utc>) -> Vec<String> {
    let (name, to) = (name_of(from), from.checked_add_months(Months::new(1)).unwrap_or(from));
    let (from, to) = (from.format("%F 00:00:00+00"), to.format("%F 00:00:00+00"));
    vec![
        format!("CREATE TABLE {name} (LIKE journal INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"),
        format!("ALTER TABLE journal ATTACH PARTITION {name} FOR VALUES FROM ('{from}') TO ('{to}')"),
    ]
}

/// Runs statements in one transaction, if nobody is in their way for long; whether they were run.
async fn undisturbed(gate: &Gate, sql: Vec<String>) -> Result<bool, Failure> {
    for pause in PAUSES.into_iter().map(Some).chain([None]) {
        let sql = sql.clone();
        let run = async move |db: &engine::Tx| {
            for sql in LIMITS.into_iter().chain(sql.iter().map(String::as_str)) {
                db.execute_unprepared(sql).await?;
            }
            Ok(())
        };
        match gate.write_raw(run).await {
            Err(Failure::Engine(EngineError::LockTimeout | EngineError::TooExpensive | EngineError::Busy)) => {}
            done => return done.map(|()| true),
        }
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
    }
    tracing::debug!("the journal is in use: its months are left as they are until the next night");
    Ok(false)
}

/// Drops the months before a moment whose entries are all closed, and dropped in every stretch.
pub(super) async fn drop_before(gate: &Gate, cutoff: DateTime<Utc>) -> Result<(), Failure> {
    let Some(closed) = anchor::place(gate).await? else { return Ok(()) };
    for name in tables(gate).await? {
        let Some(from) = beginning_of(&name).filter(|from| *from < cutoff) else { continue };
        let to = from.checked_add_months(Months::new(1)).unwrap_or(from);
        let held = format!(
            "SELECT '{name}' AS name WHERE EXISTS (SELECT 1 FROM journal_stretches WHERE digests IS NOT NULL \
             AND last_at >= ? AND last_at < ?) OR (SELECT coalesce(max(seq), 0) FROM {name}) > ?"
        );
        let held = statement(gate.engine(), &held, [from.into(), to.into(), closed.into()]);
        if Table::find_by_statement(held).one(gate.engine()).await?.is_some() {
            continue;
        }
        if !undisturbed(gate, vec![format!("DROP TABLE IF EXISTS {name}")]).await? {
            break;
        }
    }
    Ok(())
}

pub(super) async fn tables(gate: &Gate) -> Result<Vec<String>, Failure> {
    let sql = "SELECT c.relname::text AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
               WHERE i.inhparent = 'journal'::regclass ORDER BY 1";
    let tables = Table::find_by_statement(statement(gate.engine(), sql, [])).all(gate.engine()).await?;
    Ok(tables.into_iter().map(|table| table.name).collect())
}

/// Whether the rest has entries of a month. No index knows: if it has too many to look through, it may.
async fn rest_may_have(gate: &Gate, from: DateTime<Utc>) -> bool {
    let to = from.checked_add_months(Months::new(1)).unwrap_or(from);
    let sql = format!("SELECT 'rest' AS name FROM {REST} WHERE at >= ? AND at < ? LIMIT 1");
    let found = Table::find_by_statement(statement(gate.engine(), &sql, [from.into(), to.into()]));
    found.one(gate.engine()).await.map_or_else(
        |failure| {
            let cause = EngineError::from(failure);
            tracing::debug!(%cause, "what the rest of the journal has is not known");
            true
        },
        |found| found.is_some(),
    )
}

fn name_of(month: DateTime<Utc>) -> String {
    format!("journal_{:04}_{:02}", month.year(), month.month())
}

/// The month of a table; the rest has none.
fn beginning_of(name: &str) -> Option<DateTime<Utc>> {
    let month = name.strip_prefix("journal_")?.replace('_', "-");
    let first = chrono::NaiveDate::parse_from_str(&format!("{month}-01"), "%Y-%m-%d").ok()?;
    Some(first.and_time(chrono::NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_named_by_its_month() {
        let month = beginning_of("journal_2026_11").unwrap();
        assert_eq!(
            (name_of(month).as_str(), month.to_rfc3339().as_str()),
            ("journal_2026_11", "2026-11-01T00:00:00+00:00")
        );
        assert_eq!([beginning_of(REST), beginning_of("journal_order")], [None, None]);
    }
}
