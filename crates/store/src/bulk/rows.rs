//! The records of a bulk change, in the order in which they were found, and what became of each.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::dialect::statement;
use crate::entities::{bulk_change, bulk_record};
use crate::failure::Failure;
use crate::inserts::{self, Insert};
use crate::machine::Warning;
use crate::machine::warning;
use crate::sealed::bulk_record::ERROR;
use crate::tx::Tx;

use super::What;

/// How a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// Its turn has not come.
    Waiting,
    /// It was changed.
    Changed,
    /// It was like that before.
    Unchanged,
    /// It was not changed.
    Refused,
    /// What was changed is as it was before.
    Undone,
    /// What was changed stays, or some of it.
    Left,
}

impl Status {
    pub(super) const ALL: [Self; 6] =
        [Self::Waiting, Self::Changed, Self::Unchanged, Self::Refused, Self::Undone, Self::Left];

    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
            Self::Undone => "undone",
            Self::Left => "left",
        }
    }
}

/// Why a record was not changed, or not changed back: sealed, for it may quote values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The code of the situation, as a single request would have it.
    pub code: String,
    /// What was found, with its places.
    pub findings: Vec<Warning>,
    /// Fields that somebody else changed since.
    pub fields: Vec<String>,
}

impl Told {
    pub(super) fn code(code: &str) -> Self {
        Self { code: code.to_owned(), findings: Vec::new(), fields: Vec::new() }
    }

    /// What a refusal tells; a failure that is none concerns more than one record.
    pub(super) fn of(failure: &Failure) -> Result<Self, Failure> {
        Ok(match failure {
            Failure::Refused(findings) => Self { findings: warning::of_all(findings), ..Self::code("validation") },
            Failure::Conflict(conflicts) => {
                let fields = conflicts.iter().map(|conflict| conflict.field.clone()).collect();
                Self { fields, ..Self::code("version_conflict") }
            }
            Failure::Duplicate(_) => Self::code("duplicate"),
            Failure::NotFound => Self::code("not_found"),
            Failure::Forbidden => Self::code("forbidden"),
            Failure::Unreadable(_) => Self::code("value_unreadable"),
            Failure::Limited(_) => Self::code("read_limit"),
            Failure::CompareLimited(_) => Self::code("compare_limit"),
            Failure::SegmentUsed(_) => Self::code("segment_in_use"),
            Failure::MergingElsewhere(_) => Self::code("merging_elsewhere"),
            Failure::IdTaken => Self::code("id_taken"),
            Failure::MatchesSeveral(_) => Self::code("matches_several"),
            other => return Err(other.clone()),
        })
    }
}

/// What became of a record.
pub(super) struct Became {
    pub(super) status: Status,
    pub(super) version: Option<i64>,
    pub(super) told: Option<Told>,
}

/// Notes a bulk change, which its job does.
pub(super) async fn begin(tx: &Tx<'_>, job: Uuid, kind: &str, what: &What) -> Result<(), Failure> {
    let row =
        bulk_change::Model { org_id: tx.org_id(), job_id: job, kind: kind.to_owned(), verb: what.verb().to_owned() };
    inserts::write(tx.db(), vec![Insert::of(vec![row.into_active_model()])]).await
}

/// The bulk change that a job does.
pub(super) async fn of_job(
    db: &impl ConnectionTrait,
    org: Uuid,
    job: Uuid,
) -> Result<Option<bulk_change::Model>, Failure> {
    Ok(bulk_change::Entity::find_by_id((org, job)).one(db).await?)
}

/// Notes records that were found; one that was changed meanwhile may be found twice, and is noted once.
pub(super) async fn add(tx: &Tx<'_>, job: Uuid, after: i64, ids: Vec<Uuid>) -> Result<(), Failure> {
    let places = (after..).skip(1);
    let row = |(place, record_id)| bulk_record::Model {
        org_id: tx.org_id(),
        job_id: job,
        place,
        id: tx.new_id(),
        record_id,
        status: Status::Waiting.key().to_owned(),
        version: None,
        error: None,
    };
    let rows = places.zip(ids).map(row).map(IntoActiveModel::into_active_model).collect();
    inserts::write(tx.db(), vec![Insert::of(rows).on_conflict("ON CONFLICT DO NOTHING")]).await
}

/// The next records in that state.
pub(super) async fn next(
    tx: &Tx<'_>,
    job: Uuid,
    status: Status,
    (after, many): (i64, u64),
) -> Result<Vec<bulk_record::Model>, Failure> {
    use bulk_record::Column as C;
    let found = bulk_record::Entity::find().filter(C::OrgId.eq(tx.org_id())).filter(C::JobId.eq(job));
    let found = found.filter(C::Status.eq(status.key())).filter(C::Place.gt(after));
    Ok(found.order_by_asc(C::Place).limit(many).all(tx.db()).await?)
}

/// Writes what became of records, all at once.
pub(super) async fn put(tx: &Tx<'_>, became: Vec<(bulk_record::Model, Became)>) -> Result<(), Failure> {
    let Some((first, _)) = became.first() else { return Ok(()) };
    let (job, places) = (first.job_id, vec!["?"; became.len()].join(", "));
    let sql = format!("DELETE FROM bulk_records WHERE org_id = ? AND job_id = ? AND place IN ({places})");
    let keys = became.iter().map(|(row, _)| sea_orm::Value::from(row.place));
    let values = [tx.org_id().into(), job.into()].into_iter().chain(keys);
    tx.db().execute_raw(statement(tx.db(), &sql, values)).await?;
    let row = |(row, became): (bulk_record::Model, Became)| {
        let told = became.told.map(|told| serde_json::to_string(&told).unwrap_or_default());
        let error = told.map(|told| tx.caller().ring().seal(ERROR, row.id, told.as_bytes())).transpose()?;
        let status = became.status.key().to_owned();
        Ok(bulk_record::Model { status, version: became.version, error, ..row }.into_active_model())
    };
    let rows = became.into_iter().map(row).collect::<Result<_, Failure>>()?;
    inserts::write(tx.db(), vec![Insert::of::<bulk_record::ActiveModel>(rows)]).await
}
