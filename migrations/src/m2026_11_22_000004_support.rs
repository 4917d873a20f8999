//! What stands behind every write: number counters, the index of sealed values, text search, journal, kept answers.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        let counters = schema.table("counters").id("org_id").text("name").int("last").key(&["org_id", "name"]);
        schema.create(counters).await?;
        index_of_sealed_values(&schema).await?;
        text_search(&schema).await?;
        journal(&schema).await?;
        kept_answers(&schema).await
    }
}

async fn index_of_sealed_values(schema: &Schema<'_, '_>) -> Result<(), DbErr> {
    let index = schema
        .table("pii_index")
        .id("org_id")
        .int("key_id")
        .text("class")
        .int("bucket")
        .bytes("check")
        .text("kind")
        .id("record_id")
        .id("parent_id")
        .flag("strong")
        .key(&["org_id", "bucket", "record_id", "check"]);
    schema.create(index).await?;
    schema.index("pii_index_record", "pii_index", "org_id, record_id", None).await
}

async fn text_search(schema: &Schema<'_, '_>) -> Result<(), DbErr> {
    schema
        .sql_on(
            DbBackend::Sqlite,
            "CREATE TABLE search_text (rid integer PRIMARY KEY, org_id uuid_text NOT NULL, kind text NOT NULL, \
             record_id uuid_text NOT NULL)",
        )
        .await?;
    schema
        .sql_on(
            DbBackend::Sqlite,
            "CREATE VIRTUAL TABLE search_fts USING fts5 \
             (tokens, content='', contentless_delete=1, detail=none, tokenize='ascii')",
        )
        .await?;
    schema
        .sql_on(
            DbBackend::Postgres,
            "CREATE TABLE search_text (org_id uuid NOT NULL, kind text COLLATE \"C\" NOT NULL, record_id uuid NOT NULL, \
             tokens tsvector NOT NULL)",
        )
        .await?;
    schema.unique("search_text_record", "search_text", "org_id, record_id", None).await?;
    schema.sql_on(DbBackend::Postgres, "CREATE INDEX search_text_tokens ON search_text USING gin (tokens)").await
}

async fn journal(schema: &Schema<'_, '_>) -> Result<(), DbErr> {
    let journal = schema
        .table("journal")
        .sequence("seq")
        .id("org_id")
        .id("id")
        .time("at")
        .text("class")
        .text("outcome")
        .text("event")
        .text("actor_kind")
        .id_or_null("actor_id")
        .text("via")
        .id_or_null("session_id")
        .text("request_id")
        .text_or_null("kind")
        .id_or_null("record_id")
        .int("version")
        .text("changed")
        .id_or_null("owner_before")
        .id_or_null("owner_after")
        .id_or_null("team_before")
        .id_or_null("team_after")
        .bytes("commitment")
        .bytes_or_null("body")
        .bytes_or_null("origin");
    schema.create(journal).await?;
    schema.index("journal_record", "journal", "org_id, record_id, version", None).await?;
    schema.index("journal_feed", "journal", "org_id, seq", None).await
}

async fn kept_answers(schema: &Schema<'_, '_>) -> Result<(), DbErr> {
    let kept = schema
        .table("kept_answers")
        .id("org_id")
        .id("principal")
        .bytes("key_hash")
        .int("part")
        .id("id")
        .bytes("fingerprint")
        .int("status")
        .text_or_null("location")
        .bytes("body")
        .time("created_at")
        .key(&["org_id", "principal", "key_hash", "part"]);
    schema.create(kept).await?;
    schema.index("kept_answers_age", "kept_answers", "created_at", None).await
}
