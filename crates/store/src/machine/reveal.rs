//! Sealed values in clear, for a reason: told to the journal and counted before they are given.

use std::collections::BTreeSet;
use std::sync::Arc;

use kehu_domain::codes;
use kehu_domain::custom::{CustomField, CustomFields};
use kehu_domain::field::{Field, Shape, Sight};
use kehu_domain::flaw::Flaw;
use kehu_domain::read::Finding;
use kehu_domain::reason;
use kehu_domain::record::{FieldName, Kind, Veiled};
use kehu_domain::rights::{Action, Relation};
use kehu_domain::show::{Name, Out, View};
use kehu_domain::value::{IdNumber, Sex};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::allowance::{self, What};
use crate::failure::Failure;
use crate::gate::Caller;
use crate::journal::{Entry, Outcome};
use crate::refusals::{Refusal, noting};

use super::answer::Answer;
use super::{Resource, Shown};

/// The most fields of one request.
const MAX_FIELDS: usize = 20;

/// Gives sealed values of a record in clear. The body is `{"fields": ["phones", "phones/<element>", "id_number"],
/// "reason": "…"}`; the answer `{"id", "fields": {"phones": […], "id_number": "…"}, "derived":
/// {"id_number": {"birthday", "sex"}}}`.
///
/// # Errors
/// The role may not ([`Failure::Forbidden`]), no such record within reach, the body is wrong, the hour allows no more
/// ([`Failure::RevealLimited`]). Where the journal cannot be written nothing is given.
pub async fn reveal(caller: &Caller, resource: Resource, id: Uuid, body: &Value) -> Result<Answer, Failure> {
    let machine = resource.0;
    let kind = machine.kind();
    noting(caller, Refusal::of(kind.name, "reveal", Some(id)), async {
        let reach = caller.reach(Action::Reveal, kind.name)?;
        let record = machine.load(caller, vec![id]).await?.into_iter().next().ok_or(Failure::NotFound)?;
        let standing = caller.standing_to(record.base());
        if !reach.covers(Action::Reveal, standing) {
            return Err(Failure::Forbidden);
        }
        let wanted = Wanted::read(kind, caller.org().custom(kind.name), body)?;
        wanted.refuse_hidden(caller, kind, standing.relation())?;
        let fields = wanted.pick(&*record)?;
        let derived = derived(kind, &fields);
        let entry = wanted.entry(kind, &*record);
        allowance::take(&caller.because(&wanted.reason), What::Reveal, wanted.fields.len(), entry).await?;
        let mut out = Out::new();
        out.object(|out| {
            out.key("id").id(id);
            out.key("fields").raw(&Value::Object(fields).to_string());
            out.key("derived").raw(&Value::Object(derived).to_string());
        });
        Ok(Answer { id: Some(id), etag: None, body: out.into_text() })
    })
    .await
}

/// What a revealed identity number says of the person: the day of birth and the sex.
fn derived(kind: &Kind, fields: &Map<String, Value>) -> Map<String, Value> {
    let numbers = kind.fields.iter().filter(|field| field.shape == Shape::IdNumber);
    let says = |field: &Field| {
        let number = IdNumber::from_stored(fields.get(field.name)?.as_str()?.to_owned());
        let birthday = number.birthday().map(|day| day.to_string());
        Some((field.name.to_owned(), json!({ "birthday": birthday, "sex": number.sex().map(Sex::key) })))
    };
    numbers.filter_map(says).collect()
}

