//! Going through tables that hold cells, a page at a time, in the order of an index.

use sea_orm::{ConnectionTrait, QueryResult, Statement, Value};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::crypto::cell;
use crate::dialect::statement;
use crate::engine::Kind;
use crate::failure::Failure;
use crate::org::INSTALLATION;
use crate::sealed::{Part, TABLES, Table};

/// A part of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum KeyPart {
    Id(Uuid),
    Number(i64),
    Bytes(Vec<u8>),
}

/// What names a row within its table and organisation.
pub(super) type Key = Vec<KeyPart>;

impl KeyPart {
    pub(super) fn value(&self) -> Value {
        match self {
            Self::Id(id) => (*id).into(),
            Self::Number(number) => (*number).into(),
            Self::Bytes(bytes) => bytes.clone().into(),
        }
    }
}

/// The tables that hold cells of an organisation.
pub(super) fn tables_of(org: Uuid) -> impl Iterator<Item = (usize, &'static Table)> {
    TABLES.iter().enumerate().filter(move |(_, table)| table.has_org || org == INSTALLATION)
}

pub(super) fn key_columns(table: &Table) -> String {
    table.key.iter().map(|(column, _)| *column).collect::<Vec<_>>().join(", ")
}

/// A query for the rows behind a key; `what` is selected beside the key.
pub(super) fn page(
    db: &impl ConnectionTrait,
    table: &Table,
    what: &str,
    (org, after): (Uuid, Option<&Key>),
    (many, rest): (u32, &str),
) -> Statement {
    let keys = key_columns(table);
    let mut values: Vec<Value> = Vec::new();
    let mut conditions = Vec::new();
    if table.has_org {
        conditions.push("org_id = ?".to_owned());
        values.push(org.into());
    }
    if let Some(after) = after {
        conditions.push(format!("({keys}) > ({})", vec!["?"; after.len()].join(", ")));
        values.extend(after.iter().map(KeyPart::value));
    }
    let conditions = if conditions.is_empty() { "1 = 1".to_owned() } else { conditions.join(" AND ") };
    let sql =
        format!("SELECT {keys}, {what} FROM {} WHERE {conditions} ORDER BY {keys} LIMIT {many} {rest}", table.name);
    statement(db, &sql, values)
}

pub(super) fn key_of(table: &Table, row: &QueryResult) -> Result<Key, Failure> {
    let part = |(column, part): &(&str, Part)| {
        Ok(match part {
            Part::Id => KeyPart::Id(row.try_get("", column)?),
            Part::Number => KeyPart::Number(row.try_get("", column)?),
            Part::Bytes => KeyPart::Bytes(row.try_get("", column)?),
        })
    };
    table.key.iter().map(part).collect()
}

/// Cells by the root that they are sealed under.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CellCount {
    /// Root and number of cells, in the order of the roots.
    pub by_root: std::collections::BTreeMap<u32, u64>,
    /// What stands where cells should, and is none.
    pub damaged: u64,
}

impl CellCount {
    /// Cells that are under another root than that one, and what is no cell.
    #[must_use]
    pub fn not_under(&self, root: u32) -> u64 {
        let others = self.by_root.iter().filter(|(other, _)| **other != root);
        others.map(|(_, many)| many).sum::<u64>() + self.damaged
    }
}

/// Rows of one look while counting.
const LOOK: u32 = 2000;

/// Counts the cells of an organisation by their roots; nothing is opened. `between` is asked after every page.
pub(super) async fn count<E: From<Failure>>(
    db: &impl ConnectionTrait,
    org: Uuid,
    mut between: impl FnMut() -> Result<(), E>,
) -> Result<CellCount, E> {
    let mut counted = CellCount::default();
    for (_, table) in tables_of(org) {
        let aliases: Vec<String> = (0..table.cells.len()).map(|at| Kind::Bytes.alias(&format!("head{at}"))).collect();
        let heads = table.cells.iter().zip(&aliases);
        let heads: Vec<String> =
            heads.map(|(cell, alias)| format!("substr({}, 1, 5) AS {alias}", cell.column())).collect();
        let heads = heads.join(", ");
        let mut after = None;
        loop {
            let rows = db.query_all_raw(page(db, table, &heads, (org, after.as_ref()), (LOOK, ""))).await;
            let rows = rows.map_err(Failure::from)?;
            for row in &rows {
                for alias in &aliases {
                    let head: Option<Vec<u8>> = row.try_get("", alias).map_err(Failure::from)?;
                    match head.as_deref().map(cell::key_id) {
                        Some(Some(root)) => *counted.by_root.entry(root).or_default() += 1,
                        Some(None) => counted.damaged += 1,
                        None => {}
                    }
                }
            }
            let Some(last) = rows.last() else { break };
            after = Some(key_of(table, last)?);
            between()?;
        }
    }
    Ok(counted)
}
