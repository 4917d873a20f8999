//! What came in through forms.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "submissions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub org_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub form_id: Uuid,
    pub form_version: i64,
    pub received_at: DateTimeUtc,
    pub status: String,
    pub customer_id: Option<Uuid>,
    pub contact_id: Option<Uuid>,
    pub follow_up_id: Option<Uuid>,
    pub repeat_of: Option<Uuid>,
    pub repeat_count: i64,
    pub flags: String,
    pub source_hash: Option<Vec<u8>>,
    pub detail: Vec<u8>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
