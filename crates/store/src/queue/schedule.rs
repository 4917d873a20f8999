//! Schedules: a job of the installation for each period, asked for once however many servers look.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use sea_orm::{ConnectionTrait, EntityTrait, FromQueryResult};
use serde_json::Value;

use crate::dialect::{now, statement};
use crate::engine::Kind;
use crate::entities::schedule;
use crate::failure::Failure;
use crate::gate::{Gate, RequestInfo};
use crate::org::INSTALLATION;
use crate::tx::Tx;

use super::enqueue::living;
use super::{NewJob, Spec};

/// A period so far ahead was noted while the clock of the database ran ahead, and counts for nothing.
const AHEAD: Duration = Duration::minutes(1);

/// When a kind of job runs by itself.
pub struct Schedule {
    /// The kind; its name is the name of the schedule.
    pub spec: &'static Spec,
    /// The beginning of the period that a moment lies in.
    pub period: Box<dyn Fn(DateTime<Utc>) -> Option<DateTime<Utc>>>,
}

#[derive(FromQueryResult)]
struct Moment {
    #[sea_orm(from_alias = "now__ms")]
    now: DateTime<Utc>,
}

/// Asks for the jobs of schedules whose period has begun. A period that was missed is made up for once, however many
/// were; while the last job waits or runs, none is added, and the period is made up for when it has ended. Gives the
/// names of those that fired here.
///
/// # Errors
/// The database is away. One that fails keeps no other from being looked at.
pub async fn fire(gate: &Gate, schedules: &[Schedule]) -> Result<Vec<&'static str>, Failure> {
    let db = gate.engine();
    let sql = format!("SELECT {} AS {}", now(db), Kind::Millis.alias("now"));
    let moment = Moment::find_by_statement(statement(db, &sql, [])).one(db).await?;
    let moment = moment.ok_or_else(|| Failure::Internal("the database has no time".into()))?;
    fire_at(gate, schedules, moment.now).await
}

pub(super) async fn fire_at(
    gate: &Gate,
    schedules: &[Schedule],
    now: DateTime<Utc>,
) -> Result<Vec<&'static str>, Failure> {
    let rows = schedule::Entity::find().all(gate.engine()).await?;
    let fired: HashMap<String, DateTime<Utc>> = rows.into_iter().map(|row| (row.name, row.period)).collect();
    let mut names = Vec::new();
    let mut all = Ok(());
    for Schedule { spec, period } in schedules {
        let Some(period) = period(now) else { continue };
        let before = fired.get(spec.name).copied();
        let is_due = before.is_none_or(|before| period > before || before > now + AHEAD);
        if !is_due {
            continue;
        }
        match ask(gate, spec, before, period).await {
            Ok(true) => names.push(spec.name),
            Ok(false) => {}
            Err(failure) => all = all.and(Err(failure)),
        }
    }
    all.map(|()| names)
}

/// Notes the period and asks for its job, in one transaction: of several servers that saw the same, one does.
async fn ask(
    gate: &Gate,
    spec: &'static Spec,
    before: Option<DateTime<Utc>>,
    period: DateTime<Utc>,
) -> Result<bool, Failure> {
    // Of another version it may be one that this server cannot run, and its servers are gone.
    let key = format!("schedule:{}:{}", spec.name, spec.version);
    if living(gate.engine(), INSTALLATION, &key).await?.is_some() {
        return Ok(false);
    }
    let request = RequestInfo::of_program("job", gate.now());
    let caller = gate.system(INSTALLATION, request).await?;
    caller
        .write(async move |tx: &Tx<'_>| {
            let (sql, values) = match before {
                None => (
                    "INSERT INTO schedules (name, period) VALUES (?, ?) ON CONFLICT DO NOTHING",
                    vec![spec.name.into(), period.into()],
                ),
                Some(before) => (
                    "UPDATE schedules SET period = ? WHERE name = ? AND period = ?",
                    vec![period.into(), spec.name.into(), before.into()],
                ),
            };
            let noted = tx.db().execute_raw(statement(tx.db(), sql, values)).await?.rows_affected() == 1;
            if noted {
                tx.enqueue(NewJob::new(spec, Value::Null).unique(key));
            }
            Ok(noted)
        })
        .await
}
