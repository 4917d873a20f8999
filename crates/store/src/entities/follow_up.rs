//! Follow-ups.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "follow_ups")]
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
    pub contact_id: Option<Uuid>,
    pub kind: String,
    pub summary: String,
    pub happened_at: DateTimeUtc,
    pub duration_minutes: Option<i64>,
    pub outcome: Option<String>,
    pub needs_heard: Option<String>,
    pub pain_points: Option<String>,
    pub next_step: Option<String>,
    pub next_due_at: DateTimeUtc,
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
    contact_id,
    kind,
    summary,
    happened_at,
    duration_minutes,
    outcome,
    needs_heard,
    pain_points,
    next_step,
    next_due_at,
    external_ids,
});

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
