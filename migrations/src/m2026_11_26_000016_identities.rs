//! Signing in by a company's own provider: providers, who is known to them, and sign-ins that were begun.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        providers(&schema).await?;
        identities(&schema).await?;
        sign_ins(&schema).await
    }
}

async fn providers(schema: &Schema<'_, '_>) -> Result<(), DbErr> {
    let providers = schema
        .table("identity_providers")
        .id("org_id")
        .id("id")
        .int("version")
        .text("settings")
        .bytes_or_null("client_secret")
        .bytes("subject_key")
        .time("created_at")
        .time("updated_at")
        .key(&["org_id", "id"]);
    schema.create(providers).await
}

/// A person is found by a keyed hash of what the provider calls it.
async fn identities(schema: &Schema<'_, '_>) -> Result<(), DbErr> {
    let identities = schema
        .table("identities")
        .id("org_id")
        .id("provider_id")
        .bytes("subject_hash")
        .id("user_id")
        .time("created_at")
        .key(&["org_id", "provider_id", "subject_hash"])
        .points("provider_id", "identity_providers")
        .points("user_id", "users");
    schema.create(identities).await?;
    schema.index("identities_user", "identities", "org_id, user_id", None).await
}

async fn sign_ins(schema: &Schema<'_, '_>) -> Result<(), DbErr> {
    let sign_ins = schema
        .table("external_sign_ins")
        .id("org_id")
        .id("id")
        .id("provider_id")
        .bytes("state_hash")
        .bytes("proof_hash")
        .bytes("nonce_hash")
        .bytes("verifier")
        .text("redirect_uri")
        .text("client")
        .text_or_null("device_name")
        .time("expires_at")
        .key(&["org_id", "id"])
        .points("provider_id", "identity_providers");
    schema.create(sign_ins).await?;
    schema.unique("external_sign_ins_state", "external_sign_ins", "org_id, state_hash", None).await?;
    schema.index("external_sign_ins_age", "external_sign_ins", "expires_at", None).await?;
    // Which provider a session began with: none is a password.
    for (backend, uuid) in [(DbBackend::Sqlite, "uuid_text"), (DbBackend::Postgres, "uuid")] {
        schema.sql_on(backend, &format!("ALTER TABLE sessions ADD COLUMN provider_id {uuid}")).await?;
    }
    schema.index("sessions_provider", "sessions", "org_id, provider_id", Some("provider_id IS NOT NULL")).await
}
