//! Changing records.

use std::collections::BTreeMap;

use kehu_domain::codes;
use kehu_domain::custom::{CustomField, CustomValues};
use kehu_domain::field::{Field, Sight, Write};
use kehu_domain::flaw::Flaw;
use kehu_domain::read::{Members, Reader};
use kehu_domain::record::{Base, FieldName, Kind, Stored};
use kehu_domain::rights::{Action, CUSTOM, Relation};
use kehu_domain::show::{Name, View};
use sea_orm::sea_query::{Alias, Expr, ExprTrait};
use sea_orm::{ActiveModelTrait, EntityTrait, IdenStatic, Iterable, QueryFilter};
use serde_json::Value;
use uuid::Uuid;

use crate::clock::new_id;
use crate::engine::EngineError;
use crate::failure::{Failure, FieldConflict};
use crate::gate::Caller;
use crate::journal::{self, Entry, names_of_changed};
use crate::ops::{duplicates, references, tags};
use crate::registry;
use crate::rows::{self, Ownership, RowBase, Rows, columns_of};
use crate::sealer::Sealer;
use crate::tx::Tx;

use super::draft::{self, rule_findings};
use super::{Change, Machine as _, answer, custom, document, found_under, judged, read};

/// The field whose sources are told apart.
const EXTERNAL_IDS: &str = "external_ids";

/// What the caller sees of the record that is changed.
struct PatchView<'a> {
    caller: &'a Caller,
    kind: &'static Kind,
    relation: Relation,
}

impl View for PatchView<'_> {
    fn sight(&self, field: &Field) -> Sight {
        self.caller.sees(self.kind, field, self.relation)
    }
    fn custom_sight(&self, field: &CustomField) -> Sight {
        self.caller.rights().sees_custom(self.kind.name, field, self.relation)
    }
    fn name(&self, _: Uuid) -> Option<&Name> {
        None
    }
    fn wants(&self, _: &str) -> bool {
        true
    }
}

/// Applies a merge patch; the record before and after it.
pub(crate) async fn patch<R: Rows>(tx: &Tx<'_>, change: Change) -> Result<(Stored<R>, Stored<R>), Failure> {
    let caller = tx.caller();
    if !tx.db_is_alone() {
        // Before the row, as everybody: who makes a contact of this customer has its keys and then waits for the row.
        let keys = super::Of::<R>::NEW.brought_keys(caller, &change.body);
        duplicates::lock(tx, keys).await?;
    }
    let (before, touched) = read::for_change::<R>(tx, change.id, Action::Update).await?;
    let Value::Object(mut members) = change.body else {
        let flaw = Flaw::new(&codes::TYPE_WRONG).with("expected_en", "an object").with("expected_zh", "对象");
        return Err(Failure::refused("", flaw));
    };
    let expected = expected_version(&mut members, change.expected)?;
    if let Some(expected) = expected.filter(|expected| *expected > before.base.version) {
        return Err(Failure::Conflict(vec![FieldConflict {
            field: "version".into(),
            yours: expected.into(),
            theirs: before.base.version.into(),
            changed_by: None,
            changed_at: Some(before.base.updated_at),
        }]));
    }
    let stale = expected.is_some_and(|expected| expected < before.base.version);
    drop_unchanged(tx, &before, &mut members, stale).await?;
    let brought = members.clone();
    let (mut data, values) = parse(caller, &before, members)?;
    if let Some(picked) = data.tags_mut() {
        let old = before.data.tags().map(|tags| tags.ids.clone()).unwrap_or_default();
        tags::check(tx, picked, &old)?;
        tags::resolve(tx, picked).await?;
    }
    data.resolve(tx, Some(&before)).await?;
    let fields = caller.org().custom(R::KIND.name);
    let own = told_apart(&before.data, &data, before.data.changed(&data).into_iter().map(FieldName::Borrowed));
    let changed: Vec<FieldName> =
        own.into_iter().chain(custom::changed(fields, &before.base.custom, &values)).collect();
    refuse_conflicts(tx, &before, &touched, expected, &changed, &brought).await?;
    // A mask that comes back brings nothing.
    let is_mask = |value: &Value| value.as_str().is_some_and(|text| text.contains("***"));
    let brings = |name: &str| brought.get(name).is_some_and(|value| !is_mask(value));
    let rules = data.rules().into_iter().filter(|rule| rule.is_about(brings));
    let (broken, mut warned) = rule_findings(&caller.org().settings, rules, "");
    if !broken.is_empty() {
        return Err(Failure::Refused(broken));
    }
    references::check(tx, &data, Some(&before.data)).await?;
    custom::check_references(tx, R::KIND, &values, Some(&before.base.custom)).await?;
    refuse_duplicates(tx, &before, (&data, &values), change.allow_duplicate).await?;
    data.prepare(tx, Some(&before)).await?;
    warned.extend(judged::change(tx, &before, &mut data, &values)?);
    let after = write_as(tx, &before, &touched, (data, values), true).await?;
    tx.warn(after.base.id, warned);
    Ok((before, after))
}

