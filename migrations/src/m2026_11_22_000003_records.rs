//! Customers, contacts, follow-ups, tags.

use sea_orm_migration::prelude::*;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// Lists show living records only, and walk indexes that hold nothing else.
const LIVING: Option<&str> = Some("deleted_at IS NULL");

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        customers(&schema).await?;
        contacts(&schema).await?;
        follow_ups(&schema).await?;
        tags(&schema).await
    }
}

async fn customers(schema: &Schema<'_, '_>) -> Result<(), DbErr> {
    let customers = schema
        .record_table("customers")
        .text("number")
        .text("name")
        .text("name_norm")
        .text("name_sort")
        .text("initial")
        .text("kind")
        .text("stage")
        .text_or_null("grade")
        .text_or_null("industry")
        .text_or_null("size")
        .text_or_null("credit_code")
        .text_or_null("region")
        .bytes_or_null("address")
        .bytes_or_null("phones")
        .bytes_or_null("emails")
        .bytes_or_null("wechat")
        .text_or_null("source")
        .text_or_null("remark")
        .bytes("tag_ids")
        .time("last_follow_up_at")
        .time("next_follow_up_at")
        .text("flags")
        .points("owner_id", "users")
        .points("team_id", "teams");
    schema.create(customers).await?;
    schema.unique("customers_number", "customers", "org_id, number", None).await?;
    schema.index("customers_credit_code", "customers", "org_id, credit_code", Some("credit_code IS NOT NULL")).await?;
    for (name, columns) in [
        ("customers_updated", "org_id, updated_at, id"),
        ("customers_created", "org_id, created_at, id"),
        ("customers_name", "org_id, name_sort, id"),
        ("customers_stage", "org_id, stage, updated_at, id"),
        ("customers_owner", "org_id, owner_id, updated_at, id"),
        ("customers_owner_stage", "org_id, owner_id, stage, updated_at, id"),
        ("customers_last_follow_up", "org_id, last_follow_up_at, id"),
        ("customers_owner_due", "org_id, owner_id, next_follow_up_at, id"),
        ("customers_team", "org_id, team_id, updated_at, id"),
    ] {
        schema.index(name, "customers", columns, LIVING).await?;
    }
    Ok(())
}

async fn contacts(schema: &Schema<'_, '_>) -> Result<(), DbErr> {
    let contacts = schema
        .record_table("contacts")
        .id("customer_id")
        .text("name")
        .text("name_norm")
        .text("name_sort")
        .text_or_null("position")
        .text_or_null("role")
        .bytes_or_null("phones")
        .bytes_or_null("emails")
        .bytes_or_null("wechat")
        .bytes_or_null("birthday")
        .flag("primary")
        .text_or_null("remark")
        .bytes("tag_ids")
        .points("customer_id", "customers");
    schema.create(contacts).await?;
    // Deleted ones too: they come back with their customer.
    schema.index("contacts_customer", "contacts", "org_id, customer_id, created_at, id", None).await?;
    for (name, columns) in [
        ("contacts_updated", "org_id, updated_at, id"),
        ("contacts_name", "org_id, name_sort, id"),
        ("contacts_owner", "org_id, owner_id, updated_at, id"),
        ("contacts_team", "org_id, team_id, updated_at, id"),
    ] {
        schema.index(name, "contacts", columns, LIVING).await?;
    }
    Ok(())
}

async fn follow_ups(schema: &Schema<'_, '_>) -> Result<(), DbErr> {
    let follow_ups = schema
        .record_table("follow_ups")
        .id("customer_id")
        .id_or_null("contact_id")
        .text("kind")
        .text("summary")
        .time("happened_at")
        .text_or_null("next_step")
        .time("next_due_at")
        .points("customer_id", "customers")
        .points("contact_id", "contacts");
    schema.create(follow_ups).await?;
    schema.index("follow_ups_customer", "follow_ups", "org_id, customer_id, happened_at, id", None).await?;
    for (name, columns) in [
        ("follow_ups_updated", "org_id, updated_at, id"),
        ("follow_ups_happened", "org_id, happened_at, id"),
        ("follow_ups_owner", "org_id, owner_id, happened_at, id"),
        ("follow_ups_team", "org_id, team_id, happened_at, id"),
    ] {
        schema.index(name, "follow_ups", columns, LIVING).await?;
    }
    Ok(())
}

async fn tags(schema: &Schema<'_, '_>) -> Result<(), DbErr> {
    let tags = schema
        .record_table("tags")
        .text("name")
        .text("name_norm")
        .text("name_sort")
        .text_or_null("group")
        .text_or_null("color");
    schema.create(tags).await?;
    schema.unique("tags_name", "tags", "org_id, name_norm", LIVING).await?;
    schema.index("tags_updated", "tags", "org_id, updated_at, id", LIVING).await?;
    let links = schema
        .table("tag_links")
        .id("org_id")
        .id("tag_id")
        .text("kind")
        .id("record_id")
        .key(&["org_id", "tag_id", "kind", "record_id"])
        .points("tag_id", "tags");
    schema.create(links).await?;
    schema.index("tag_links_record", "tag_links", "org_id, record_id", None).await
}
