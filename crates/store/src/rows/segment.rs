//! Rows of segments.

use kehu_domain::fields::{Collaborators, Line, Ref, Text};
use kehu_domain::kinds::{Segment, SegmentKind, SegmentType, Sharing};
use kehu_domain::record::{Base, Stored};
use kehu_domain::segment::Where;
use kehu_domain::show::Name;

use crate::crypto::cell::FieldPath;
use crate::entities::segment;
use crate::failure::Failure;
use crate::sealed;
use crate::sealer::Opener;
use crate::segments::{LOCK, resolve_tags, settle, uses};
use crate::tx::Tx;

use super::{Ownership, RowBase, Rows, base, known, name_columns, row};

/// Whom a segment is shared with beside its owner and its team.
fn shared_with(sharing: Sharing) -> Collaborators {
    match sharing {
        Sharing::Everybody => Collaborators::everybody(),
        Sharing::Private | Sharing::Team => Collaborators::default(),
    }
}

impl Rows for Segment {
    type Entity = segment::Entity;
    const CUSTOM: FieldPath = sealed::segment::CUSTOM;
    const LOCK: Option<&'static str> = Some(LOCK);

    fn to_row(stored: &Stored<Self>, row: &RowBase<'_>) -> Result<segment::ActiveModel, Failure> {
        // Owner and team stand in the base.
        let Self { name, description, kind, r#type, r#where, sort, shared, owner_id: _, team_id: _ } = &stored.data;
        let (name_norm, name_sort) = name_columns(row, name.as_str());
        let conditions = r#where.as_ref().map_or(0, Where::conditions);
        Ok(row!(segment::ActiveModel, stored, row, {
            name: Set(name.as_str().to_owned()),
            name_norm: Set(name_norm),
            name_sort: Set(name_sort),
            description: Set(description.as_ref().map(|text| text.as_str().to_owned())),
            kind: Set(kind.key().to_owned()),
            r#type: Set(r#type.key().to_owned()),
            filter_body: Set(r#where.as_ref().map(Where::to_stored)),
            conditions: Set(i64::try_from(conditions).unwrap_or(i64::MAX)),
            sort: Set(sort.as_ref().map(|sort| sort.as_str().to_owned())),
            shared: Set(shared.key().to_owned()),
        }))
    }

    fn from_row(row: segment::Model, opener: &Opener<'_>) -> Result<(Stored<Self>, String), Failure> {
        let id = row.id;
        let filter = row.filter_body.as_deref().map(|text| known(Where::from_stored(text), "filter", id));
        let data = Self {
            name: Line::from_stored(row.name),
            description: row.description.map(Text::from_stored),
            kind: known(SegmentKind::from_key(&row.kind), "kind", id)?,
            r#type: known(SegmentType::from_key(&row.r#type), "type", id)?,
            r#where: filter.transpose()?,
            sort: row.sort.map(Line::from_stored),
            shared: known(Sharing::from_key(&row.shared), "sharing", id)?,
            owner_id: row.owner_id.map(Ref::new),
            team_id: row.team_id.map(Ref::new),
        };
        let shared = shared_with(data.shared);
        Ok((Stored { base: Base { shared, ..base!(row, opener, Self::CUSTOM) }, data }, row.touched))
    }

    fn ownership(&self) -> Ownership {
        Ownership::Own { owner: self.owner_id.map(|owner| owner.id), team: self.team_id.map(|team| team.id) }
    }

    fn shared(&self) -> Collaborators {
        shared_with(self.shared)
    }

    fn columns(field: &'static str) -> &'static [&'static str] {
        match field {
            "name" => &["name_norm", "name_sort"],
            "where" => &["filter_body", "conditions"],
            _ => &[],
        }
    }

    fn name(&self) -> Option<&str> {
        Some(self.name.as_str())
    }

    async fn resolve(&mut self, tx: &Tx<'_>, before: Option<&Stored<Self>>) -> Result<(), Failure> {
        resolve_tags(tx, self, before).await
    }

    async fn prepare(&mut self, tx: &Tx<'_>, before: Option<&Stored<Self>>) -> Result<(), Failure> {
        settle(tx, self, before).await
    }

    async fn follow(tx: &Tx<'_>, before: Option<&Stored<Self>>, after: Option<&Stored<Self>>) -> Result<(), Failure> {
        if let Some(after) = after {
            tx.remember_name(after.base.id, Name { name: after.data.name.as_str().to_owned(), color: None });
        }
        uses::follow(tx, before, after).await
    }
}
