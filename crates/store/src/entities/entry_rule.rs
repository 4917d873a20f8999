//! Rules that an organisation lays down for what is entered.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "entry_rules")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub org_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub version: i64,
    pub touched: String,
    pub owner_id: Option<Uuid>,
    pub team_id: Option<Uuid>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub created_by: Option<Uuid>,
    pub deleted_at: Option<DateTimeUtc>,
    pub deleted_with: Option<Uuid>,
    pub custom: Option<String>,
    pub custom_sealed: Option<Vec<u8>>,
    pub kind: String,
    pub field: String,
    pub stages: Option<String>,
    pub check_body: String,
    pub severity: String,
    pub message: Option<String>,
    pub active: bool,
    pub order: i64,
}

crate::engine::rows::row!(Model {
    org_id,
    id,
    version,
    touched,
    owner_id,
    team_id,
    created_at,
    updated_at,
    created_by,
    deleted_at,
    deleted_with,
    custom,
    custom_sealed,
    kind,
    field,
    stages,
    check_body,
    severity,
    message,
    active,
    order,
});

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
