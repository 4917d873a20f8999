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
            let column = "ALTER TABLE fields ADD COLUMN linked boolean NOT NULL DEFAULT true";
            schema.sql_on(backend, column).await?;
            schema.sql_on(backend, "UPDATE fields SET linked = false WHERE type = 'text' OR sensitive").await?;
        }
        Ok(())
    }
}
