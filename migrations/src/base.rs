//! Column types of both engines, and what every record table has.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// Builds the tables of one change.
pub(crate) struct Schema<'m, 'c> {
    manager: &'m SchemaManager<'c>,
    backend: DbBackend,
}

/// A table under construction.
pub(crate) struct TableDef {
    statement: TableCreateStatement,
    name: &'static str,
    backend: DbBackend,
}

impl<'m, 'c> Schema<'m, 'c> {
    pub(crate) fn new(manager: &'m SchemaManager<'c>) -> Self {
        Self { manager, backend: manager.get_database_backend() }
    }

    pub(crate) fn table(&self, name: &'static str) -> TableDef {
        let statement = Table::create().table(Alias::new(name)).to_owned();
        TableDef { statement, name, backend: self.backend }
    }

    /// A record table: key, version, ownership, times. `(org_id, id)` is the key, so that no row can point into
    /// another organisation.
    pub(crate) fn record_table(&self, name: &'static str) -> TableDef {
        self.table(name)
            .id("org_id")
            .id("id")
            .int("version")
            .text("touched")
            .id_or_null("owner_id")
            .id_or_null("team_id")
            .time("created_at")
            .time("updated_at")
            .id_or_null("created_by")
            .time_or_null("deleted_at")
            .id_or_null("deleted_with")
            .key(&["org_id", "id"])
    }

    pub(crate) async fn create(&self, table: TableDef) -> Result<(), DbErr> {
        self.manager.create_table(table.statement).await
    }

    /// An index; `only` is a condition that both engines understand.
    pub(crate) async fn index(&self, name: &str, table: &str, columns: &str, only: Option<&str>) -> Result<(), DbErr> {
        self.any_index("INDEX", name, table, columns, only).await
    }

    /// A unique index.
    pub(crate) async fn unique(&self, name: &str, table: &str, columns: &str, only: Option<&str>) -> Result<(), DbErr> {
        self.any_index("UNIQUE INDEX", name, table, columns, only).await
    }

    async fn any_index(
        &self,
        what: &str,
        name: &str,
        table: &str,
        columns: &str,
        only: Option<&str>,
    ) -> Result<(), DbErr> {
        let only = only.map(|only| format!(" WHERE {only}")).unwrap_or_default();
        self.sql(&format!("CREATE {what} {name} ON {table} ({columns}){only}")).await
    }

    pub(crate) async fn sql(&self, sql: &str) -> Result<(), DbErr> {
        self.manager.get_connection().execute_unprepared(sql).await.map(|_| ())
    }

    /// A statement for one engine only.
    pub(crate) async fn sql_on(&self, backend: DbBackend, sql: &str) -> Result<(), DbErr> {
        if self.backend == backend { self.sql(sql).await } else { Ok(()) }
    }
}

impl TableDef {
    fn col(mut self, name: &'static str, make: impl FnOnce(&mut ColumnDef), null: bool) -> Self {
        let mut column = ColumnDef::new(Alias::new(name));
        make(&mut column);
        if !null {
            column.not_null();
        }
        self.statement.col(&mut column);
        self
    }

    fn time_type(backend: DbBackend) -> impl FnOnce(&mut ColumnDef) {
        move |column| {
            if backend == DbBackend::Postgres {
                column.custom(Alias::new("timestamptz(3)"));
            } else {
                column.timestamp_with_time_zone();
            }
        }
    }

    /// Texts are compared byte by byte on both engines.
    fn text_type(backend: DbBackend) -> impl FnOnce(&mut ColumnDef) {
        move |column| {
            if backend == DbBackend::Postgres {
                column.custom(Alias::new("text COLLATE \"C\""));
            } else {
                column.text();
            }
        }
    }

    pub(crate) fn id(self, name: &'static str) -> Self {
        self.col(
            name,
            |column| {
                column.uuid();
            },
            false,
        )
    }
    pub(crate) fn id_or_null(self, name: &'static str) -> Self {
        self.col(
            name,
            |column| {
                column.uuid();
            },
            true,
        )
    }
    pub(crate) fn int(self, name: &'static str) -> Self {
        self.col(
            name,
            |column| {
                column.big_integer();
            },
            false,
        )
    }
    pub(crate) fn int_or_null(self, name: &'static str) -> Self {
        self.col(
            name,
            |column| {
                column.big_integer();
            },
            true,
        )
    }
    pub(crate) fn flag(self, name: &'static str) -> Self {
        self.col(
            name,
            |column| {
                column.boolean();
            },
            false,
        )
    }
    pub(crate) fn time(self, name: &'static str) -> Self {
        let make = Self::time_type(self.backend);
        self.col(name, make, false)
    }
    pub(crate) fn time_or_null(self, name: &'static str) -> Self {
        let make = Self::time_type(self.backend);
        self.col(name, make, true)
    }
    pub(crate) fn text(self, name: &'static str) -> Self {
        let make = Self::text_type(self.backend);
        self.col(name, make, false)
    }
    pub(crate) fn text_or_null(self, name: &'static str) -> Self {
        let make = Self::text_type(self.backend);
        self.col(name, make, true)
    }
    pub(crate) fn bytes(self, name: &'static str) -> Self {
        self.col(
            name,
            |column| {
                column.blob();
            },
            false,
        )
    }
    pub(crate) fn bytes_or_null(self, name: &'static str) -> Self {
        self.col(
            name,
            |column| {
                column.blob();
            },
            true,
        )
    }
    /// A number that rises with every row.
    pub(crate) fn sequence(self, name: &'static str) -> Self {
        self.col(
            name,
            |column| {
                column.big_integer().auto_increment().primary_key();
            },
            false,
        )
    }
    pub(crate) fn key(mut self, columns: &[&'static str]) -> Self {
        let mut index = Index::create();
        for column in columns {
            index.col(Alias::new(*column));
        }
        self.statement.primary_key(&mut index);
        self
    }
    /// `(org_id, column)` points to `(org_id, id)` of another table.
    pub(crate) fn points(mut self, column: &'static str, to: &'static str) -> Self {
        self.statement.foreign_key(
            ForeignKey::create()
                .from(Alias::new(self.name), (Alias::new("org_id"), Alias::new(column)))
                .to(Alias::new(to), (Alias::new("org_id"), Alias::new("id"))),
        );
        self
    }
}
