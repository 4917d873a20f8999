//! The keys of an organisation for who manages them: programs' and personal ones.

use chrono::{DateTime, Utc};
use kehu_domain::codes;
use kehu_domain::fields::format_time;
use kehu_domain::flaw::Flaw;
use kehu_domain::rights::Right;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;
use uuid::Uuid;

use crate::entities::api_key;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::journal::Entry;
use crate::paging;
use crate::refusals::{Refusal, noting};
use crate::tx::Tx;

use super::make::in_future;
use super::show::KeyInfo;
use super::{KeyKind, about};

const KNOWN: &str = "filter[kind], limit, after";

/// What is changed of a key; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct KeyChange {
    /// What people call the program.
    pub name: Option<String>,
    /// When it ends by itself, or never.
    pub expires_at: Option<Option<DateTime<Utc>>>,
}

/// A page of keys.
pub struct KeyPage {
    /// The keys, the newest first.
    pub keys: Vec<KeyInfo>,
    /// Where the next page begins.
    pub next: Option<String>,
}

pub(super) fn may_manage(caller: &Caller) -> Result<(), Failure> {
    caller.may(Right::KeysManage)
}

/// A page of the organisation's keys, the newest first; revoked ones too.
///
/// # Errors
/// [`Failure::Forbidden`] without the right `keys.manage`; the question is wrong.
pub async fn list(caller: &Caller, parameters: Vec<(String, String)>) -> Result<KeyPage, Failure> {
    noting(caller, Refusal::to("api_key", "list"), listing(caller, parameters)).await
}

async fn listing(caller: &Caller, parameters: Vec<(String, String)>) -> Result<KeyPage, Failure> {
    use api_key::Column as C;
    may_manage(caller)?;
    let (mut kind, mut limit, mut after) = (None, paging::DEFAULT_LIMIT, None);
    for (name, value) in parameters {
        match name.as_str() {
            "filter[kind]" => kind = Some(kind_of(name, &value)?),
            "limit" => limit = paging::limit(&value)?,
            "after" => after = Some(value),
            _ => return Err(paging::unknown(&name, KNOWN)),
        }
    }
    let kind = kind.map(KeyKind::key);
    let place = |text: String| {
        let (of, of_kind, id): (String, Option<String>, Uuid) = paging::place(&text)?;
        (of == "api_keys" && of_kind.as_deref() == kind).then_some(id)
    };
    let after = after.map(|text| place(text).ok_or_else(paging::wrong_cursor)).transpose()?;
    let mut query = api_key::Entity::find().filter(C::OrgId.eq(caller.org().id));
    if let Some(kind) = kind {
        query = query.filter(C::Kind.eq(kind));
    }
    if let Some(id) = after {
        query = query.filter(C::Id.lt(id));
    }
    let mut rows = query.order_by_desc(C::Id).limit(limit + 1).all(caller.db()).await?;
    let more = paging::cut(&mut rows, limit);
    let next = rows.last().filter(|_| more).map(|row| paging::cursor(&json!(["api_keys", kind, row.id])));
    Ok(KeyPage { keys: rows.into_iter().map(|row| KeyInfo::of(caller, row)).collect(), next })
}

fn kind_of(parameter: String, value: &str) -> Result<KeyKind, Failure> {
    KeyKind::ALL.into_iter().find(|kind| kind.key() == value).ok_or_else(|| {
        let choices = KeyKind::ALL.map(KeyKind::key).join(", ");
        Failure::question(parameter, Flaw::new(&codes::CHOICE_UNKNOWN).with("value", value).with("choices", choices))
    })
}

/// One key.
///
/// # Errors
/// [`Failure::Forbidden`] without the right `keys.manage`; [`Failure::NotFound`].
pub async fn get(caller: &Caller, id: Uuid) -> Result<KeyInfo, Failure> {
    let work = async {
        may_manage(caller)?;
        let row = api_key::Entity::find_by_id((caller.org().id, id)).one(caller.db()).await?;
        Ok(KeyInfo::of(caller, row.ok_or(Failure::NotFound)?))
    };
    noting(caller, Refusal::to("api_key", "read"), work).await
}

