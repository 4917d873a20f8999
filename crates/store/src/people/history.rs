//! Earlier passwords, where the organisation asks that a new one differs from them. Their hashes are kept only as long
//! as it does, and no more of them than it asks for.

use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use crate::entities::{password_history, user};
use crate::failure::Failure;
use crate::gate::Caller;
use crate::pii::padded;
use crate::tx::Tx;

use super::hashing::Password;

/// The earlier passwords of a user, the newest first.
fn earlier(org: Uuid, user: Uuid) -> Select<password_history::Entity> {
    use password_history::Column as C;
    password_history::Entity::find()
        .filter(C::OrgId.eq(org))
        .filter(C::UserId.eq(user))
        .order_by_desc(C::ReplacedAt)
        .order_by_desc(C::Id)
}

/// Refuses a password that the user has, or had as one of the last ones.
///
/// # Errors
/// `password_reused`, at `pointer`.
pub(super) async fn refuse_reuse(
    caller: &Caller,
    user: Uuid,
    password: &Password,
    pointer: &str,
) -> Result<(), Failure> {
    let count = caller.org().settings.passwords.history;
    if count == 0 {
        return Ok(());
    }
    let org = caller.org().id;
    let present = user::Entity::find_by_id((org, user)).one(caller.db()).await?.and_then(|row| row.password_hash);
    let before = earlier(org, user).limit(u64::from(count)).all(caller.db()).await?;
    let hashes = present.into_iter().chain(before.into_iter().map(|row| row.hash));
    let hashes: Vec<Option<String>> = hashes.take(usize::try_from(count).unwrap_or(usize::MAX)).map(Some).collect();
    if hashes.is_empty() {
        return Ok(());
    }
    let turn = caller.gate().hashing().turn().await?;
    let fits = caller.gate().hashing().verify(turn, password, hashes).await?;
    if fits.contains(&true) {
        return Err(Failure::refused(pointer, Flaw::new(&codes::PASSWORD_REUSED).with("count", count)));
    }
    Ok(())
}

/// Keeps the present password of a user, which is about to be replaced, and drops those that do not count any more.
pub(super) async fn keep(tx: &Tx<'_>, user: Uuid) -> Result<(), Failure> {
    // The one to come is the first of those that count.
    let kept = tx.caller().org().settings.passwords.history.saturating_sub(1);
    if kept > 0 {
        let row = user::Entity::find_by_id((tx.org_id(), user)).one(tx.db()).await?;
        if let Some(hash) = row.and_then(|row| row.password_hash) {
            let row = password_history::ActiveModel {
                org_id: Set(tx.org_id()),
                user_id: Set(user),
                id: Set(tx.new_id()),
                hash: Set(hash),
                replaced_at: Set(tx.now()),
            };
            password_history::Entity::insert(row).exec_without_returning(tx.db()).await?;
        }
    }
    prune(tx.db(), tx.org_id(), user, kept).await
}

async fn prune(db: &impl ConnectionTrait, org: Uuid, user: Uuid, kept: u32) -> Result<(), Failure> {
    use password_history::Column as C;
    let old = earlier(org, user).offset(u64::from(kept)).limit(100).all(db).await?;
    if old.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = old.into_iter().map(|row| row.id).collect();
    password_history::Entity::delete_many()
        .filter(C::OrgId.eq(org))
        .filter(C::UserId.eq(user))
        .filter(C::Id.is_in(padded(ids)))
        .exec(db)
        .await?;
    Ok(())
}

/// Drops every earlier password of the organisation that is written to: it does not ask for them any more.
pub(crate) async fn drop_all(tx: &Tx<'_>) -> Result<(), Failure> {
    let all = password_history::Entity::delete_many().filter(password_history::Column::OrgId.eq(tx.org_id()));
    all.exec(tx.db()).await?;
    Ok(())
}