fn parse<R: Rows>(caller: &Caller, before: &Stored<R>, mut members: Members) -> Result<(R, CustomValues), Failure> {
    let now = caller.gate().now();
    let mut make_id = || new_id(now);
    let region = caller.org().region.clone();
    let mut reader = Reader::new(&region, &mut make_id);
    let relation = caller.standing_to(&before.base).relation();
    let view = PatchView { caller, kind: R::KIND, relation };
    let read_only = draft::take_read_only(caller, R::KIND, &mut members);
    let data = before.data.patch(&mut members, &mut reader, &view);
    let values = match members.remove(CUSTOM) {
        Some(json) => custom::patch((caller, R::KIND), &before.base.custom, json, &mut reader, &view),
        None => before.base.custom.clone(),
    };
    for name in read_only {
        reader.inside(name, |reader| reader.flaw(Flaw::new(&codes::READ_ONLY).with("field", name)));
    }
    for name in members.keys().cloned().collect::<Vec<_>>() {
        let known = R::KIND.field(&name).is_some_and(|field| matches!(field.write, Write::Never | Write::Once))
            || answer::is_member(R::KIND, &name);
        if known {
            members.remove(&name);
            reader.inside(&name, |reader| reader.flaw(Flaw::new(&codes::READ_ONLY).with("field", &name)));
        }
    }
    let names: Vec<&str> = draft::written(R::KIND, &[Write::Never, Write::Once]).collect();
    reader.refuse_rest(&members, &names);
    let findings = reader.into_findings();
    match data {
        Some(data) if findings.is_empty() => Ok((data, values)),
        _ => Err(Failure::Refused(findings)),
    }
}

/// Takes out the members that say what the answer already says: what GET gave may be sent back whole.
/// Those of an older version are not compared: the system changed them since.
async fn drop_unchanged<R: Rows>(
    tx: &Tx<'_>,
    before: &Stored<R>,
    members: &mut Members,
    stale: bool,
) -> Result<(), Failure> {
    let rights = tx.caller().rights();
    let writable = |name: &str| {
        if name == CUSTOM {
            // Each of its members is compared by itself.
            return true;
        }
        let field = R::KIND.field(name).filter(|field| rights.writes(R::KIND.name, field.name));
        field.is_some_and(|field| matches!(field.write, Write::Always | Write::Transfer))
    };
    if members.keys().all(|name| writable(name)) {
        return Ok(());
    }
    let shown = answer::render_in(tx, before).await?;
    let Ok(Value::Object(shown)) = serde_json::from_str(&shown) else { return Ok(()) };
    members.retain(|name, value| {
        let expanded = super::expand::is_expansion(R::KIND.name, name) && is_answer(value);
        // What the caller could do when it was read says nothing of the record.
        let told = name == answer::WARNINGS || name == answer::CAN && value.is_array();
        // What is changed is not deleted.
        let told = told || registry::is_removable(R::KIND) && name == answer::DELETED_AT && *value == Value::Null;
        let old = stale && answer::is_member(R::KIND, name) || told;
        writable(name) || !(expanded || old || shown.get(name) == Some(&*value))
    });
    Ok(())
}

/// Whether a value looks like records of an answer, rather than like something to be written.
fn is_answer(value: &Value) -> bool {
    match value {
        Value::Array(records) => records.iter().all(is_answer),
        Value::Object(record) => record.contains_key("id") && record.contains_key("version"),
        Value::Bool(_) | Value::Null => true,
        _ => false,
    }
}

/// The version that the client saw: in the body, or by `If-Match`.
fn expected_version(members: &mut Members, by_header: Option<i64>) -> Result<Option<i64>, Failure> {
    match members.remove("version") {
        None | Some(Value::Null) => Ok(by_header),
        Some(version) => match version.as_i64() {
            Some(version) => Ok(Some(version)),
            None => {
                let flaw = Flaw::new(&codes::TYPE_WRONG).with("expected_en", "a whole number");
                Err(Failure::refused("/version", flaw.with("expected_zh", "整数")))
            }
        },
    }
}

