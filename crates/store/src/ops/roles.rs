//! Who has which role: that there is such a role, that whoever gives it may, and that duties which the organisation
//! keeps apart stay so.

use std::collections::HashMap;
use std::sync::Arc;

use kehu_domain::codes;
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::{Role, User, roles_of};
use kehu_domain::record::Stored;
use kehu_domain::rights::{BUILT_IN, Right, Rights, RoleRights, built_in};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use serde_json::json;
use uuid::Uuid;

use crate::api_keys;
use crate::entities::{organisation, role, user};
use crate::failure::Failure;
use crate::gate::Caller;
use crate::journal::Entry;
use crate::org::settings_of;
use crate::people;
use crate::tx::Tx;

/// Duties that one person does not have together where the organisation keeps them apart: to run the system, to say who
/// may do what, and to look at what both did.
const DUTIES: [Right; 3] = [Right::SettingsManage, Right::RightsGrant, Right::AuditRead];

/// How many of those who hold duties together are named.
const NAMED: usize = 5;

/// Whether rights hold no two of the duties that are kept apart.
#[must_use]
pub(crate) fn are_apart(rights: &Rights) -> bool {
    DUTIES.into_iter().filter(|duty| rights.grants(*duty)).count() < 2
}

/// Refuses what would let the caller act with the duties of others beside his own, where the organisation keeps them
/// apart: to come at somebody's account, or at a key that is shown to whoever makes it.
pub(crate) fn refuse_together<'r>(
    caller: &Caller,
    theirs: &Rights,
    roles: impl Iterator<Item = &'r str>,
    pointer: &str,
) -> Result<(), Failure> {
    let without_duty = !DUTIES.into_iter().any(|duty| theirs.grants(duty));
    if !caller.org().settings.separation_of_duties || without_duty || are_apart(&caller.rights().with(theirs)) {
        return Ok(());
    }
    Err(Failure::refused(pointer, together(roles)))
}

/// Whether a role, or several together, can say who may do what: without anybody who can, nobody mends it.
pub(crate) fn governs<'r>(mut roles: impl Iterator<Item = &'r str>) -> bool {
    roles.any(|role| matches!(role, "administrator" | "security_admin"))
}

/// Checks the roles of a user that is to be written.
pub(crate) async fn check_user(tx: &Tx<'_>, user: &User, before: Option<&Stored<User>>) -> Result<(), Failure> {
    let caller = tx.caller();
    let old = before.map(|before| &before.data);
    let changed = [
        ("role", old.and_then(|old| old.role.as_ref()) != user.role.as_ref()),
        ("other_roles", old.map(|old| old.other_roles.0.as_slice()).unwrap_or_default() != user.other_roles.0),
        ("team_id", old.and_then(|old| old.team_id) != user.team_id),
    ];
    let first = changed.iter().find(|(_, changed)| *changed).map(|(name, _)| *name);
    let Some(first) = first else { return Ok(()) };
    let pointer = format!("/{first}");
    if caller.may(Right::RightsGrant).is_err() {
        return Err(Failure::refused(pointer, Flaw::new(&codes::RIGHT_MISSING).with("right", "rights.grant")));
    }
    if first == "team_id" {
        return Ok(());
    }
    let rights = rights_together(tx, user).await?;
    if !keeps_apart(tx).await? {
        return Ok(());
    }
    if before.is_some_and(|before| caller.principal().user() == Some(before.base.id)) {
        return Err(Failure::refused(pointer, Flaw::new(&codes::OWN_RIGHTS)));
    }
    if are_apart(&rights) { Ok(()) } else { Err(Failure::refused(pointer, together(roles_of(user)))) }
}

/// Whether the organisation keeps duties apart, as its row says: another server may have laid it down a moment ago.
pub(crate) async fn keeps_apart(tx: &Tx<'_>) -> Result<bool, Failure> {
    let row = organisation::Entity::find_by_id(tx.org_id()).one(tx.db()).await?.ok_or(Failure::NotFound)?;
    Ok(settings_of(&row)?.separation_of_duties)
}

