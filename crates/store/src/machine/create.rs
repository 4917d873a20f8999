//! Making records.

use kehu_domain::custom::CustomValues;
use kehu_domain::kinds::Contact;
use kehu_domain::record::{Base, Record as _, Stored};
use kehu_domain::rights::Action;
use kehu_domain::show::Name;
use sea_orm::{EntityTrait, IntoActiveModel, Value};
use uuid::Uuid;

use crate::failure::Failure;
use crate::inserts::{self, Insert};
use crate::journal;
use crate::ops::{duplicates, references, tags};
use crate::pii::{self, Entry, Found};
use crate::rows::custom::columns;
use crate::rows::{self, Ownership, RowBase, Rows, Whose, initial_of, new_base};
use crate::sealer::Sealer;
use crate::tx::Tx;

use super::draft::{EntryRules, New, Said};
use super::{client_ids, custom, document, judged};

/// Makes a record that the system itself asks for, such as a tag that was named.
pub(crate) async fn write<R: Rows>(tx: &Tx<'_>, data: R) -> Result<Stored<R>, Failure> {
    let record = Said::plain(tx.caller(), data);
    let new = New {
        id: tx.new_id(),
        record,
        contacts: Vec::new(),
        warnings: Vec::new(),
        entry: EntryRules::None,
        said: None,
    };
    insert(tx, new, true).await
}

/// Makes a record and the contacts it brings.
pub(crate) async fn insert<R: Rows>(tx: &Tx<'_>, new: New<R>, allow_duplicate: bool) -> Result<Stored<R>, Failure> {
    insert_whole(tx, new, allow_duplicate).await.map(|made| made.record)
}

/// The same; the contacts come back with it.
pub(crate) async fn insert_whole<R: Rows>(tx: &Tx<'_>, new: New<R>, allow_duplicate: bool) -> Result<Made<R>, Failure> {
    let mut outcomes = insert_set(tx, vec![new], allow_duplicate).await?;
    outcomes.pop().unwrap_or_else(|| Err(Failure::Internal("one of a set is not told of".into())))
}

/// A record that was made, with its contacts.
pub(crate) struct Made<R> {
    pub(crate) record: Stored<R>,
    pub(crate) contacts: Vec<Stored<Contact>>,
    said: Option<client_ids::Said>,
}

/// Makes records together: what the database knows of them is asked for all at once, each is judged by itself, and the
/// rows of those that are not refused are written at once. A refused one has written nothing.
///
/// # Errors
/// Those of the database; refusals are the outcomes.
pub(crate) async fn insert_set<R: Rows>(
    tx: &Tx<'_>,
    set: Vec<New<R>>,
    allow_duplicate: bool,
) -> Result<Vec<Result<Made<R>, Failure>>, Failure> {
    let entries: Vec<Vec<Entry>> = set.iter().map(New::entries).collect();
    let all: Vec<Entry> = entries.iter().flatten().cloned().collect();
    let found = pii::find_places(tx.db(), tx.caller().ring(), tx.org_id(), &all).await?;
    let found = found.split(entries.iter().map(Vec::len));
    references::know_customers(tx, set.iter().flat_map(|new| new.record.data.targets())).await?;
    let in_use = client_ids::in_use(tx, &set).await?;
    let mut outcomes: Vec<Result<Made<R>, Failure>> = Vec::with_capacity(set.len());
    let mut written = 0;
    for ((new, entries), mut found) in set.into_iter().zip(entries).zip(found) {
        if let Some(said) = &new.said {
            let twice = outcomes.iter().flatten().any(|made| made.record.base.id == new.id);
            if twice {
                // What was said of the first one is looked up in its row.
                write_rows(tx, outcomes.get_mut(written..)).await?;
                written = outcomes.len();
            }
            if twice || in_use.contains(&new.id) {
                outcomes.push(Err(client_ids::met::<R>(tx, new.id, said).await?));
                continue;
            }
        }
        let code = new.record.data.credit_code();
        let unwritten = outcomes.get(written..).unwrap_or_default();
        let same_code = code.is_some() && unwritten.iter().flatten().any(|made| made.record.data.credit_code() == code);
        let held = duplicates::add_held(tx, &entries, &mut found);
        if held || same_code && !allow_duplicate {
            // What it meets is looked up and described from its row.
            write_rows(tx, outcomes.get_mut(written..)).await?;
            written = outcomes.len();
        }
        match judge(tx, new, &entries, &found, allow_duplicate).await {
            // Not a refusal: something is wrong, and what was gathered of it may be half of it.
            Err(
                failure @ (Failure::Engine(_) | Failure::Unreadable(_) | Failure::Sealing(_) | Failure::Internal(_)),
            ) => return Err(failure),
            outcome => outcomes.push(outcome),
        }
    }
    write_rows(tx, outcomes.get_mut(written..)).await?;
    Ok(outcomes)
}

