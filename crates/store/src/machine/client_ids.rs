//! Ids that clients make. One id space per organisation: whoever brings an id that is in use is told so, but for a client
//! that says the same again, because it never heard the answer. That one gets the record.

use std::collections::HashSet;

use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::read::{Members, Reader};
use kehu_domain::record::Kind;
use kehu_domain::rights::Action;
use sea_orm::{ConnectionTrait, EntityTrait, Value as DbValue};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::{Uuid, Version};

use crate::dialect::statement;
use crate::engine::rows::Reads;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::pii::padded;
use crate::registry;
use crate::rows::Rows;
use crate::sealer::Opener;
use crate::tx::Tx;

use super::draft::New;
use super::read::by_id;

/// A hash over who said what.
pub(crate) type Said = [u8; 32];

/// The id that a new record brings along, with a hash over all that is said of it; taken out of the members.
pub(super) fn brought<R: Rows>(
    caller: &Caller,
    members: &mut Members,
    reader: &mut Reader<'_>,
) -> Option<(Uuid, Said)> {
    R::SAID?;
    members.get("id").filter(|id| !id.is_null())?;
    let said = said(caller, R::KIND, members);
    let json = members.remove("id")?;
    let id = reader.inside("id", |reader| {
        let text = reader.text(&json)?.to_owned();
        let id = Uuid::try_parse(&text).ok().filter(|id| id.get_version() == Some(Version::SortRand));
        let id = id.filter(|id| id.to_string() == text);
        if id.is_none() {
            reader.flaw(Flaw::new(&codes::ID_NOT_UUID7).with("value", text));
        }
        id
    });
    Some((id?, said))
}

/// Members stand in order, however the client wrote them.
fn said(caller: &Caller, kind: &Kind, members: &Members) -> Said {
    let mut hash = Sha256::new();
    hash.update(caller.principal().id().unwrap_or_default().as_bytes());
    hash.update(kind.name.as_bytes());
    hash.update([0]);
    hash.update(in_order(&Value::Object(members.clone())).to_string().as_bytes());
    hash.finalize().into()
}

fn in_order(json: &Value) -> Value {
    match json {
        Value::Object(members) => {
            let mut members: Vec<(String, Value)> =
                members.iter().map(|(name, value)| (name.clone(), in_order(value))).collect();
            members.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => items.iter().map(in_order).collect(),
        other => other.clone(),
    }
}

/// How an id is locked while it is looked at and taken.
pub(super) fn key(id: Uuid) -> String {
    format!("id:{id}")
}

/// Which of the ids that new records bring along are in use, by whatever kind, deleted records too.
pub(super) async fn in_use<R: Rows>(tx: &Tx<'_>, set: &[New<R>]) -> Result<HashSet<Uuid>, Failure> {
    let ids: Vec<Uuid> = set.iter().filter(|new| new.said.is_some()).map(|new| new.id).collect();
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let ids = padded(ids);
    let places = vec!["?"; ids.len()].join(", ");
    let parts = registry::machines()
        .map(|machine| format!("SELECT id FROM {} WHERE org_id = ? AND id IN ({places})", machine.table()));
    let parts: Vec<String> = parts.collect();
    let values = parts
        .iter()
        .flat_map(|_| std::iter::once(DbValue::from(tx.org_id())).chain(ids.iter().map(|id| DbValue::from(*id))));
    let mut found = HashSet::new();
    for row in tx.db().query_all_raw(statement(tx.db(), &parts.join(" UNION ALL "), values)).await? {
        found.insert(row.try_get("", "id")?);
    }
    Ok(found)
}

/// What becomes of a new record whose id is in use.
pub(super) async fn met<R: Rows>(tx: &Tx<'_>, id: Uuid, said: &Said) -> Result<Failure, Failure> {
    let same = match R::SAID {
        None => false,
        Some(path) => {
            let sql =
                format!("SELECT client_said FROM {} WHERE org_id = ? AND id = ? AND deleted_at IS NULL", R::KIND.path);
            let row = tx.db().query_one_raw(statement(tx.db(), &sql, [tx.org_id().into(), id.into()])).await?;
            let cell: Option<Vec<u8>> = row.map(|row| row.try_get("", "client_said")).transpose()?.flatten();
            let kept = cell.map(|cell| tx.caller().ring().open(path, id, &cell)).transpose()?;
            kept.is_some_and(|kept| kept.as_slice() == said)
        }
    };
    if same && is_readable::<R>(tx, id).await? { Ok(Failure::MadeBefore(id)) } else { Ok(Failure::IdTaken) }
}

async fn is_readable<R: Rows>(tx: &Tx<'_>, id: Uuid) -> Result<bool, Failure> {
    let rows: Vec<<R::Entity as EntityTrait>::Model> =
        tx.db().rows(by_id::<R>(tx.db(), tx.org_id(), id, "AND deleted_at IS NULL")).await?;
    let Some(row) = rows.into_iter().next() else { return Ok(false) };
    let (record, _) = R::from_row(row, &Opener(tx.caller().ring()))?;
    Ok(tx.caller().covers(Action::Read, R::KIND, &record.base))
}

/// The column beside a new row, for kinds whose ids clients may make.
pub(super) fn column<R: Rows>(
    tx: &Tx<'_>,
    id: Uuid,
    said: Option<&Said>,
) -> Result<Option<(String, DbValue)>, Failure> {
    let Some(path) = R::SAID else { return Ok(None) };
    let cell = said.map(|said| tx.caller().ring().seal(path, id, said)).transpose()?;
    Ok(Some(("client_said".to_owned(), DbValue::from(cell))))
}