/// A field that holds sealed values.
enum Sealed {
    Own(&'static Field),
    /// One that the organisation added.
    Custom(Arc<CustomField>),
}

impl Sealed {
    fn name(&self) -> &str {
        match self {
            Self::Own(field) => field.name,
            Self::Custom(field) => &field.name,
        }
    }
}

/// A field, or one of its elements.
struct Part {
    field: Sealed,
    element: Option<Uuid>,
    /// Where the body names it.
    pointer: String,
}

/// What is to be revealed, and why.
struct Wanted {
    fields: Vec<Part>,
    reason: String,
}

impl Wanted {
    fn read(kind: &'static Kind, custom: &CustomFields, body: &Value) -> Result<Self, Failure> {
        let mut findings = Vec::new();
        let mut wrong = |pointer: &str, flaw: Flaw| findings.push(Finding { pointer: pointer.to_owned(), flaw });
        let typed = |en, zh| Flaw::new(&codes::TYPE_WRONG).with("expected_en", en).with("expected_zh", zh);
        let Some(members) = body.as_object() else { return Err(Failure::refused("", typed("an object", "对象"))) };
        for name in members.keys().filter(|name| !matches!(name.as_str(), "fields" | "reason")) {
            let flaw = Flaw::new(&codes::FIELD_UNKNOWN).with("field", name).with("known", "fields, reason");
            wrong(&format!("/{name}"), flaw);
        }
        let mut fields: Vec<Part> = Vec::new();
        match members.get("fields") {
            Some(Value::Array(names)) if names.len() > MAX_FIELDS => {
                wrong("/fields", Flaw::new(&codes::LIST_TOO_LONG).with("max", MAX_FIELDS));
            }
            Some(Value::Array(names)) if !names.is_empty() => {
                for (at, name) in names.iter().enumerate() {
                    let pointer = format!("/fields/{at}");
                    match name.as_str().map(|name| Part::read((kind, custom), name, &pointer)) {
                        Some(Ok(part)) if fields.iter().any(|known| known.is(&part)) => {}
                        Some(Ok(part)) => fields.push(part),
                        Some(Err(flaw)) => wrong(&pointer, flaw),
                        None => wrong(&pointer, typed("a text", "文本")),
                    }
                }
            }
            None | Some(Value::Null | Value::Array(_)) => {
                wrong("/fields", Flaw::new(&codes::REQUIRED).with("field", "fields"));
            }
            Some(_) => wrong("/fields", typed("a list of names", "字段名列表")),
        }
        let reason = match members.get("reason") {
            None | Some(Value::Null) => Err(Flaw::new(&codes::REQUIRED).with("field", "reason")),
            Some(said) => reason::parse(said.as_str().unwrap_or_default()),
        };
        let reason = reason.unwrap_or_else(|flaw| {
            wrong("/reason", flaw);
            String::new()
        });
        if findings.is_empty() { Ok(Self { fields, reason }) } else { Err(Failure::Refused(findings)) }
    }

    /// Refuses what the role may not see at all: a mask may be lifted, a hidden field is not there.
    fn refuse_hidden(&self, caller: &Caller, kind: &Kind, relation: Relation) -> Result<(), Failure> {
        let sees = |part: &Part| match &part.field {
            Sealed::Own(field) => caller.sees(kind, field, relation),
            Sealed::Custom(field) => caller.rights().sees_custom(kind.name, field, relation),
        };
        let hidden = self.fields.iter().filter(|part| sees(part) == Sight::Hidden);
        let refused = |part: &Part| Finding {
            pointer: part.pointer.clone(),
            flaw: Flaw::new(&codes::REVEAL_HIDDEN).with("field", part.field.name()),
        };
        let findings: Vec<Finding> = hidden.map(refused).collect();
        if findings.is_empty() { Ok(()) } else { Err(Failure::Refused(findings)) }
    }

    fn names(&self) -> BTreeSet<&str> {
        self.fields.iter().map(|part| part.field.name()).collect()
    }

