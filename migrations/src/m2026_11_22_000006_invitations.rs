//! Invitations: a new user chooses a password by a link that works once.

use sea_orm_migration::prelude::*;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        let invitations = schema
            .table("invitations")
            .id("org_id")
            .id("user_id")
            .bytes("token_hash")
            .time("created_at")
            .time("expires_at")
            .key(&["org_id", "user_id"])
            .points("user_id", "users");
        schema.create(invitations).await?;
        schema.index("invitations_age", "invitations", "expires_at", None).await?;
        schema.index("sessions_age", "sessions", "absolute_expires_at", None).await?;
        schema.index("sessions_ended", "sessions", "ended_at", Some("ended_at IS NOT NULL")).await?;
        schema.index("login_failures_age", "login_failures", "since", None).await
    }
}
