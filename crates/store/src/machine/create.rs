//! Making records.

use kehu_domain::kinds::Contact;
use kehu_domain::record::Stored;
use kehu_domain::rights::Action;
use kehu_domain::show::Name;
use sea_orm::{EntityTrait, IntoActiveModel};
use uuid::Uuid;

use crate::failure::Failure;
use crate::journal::Entry;
use crate::ops::{duplicates, references, tags};
use crate::pii::Found;
use crate::rows::{Ownership, RowBase, Rows, new_base};
use crate::sealer::Sealer;
use crate::tx::{Tx, insert_many};

use super::draft::New;

/// Makes a record that the system itself asks for, such as a tag that was named.
pub(crate) async fn write<R: Rows>(tx: &Tx<'_>, data: R) -> Result<Stored<R>, Failure> {
    insert(tx, New { id: tx.new_id(), data, contacts: Vec::new() }, true).await
}

/// Makes a record and the contacts it brings.
pub(crate) async fn insert<R: Rows>(tx: &Tx<'_>, new: New<R>, allow_duplicate: bool) -> Result<Stored<R>, Failure> {
    insert_whole(tx, new, allow_duplicate).await.map(|(stored, _)| stored)
}

/// The same; the contacts come back with it.
pub(crate) async fn insert_whole<R: Rows>(
    tx: &Tx<'_>,
    new: New<R>,
    allow_duplicate: bool,
) -> Result<(Stored<R>, Vec<Stored<Contact>>), Failure> {
    let entries = new.entries();
    let New { id, mut data, mut contacts } = new;
    settle_tags(tx, &mut data).await?;
    for contact in &mut contacts {
        settle_tags(tx, contact).await?;
    }
    // One is primary: the last one said.
    let primary = contacts.iter().rposition(|contact| contact.primary);
    for (at, contact) in contacts.iter_mut().enumerate() {
        contact.primary = Some(at) == primary;
    }
    references::check(tx, &data, None).await?;
    let found = duplicates::look_up(tx, &entries).await?;
    if !allow_duplicate {
        duplicates::refuse(tx, &entries, &found, data.credit_code(), &own_records(id, &data)).await?;
    }
    data.prepare(tx, None).await?;
    let (owner, team) = owner_and_team(tx, &data).await?;
    let base = kehu_domain::record::Base { id, ..new_base(tx, owner, team) };
    let stored = Stored { base, data };
    R::Entity::insert(to_row(tx, &stored)?).exec_without_returning(tx.db()).await?;
    let own = stored.data.entries().len();
    finish(tx, &stored, &found, 0).await?;

    let contacts: Vec<Stored<Contact>> =
        contacts.into_iter().map(|data| Stored { base: new_base(tx, owner, team), data }).collect();
    let rows = contacts.iter().map(|contact| to_row(tx, contact)).collect::<Result<Vec<_>, _>>()?;
    insert_many::<<Contact as Rows>::Entity, _>(tx.db(), rows).await?;
    let mut from = own;
    for contact in &contacts {
        finish(tx, contact, &found, from).await?;
        from += contact.data.entries().len();
    }
    Ok((stored, contacts))
}

/// Records that a request may share its keys with: itself, and the customer that it hangs on.
pub(crate) fn own_records<R: Rows>(id: Uuid, data: &R) -> Vec<Uuid> {
    match data.ownership() {
        Ownership::OfCustomer(customer) => vec![id, customer],
        _ => vec![id],
    }
}

/// Index, search, links, journal, and what follows elsewhere. `from` is where the record's values begin in the look-up.
async fn finish<R: Rows>(tx: &Tx<'_>, stored: &Stored<R>, found: &Found, from: usize) -> Result<(), Failure> {
    let entries = stored.data.entries();
    let parent = match stored.data.ownership() {
        Ownership::OfCustomer(customer) => customer,
        _ => stored.base.id,
    };
    tx.index(duplicates::rows(tx, stored, R::KIND.name, parent, &entries, &found.from(from))?, &entries);
    if let Some(text) = stored.data.search_text() {
        tx.search(R::KIND.name, stored.base.id, text, true);
    }
    if let Some(tags) = stored.data.tags() {
        tx.link(R::KIND.name, stored.base.id, &[], &tags.ids);
    }
    if let Some(name) = stored.data.name() {
        tx.remember_name(stored.base.id, Name { name: name.to_owned(), color: None });
    }
    if let Some(entry) = Entry::change("created", None, Some(stored)) {
        tx.log(entry);
    }
    R::follow(tx, None, Some(stored)).await
}

/// The row of a whole record.
pub(crate) fn to_row<R: Rows>(
    tx: &Tx<'_>,
    stored: &Stored<R>,
) -> Result<<R::Entity as EntityTrait>::ActiveModel, Failure>
where
    <R::Entity as EntityTrait>::Model: IntoActiveModel<<R::Entity as EntityTrait>::ActiveModel>,
{
    let sealer = Sealer::new(tx.caller().ring(), stored.base.id, None);
    R::to_row(stored, &RowBase { org: tx.org_id(), touched: "{}".to_owned(), sealer })
}

/// Tags of a new record, brought to ids.
async fn settle_tags<R: Rows>(tx: &Tx<'_>, data: &mut R) -> Result<(), Failure> {
    let Some(picked) = data.tags_mut() else { return Ok(()) };
    tags::check(tx, picked, &[])?;
    tags::resolve(tx, picked).await
}

/// Whose a new record is; the caller may make one there.
async fn owner_and_team<R: Rows>(tx: &Tx<'_>, data: &R) -> Result<(Option<Uuid>, Option<Uuid>), Failure> {
    let caller = tx.caller();
    let reach = caller.reach(Action::Create, R::KIND.name)?;
    let (owner, team) = match data.ownership() {
        Ownership::Own { owner, team } => (owner, team),
        Ownership::OfCustomer(customer) => {
            let head = references::customer(tx, customer).await?.ok_or(Failure::NotFound)?;
            (head.owner_id, head.team_id)
        }
        Ownership::Shared => return if reach.all { Ok((None, None)) } else { Err(Failure::Forbidden) },
    };
    if reach.covers(caller.relation(owner, team)) { Ok((owner, team)) } else { Err(Failure::Forbidden) }
}
