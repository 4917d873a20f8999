//! Rows read straight into structs.
//!
//! sea-orm's own way to a row of SQLite is a sorted map of names, made and taken apart for every row; here the cells of
//! a row go into the struct's fields one after the other. PostgreSQL's rows are read by sea-orm.

use chrono::{DateTime, Utc};
use rusqlite::types::ValueRef;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryTrait, Select, Statement};
use uuid::Uuid;

use super::{
    Backend, Engine,
    error::Fault,
    postgres::of_read,
    snapshot::{Snapshot, Source},
    tx::Tx,
};

/// A struct that a row is read into.
pub(crate) trait Row: FromQueryResult + Send + 'static {
    /// The columns that it is made of, in the order in which a query gives them.
    const COLUMNS: &'static [&'static str];

    /// Reads the cells in that order.
    fn read(cells: &mut Cells<'_>) -> Result<Self, Fault>
    where
        Self: Sized;
}

/// Says which columns a struct is made of: its fields, in the order of its declaration.
macro_rules! row {
    ($Row:ident { $($field:ident),* $(,)? }) => {
        impl $crate::engine::rows::Row for $Row {
            const COLUMNS: &'static [&'static str] = &[$(kehu_domain::record::member_name(stringify!($field))),*];

            fn read(cells: &mut $crate::engine::rows::Cells<'_>) -> Result<Self, $crate::engine::rows::RowFault> {
                Ok(Self { $($field: cells.next()?),* })
            }
        }
    };
}
pub(crate) use row;

/// Why a row could not be read.
pub(crate) type RowFault = Fault;

/// The cells of one row, each read once, from the first to the last.
pub(crate) struct Cells<'r> {
    row: &'r rusqlite::Row<'r>,
    columns: &'static [&'static str],
    at: usize,
}

impl<'r> Cells<'r> {
    pub(crate) fn of(row: &'r rusqlite::Row<'r>, columns: &'static [&'static str]) -> Self {
        Self { row, columns, at: 0 }
    }

    /// The next cell.
    pub(crate) fn next<T: Cell>(&mut self) -> Result<T, Fault> {
        let at = self.at;
        self.at += 1;
        let value = self.row.get_ref(at).map_err(|error| Fault::sqlite(&error))?;
        T::read(value).ok_or_else(|| {
            let name = self.columns.get(at).copied().unwrap_or_default();
            Fault::mapping(format!("column {name} holds something else than its type says"))
        })
    }
}

/// A type that a cell is read as: those of [`Kind`](super::Kind).
pub(crate) trait Cell: Sized {
    /// The value; `None` where the cell holds something else.
    fn read(value: ValueRef<'_>) -> Option<Self>;
}

impl<T: Cell> Cell for Option<T> {
    fn read(value: ValueRef<'_>) -> Option<Self> {
        if matches!(value, ValueRef::Null) { Some(None) } else { T::read(value).map(Some) }
    }
}

macro_rules! cells {
    ($($type:ty: $pattern:pat => $value:expr,)*) => { $(
        impl Cell for $type {
            fn read(value: ValueRef<'_>) -> Option<Self> {
                match value {
                    $pattern => $value,
                    _ => None,
                }
            }
        }
    )* };
}

cells! {
    i64: ValueRef::Integer(v) => Some(v),
    bool: ValueRef::Integer(v) => Some(v != 0),
    f64: ValueRef::Real(v) => Some(v),
    String: ValueRef::Text(v) => std::str::from_utf8(v).ok().map(str::to_owned),
    Vec<u8>: ValueRef::Blob(v) => Some(v.to_vec()),
    Uuid: ValueRef::Blob(v) => Uuid::from_slice(v).ok(),
    DateTime<Utc>: ValueRef::Integer(v) => DateTime::from_timestamp_millis(v),
    serde_json::Value: ValueRef::Text(v) => serde_json::from_slice(v).ok(),
}

/// The beginning of a query for whole rows of an entity: what is asked for most is not built anew each time.
pub(crate) fn select<E: EntityTrait<Model: Row>>() -> String {
    let columns = E::Model::COLUMNS.join("\", \"");
    format!("SELECT \"{columns}\" FROM \"{}\"", E::default().table_name())
}

/// What rows are read from: the engine, or a transaction.
pub(crate) trait Reads: ConnectionTrait {
    /// Every row of a query that selects the columns of `R`, in their order.
    fn rows<R: Row>(&self, statement: Statement) -> impl Future<Output = Result<Vec<R>, DbErr>> + Send;

    /// Every row of a query for whole rows of an entity.
    fn all<E>(&self, query: Select<E>) -> impl Future<Output = Result<Vec<E::Model>, DbErr>> + Send
    where
        E: EntityTrait<Model: Row>,
        Self: Sync,
    {
        let statement = query.build(self.get_database_backend());
        async move { self.rows(statement).await }
    }
}

impl Reads for Engine {
    async fn rows<R: Row>(&self, statement: Statement) -> Result<Vec<R>, DbErr> {
        match &*self.0 {
            Backend::Sqlite(sqlite) => Ok(sqlite.readers.rows(statement).await?),
            Backend::Postgres(_) => R::find_by_statement(statement).all(self).await,
        }
    }
}

impl Reads for Tx {
    async fn rows<R: Row>(&self, statement: Statement) -> Result<Vec<R>, DbErr> {
        match self.rows_here(&statement) {
            Some(rows) => rows,
            None => R::find_by_statement(statement).all(self).await,
        }
    }
}

impl Reads for Snapshot {
    async fn rows<R: Row>(&self, statement: Statement) -> Result<Vec<R>, DbErr> {
        self.tx().rows(statement).await.map_err(of_read)
    }
}

impl Reads for Source {
    async fn rows<R: Row>(&self, statement: Statement) -> Result<Vec<R>, DbErr> {
        match self {
            Self::Now(engine) => engine.rows(statement).await,
            Self::Then(snapshot) => snapshot.rows(statement).await,
        }
    }
}
