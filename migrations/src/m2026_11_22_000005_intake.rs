//! Forms, and what came in through them.

use sea_orm_migration::prelude::*;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        forms(&schema).await?;
        submissions(&schema).await
    }
}

async fn forms(schema: &Schema<'_, '_>) -> Result<(), DbErr> {
    let forms = schema
        .record_table("forms")
        .text("name")
        .text("name_norm")
        .text("name_sort")
        .text("fields")
        .text("origins")
        .text_or_null("consent_text")
        .text_or_null("honeypot")
        .int("repeat_window")
        .text("source")
        .id_or_null("assign_team_id")
        .text_or_null("answer")
        .text_or_null("source_id")
        .flag("paused")
        .bytes_or_null("public_key")
        .bytes("public_hash")
        .bytes_or_null("hook_hash")
        .bytes_or_null("id_salt")
        .points("assign_team_id", "teams");
    schema.create(forms).await?;
    schema.unique("forms_public", "forms", "org_id, public_hash", None).await?;
    schema.unique("forms_hook", "forms", "org_id, hook_hash", Some("hook_hash IS NOT NULL")).await?;
    schema.index("forms_updated", "forms", "org_id, updated_at, id", Some("deleted_at IS NULL")).await
}

async fn submissions(schema: &Schema<'_, '_>) -> Result<(), DbErr> {
    let submissions = schema
        .table("submissions")
        .id("org_id")
        .id("id")
        .id("form_id")
        .int("form_version")
        .time("received_at")
        .text("status")
        .id_or_null("customer_id")
        .id_or_null("contact_id")
        .id_or_null("follow_up_id")
        .id_or_null("repeat_of")
        .int("repeat_count")
        .text("flags")
        .bytes_or_null("source_hash")
        .bytes("detail")
        .key(&["org_id", "id"])
        .points("form_id", "forms");
    schema.create(submissions).await?;
    schema.index("submissions_form", "submissions", "org_id, form_id, received_at, id", None).await?;
    schema.index("submissions_status", "submissions", "org_id, form_id, status, received_at, id", None).await?;
    schema.index("submissions_customer", "submissions", "org_id, customer_id, received_at, id", None).await?;
    let once = Some("source_hash IS NOT NULL");
    schema.unique("submissions_source", "submissions", "org_id, form_id, source_hash", once).await?;
    // Apart from the rest, so that lists do not walk past whole bodies, and so that these can go after their time.
    let bodies = schema
        .table("submission_bodies")
        .id("org_id")
        .id("submission_id")
        .bytes("raw")
        .time("expires_at")
        .key(&["org_id", "submission_id"])
        .points("submission_id", "submissions");
    schema.create(bodies).await?;
    schema.index("submission_bodies_expiry", "submission_bodies", "expires_at", None).await
}
