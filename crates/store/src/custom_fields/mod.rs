//! Jobs about custom fields: what stands beside the values of records so that lists are asked for it, and what a
//! stricter definition would find wrong.

mod check;
mod fill;
mod look;

use std::time::Duration;

use kehu_domain::kinds::FieldDefinition;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::dialect::statement;
use crate::engine::rows::Reads;
use crate::entities::field;
use crate::failure::Failure;
use crate::queue::{Priority, Spec};
use crate::rows::definition;

pub use check::{ask as check, run as run_check};
pub use fill::run as run_fill;
pub use look::run as run_look;

/// The job that puts beside the values of records what is asked for, or takes away what is asked for no longer.
pub static FILLING: Spec =
    Spec::new("fields.fill", 1).priority(Priority::Low).attempts(10).within(Duration::from_secs(6 * 3600));
/// The job that looks for fields of which an older program wrote less beside the values than filters ask for now.
pub static LOOK: Spec = Spec::new("fields.look", 1).priority(Priority::Low);
/// The job that reads the records of a kind and tells what a definition would find wrong in them.
pub static CHECKING: Spec = Spec::new("fields.check", 1).within(Duration::from_secs(6 * 3600));

/// Other servers read a definition anew at the latest a second after it is written, and finish what they were at: what
/// looks at records once so long has passed finds the last of it.
pub(crate) const SETTLED: Duration = Duration::from_millis(2500);

/// Ids that are looked up at once.
const AHEAD: usize = 500;

/// What a job fills or empties.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ToFill {
    /// The definition.
    pub(crate) field: Uuid,
    /// What the definition holds as long as no later job was asked for.
    pub(crate) token: Uuid,
}

/// A definition as its row is now, a deleted one too.
struct Now {
    data: FieldDefinition,
    is_deleted: bool,
    filling: Option<Uuid>,
}

async fn now(db: &impl Reads, org: Uuid, id: Uuid) -> Result<Option<Now>, Failure> {
    let query = field::Entity::find().filter(field::Column::OrgId.eq(org)).filter(field::Column::Id.eq(id));
    let Some(row) = db.all(query).await?.pop() else { return Ok(None) };
    let (is_deleted, filling) = (row.deleted_at.is_some(), row.filling);
    Ok(Some(Now { data: definition(row)?, is_deleted, filling }))
}

/// The next records of a table, deleted ones too, in the order of their ids.
async fn next(
    db: &impl ConnectionTrait,
    table: &str,
    org: Uuid,
    (after, only): (Option<Uuid>, &str),
) -> Result<Vec<Uuid>, Failure> {
    let sql = format!("SELECT id FROM {table} WHERE org_id = ? AND id > ? {only} ORDER BY id LIMIT {AHEAD}");
    let rows = db.query_all_raw(statement(db, &sql, [org.into(), after.unwrap_or_default().into()])).await?;
    rows.into_iter().map(|row| Ok(row.try_get("", "id")?)).collect()
}
