//! Contacts: persons at customers.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "contacts")]
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
    pub customer_id: Uuid,
    pub name: String,
    pub name_norm: String,
    pub name_sort: String,
    pub initial: String,
    pub position: Option<String>,
    pub role: Option<String>,
    pub attitude: Option<String>,
    pub reports_to_id: Option<Uuid>,
    pub phones: Option<Vec<u8>>,
    pub emails: Option<Vec<u8>>,
    pub wechat: Option<Vec<u8>>,
    pub birthday: Option<Vec<u8>>,
    pub id_number: Option<Vec<u8>>,
    pub primary: bool,
    pub remark: Option<String>,
    pub tag_ids: Vec<u8>,
    pub external_ids: Option<String>,
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
    customer_id,
    name,
    name_norm,
    name_sort,
    initial,
    position,
    role,
    attitude,
    reports_to_id,
    phones,
    emails,
    wechat,
    birthday,
    id_number,
    primary,
    remark,
    tag_ids,
    external_ids,
});

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