    /// The values, as the record's own answer would show them to somebody who sees everything.
    fn pick(&self, record: &dyn Shown) -> Result<Map<String, Value>, Failure> {
        let names = self.names();
        let mut out = Out::new();
        out.object(|out| {
            record.show(out, &InClear(&names), &mut Veiled::default());
            for part in &self.fields {
                let Sealed::Custom(field) = &part.field else { continue };
                out.key(&field.name);
                match record.base().custom.0.get(&field.no) {
                    Some(kept) => field.show(kept, out, Sight::Full),
                    None => out.null(),
                }
            }
        });
        let shown: Map<String, Value> = serde_json::from_str(&out.into_text())
            .map_err(|error| Failure::Internal(format!("an answer is not JSON: {error}")))?;
        let mut picked = Map::new();
        for name in names {
            let parts: Vec<&Part> = self.fields.iter().filter(|part| part.field.name() == name).collect();
            let value = shown.get(name).cloned().unwrap_or_default();
            let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
            let id_of = |item: &Value| item.get("id").and_then(Value::as_str).and_then(|id| Uuid::parse_str(id).ok());
            for part in &parts {
                if part.element.is_some() && !items.iter().any(|item| id_of(item) == part.element) {
                    let id = part.element.unwrap_or_default();
                    let flaw = Flaw::new(&codes::REVEAL_ELEMENT_UNKNOWN).with("field", name).with("value", id);
                    return Err(Failure::refused(&part.pointer, flaw));
                }
            }
            let whole = parts.iter().any(|part| part.element.is_none());
            let wanted = |item: &&Value| parts.iter().any(|part| part.element == id_of(item));
            let value = if whole { value } else { items.iter().filter(wanted).cloned().collect() };
            picked.insert(name.to_owned(), value);
        }
        Ok(picked)
    }

    /// The entry that says who was shown what. The reason goes with it as with every other.
    fn entry(&self, kind: &'static Kind, record: &dyn Shown) -> Entry {
        let base = record.base();
        let named: Vec<String> = self.fields.iter().map(Part::name).collect();
        let entry = Entry::access(&format!("{}.revealed", kind.name), Outcome::Ok, Some((kind.name, base.id)));
        Entry {
            changed: self.names().into_iter().map(|name| FieldName::Owned(name.to_owned())).collect(),
            owner: (base.owner_id, base.owner_id),
            team: (base.team_id, base.team_id),
            ..entry.saying(&json!({ "fields": named }))
        }
    }
}

impl Part {
    fn read((kind, custom): (&'static Kind, &CustomFields), name: &str, pointer: &str) -> Result<Self, Flaw> {
        let (field_name, element) = name.split_once('/').map_or((name, None), |(field, id)| (field, Some(id)));
        let sealed = || kind.fields.iter().filter(|field| field.sealed);
        let of_custom = || custom.iter().filter(|field| field.sensitive).map(|field| field.name.as_str());
        let known = || sealed().map(|field| field.name).chain(of_custom()).collect::<Vec<_>>().join(", ");
        let unknown = || Flaw::new(&codes::FIELD_UNKNOWN).with("field", name).with("known", known());
        if let Some(field) = custom.by_name(name) {
            if !field.sensitive {
                return Err(Flaw::new(&codes::FIELD_NOT_SEALED).with("field", name).with("known", known()));
            }
            return Ok(Self { field: Sealed::Custom(field.clone()), element: None, pointer: pointer.to_owned() });
        }
        let field = kind.field(field_name).ok_or_else(unknown)?;
        if !field.sealed {
            return Err(Flaw::new(&codes::FIELD_NOT_SEALED).with("field", field.name).with("known", known()));
        }
        let element =
            match element {
                None => None,
                Some(_) if !matches!(field.shape, Shape::Elements(_)) => return Err(unknown()),
                Some(id) => Some(Uuid::parse_str(id).map_err(|_| {
                    Flaw::new(&codes::REVEAL_ELEMENT_UNKNOWN).with("field", field.name).with("value", id)
                })?),
            };
        Ok(Self { field: Sealed::Own(field), element, pointer: pointer.to_owned() })
    }

    fn is(&self, other: &Self) -> bool {
        self.field.name() == other.field.name() && self.element == other.element
    }

    fn name(&self) -> String {
        match self.element {
            Some(element) => format!("{}/{element}", self.field.name()),
            None => self.field.name().to_owned(),
        }
    }
}

/// Named members, in full.
struct InClear<'a>(&'a BTreeSet<&'a str>);

impl View for InClear<'_> {
    fn sight(&self, _: &Field) -> Sight {
        Sight::Full
    }
    fn name(&self, _: Uuid) -> Option<&Name> {
        None
    }
    fn wants(&self, member: &str) -> bool {
        self.0.contains(member)
    }
}
