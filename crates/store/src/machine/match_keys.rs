//! Keys by which an upsert, or an address, says which record it means.

use std::sync::Arc;

use kehu_domain::custom::CustomField;
use kehu_domain::field::{Field, Find, Sight};
use kehu_domain::fields::{is_external_id, is_source};
use kehu_domain::filter::sealed_form;
use kehu_domain::kinds::{Contact, Customer};
use kehu_domain::record::{Kind, Record as _};
use kehu_domain::value::CreditCode;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::dialect::statement;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::ops::duplicates;
use crate::pii::{self, Entry};
use crate::policy;
use crate::registry;
use crate::rows::found;
use crate::sealed_query;
use crate::tx::Tx;

use super::{Machine, Shown, brought, custom};

/// How the key of a source begins.
const EXTERNAL: &str = "external_id:";
/// How the key of a field begins that the organisation added.
const CUSTOM: &str = "custom.";

/// A key.
#[derive(Clone, Debug)]
pub(crate) enum MatchKey {
    /// The id of the record.
    Id,
    /// A column that no two living records share.
    Column(&'static Field),
    /// A sealed field that is found by equality.
    Sealed(&'static Field, Find),
    /// The id of one source.
    External(&'static Field, String),
    /// A unique field that the organisation added.
    Custom(Arc<CustomField>),
}

impl MatchKey {
    /// The key of that name; nothing where the kind has none, or the caller may not ask for it.
    pub(crate) fn parse(caller: &Caller, kind: &'static Kind, name: &str) -> Option<Self> {
        let hidden = policy::hidden(caller, kind);
        let field = |field: &&Field| !hidden.contains(&field.name);
        let named = |wanted: &str| kind.fields.iter().find(|field| field.name == wanted).filter(field);
        let found = |find: Find| kind.fields.iter().find(|field| field.find == Some(find)).filter(field);
        let sealed = |find: Find| found(find).map(|field| Self::Sealed(field, find));
        match name {
            "id" => Some(Self::Id),
            "number" | "credit_code" => named(name).map(Self::Column),
            "phone" => sealed(Find::Phone),
            "email" => sealed(Find::Email),
            "wechat" => sealed(Find::Wechat),
            "id_number" => sealed(Find::IdNumber),
            _ => match (name.strip_prefix(EXTERNAL), name.strip_prefix(CUSTOM)) {
                (Some(source), _) if is_source(source) => {
                    found(Find::ExternalId).map(|field| Self::External(field, source.to_owned()))
                }
                (_, Some(_)) => {
                    let fields = policy::askable(caller, kind);
                    fields.into_iter().find(|field| field.unique && field.name == name).map(Self::Custom)
                }
                _ => None,
            },
        }
    }

    /// The names of the keys that a kind has and the caller may ask for.
    pub(crate) fn known(caller: &Caller, kind: &'static Kind) -> Vec<String> {
        let fixed = ["id", "number", "credit_code", "phone", "email", "wechat", "id_number"];
        let mut known: Vec<String> = fixed.map(str::to_owned).into();
        known.retain(|name| Self::parse(caller, kind, name).is_some());
        if Self::parse(caller, kind, "external_id:a").is_some() {
            known.insert(0, "external_id:<source>".to_owned());
        }
        known.extend(policy::askable(caller, kind).iter().filter(|it| it.unique).map(|field| field.name.clone()));
        known
    }

    /// The source, where it is the id of one.
    pub(crate) fn source(&self) -> Option<&str> {
        match self {
            Self::External(_, source) => Some(source),
            _ => None,
        }
    }

    /// Where its value stands in a body.
    fn said<'b>(&self, body: &'b Value) -> Option<&'b Value> {
        let said = match self {
            Self::Id => body.get("id"),
            Self::Column(field) | Self::Sealed(field, _) => body.get(field.name),
            Self::External(field, source) => body.get(field.name).and_then(|ids| ids.get(source)),
            Self::Custom(field) => body.get("custom").and_then(|custom| custom.get(&field.key)),
        };
        said.filter(|said| !matches!(said, Value::Null) && said.as_array().is_none_or(|list| !list.is_empty()))
    }

    /// Whether a body brings a value for it.
    pub(crate) fn is_in(&self, body: &Value) -> bool {
        self.said(body).is_some()
    }

    /// Where its value stands in a body, as a pointer.
    pub(crate) fn pointer(&self) -> String {
        match self {
            Self::Id => "/id".to_owned(),
            Self::Column(field) | Self::Sealed(field, _) => format!("/{}", field.name),
            Self::External(field, source) => format!("/{}/{source}", field.name),
            Self::Custom(field) => format!("/custom/{}", field.key),
        }
    }

    /// A value of an address, as its field would have it of a body. What the field refuses stays as it is said.
    fn written(&self, value: &str) -> String {
        match self {
            Self::Column(field) if field.name == "credit_code" => {
                CreditCode::parse(value).map_or_else(|_| value.trim().to_owned(), |code| code.as_str().to_owned())
            }
            _ => value.trim().to_owned(),
        }
    }

    /// Whether a body says the value that an address says, or says it otherwise.
    fn agrees(&self, said: &Value, value: &str) -> bool {
        let said = said.as_str().map(|said| self.written(said));
        said.is_some_and(|said| match self {
            Self::Column(field) if field.name == "number" => said.eq_ignore_ascii_case(value),
            _ => said == value,
        })
    }

    /// Puts the value that an address says into a body, as its field has it.
    ///
    /// # Errors
    /// The place where the body says another one, or that there is none.
    pub(crate) fn put(&self, body: &mut Value, value: &str) -> Result<(), String> {
        let Some(members) = body.as_object_mut() else { return Ok(()) };
        let value = self.written(value);
        let (members, name) = match self {
            Self::External(field, source) => match members.entry(field.name).or_insert_with(|| json!({})) {
                Value::Object(ids) => (ids, source.as_str()),
                // All of them are taken away, the one of the address too.
                Value::Null => return Err(format!("/{}", field.name)),
                // What is no list of ids is refused as such.
                _ => return Ok(()),
            },
            Self::Id => (members, "id"),
            Self::Column(field) | Self::Sealed(field, _) => (members, field.name),
            Self::Custom(_) => return Ok(()),
        };
        if members.get(name).is_some_and(|said| !self.agrees(said, &value)) {
            return Err(self.pointer());
        }
        members.insert(name.to_owned(), value.into());
        Ok(())
    }

    /// What its values of a body are found under.
    fn entries(&self, caller: &Caller, kind: &'static Kind, body: &Value) -> Vec<Entry> {
        let Some(said) = self.said(body) else { return Vec::new() };
        let mut entries = Vec::new();
        match self {
            Self::Id | Self::Column(_) => {}
            Self::Sealed(_, find) => brought::each_text(said, &mut |text| {
                let form = sealed_form(*find, text, &caller.org().region).ok();
                entries.extend(form.map(|form| sealed_query::entry(*find, &form, String::new())));
            }),
            Self::External(_, source) => {
                let id = said.as_str().filter(|id| is_external_id(id));
                entries.extend(id.map(|id| found::external_id(kind, source, id)));
            }
            Self::Custom(field) => {
                let values = brought::custom_values(caller, kind, body);
                let pointer = format!("/custom/{}", field.key);
                let all = custom::entries(caller.org().custom(kind.name), &values).into_iter();
                entries.extend(all.filter(|entry| entry.pointer == pointer));
            }
        }
        entries
    }

    /// Column and values by which it is found in the table itself: by the first of them that a record has.
    fn column(&self, body: &Value) -> Option<(&'static str, Vec<sea_orm::Value>)> {
        let text = self.said(body)?.as_str()?.trim();
        match self {
            Self::Id => Some(("id", vec![Uuid::try_parse(text).ok()?.into()])),
            Self::Column(field) if field.name == "credit_code" => {
                Some((field.name, vec![CreditCode::parse(text).ok()?.as_str().into()]))
            }
            // A template of numbers may have small letters in it; most have none, and people type them all the same.
            Self::Column(field) => {
                let upper = Some(text.to_ascii_uppercase()).filter(|upper| upper != text);
                Some((field.name, std::iter::once(text.to_owned()).chain(upper).map(Into::into).collect()))
            }
            Self::Sealed(..) | Self::External(..) | Self::Custom(_) => None,
        }
    }

    /// Whether the caller sees the key's field of a record.
    fn is_seen(&self, caller: &Caller, record: &dyn Shown) -> bool {
        let relation = caller.standing_to(record.base()).relation();
        match self {
            Self::Id => true,
            Self::Column(field) | Self::External(field, _) => {
                caller.sees(record.kind(), field, relation) != Sight::Hidden
            }
            // A customer is found by what its contacts have, which has a visibility of its own.
            Self::Sealed(field, find) => {
                let own = record.kind().fields.iter().find(|own| own.find == Some(*find)).unwrap_or(field);
                caller.sees(record.kind(), own, relation) != Sight::Hidden
            }
            Self::Custom(field) => caller.rights().sees_custom(record.kind().name, field, relation) != Sight::Hidden,
        }
    }
}

/// Whether customers are found by what their contacts have of it.
fn is_of_contacts(key: &MatchKey) -> bool {
    matches!(key, MatchKey::Sealed(_, Find::Phone | Find::Email | Find::Wechat))
}

/// The living records that the keys of a body mean, as far as the caller may read them and sees the field by which they
/// are found. What is out of reach is met as any new record meets it.
pub(super) async fn find(
    tx: &Tx<'_>,
    machine: &'static dyn Machine,
    keys: &[MatchKey],
    body: &Value,
) -> Result<Vec<Box<dyn Shown>>, Failure> {
    let (caller, kind) = (tx.caller(), machine.kind());
    let (mut entries, mut key_of) = (Vec::new(), Vec::new());
    let mut own: Vec<(Uuid, &MatchKey)> = Vec::new();
    for key in keys {
        let more = key.entries(caller, kind, body);
        key_of.extend(more.iter().map(|_| key));
        entries.extend(more);
        if let Some((column, values)) = key.column(body) {
            let found = by_column(tx.db(), (tx.org_id(), machine), column, values).await?;
            own.extend(found.into_iter().map(|id| (id, key)));
        }
    }
    let mut of_contacts: Vec<(Uuid, Uuid, &MatchKey)> = Vec::new();
    for hit in duplicates::look_up(tx, &entries).await?.hits {
        let Some(key) = key_of.get(hit.entry).copied() else { continue };
        if hit.kind == kind.name {
            own.push((hit.record_id, key));
        } else if kind.name == Customer::KIND.name && hit.kind == Contact::KIND.name && is_of_contacts(key) {
            of_contacts.push((hit.record_id, hit.parent_id, key));
        }
    }
    if let Some(contacts) = registry::machine(Contact::KIND.name).filter(|_| !of_contacts.is_empty()) {
        let ids = of_contacts.iter().map(|(contact, ..)| *contact).collect();
        let seen = contacts.peek(tx, ids).await?;
        let reached = |contact: Uuid| seen.iter().find(|record| record.base().id == contact);
        for (contact, customer, key) in &of_contacts {
            if reached(*contact).is_some_and(|record| key.is_seen(caller, &**record)) {
                // Seen there, wherever else it stands.
                own.push((*customer, &MatchKey::Id));
            }
        }
    }
    let mut ids: Vec<Uuid> = own.iter().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut records = machine.peek(tx, ids).await?;
    records.retain(|record| {
        let mut by = own.iter().filter(|(id, _)| *id == record.base().id);
        by.any(|(_, key)| key.is_seen(caller, &**record))
    });
    Ok(records)
}

async fn by_column(
    db: &impl ConnectionTrait,
    (org, machine): (Uuid, &'static dyn Machine),
    column: &str,
    values: Vec<sea_orm::Value>,
) -> Result<Vec<Uuid>, Failure> {
    let table = machine.table();
    let sql = format!("SELECT id FROM {table} WHERE org_id = ? AND {column} = ? AND deleted_at IS NULL LIMIT 3");
    for value in values {
        let rows = db.query_all_raw(statement(db, &sql, [org.into(), value])).await?;
        if !rows.is_empty() {
            return Ok(rows.into_iter().map(|row| row.try_get("", "id")).collect::<Result<_, _>>()?);
        }
    }
    Ok(Vec::new())
}

/// The living record that one key and value mean, where nothing is written; who asks still has to reach it.
pub(super) async fn one_in(
    caller: &Caller,
    machine: &'static dyn Machine,
    key: &MatchKey,
    value: &str,
) -> Result<Option<Uuid>, Failure> {
    let (kind, mut body) = (machine.kind(), json!({}));
    // A body that says nothing says nothing else.
    let _ = key.put(&mut body, value);
    if let Some((column, values)) = key.column(&body) {
        let found = by_column(caller.db(), (caller.org().id, machine), column, values).await?;
        return Ok(found.into_iter().next());
    }
    let entries = key.entries(caller, kind, &body);
    let found = pii::find(caller.db(), caller.ring(), caller.org().id, &entries).await?;
    Ok(found.hits.iter().find(|hit| hit.kind == kind.name).map(|hit| hit.record_id))
}
