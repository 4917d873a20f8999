//! Keys of programs that a leaver made. They belong to the organisation and go on until they are revoked: a program does
//! not stand still because somebody leaves. Who made them may know them all the same, so that they are told of.

use kehu_domain::rights::Right;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};
use serde::Serialize;
use uuid::Uuid;

use crate::api_keys::KeyKind;
use crate::entities::api_key;
use crate::failure::Failure;
use crate::gate::Caller;

/// Keys that are named.
const NAMED: u64 = 100;

/// Keys that somebody made, and that are good.
#[derive(Debug, Serialize)]
pub(super) struct KeysMade {
    /// How many there are.
    pub(super) count: u64,
    /// The first ones, for who manages keys.
    pub(super) keys: Vec<KeyMade>,
}

/// One of them.
#[derive(Debug, FromQueryResult, Serialize)]
pub(super) struct KeyMade {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) hint: String,
}

/// The keys that a user made.
pub(super) async fn made_by(caller: &Caller, user: Uuid) -> Result<KeysMade, Failure> {
    use api_key::Column as C;
    let good = Condition::any().add(C::ExpiresAt.is_null()).add(C::ExpiresAt.gt(caller.gate().now()));
    let made = api_key::Entity::find()
        .filter(C::OrgId.eq(caller.org().id))
        .filter(C::Kind.eq(KeyKind::Server.key()))
        .filter(C::CreatedBy.eq(user))
        .filter(C::RevokedAt.is_null())
        .filter(good);
    let count = made.clone().count(caller.db()).await?;
    let keys = if caller.rights().grants(Right::KeysManage) {
        let columns = made.select_only().columns([C::Id, C::Name, C::Hint]);
        columns.order_by_asc(C::Id).limit(NAMED).into_model().all(caller.db()).await?
    } else {
        Vec::new()
    };
    Ok(KeysMade { count, keys })
}