/// Refuses to keep duties apart as long as somebody holds two of them, or a key does.
pub(crate) async fn check_apart(tx: &Tx<'_>, pointer: &str) -> Result<(), Failure> {
    // Nobody is given a role meanwhile.
    tx.lock("users").await?;
    let mut known: HashMap<String, Arc<Rights>> = HashMap::new();
    let mut holding = Vec::new();
    for holder in everybody(tx).await? {
        if !are_apart(&all_of(tx, &mut known, holder.roles()).await?) {
            let name = tx.caller().org().name_of(holder.id);
            holding.push(name.map_or_else(|| holder.id.to_string(), |name| name.name.clone()));
        }
    }
    for key in api_keys::with_any_role(tx).await? {
        if !are_apart(&all_of(tx, &mut known, key.role.as_deref().into_iter()).await?) {
            holding.push(format!("{} ({})", key.name, key.hint));
        }
    }
    if holding.is_empty() {
        return Ok(());
    }
    let many = holding.len();
    holding.truncate(NAMED);
    let flaw = Flaw::new(&codes::DUTIES_TOGETHER).with("users", holding.join(", ")).with("many", many);
    Err(Failure::refused(pointer, flaw))
}

/// What roles give together; those that were looked up are remembered.
async fn all_of<'r>(
    tx: &Tx<'_>,
    known: &mut HashMap<String, Arc<Rights>>,
    roles: impl Iterator<Item = &'r str>,
) -> Result<Rights, Failure> {
    let mut together = Rights::default();
    for role in roles {
        let rights = match known.get(role) {
            Some(rights) => rights.clone(),
            None => find(tx, role).await?.unwrap_or_default(),
        };
        together = together.with(&rights);
        known.insert(role.to_owned(), rights);
    }
    Ok(together)
}

/// What the roles of a user's row give together.
pub(crate) async fn rights_of_row(tx: &Tx<'_>, row: &user::Model) -> Result<Rights, Failure> {
    all_of(tx, &mut HashMap::new(), row.roles()).await
}

/// The flaw of roles that are not held together here.
pub(crate) fn together<'r>(mut roles: impl Iterator<Item = &'r str>) -> Flaw {
    let one = roles.next().unwrap_or_default();
    let others: Vec<&str> = roles.collect();
    let others = if others.is_empty() { "system_admin, security_admin, auditor".to_owned() } else { others.join(", ") };
    Flaw::new(&codes::ROLES_TOGETHER).with("value", one).with("other", others)
}

/// What a user may do by all of his roles; each of them exists.
async fn rights_together(tx: &Tx<'_>, user: &User) -> Result<Rights, Failure> {
    let mut together = Rights::default();
    let places = user.role.iter().map(|role| (role, "/role".to_owned()));
    let others = user.other_roles.0.iter().enumerate().map(|(at, role)| (role, format!("/other_roles/{at}")));
    for (role, pointer) in places.chain(others) {
        match find(tx, role.as_str()).await? {
            Some(rights) => together = together.with(&rights),
            None => return Err(Failure::refused(pointer, unknown(tx, role.as_str()))),
        }
    }
    Ok(together)
}

/// The rights of the role of that key. Asked for in the database: another server may have made it a moment ago.
pub(crate) async fn find(tx: &Tx<'_>, key: &str) -> Result<Option<Arc<Rights>>, Failure> {
    if let Some(role) = built_in(key) {
        return Ok(Some(role.rights.clone()));
    }
    let row = role::Entity::find()
        .filter(role::Column::OrgId.eq(tx.org_id()))
        .filter(role::Column::Key.eq(key))
        .filter(role::Column::DeletedAt.is_null())
        .one(tx.db())
        .await?;
    Ok(row.and_then(|row| RoleRights::from_stored(&row.rights)).map(|rights| rights.0))
}

/// The flaw of a key that no role has.
pub(crate) fn unknown(tx: &Tx<'_>, key: &str) -> Flaw {
    let own = tx.caller().org().role_keys();
    let known: Vec<&str> = BUILT_IN.iter().map(|role| role.key).chain(own).collect();
    Flaw::new(&codes::ROLE_UNKNOWN).with("value", key).with("known", known.join(", "))
}

/// The roles of a user.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct Holder {
    id: Uuid,
    role: Option<String>,
    other_roles: String,
}

