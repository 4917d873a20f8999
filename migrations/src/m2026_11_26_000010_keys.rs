//! Rotation of keys: how often a root has sealed, one primary root for each purpose, and on PostgreSQL the check that a
//! transaction makes with its commit.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        for (backend, integer) in [(DbBackend::Sqlite, "integer"), (DbBackend::Postgres, "bigint")] {
            let sql = format!("ALTER TABLE tenant_keys ADD COLUMN sealed {integer} NOT NULL DEFAULT 0");
            schema.sql_on(backend, &sql).await?;
        }
        schema.unique("tenant_keys_primary", "tenant_keys", "org_id, purpose", Some("state = 'primary'")).await?;
        schema.index("tenant_keys_kek", "tenant_keys", "kek_id", None).await?;
        schema.sql_on(DbBackend::Postgres, CHECK).await
    }
}

/// Each statement of it sees what was committed when it began: after the lock, and not before.
const CHECK: &str = "CREATE FUNCTION kehu_keys_are_current(lane bigint, org uuid, enc bigint, idx bigint) RETURNS void \
     LANGUAGE plpgsql VOLATILE AS $$ BEGIN \
     PERFORM pg_advisory_xact_lock_shared(lane); \
     IF (SELECT count(*) FROM tenant_keys WHERE org_id = org AND state = 'primary' \
         AND ((purpose = 'enc' AND key_id = enc) OR (purpose = 'index' AND key_id = idx))) <> 2 THEN \
     RAISE EXCEPTION 'sealed under a root that is not primary any more' USING ERRCODE = 'serialization_failure'; \
     END IF; END $$";
