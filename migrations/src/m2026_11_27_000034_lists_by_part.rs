//! Lists of a person and of a team in every order, and by grade and source. The indexes of the usual order hold what else
//! lists are asked for, so that a record that does not fit is passed over without being read.

use sea_orm_migration::prelude::*;

use crate::base::Schema;

const LIVING: &str = "deleted_at IS NULL";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        for (name, columns) in [
            ("updated", "org_id, updated_at, id, owner_id, team_id, stage, grade, source"),
            ("owner", "org_id, owner_id, updated_at, id, team_id, stage, grade, source"),
            ("team", "org_id, team_id, updated_at, id, owner_id, stage, grade, source"),
        ] {
            schema.sql(&format!("DROP INDEX customers_{name}")).await?;
            schema.index(&format!("customers_{name}"), "customers", columns, Some(LIVING)).await?;
        }
        for column in ["grade", "source"] {
            let some = format!("{LIVING} AND {column} IS NOT NULL");
            let columns = format!("org_id, {column}, updated_at, id");
            schema.index(&format!("customers_{column}"), "customers", &columns, Some(&some)).await?;
        }
        for (name, table, columns) in [
            ("customers_due", "customers", "org_id, next_follow_up_at, id"),
            ("customers_owner_created", "customers", "org_id, owner_id, created_at, id"),
            ("customers_owner_name", "customers", "org_id, owner_id, name_sort, id"),
            ("customers_owner_last", "customers", "org_id, owner_id, last_follow_up_at, id"),
            ("customers_team_created", "customers", "org_id, team_id, created_at, id"),
            ("customers_team_name", "customers", "org_id, team_id, name_sort, id"),
            ("customers_team_last", "customers", "org_id, team_id, last_follow_up_at, id"),
            ("customers_team_due", "customers", "org_id, team_id, next_follow_up_at, id"),
            ("contacts_owner_name", "contacts", "org_id, owner_id, name_sort, id"),
            ("contacts_team_name", "contacts", "org_id, team_id, name_sort, id"),
            ("attachments_owner_name", "attachments", "org_id, owner_id, name_sort, id"),
            ("attachments_team_name", "attachments", "org_id, team_id, name_sort, id"),
            ("follow_ups_due", "follow_ups", "org_id, next_due_at, id"),
            ("follow_ups_owner_due", "follow_ups", "org_id, owner_id, next_due_at, id"),
            ("follow_ups_team_due", "follow_ups", "org_id, team_id, next_due_at, id"),
        ] {
            schema.index(name, table, columns, Some(LIVING)).await?;
        }
        Ok(())
    }
}