/// In which version which field was last changed.
fn touched_map(touched: &str) -> BTreeMap<String, i64> {
    serde_json::from_str(touched).unwrap_or_default()
}

/// The names of what changed, with ids in other systems told apart by their sources: what one system writes does not
/// conflict with what another one does.
fn told_apart<R: Rows>(before: &R, after: &R, changed: impl Iterator<Item = FieldName>) -> Vec<FieldName> {
    let (old, new) = (before.external_ids(), after.external_ids());
    let sources = || old.zip(new).into_iter().flat_map(|(old, new)| new.changed(old));
    let apart = |name: FieldName| match &*name {
        EXTERNAL_IDS => sources().map(|source| FieldName::Owned(format!("{EXTERNAL_IDS}.{source}"))).collect(),
        _ => vec![name],
    };
    changed.flat_map(apart).collect()
}

/// Refuses a change of fields that somebody else changed since the version that the client saw.
async fn refuse_conflicts<R: Rows>(
    tx: &Tx<'_>,
    before: &Stored<R>,
    touched: &str,
    expected: Option<i64>,
    changed: &[FieldName],
    brought: &Members,
) -> Result<(), Failure> {
    let Some(expected) = expected.filter(|expected| *expected < before.base.version) else { return Ok(()) };
    let touched = touched_map(touched);
    let since = |field: &'_ FieldName| {
        let version = touched.get(&**field).copied().filter(|version| *version > expected)?;
        Some((field.to_string(), version))
    };
    let overlaps: Vec<(String, i64)> = changed.iter().filter_map(since).collect();
    if overlaps.is_empty() {
        return Ok(());
    }
    let shown: Value = serde_json::from_str(&answer::render_in(tx, before).await?).unwrap_or_default();
    let mut conflicts = Vec::new();
    for (field, version) in overlaps {
        let change = journal::change_of(tx, before.base.id, version).await?;
        let member = |members: &Members| match field.split_once('.') {
            Some((whole, key)) => members.get(whole).and_then(|inside| inside.get(key)).cloned(),
            None => members.get(&field).cloned(),
        };
        let theirs = shown.as_object().and_then(member).unwrap_or_default();
        conflicts.push(FieldConflict {
            yours: member(brought).unwrap_or_default(),
            theirs,
            field: field.clone(),
            changed_by: change.as_ref().and_then(|change| change.actor_id),
            changed_at: change.map(|change| change.at),
        });
    }
    Err(Failure::Conflict(conflicts))
}

/// Whether a field changed that a record is found under. What it is found under takes long to tell.
fn is_found_anew<R: Rows>(tx: &Tx<'_>, before: &Stored<R>, (data, values): (&R, &CustomValues)) -> bool {
    let finds = |name: &&str| R::KIND.field(name).is_some_and(|field| field.find.is_some());
    let own = before.data.credit_code() != data.credit_code() || before.data.changed(data).iter().any(finds);
    let fields = tx.caller().org().custom(R::KIND.name);
    let of_custom = |values| custom::entries(fields, values).into_iter().map(|entry| entry.value);
    own || before.base.custom != *values && !of_custom(&before.base.custom).eq(of_custom(values))
}

/// Only values that are new to the record can meet another one. The body brought them: their keys are locked.
async fn refuse_duplicates<R: Rows>(
    tx: &Tx<'_>,
    before: &Stored<R>,
    (data, values): (&R, &CustomValues),
    allow_duplicate: bool,
) -> Result<(), Failure> {
    if !is_found_anew(tx, before, (data, values)) {
        return Ok(());
    }
    let org = tx.caller().org();
    let old = found_under(org, before);
    let known = |value: &str| old.iter().any(|entry| entry.value == value);
    let of_custom = custom::entries(org.custom(R::KIND.name), values);
    let new: Vec<_> = data.entries().into_iter().chain(of_custom).filter(|entry| !known(&entry.value)).collect();
    let code = data.credit_code().filter(|code| before.data.credit_code() != Some(code));
    if new.is_empty() && code.is_none() {
        return Ok(());
    }
    let found = duplicates::look_up(tx, &new).await?;
    let customer = match data.ownership() {
        Ownership::OfCustomer(customer) => customer,
        _ => before.base.id,
    };
    duplicates::refuse(tx, &new, &found, code, &[before.base.id, customer], allow_duplicate).await
}

/// Writes a changed record: the columns that differ, and what stands behind them.
pub(crate) async fn write<R: Rows>(
    tx: &Tx<'_>,
    before: &Stored<R>,
    touched: &str,
    data: R,
) -> Result<Stored<R>, Failure> {
    write_as(tx, before, touched, (data, before.base.custom.clone()), true).await
}

