//! Rights as data: roles that an organisation makes, several roles of a user, and customers that are shared.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        let roles = schema
            .record_table("roles")
            .text("key")
            .text("name")
            .text("name_norm")
            .text("name_sort")
            .text_or_null("description")
            .text("rights");
        schema.create(roles).await?;
        schema.unique("roles_key", "roles", "org_id, key", Some("deleted_at IS NULL")).await?;
        schema.unique("roles_name", "roles", "org_id, name_norm", Some("deleted_at IS NULL")).await?;
        schema.index("roles_updated", "roles", "org_id, updated_at, id", Some("deleted_at IS NULL")).await?;
        users(&schema).await?;
        sharing(&schema).await
    }
}

/// A user has any number of roles, or none.
async fn users(schema: &Schema<'_, '_>) -> Result<(), DbErr> {
    let other_roles = r#"ALTER TABLE users ADD COLUMN other_roles text COLLATE "C" NOT NULL DEFAULT ''"#;
    schema.sql_on(DbBackend::Postgres, other_roles).await?;
    schema.sql_on(DbBackend::Postgres, "ALTER TABLE users ALTER COLUMN role DROP NOT NULL").await?;
    schema.sql_on(DbBackend::Sqlite, "ALTER TABLE users ADD COLUMN other_roles text NOT NULL DEFAULT ''").await?;
    // SQLite changes no column: the new one takes the name of the old.
    for sql in [
        "ALTER TABLE users ADD COLUMN role_or_none text",
        "UPDATE users SET role_or_none = role",
        "ALTER TABLE users DROP COLUMN role",
        "ALTER TABLE users RENAME COLUMN role_or_none TO role",
    ] {
        schema.sql_on(DbBackend::Sqlite, sql).await?;
    }
    Ok(())
}

/// Whom a customer is shared with stands in its row and in those of what hangs on it; and in a table, to find what is
/// shared with somebody.
async fn sharing(schema: &Schema<'_, '_>) -> Result<(), DbErr> {
    for table in ["customers", "contacts", "follow_ups"] {
        for (backend, bytes) in [(DbBackend::Sqlite, "blob"), (DbBackend::Postgres, "bytea")] {
            schema.sql_on(backend, &format!("ALTER TABLE {table} ADD COLUMN shared_with {bytes}")).await?;
        }
    }
    let collaborators = schema
        .table("collaborators")
        .id("org_id")
        .id("user_id")
        .id("customer_id")
        .key(&["org_id", "user_id", "customer_id"])
        .points("user_id", "users")
        .points("customer_id", "customers");
    schema.create(collaborators).await?;
    schema.index("collaborators_customer", "collaborators", "org_id, customer_id", None).await
}
