//! Numbers of customers that were erased: none of them is ever given again.

use sea_orm_migration::prelude::*;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        let numbers = schema.table("retired_numbers").id("org_id").text("number");
        schema.create(numbers.key(&["org_id", "number"])).await
    }
}
