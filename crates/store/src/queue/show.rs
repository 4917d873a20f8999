//! Jobs as answers show them.

use chrono::{DateTime, Utc};
use kehu_domain::fields::format_time;
use kehu_domain::show::Out;
use sea_orm::{FromQueryResult, QuerySelect, Select, SelectModel, Selector};
use uuid::Uuid;

use crate::crypto::cell::FieldPath;
use crate::entities::job;
use crate::failure::Failure;
use crate::gate::Caller;

use super::{DETAIL, Priority, RESULT};

/// What of a job is shown: not what was asked, nor where it stands.
#[derive(FromQueryResult)]
pub(super) struct Shown {
    pub(super) id: Uuid,
    kind: String,
    state: String,
    priority: i64,
    created_at: DateTime<Utc>,
    run_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    attempts: i64,
    max_attempts: i64,
    cancel_asked: bool,
    progress_done: Option<i64>,
    progress_total: Option<i64>,
    result: Option<Vec<u8>>,
    failure: Option<String>,
    detail: Option<Vec<u8>>,
    created_by: Option<Uuid>,
}

impl Shown {
    /// Reads no more of the jobs of a query.
    pub(super) fn of(query: Select<job::Entity>) -> Selector<SelectModel<Self>> {
        use job::Column as C;
        let columns = [
            C::Id,
            C::Kind,
            C::State,
            C::Priority,
            C::CreatedAt,
            C::RunAt,
            C::StartedAt,
            C::FinishedAt,
            C::Attempts,
            C::MaxAttempts,
            C::CancelAsked,
            C::ProgressDone,
            C::ProgressTotal,
            C::Result,
            C::Failure,
            C::Detail,
            C::CreatedBy,
        ];
        query.select_only().columns(columns).into_model()
    }
}

/// A job with its sealed parts opened.
pub(super) struct Opened {
    row: Shown,
    result: Option<String>,
    detail: Option<String>,
}

impl Opened {
    pub(super) fn new(caller: &Caller, row: Shown) -> Result<Self, Failure> {
        let open = |path: FieldPath, cell: Option<&[u8]>| -> Result<Option<String>, Failure> {
            Ok(cell.map(|cell| caller.ring().open_text(path, row.id, cell)).transpose()?)
        };
        let result = open(RESULT, row.result.as_deref())?;
        let detail = open(DETAIL, row.detail.as_deref())?;
        Ok(Self { row, result, detail })
    }

    /// Its members.
    pub(super) fn write(&self, caller: &Caller, out: &mut Out) {
        let Self { row, result, detail } = self;
        out.key("id").id(row.id);
        out.key("kind").text(&row.kind);
        out.key("state").text(&row.state);
        out.key("priority").text(Priority::word(row.priority));
        out.key("progress");
        match row.progress_done {
            Some(done) => out.object(|out| {
                out.key("done").number(done);
                out.key("total");
                match row.progress_total {
                    Some(total) => out.number(total),
                    None => out.null(),
                }
            }),
            None => out.null(),
        }
        out.key("cancel_asked").flag(row.cancel_asked);
        out.key("attempts").number(row.attempts);
        out.key("max_attempts").number(row.max_attempts);
        let mut time = |name: &str, time: Option<DateTime<Utc>>| {
            out.key(name).text_or_null(time.map(format_time).as_deref());
        };
        time("run_at", Some(row.run_at));
        time("created_at", Some(row.created_at));
        time("started_at", row.started_at);
        time("finished_at", row.finished_at);
        out.key("created_by").id_or_null(row.created_by);
        out.key("creator");
        match row.created_by.and_then(|id| Some((id, caller.org().name_of(id)?))) {
            Some((id, name)) => out.object(|out| {
                out.key("id").id(id);
                out.key("name").text(&name.name);
            }),
            None => out.null(),
        }
        out.key("result");
        match result {
            Some(result) => out.raw(result),
            None => out.null(),
        }
        out.key("failure");
        match &row.failure {
            Some(code) => out.object(|out| {
                out.key("code").text(code);
                out.key("detail").text_or_null(detail.as_deref());
            }),
            None => out.null(),
        }
    }
}
