//! The texts of the documents that records are found by, and documents of further kinds. They are filled by a job; until
//! then their text is missing, and what was found by an older document goes on being found.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Kinds that had no documents, with their tables.
const KINDS: [(&str, &str); 6] = [
    ("follow_up", "follow_ups"),
    ("note", "notes"),
    ("attachment", "attachments"),
    ("user", "users"),
    ("team", "teams"),
    ("tag", "tags"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        schema.sql_on(DbBackend::Sqlite, "ALTER TABLE search_text ADD COLUMN text text").await?;
        schema.sql_on(DbBackend::Postgres, "ALTER TABLE search_text ADD COLUMN text text COLLATE \"C\"").await?;
        for (kind, table) in KINDS {
            // Of deleted ones, too: what hangs on a record comes back with it as it was.
            let insert =
                format!("INSERT INTO search_text (org_id, kind, record_id) SELECT org_id, '{kind}', id FROM {table}");
            schema.sql_on(DbBackend::Sqlite, &insert).await?;
            let insert = format!(
                "INSERT INTO search_text (org_id, kind, record_id, tokens) \
                 SELECT org_id, '{kind}', id, ''::tsvector FROM {table}"
            );
            schema.sql_on(DbBackend::Postgres, &insert).await?;
        }
        schema.index("search_text_unfilled", "search_text", "org_id, record_id", Some("text IS NULL")).await
    }
}
