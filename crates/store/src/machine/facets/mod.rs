//! Facets: how many of the records that a question selects there are of each value of a field.

mod grouping;
mod groups;
mod show;

use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::rights::Action;
use kehu_domain::show::Out;
use serde_json::Value;

use crate::failure::Failure;
use crate::gate::Caller;
use crate::refusals::{Refusal, noting};
use crate::sealed_query;
use crate::shapes;

use super::answer::Answer;
use super::question::{Question, invalid, wrong};
use super::selected::{Selected, Use};
use super::{Machine, Resource};

use grouping::Grouping;
pub use grouping::groupings;

/// The most fields of one request.
const MAX_BY: usize = 5;
/// How many groups of a field are told where nothing is said.
const DEFAULT_TOP: u64 = 20;
/// The most groups of a field: a year of days.
const MAX_TOP: u64 = 400;

/// What was asked for.
struct Asked {
    question: Question,
    by: Vec<Grouping>,
    top: u64,
}

impl Asked {
    fn read(caller: &Caller, machine: &dyn Machine, body: &Value) -> Result<Self, Failure> {
        let kind = machine.kind();
        let members = body.as_object().ok_or_else(|| invalid("", "body", "an object", "对象"))?;
        let (question, rest) = Question::read(caller, kind, members, "")?;
        let mut asked = Self { question, by: Vec::new(), top: DEFAULT_TOP };
        for (name, value) in rest {
            let at = format!("/{name}");
            match name {
                "by" | "top" if value.is_null() => {}
                "by" => asked.by = by(caller, machine, value, &at)?,
                "top" => {
                    let top = value.as_u64().filter(|top| (1..=MAX_TOP).contains(top));
                    let (en, zh) = ("a whole number from 1 to 400", "1 到 400 的整数");
                    asked.top = top.ok_or_else(|| invalid(&at, &value.to_string(), en, zh))?;
                }
                _ => {
                    let flaw = Flaw::new(&codes::PARAMETER_UNKNOWN).with("value", name);
                    return Err(wrong(&at, flaw.with("known", "where, q, by, top")));
                }
            }
        }
        if asked.by.is_empty() {
            return Err(invalid("/by", "", "1 to 5 names of fields", "1 到 5 个字段名"));
        }
        Ok(asked)
    }
}

fn by(caller: &Caller, machine: &dyn Machine, value: &Value, at: &str) -> Result<Vec<Grouping>, Failure> {
    let few = || invalid(at, &value.to_string(), "1 to 5 names of fields", "1 到 5 个字段名");
    let names = value.as_array().filter(|names| (1..=MAX_BY).contains(&names.len())).ok_or_else(few)?;
    let mut all: Vec<Grouping> = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let at = format!("{at}/{place}");
        let name = name.as_str().ok_or_else(|| invalid(&at, &name.to_string(), "a text", "文本"))?;
        if all.iter().all(|known| known.name != name) {
            all.push(Grouping::of(caller, machine.kind(), name, &at)?);
        }
    }
    Ok(all)
}

/// Counts by the values of fields.
///
/// # Errors
/// [`Failure::BadQuestion`], [`Failure::TooExpensive`], or the kind is not the caller's to read.
pub async fn facets(caller: &Caller, resource: Resource, body: &Value) -> Result<Answer, Failure> {
    let machine = resource.0;
    let kind = machine.kind();
    noting(caller, Refusal::of(kind.name, "read", None), async {
        caller.reach(Action::Read, kind.name)?;
        let asked = Asked::read(caller, machine, body)?;
        sealed_query::count_compared(caller, kind, &asked.question.filter).await?;
        let told = async move |caller: &Caller| told(caller, machine, &asked).await;
        caller.at_one_moment(told).await.map_err(|failure| shapes::too_expensive(kind, failure).standing_at("/where"))
    })
    .await
}

async fn told(caller: &Caller, machine: &dyn Machine, asked: &Asked) -> Result<Answer, Failure> {
    let Question { filter, q } = &asked.question;
    let selected = Selected::by(caller, machine.kind(), filter, q.as_deref(), Use::GROUP).await?;
    let mut all = Vec::new();
    for grouping in &asked.by {
        all.push(groups::of(caller, machine, &selected, grouping, asked.top).await?);
    }
    let names = show::names(caller, &asked.by, &all).await?;
    let mut out = Out::new();
    out.object(|out| {
        out.key("data").object(|out| {
            for (grouping, groups) in asked.by.iter().zip(&all) {
                out.foreign_key(&grouping.name).object(|out| show::groups(out, caller, grouping, groups, &names));
            }
        });
    });
    Ok(Answer { id: None, etag: None, body: out.into_text() })
}
