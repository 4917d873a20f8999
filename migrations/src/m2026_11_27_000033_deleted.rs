//! Lists with deleted records: an index of those, in the order of their deletion, beside the ones of living records.

use sea_orm_migration::prelude::*;

use crate::base::Schema;

const DELETED: Option<&str> = Some("deleted_at IS NOT NULL");

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        for table in ["customers", "contacts", "follow_ups", "notes", "attachments"] {
            schema.index(&format!("{table}_deleted"), table, "org_id, updated_at, id", DELETED).await?;
            // In other orders SQLite, which has no statistics, would take an index of all records that there are: one of
            // two columns that are given comes before it.
            schema.index(&format!("{table}_deleted_at"), table, "org_id, deleted_at, id", DELETED).await?;
        }
        Ok(())
    }
}
