//! Fields that an organisation added, in the verbs of every kind: the member `custom` of bodies and answers.

use kehu_domain::codes;
use kehu_domain::custom::{CustomField, CustomFields, CustomType, CustomValues, SlotValue};
use kehu_domain::field::Sight;
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::unknown_reference;
use kehu_domain::read::{Members, Reader};
use kehu_domain::record::{FieldName, Kind, Veiled};
use kehu_domain::rights::{Action, CUSTOM};
use kehu_domain::show::{Out, View};
use kehu_domain::text::document::Document;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::crypto::index::IndexClass;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::ops::references;
use crate::pii::Entry;
use crate::tx::Tx;

use super::names::Known;

/// Reads the custom values of a new record; what is not said has its default.
pub(crate) fn create(
    caller: &Caller,
    kind: &'static Kind,
    json: Option<Value>,
    reader: &mut Reader<'_>,
) -> CustomValues {
    let fields = caller.org().custom(kind.name);
    let mut values = CustomValues::default();
    reader.inside(CUSTOM, |reader| {
        reader.sight = Sight::Full;
        let Some(mut said) = members(json, reader) else { return };
        let reach = caller.rights().reach(Action::Create, kind.name);
        for field in fields.iter() {
            let json = said.remove(&field.key).filter(|json| !json.is_null());
            let writes = caller.rights().writes_custom(kind.name, &field.name);
            let sees = |how| caller.rights().sees_custom(kind.name, field, how) != Sight::Hidden;
            reader.inside(&field.key, |reader| {
                let kept = match json {
                    Some(_) if !writes => refuse(reader, field, &codes::READ_ONLY),
                    Some(_) if !reach.relations().any(sees) => refuse(reader, field, &codes::FIELD_HIDDEN),
                    Some(json) => read(field, &json, reader, None),
                    None if field.default.is_some() => field.default.clone(),
                    // Who may not write it cannot be asked for it.
                    None if field.required && writes => refuse(reader, field, &codes::REQUIRED),
                    None => None,
                };
                values.0.extend(kept.map(|kept| (field.no, kept)));
            });
        }
        refuse_rest(fields, &said, reader);
    });
    values
}

/// The values of a record that nobody says any of: what the system makes has the defaults.
pub(crate) fn defaults(caller: &Caller, kind: &Kind) -> CustomValues {
    let fields = caller.org().custom(kind.name).iter();
    CustomValues(fields.filter_map(|field| field.default.clone().map(|kept| (field.no, kept))).collect())
}

