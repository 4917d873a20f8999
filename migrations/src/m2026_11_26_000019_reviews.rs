//! Reviews of who may do what, when rights were last used, and what a leaver's hand-over looks for.

use sea_orm_migration::prelude::*;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        let uses = schema.table("right_uses").id("org_id").id("user_id").text("used").time("last_used_at");
        schema.create(uses.key(&["org_id", "user_id", "used"])).await?;
        reviews(&schema).await?;
        items(&schema).await?;
        // Deleted customers have an owner too, who looks after them once they are restored.
        let deleted = Some("deleted_at IS NOT NULL");
        schema.index("customers_owner_deleted", "customers", "org_id, owner_id, id", deleted).await
    }
}

async fn reviews(schema: &Schema<'_, '_>) -> Result<(), DbErr> {
    let reviews = schema
        .table("access_reviews")
        .id("org_id")
        .id("id")
        .text_or_null("period")
        .time("opened_at")
        .id_or_null("opened_by")
        .time("due_at")
        .flag("revoke_unanswered")
        .time_or_null("closing_at")
        .time_or_null("closed_at")
        .id_or_null("closed_by")
        .key(&["org_id", "id"]);
    schema.create(reviews).await?;
    // One for each quarter, however many servers look.
    schema.unique("access_reviews_period", "access_reviews", "org_id, period", Some("period IS NOT NULL")).await?;
    schema.index("access_reviews_due", "access_reviews", "due_at", Some("closed_at IS NULL")).await
}

async fn items(schema: &Schema<'_, '_>) -> Result<(), DbErr> {
    let items = schema
        .table("access_review_items")
        .id("org_id")
        .id("review_id")
        .id("user_id")
        .id("id")
        .text_or_null("role")
        .text("other_roles")
        .id_or_null("team_id")
        .time_or_null("last_login_at")
        .text("uses")
        .text_or_null("decision")
        .time_or_null("decided_at")
        .id_or_null("decided_by")
        .bytes_or_null("reason")
        .text_or_null("kept_because")
        .key(&["org_id", "review_id", "user_id"])
        .points("review_id", "access_reviews")
        .points("user_id", "users");
    schema.create(items).await
}
