//! The records of a bulk change, for whoever sees its job.

use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::rights::Action;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;
use uuid::Uuid;

use crate::entities::bulk_record;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::paging;
use crate::queue;
use crate::sealed::bulk_record::ERROR;

use super::rows::{self, Status};

pub use super::rows::Told;

const KNOWN: &str = "filter[status], limit, after";

/// What became of one record.
#[derive(Clone, Debug)]
pub struct ListedRecord {
    /// The record.
    pub id: Uuid,
    /// How it stands.
    pub status: String,
    /// The version that came of it.
    pub version: Option<i64>,
    /// Why it was not changed, or not changed back.
    pub told: Option<Told>,
}

/// A page of them.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The records, in the order in which they were found.
    pub records: Vec<ListedRecord>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// What was asked of the list.
struct Asked {
    status: Option<&'static str>,
    limit: u64,
    after: Option<i64>,
}

impl Asked {
    fn read(job: Uuid, parameters: Vec<(String, String)>) -> Result<Self, Failure> {
        let mut asked = Self { status: None, limit: paging::DEFAULT_LIMIT, after: None };
        let mut after = None;
        for (name, value) in parameters {
            match name.as_str() {
                "filter[status]" => asked.status = Some(status(&name, &value)?),
                "limit" => asked.limit = paging::limit(&value)?,
                "after" => after = Some(value),
                _ => return Err(paging::unknown(&name, KNOWN)),
            }
        }
        asked.after = after.map(|text| asked.place(job, &text).ok_or_else(paging::wrong_cursor)).transpose()?;
        Ok(asked)
    }

    fn place(&self, job: Uuid, text: &str) -> Option<i64> {
        let (of, status, place): (Uuid, Option<String>, i64) = paging::place(text)?;
        (of == job && status.as_deref() == self.status).then_some(place)
    }
}

fn status(name: &str, value: &str) -> Result<&'static str, Failure> {
    let keys = Status::ALL.map(Status::key);
    keys.into_iter().find(|key| *key == value).ok_or_else(|| {
        let shown: String = value.chars().take(50).collect();
        let flaw = Flaw::new(&codes::CHOICE_UNKNOWN).with("value", shown).with("choices", keys.join(", "));
        Failure::question(name, flaw)
    })
}

/// What became of the records of a bulk change. Only whoever asked for it is told what was found wrong in them.
///
/// # Errors
/// There is no such job within reach, it is no bulk change, or the question is wrong.
pub async fn records(caller: &Caller, job: Uuid, parameters: Vec<(String, String)>) -> Result<Listed, Failure> {
    use bulk_record::Column as C;
    let org = caller.org().id;
    let asked_by = queue::created_by(caller, Action::Read, job).await?;
    rows::of_job(caller.db(), org, job).await?.ok_or(Failure::NotFound)?;
    let asked = Asked::read(job, parameters)?;
    let mut query = bulk_record::Entity::find().filter(C::OrgId.eq(org)).filter(C::JobId.eq(job));
    if let Some(status) = asked.status {
        query = query.filter(C::Status.eq(status));
    }
    if let Some(after) = asked.after {
        query = query.filter(C::Place.gt(after));
    }
    let mut found = query.order_by_asc(C::Place).limit(asked.limit + 1).all(caller.db()).await?;
    let more = paging::cut(&mut found, asked.limit);
    let next = found.last().filter(|_| more).map(|row| paging::cursor(&json!([job, asked.status, row.place])));
    let own = asked_by.is_some() && asked_by == caller.principal().user();
    let record = |row: bulk_record::Model| -> Result<ListedRecord, Failure> {
        let text = row.error.map(|cell| caller.ring().open_text(ERROR, row.id, &cell)).transpose()?;
        let told: Option<Told> = text.and_then(|text| serde_json::from_str(&text).ok());
        let told = told.map(|told| if own { told } else { Told { findings: Vec::new(), ..told } });
        Ok(ListedRecord { id: row.record_id, status: row.status, version: row.version, told })
    };
    Ok(Listed { records: found.into_iter().map(record).collect::<Result<_, _>>()?, next })
}