/// Changes the name or the end of a key.
///
/// # Errors
/// [`Failure::Forbidden`] without the right `keys.manage`, and for whoever did not sign in; [`Failure::NotFound`] where
/// there is none, or it was revoked; [`Failure::Refused`] with `/expires_at`.
pub async fn change(caller: &Caller, id: Uuid, change: KeyChange) -> Result<KeyInfo, Failure> {
    let work = async {
        caller.signed_in()?;
        may_manage(caller)?;
        in_future(caller, change.expires_at.flatten())?;
        caller.write(async move |tx: &Tx<'_>| changed(tx, id, change).await).await
    };
    noting(caller, Refusal::to("api_key", "update"), work).await
}

async fn changed(tx: &Tx<'_>, id: Uuid, change: KeyChange) -> Result<KeyInfo, Failure> {
    use api_key::Column as C;
    let before = for_change(tx, id).await?.filter(|row| row.revoked_at.is_none()).ok_or(Failure::NotFound)?;
    let after = api_key::Model {
        name: change.name.unwrap_or_else(|| before.name.clone()),
        expires_at: change.expires_at.unwrap_or(before.expires_at),
        ..before.clone()
    };
    if after != before {
        api_key::Entity::update_many()
            .col_expr(C::Name, Expr::value(after.name.clone()))
            .col_expr(C::ExpiresAt, Expr::value(after.expires_at))
            .filter(C::OrgId.eq(tx.org_id()))
            .filter(C::Id.eq(id))
            .exec(tx.db())
            .await?;
        let said = |row: &api_key::Model| json!({"name": row.name, "expires_at": row.expires_at.map(format_time)});
        let said = json!({"before": said(&before), "after": said(&after)});
        tx.log(Entry::admin("api_key.updated", about(&after)).saying(&said));
        forget(tx, &after);
    }
    Ok(KeyInfo::of(tx.caller(), after))
}

/// Revokes a key, a personal token too: it is refused at once, within a second by other servers. One that was revoked
/// before is.
///
/// # Errors
/// [`Failure::Forbidden`] without the right `keys.manage`; [`Failure::NotFound`].
pub async fn revoke(caller: &Caller, id: Uuid) -> Result<(), Failure> {
    let work = async {
        may_manage(caller)?;
        let job = async move |tx: &Tx<'_>| {
            let row = for_change(tx, id).await?.ok_or(Failure::NotFound)?;
            end(tx, vec![row]).await
        };
        caller.write(job).await
    };
    noting(caller, Refusal::to("api_key", "revoke"), work).await
}

pub(super) async fn for_change(tx: &Tx<'_>, id: Uuid) -> Result<Option<api_key::Model>, Failure> {
    Ok(api_key::Entity::find_by_id((tx.org_id(), id)).lock_exclusive().one(tx.db()).await?)
}

/// Revokes those that are not, and tells the journal of each.
pub(super) async fn end(tx: &Tx<'_>, rows: Vec<api_key::Model>) -> Result<(), Failure> {
    use api_key::Column as C;
    for row in rows.into_iter().filter(|row| row.revoked_at.is_none()) {
        api_key::Entity::update_many()
            .col_expr(C::RevokedAt, Expr::value(Some(tx.now())))
            .filter(C::OrgId.eq(tx.org_id()))
            .filter(C::Id.eq(row.id))
            .filter(C::RevokedAt.is_null())
            .exec(tx.db())
            .await?;
        tx.log(Entry::admin("api_key.revoked", about(&row)).saying(&json!({"name": row.name, "kind": row.kind})));
        forget(tx, &row);
    }
    Ok(())
}

/// How many keys have a role and were not revoked.
pub(crate) async fn with_role(tx: &Tx<'_>, role: &str) -> Result<usize, Failure> {
    use api_key::Column as C;
    let keys = api_key::Entity::find().filter(C::OrgId.eq(tx.org_id())).filter(C::Role.eq(role));
    let count = keys.filter(C::RevokedAt.is_null()).count(tx.db()).await?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// The keys that have a role and were not revoked; one that is over may be given another end.
pub(crate) async fn with_any_role(tx: &Tx<'_>) -> Result<Vec<api_key::Model>, Failure> {
    use api_key::Column as C;
    let keys = api_key::Entity::find().filter(C::OrgId.eq(tx.org_id())).filter(C::Role.is_not_null());
    Ok(keys.filter(C::RevokedAt.is_null()).order_by_asc(C::Id).all(tx.db()).await?)
}

fn forget(tx: &Tx<'_>, row: &api_key::Model) {
    let (gate, hash) = (tx.caller().gate().clone(), row.token_hash.clone());
    tx.after_commit(move || gate.keys_in_use().forget(&hash));
}
