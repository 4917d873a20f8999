//! Several counts of one moment, of any kinds: what a page shows beside its entries.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::rights::Action;
use kehu_domain::show::Out;
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::gate::Caller;
use crate::refusals::{Refusal, noting};
use crate::registry::{machine, resources};
use crate::sealed_query;
use crate::shapes;

use super::Machine;
use super::answer::Answer;
use super::counting;
use super::question::{Question, invalid, wrong};
use super::selected::{Selected, Use};

/// The most counts of one request.
const MAX: usize = 20;
/// The longest name of a count, in characters.
const MAX_NAME: usize = 60;

/// One count that is asked for.
struct Asked {
    name: String,
    /// Its place in the body.
    at: String,
    machine: &'static dyn Machine,
    question: Question,
}

impl Asked {
    fn read(caller: &Caller, name: &str, body: &Value) -> Result<Self, Failure> {
        let at = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        if name.is_empty() || name.chars().count() > MAX_NAME {
            return Err(invalid(&at, name, "a name of 1 to 60 characters", "1 到 60 个字符的名称"));
        }
        let members = body.as_object().ok_or_else(|| invalid(&at, &body.to_string(), "an object", "对象"))?;
        let known = members.get("kind").and_then(Value::as_str).and_then(machine);
        let machine = known.ok_or_else(|| {
            let kinds: Vec<&str> = resources().map(|resource| resource.kind().name).collect();
            let shown = members.get("kind").map_or_else(|| "null".to_owned(), said);
            invalid(&format!("{at}/kind"), &shown, &kinds.join(", "), &kinds.join("、"))
        })?;
        caller.reach(Action::Read, machine.kind().name)?;
        let (question, rest) = Question::read(caller, machine.kind(), members, &at)?;
        if let Some((name, _)) = rest.into_iter().find(|(name, _)| *name != "kind") {
            let flaw = Flaw::new(&codes::PARAMETER_UNKNOWN).with("value", name).with("known", "kind, where, q");
            return Err(wrong(&format!("{at}/{name}"), flaw));
        }
        Ok(Self { name: name.to_owned(), at, machine, question })
    }
}

fn said(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Counts what each of several questions selects, all of one moment.
///
/// # Errors
/// [`Failure::BadQuestion`], [`Failure::TooExpensive`], or a kind is not the caller's to read.
pub async fn counts(caller: &Caller, body: &Value) -> Result<Answer, Failure> {
    let members = body.as_object().ok_or_else(|| invalid("", "body", "an object", "对象"))?;
    let kind = |body: &Value| body.get("kind").and_then(Value::as_str).and_then(machine);
    let named = members.values().find_map(kind).map_or("", |machine| machine.kind().name);
    noting(caller, Refusal::of(named, "read", None), async {
        let asked = read(caller, members)?;
        for one in &asked {
            sealed_query::count_compared(caller, one.machine.kind(), &one.question.filter).await?;
        }
        // What took too long is known here alone: where the engine gives up, it drops what was told of it.
        let (asked, at) = (Arc::new(asked), Arc::new(AtomicUsize::new(0)));
        let counted = (asked.clone(), at.clone());
        let told = async move |caller: &Caller| told(caller, &counted.0, &counted.1).await;
        caller.at_one_moment(told).await.map_err(|failure| match asked.get(at.load(Ordering::Relaxed)) {
            Some(Asked { at, machine, .. }) => shapes::too_expensive(machine.kind(), failure).standing_at(at),
            None => failure,
        })
    })
    .await
}

fn read(caller: &Caller, members: &Map<String, Value>) -> Result<Vec<Asked>, Failure> {
    if members.is_empty() || members.len() > MAX {
        return Err(invalid("", &members.len().to_string(), "1 to 20 questions by name", "1 到 20 个命名的查询"));
    }
    members.iter().map(|(name, body)| Asked::read(caller, name, body)).collect()
}

/// Counts one after the other, and says which of them it is about.
async fn told(caller: &Caller, asked: &[Asked], at: &AtomicUsize) -> Result<Answer, Failure> {
    let mut counted = Vec::new();
    for (place, Asked { machine, question, .. }) in asked.iter().enumerate() {
        at.store(place, Ordering::Relaxed);
        let selected =
            Selected::by(caller, machine.kind(), &question.filter, question.q.as_deref(), Use::COUNT).await?;
        counted.push(counting::exact(caller.db(), machine.table(), &selected).await?);
    }
    let mut out = Out::new();
    out.object(|out| {
        for (one, counted) in asked.iter().zip(counted) {
            out.foreign_key(&one.name).object(|out| counted.write(out));
        }
    });
    Ok(Answer { id: None, etag: None, body: out.into_text() })
}
