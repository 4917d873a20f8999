//! Rows of teams.

use kehu_domain::codes;
use kehu_domain::fields::{Line, Ref};
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::Team;
use kehu_domain::record::Stored;
use kehu_domain::rights::Right;
use kehu_domain::show::Name;
use kehu_domain::text::document::Document;
use sea_orm::EntityTrait;
use serde_json::json;
use uuid::Uuid;

use crate::crypto::cell::FieldPath;
use crate::entities::team;
use crate::failure::Failure;
use crate::journal::Entry;
use crate::ops::unique_name;
use crate::sealed;
use crate::sealer::Opener;
use crate::tx::Tx;

use super::{Ownership, RowBase, Rows, base, name_columns, row};

impl Rows for Team {
    type Entity = team::Entity;
    const CUSTOM: FieldPath = sealed::team::CUSTOM;
    const REMOVABLE: bool = false;

    fn to_row(stored: &Stored<Self>, row: &RowBase<'_>) -> Result<team::ActiveModel, Failure> {
        let Self { name, parent_id } = &stored.data;
        let (name_norm, name_sort) = name_columns(row, name.as_str());
        Ok(row!(team::ActiveModel, stored, row, {
            name: Set(name.as_str().to_owned()),
            name_norm: Set(name_norm),
            name_sort: Set(name_sort),
            parent_id: Set(parent_id.map(|parent| parent.id)),
        }))
    }

    fn from_row(row: team::Model, opener: &Opener<'_>) -> Result<(Stored<Self>, String), Failure> {
        let data = Self { name: Line::from_stored(row.name), parent_id: row.parent_id.map(Ref::new) };
        Ok((Stored { base: base!(row, opener, Self::CUSTOM), data }, row.touched))
    }

    fn ownership(&self) -> Ownership {
        Ownership::Shared
    }

    fn name(&self) -> Option<&str> {
        Some(self.name.as_str())
    }

    fn document(&self) -> Document {
        Document::of([("name", self.name.as_str())])
    }

    async fn prepare(&mut self, tx: &Tx<'_>, before: Option<&Stored<Self>>) -> Result<(), Failure> {
        let id = before.map(|before| before.base.id);
        if let Some(before) = before.filter(|before| before.data.parent_id != self.parent_id) {
            check_move(tx, before.base.id, self.parent_id.map(|parent| parent.id)).await?;
        }
        unique_name::check::<Self>(tx, self.name.as_str(), id).await
    }

    async fn follow(tx: &Tx<'_>, before: Option<&Stored<Self>>, after: Option<&Stored<Self>>) -> Result<(), Failure> {
        tx.people_changed();
        if let (Some(before), Some(after)) = (before, after) {
            moved(before, after).into_iter().for_each(|entry| tx.log(entry));
        }
        if let Some(team) = after {
            tx.remember_name(team.base.id, Name { name: team.data.name.as_str().to_owned(), color: None });
        }
        Ok(())
    }
}

/// Checks that a team may go below another one: by somebody who grants rights, since whoever leads there reaches what it
/// has, and not below itself. Teams are moved one after the other.
async fn check_move(tx: &Tx<'_>, id: Uuid, parent: Option<Uuid>) -> Result<(), Failure> {
    if tx.caller().may(Right::RightsGrant).is_err() {
        let flaw = Flaw::new(&codes::RIGHT_MISSING).with("right", "rights.grant");
        return Err(Failure::refused("/parent_id", flaw));
    }
    tx.lock("users").await?;
    let mut above = parent;
    while let Some(team) = above {
        if team == id {
            return Err(Failure::refused("/parent_id", Flaw::new(&codes::TEAM_CYCLE)));
        }
        above = team::Entity::find_by_id((tx.org_id(), team)).one(tx.db()).await?.and_then(|row| row.parent_id);
    }
    Ok(())
}

/// The entry that tells administrators of another team above: its managers reach what this one has.
fn moved(before: &Stored<Team>, after: &Stored<Team>) -> Option<Entry> {
    let parent = |team: &Stored<Team>| json!({ "parent_id": team.data.parent_id.map(|parent| parent.id) });
    let (from, to) = (parent(before), parent(after));
    let entry = || Entry::admin("team.moved", Some(("team", after.base.id)));
    (from != to).then(|| entry().saying(&json!({ "before": from, "after": to })))
}