/// Writes the records of a set that were not refused.
async fn write_rows<R: Rows>(tx: &Tx<'_>, set: Option<&mut [Result<Made<R>, Failure>]>) -> Result<(), Failure> {
    let mut ready: Vec<&mut Made<R>> = set.into_iter().flatten().filter_map(|outcome| outcome.as_mut().ok()).collect();
    if ready.is_empty() {
        return Ok(());
    }
    R::number(tx, ready.iter_mut().map(|made| &mut made.record.data).collect()).await?;
    let rows = ready.iter().map(|made| to_row(tx, &made.record)).collect::<Result<_, _>>()?;
    let contacts = ready.iter().flat_map(|made| &made.contacts);
    let contacts = contacts.map(|contact| to_row(tx, contact)).collect::<Result<_, _>>()?;
    let rows = Insert::of::<<R::Entity as EntityTrait>::ActiveModel>(rows);
    let beside = ready.iter().map(|made| slots(tx, &made.record, made.said.as_ref()));
    let rows = rows.beside(beside.collect::<Result<_, _>>()?);
    let contacts = Insert::of::<<<Contact as Rows>::Entity as EntityTrait>::ActiveModel>(contacts);
    let of_contacts = ready.iter().flat_map(|made| &made.contacts).map(|contact| slots(tx, contact, None));
    let contacts = contacts.beside(of_contacts.collect::<Result<_, _>>()?);
    inserts::write(tx.db(), vec![rows, contacts]).await?;
    for made in ready {
        gather(tx, &made.record);
        R::follow(tx, None, Some(&made.record)).await?;
        for contact in &made.contacts {
            // Nothing follows from it: of the contacts that come with a customer one is primary, and no others are.
            gather(tx, contact);
        }
    }
    Ok(())
}

/// Whether a new record may be made: what it refers to is there, it meets no other, and the caller may make it. What
/// follows from its fields is filled in, and other new records may meet it from here on.
async fn judge<R: Rows>(
    tx: &Tx<'_>,
    new: New<R>,
    entries: &[Entry],
    found: &Found,
    allow_duplicate: bool,
) -> Result<Made<R>, Failure> {
    let New { id, record, mut contacts, mut warnings, entry, said } = new;
    let counts: Vec<usize> =
        std::iter::once(record.entry_count()).chain(contacts.iter().map(Said::entry_count)).collect();
    let Said { mut data, custom: mut values, .. } = record;
    references::check(tx, &data, None).await?;
    custom::check_new_references(tx, R::KIND, &mut values).await?;
    let own = own_records(id, &data);
    duplicates::refuse(tx, entries, found, data.credit_code(), &own, allow_duplicate).await?;
    data.prepare(tx, None).await?;
    warnings.extend(judged::creation(tx, (&mut data, &values), &contacts, entry)?);
    let whose = whose(tx, &data).await?;
    check_tags(tx, &data)?;
    for contact in &mut contacts {
        check_tags(tx, &contact.data)?;
        custom::check_new_references(tx, Contact::KIND, &mut contact.custom).await?;
    }
    let mut of_contacts: Vec<CustomValues> = Vec::with_capacity(contacts.len());
    let mut contacts: Vec<Contact> = contacts
        .into_iter()
        .map(|contact| {
            of_contacts.push(contact.custom);
            contact.data
        })
        .collect();
    // Last, because a tag may be made: nothing of this record can be refused any more.
    resolve_tags(tx, &mut data).await?;
    for contact in &mut contacts {
        resolve_tags(tx, contact).await?;
    }
    // One is primary: the last one said.
    let primary = contacts.iter().rposition(|contact| contact.primary);
    for (at, contact) in contacts.iter_mut().enumerate() {
        contact.primary = Some(at) == primary;
        contact.initial = initial_of(contact.name.as_str());
    }
    data.brings(i64::try_from(contacts.len()).unwrap_or(i64::MAX));
    let base = Base { id, custom: values, ..new_base(tx, &whose) };
    let record = Stored { base, data };
    let of_contacts = contacts.into_iter().zip(of_contacts);
    let contacts: Vec<Stored<Contact>> =
        of_contacts.map(|(data, custom)| Stored { base: Base { custom, ..new_base(tx, &whose) }, data }).collect();
    let mut places = Places { entries, found, from: 0, counts: counts.into_iter() };
    places.index(tx, &record)?;
    for contact in &contacts {
        places.index(tx, contact)?;
    }
    tx.warn(id, warnings);
    Ok(Made { record, contacts, said })
}

