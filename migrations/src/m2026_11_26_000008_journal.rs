//! The journal as it is verified and kept: each entry has a code that only a holder of the key can make, closed
//! stretches form a chain, readers keep their place. On PostgreSQL it is divided by months, so that what is too old
//! goes with its month.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        for sql in SQLITE {
            schema.sql_on(DbBackend::Sqlite, sql).await?;
        }
        for sql in POSTGRES {
            schema.sql_on(DbBackend::Postgres, sql).await?;
        }
        indexes(&schema).await?;
        stretches(&schema).await?;
        let readers = schema.table("journal_readers").text("name").int("seq").bytes_or_null("mac").key(&["name"]);
        schema.create(readers).await?;
        // What was written before has no code: the chain begins behind it.
        schema.sql("INSERT INTO journal_readers (name, seq) SELECT 'chain', coalesce(max(seq), 0) FROM journal").await
    }
}

/// The order of before goes with its table; the column of the code is all that is new.
const SQLITE: [&str; 3] = [
    "ALTER TABLE journal ADD COLUMN mac blob NOT NULL DEFAULT x''",
    "DROP INDEX journal_record",
    "DROP INDEX journal_feed",
];

const POSTGRES: [&str; 8] = [
    "ALTER TABLE journal RENAME TO journal_before",
    "DROP INDEX journal_record",
    "DROP INDEX journal_feed",
    "CREATE SEQUENCE journal_order",
    "CREATE TABLE journal (seq bigint NOT NULL DEFAULT nextval('journal_order'), org_id uuid NOT NULL, id uuid NOT NULL, \
     at timestamptz(3) NOT NULL, class text COLLATE \"C\" NOT NULL, outcome text COLLATE \"C\" NOT NULL, \
     event text COLLATE \"C\" NOT NULL, actor_kind text COLLATE \"C\" NOT NULL, actor_id uuid, \
     via text COLLATE \"C\" NOT NULL, session_id uuid, request_id text COLLATE \"C\" NOT NULL, \
     kind text COLLATE \"C\", record_id uuid, version bigint NOT NULL, changed text COLLATE \"C\" NOT NULL, \
     owner_before uuid, owner_after uuid, team_before uuid, team_after uuid, commitment bytea NOT NULL, body bytea, \
     origin bytea, mac bytea NOT NULL DEFAULT '', PRIMARY KEY (seq, at)) PARTITION BY RANGE (at)",
    // Entries whose month has no table of its own: clocks that are wrong must lose nothing.
    "CREATE TABLE journal_rest PARTITION OF journal DEFAULT",
    "DO $$ DECLARE month date := date_trunc('month', now() AT TIME ZONE 'UTC'); BEGIN FOR i IN 0..2 LOOP \
     EXECUTE format('CREATE TABLE journal_%s PARTITION OF journal FOR VALUES FROM (%L) TO (%L)', \
     to_char(month, 'YYYY_MM'), to_char(month, 'YYYY-MM-DD') || ' 00:00:00+00', \
     to_char(month + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00'); \
     month := month + interval '1 month'; END LOOP; END $$",
    "WITH moved AS (INSERT INTO journal SELECT * FROM journal_before RETURNING seq) \
     SELECT setval('journal_order', max(seq)) FROM moved HAVING max(seq) IS NOT NULL",
];

async fn indexes(schema: &Schema<'_, '_>) -> Result<(), DbErr> {
    schema.sql_on(DbBackend::Postgres, "DROP TABLE journal_before").await?;
    // Ids are UUIDs of the entries' times: one index for one entry, for newest first, and for a span of time.
    schema.sql_on(DbBackend::Sqlite, "CREATE UNIQUE INDEX journal_entry ON journal (org_id, id)").await?;
    schema.sql_on(DbBackend::Postgres, "CREATE UNIQUE INDEX journal_entry ON journal (org_id, id, at)").await?;
    schema.index("journal_record", "journal", "org_id, record_id, version", None).await?;
    schema.index("journal_feed", "journal", "org_id, seq", None).await?;
    schema.index("journal_actor", "journal", "org_id, actor_id, id", None).await?;
    // Most entries are changes that were done; the others are looked for.
    schema.index("journal_notable", "journal", "org_id, class, id", Some("class <> 'change'")).await?;
    schema.index("journal_refused", "journal", "org_id, outcome, id", Some("outcome <> 'ok'")).await
}

async fn stretches(schema: &Schema<'_, '_>) -> Result<(), DbErr> {
    let stretches = schema
        .table("journal_stretches")
        .id("org_id")
        .int("number")
        .int("first_seq")
        .int("last_seq")
        .int("entries")
        .time("first_at")
        .time("last_at")
        .time("closed_at")
        .bytes_or_null("digests")
        .bytes("root")
        .bytes("previous")
        .bytes("hash")
        .bytes("mac")
        .key(&["org_id", "number"]);
    schema.create(stretches).await?;
    schema.index("journal_stretches_place", "journal_stretches", "org_id, last_seq", None).await?;
    schema.index("journal_stretches_age", "journal_stretches", "closed_at", Some("digests IS NOT NULL")).await?;
    let heads = schema.table("journal_heads").id("org_id").int("begins").int("number").bytes("hash").bytes("mac");
    schema.create(heads.key(&["org_id"])).await
}