/// Reads a merge patch of custom values. What GET gave may be sent back: a null of what is hidden, a mask, and what is
/// there already say nothing.
pub(crate) fn patch(
    (caller, kind): (&Caller, &'static Kind),
    before: &CustomValues,
    json: Value,
    reader: &mut Reader<'_>,
    view: &dyn View,
) -> CustomValues {
    let fields = caller.org().custom(kind.name);
    let mut values = before.clone();
    reader.inside(CUSTOM, |reader| {
        let said = if json.is_null() {
            // All of them are cleared that the caller sees and may write.
            let mine = |field: &&std::sync::Arc<CustomField>| {
                view.custom_sight(field) != Sight::Hidden && caller.rights().writes_custom(kind.name, &field.name)
            };
            Some(fields.iter().filter(mine).map(|field| (field.key.clone(), Value::Null)).collect::<Map<_, _>>())
        } else {
            members(Some(json), reader)
        };
        let Some(mut said) = said else { return };
        for field in fields.iter() {
            let Some(json) = said.remove(&field.key) else { continue };
            let old = before.0.get(&field.no);
            let sight = view.custom_sight(field);
            let writes = caller.rights().writes_custom(kind.name, &field.name);
            reader.inside(&field.key, |reader| {
                if says_nothing(field, &json, old, sight) {
                    return;
                }
                let kept = match (json, sight) {
                    _ if !writes => refuse(reader, field, &codes::READ_ONLY),
                    (_, Sight::Hidden) => refuse(reader, field, &codes::FIELD_HIDDEN),
                    (Value::Null, _) if field.required => refuse(reader, field, &codes::REQUIRED),
                    (Value::Null, _) => {
                        values.0.remove(&field.no);
                        return;
                    }
                    (json, _) => {
                        reader.sight = sight;
                        read(field, &json, reader, old)
                    }
                };
                values.0.extend(kept.map(|kept| (field.no, kept)));
            });
        }
        refuse_rest(fields, &said, reader);
    });
    values
}

fn members(json: Option<Value>, reader: &mut Reader<'_>) -> Option<Members> {
    match json {
        None | Some(Value::Null) => Some(Map::new()),
        Some(Value::Object(members)) => Some(members),
        Some(_) => reader.typed(None, "an object", "对象"),
    }
}

fn refuse(reader: &mut Reader<'_>, field: &CustomField, code: &'static kehu_domain::flaw::Code) -> Option<Value> {
    let flaw = Flaw::new(code).with("field", &field.name);
    reader.flaw(flaw.with("field_zh", format!("{}（{}）", field.zh, field.name)));
    None
}

fn refuse_rest(fields: &CustomFields, said: &Members, reader: &mut Reader<'_>) {
    let known: Vec<&str> = fields.iter().map(|field| field.key.as_str()).collect();
    if !known.is_empty() {
        return reader.refuse_rest(said, &known);
    }
    for name in said.keys() {
        let flaw = Flaw::new(&codes::FIELD_UNKNOWN).with("field", name).with("known", "");
        let flaw = flaw.with("known_en", "none, no field was added yet").with("known_zh", "尚未添加自定义字段");
        reader.inside(name, |reader| reader.flaw(flaw));
    }
}

/// Reads a value as a body may say it: of a reference its id, or the whole as an answer shows it.
pub(super) fn read(field: &CustomField, json: &Value, reader: &mut Reader<'_>, old: Option<&Value>) -> Option<Value> {
    match json.get("id") {
        // As an answer shows it.
        Some(id) if field.holds == CustomType::Reference => field.read(id, reader, old),
        _ => field.read(json, reader, old),
    }
}

/// Whether a value of a patch is what the answer shows: of a reference its id or the whole.
fn says_nothing(field: &CustomField, json: &Value, old: Option<&Value>, sight: Sight) -> bool {
    let Some(old) = old else { return json.is_null() };
    match sight {
        Sight::Hidden => json.is_null(),
        _ if field.holds == CustomType::Reference => json.get("id").unwrap_or(json) == old,
        _ => {
            let mut out = Out::new();
            field.show(old, &mut out, sight);
            serde_json::from_str::<Value>(&out.into_text()).is_ok_and(|shown| shown == *json)
        }
    }
}

/// Writes the member `custom` of an answer: every field that is in use; `only` are those that were asked for. A field may
/// point to any record: it is named to who reads that one.
pub(crate) fn show(
    fields: &CustomFields,
    values: &CustomValues,
    out: &mut Out,
    view: &dyn View,
    (only, names): (Option<&[String]>, &Known),
    veiled: &mut Veiled,
) {
    let asked =
        |field: &CustomField| only.is_none_or(|names| names.iter().any(|name| name == CUSTOM || *name == field.name));
    out.key(CUSTOM).object(|out| {
        for field in fields.iter() {
            let sight = view.custom_sight(field);
            match sight {
                Sight::Hidden => veiled.hidden.push(FieldName::Owned(field.name.clone())),
                Sight::Masked => veiled.masked.push(FieldName::Owned(field.name.clone())),
                Sight::Full => {}
            }
            if !asked(field) {
                continue;
            }
            out.key(&field.key);
            match values.0.get(&field.no).filter(|_| sight != Sight::Hidden) {
                None => out.null(),
                Some(kept) => match field.reference(kept) {
                    Some(id) => out.object(|out| {
                        out.key("id").id(id);
                        let name = view.name(id).filter(|_| names.is_told(id));
                        out.key("name").text_or_null(name.map(|name| name.name.as_str()));
                    }),
                    None => field.show(kept, out, sight),
                },
            }
        }
    });
}

/// Writes the named values as members of their own, in clear: the state of a record in the journal.
pub(crate) fn tell(fields: &CustomFields, values: &CustomValues, named: &[FieldName], out: &mut Out) {
    for field in fields.iter().filter(|field| named.iter().any(|name| *name == field.name)) {
        out.key(&field.name);
        match values.0.get(&field.no) {
            None => out.null(),
            Some(kept) => match field.reference(kept) {
                Some(id) => out.id(id),
                None => field.show(kept, out, Sight::Full),
            },
        }
    }
}

/// Names of the fields in which two states differ.
pub(crate) fn changed(fields: &CustomFields, before: &CustomValues, after: &CustomValues) -> Vec<FieldName> {
    if before == after {
        return Vec::new();
    }
    let differs = |field: &&std::sync::Arc<CustomField>| before.0.get(&field.no) != after.0.get(&field.no);
    fields.iter().filter(differs).map(|field| FieldName::Owned(field.name.clone())).collect()
}

/// Names of the fields that have a value.
pub(crate) fn said(fields: &CustomFields, values: &CustomValues) -> Vec<FieldName> {
    changed(fields, &CustomValues::default(), values)
}

/// What the record is found under, and may be the only one to have.
pub(crate) fn entries(fields: &CustomFields, values: &CustomValues) -> Vec<Entry> {
    if values.0.is_empty() {
        return Vec::new();
    }
    let found = fields.iter().filter(|field| field.unique || (field.sensitive && field.filterable));
    found
        .filter_map(|field| {
            let form = form_of(field, values.0.get(&field.no)?)?;
            let pointer = format!("/{CUSTOM}/{}", field.key);
            let value = index_value(field, &form);
            Some(Entry { class: IndexClass::Custom, value, strong: field.unique, pointer })
        })
        .collect()
}

/// What two values are compared by.
fn form_of(field: &CustomField, kept: &Value) -> Option<String> {
    let open = || match field.slot_value(kept)? {
        SlotValue::Text(text) => Some(text),
        SlotValue::Number(number) => Some(number.to_string()),
    };
    field.index_form(kept).or_else(open)
}

/// A value of one field, apart from the same value of every other one.
pub(crate) fn index_value(field: &CustomField, form: &str) -> String {
    format!("{}:{form}", field.id.simple())
}

/// Ids that the answer shows names of.
pub(crate) fn refs(fields: &CustomFields, values: &CustomValues, ids: &mut Vec<Uuid>) {
    ids.extend(references_of(fields, values).map(|(_, id)| id));
}

fn references_of<'a>(
    fields: &'a CustomFields,
    values: &'a CustomValues,
) -> impl Iterator<Item = (&'a std::sync::Arc<CustomField>, Uuid)> {
    fields.iter().filter_map(|field| Some((field, field.reference(values.0.get(&field.no)?)?)))
}

