//! References that a record makes: they exist, and are within the caller's reach.

use kehu_domain::field::{Field, Shape};
use kehu_domain::fields::Collaborators;
use kehu_domain::kinds::{kind_named, unknown_reference};
use kehu_domain::record::Record;
use kehu_domain::rights::Action;
use kehu_domain::show::Name;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};
use uuid::Uuid;

use crate::dialect::statement;
use crate::engine::rows::{Reads, row};
use crate::entities::{contact, customer, team, user};
use crate::failure::Failure;
use crate::pii::padded;
use crate::tx::Tx;

use super::children;

/// What must be known of a customer to hang something on it.
#[derive(Clone, Debug, FromQueryResult)]
pub(crate) struct CustomerHead {
    pub(crate) name: String,
    pub(crate) owner_id: Option<Uuid>,
    pub(crate) team_id: Option<Uuid>,
    shared_with: Option<Vec<u8>>,
    deleted_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// One of several.
#[derive(FromQueryResult)]
struct KnownCustomer {
    id: Uuid,
    name: String,
    owner_id: Option<Uuid>,
    team_id: Option<Uuid>,
    shared_with: Option<Vec<u8>>,
    deleted_at: Option<chrono::DateTime<chrono::Utc>>,
}

row!(KnownCustomer { id, name, owner_id, team_id, shared_with, deleted_at });

impl CustomerHead {
    /// Whom it is shared with.
    pub(crate) fn shared(&self) -> Collaborators {
        Collaborators::from_stored(self.shared_with.as_deref())
    }
}

#[derive(Clone, Debug, FromQueryResult)]
struct ContactHead {
    name: String,
    customer_id: Uuid,
    deleted_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// The living customer of that id; asked for once in a transaction.
pub(crate) async fn customer(tx: &Tx<'_>, id: Uuid) -> Result<Option<CustomerHead>, Failure> {
    use customer::Column as C;
    if let Some(head) = tx.known_customer(id) {
        return Ok(Some(head));
    }
    let head = customer::Entity::find_by_id((tx.org_id(), id))
        .select_only()
        .columns([C::Name, C::OwnerId, C::TeamId, C::SharedWith, C::DeletedAt])
        // Nobody deletes it or gives it away before what hangs on it is there.
        .lock_exclusive()
        .into_model::<CustomerHead>()
        .one(tx.db())
        .await?
        .filter(|head| head.deleted_at.is_none());
    if let Some(head) = &head {
        tx.know_customer(id, head.clone());
    }
    Ok(head)
}

/// Looks up the customers that several references name, in one statement and in a fixed order: they are locked.
pub(crate) async fn know_customers(
    tx: &Tx<'_>,
    targets: impl Iterator<Item = (&'static Field, Uuid)>,
) -> Result<(), Failure> {
    use customer::Column as C;
    let customers = targets.filter(|(field, _)| field.shape == Shape::Ref("customer")).map(|(_, id)| id);
    let mut ids: Vec<Uuid> = customers.filter(|id| tx.known_customer(*id).is_none()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() < 2 {
        return Ok(());
    }
    let query = customer::Entity::find()
        .select_only()
        .columns([C::Id, C::Name, C::OwnerId, C::TeamId, C::SharedWith, C::DeletedAt])
        .filter(C::OrgId.eq(tx.org_id()))
        .filter(C::Id.is_in(padded(ids)))
        .order_by_asc(C::Id)
        .lock_exclusive();
    for KnownCustomer { id, name, owner_id, team_id, shared_with, deleted_at } in
        tx.db().rows(query.build(tx.db().get_database_backend())).await?
    {
        if deleted_at.is_none() {
            tx.know_customer(id, CustomerHead { name, owner_id, team_id, shared_with, deleted_at });
        }
    }
    Ok(())
}

fn unknown(field: &str, kind: &str, id: Uuid) -> Failure {
    let flaw = unknown_reference(kind, id);
    Failure::refused(format!("/{field}"), flaw)
}

/// Checks every reference that is new in a record.
pub(crate) async fn check<R: Record>(tx: &Tx<'_>, record: &R, before: Option<&R>) -> Result<(), Failure> {
    let old = before.map(R::targets).unwrap_or_default();
    let targets = record.targets();
    let customer = targets.iter().find(|(field, _)| field.name == "customer_id").map(|(_, id)| *id);
    for (field, id) in &targets {
        if old.contains(&(*field, *id)) {
            continue;
        }
        let Shape::Ref(kind) = field.shape else { continue };
        let org = tx.caller().org();
        let known = match kind {
            "user" => match org.users.get(id) {
                Some(person) => !person.disabled,
                None => user_exists(tx, *id).await?,
            },
            "team" => org.has_team(*id) || team_exists(tx, *id).await?,
            // Who may see a customer may hang something on it; the right to do so is checked with the action.
            "customer" => match self::customer(tx, *id).await? {
                Some(head) => {
                    let standing = tx.caller().standing(head.owner_id, head.team_id, &head.shared());
                    tx.remember_name(*id, Name { name: head.name, color: None });
                    tx.caller().rights().reach(Action::Read, "customer").covers(Action::Read, standing)
                }
                None => false,
            },
            "contact" => contact_of(tx, *id, customer).await?,
            _ => true,
        };
        if !known {
            return Err(unknown(field.name, kind, *id));
        }
    }
    Ok(())
}

/// Whether there is a record of that kind, within the caller's reach.
pub(crate) async fn exists(tx: &Tx<'_>, kind: &str, id: Uuid) -> Result<bool, Failure> {
    known(tx, kind, id, true).await
}

/// Whether there is a living record of that kind, whoever reads it.
pub(crate) async fn lives(tx: &Tx<'_>, kind: &str, id: Uuid) -> Result<bool, Failure> {
    known(tx, kind, id, false).await
}

async fn known(tx: &Tx<'_>, kind: &str, id: Uuid, within_reach: bool) -> Result<bool, Failure> {
    let org = tx.caller().org();
    match kind {
        "user" => match org.users.get(&id) {
            Some(person) => Ok(!person.disabled),
            None => user_exists(tx, id).await,
        },
        "team" => Ok(org.has_team(id) || team_exists(tx, id).await?),
        "tag" => Ok(org.has_tag(id)),
        kind => stored(tx, kind, id, within_reach).await,
    }
}

/// The same of a kind whose records are not at hand.
async fn stored(tx: &Tx<'_>, kind: &str, id: Uuid, within_reach: bool) -> Result<bool, Failure> {
    let Some(kind) = kind_named(kind) else { return Ok(false) };
    let reach = tx.caller().rights().reach(Action::Read, kind.name);
    let is_shared = kind.name == "customer" || children::is_child(kind.name);
    let shared = if is_shared { "shared_with" } else { "NULL" };
    let named = if kind.field("name").is_some() { "name" } else { "NULL" };
    let sql = format!(
        "SELECT owner_id, team_id, {shared} AS shared_with, {named} AS name FROM {} \
         WHERE org_id = ? AND id = ? AND deleted_at IS NULL",
        kind.path
    );
    let row = tx.db().query_one_raw(statement(tx.db(), &sql, [tx.org_id().into(), id.into()])).await?;
    let Some(row) = row else { return Ok(false) };
    if !within_reach {
        return Ok(true);
    }
    if !kind.is_owned() {
        return Ok(reach.all);
    }
    if let Ok(Some(name)) = row.try_get::<Option<String>>("", "name") {
        tx.remember_name(id, Name { name, color: None });
    }
    let with: Option<Vec<u8>> = if is_shared { row.try_get("", "shared_with")? } else { None };
    let standing = tx.caller().standing(
        row.try_get("", "owner_id")?,
        row.try_get("", "team_id")?,
        &Collaborators::from_stored(with.as_deref()),
    );
    Ok(reach.covers(Action::Read, standing))
}

/// Asked where it is not known yet: another server may have made the user a moment ago.
async fn user_exists(tx: &Tx<'_>, id: Uuid) -> Result<bool, Failure> {
    let row = user::Entity::find_by_id((tx.org_id(), id)).one(tx.db()).await?;
    let row = row.filter(|row| !row.disabled && row.deleted_at.is_none());
    if let Some(row) = &row {
        tx.remember_name(id, Name { name: row.name.clone(), color: None });
    }
    Ok(row.is_some())
}

async fn team_exists(tx: &Tx<'_>, id: Uuid) -> Result<bool, Failure> {
    let row = team::Entity::find_by_id((tx.org_id(), id)).one(tx.db()).await?;
    let row = row.filter(|row| row.deleted_at.is_none());
    if let Some(row) = &row {
        tx.remember_name(id, Name { name: row.name.clone(), color: None });
    }
    Ok(row.is_some())
}

/// Whether there is such a contact, at the same customer.
async fn contact_of(tx: &Tx<'_>, id: Uuid, customer: Option<Uuid>) -> Result<bool, Failure> {
    use contact::Column as C;
    let head = contact::Entity::find_by_id((tx.org_id(), id))
        .select_only()
        .columns([C::Name, C::CustomerId, C::DeletedAt])
        // Nobody erases it before what names it is written.
        .lock_shared()
        .into_model::<ContactHead>()
        .one(tx.db())
        .await?;
    // Of whom one may not read, one knows nothing.
    let reads = !tx.caller().rights().reach(Action::Read, "contact").is_none();
    let Some(head) = head.filter(|head| reads && head.deleted_at.is_none()) else { return Ok(false) };
    tx.remember_name(id, Name { name: head.name, color: None });
    Ok(customer.is_none_or(|customer| customer == head.customer_id))
}
