//! Fields that an organisation adds to its records: their definitions, their values in each record, and columns by
//! which the values of filterable ones are asked for.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Every table of records that there was before.
const TABLES: [&str; 8] = ["customers", "contacts", "follow_ups", "tags", "users", "teams", "roles", "forms"];
/// Those that have many rows: what is asked for there walks an index.
const LARGE: [&str; 3] = ["customers", "contacts", "follow_ups"];
/// How many texts and how many numbers of a record can be asked for.
const SLOTS: u8 = 12;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        let fields = schema
            .record_table("fields")
            .text("kind")
            .text("key")
            .text("type")
            .text("label")
            .text_or_null("help")
            .text_or_null("group")
            .int("order")
            .flag("required")
            .flag("unique")
            .text_or_null("default")
            .flag("sensitive")
            .flag("filterable")
            .flag("searchable")
            .text("choices")
            .text_or_null("min")
            .text_or_null("max")
            .text_or_null("pattern")
            .text_or_null("currency")
            .text_or_null("target")
            .flag("retired")
            .int("no")
            // Kept by a field that is asked for no longer until nothing stands there.
            .text_or_null("slot")
            .flag("indexed")
            // The filling or emptying that was asked for last: an older one ends.
            .id_or_null("filling");
        schema.create(fields).await?;
        schema.unique("fields_key", "fields", "org_id, kind, key", Some("deleted_at IS NULL")).await?;
        schema.unique("fields_no", "fields", "org_id, kind, no", None).await?;
        schema.index("fields_updated", "fields", "org_id, updated_at, id", Some("deleted_at IS NULL")).await?;
        for table in TABLES {
            columns(&schema, table).await?;
        }
        columns(&schema, "fields").await?;
        for table in LARGE {
            indexes(&schema, table).await?;
        }
        let links = schema.table("custom_links").id("org_id").id("field_id").text("value").id("record_id").key(&[
            "org_id",
            "field_id",
            "value",
            "record_id",
        ]);
        schema.create(links).await?;
        schema.index("custom_links_record", "custom_links", "org_id, record_id", None).await
    }
}

/// Values by the numbers of their fields, as JSON; those of sensitive fields in a sealed cell. What can be asked for
/// stands once more in a column of its own.
pub(crate) async fn columns(schema: &Schema<'_, '_>, table: &str) -> Result<(), DbErr> {
    for (backend, text, bytes) in
        [(DbBackend::Sqlite, "text", "blob"), (DbBackend::Postgres, "text COLLATE \"C\"", "bytea")]
    {
        let add = |name: &str, what: &str| format!("ALTER TABLE {table} ADD COLUMN {name} {what}");
        schema.sql_on(backend, &add("custom", text)).await?;
        schema.sql_on(backend, &add("custom_sealed", bytes)).await?;
        for slot in 1..=SLOTS {
            schema.sql_on(backend, &add(&format!("custom_text_{slot}"), text)).await?;
            schema.sql_on(backend, &add(&format!("custom_number_{slot}"), "bigint")).await?;
        }
    }
    Ok(())
}

/// Of what a slot holds, the latest first; and in the order of what it holds. Records without a value are not in it.
pub(crate) async fn indexes(schema: &Schema<'_, '_>, table: &str) -> Result<(), DbErr> {
    for slot in 1..=SLOTS {
        for column in [format!("custom_text_{slot}"), format!("custom_number_{slot}")] {
            let only = format!("{column} IS NOT NULL AND deleted_at IS NULL");
            let name = format!("{table}_{column}");
            schema.index(&name, table, &format!("org_id, {column}, updated_at, id"), Some(&only)).await?;
        }
    }
    Ok(())
}
