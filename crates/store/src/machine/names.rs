//! Names of records that others point to.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use kehu_domain::fields::Collaborators;
use kehu_domain::rights::Action;
use kehu_domain::show::{Name, Names};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::entities::{contact, customer};
use crate::failure::Failure;
use crate::gate::Caller;
use crate::pii::padded;

/// Names of customers and contacts, and which of them the caller does not come by otherwise.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) names: Names,
    /// Those that the caller may not read.
    beyond: HashSet<Uuid>,
    /// Those that were deleted.
    gone: HashSet<Uuid>,
}

impl Known {
    /// Whether a record that any field of the organisation's own points to is told by its name: the caller reads it.
    pub(crate) fn is_told(&self, id: Uuid) -> bool {
        !self.beyond.contains(&id) && !self.gone.contains(&id)
    }

    /// The names of those that the caller may read, deleted ones too.
    pub(crate) fn within_reach(self) -> Names {
        let Self { mut names, beyond, .. } = self;
        names.retain(|id, _| !beyond.contains(id));
        names
    }

    fn add(&mut self, caller: &Caller, kind: &str, rows: Vec<Named>) {
        let reach = caller.rights().reach(Action::Read, kind);
        for Named { id, name, owner_id, team_id, shared_with, deleted_at } in rows {
            let shared = Collaborators::from_stored(shared_with.as_deref());
            if !reach.covers(Action::Read, caller.standing(owner_id, team_id, &shared)) {
                self.beyond.insert(id);
            }
            if deleted_at.is_some() {
                self.gone.insert(id);
            }
            self.names.insert(id, Name { name, color: None });
        }
    }
}

#[derive(FromQueryResult)]
struct Named {
    id: Uuid,
    name: String,
    owner_id: Option<Uuid>,
    team_id: Option<Uuid>,
    shared_with: Option<Vec<u8>>,
    deleted_at: Option<DateTime<Utc>>,
}

/// Names of customers and contacts that records point to; those of people, teams and tags are at hand.
pub(crate) async fn names_of(db: &impl ConnectionTrait, caller: &Caller, ids: Vec<Uuid>) -> Result<Known, Failure> {
    let mut ids: Vec<Uuid> = ids.into_iter().filter(|id| caller.org().name_of(*id).is_none()).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut known = Known::default();
    if ids.is_empty() {
        return Ok(known);
    }
    let org = caller.org().id;
    let reads = |kind: &str| !caller.rights().reach(Action::Read, kind).is_none();
    if !reads("customer") {
        return Ok(known);
    }
    use customer::Column as C;
    let customers = customer::Entity::find()
        .select_only()
        .columns([C::Id, C::Name, C::OwnerId, C::TeamId, C::SharedWith, C::DeletedAt])
        .filter(C::OrgId.eq(org))
        .filter(C::Id.is_in(padded(ids.clone())));
    known.add(caller, "customer", customers.into_model::<Named>().all(db).await?);
    ids.retain(|id| !known.names.contains_key(id));
    if !ids.is_empty() && reads("contact") {
        use contact::Column as C;
        let contacts = contact::Entity::find()
            .select_only()
            .columns([C::Id, C::Name, C::OwnerId, C::TeamId, C::SharedWith, C::DeletedAt])
            .filter(C::OrgId.eq(org))
            .filter(C::Id.is_in(padded(ids)));
        known.add(caller, "contact", contacts.into_model::<Named>().all(db).await?);
    }
    Ok(known)
}
