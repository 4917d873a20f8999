//! Lists with deleted records: an index of those, in the order of their deletion, beside the ones of living records.

use sea_orm_migration::prelude::*;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        for table in ["customers", "contacts", "follow_ups", "notes", "attachments"] {
            let name = format!("{table}_deleted");
            schema.index(&name, table, "org_id, updated_at, id", Some("deleted_at IS NOT NULL")).await?;
        }
        Ok(())
    }
}
