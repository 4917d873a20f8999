//! What a definition would find wrong in the records that are there: told before it is set.

use std::collections::{BTreeMap, HashSet};

use kehu_domain::codes;
use kehu_domain::custom::{CustomField, CustomType, SlotValue};
use kehu_domain::field::Sight;
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::FieldDefinition;
use kehu_domain::read::{Finding, Members, Reader};
use kehu_domain::record::{Record as _, Weight};
use kehu_domain::rights::Action;
use kehu_domain::show::{Out, Plain};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::failure::Failure;
use crate::gate::Caller;
use crate::machine::{Answer, read};
use crate::queue::{self, Ended, NewJob, Run, Step, Work};
use crate::refusals::{Refusal, noting};
use crate::registry;
use crate::tx::Tx;

use super::{AHEAD, CHECKING, next, now};

/// Records that are named one by one.
const EXAMPLES: usize = 100;

/// What is to be checked.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ToCheck {
    field: Uuid,
    /// A merge patch of the definition.
    patch: Members,
}

/// Where the check stands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Place {
    after: Option<Uuid>,
    checked: i64,
    wrong: i64,
    codes: BTreeMap<String, i64>,
    examples: Vec<Value>,
}

/// Asks for a check of the records that are there against a definition, changed by a merge patch.
///
/// # Errors
/// [`Failure::NotFound`], [`Failure::Forbidden`]; [`Failure::Refused`]: a PATCH would be refused so.
pub async fn ask(caller: &Caller, id: Uuid, patch: Members) -> Result<Answer, Failure> {
    noting(caller, Refusal::of(FieldDefinition::KIND.name, "update", Some(id)), async {
        let found = read::within_reach::<FieldDefinition>(caller, vec![id]).await?;
        let found = found.into_iter().next().ok_or(Failure::NotFound)?;
        caller.reach(Action::Update, FieldDefinition::KIND.name)?;
        let _ = patched(&found.data, patch.clone(), &caller.org().region)?;
        let asked = serde_json::to_value(ToCheck { field: id, patch });
        let asked = asked.map_err(|error| Failure::Internal(error.to_string()))?;
        let job = queue::enqueue(caller, NewJob::new(&CHECKING, asked)).await?;
        queue::asked_for(caller, job).await
    })
    .await
}

/// The definition as it would be.
fn patched(field: &FieldDefinition, mut patch: Members, region: &str) -> Result<FieldDefinition, Failure> {
    let mut no_id = Uuid::nil;
    let mut reader = Reader::new(region, &mut no_id);
    let data = field.patch(&mut patch, &mut reader, &Plain);
    for name in patch.keys() {
        let known = FieldDefinition::KIND.field(name).is_some();
        let code = if known { &codes::READ_ONLY } else { &codes::FIELD_UNKNOWN };
        let known = FieldDefinition::KIND.fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ");
        reader.inside(name, |reader| reader.flaw(Flaw::new(code).with("field", name).with("known", known)));
    }
    let mut findings = reader.into_findings();
    let rules = data.iter().flat_map(FieldDefinition::rules).filter(|rule| rule.weight == Weight::Refuses);
    findings.extend(rules.map(|rule| Finding { pointer: format!("/{}", rule.field), flaw: rule.flaw }));
    data.filter(|_| findings.is_empty()).ok_or(Failure::Refused(findings))
}

/// Runs the job.
pub async fn run(work: Work) -> Run {
    let asked: ToCheck = work.payload()?;
    let (caller, org) = (work.caller(), work.org_id());
    let gone = |what: &str| Ended::Final { code: "field_gone", detail: format!("there is no such {what}") };
    let now = now(caller.db(), org, asked.field).await?.filter(|now| !now.is_deleted);
    let data = now.ok_or_else(|| gone("field"))?.data;
    let data = patched(&data, asked.patch, &caller.org().region).map_err(|failure| Ended::Final {
        code: "definition_changed",
        detail: format!("the definition was changed meanwhile, and can no longer be changed so: {failure}"),
    })?;
    let machine = registry::machine(data.kind.as_str()).ok_or_else(|| gone("kind"))?;
    let field = data.to_field(asked.field, &caller.org().region);
    // Values that were seen are not noted: whether they stand once is told by one run alone.
    let mut seen = Seen::default();
    let mut place: Place = work.checkpoint()?.filter(|_| !field.unique).unwrap_or_default();
    loop {
        work.go_on()?;
        let ids = next(caller.db(), machine.table(), org, (place.after, "AND deleted_at IS NULL")).await?;
        let Some(last) = ids.last().copied() else { break };
        for some in ids.chunks(AHEAD / 5) {
            for record in machine.load(caller, some.to_vec()).await? {
                let base = record.base();
                let code = flaw_of(&field, base.custom.0.get(&field.no), &caller.org().region, &mut seen);
                place.note(base.id, code);
            }
        }
        place.after = Some(last);
        let noted = serde_json::to_value(&place).map_err(|error| Failure::Internal(error.to_string()))?;
        work.save(Step::default().checkpoint(noted).progress(place.checked, None)).await?;
    }
    let Place { checked, wrong, codes, examples, .. } = place;
    let result = json!({ "checked": checked, "wrong": wrong, "codes": codes, "examples": examples });
    let (noted, said) = (work.clone(), result.clone());
    let write = async move |tx: &Tx<'_>| {
        noted.note(tx, Step::default().done(Some(said)));
        Ok(())
    };
    caller.write(write).await?;
    Ok(Some(result))
}

impl Place {
    fn note(&mut self, id: Uuid, code: Option<&'static str>) {
        self.checked += 1;
        let Some(code) = code else { return };
        self.wrong += 1;
        *self.codes.entry(code.to_owned()).or_default() += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(json!({ "id": id, "code": code }));
        }
    }
}

/// Values that were seen, where they may stand once.
#[derive(Default)]
struct Seen {
    texts: HashSet<String>,
    numbers: HashSet<i64>,
}

impl Seen {
    /// Whether a value is there that was seen before.
    fn again(&mut self, field: &CustomField, kept: &Value) -> bool {
        match (field.index_form(kept), field.slot_value(kept)) {
            (Some(text), _) | (None, Some(SlotValue::Text(text))) => !self.texts.insert(text),
            (None, Some(SlotValue::Number(number))) => !self.numbers.insert(number),
            (None, None) => false,
        }
    }
}

/// What a definition finds wrong with the value of a record, as if somebody said it anew.
fn flaw_of(field: &CustomField, kept: Option<&Value>, region: &str, seen: &mut Seen) -> Option<&'static str> {
    let Some(kept) = kept else { return field.required.then_some(codes::REQUIRED.key) };
    let mut no_id = Uuid::nil;
    let mut reader = Reader::new(region, &mut no_id);
    let _ = field.read(&said(field, kept), &mut reader, None);
    let flaw = reader.findings().first().map(|finding| finding.flaw.code.key);
    flaw.or_else(|| (field.unique && seen.again(field, kept)).then_some(codes::DUPLICATE_VALUE.key))
}

/// A kept value as a client may send it whole.
fn said(field: &CustomField, kept: &Value) -> Value {
    if field.holds == CustomType::Number {
        return kept.clone();
    }
    let mut out = Out::new();
    field.show(kept, &mut out, Sight::Full);
    serde_json::from_str(&out.into_text()).unwrap_or_default()
}
