//! Segments: filters that are kept, and lists of records; which of them use which, and what is on the lists.

use sea_orm_migration::prelude::*;

use crate::base::Schema;
use crate::m2026_11_26_000020_custom_fields::columns;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        let segments = schema
            .record_table("segments")
            .text("name")
            .text("name_norm")
            .text("name_sort")
            .text_or_null("description")
            .text("kind")
            .text("type")
            .text_or_null("filter_body")
            .int("conditions")
            .text_or_null("sort")
            .text("shared");
        schema.create(segments).await?;
        let living = Some("deleted_at IS NULL");
        for (name, columns) in [
            ("segments_updated", "org_id, updated_at, id"),
            ("segments_owner", "org_id, owner_id, updated_at, id"),
            ("segments_team", "org_id, team_id, updated_at, id"),
            ("segments_shared", "org_id, shared, updated_at, id"),
        ] {
            schema.index(name, "segments", columns, living).await?;
        }
        columns(&schema, "segments").await?;
        let uses = schema.table("segment_uses").id("org_id").id("segment_id").id("uses_id").int("times");
        schema.create(uses.key(&["org_id", "segment_id", "uses_id"])).await?;
        schema.index("segment_uses_used", "segment_uses", "org_id, uses_id", None).await?;
        let members = schema.table("segment_members").id("org_id").id("segment_id").id("record_id");
        schema.create(members.key(&["org_id", "segment_id", "record_id"])).await?;
        schema.index("segment_members_record", "segment_members", "org_id, record_id", None).await
    }
}
