//! What came in through a form, for those who may see the form.

use chrono::{DateTime, Utc};
use kehu_domain::codes;
use kehu_domain::fields::format_time;
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::Form;
use kehu_domain::rights::Action;
use kehu_domain::show::Out;
use sea_orm::sea_query::{Alias, Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::entities::{submission, submission_body};
use crate::failure::Failure;
use crate::gate::{Caller, Gate};
use crate::journal::{Entry, Outcome};
use crate::machine::Answer;
use crate::machine::read;
use crate::paging;
use crate::refusals::{Refusal, noting};
use crate::sealed::submission::DETAIL;
use crate::sealed::submission_body::RAW;
use crate::tx::Tx;

use super::place::Status;

const KNOWN: &str = "filter[status], limit, after";

/// What was asked of the list.
struct Asked {
    status: Option<String>,
    limit: u64,
    after: Option<(DateTime<Utc>, Uuid)>,
}

impl Asked {
    fn read(parameters: Vec<(String, String)>) -> Result<Self, Failure> {
        let mut asked = Self { status: None, limit: paging::DEFAULT_LIMIT, after: None };
        let mut after = None;
        for (name, value) in parameters {
            match name.as_str() {
                "filter[status]" if Status::KEYS.contains(&value.as_str()) => asked.status = Some(value),
                "filter[status]" => {
                    let choices = Status::KEYS.join(", ");
                    let flaw = Flaw::new(&codes::CHOICE_UNKNOWN).with("value", value).with("choices", choices);
                    return Err(Failure::question(name, flaw));
                }
                "limit" => asked.limit = paging::limit(&value)?,
                "after" => after = Some(value),
                _ => return Err(paging::unknown(&name, KNOWN)),
            }
        }
        asked.after = after.map(|text| asked.cursor(&text).ok_or_else(paging::wrong_cursor)).transpose()?;
        Ok(asked)
    }

    fn cursor(&self, text: &str) -> Option<(DateTime<Utc>, Uuid)> {
        let (of, status, at, id): (String, Option<String>, i64, Uuid) = paging::place(text)?;
        let fits = of == "submissions" && status == self.status;
        Some((DateTime::from_timestamp_millis(at).filter(|_| fits)?, id))
    }

    /// The place behind a row.
    fn behind(&self, row: &submission::Model) -> String {
        paging::cursor(&json!(["submissions", self.status, row.received_at.timestamp_millis(), row.id]))
    }
}

/// A page of what came in through a form, the newest first: outcome, flags, attribution; no values.
///
/// # Errors
/// The caller may not see forms, there is no such form, or the question is wrong.
pub async fn list(caller: &Caller, form: Uuid, parameters: Vec<(String, String)>) -> Result<Answer, Failure> {
    noting(caller, Refusal::of("form", "read", Some(form)), page(caller, form, parameters)).await
}

async fn page(caller: &Caller, form: Uuid, parameters: Vec<(String, String)>) -> Result<Answer, Failure> {
    use submission::Column as C;
    find_form(caller, form).await?;
    let asked = Asked::read(parameters)?;
    let mut query = submission::Entity::find().filter(C::OrgId.eq(caller.org().id)).filter(C::FormId.eq(form));
    if let Some(status) = &asked.status {
        query = query.filter(C::Status.eq(status.as_str()));
    }
    if let Some((at, id)) = asked.after {
        let column = |name: &str| Expr::col(Alias::new(name));
        let place = Expr::tuple([column("received_at"), column("id")]);
        query = query.filter(place.lt(Expr::tuple([Expr::val(at), Expr::val(id)])));
    }
    let query = query.order_by_desc(C::ReceivedAt).order_by_desc(C::Id).limit(asked.limit + 1);
    let mut rows = query.all(caller.db()).await?;
    let more = paging::cut(&mut rows, asked.limit);
    let next = rows.last().filter(|_| more).map(|row| asked.behind(row));
    let details: Vec<Value> = rows.iter().map(|row| detail(caller, row)).collect::<Result<_, _>>()?;
    let mut out = Out::new();
    out.object(|out| {
        out.key("data").array(|out| {
            for (row, detail) in rows.iter().zip(&details) {
                out.object(|out| write(out, row, detail));
            }
        });
        paging::page(out, next.as_deref(), more);
    });
    Ok(Answer { id: None, etag: None, body: out.into_text() })
}

/// One submission with what was sent, for those who may change the form; that it was opened is journaled. What was sent
/// is there for 90 days.
///
/// # Errors
/// The caller may not see it, or there is none.
pub async fn get(caller: &Caller, form: Uuid, id: Uuid) -> Result<Answer, Failure> {
    noting(caller, Refusal::of("submission", "read", Some(id)), open(caller, form, id)).await
}

async fn open(caller: &Caller, form: Uuid, id: Uuid) -> Result<Answer, Failure> {
    find_form(caller, form).await?;
    caller.reach(Action::Update, "form")?;
    let row = submission::Entity::find_by_id((caller.org().id, id)).one(caller.db()).await?;
    let row = row.filter(|row| row.form_id == form).ok_or(Failure::NotFound)?;
    let body = submission_body::Entity::find_by_id((caller.org().id, id)).one(caller.db()).await?;
    let raw = body.map(|body| caller.ring().open_text(RAW, id, &body.raw)).transpose()?;
    let detail = detail(caller, &row)?;
    let entry = opened(id);
    let note = async move |tx: &Tx<'_>| {
        tx.log(entry);
        Ok(())
    };
    caller.write(note).await?;
    let mut out = Out::new();
    out.object(|out| {
        write(out, &row, &detail);
        out.key("raw");
        match &raw {
            Some(raw) => out.raw(raw),
            None => out.null(),
        }
    });
    Ok(Answer { id: Some(id), etag: None, body: out.into_text() })
}

