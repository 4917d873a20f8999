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
            let name = format!("{table}_deleted");
            schema.index(&name, table, "org_id, updated_at, id", DELETED).await?;
        }
        // In other orders SQLite, which has no statistics, would take the index of numbers, of all customers there are: one
        // of two columns that are given comes before it.
        schema.index("customers_deleted_at", "customers", "org_id, deleted_at, id", DELETED).await
    }
}
