//! Keys of programs and personal tokens. Only a hash of them is stored.

use sea_orm_migration::prelude::*;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        let keys = schema
            .table("api_keys")
            .id("org_id")
            .id("id")
            .text("kind")
            .text("name")
            .bytes("token_hash")
            .text("hint")
            .text_or_null("role")
            .id_or_null("user_id")
            .text_or_null("scope")
            .text_or_null("fields")
            .time("created_at")
            .id_or_null("created_by")
            .time_or_null("expires_at")
            .time_or_null("revoked_at")
            .time_or_null("last_used_at")
            .key(&["org_id", "id"])
            .points("user_id", "users");
        schema.create(keys).await?;
        schema.unique("api_keys_token", "api_keys", "org_id, token_hash", None).await?;
        schema.index("api_keys_user", "api_keys", "org_id, user_id", Some("user_id IS NOT NULL")).await
    }
}
