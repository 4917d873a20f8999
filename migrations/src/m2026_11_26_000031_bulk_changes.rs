//! Changes of many records by a job: which ones, and what became of each.

use sea_orm_migration::prelude::*;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        let changes = schema.table("bulk_changes").id("org_id").id("job_id").text("kind").text("verb");
        schema.create(changes.key(&["org_id", "job_id"])).await?;
        let records = schema
            .table("bulk_records")
            .id("org_id")
            .id("job_id")
            .int("place")
            .id("id")
            .id("record_id")
            .text("status")
            .int_or_null("version")
            .bytes_or_null("error")
            .key(&["org_id", "job_id", "place"]);
        schema.create(records).await?;
        // A record that is found twice stands once; and all that is kept of one goes with it.
        schema.unique("bulk_records_record", "bulk_records", "org_id, record_id, job_id", None).await?;
        schema.index("bulk_records_status", "bulk_records", "org_id, job_id, status, place", None).await
    }
}
