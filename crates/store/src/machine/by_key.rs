//! Records that an address names by a key of theirs instead of their id.

use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use serde_json::Value;

use crate::failure::{Failure, FieldConflict};
use crate::gate::Caller;
use crate::ops::duplicates;
use crate::refusals::{Refusal, noting};
use crate::tx::Tx;

use super::doors::{self, Work};
use super::match_keys::{self, MatchKey};
use super::prepared::Performed;
use super::{Answer, Change, Changed, Draft, Machine, Resource, WriteOptions, Written, deleted, upsert, upsert_body};

/// A key and its value, as an address says them.
#[derive(Clone, Debug)]
pub(crate) struct ByKey {
    key: MatchKey,
    value: String,
}

impl ByKey {
    /// # Errors
    /// [`Failure::BadQuestion`]: the kind has no such key, or what is found by it is sealed and stands in no address.
    fn read(caller: &Caller, resource: Resource, key: &str, value: &str) -> Result<Self, Failure> {
        let kind = resource.kind();
        let parsed = MatchKey::parse(caller, kind, key);
        if matches!(parsed, Some(MatchKey::Sealed(..))) {
            return Err(Failure::question("key", Flaw::new(&codes::SEALED_IN_URL).with("field", key)));
        }
        match parsed {
            Some(found @ (MatchKey::Column(_) | MatchKey::External(..))) => {
                Ok(Self { key: found, value: value.to_owned() })
            }
            _ => {
                let keys = MatchKey::known(caller, kind);
                let in_address = |name: &String| {
                    let key = MatchKey::parse(caller, kind, name);
                    name.starts_with("external_id:") || matches!(key, Some(MatchKey::Column(_)))
                };
                let known: Vec<String> = keys.into_iter().filter(in_address).collect();
                let flaw = Flaw::new(&codes::MATCH_KEY_UNKNOWN).with("value", key);
                Err(Failure::question("key", flaw.with("known", known.join(", "))))
            }
        }
    }

    /// Whether nobody but the system gives it: it names a record, and makes none.
    fn only_names(&self) -> bool {
        matches!(self.key, MatchKey::Column(field) if field.name == "number")
    }
}

/// The record that a key means.
///
/// # Errors
/// [`Failure::NotFound`] where there is none within reach.
pub async fn get_by(
    caller: &Caller,
    resource: Resource,
    (key, value): (&str, &str),
    parameters: Vec<(String, String)>,
) -> Result<Answer, Failure> {
    let kind = resource.kind().name;
    let by = noting(caller, Refusal::of(kind, "read", None), async {
        caller.reach(kehu_domain::rights::Action::Read, kind)?;
        // What is deleted has no keys.
        deleted::refuse_deleted(&parameters, "fields, expand")?;
        ByKey::read(caller, resource, key, value)
    });
    let by = by.await?;
    let id = match_keys::one_in(caller, resource.0, &by.key, &by.value).await?.ok_or(Failure::NotFound)?;
    doors::get(caller, resource, id, parameters).await
}

/// Makes the record that a key means, or changes it as a merge patch does: the same request again changes nothing more.
///
/// # Errors
/// As a create or an update; a number that no record has is [`Failure::NotFound`].
pub async fn put_by(
    caller: &Caller,
    resource: Resource,
    (key, value): (&str, &str),
    mut body: Value,
    options: &WriteOptions,
) -> Result<Written, Failure> {
    let machine = resource.0;
    noting(caller, Refusal::of(machine.kind().name, "upsert", None), async {
        upsert::may_write(caller, machine)?;
        let by = ByKey::read(caller, resource, key, value)?;
        if !body.is_object() {
            return Err(upsert_body::no_object());
        }
        if let Err(pointer) = by.key.put(&mut body, value) {
            return Err(Failure::refused(pointer, Flaw::new(&codes::KEY_MISMATCH).with("field", key)));
        }
        doors::tried(caller, machine, options, Work::Put(by, body)).await
    })
    .await
}

/// Within the transaction: changes the record that is there, or makes one.
pub(super) async fn perform(
    tx: &Tx<'_>,
    machine: &'static dyn Machine,
    (by, mut body, draft): (ByKey, Value, Result<Draft, Failure>),
    options: &WriteOptions,
) -> Result<Performed, Failure> {
    let matched = match_keys::find(tx, machine, std::slice::from_ref(&by.key), &body).await?;
    if matched.len() > 1 {
        return Err(upsert::several(tx, &matched).await?);
    }
    match matched.first() {
        Some(record) if options.only_new => {
            let (id, kind) = (record.base().id, machine.kind().name);
            let existing = duplicates::describe(tx, kind, id, record.customer(), String::new()).await?;
            Err(Failure::Exists(Box::new(existing)))
        }
        Some(record) => {
            let id = record.base().id;
            // The number is the record's, however the address writes it.
            if let Some(members) = body.as_object_mut().filter(|_| by.only_names()) {
                members.remove("number");
            }
            let change = Change { id, body, expected: options.expected, allow_duplicate: options.allow_duplicate };
            let Changed { record, written, compared } = machine.change(tx, change).await?;
            Ok(Performed::of_change(record, written, compared))
        }
        None if by.only_names() => Err(Failure::NotFound),
        // Whoever names a version means a record that is there.
        None if options.expected.is_some() => Err(Failure::Conflict(vec![FieldConflict {
            field: "version".into(),
            yours: options.expected.into(),
            theirs: Value::Null,
            changed_by: None,
            changed_at: None,
        }])),
        None => {
            tx.caller().reach(kehu_domain::rights::Action::Create, machine.kind().name)?;
            Ok(Performed::of_new(machine.insert(tx, draft?, options.allow_duplicate).await?))
        }
    }
}
