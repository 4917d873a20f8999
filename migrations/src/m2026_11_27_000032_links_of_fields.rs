//! Whether links tell what they tell now of every record that has a value of a field: the pieces of long texts, and that
//! sealed values are there. A job writes them for fields that were there before.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        for backend in [DbBackend::Sqlite, DbBackend::Postgres] {
            // An older server beside this one makes fields as it knows them: they are looked at too.
            let column = "ALTER TABLE fields ADD COLUMN linked boolean NOT NULL DEFAULT false";
            schema.sql_on(backend, column).await?;
            schema.sql_on(backend, "UPDATE fields SET linked = true WHERE type <> 'text' AND NOT sensitive").await?;
            // What such a job has behind it, it did not link.
            schema.sql_on(backend, "UPDATE jobs SET checkpoint = NULL WHERE kind = 'fields.fill'").await?;
        }
        Ok(())
    }
}
