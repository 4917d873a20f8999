//! Attachments: files that hang on a customer, or on what hangs on one. What is in them lies beside the database.

use sea_orm_migration::prelude::*;

use crate::base::Schema;
use crate::m2026_11_26_000020_custom_fields as custom_fields;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        let attachments = schema
            .record_table("attachments")
            .bytes_or_null("shared_with")
            .text("record_kind")
            .id("record_id")
            .id("customer_id")
            .text("name")
            .text("name_norm")
            .text("name_sort")
            .text("media_type")
            .int("size")
            .bytes_or_null("file_key")
            .points("customer_id", "customers");
        schema.create(attachments).await?;
        // Deleted ones too: they come back with the record they hang on.
        schema.index("attachments_customer", "attachments", "org_id, customer_id, created_at, id", None).await?;
        schema.index("attachments_record", "attachments", "org_id, record_id, updated_at, id", None).await?;
        for (name, columns) in [
            ("attachments_updated", "org_id, updated_at, id"),
            ("attachments_name", "org_id, name_sort, id"),
            ("attachments_owner", "org_id, owner_id, updated_at, id"),
            ("attachments_team", "org_id, team_id, updated_at, id"),
        ] {
            schema.index(name, "attachments", columns, Some("deleted_at IS NULL")).await?;
        }
        custom_fields::columns(&schema, "attachments").await?;
        custom_fields::indexes(&schema, "attachments").await
    }
}