impl Holder {
    /// Their keys.
    pub(crate) fn roles(&self) -> impl Iterator<Item = &str> {
        user::roles_of(self.role.as_deref(), &self.other_roles)
    }
}

/// Every user, disabled ones too: they may come back.
async fn everybody(tx: &Tx<'_>) -> Result<Vec<Holder>, Failure> {
    use user::Column as C;
    let all = user::Entity::find().select_only().columns([C::Id, C::Role, C::OtherRoles]);
    let all = all.filter(C::OrgId.eq(tx.org_id())).filter(C::DeletedAt.is_null());
    Ok(all.into_model::<Holder>().all(tx.db()).await?)
}

/// Users who have a role.
async fn holders(tx: &Tx<'_>, key: &str) -> Result<Vec<Holder>, Failure> {
    Ok(everybody(tx).await?.into_iter().filter(|holder| holder.roles().any(|role| role == key)).collect())
}

/// Checks a role that is to be written.
pub(crate) async fn check_role(tx: &Tx<'_>, role: &Role, before: Option<&Stored<Role>>) -> Result<(), Failure> {
    let caller = tx.caller();
    // Roles and who has them are written one after the other.
    tx.lock("users").await?;
    caller.may(Right::RightsGrant)?;
    let comes_anew = before.is_none_or(|before| before.base.deleted_at.is_some());
    if comes_anew && find(tx, role.key.as_str()).await?.is_some() {
        return Err(Failure::refused("/key", Flaw::new(&codes::NAME_TAKEN).with("value", role.key.as_str())));
    }
    if before.is_some_and(|before| before.data.rights == role.rights) || !keeps_apart(tx).await? {
        return Ok(());
    }
    let refused = |flaw| Err(Failure::refused("/rights/besides", flaw));
    if !are_apart(&role.rights.0) {
        return refused(together(std::iter::once(role.key.as_str())));
    }
    let mut known = HashMap::from([(role.key.as_str().to_owned(), role.rights.0.clone())]);
    for holder in holders(tx, role.key.as_str()).await? {
        let all = all_of(tx, &mut known, holder.roles()).await?;
        if caller.principal().user() == Some(holder.id) {
            return refused(Flaw::new(&codes::OWN_RIGHTS));
        }
        if !are_apart(&all) {
            return refused(together(holder.roles()));
        }
    }
    Ok(())
}

/// Refuses to delete a role that somebody has, or a key that was not revoked.
pub(crate) async fn check_unused(tx: &Tx<'_>, role: &Role) -> Result<(), Failure> {
    tx.lock("users").await?;
    tx.caller().may(Right::RightsGrant)?;
    let key = role.key.as_str();
    let users = holders(tx, key).await?.len() + api_keys::with_role(tx, key).await?;
    let users = users + laid_down(tx, key).await?;
    if users == 0 {
        return Ok(());
    }
    let flaw = Flaw::new(&codes::ROLE_IN_USE).with("value", key).with("users", users);
    Err(Failure::refused("/key", flaw))
}

/// In how many places a role is laid down: identity providers that give it, and settings about who has it. A role that
/// is made later under the same key would be given as this one was.
async fn laid_down(tx: &Tx<'_>, key: &str) -> Result<usize, Failure> {
    let row = organisation::Entity::find_by_id(tx.org_id()).one(tx.db()).await?.ok_or(Failure::NotFound)?;
    let settings = settings_of(&row)?;
    let named = settings.second_factor.required_roles.iter().any(|role| role == key)
        || settings.addresses.roles.contains_key(key);
    Ok(people::providers_that_give(tx, key).await? + usize::from(named))
}

/// The entry that tells administrators what a role gives now, beside the one of the change.
pub(crate) fn rights_changed(before: Option<&Stored<Role>>, after: Option<&Stored<Role>>) -> Option<Entry> {
    let one = after.or(before)?;
    let rights = |role: Option<&Stored<Role>>| role.map(|role| role.data.rights.to_stored());
    let (from, to) = (rights(before), rights(after));
    let said = json!({ "key": one.data.key.as_str(), "before": from, "after": to });
    (from != to).then(|| Entry::admin("role.rights_changed", Some(("role", one.base.id))).saying(&said))
}
