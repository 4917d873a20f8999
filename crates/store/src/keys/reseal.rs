//! Sealing cells anew under the primary root: row by row, in short transactions that wait for nobody. Values stay as
//! they are, so no version, ETag or event changes.
//!
//! On PostgreSQL rows that somebody is changing are passed over, and found by the next pass; whoever changes one writes
//! under the primary root anyway.

use std::time::Duration;

use sea_orm::{ConnectionTrait, QueryResult, Value};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::crypto::cell;
use crate::dialect::{has_round_trips, locked, statement, unchanging};
use crate::failure::Failure;
use crate::queue::{Ended, Step, Work};
use crate::sealed::{Part, TABLES, Table};
use crate::tx::Tx;

use super::walk::{Key, KeyPart, count, key_columns, key_of, page, tables_of};

/// Where the walk stands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Place {
    /// How often every table was walked before.
    pass: u32,
    /// The table, and the row behind which it goes on.
    table: usize,
    after: Option<Key>,
    /// Cells sealed anew, and how many there were to do.
    pub(super) done: i64,
    total: i64,
    /// Cells of this pass that do not open.
    pub(super) unreadable: i64,
}

/// Passes without an end: somebody holds rows locked all the time.
const PASSES: u32 = 20;
/// Between two transactions.
const BREATH: Duration = Duration::from_millis(5);
/// Between passes: whoever held a row is done with it by then.
const PAUSE: Duration = Duration::from_millis(250);

