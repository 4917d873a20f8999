//! On PostgreSQL the journal is divided by months: what is too old goes with its month, at the cost of nothing. A
//! month's table is made ahead; entries that have none (clocks that are wrong) stand in a table of the rest.

use chrono::{DateTime, Datelike, Months, Utc};
use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::dialect::statement;
use crate::engine;
use crate::failure::Failure;
use crate::gate::Gate;

use super::anchor;
use super::keep::month_of;

/// The table of entries whose month has none.
pub(super) const REST: &str = "journal_rest";
/// Months that have a table before they begin.
const AHEAD: u32 = 2;

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
        if there.contains(&name) || rest_has(gate, from).await? {
            continue;
        }
        let made = gate.write_raw(async move |db: &engine::Tx| attach(db, from).await).await;
        match made {
            // Another server made it at this moment.
            Err(Failure::Engine(engine::EngineError::Unique { .. })) => {}
            Err(failure) if tables(gate).await?.contains(&name) => {
                tracing::debug!(cause = %failure, "another server made a month of the journal");
            }
            other => other?,
        }
    }
    Ok(())
}

/// Made apart and then attached: writers wait for neither.
async fn attach(db: &engine::Tx, from: DateTime<Utc>) -> Result<(), Failure> {
    let (name, to) = (name_of(from), from.checked_add_months(Months::new(1)).unwrap_or(from));
    let (from, to) = (from.format("%F 00:00:00+00"), to.format("%F 00:00:00+00"));
    for sql in [
        format!("CREATE TABLE {name} (LIKE journal INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"),
        format!("ALTER TABLE journal ATTACH PARTITION {name} FOR VALUES FROM ('{from}') TO ('{to}')"),
    ] {
        db.execute_unprepared(&sql).await?;
    }
    Ok(())
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
        let sql = format!("DROP TABLE IF EXISTS {name}");
        gate.write_raw(async move |db: &engine::Tx| Ok::<_, Failure>(db.execute_unprepared(&sql).await.map(drop)?))
            .await?;
    }
    Ok(())
}

pub(super) async fn tables(gate: &Gate) -> Result<Vec<String>, Failure> {
    let sql = "SELECT c.relname::text AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
               WHERE i.inhparent = 'journal'::regclass ORDER BY 1";
    let tables = Table::find_by_statement(statement(gate.engine(), sql, [])).all(gate.engine()).await?;
    Ok(tables.into_iter().map(|table| table.name).collect())
}

async fn rest_has(gate: &Gate, from: DateTime<Utc>) -> Result<bool, Failure> {
    let to = from.checked_add_months(Months::new(1)).unwrap_or(from);
    let sql = format!("SELECT 'rest' AS name FROM {REST} WHERE at >= ? AND at < ? LIMIT 1");
    let found = Table::find_by_statement(statement(gate.engine(), &sql, [from.into(), to.into()]));
    Ok(found.one(gate.engine()).await?.is_some())
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