/// Writes a summary that the system derived: the version rises, and nobody's change conflicts with it.
pub(crate) async fn write_summary<R: Rows>(
    tx: &Tx<'_>,
    before: &Stored<R>,
    touched: &str,
    data: R,
) -> Result<Stored<R>, Failure> {
    write_as(tx, before, touched, (data, before.base.custom.clone()), false).await
}

async fn write_as<R: Rows>(
    tx: &Tx<'_>,
    before: &Stored<R>,
    touched: &str,
    (data, values): (R, CustomValues),
    by_somebody: bool,
) -> Result<Stored<R>, Failure> {
    let mut after = Stored { base: Base { custom: values, ..before.base.clone() }, data };
    let changed = names_of_changed(tx.caller().org().custom(R::KIND.name), before, &after);
    if changed.is_empty() {
        return Ok(before.clone());
    }
    after.base.version += 1;
    after.base.updated_at = tx.now();
    if let Ownership::Own { owner, team } = after.data.ownership() {
        (after.base.owner_id, after.base.team_id) = (owner, team);
        after.base.shared = after.data.shared();
    }
    let mut map = touched_map(touched);
    if by_somebody {
        let touched = told_apart(&before.data, &after.data, changed.into_iter());
        map.extend(touched.into_iter().map(|field| (field.into_owned(), after.base.version)));
    }
    let touched = serde_json::to_string(&map).unwrap_or_default();
    let of_kind = before.data.changed(&after.data);
    update_row(tx, before, &after, touched, &of_kind).await?;
    finish(tx, before, &after).await?;
    Ok(after)
}

async fn update_row<R: Rows>(
    tx: &Tx<'_>,
    before: &Stored<R>,
    after: &Stored<R>,
    touched: String,
    changed: &[&'static str],
) -> Result<(), Failure> {
    let mut columns = columns_of::<R>(changed);
    let is_custom = before.base.custom != after.base.custom;
    if is_custom {
        columns.extend([CUSTOM, "custom_sealed"]);
    }
    let sealer = Sealer::new(tx.caller().ring(), after.base.id, Some(&columns));
    let fields = tx.caller().org().custom(R::KIND.name);
    let custom = rows::custom::columns(fields, &after.base.custom, &sealer, R::CUSTOM)?;
    let mut row = R::to_row(after, &RowBase { org: tx.org_id(), touched, sealer, custom })?;
    for column in <R::Entity as EntityTrait>::Column::iter() {
        if !columns.contains(column.as_str()) {
            row.not_set(column);
        }
    }
    let slots = if is_custom { rows::custom::slots(fields, &after.base.custom) } else { Vec::new() };
    let update = slots.into_iter().fold(R::Entity::update_many().set(row), |update, (column, value)| {
        update.col_expr(Alias::new(column), Expr::val(value))
    });
    let done = update
        .filter(Expr::col(Alias::new("org_id")).eq(tx.org_id()))
        .filter(Expr::col(Alias::new("id")).eq(after.base.id))
        .filter(Expr::col(Alias::new("version")).eq(before.base.version))
        .exec(tx.db())
        .await?;
    // Another server came between: the whole transaction is tried again.
    if done.rows_affected == 0 { Err(EngineError::Busy.into()) } else { Ok(()) }
}

async fn finish<R: Rows>(tx: &Tx<'_>, before: &Stored<R>, after: &Stored<R>) -> Result<(), Failure> {
    let id = after.base.id;
    let org = tx.caller().org();
    if is_found_anew(tx, before, (&after.data, &after.base.custom)) {
        let entries = found_under(org, after);
        let parent = match after.data.ownership() {
            Ownership::OfCustomer(customer) => customer,
            _ => id,
        };
        let found = duplicates::look_up(tx, &entries).await?;
        tx.unindex(id);
        tx.index(duplicates::rows(tx, after, R::KIND.name, parent, &entries, &found)?, &entries);
    }
    tx.pick(org.custom(R::KIND.name), id, &before.base.custom, &after.base.custom);
    let text = document(org, after);
    if text != document(org, before) {
        tx.search(R::KIND.name, id, &text, false);
    }
    if let (Some(old), Some(new)) = (before.data.tags(), after.data.tags()) {
        tx.link(R::KIND.name, id, &old.ids, &new.ids);
    }
    if let Some(entry) = Entry::change(tx, "updated", Some(before), Some(after)) {
        tx.log(entry);
    }
    R::follow(tx, Some(before), Some(after)).await
}
