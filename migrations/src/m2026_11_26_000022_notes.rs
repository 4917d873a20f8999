//! Notes: what is written down about a customer, or about what hangs on one.

use sea_orm_migration::prelude::*;

use crate::base::Schema;
use crate::m2026_11_26_000020_custom_fields as custom_fields;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        let notes = schema
            .record_table("notes")
            .bytes_or_null("shared_with")
            .text("record_kind")
            .id("record_id")
            .id("customer_id")
            .text("body")
            .flag("pinned")
            .points("customer_id", "customers");
        schema.create(notes).await?;
        // Deleted ones too: they come back with the record they are about.
        schema.index("notes_customer", "notes", "org_id, customer_id, created_at, id", None).await?;
        schema.index("notes_record", "notes", "org_id, record_id, updated_at, id", None).await?;
        for (name, columns) in [
            ("notes_updated", "org_id, updated_at, id"),
            ("notes_owner", "org_id, owner_id, updated_at, id"),
            ("notes_team", "org_id, team_id, updated_at, id"),
        ] {
            schema.index(name, "notes", columns, Some("deleted_at IS NULL")).await?;
        }
        custom_fields::columns(&schema, "notes").await?;
        custom_fields::indexes(&schema, "notes").await
    }
}
