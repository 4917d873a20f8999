//! Rows of users. Password and sign-in columns are written by signing in alone; a record change leaves them.

use kehu_domain::fields::{Instant, Line, Ref, RoleKey, RoleKeys, SealedText};
use kehu_domain::kinds::User;
use kehu_domain::record::Stored;
use kehu_domain::show::Name;
use kehu_domain::text::document::Document;
use sea_orm::ActiveValue::NotSet;
use serde_json::json;

use crate::crypto::cell::FieldPath;
use crate::entities::user;
use crate::failure::Failure;
use crate::journal::Entry;
use crate::ops::{logins, roles};
use crate::people::refuse_over;
use crate::sealed;
use crate::sealed::user::{EMAIL, MOBILE, USER_NAME};
use crate::sealer::Opener;
use crate::tx::Tx;

use super::{Ownership, RowBase, Rows, base, initial_column, initial_of, name_columns, row};

impl Rows for User {
    type Entity = user::Entity;
    const CUSTOM: FieldPath = sealed::user::CUSTOM;
    const REMOVABLE: bool = false;
    /// Each needs a password or an invitation, which a batch has no place for.
    const BATCHED: bool = false;

    fn to_row(stored: &Stored<Self>, row: &RowBase<'_>) -> Result<user::ActiveModel, Failure> {
        let Self { name, initial, email, mobile, user_name, role, other_roles, team_id: _, disabled, last_login_at: _ } =
            &stored.data;
        let (name_norm, name_sort) = name_columns(row, name.as_str());
        Ok(row!(user::ActiveModel, stored, row, {
            name: Set(name.as_str().to_owned()),
            name_norm: Set(name_norm),
            name_sort: Set(name_sort),
            initial: Set(initial_column(initial.as_ref())),
            email: row.sealer.cell("email", EMAIL, email.as_ref().map(SealedText::as_str))?,
            mobile: row.sealer.cell("mobile", MOBILE, mobile.as_ref().map(SealedText::as_str))?,
            user_name: row.sealer.cell("user_name", USER_NAME, user_name.as_ref().map(SealedText::as_str))?,
            role: Set(role.as_ref().map(|role| role.as_str().to_owned())),
            other_roles: Set(other_roles.to_stored()),
            disabled: Set(*disabled),
            password_hash: NotSet,
            password_changed_at: NotSet,
            must_change_password: Set(false),
            last_login_at: NotSet,
            last_login_address: NotSet,
            failed_since: NotSet,
        }))
    }

    fn from_row(row: user::Model, opener: &Opener<'_>) -> Result<(Stored<Self>, String), Failure> {
        let id = row.id;
        let data = Self {
            name: Line::from_stored(row.name),
            initial: Some(Line::from_stored(row.initial)),
            email: opener.text(EMAIL, id, row.email.as_deref())?.map(SealedText::from_stored),
            mobile: opener.text(MOBILE, id, row.mobile.as_deref())?.map(SealedText::from_stored),
            user_name: opener.text(USER_NAME, id, row.user_name.as_deref())?.map(SealedText::from_stored),
            role: row.role.map(RoleKey::from_stored),
            other_roles: RoleKeys::from_stored(&row.other_roles),
            team_id: row.team_id.map(Ref::new),
            disabled: row.disabled,
            last_login_at: row.last_login_at.map(Instant::from_stored),
        };
        Ok((Stored { base: base!(row, opener, Self::CUSTOM), data }, row.touched))
    }

    /// A user is in a team and is its own: colleagues see contact data as the policy says.
    fn ownership(&self) -> Ownership {
        Ownership::Own { owner: None, team: self.team_id.map(|team| team.id) }
    }

    fn name(&self) -> Option<&str> {
        Some(self.name.as_str())
    }

    fn document(&self) -> Document {
        Document::of([("name", self.name.as_str())])
    }

    async fn prepare(&mut self, tx: &Tx<'_>, before: Option<&Stored<Self>>) -> Result<(), Failure> {
        self.initial = initial_of(self.name.as_str());
        logins::check(tx, self, before).await?;
        refuse_renaming(tx, self, before)?;
        roles::check_user(tx, self, before).await
    }

    async fn follow(tx: &Tx<'_>, before: Option<&Stored<Self>>, after: Option<&Stored<Self>>) -> Result<(), Failure> {
        tx.people_changed();
        if let Some(user) = after {
            tx.remember_name(user.base.id, Name { name: user.data.name.as_str().to_owned(), color: None });
        }
        rights_changed(before, after).into_iter().for_each(|entry| tx.log(entry));
        logins::write(tx, before, after).await
    }
}

/// Whoever gives somebody else another sign-in name takes the account over as by setting the password: by company
/// sign-in, or by a link that goes to the new address.
fn refuse_renaming(tx: &Tx<'_>, user: &User, before: Option<&Stored<User>>) -> Result<(), Failure> {
    let Some(Stored { base, data }) = before else { return Ok(()) };
    if tx.caller().principal().user() == Some(base.id) {
        return Ok(());
    }
    for (pointer, changed) in [
        ("/email", data.email != user.email),
        ("/mobile", data.mobile != user.mobile),
        ("/user_name", data.user_name != user.user_name),
    ] {
        if changed {
            refuse_over(tx.caller(), base.id, pointer)?;
        }
    }
    Ok(())
}

/// The entry that tells administrators what the user may do now, beside the one of the change.
fn rights_changed(before: Option<&Stored<User>>, after: Option<&Stored<User>>) -> Option<Entry> {
    let one = after.or(before)?;
    let rights = |user: &Stored<User>| {
        let User { role, other_roles, team_id, disabled, .. } = &user.data;
        let others: Vec<&str> = other_roles.0.iter().map(RoleKey::as_str).collect();
        let role = role.as_ref().map(RoleKey::as_str);
        json!({ "role": role, "other_roles": others, "team_id": team_id.map(|team| team.id), "disabled": disabled })
    };
    let (before, after) = (before.map(rights), after.map(rights));
    let entry = || Entry::admin("user.rights_changed", Some(("user", one.base.id)));
    (before != after).then(|| entry().saying(&json!({ "before": before, "after": after })))
}
