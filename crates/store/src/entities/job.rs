//! Jobs: what is done later, or by itself.

use sea_orm::entity::prelude::*;

use crate::engine::rows::row;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub org_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub kind: String,
    pub version: i64,
    pub payload: Vec<u8>,
    pub state: String,
    pub priority: i64,
    pub created_at: DateTimeUtc,
    pub run_at: DateTimeUtc,
    pub started_at: Option<DateTimeUtc>,
    pub finished_at: Option<DateTimeUtc>,
    pub attempts: i64,
    pub max_attempts: i64,
    pub lease: Option<Uuid>,
    pub lease_until: Option<DateTimeUtc>,
    pub cancel_asked: bool,
    pub progress_done: Option<i64>,
    pub progress_total: Option<i64>,
    pub checkpoint: Option<Vec<u8>>,
    pub result: Option<Vec<u8>>,
    pub failure: Option<String>,
    pub detail: Option<Vec<u8>>,
    pub unique_key: Option<String>,
    pub created_by: Option<Uuid>,
    pub request_id: String,
    pub expires_at: Option<DateTimeUtc>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

row!(Model {
    org_id,
    id,
    kind,
    version,
    payload,
    state,
    priority,
    created_at,
    run_at,
    started_at,
    finished_at,
    attempts,
    max_attempts,
    lease,
    lease_until,
    cancel_asked,
    progress_done,
    progress_total,
    checkpoint,
    result,
    failure,
    detail,
    unique_key,
    created_by,
    request_id,
    expires_at,
});