/// Sealed values of a record and its contacts, one after the other, with where each goes in the index.
struct Places<'a> {
    entries: &'a [Entry],
    found: &'a Found,
    from: usize,
    /// How many each record has.
    counts: std::vec::IntoIter<usize>,
}

impl Places<'_> {
    fn index<R: Rows>(&mut self, tx: &Tx<'_>, stored: &Stored<R>) -> Result<(), Failure> {
        let parent = match stored.data.ownership() {
            Ownership::OfCustomer(customer) => customer,
            _ => stored.base.id,
        };
        let many = self.counts.next().unwrap_or_default();
        let entries = self.entries.get(self.from..self.from + many).unwrap_or_default();
        let found = self.found.from(self.from);
        tx.index(duplicates::rows(tx, stored, R::KIND.name, parent, entries, &found)?, entries);
        self.from += many;
        Ok(())
    }
}

/// Records that a request may share its keys with: itself, and the customer that it hangs on.
pub(crate) fn own_records<R: Rows>(id: Uuid, data: &R) -> Vec<Uuid> {
    match data.ownership() {
        Ownership::OfCustomer(customer) => vec![id, customer],
        _ => vec![id],
    }
}

/// Search, links, journal.
fn gather<R: Rows>(tx: &Tx<'_>, stored: &Stored<R>) {
    let fields = tx.caller().org().custom(R::KIND.name);
    tx.pick(fields, stored.base.id, &CustomValues::default(), &stored.base.custom);
    let text = document(tx.caller().org(), stored);
    if !text.is_empty() {
        tx.search(R::KIND.name, stored.base.id, &text, true);
    }
    if let Some(tags) = stored.data.tags() {
        tx.link(R::KIND.name, stored.base.id, &[], &tags.ids);
    }
    if let Some(name) = stored.data.name() {
        tx.remember_name(stored.base.id, Name { name: name.to_owned(), color: None });
    }
    if let Some(entry) = journal::Entry::change(tx, "created", None, Some(stored)) {
        tx.log(entry);
    }
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
    let fields = tx.caller().org().custom(R::KIND.name);
    let custom = columns(fields, &stored.base.custom, &sealer, R::CUSTOM)?;
    R::to_row(stored, &RowBase { org: tx.org_id(), touched: "{}".to_owned(), sealer, custom })
}

/// What stands beside a new record: its values in their slots, and what a client said of it that made its id.
fn slots<R: Rows>(
    tx: &Tx<'_>,
    stored: &Stored<R>,
    said: Option<&client_ids::Said>,
) -> Result<Vec<(String, Value)>, Failure> {
    let mut beside = rows::custom::slots(tx.caller().org().custom(R::KIND.name), &stored.base.custom);
    beside.extend(client_ids::column::<R>(tx, stored.base.id, said)?);
    Ok(beside)
}

/// Ids that a new record names as tags are tags.
fn check_tags<R: Rows>(tx: &Tx<'_>, data: &R) -> Result<(), Failure> {
    data.tags().map_or(Ok(()), |picked| tags::check(tx, picked, &[]))
}

/// Tags of a new record, brought to ids.
async fn resolve_tags<R: Rows>(tx: &Tx<'_>, data: &mut R) -> Result<(), Failure> {
    match data.tags_mut() {
        Some(picked) => tags::resolve(tx, picked).await,
        None => Ok(()),
    }
}

/// Whose a new record is; the caller may make one there.
async fn whose<R: Rows>(tx: &Tx<'_>, data: &R) -> Result<Whose, Failure> {
    let caller = tx.caller();
    let reach = caller.reach(Action::Create, R::KIND.name)?;
    let whose = match data.ownership() {
        Ownership::Own { owner, team } => Whose { owner, team, shared: data.shared() },
        Ownership::OfCustomer(customer) => {
            let head = references::customer(tx, customer).await?.ok_or(Failure::NotFound)?;
            Whose { owner: head.owner_id, team: head.team_id, shared: head.shared() }
        }
        Ownership::Shared => return if reach.all { Ok(Whose::default()) } else { Err(Failure::Forbidden) },
    };
    let standing = caller.standing(whose.owner, whose.team, &whose.shared);
    if reach.covers(Action::Create, standing) { Ok(whose) } else { Err(Failure::Forbidden) }
}
