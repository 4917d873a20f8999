//! On SQLite the index of sealed values lies in the order of its key: the entries of a bucket stand together, and a
//! look-up reads no second tree. PostgreSQL has no such tables.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        for sql in [
            "ALTER TABLE pii_index RENAME TO pii_index_before",
            "DROP INDEX pii_index_record",
            "CREATE TABLE pii_index (org_id uuid_text NOT NULL, key_id integer NOT NULL, class text NOT NULL, \
             bucket integer NOT NULL, \"check\" blob NOT NULL, kind text NOT NULL, record_id uuid_text NOT NULL, \
             parent_id uuid_text NOT NULL, strong boolean NOT NULL, \
             CONSTRAINT \"pk-pii_index\" PRIMARY KEY (org_id, bucket, record_id, \"check\")) WITHOUT ROWID",
            "INSERT INTO pii_index SELECT org_id, key_id, class, bucket, \"check\", kind, record_id, parent_id, strong \
             FROM pii_index_before",
            "DROP TABLE pii_index_before",
            "CREATE INDEX pii_index_record ON pii_index (org_id, record_id)",
        ] {
            schema.sql_on(DbBackend::Sqlite, sql).await?;
        }
        Ok(())
    }
}
