//! Rows of roles.

use kehu_domain::fields::{Line, RoleKey, Text};
use kehu_domain::kinds::Role;
use kehu_domain::record::Stored;
use kehu_domain::rights::RoleRights;
use kehu_domain::show::Name;

use crate::crypto::cell::FieldPath;
use crate::entities::role;
use crate::failure::Failure;
use crate::ops::{roles, unique_name};
use crate::sealed;
use crate::sealer::Opener;
use crate::tx::Tx;

use super::{Ownership, RowBase, Rows, base, known, name_columns, row};

impl Rows for Role {
    type Entity = role::Entity;
    const CUSTOM: FieldPath = sealed::role::CUSTOM;

    fn to_row(stored: &Stored<Self>, row: &RowBase<'_>) -> Result<role::ActiveModel, Failure> {
        let Self { key, name, description, rights } = &stored.data;
        let (name_norm, name_sort) = name_columns(row, name.as_str());
        Ok(row!(role::ActiveModel, stored, row, {
            key: Set(key.as_str().to_owned()),
            name: Set(name.as_str().to_owned()),
            name_norm: Set(name_norm),
            name_sort: Set(name_sort),
            description: Set(description.as_ref().map(|text| text.as_str().to_owned())),
            rights: Set(rights.to_stored()),
        }))
    }

    fn from_row(row: role::Model, opener: &Opener<'_>) -> Result<(Stored<Self>, String), Failure> {
        let id = row.id;
        let data = Self {
            key: RoleKey::from_stored(row.key),
            name: Line::from_stored(row.name),
            description: row.description.map(Text::from_stored),
            rights: known(RoleRights::from_stored(&row.rights), "list of rights", id)?,
        };
        Ok((Stored { base: base!(row, opener, Self::CUSTOM), data }, row.touched))
    }

    fn ownership(&self) -> Ownership {
        Ownership::Shared
    }

    fn columns(field: &'static str) -> &'static [&'static str] {
        match field {
            "name" => &["name_norm", "name_sort"],
            _ => &[],
        }
    }

    fn name(&self) -> Option<&str> {
        Some(self.name.as_str())
    }

    async fn prepare(&mut self, tx: &Tx<'_>, before: Option<&Stored<Self>>) -> Result<(), Failure> {
        roles::check_role(tx, self, before).await?;
        unique_name::check::<Self>(tx, self.name.as_str(), before.map(|before| before.base.id)).await
    }

    async fn follow(tx: &Tx<'_>, before: Option<&Stored<Self>>, after: Option<&Stored<Self>>) -> Result<(), Failure> {
        tx.people_changed();
        if let Some(role) = after {
            tx.remember_name(role.base.id, Name { name: role.data.name.as_str().to_owned(), color: None });
        }
        if let (Some(before), None) = (before, after) {
            roles::check_unused(tx, &before.data).await?;
        }
        roles::rights_changed(before, after).into_iter().for_each(|entry| tx.log(entry));
        Ok(())
    }
}
