//! Identity: ID numbers and bank accounts, and how often a user was shown or tried out what is masked.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        for (table, column) in [("customers", "id_number"), ("customers", "bank_accounts"), ("contacts", "id_number")] {
            for (backend, bytes) in [(DbBackend::Sqlite, "blob"), (DbBackend::Postgres, "bytea")] {
                schema.sql_on(backend, &format!("ALTER TABLE {table} ADD COLUMN {column} {bytes}")).await?;
            }
        }
        let allowances = schema
            .table("allowances")
            .id("org_id")
            .id("user_id")
            .text("what")
            .time("hour")
            .int("used")
            .flag("refused")
            .key(&["org_id", "user_id", "what", "hour"]);
        schema.create(allowances).await?;
        schema.index("allowances_age", "allowances", "hour", None).await?;
        // Counts of the hour that ends: they have a place among the allowances.
        schema.sql("DROP TABLE disclosures").await
    }
}
