//! Rules that an organisation lays down for what is entered.

use sea_orm_migration::prelude::*;

use crate::base::Schema;
use crate::m2026_11_26_000020_custom_fields::columns;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        let rules = schema
            .record_table("entry_rules")
            .text("kind")
            .text("field")
            .text_or_null("stages")
            .text("check_body")
            .text("severity")
            .text_or_null("message")
            .flag("active")
            .int("order");
        schema.create(rules).await?;
        schema
            .index("entry_rules_updated", "entry_rules", "org_id, updated_at, id", Some("deleted_at IS NULL"))
            .await?;
        columns(&schema, "entry_rules").await
    }
}
