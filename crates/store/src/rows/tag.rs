//! Rows of tags.

use kehu_domain::fields::Line;
use kehu_domain::kinds::Tag;
use kehu_domain::record::Stored;
use kehu_domain::show::Name;
use kehu_domain::text::document::Document;
use uuid::Uuid;

use crate::crypto::cell::FieldPath;
use crate::entities::tag;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::ops::{tags, unique_name};
use crate::sealed;
use crate::sealer::Opener;
use crate::tx::Tx;

use super::{LeftBehind, Ownership, RowBase, Rows, base, name_columns, row};

impl Rows for Tag {
    type Entity = tag::Entity;
    const CUSTOM: FieldPath = sealed::tag::CUSTOM;

    fn to_row(stored: &Stored<Self>, row: &RowBase<'_>) -> Result<tag::ActiveModel, Failure> {
        let Self { name, group, color } = &stored.data;
        let (name_norm, name_sort) = name_columns(row, name.as_str());
        Ok(row!(tag::ActiveModel, stored, row, {
            name: Set(name.as_str().to_owned()),
            name_norm: Set(name_norm),
            name_sort: Set(name_sort),
            group: Set(group.as_ref().map(|group| group.as_str().to_owned())),
            color: Set(color.as_ref().map(|color| color.as_str().to_owned())),
        }))
    }

    fn from_row(row: tag::Model, opener: &Opener<'_>) -> Result<(Stored<Self>, String), Failure> {
        let data = Self {
            name: Line::from_stored(row.name),
            group: row.group.map(Line::from_stored),
            color: row.color.map(Line::from_stored),
        };
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
        unique_name::check::<Self>(tx, self.name.as_str(), before.map(|before| before.base.id)).await
    }

    async fn left_behind(caller: &Caller, id: Uuid, _: Uuid) -> Result<Vec<LeftBehind>, Failure> {
        tags::carriers(caller, id).await
    }

    async fn follow(tx: &Tx<'_>, _: Option<&Stored<Self>>, after: Option<&Stored<Self>>) -> Result<(), Failure> {
        tx.people_changed();
        if let Some(tag) = after {
            let color = tag.data.color.as_ref().map(|color| color.as_str().to_owned());
            tx.remember_name(tag.base.id, Name { name: tag.data.name.as_str().to_owned(), color });
        }
        Ok(())
    }
}
