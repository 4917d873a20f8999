//! The journal.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "journal")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    pub org_id: Uuid,
    pub id: Uuid,
    pub at: DateTimeUtc,
    pub class: String,
    pub outcome: String,
    pub event: String,
    pub actor_kind: String,
    pub actor_id: Option<Uuid>,
    pub via: String,
    pub session_id: Option<Uuid>,
    pub request_id: String,
    pub kind: Option<String>,
    pub record_id: Option<Uuid>,
    pub version: i64,
    pub changed: String,
    pub owner_before: Option<Uuid>,
    pub owner_after: Option<Uuid>,
    pub team_before: Option<Uuid>,
    pub team_after: Option<Uuid>,
    pub commitment: Vec<u8>,
    pub body: Option<Vec<u8>>,
    pub origin: Option<Vec<u8>>,
    pub mac: Vec<u8>,
}

crate::engine::rows::row!(Model {
    seq,
    org_id,
    id,
    at,
    class,
    outcome,
    event,
    actor_kind,
    actor_id,
    via,
    session_id,
    request_id,
    kind,
    record_id,
    version,
    changed,
    owner_before,
    owner_after,
    team_before,
    team_after,
    commitment,
    body,
    origin,
    mac,
});

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