fn opened(id: Uuid) -> Entry {
    Entry::access("submission.opened", Outcome::Ok, Some(("submission", id)))
}

/// Whether the caller sees the form.
async fn find_form(caller: &Caller, form: Uuid) -> Result<(), Failure> {
    let found = read::within_reach::<Form>(caller, vec![form]).await?;
    if found.is_empty() { Err(Failure::NotFound) } else { Ok(()) }
}

fn detail(caller: &Caller, row: &submission::Model) -> Result<Value, Failure> {
    let text = caller.ring().open_text(DETAIL, row.id, &row.detail)?;
    serde_json::from_str(&text).map_err(|_| Failure::Internal(format!("submission {} has no detail", row.id)))
}

fn write(out: &mut Out, row: &submission::Model, detail: &Value) {
    let part = |name: &str| detail.get(name).cloned().unwrap_or_default().to_string();
    out.key("id").id(row.id);
    out.key("form_id").id(row.form_id);
    out.key("form_version").number(row.form_version);
    out.key("received_at").plain(&format_time(row.received_at));
    out.key("status").text(&row.status);
    out.key("test").flag(row.status == Status::Test.key());
    out.key("customer_id").id_or_null(row.customer_id);
    out.key("contact_id").id_or_null(row.contact_id);
    out.key("follow_up_id").id_or_null(row.follow_up_id);
    out.key("repeat_of").id_or_null(row.repeat_of);
    out.key("repeat_count").number(row.repeat_count);
    out.key("flags").texts(row.flags.split(',').filter(|flag| !flag.is_empty()));
    out.key("source_id").raw(&part("source_id"));
    out.key("unmapped").raw(&part("unmapped"));
    out.key("attribution").raw(&part("attribution"));
}

/// Deletes what was sent more than 90 days ago, of every organisation; what became of it stays. How many were deleted.
///
/// # Errors
/// The database is away.
pub async fn sweep(gate: &Gate) -> Result<u64, Failure> {
    let now = gate.now();
    gate.write_raw(async move |db: &crate::engine::Tx| {
        let gone = submission_body::Entity::delete_many().filter(submission_body::Column::ExpiresAt.lte(now));
        Ok(gone.exec(db).await?.rows_affected)
    })
    .await
}
