//! Teams, users, sessions, failed sign-ins, and how often somebody was told of what is out of reach.

use sea_orm_migration::prelude::*;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        teams(&schema).await?;
        users(&schema).await?;
        sessions(&schema).await
    }
}

async fn teams(schema: &Schema<'_, '_>) -> Result<(), DbErr> {
    let teams = schema
        .record_table("teams")
        .text("name")
        .text("name_norm")
        .text("name_sort")
        .id_or_null("parent_id")
        .points("parent_id", "teams");
    schema.create(teams).await?;
    schema.unique("teams_name", "teams", "org_id, name_norm", Some("deleted_at IS NULL")).await?;
    schema.index("teams_updated", "teams", "org_id, updated_at, id", Some("deleted_at IS NULL")).await
}

async fn users(schema: &Schema<'_, '_>) -> Result<(), DbErr> {
    let users = schema
        .record_table("users")
        .text("name")
        .text("name_norm")
        .text("name_sort")
        .bytes_or_null("email")
        .bytes_or_null("mobile")
        .bytes_or_null("user_name")
        .text("role")
        .flag("disabled")
        .text_or_null("password_hash")
        .time_or_null("password_changed_at")
        .flag("must_change_password")
        .time_or_null("last_login_at")
        .bytes_or_null("last_login_address")
        .time_or_null("failed_since")
        .points("team_id", "teams");
    schema.create(users).await?;
    schema.index("users_updated", "users", "org_id, updated_at, id", Some("deleted_at IS NULL")).await?;
    schema.index("users_team", "users", "org_id, team_id, id", Some("deleted_at IS NULL")).await
}

async fn sessions(schema: &Schema<'_, '_>) -> Result<(), DbErr> {
    let sessions = schema
        .table("sessions")
        .id("org_id")
        .id("id")
        .id("user_id")
        .text("client")
        .text_or_null("device_name")
        .bytes("family_key")
        .int("counter")
        .time("rotated_at")
        .time("created_at")
        .time("last_seen_at")
        .time("idle_expires_at")
        .time("absolute_expires_at")
        .time_or_null("ended_at")
        .key(&["org_id", "id"])
        .points("user_id", "users");
    schema.create(sessions).await?;
    schema.index("sessions_user", "sessions", "org_id, user_id, created_at", None).await?;
    let failures = schema
        .table("login_failures")
        .bytes("account")
        .bytes("address")
        .int("failures")
        .time("since")
        .key(&["account", "address"]);
    schema.create(failures).await?;
    schema.index("login_failures_address", "login_failures", "address, since", None).await?;
    let disclosures = schema
        .table("disclosures")
        .id("org_id")
        .id("user_id")
        .time("hour")
        .int("told")
        .key(&["org_id", "user_id", "hour"]);
    schema.create(disclosures).await
}
