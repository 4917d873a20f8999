//! Policies of an organisation: versions of its settings, earlier passwords, locked accounts, and what somebody is told
//! at sign-in.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        // As the driver of SQLite declares them: a value is read back by the declared type of its column.
        for (backend, integer, time, bytes) in [
            (DbBackend::Sqlite, "integer", "timestamp_ms_integer", "blob"),
            (DbBackend::Postgres, "bigint", "timestamptz(3)", "bytea"),
        ] {
            for (table, column, of) in [
                ("organisations", "version", format!("{integer} NOT NULL DEFAULT 1")),
                ("organisations", "touched", "text NOT NULL DEFAULT '{}'".to_owned()),
                ("organisations", "settings_at", time.to_owned()),
                // The sign-in before the one that began the session.
                ("sessions", "previous_at", time.to_owned()),
                ("sessions", "previous_address", bytes.to_owned()),
                ("sessions", "failures_before", format!("{integer} NOT NULL DEFAULT 0")),
            ] {
                schema.sql_on(backend, &format!("ALTER TABLE {table} ADD COLUMN {column} {of}")).await?;
            }
        }
        let failures = schema
            .table("account_failures")
            .id("org_id")
            .id("user_id")
            .int("failures")
            .int("counted")
            .time("since")
            .time_or_null("locked_until")
            .key(&["org_id", "user_id"])
            .points("user_id", "users");
        schema.create(failures).await?;
        let history = schema
            .table("password_history")
            .id("org_id")
            .id("user_id")
            .id("id")
            .text("hash")
            .time("replaced_at")
            .key(&["org_id", "user_id", "id"])
            .points("user_id", "users");
        schema.create(history).await
    }
}
