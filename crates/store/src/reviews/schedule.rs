//! Reviews that are opened by themselves, on the first day of a quarter, and those whose time is over.

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use chrono_tz::Tz;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use uuid::Uuid;

use crate::engine::EngineError;
use crate::entities::{access_review, organisation};
use crate::failure::Failure;
use crate::gate::{Gate, RequestInfo};
use crate::org::INSTALLATION;
use crate::queue::{NewJob, Priority, Run, Spec, Work, enqueue};

use super::end::END;
use super::open::{NewReview, opened};
use super::{has_period, job_key};

/// The job that looks, every hour.
pub static LOOK: Spec = Spec::new("access_reviews.look", 1).priority(Priority::Low);

/// For so many days the review of a quarter is made up for, where no server ran on the first.
const MADE_UP: i64 = 7;

/// The quarter that has begun at a place, `2026-Q4`, and how many days ago.
fn quarter(now: DateTime<Utc>, zone: Tz) -> Option<(String, i64)> {
    let today = now.with_timezone(&zone).date_naive();
    let number = today.month0() / 3;
    let first = NaiveDate::from_ymd_opt(today.year(), number * 3 + 1, 1)?;
    Some((format!("{}-Q{}", today.year(), number + 1), (today - first).num_days()))
}

/// Opens the reviews of a quarter that has begun, once for each organisation that wants them, and has those ended whose
/// time is over.
///
/// # Errors
/// The database is away; what fails for one organisation keeps no other from being looked at.
pub async fn look(work: Work) -> Run {
    let gate = work.caller().gate();
    let opened = open_quarters(gate, gate.now()).await?;
    let ended = end_overdue(gate, gate.now()).await?;
    Ok(Some(json!({ "opened": opened, "ended": ended })))
}

pub(super) async fn open_quarters(gate: &Gate, now: DateTime<Utc>) -> Result<usize, Failure> {
    use organisation::Column as C;
    let rows = organisation::Entity::find().filter(C::Id.ne(INSTALLATION)).all(gate.engine()).await?;
    let (mut many, mut all) = (0, Ok(()));
    for row in rows {
        match open_quarter(gate, row.id, now).await {
            Ok(opened) => many += usize::from(opened),
            Err(failure) => all = all.and(Err(failure)),
        }
    }
    all.map(|()| many)
}

async fn open_quarter(gate: &Gate, org: Uuid, now: DateTime<Utc>) -> Result<bool, Failure> {
    let caller = gate.system(org, RequestInfo::of_program("system", gate.now())).await?;
    let settings = caller.org().settings.access_reviews.clone();
    let begun = quarter(now, caller.org().time_zone).filter(|(_, days)| *days < MADE_UP);
    let Some((period, _)) = begun.filter(|_| settings.quarterly) else { return Ok(false) };
    if has_period(&caller, &period).await? {
        return Ok(false);
    }
    let new = NewReview { due_at: None, revoke_unanswered: settings.revoke_unanswered, users: None };
    match opened(&caller, new, Some(period)).await {
        Ok(_) => Ok(true),
        // Another server was faster.
        Err(Failure::Engine(EngineError::Unique { .. })) => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// Asks again for the jobs of reviews whose time is over: somebody may have taken one back, or it failed for good.
pub(super) async fn end_overdue(gate: &Gate, now: DateTime<Utc>) -> Result<usize, Failure> {
    use access_review::Column as C;
    let due = access_review::Entity::find().filter(C::ClosedAt.is_null()).filter(C::DueAt.lte(now));
    let due = due.filter(C::RevokeUnanswered.eq(true)).all(gate.engine()).await?;
    for row in &due {
        let caller = gate.system(row.org_id, RequestInfo::of_program("system", gate.now())).await?;
        enqueue(&caller, NewJob::new(&END, json!({ "review": row.id })).unique(job_key(row.id))).await?;
    }
    Ok(due.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_begins_where_the_organisation_is() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let told = |text, zone| quarter(at(text), zone).unwrap();
        assert_eq!(told("2026-12-31T15:59:59Z", Tz::Asia__Shanghai), ("2026-Q4".to_owned(), 91));
        assert_eq!(told("2026-12-31T16:00:00Z", Tz::Asia__Shanghai), ("2027-Q1".to_owned(), 0));
        assert_eq!(told("2026-12-31T16:00:00Z", Tz::UTC), ("2026-Q4".to_owned(), 91));
        assert_eq!(told("2026-04-08T00:00:00Z", Tz::UTC), ("2026-Q2".to_owned(), 7));
    }
}
