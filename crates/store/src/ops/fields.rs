//! Definitions of custom fields, as far as the database decides: keys and numbers that stand once, places for filters,
//! and the jobs that fill and empty those places.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use kehu_domain::codes;
use kehu_domain::custom::{CustomField, CustomFields, Slot, SlotColumn};
use kehu_domain::fields::Line;
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::FieldDefinition;
use kehu_domain::record::Stored;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::custom_fields::{FILLING, SETTLED, ToFill};
use crate::dialect::statement;
use crate::engine::Kind;
use crate::entities::field;
use crate::failure::Failure;
use crate::ops::references;
use crate::queue::NewJob;
use crate::rows::definition;
use crate::tx::Tx;

/// Who writes a definition, or what follows from one, asks for this first, before any row.
pub(crate) const LOCK: &str = "fields";

/// The most living fields of a kind.
const MOST: usize = 200;

/// A field of the same kind.
#[derive(FromQueryResult)]
struct Known {
    id: Uuid,
    key: String,
    slot: Option<String>,
    filterable: bool,
    retired: bool,
    deleted_at: Option<DateTime<Utc>>,
}

impl Known {
    fn is_asked_for(&self) -> bool {
        self.filterable && !self.retired && self.deleted_at.is_none()
    }
}

/// Fields of a kind, in the order in which they were made; deleted ones too, whose places may not be empty.
async fn of_kind(tx: &Tx<'_>, kind: &str) -> Result<Vec<Known>, Failure> {
    use field::Column as C;
    let query = field::Entity::find().select_only().columns([C::Id, C::Key, C::Slot, C::Filterable, C::Retired]);
    let query = query.column(C::DeletedAt);
    let query = query.filter(C::OrgId.eq(tx.org_id())).filter(C::Kind.eq(kind));
    let query = sea_orm::QueryOrder::order_by_asc(query, C::No);
    Ok(query.into_model().all(tx.db()).await?)
}

/// Checks a definition that is to be written, numbers a new one, and gives it a place or takes its place away.
pub(crate) async fn prepare(
    tx: &Tx<'_>,
    field: &mut FieldDefinition,
    before: Option<&Stored<FieldDefinition>>,
) -> Result<(), Failure> {
    // Definitions are written one after the other; one that is there is locked before its row already.
    tx.lock(LOCK).await?;
    field.sensitive = field.is_sensitive();
    check_default(tx, field, before).await?;
    let own = before.map(|before| before.base.id);
    let known = of_kind(tx, field.kind.as_str()).await?;
    let comes_anew = before.is_none_or(|before| before.base.deleted_at.is_some());
    if comes_anew {
        refuse_twin(field, &known, own)?;
    }
    if before.is_none() {
        field.no = next_number(tx, field.kind.as_str()).await?;
    }
    let was_asked_for = before.is_some_and(|before| before.base.deleted_at.is_none() && before.data.is_asked_for());
    match (was_asked_for, field.is_asked_for()) {
        (true, true) => {}
        (_, false) => field.indexed = false,
        (false, true) => {
            field.slot = place(field, &known, own)?;
            // No record has a value of a new field.
            field.indexed = before.is_none();
        }
    }
    Ok(())
}

/// Refuses a default that points to no record within the caller's reach, where it is said anew.
async fn check_default(
    tx: &Tx<'_>,
    field: &FieldDefinition,
    before: Option<&Stored<FieldDefinition>>,
) -> Result<(), Failure> {
    let is_new = before.is_none_or(|before| before.data.default != field.default);
    let read = field.to_field(Uuid::nil(), &tx.caller().org().region);
    let (Some(target), Some(kept)) = (read.target, read.default.as_ref().filter(|_| is_new)) else { return Ok(()) };
    let Some(id) = read.reference(kept) else { return Ok(()) };
    if references::exists(tx, target, id).await? {
        return Ok(());
    }
    let flaw = Flaw::new(&codes::REFERENCE_UNKNOWN).with("kind", target).with("value", id);
    Err(Failure::refused("/default", flaw))
}

fn refuse_twin(field: &FieldDefinition, known: &[Known], own: Option<Uuid>) -> Result<(), Failure> {
    let living: Vec<&Known> =
        known.iter().filter(|other| other.deleted_at.is_none() && Some(other.id) != own).collect();
    if living.iter().any(|other| other.key == field.key.as_str()) {
        return Err(Failure::refused("/key", Flaw::new(&codes::NAME_TAKEN).with("value", field.key.as_str())));
    }
    if living.len() >= MOST {
        let spare = living.iter().find(|other| other.retired).or(living.last());
        let spare = spare.map(|other| other.key.as_str()).unwrap_or_default();
        return Err(Failure::refused("", Flaw::new(&codes::CUSTOM_FIELDS_FULL).with("max", MOST).with("spare", spare)));
    }
    Ok(())
}

/// The place that a field is given: its own, where it still has one; or else one that no field has, not even one that
/// is asked for no longer, until nothing stands there.
fn place(field: &FieldDefinition, known: &[Known], own: Option<Uuid>) -> Result<Option<Line<20>>, Failure> {
    let column = match field.r#type.slot_column() {
        Some(column) if !field.sensitive => column,
        _ => return Ok(None),
    };
    let slot_of = |other: &Known| other.slot.as_deref().and_then(Slot::from_stored);
    let kept = known.iter().find(|other| Some(other.id) == own).and_then(slot_of);
    let others = || known.iter().filter(|other| Some(other.id) != own);
    let free = Slot::all(column).find(|slot| others().all(|other| slot_of(other) != Some(*slot)));
    if let Some(slot) = kept.or(free) {
        return Ok(Some(Line::from_stored(slot.to_stored())));
    }
    let of_column = |other: &&Known| {
        matches!(
            (slot_of(other), column),
            (Some(Slot::Text(_)), SlotColumn::Text) | (Some(Slot::Number(_)), SlotColumn::Number)
        )
    };
    let mut there = others().filter(of_column).collect::<Vec<_>>();
    // One that is given back already needs no more than its time.
    there.sort_by_key(|other| other.is_asked_for());
    let spare = there.first().filter(|other| !other.is_asked_for()).or(there.last());
    let spare = spare.map(|other| other.key.as_str()).unwrap_or_default();
    let max = Slot::all(column).count();
    Err(Failure::refused("/filterable", Flaw::new(&codes::CUSTOM_SLOTS_FULL).with("max", max).with("spare", spare)))
}

