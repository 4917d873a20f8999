//! The second factor of users: a seed for codes by time, and recovery codes.

use sea_orm_migration::prelude::*;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        let factors = schema
            .table("second_factors")
            .id("org_id")
            .id("user_id")
            .bytes("seed")
            .int("last_step")
            .time("created_at")
            .time_or_null("confirmed_at")
            .key(&["org_id", "user_id"])
            .points("user_id", "users");
        schema.create(factors).await?;
        let codes = schema
            .table("recovery_codes")
            .id("org_id")
            .id("user_id")
            .bytes("code_hash")
            .time("created_at")
            .key(&["org_id", "user_id", "code_hash"])
            .points("user_id", "users");
        schema.create(codes).await
    }
}
