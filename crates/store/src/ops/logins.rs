//! Sign-in names: found before the organisation is known, through the installation's own index.

use std::sync::Arc;

use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::{RoleName, User, login_names};
use kehu_domain::record::Stored;
use kehu_domain::value::LoginName;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::crypto::index::IndexClass;
use crate::crypto::roots::KeyRing;
use crate::dialect::{has_concurrent_writers, statement};
use crate::engine::rows::Reads;
use crate::entities::{pii_index, user};
use crate::failure::Failure;
use crate::inserts::{self, Insert};
use crate::org::INSTALLATION;
use crate::people::sessions;
use crate::pii::{self, Entry, Found};
use crate::tx::Tx;

fn entries(user: &User, region: &str) -> Vec<Entry> {
    login_names(user)
        .into_iter()
        .filter_map(|(field, raw)| {
            let value = LoginName::parse(&raw, region).ok()?.index_form();
            Some(Entry { class: IndexClass::Login, value, strong: true, pointer: format!("/{field}") })
        })
        .collect()
}

/// Users that sign in by a name: organisation and user.
pub(crate) async fn find(db: &impl Reads, ring: &KeyRing, name: &LoginName) -> Result<Vec<(Uuid, Uuid)>, Failure> {
    let entry = Entry { class: IndexClass::Login, value: name.index_form(), strong: true, pointer: String::new() };
    let found = pii::find(db, ring, INSTALLATION, &[entry]).await?;
    Ok(found.hits.into_iter().map(|hit| (hit.parent_id, hit.record_id)).collect())
}

/// Checks a user that is to be written: names that nobody else in the organisation has, and an administrator left.
pub(crate) async fn check(tx: &Tx<'_>, user: &mut User, before: Option<&Stored<User>>) -> Result<(), Failure> {
    lock(tx).await?;
    let own = before.map(|before| before.base.id);
    let entries = entries(user, &tx.caller().org().region);
    let found = find_all(tx, &entries).await?;
    let taken = found.hits.iter().find(|hit| hit.parent_id == tx.org_id() && Some(hit.record_id) != own);
    if let Some(hit) = taken {
        let pointer = entries.get(hit.entry).map(|entry| entry.pointer.clone()).unwrap_or_default();
        return Err(Failure::refused(pointer, Flaw::new(&codes::LOGIN_TAKEN)));
    }
    let was = before.is_some_and(|before| before.data.role == RoleName::Administrator && !before.data.disabled);
    let is = user.role == RoleName::Administrator && !user.disabled;
    if was && !is && other_administrators(tx, own).await? == 0 {
        let pointer = if user.disabled { "/disabled" } else { "/role" };
        return Err(Failure::refused(pointer, Flaw::new(&codes::LAST_ADMINISTRATOR)));
    }
    Ok(())
}

/// On PostgreSQL, makes others that write users of the organisation wait until this transaction ends: two servers must
/// not give one name twice, nor each take the other's last administrator.
async fn lock(tx: &Tx<'_>) -> Result<(), Failure> {
    if !has_concurrent_writers(tx.db()) {
        return Ok(());
    }
    let digest = Sha256::digest([b"users".as_slice(), tx.org_id().as_bytes()].concat());
    let lane = digest.first_chunk().copied().map(i64::from_be_bytes).unwrap_or_default();
    let sql = "SELECT count(pg_advisory_xact_lock(?)) AS locked";
    tx.db().execute_raw(statement(tx.db(), sql, [lane.into()])).await?;
    Ok(())
}

/// How many others can administer the organisation. Who was invited and has no password yet cannot.
async fn other_administrators(tx: &Tx<'_>, but: Option<Uuid>) -> Result<u64, Failure> {
    Ok(user::Entity::find()
        .filter(user::Column::OrgId.eq(tx.org_id()))
        .filter(user::Column::Role.eq(RoleName::Administrator.key()))
        .filter(user::Column::Disabled.eq(false))
        .filter(user::Column::DeletedAt.is_null())
        .filter(user::Column::PasswordHash.is_not_null())
        .filter(user::Column::Id.is_not_in(but))
        .count(tx.db())
        .await?)
}

fn installation_ring(tx: &Tx<'_>) -> Result<Arc<KeyRing>, Failure> {
    tx.caller().gate().installation_ring()
}

async fn find_all(tx: &Tx<'_>, entries: &[Entry]) -> Result<Found, Failure> {
    pii::find(tx.db(), &*installation_ring(tx)?, INSTALLATION, entries).await
}

/// Writes the sign-in names of a user that was written, and ends the sessions of one that was disabled.
pub(crate) async fn write(
    tx: &Tx<'_>,
    before: Option<&Stored<User>>,
    after: Option<&Stored<User>>,
) -> Result<(), Failure> {
    if let (Some(before), Some(after)) = (before, after)
        && after.data.disabled
        && !before.data.disabled
    {
        sessions::end_all(tx, after.base.id).await?;
    }
    let same = match (before, after) {
        (Some(before), Some(after)) => login_names(&before.data) == login_names(&after.data),
        _ => false,
    };
    if same {
        return Ok(());
    }
    if let Some(before) = before {
        pii_index::Entity::delete_many()
            .filter(pii_index::Column::OrgId.eq(INSTALLATION))
            .filter(pii_index::Column::RecordId.eq(before.base.id))
            .exec(tx.db())
            .await?;
    }
    let Some(after) = after else { return Ok(()) };
    let ring = installation_ring(tx)?;
    let entries = entries(&after.data, &tx.caller().org().region);
    let found = find_all(tx, &entries).await?;
    let record = ("user", after.base.id, tx.org_id());
    let mut rows = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        rows.push(pii::row(&ring, INSTALLATION, &found, at, entry, record)?.into_active_model());
    }
    inserts::write(tx.db(), vec![Insert::of::<pii_index::ActiveModel>(rows)]).await
}
