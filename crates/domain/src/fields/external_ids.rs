//! What a record is called in other systems: one id for each source.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::codes;
use crate::field::{Shape, Sight};
use crate::flaw::Flaw;
use crate::read::Reader;
use crate::record::FieldValue;
use crate::show::{Out, View};

/// The most sources that know one record.
pub const MAX_SOURCES: usize = 20;
/// The longest external id, in characters.
pub const MAX_EXTERNAL_ID: usize = 200;
/// The longest name of a source, in characters.
const MAX_SOURCE: usize = 40;

/// External ids by their sources: `{"shop": "123"}`. A patch merges by source; null takes a source away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExternalIds(BTreeMap<String, String>);

/// Whether a name can be that of a source: what stands in addresses and in names of filters.
#[must_use]
pub fn is_source(name: &str) -> bool {
    let mut letters = name.bytes();
    letters.next().is_some_and(|first| first.is_ascii_lowercase())
        && letters.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && name.len() <= MAX_SOURCE
}

/// Whether a text can be an external id: it is kept as it is, so spaces around it would be a part of it.
#[must_use]
pub fn is_external_id(text: &str) -> bool {
    !text.is_empty()
        && text.trim() == text
        && text.chars().count() <= MAX_EXTERNAL_ID
        && !text.chars().any(char::is_control)
}

impl ExternalIds {
    /// The id by which a source knows the record.
    #[must_use]
    pub fn of(&self, source: &str) -> Option<&str> {
        self.0.get(source).map(String::as_str)
    }

    /// Sources and ids, in the order of the sources.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(source, id)| (source.as_str(), id.as_str()))
    }

    /// How many sources know it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no source knows it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sources whose ids differ between two states.
    pub fn changed<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a str> {
        let gone = other.0.keys().filter(|source| !self.0.contains_key(*source));
        let differs = self.0.iter().filter(|(source, id)| other.0.get(*source) != Some(id));
        differs.map(|(source, _)| source.as_str()).chain(gone.map(String::as_str))
    }

    /// As it is stored; nothing where there is none.
    #[must_use]
    pub fn to_stored(&self) -> Option<String> {
        let text = || serde_json::to_string(&self.0).ok();
        (!self.0.is_empty()).then(text).flatten()
    }

    /// What is stored, without rules.
    #[must_use]
    pub fn from_stored(text: Option<&str>) -> Self {
        Self(text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default())
    }
}

impl FieldValue for ExternalIds {
    const SHAPE: Shape = Shape::ExternalIds;
    const REQUIRED: bool = false;

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn read(json: &Value, reader: &mut Reader<'_>, old: Option<&Self>) -> Option<Self> {
        let said = reader.object(json)?;
        let mut ids = old.cloned().unwrap_or_default();
        let mut whole = true;
        for (source, json) in said {
            let read = reader.inside(source, |reader| {
                if !is_source(source) {
                    reader.flaw(Flaw::new(&codes::EXTERNAL_SOURCE_INVALID).with("value", source));
                    return None;
                }
                if json.is_null() {
                    return Some(None);
                }
                let text = reader.text(json)?;
                if !is_external_id(text) {
                    let flaw = Flaw::new(&codes::EXTERNAL_ID_INVALID).with("value", text);
                    reader.flaw(flaw.with("max", MAX_EXTERNAL_ID));
                    return None;
                }
                Some(Some(text.to_owned()))
            });
            match read {
                Some(Some(id)) => {
                    ids.0.insert(source.clone(), id);
                }
                Some(None) => {
                    ids.0.remove(source);
                }
                None => whole = false,
            }
        }
        if ids.0.len() > MAX_SOURCES {
            reader.flaw(Flaw::new(&codes::LIST_TOO_LONG).with("max", MAX_SOURCES));
            return None;
        }
        whole.then_some(ids)
    }

    fn show(&self, out: &mut Out, _: Sight, _: &dyn View) {
        out.object(|out| {
            for (source, id) in &self.0 {
                out.key(source).text(id);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(json: &Value, old: Option<&ExternalIds>) -> Result<Option<String>, Vec<String>> {
        let mut no_id = uuid::Uuid::nil;
        let mut reader = Reader::new("CN", &mut no_id);
        let ids = ExternalIds::read(json, &mut reader, old);
        let flaws = reader.into_findings().into_iter();
        let flaws: Vec<String> = flaws.map(|it| format!("{} {}", it.pointer, it.flaw.code.key)).collect();
        if flaws.is_empty() { Ok(ids.and_then(|ids| ids.to_stored())) } else { Err(flaws) }
    }

    #[test]
    fn a_patch_merges_by_source() {
        let old = ExternalIds::from_stored(Some(r#"{"erp":"A-1","shop":"123"}"#));
        assert_eq!(read(&json!({"shop": "124"}), Some(&old)), Ok(Some(r#"{"erp":"A-1","shop":"124"}"#.into())));
        assert_eq!(
            read(&json!({"shop": null, "crm_2": "x:y"}), Some(&old)).unwrap().unwrap(),
            r#"{"crm_2":"x:y","erp":"A-1"}"#
        );
        assert_eq!(read(&json!({"shop": null, "erp": null}), Some(&old)), Ok(None));
        let new = ExternalIds::from_stored(Some(r#"{"shop":"124","till":"9"}"#));
        assert_eq!(new.changed(&old).collect::<Vec<_>>(), ["shop", "till", "erp"]);
        assert_eq!(old.changed(&old).count(), 0);
    }

    #[test]
    fn what_is_no_source_or_no_id_is_refused_at_its_place() {
        for (json, flaw) in [
            (json!([]), " type_wrong"),
            (json!({"shop": 123}), "/shop type_wrong"),
            (json!({"Shop": "1"}), "/Shop external_source_invalid"),
            (json!({"a b": null}), "/a b external_source_invalid"),
            (json!({"": "1"}), "/ external_source_invalid"),
            (json!({"shop": ""}), "/shop external_id_invalid"),
            (json!({"shop": " 1"}), "/shop external_id_invalid"),
            (json!({"shop": "1\n2"}), "/shop external_id_invalid"),
            (json!({"shop": "1".repeat(201)}), "/shop external_id_invalid"),
        ] {
            assert_eq!(read(&json, None), Err(vec![flaw.to_owned()]), "{json}");
        }
        let many: serde_json::Map<String, Value> = (0..21).map(|at| (format!("s{at}"), json!("1"))).collect();
        assert_eq!(read(&many.into(), None), Err(vec![" list_too_long".to_owned()]));
    }
}
