//! How the roots of an organisation stand.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use crate::entities::{job, tenant_key};
use crate::failure::Failure;
use crate::gate::Gate;

use super::rotate::{RETIREMENT, ROTATION};
use super::walk::{CellCount, count};

/// One root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootStatus {
    /// `enc`, `index` or `chain`.
    pub purpose: String,
    /// Its number.
    pub key_id: i64,
    /// `primary`, `active`, `retired` or `destroyed`.
    pub state: String,
    /// The KEK that wraps it.
    pub kek_id: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// How many cells were sealed under it; counted once a minute.
    pub sealed: u64,
}

/// A rotation that waits or runs, or failed for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotating {
    /// The job.
    pub job: Uuid,
    /// `keys.rotate`, or `keys.retire` for the roots of an index that wait for kept answers to expire.
    pub kind: String,
    /// `queued`, `running` or `dead`.
    pub state: String,
    /// Cells or records done.
    pub done: Option<i64>,
    /// Of so many.
    pub total: Option<i64>,
    /// Why the last attempt failed, as a code.
    pub failure: Option<String>,
}

/// Roots and rotations of an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyStatus {
    /// Every root.
    pub roots: Vec<RootStatus>,
    /// Rotations that are not done.
    pub rotating: Vec<Rotating>,
}

fn rotating(row: job::Model) -> Rotating {
    Rotating {
        job: row.id,
        kind: row.kind,
        state: row.state,
        done: row.progress_done,
        total: row.progress_total,
        failure: row.failure,
    }
}

impl Gate {
    /// The KEK that wraps now.
    #[must_use]
    pub fn current_kek(&self) -> &str {
        self.keys().current_id()
    }

    /// How the roots of an organisation stand.
    ///
    /// # Errors
    /// The database is away.
    pub async fn key_status(&self, org: Uuid) -> Result<KeyStatus, Failure> {
        use tenant_key::Column as C;
        let roots = tenant_key::Entity::find().filter(C::OrgId.eq(org)).order_by_asc(C::Purpose).order_by_asc(C::KeyId);
        let roots = roots.all(self.engine()).await?.into_iter().map(|row| RootStatus {
            purpose: row.purpose,
            key_id: row.key_id,
            state: row.state,
            kek_id: row.kek_id,
            created_at: row.created_at,
            sealed: u64::try_from(row.sealed).unwrap_or_default(),
        });
        let jobs = job::Entity::find()
            .filter(job::Column::OrgId.eq(org))
            .filter(job::Column::Kind.is_in([ROTATION.name(), RETIREMENT.name()]))
            .filter(job::Column::State.is_in(["queued", "running", "dead"]))
            .order_by_asc(job::Column::Id);
        let rotating = jobs.all(self.engine()).await?.into_iter().map(rotating);
        Ok(KeyStatus { roots: roots.collect(), rotating: rotating.collect() })
    }

    /// How a rotation stands, also one that has ended; nothing where it is not known any more.
    ///
    /// # Errors
    /// The database is away.
    pub async fn rotation(&self, org: Uuid, job: Uuid) -> Result<Option<Rotating>, Failure> {
        Ok(job::Entity::find_by_id((org, job)).one(self.engine()).await?.map(rotating))
    }

    /// Counts an organisation's cells by the root that they are sealed under. Reads every row that has some.
    ///
    /// # Errors
    /// The database is away.
    pub async fn count_cells(&self, org: Uuid) -> Result<CellCount, Failure> {
        count(self.engine(), org, || Ok(())).await
    }
}
