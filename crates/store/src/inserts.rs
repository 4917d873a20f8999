//! Rows that are written together: one after the other through one prepared statement on SQLite, in one statement on
//! PostgreSQL, where every statement is a round trip.

use std::borrow::Cow;

use sea_orm::{ActiveModelTrait, ActiveValue, ConnectionTrait, EntityName, EntityTrait, IdenStatic, Iterable, Value};

use crate::dialect::{has_round_trips, statement};
use crate::engine::{self, EngineError};
use crate::failure::Failure;

/// New rows of one table.
pub(crate) struct Insert {
    table: String,
    /// Names of the columns, and how a value of each is written.
    columns: Vec<(Cow<'static, str>, &'static str)>,
    /// What is done where a row is there already.
    conflict: &'static str,
    rows: Vec<Vec<Value>>,
    /// Whether some row sets other columns than the first.
    uneven: bool,
}

/// How a value is written as it is.
pub(crate) const PLAIN: &str = "?";

/// Values of one statement at the most: far below PostgreSQL's limit.
const VALUES: usize = 8000;

impl Insert {
    /// Rows of an entity, all of which set the same columns.
    pub(crate) fn of<A: ActiveModelTrait>(rows: Vec<A>) -> Self {
        type Column<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Column;
        let set = |column: &Column<A>| rows.first().is_some_and(|row| !row.is_not_set(*column));
        let columns: Vec<Column<A>> = Column::<A>::iter().filter(set).collect();
        let others = |row: &A| {
            !Column::<A>::iter()
                .filter(|column| !row.is_not_set(*column))
                .map(|c| c.as_str())
                .eq(columns.iter().map(|c| c.as_str()))
        };
        let uneven = rows.iter().skip(1).any(others);
        let value = |row: &mut A, column| match row.take(column) {
            ActiveValue::Set(value) | ActiveValue::Unchanged(value) => value,
            ActiveValue::NotSet => Value::Bool(None),
        };
        Self {
            table: A::Entity::default().table_name().to_owned(),
            columns: columns.iter().map(|column| (Cow::Borrowed(column.as_str()), PLAIN)).collect(),
            conflict: "",
            uneven,
            rows: rows
                .into_iter()
                .map(|mut row| columns.iter().map(|column| value(&mut row, *column)).collect())
                .collect(),
        }
    }

    /// Rows of a table without an entity.
    pub(crate) fn into(table: &str, columns: &[(&'static str, &'static str)], rows: Vec<Vec<Value>>) -> Self {
        let columns = columns.iter().map(|(name, place)| (Cow::Borrowed(*name), *place)).collect();
        Self { table: table.to_owned(), columns, conflict: "", rows, uneven: false }
    }

    /// The same rows with more columns, the same ones in each: those that an entity does not know.
    pub(crate) fn beside(mut self, more: Vec<Vec<(String, Value)>>) -> Self {
        let Some(first) = more.first() else { return self };
        let names: Vec<String> = first.iter().map(|(name, _)| name.clone()).collect();
        let differs = |row: &Vec<(String, Value)>| !row.iter().map(|(name, _)| name).eq(&names);
        self.uneven |= more.len() != self.rows.len() || more.iter().any(differs);
        self.columns.extend(names.into_iter().map(|name| (Cow::Owned(name), PLAIN)));
        for (row, more) in self.rows.iter_mut().zip(more) {
            row.extend(more.into_iter().map(|(_, value)| value));
        }
        self
    }

    /// What is done where a row is there already: an `ON CONFLICT` clause.
    pub(crate) fn on_conflict(self, conflict: &'static str) -> Self {
        Self { conflict, ..self }
    }

    fn values(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    fn sql(&self, rows: usize) -> String {
        let names: Vec<String> = self.columns.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let places: Vec<&str> = self.columns.iter().map(|(_, place)| *place).collect();
        let row = format!("({})", places.join(","));
        let rows = vec![row.as_str(); rows].join(",");
        format!("INSERT INTO \"{}\" ({}) VALUES {rows} {}", self.table, names.join(","), self.conflict)
    }
}

/// Writes rows, in the order of the list; those of one `Insert` in theirs.
pub(crate) async fn write(db: &engine::Tx, inserts: Vec<Insert>) -> Result<(), Failure> {
    let inserts: Vec<Insert> = inserts.into_iter().filter(|insert| !insert.rows.is_empty()).collect();
    if inserts.iter().any(|insert| insert.uneven) {
        return Err(EngineError::Misuse("rows that are written together set different columns").into());
    }
    if !has_round_trips(db) {
        for insert in inserts {
            let sql = insert.sql(1);
            for row in insert.rows {
                db.execute_raw(statement(db, &sql, row)).await?;
            }
        }
        return Ok(());
    }
    if inserts.iter().map(Insert::values).sum::<usize>() <= VALUES {
        return together(db, inserts).await;
    }
    for insert in inserts {
        let rows = (VALUES / insert.columns.len().max(1)).max(1);
        let Insert { table, columns, conflict, rows: mut rest, .. } = insert;
        while !rest.is_empty() {
            let after = rest.split_off(rest.len().min(rows));
            let part = Insert { table: table.clone(), columns: columns.clone(), conflict, rows: rest, uneven: false };
            together(db, vec![part]).await?;
            rest = after;
        }
    }
    Ok(())
}

/// One statement for all: foreign keys are checked at its end.
async fn together(db: &engine::Tx, mut inserts: Vec<Insert>) -> Result<(), Failure> {
    let Some(last) = inserts.pop() else { return Ok(()) };
    let parts = inserts.iter().enumerate();
    let parts: Vec<String> =
        parts.map(|(at, insert)| format!("part{at} AS ({})", insert.sql(insert.rows.len()))).collect();
    let with = if parts.is_empty() { String::new() } else { format!("WITH {} ", parts.join(", ")) };
    let sql = format!("{with}{}", last.sql(last.rows.len()));
    inserts.push(last);
    let values = inserts.into_iter().flat_map(|insert| insert.rows).flatten();
    db.execute_raw(statement(db, &sql, values)).await?;
    Ok(())
}
