//! Sign-in names: found before the organisation is known, through the installation's own index.

use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::{User, login_names, roles_of};
use kehu_domain::record::Stored;
use kehu_domain::value::LoginName;
use sea_orm::sea_query::{LockBehavior, LockType};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::crypto::index::IndexClass;
use crate::crypto::roots::KeyRing;
use crate::engine::rows::Reads;
use crate::entities::{pii_index, tenant_key, user};
use crate::failure::Failure;
use crate::inserts::{self, Insert};
use crate::ops::roles;
use crate::org::INSTALLATION;
use crate::people::sessions;
use crate::pii::{self, Entry, Found};
use crate::rows::Rows as _;
use crate::sealer::Opener;
use crate::tx::Tx;

/// Region assumed for a mobile number without a country code: whoever signs in does so before the organisation, and with
/// it a region, is known.
pub(crate) const REGION: &str = "CN";

fn entries(user: &User) -> Vec<Entry> {
    login_names(user)
        .into_iter()
        .filter_map(|(field, raw)| {
            let value = LoginName::parse(&raw, REGION).ok()?.index_form();
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
    // Two servers must not give one name twice, nor each take the other's last administrator.
    tx.lock("users").await?;
    let own = before.map(|before| before.base.id);
    let entries = entries(user);
    let found = find_all(tx, &entries).await?;
    let taken = found.hits.iter().find(|hit| hit.parent_id == tx.org_id() && Some(hit.record_id) != own);
    if let Some(hit) = taken {
        let pointer = entries.get(hit.entry).map(|entry| entry.pointer.clone()).unwrap_or_default();
        return Err(Failure::refused(pointer, Flaw::new(&codes::LOGIN_TAKEN)));
    }
    let was = before.is_some_and(|before| roles::governs(roles_of(&before.data)) && !before.data.disabled);
    let is = roles::governs(roles_of(user)) && !user.disabled;
    if was && !is && !others_govern(tx.db(), tx.org_id(), own).await? {
        let pointer = if user.disabled { "/disabled" } else { "/role" };
        return Err(Failure::refused(pointer, Flaw::new(&codes::LAST_ADMINISTRATOR)));
    }
    Ok(())
}

/// Whether others can say who may do what. Who was invited and has no password yet cannot.
pub(crate) async fn others_govern(db: &impl ConnectionTrait, org: Uuid, but: Option<Uuid>) -> Result<bool, Failure> {
    use user::Column as C;
    let others = user::Entity::find()
        .select_only()
        .columns([C::Id, C::Role, C::OtherRoles])
        .filter(C::OrgId.eq(org))
        .filter(C::Disabled.eq(false))
        .filter(C::DeletedAt.is_null())
        .filter(C::PasswordHash.is_not_null())
        .filter(C::Id.is_not_in(but));
    let others = others.into_model::<roles::Holder>().all(db).await?;
    Ok(others.iter().any(|holder| roles::governs(holder.roles())))
}

async fn find_all(tx: &Tx<'_>, entries: &[Entry]) -> Result<Found, Failure> {
    pii::find(tx.db(), &*tx.installation_ring()?, INSTALLATION, entries).await
}

/// Indexes the sign-in names of users anew, in a transaction of the installation; the ones that somebody is changing are
/// passed over. Gives how many were done.
pub(crate) async fn reindex(tx: &Tx<'_>, org: Uuid, users: &[Uuid]) -> Result<u64, Failure> {
    let keys = tenant_key::Entity::find().filter(tenant_key::Column::OrgId.eq(org)).all(tx.db()).await?;
    let ring = tx.caller().gate().unlock(org, &keys)?;
    let mut done = 0;
    for id in users {
        let row = user::Entity::find_by_id((org, *id));
        let row = row.lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked).one(tx.db()).await?;
        match row.map(|row| User::from_row(row, &Opener(&ring))) {
            Some(Ok((user, _))) => {
                clear(tx, *id).await?;
                put(tx, &user.data, (org, *id)).await?;
                done += 1;
            }
            // What does not open stays where it is found now.
            Some(Err(failure)) => tracing::error!(%org, cause = %failure, "a user cannot be indexed anew"),
            None if user::Entity::find_by_id((org, *id)).one(tx.db()).await?.is_none() => {
                clear(tx, *id).await?;
                done += 1;
            }
            // Somebody is changing it.
            None => {}
        }
    }
    Ok(done)
}

/// Takes the sign-in names of a user out of the index.
async fn clear(tx: &Tx<'_>, user: Uuid) -> Result<(), Failure> {
    let entries = pii_index::Entity::delete_many().filter(pii_index::Column::OrgId.eq(INSTALLATION));
    entries.filter(pii_index::Column::RecordId.eq(user)).exec(tx.db()).await?;
    Ok(())
}

/// Puts the sign-in names of a user into the index.
async fn put(tx: &Tx<'_>, user: &User, (org, id): (Uuid, Uuid)) -> Result<(), Failure> {
    let ring = tx.installation_ring()?;
    let entries = entries(user);
    let found = find_all(tx, &entries).await?;
    let mut rows = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        rows.push(pii::row(&ring, INSTALLATION, &found, at, entry, ("user", id, org))?.into_active_model());
    }
    inserts::write(tx.db(), vec![Insert::of::<pii_index::ActiveModel>(rows)]).await
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
        clear(tx, before.base.id).await?;
    }
    let Some(after) = after else { return Ok(()) };
    put(tx, &after.data, (tx.org_id(), after.base.id)).await
}
