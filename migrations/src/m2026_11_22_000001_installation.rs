//! Organisations, their sealing keys, and the keys that sign tokens. Organisation 0 is the installation itself.

use sea_orm_migration::prelude::*;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        let organisations = schema
            .table("organisations")
            .id("id")
            .text("slug")
            .text("name")
            .text("locale")
            .text("time_zone")
            .text("currency")
            .text("region")
            .time("created_at")
            .int("state")
            .key(&["id"]);
        schema.create(organisations).await?;
        schema.unique("organisations_slug", "organisations", "slug", None).await?;

        let keys = schema
            .table("tenant_keys")
            .id("org_id")
            .int("key_id")
            .text("purpose")
            .text("state")
            .text("kek_id")
            .bytes("wrapped")
            .time("created_at")
            .key(&["org_id", "key_id", "purpose"]);
        schema.create(keys).await?;

        let signing = schema
            .table("signing_keys")
            .id("id")
            .bytes("private_key")
            .bytes("public_key")
            .time("created_at")
            .time_or_null("retired_at")
            .key(&["id"]);
        schema.create(signing).await
    }
}
