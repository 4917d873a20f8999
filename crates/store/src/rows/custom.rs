//! How the values of custom fields lie in a row: as JSON by the numbers of their fields, those of sensitive ones in a
//! sealed cell; and once more in columns and links by which they are asked for.

use std::collections::BTreeMap;

use kehu_domain::custom::{CustomFields, CustomValues, Slot, SlotValue};
use sea_orm::{ActiveValue, Value};
use uuid::Uuid;

use crate::crypto::cell::FieldPath;
use crate::failure::Failure;
use crate::sealer::{Opener, Sealer};

/// The columns that hold the values of one record.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    pub(crate) plain: ActiveValue<Option<String>>,
    pub(crate) sealed: ActiveValue<Option<Vec<u8>>>,
}

/// The columns of a record's values; untouched where they are not written.
pub(crate) fn columns(
    fields: &CustomFields,
    values: &CustomValues,
    sealer: &Sealer<'_>,
    path: FieldPath,
) -> Result<Columns, Failure> {
    if !sealer.writes("custom") {
        return Ok(Columns { plain: ActiveValue::NotSet, sealed: ActiveValue::NotSet });
    }
    // What is sensitive once stays so. A number of no known field is of one that was deleted: nobody knows what it was.
    let is_plain = |no: i64| fields.ever(no).is_some_and(|field| !field.sensitive);
    let part = |plain: bool| {
        let part: BTreeMap<i64, &serde_json::Value> =
            values.0.iter().filter(|(no, _)| is_plain(**no) == plain).map(|(no, value)| (*no, value)).collect();
        let text = |part| serde_json::to_string(&part).map_err(|error| Failure::Internal(error.to_string()));
        if part.is_empty() { Ok(None) } else { text(part).map(Some) }
    };
    let plain = ActiveValue::Set(part(true)?);
    Ok(Columns { plain, sealed: sealer.cell("custom", path, part(false)?.as_deref())? })
}

/// The values of a row.
pub(crate) fn open(
    opener: &Opener<'_>,
    path: FieldPath,
    row: Uuid,
    plain: Option<&str>,
    sealed: Option<&[u8]>,
) -> Result<CustomValues, Failure> {
    let read = |text: &str| serde_json::from_str::<BTreeMap<i64, serde_json::Value>>(text).ok();
    let mut values = match plain.map(read) {
        None => BTreeMap::new(),
        Some(Some(values)) => values,
        Some(None) => return Err(Failure::Internal(format!("the custom values of {row} cannot be read"))),
    };
    if let Some(more) = opener.value(path, row, sealed, |text| read(&text))? {
        values.extend(more);
    }
    Ok(CustomValues(values))
}

/// The columns of a slot's name.
pub(crate) fn column(slot: Slot) -> String {
    match slot {
        Slot::Text(at) => format!("custom_text_{at}"),
        Slot::Number(at) => format!("custom_number_{at}"),
    }
}

/// What stands in the slots of a record: one value for each slot that is in use, in the order of the fields.
pub(crate) fn slots(fields: &CustomFields, values: &CustomValues) -> Vec<(String, Value)> {
    let filterable = fields.iter().filter_map(|field| field.slot.map(|slot| (field, slot)));
    filterable
        .map(|(field, slot)| {
            let value = values.0.get(&field.no).and_then(|kept| field.slot_value(kept));
            let value = match (slot, value) {
                (Slot::Text(_), Some(SlotValue::Text(text))) => text.into(),
                (Slot::Number(_), Some(SlotValue::Number(number))) => number.into(),
                (Slot::Text(_), _) => Value::String(None),
                (Slot::Number(_), _) => Value::BigInt(None),
            };
            (column(slot), value)
        })
        .collect()
}
