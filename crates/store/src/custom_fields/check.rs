//! What a definition would find wrong in the records that are there: told before it is set.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use kehu_domain::codes;
use kehu_domain::custom::{CustomField, CustomType, SlotValue};
use kehu_domain::field::Sight;
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::FieldDefinition;
use kehu_domain::read::{Finding, Members, Reader};
use kehu_domain::record::{Record as _, Weight};
use kehu_domain::rights::{Action, Relation, Rights};
use kehu_domain::show::{Out, Plain};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::failure::Failure;
use crate::gate::{Caller, Principal};
use crate::machine::{Answer, read};
use crate::queue::{self, Ended, NewJob, Run, Step, Work};
use crate::refusals::{Refusal, noting};
use crate::registry;
use crate::tx::Tx;

use super::{AHEAD, CHECKING, next, now};

/// Records that are named one by one.
const EXAMPLES: usize = 100;
/// Values that are remembered to tell one that stands twice, 16 bytes of each.
const REMEMBERED: usize = 2_000_000;

/// What is to be checked.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ToCheck {
    field: Uuid,
    /// A merge patch of the definition.
    patch: Members,
    /// The program's key, where no user asked.
    #[serde(default)]
    key: Option<Uuid>,
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
/// It tells of every record of the kind whether its value fits, and a bound that is moved tells the value: only who
/// reads the values of all of them in full may ask.
///
/// # Errors
/// [`Failure::NotFound`], [`Failure::Forbidden`]; [`Failure::Refused`]: a PATCH would be refused so.
pub async fn ask(caller: &Caller, id: Uuid, patch: Members) -> Result<Answer, Failure> {
    noting(caller, Refusal::of(FieldDefinition::KIND.name, "update", Some(id)), async {
        let found = read::within_reach::<FieldDefinition>(caller, vec![id]).await?;
        let found = found.into_iter().next().ok_or(Failure::NotFound)?;
        caller.reach(Action::Update, FieldDefinition::KIND.name)?;
        if !sees_all(caller.rights(), &found.data, &found.data.to_field(id, &caller.org().region)) {
            return Err(Failure::Forbidden);
        }
        let _ = patched(&found.data, patch.clone(), &caller.org().region)?;
        let key = match caller.principal() {
            Principal::Key(key) => Some(key),
            _ => None,
        };
        let asked = serde_json::to_value(ToCheck { field: id, patch, key });
        let asked = asked.map_err(|error| Failure::Internal(error.to_string()))?;
        let job = queue::enqueue(caller, NewJob::new(&CHECKING, asked)).await?;
        queue::asked_for(caller, job).await
    })
    .await
}

/// Whether somebody reads the values of a field in full, of every record that has one.
fn sees_all(rights: &Rights, definition: &FieldDefinition, field: &CustomField) -> bool {
    let kind = definition.kind.as_str();
    let full = |how| rights.sees_custom(kind, field, how) == Sight::Full;
    rights.reach(Action::Read, kind).all && [Relation::Own, Relation::Team, Relation::Other].into_iter().all(full)
}

/// What whoever asked may do now.
async fn rights_now(work: &Work, key: Option<Uuid>) -> Result<Option<Arc<Rights>>, Failure> {
    let gate = work.caller().gate();
    let org = gate.org(work.org_id()).await?;
    match (work.asked_by(), key) {
        (Some(user), _) => {
            let person = org.users.get(&user).filter(|person| !person.disabled);
            Ok(person.map(|person| person.rights.clone()))
        }
        (None, Some(key)) => gate.rights_of_key(&org, key).await,
        (None, None) => Ok(None),
    }
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
    let before = data.clone();
    let data = patched(&data, asked.patch, &caller.org().region).map_err(|failure| Ended::Final {
        code: "definition_changed",
        detail: format!("the definition was changed meanwhile, and can no longer be changed so: {failure}"),
    })?;
    let machine = registry::machine(data.kind.as_str()).ok_or_else(|| gone("kind"))?;
    let field = data.to_field(asked.field, &caller.org().region);
    let seen_as = before.to_field(asked.field, &caller.org().region);
    // Values that were seen are not noted: whether they stand once is told by one run alone.
    let mut seen = Seen::default();
    let mut place: Place = work.checkpoint()?.filter(|_| !field.unique).unwrap_or_default();
    loop {
        work.go_on()?;
        // Also before the result is noted: rights may have been taken away meanwhile.
        let rights = rights_now(&work, asked.key).await?;
        if !rights.is_some_and(|rights| sees_all(&rights, &before, &seen_as)) {
            let detail = "whoever asked may no longer read every value of the field".to_owned();
            return Err(Ended::Final { code: "forbidden", detail });
        }
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

/// Values that were seen, where they may stand once: the beginning of a hash of each, not the values.
#[derive(Default)]
struct Seen(HashSet<[u8; 16]>);

impl Seen {
    /// Whether a value is there that was seen before. Where there are more values than are remembered, those that come
    /// later are compared with the ones that are.
    fn again(&mut self, field: &CustomField, kept: &Value) -> bool {
        let form = match (field.index_form(kept), field.slot_value(kept)) {
            (Some(text), _) | (None, Some(SlotValue::Text(text))) => text,
            (None, Some(SlotValue::Number(number))) => number.to_string(),
            (None, None) => return false,
        };
        let digest = Sha256::digest(form.as_bytes());
        let Some(short) = digest.first_chunk::<16>() else { return false };
        if self.0.len() >= REMEMBERED { self.0.contains(short) } else { !self.0.insert(*short) }
    }
}

/// What a definition finds wrong with the value of a record, as if somebody said it anew.
fn flaw_of(field: &CustomField, kept: Option<&Value>, region: &str, seen: &mut Seen) -> Option<&'static str> {
    let Some(kept) = kept else { return field.required.then_some(codes::REQUIRED.key) };
    let mut no_id = Uuid::nil;
    let mut reader = Reader::new(region, &mut no_id);
    let _ = field.read(&said(field, kept), &mut reader, None);
    let flaw = reader.findings().first().map(|finding| finding.flaw.code.key);
    flaw.or_else(|| (field.unique && seen.again(field, kept)).then_some(codes::UNIQUE_VALUE_TAKEN.key))
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