/// The number under which records keep values of a field. It is counted in a row of its own and never given twice, also
/// where definitions are removed for good.
async fn next_number(tx: &Tx<'_>, kind: &str) -> Result<i64, Failure> {
    let alias = Kind::Integer.alias("last");
    let sql = format!(
        "INSERT INTO counters (org_id, name, last) VALUES (?, ?, 1) \
         ON CONFLICT (org_id, name) DO UPDATE SET last = counters.last + 1 RETURNING last AS {alias}"
    );
    let values = [tx.org_id().into(), format!("field:{kind}").into()];
    let row = tx.db().query_one_raw(statement(tx.db(), &sql, values)).await?;
    let row = row.ok_or_else(|| Failure::Internal("a counter gave nothing".into()))?;
    Ok(row.try_get("", &alias)?)
}

/// What of a definition says what stands beside the values of records.
fn beside(field: &FieldDefinition) -> [bool; 3] {
    let used = !field.retired;
    [field.is_asked_for(), used && field.searchable, used && field.unique]
}

/// Asks for the job that follows from a change: to put beside the values of records what is asked for from now on, or to
/// take away what is asked for no longer.
pub(crate) async fn follow(
    tx: &Tx<'_>,
    before: Option<&Stored<FieldDefinition>>,
    after: Option<&Stored<FieldDefinition>>,
) -> Result<(), Failure> {
    let Some(one) = after.or(before) else { return Ok(()) };
    let was = before.map_or([false; 3], |before| beside(&before.data));
    let is = after.map_or([false; 3], |after| beside(&after.data));
    let is_new = before.is_none() && one.base.version == 1;
    // No record has a value of a new field, and each writes what stands in the index and the text as a whole: a server
    // that does not know the field yet drops what another one has put there.
    let is_dropped = one.data.unique || one.data.searchable || one.data.filterable && one.data.is_sensitive();
    if is_new {
        // What is written of it from now on has its links; a server that does not know them leaves this to the look.
        write(tx, one.base.id, &[("linked", true.into())]).await?;
    }
    if is_new && !is_dropped || was == is {
        return Ok(());
    }
    let token = tx.new_id();
    let mut sets = vec![("filling", sea_orm::Value::from(token))];
    if after.is_none() {
        sets.push(("indexed", false.into()));
    } else if before.is_none() && !is_new && one.data.is_asked_for() {
        // It was restored, as it was when it was deleted.
        let known = of_kind(tx, one.data.kind.as_str()).await?;
        let slot = place(&one.data, &known, Some(one.base.id))?;
        sets.push(("slot", slot.map(Line::into_string).into()));
    }
    write(tx, one.base.id, &sets).await?;
    enqueue(tx, one.base.id, token)
}

/// Asks for the job that writes what stands beside the values of a field; the token stands in its row.
pub(crate) fn enqueue(tx: &Tx<'_>, field: Uuid, token: Uuid) -> Result<(), Failure> {
    let payload = serde_json::to_value(ToFill { field, token });
    let payload = payload.map_err(|error| Failure::Internal(error.to_string()))?;
    // Other servers know the definition by then, and what they were at is written.
    tx.enqueue(NewJob::new(&FILLING, payload).after(SETTLED));
    Ok(())
}

/// Writes columns of a definition that no client says.
pub(crate) async fn write(tx: &Tx<'_>, id: Uuid, sets: &[(&str, sea_orm::Value)]) -> Result<(), Failure> {
    let columns: Vec<String> = sets.iter().map(|(column, _)| format!("{column} = ?")).collect();
    let sql = format!("UPDATE fields SET {} WHERE org_id = ? AND id = ?", columns.join(", "));
    let values = sets.iter().map(|(_, value)| value.clone()).chain([tx.org_id().into(), id.into()]);
    tx.db().execute_raw(statement(tx.db(), &sql, values)).await?;
    Ok(())
}

/// The living fields of an organisation, by kind.
pub(crate) async fn all(
    db: &impl ConnectionTrait,
    org: Uuid,
    region: &str,
) -> Result<HashMap<String, CustomFields>, Failure> {
    use field::Column as C;
    let rows = field::Entity::find().filter(C::OrgId.eq(org)).filter(C::DeletedAt.is_null()).all(db).await?;
    let mut by_kind: HashMap<String, Vec<Arc<CustomField>>> = HashMap::new();
    for row in rows {
        let (id, kind) = (row.id, row.kind.clone());
        let (is_linked, is_filling) = (row.linked, row.filling.is_some());
        // Of a type that only a newer program knows.
        let Ok(definition) = definition(row) else {
            tracing::error!(%org, field = %id, "the definition of a field cannot be read");
            continue;
        };
        by_kind.entry(kind).or_default().push(Arc::new(CustomField {
            is_linked,
            is_filling,
            ..definition.to_field(id, region)
        }));
    }
    Ok(by_kind.into_iter().map(|(kind, fields)| (kind, CustomFields::new(fields))).collect())
}
