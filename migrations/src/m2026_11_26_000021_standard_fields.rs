//! The standard fields of customers, contacts and follow-ups: what a customer looks for, what was done together, who
//! reports to whom, what a follow-up came to; and how many contacts and follow-ups a customer has.

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
        for (backend, text, integer, uuid) in [
            (DbBackend::Sqlite, "text", "integer", "uuid_text"),
            (DbBackend::Postgres, r#"text COLLATE "C""#, "bigint", "uuid"),
        ] {
            let count = format!("{integer} NOT NULL DEFAULT 0");
            for (table, column, of) in [
                ("customers", "needs", text),
                ("customers", "need_products", text),
                ("customers", "budget_min", integer),
                ("customers", "budget_max", integer),
                ("customers", "purchase_window", text),
                ("customers", "preferences", text),
                ("customers", "cooperation_history", text),
                ("customers", "cooperation_since", text),
                ("customers", "contact_count", &count),
                ("customers", "follow_up_count", &count),
                ("contacts", "attitude", text),
                ("contacts", "reports_to_id", uuid),
                ("follow_ups", "duration_minutes", integer),
                ("follow_ups", "outcome", text),
                ("follow_ups", "needs_heard", text),
                ("follow_ups", "pain_points", text),
            ] {
                schema.sql_on(backend, &format!("ALTER TABLE {table} ADD COLUMN {column} {of}")).await?;
            }
        }
        // A contact that is erased is looked for there.
        let below = Some("reports_to_id IS NOT NULL");
        schema.index("contacts_reports_to", "contacts", "org_id, reports_to_id", below).await?;
        count(&schema).await
    }
}

/// Those that there are. What was deleted with its customer comes back with it, and is counted.
async fn count(schema: &Schema<'_, '_>) -> Result<(), DbErr> {
    for (column, table) in [("contact_count", "contacts"), ("follow_up_count", "follow_ups")] {
        let sql = format!(
            "UPDATE customers SET {column} = (SELECT count(*) FROM {table} AS t WHERE t.org_id = customers.org_id \
             AND t.customer_id = customers.id AND (t.deleted_at IS NULL OR t.deleted_with = t.customer_id))"
        );
        schema.sql(&sql).await?;
    }
    Ok(())
}
