//! Fields that an organisation adds to its records.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "fields")]
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
    pub key: String,
    pub r#type: String,
    pub label: String,
    pub help: Option<String>,
    pub group: Option<String>,
    pub order: i64,
    pub required: bool,
    pub unique: bool,
    pub default: Option<String>,
    pub sensitive: bool,
    pub filterable: bool,
    pub searchable: bool,
    pub choices: String,
    pub min: Option<String>,
    pub max: Option<String>,
    pub pattern: Option<String>,
    pub currency: Option<String>,
    pub target: Option<String>,
    pub retired: bool,
    pub no: i64,
    pub slot: Option<String>,
    pub indexed: bool,
    pub filling: Option<Uuid>,
    pub linked: bool,
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
    key,
    r#type,
    label,
    help,
    group,
    order,
    required,
    unique,
    default,
    sensitive,
    filterable,
    searchable,
    choices,
    min,
    max,
    pattern,
    currency,
    target,
    retired,
    no,
    slot,
    indexed,
    filling,
    linked,
});

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
