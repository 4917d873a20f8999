//! What was erased, so that it is erased again where an older copy of the data comes back.

use sea_orm_migration::prelude::*;

use crate::base::Schema;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let schema = Schema::new(manager);
        let erasures = schema.table("erasures").id("org_id").bytes("mac").text("kind").time("at");
        schema.create(erasures.key(&["org_id", "mac"])).await?;
        // What an erasure looks for that nothing else does; the first is also what the deletion of a contact is checked
        // by.
        let of_contact = Some("contact_id IS NOT NULL");
        schema.index("follow_ups_contact", "follow_ups", "org_id, contact_id", of_contact).await?;
        schema.index("submissions_contact", "submissions", "org_id, contact_id", of_contact).await?;
        let of_record = Some("location IS NOT NULL");
        schema.index("kept_answers_location", "kept_answers", "org_id, location", of_record).await
    }
}
