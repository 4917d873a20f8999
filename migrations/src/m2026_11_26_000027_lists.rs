//! What lists of many records need: indexes that hold one record in 64, from which estimates are made, and the letters
//! under which contacts and users are listed.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        for (backend, sampled) in
            [(DbBackend::Sqlite, "substr(id, 16, 1) < x'04'"), (DbBackend::Postgres, "get_byte(uuid_send(id), 15) < 4")]
        {
            for table in ["customers", "contacts", "follow_ups", "notes", "attachments"] {
                // SQLite has no statistics: that two columns are given makes it take this index before another one.
                let sql = format!(
                    "CREATE INDEX {table}_sample ON {table} (org_id, deleted_at, id) \
                     WHERE deleted_at IS NULL AND {sampled}"
                );
                schema.sql_on(backend, &sql).await?;
            }
        }
        initials(&schema).await
    }
}

/// The first letter of the sort key, `#` where it is none. Of those that there are; a write keeps it from then on.
async fn initials(schema: &Schema<'_, '_>) -> Result<(), DbErr> {
    for table in ["contacts", "users"] {
        for (backend, text) in [(DbBackend::Sqlite, "text"), (DbBackend::Postgres, r#"text COLLATE "C""#)] {
            let sql = format!("ALTER TABLE {table} ADD COLUMN initial {text} NOT NULL DEFAULT '#'");
            schema.sql_on(backend, &sql).await?;
        }
        let sql = format!(
            "UPDATE {table} SET initial = upper(substr(name_sort, 1, 1)) \
             WHERE substr(name_sort, 1, 1) >= 'a' AND substr(name_sort, 1, 1) <= 'z'"
        );
        schema.sql(&sql).await?;
    }
    Ok(())
}
