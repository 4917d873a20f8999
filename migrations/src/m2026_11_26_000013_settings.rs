//! Settings of an organisation, as one JSON text.

use sea_orm_migration::prelude::*;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Schema::new(manager).sql("ALTER TABLE organisations ADD COLUMN settings text NOT NULL DEFAULT '{}'").await
    }
}