/// Seals every cell under the primary root that is not; where nothing is left under another, says so.
pub(super) async fn reseal(work: &Work, mut place: Place) -> Result<Place, Ended> {
    if place.total == 0 {
        place.total = left(work).await?;
        work.save(step(&place)).await?;
    }
    loop {
        walk(work, &mut place).await?;
        let left = left(work).await?;
        if left <= place.unreadable {
            place.unreadable = left;
            return Ok(place);
        }
        let (pass, total) = (place.pass + 1, place.done.saturating_add(left));
        place = Place { pass: pass % PASSES, done: place.done, total, ..Place::default() };
        work.save(step(&place)).await?;
        if pass == PASSES {
            let detail = format!("{left} cells are in rows that are locked again and again");
            return Err(Ended::Failed { code: "rows_locked", detail });
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// How many cells are not under the root that is primary now: a full one may have been replaced meanwhile.
async fn left(work: &Work) -> Result<i64, Ended> {
    let root = work.caller().gate().fresh_ring(work.org_id()).await?.primary_enc();
    let left = count(work.caller().db(), work.org_id(), || work.go_on()).await?.not_under(root);
    Ok(i64::try_from(left).unwrap_or(i64::MAX))
}

fn step(place: &Place) -> Step {
    let total = place.total.max(place.done);
    Step::default().checkpoint(serde_json::json!(place)).progress(place.done, Some(total))
}

async fn walk(work: &Work, place: &mut Place) -> Result<(), Ended> {
    for (at, _) in tables_of(work.org_id()) {
        if at < place.table {
            continue;
        }
        if at > place.table {
            (place.table, place.after) = (at, None);
        }
        loop {
            work.go_on()?;
            let (from, note) = (place.clone(), work.clone());
            let next = work.caller().write(async move |tx: &Tx<'_>| {
                let next = some(tx, from, note.id()).await?;
                if let Some(next) = &next {
                    note.note(tx, step(next));
                }
                Ok(next)
            });
            match next.await? {
                Some(next) => *place = next,
                None => break,
            }
            // Others wait for the same writer, some of them in other processes, which only look now and then.
            tokio::time::sleep(BREATH).await;
        }
    }
    Ok(())
}

/// Seals some rows anew; where it stands then, or nothing at the end of the table.
async fn some(tx: &Tx<'_>, mut place: Place, own: Uuid) -> Result<Option<Place>, Failure> {
    let Some(table) = TABLES.get(place.table) else { return Ok(None) };
    if table.name == "jobs" {
        // Its own row first, as whoever renews leases has it: the end of this transaction writes it.
        let sql = format!("SELECT id FROM jobs WHERE org_id = ? AND id = ? {}", locked(tx.db()));
        tx.db().query_one_raw(statement(tx.db(), &sql, [tx.org_id().into(), own.into()])).await?;
    }
    let columns: Vec<String> =
        table.cells.iter().map(|cell| format!("{} AS cell_{}", cell.column(), cell.column())).collect();
    let what = format!("{} AS sealed_row, {}", table.row, columns.join(", "));
    let asked = page(tx.db(), table, &what, (tx.org_id(), place.after.as_ref()), (table.together, unchanging(tx.db())));
    let rows = tx.db().query_all_raw(asked).await?;
    let Some(last) = rows.last() else { return Ok(None) };
    place.after = Some(key_of(table, last)?);
    let mut anew = Vec::new();
    for row in &rows {
        if let Some(row) = sealed_anew(tx, table, row, &mut place)? {
            anew.push(row);
        }
    }
    write(tx, table, anew).await?;
    Ok(Some(place))
}

/// A row's key and all of its cells.
type Anew = (Key, Vec<Option<Vec<u8>>>);

/// The cells of a row under the primary root, if one was not.
fn sealed_anew(tx: &Tx<'_>, table: &Table, row: &QueryResult, place: &mut Place) -> Result<Option<Anew>, Failure> {
    let ring = tx.caller().ring();
    let root = ring.primary_enc();
    let id: Uuid = row.try_get("", "sealed_row")?;
    let (mut cells, mut changed) = (Vec::new(), false);
    for path in table.cells {
        let cell: Option<Vec<u8>> = row.try_get("", &format!("cell_{}", path.column()))?;
        let old = cell.as_deref().filter(|cell| cell::key_id(cell) != Some(root));
        match old.map(|cell| ring.open(*path, id, cell)) {
            None => cells.push(cell),
            Some(Ok(value)) => {
                cells.push(Some(ring.seal(*path, id, &value)?));
                changed = true;
                place.done += 1;
            }
            Some(Err(error)) => {
                tracing::error!(org = %tx.org_id(), %error, "a cell cannot be sealed anew");
                place.unreadable += 1;
                cells.push(cell);
            }
        }
    }
    Ok(if changed { Some((key_of(table, row)?, cells)) } else { None })
}

async fn write(tx: &Tx<'_>, table: &Table, rows: Vec<Anew>) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    let org = || table.has_org.then(|| Value::from(tx.org_id()));
    let of_org = if table.has_org { "AND t.org_id = ?" } else { "" };
    if has_round_trips(tx.db()) {
        let sql = together(table, rows.len(), of_org);
        let values = rows.into_iter().flat_map(|(key, cells)| {
            key.iter().map(KeyPart::value).chain(cells.into_iter().map(Value::from)).collect::<Vec<_>>()
        });
        tx.db().execute_raw(statement(tx.db(), &sql, values.chain(org()))).await?;
        return Ok(());
    }
    let set: Vec<String> = table.cells.iter().map(|cell| format!("{} = ?", cell.column())).collect();
    let keys = vec!["?"; table.key.len()].join(", ");
    let sql =
        format!("UPDATE {} AS t SET {} WHERE ({}) = ({keys}) {of_org}", table.name, set.join(", "), key_columns(table));
    for (key, cells) in rows {
        let values = cells.into_iter().map(Value::from).chain(key.iter().map(KeyPart::value)).chain(org());
        tx.db().execute_raw(statement(tx.db(), &sql, values)).await?;
    }
    Ok(())
}

/// One statement for all rows, where every statement is a round trip.
fn together(table: &Table, rows: usize, of_org: &str) -> String {
    let set: Vec<String> = table.cells.iter().map(|cell| format!("{0} = v.{0}", cell.column())).collect();
    let keys = table.key.iter().map(|(_, part)| match part {
        Part::Id => "?::uuid",
        Part::Number => "?::bigint",
        Part::Bytes => "?::bytea",
    });
    let row: Vec<&str> = keys.chain(table.cells.iter().map(|_| "?::bytea")).collect();
    let names: Vec<String> = table.key.iter().map(|(column, _)| format!("k_{column}")).collect();
    let columns: Vec<&str> =
        names.iter().map(String::as_str).chain(table.cells.iter().map(|cell| cell.column())).collect();
    let same: Vec<String> = table.key.iter().map(|(column, _)| format!("t.{column} = v.k_{column}")).collect();
    format!(
        "UPDATE {} AS t SET {} FROM (VALUES {}) AS v({}) WHERE {} {of_org}",
        table.name,
        set.join(", "),
        vec![format!("({})", row.join(", ")); rows].join(", "),
        columns.join(", "),
        same.join(" AND "),
    )
}
