//! Forms.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "forms")]
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
    pub fields: String,
    pub origins: String,
    pub consent_text: Option<String>,
    pub honeypot: Option<String>,
    pub repeat_window: i64,
    pub source: String,
    pub assign_team_id: Option<Uuid>,
    pub answer: Option<String>,
    pub source_id: Option<String>,
    pub paused: bool,
    pub public_key: Option<Vec<u8>>,
    pub public_hash: Vec<u8>,
    pub hook_hash: Option<Vec<u8>>,
    pub id_salt: Option<Vec<u8>>,
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
    fields,
    origins,
    consent_text,
    honeypot,
    repeat_window,
    source,
    assign_team_id,
    answer,
    source_id,
    paused,
    public_key,
    public_hash,
    hook_hash,
    id_salt,
});

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
