//! What a record is called in other systems, when each of them last wrote it, and what a client said of a record whose id
//! it made itself.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        for table in ["customers", "contacts", "follow_ups", "notes"] {
            for (backend, text, bytes) in
                [(DbBackend::Sqlite, "text", "blob"), (DbBackend::Postgres, r#"text COLLATE "C""#, "bytea")]
            {
                for (column, of) in [("external_ids", text), ("source_times", text), ("client_said", bytes)] {
                    schema.sql_on(backend, &format!("ALTER TABLE {table} ADD COLUMN {column} {of}")).await?;
                }
            }
        }
        Ok(())
    }
}
