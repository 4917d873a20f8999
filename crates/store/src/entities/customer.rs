//! Customers: companies and persons.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "customers")]
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
    pub shared_with: Option<Vec<u8>>,
    pub number: String,
    pub name: String,
    pub name_norm: String,
    pub name_sort: String,
    pub initial: String,
    pub kind: String,
    pub stage: String,
    pub grade: Option<String>,
    pub industry: Option<String>,
    pub size: Option<String>,
    pub credit_code: Option<String>,
    pub region: Option<String>,
    pub address: Option<Vec<u8>>,
    pub phones: Option<Vec<u8>>,
    pub emails: Option<Vec<u8>>,
    pub wechat: Option<Vec<u8>>,
    pub id_number: Option<Vec<u8>>,
    pub bank_accounts: Option<Vec<u8>>,
    pub source: Option<String>,
    pub remark: Option<String>,
    pub tag_ids: Vec<u8>,
    pub last_follow_up_at: DateTimeUtc,
    pub next_follow_up_at: DateTimeUtc,
    pub flags: String,
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
    shared_with,
    number,
    name,
    name_norm,
    name_sort,
    initial,
    kind,
    stage,
    grade,
    industry,
    size,
    credit_code,
    region,
    address,
    phones,
    emails,
    wechat,
    id_number,
    bank_accounts,
    source,
    remark,
    tag_ids,
    last_follow_up_at,
    next_follow_up_at,
    flags,
});

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
