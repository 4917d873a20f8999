//! How customers would be numbered: shown before it is laid down.

use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::CustomerKind;
use kehu_domain::read::{Members, Reader};
use kehu_domain::rights::Right;
use kehu_domain::settings::NumberPolicy;
use kehu_domain::value::Industry;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::gate::Caller;
use crate::machine::Answer;
use crate::ops::number::Shape;
use crate::refusals::{Refusal, noting};

/// How many numbers are shown of each example.
const SHOWN: usize = 3;
/// The most examples.
const MOST_EXAMPLES: usize = 10;
const EXAMPLES: &str = "examples";

/// A customer that would be numbered.
struct Example {
    industry: Option<Industry>,
    kind: CustomerKind,
}

/// The numbers that the next customers would get, by what is laid down and what the body says instead. Nothing is
/// counted: whoever comes first gets them.
///
/// # Errors
/// [`Failure::Forbidden`] without the right to change settings; [`Failure::Refused`] with every pointer.
pub async fn preview(caller: &Caller, body: &Value) -> Result<Answer, Failure> {
    noting(caller, Refusal::to("organisation", "change"), async {
        caller.may(Right::SettingsManage)?;
        let (policy, examples) = read(caller, body)?;
        let day = caller.gate().now().with_timezone(&caller.org().time_zone).date_naive();
        let mut shown = Vec::new();
        for Example { industry, kind } in examples {
            let shape = Shape::of(&policy, industry.as_ref(), kind);
            let numbers = shape.next(caller.db(), caller.org().id, &policy, day, SHOWN).await?;
            let industry = industry.map(|industry| json!({ "code": industry.code(), "name": industry.name_zh() }));
            shown.push(json!({ "industry": industry, "kind": kind.key(), "numbers": numbers }));
        }
        let mut answer = json!(policy);
        if let Some(members) = answer.as_object_mut() {
            members.insert(EXAMPLES.into(), shown.into());
        }
        Ok(Answer { id: None, etag: None, body: answer.to_string() })
    })
    .await
}

/// What is laid down with what the body says instead, and the examples.
fn read(caller: &Caller, body: &Value) -> Result<(NumberPolicy, Vec<Example>), Failure> {
    let mut no_ids = uuid::Uuid::nil;
    let mut reader = Reader::new(&caller.org().region, &mut no_ids);
    let mut examples = Vec::new();
    let mut policy = NumberPolicy::default();
    if let Some(mut said) = reader.object(body).cloned() {
        if let Some(json) = said.remove(EXAMPLES).filter(|json| !json.is_null()) {
            reader.inside(EXAMPLES, |reader| examples = read_examples(&json, reader));
        }
        let known: Vec<&str> = NumberPolicy::MEMBERS.into_iter().chain([EXAMPLES]).collect();
        let (said, unknown): (Members, Members) =
            said.into_iter().partition(|(name, _)| known.contains(&name.as_str()));
        reader.refuse_rest(&unknown, &known);
        // As PATCH of the settings would lay it down.
        policy = NumberPolicy::read(&caller.org().settings.numbers.patched(said.into()), &mut reader);
    }
    let findings = reader.into_findings();
    if !findings.is_empty() {
        return Err(Failure::Refused(findings));
    }
    if examples.is_empty() {
        let (company, person) = (CustomerKind::Company, CustomerKind::Person);
        let of = |industry: &str, kind| Example { industry: Industry::parse(industry).ok(), kind };
        examples = vec![of("I", company), of("C", company), of("", person)];
    }
    Ok((policy, examples))
}

fn read_examples(json: &Value, reader: &mut Reader<'_>) -> Vec<Example> {
    let Some(items) = reader.typed(json.as_array(), "a list", "列表") else { return Vec::new() };
    if items.len() > MOST_EXAMPLES {
        reader.flaw(Flaw::new(&codes::LIST_TOO_LONG).with("max", MOST_EXAMPLES));
        return Vec::new();
    }
    let read = |(at, item): (usize, &Value)| reader.inside(at, |reader| read_example(item, reader));
    items.iter().enumerate().filter_map(read).collect()
}

fn read_example(json: &Value, reader: &mut Reader<'_>) -> Option<Example> {
    let mut members = reader.object(json)?.clone();
    let mut text = |name: &str, reader: &mut Reader<'_>| {
        let json = members.remove(name).filter(|json| !json.is_null())?;
        reader.inside(name, |reader| reader.text(&json).map(str::to_owned))
    };
    let (industry, kind) = (text("industry", reader), text("kind", reader));
    let industry =
        industry.and_then(|industry| reader.inside("industry", |reader| reader.keep(Industry::parse(&industry))));
    let kind = match kind {
        None => CustomerKind::Company,
        Some(key) => CustomerKind::from_key(&key).or_else(|| {
            let value: String = key.chars().take(50).collect();
            let flaw = Flaw::new(&codes::CHOICE_UNKNOWN).with("value", value).with("choices", "company, person");
            reader.inside("kind", |reader| reader.flaw(flaw));
            None
        })?,
    };
    reader.refuse_rest(&members, &["industry", "kind"]);
    Some(Example { industry, kind })
}
