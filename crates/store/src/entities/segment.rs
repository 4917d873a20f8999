//! Segments: filters that are kept, and lists of records.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "segments")]
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
    pub name: String,
    pub name_norm: String,
    pub name_sort: String,
    pub description: Option<String>,
    pub kind: String,
    pub r#type: String,
    pub filter_body: Option<String>,
    pub conditions: i64,
    pub sort: Option<String>,
    pub shared: String,
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
    name,
    name_norm,
    name_sort,
    description,
    kind,
    r#type,
    filter_body,
    conditions,
    sort,
    shared,
});

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
