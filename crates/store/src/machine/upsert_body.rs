//! The body of an upsert: by which keys records are found, what becomes of those that are, and the items.

use chrono::{DateTime, Utc};
use kehu_domain::codes;
use kehu_domain::fields::Instant;
use kehu_domain::flaw::Flaw;
use kehu_domain::read::{Finding, Members};
use kehu_domain::record::Kind;
use serde_json::Value;

use crate::failure::Failure;
use crate::gate::Caller;

use super::match_keys::MatchKey;

/// The most keys.
const MAX_KEYS: usize = 5;
/// The most items.
pub(super) const MAX_ITEMS: usize = 1000;
/// The member of an item that says when its source wrote it.
const SOURCE_TIME: &str = "source_updated_at";

/// What becomes of an item whose record is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnMatch {
    /// It is changed as by a merge patch.
    Update,
    /// What is empty in it is filled.
    FillEmpty,
    /// It stays as it is.
    Skip,
    /// Another one is made.
    Create,
    /// The item fails.
    Fail,
}

impl OnMatch {
    const ALL: [(&str, Self); 5] = [
        ("update", Self::Update),
        ("fill_empty", Self::FillEmpty),
        ("skip", Self::Skip),
        ("create", Self::Create),
        ("fail", Self::Fail),
    ];
}

/// What an upsert does with each item.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) keys: Vec<MatchKey>,
    pub(super) on_match: OnMatch,
}

/// An item: what it says of the record, and when its source wrote it.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) body: Value,
    pub(super) source_time: Option<(String, DateTime<Utc>)>,
}

fn typed(en: &'static str, zh: &'static str) -> Flaw {
    Flaw::new(&codes::TYPE_WRONG).with("expected_en", en).with("expected_zh", zh)
}

/// The body is no object.
pub(super) fn no_object() -> Failure {
    Failure::refused("", typed("an object", "对象"))
}

/// Reads the body, but for what the items say.
///
/// # Errors
/// [`Failure::Refused`] with everything that is wrong.
pub(super) fn read(caller: &Caller, kind: &'static Kind, body: Value) -> Result<(Plan, Vec<Value>), Failure> {
    let Value::Object(mut members) = body else { return Err(no_object()) };
    let mut findings = Vec::new();
    let mut flaw = |pointer: String, flaw: Flaw| findings.push(Finding { pointer, flaw });
    let keys = read_keys(caller, kind, members.remove("match_on"), &mut flaw);
    let on_match = match members.remove("on_match") {
        None | Some(Value::Null) => OnMatch::Update,
        Some(said) => {
            let known = OnMatch::ALL.iter().find(|(name, _)| said.as_str() == Some(name));
            let shown = said.as_str().map_or_else(|| said.to_string(), str::to_owned);
            let choices = OnMatch::ALL.map(|(name, _)| name).join(", ");
            let unknown = Flaw::new(&codes::CHOICE_UNKNOWN).with("value", shown).with("choices", choices);
            known.map_or_else(
                || {
                    flaw("/on_match".to_owned(), unknown);
                    OnMatch::Skip
                },
                |(_, on_match)| *on_match,
            )
        }
    };
    let items = match members.remove("items") {
        Some(Value::Array(items)) => items,
        None | Some(Value::Null) => {
            flaw("/items".to_owned(), Flaw::new(&codes::REQUIRED).with("field", "items"));
            Vec::new()
        }
        Some(_) => {
            flaw("/items".to_owned(), typed("a list", "列表"));
            Vec::new()
        }
    };
    if items.len() > MAX_ITEMS {
        flaw("/items".to_owned(), Flaw::new(&codes::LIST_TOO_LONG).with("max", MAX_ITEMS));
    }
    for name in members.keys() {
        let unknown = Flaw::new(&codes::FIELD_UNKNOWN).with("field", name);
        flaw(format!("/{name}"), unknown.with("known", "match_on, on_match, items"));
    }
    if findings.is_empty() { Ok((Plan { keys, on_match }, items)) } else { Err(Failure::Refused(findings)) }
}

fn read_keys(
    caller: &Caller,
    kind: &'static Kind,
    said: Option<Value>,
    flaw: &mut impl FnMut(String, Flaw),
) -> Vec<MatchKey> {
    let at = || "/match_on".to_owned();
    let names = match said {
        Some(Value::Array(names)) if !names.is_empty() => names,
        Some(Value::Array(_) | Value::Null) | None => {
            flaw(at(), Flaw::new(&codes::REQUIRED).with("field", "match_on"));
            return Vec::new();
        }
        Some(_) => {
            flaw(at(), typed("a list of texts", "文本列表"));
            return Vec::new();
        }
    };
    if names.len() > MAX_KEYS {
        flaw(at(), Flaw::new(&codes::LIST_TOO_LONG).with("max", MAX_KEYS));
        return Vec::new();
    }
    let mut keys = Vec::new();
    for (place, name) in names.iter().enumerate() {
        match name.as_str().and_then(|name| MatchKey::parse(caller, kind, name)) {
            Some(key) => keys.push(key),
            None => flaw(format!("/match_on/{place}"), unknown_key(caller, kind, name)),
        }
    }
    keys
}

/// What is wrong with a key that the kind does not have.
pub(super) fn unknown_key(caller: &Caller, kind: &'static Kind, name: &Value) -> Flaw {
    let shown = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
    Flaw::new(&codes::MATCH_KEY_UNKNOWN).with("value", shown).with("known", MatchKey::known(caller, kind).join(", "))
}

/// Reads what an item says beside the record.
pub(super) fn read_item(plan: &Plan, item: Value) -> Result<Item, Failure> {
    let Value::Object(mut members) = item else { return Err(no_object()) };
    let time = source_time(&mut members)?;
    let body = Value::Object(members);
    if !plan.keys.iter().any(|key| key.is_in(&body)) {
        return Err(Failure::refused("", Flaw::new(&codes::MATCH_KEY_MISSING)));
    }
    let source_time = match time {
        None => None,
        Some(time) => {
            let source = plan.keys.iter().find_map(|key| key.source().filter(|_| key.is_in(&body)));
            let at = format!("/{SOURCE_TIME}");
            let source = source.ok_or_else(|| Failure::refused(at, Flaw::new(&codes::SOURCE_UNNAMED)))?;
            Some((source.to_owned(), time))
        }
    };
    Ok(Item { body, source_time })
}

fn source_time(members: &mut Members) -> Result<Option<DateTime<Utc>>, Failure> {
    let at = format!("/{SOURCE_TIME}");
    match members.remove(SOURCE_TIME) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => match Instant::parse(&text) {
            Ok(time) => Ok(Some(time.time())),
            Err(flaw) => Err(Failure::refused(at, flaw)),
        },
        Some(_) => Err(Failure::refused(at, typed("a text", "文本"))),
    }
}