/// Checks every reference that is new: it exists, and is within the caller's reach.
pub(crate) async fn check_references(
    tx: &Tx<'_>,
    kind: &Kind,
    values: &CustomValues,
    before: Option<&CustomValues>,
) -> Result<(), Failure> {
    let fields = tx.caller().org().custom(kind.name);
    for (field, id) in references_of(fields, values) {
        let known = before.and_then(|before| field.reference(before.0.get(&field.no)?));
        let Some(target) = field.target.filter(|_| known != Some(id)) else { continue };
        if !references::exists(tx, target, id).await? {
            let flaw = unknown_reference(target, id);
            return Err(Failure::refused(format!("/{CUSTOM}/{}", field.key), flaw));
        }
    }
    Ok(())
}

/// Takes out defaults that point to what is no more: a record is not refused for what nobody said.
async fn drop_gone_defaults(tx: &Tx<'_>, kind: &Kind, values: &mut CustomValues) -> Result<(), Failure> {
    for field in tx.caller().org().custom(kind.name).iter() {
        let by_default = values.0.get(&field.no).filter(|kept| field.default.as_ref() == Some(*kept));
        let id = by_default.and_then(|kept| field.reference(kept));
        if let (Some(id), Some(target)) = (id, field.target)
            && !references::lives(tx, target, id).await?
        {
            values.0.remove(&field.no);
        }
    }
    Ok(())
}

/// Checks every reference of a new record: one that the definition says by default is the organisation's, not the
/// caller's.
pub(crate) async fn check_new_references(tx: &Tx<'_>, kind: &Kind, values: &mut CustomValues) -> Result<(), Failure> {
    drop_gone_defaults(tx, kind, values).await?;
    let fields = tx.caller().org().custom(kind.name);
    let defaults = fields.iter().filter_map(|field| Some((field.no, field.default.clone()?))).collect();
    check_references(tx, kind, values, Some(&CustomValues(defaults))).await
}

/// Adds the texts of searchable fields to what a record is found by.
pub(crate) fn describe(fields: &CustomFields, values: &CustomValues, document: &mut Document) {
    for field in fields.iter().filter(|field| field.searchable) {
        if let Some(text) = values.0.get(&field.no).and_then(|kept| field.search_text(kept)) {
            document.add_custom(field.no, text);
        }
    }
}
