//! Who is calling? One value looked up over all kinds.

use std::collections::HashSet;

use kehu_domain::field::{Find, Sight};
use kehu_domain::fields::Collaborators;
use kehu_domain::filter::sealed_form;
use kehu_domain::flaw::Flaw;
use kehu_domain::kinds::{Contact, Customer};
use kehu_domain::record::Record;
use kehu_domain::rights::{Action, Standing};
use kehu_domain::show::Out;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::disclosure;
use crate::entities::{contact, customer};
use crate::failure::Failure;
use crate::gate::Caller;
use crate::pii::{self, padded};
use crate::refusals::{Refusal, noting};
use crate::sealed_query;

use super::answer::Answer;

/// Finds every record of the organisation that holds a phone, an e-mail, a WeChat id, an ID number or a bank account. Of a record out of the
/// caller's reach only its state, its owner and a masked name are told, and that it was is journaled and counted.
///
/// # Errors
/// Not such a value, the caller was told of such records often enough this hour, or the database is away.
pub async fn lookup(caller: &Caller, find: Find, raw: &str, pointer: &str) -> Result<Answer, Failure> {
    noting(caller, Refusal::to("lookup", "read"), found(caller, find, raw, pointer)).await
}

async fn found(caller: &Caller, find: Find, raw: &str, pointer: &str) -> Result<Answer, Failure> {
    caller.reach(Action::Read, "customer")?;
    let refused = |flaw: Flaw| Failure::refused(pointer, flaw);
    let value = sealed_form(find, raw, &caller.org().region).map_err(refused)?;
    disclosure::check(caller.db(), caller).await?;
    sealed_query::count_looked_up(caller, Customer::KIND, find).await?;
    let entry = sealed_query::entry(find, &value, pointer.to_owned());
    let found = pii::find(caller.db(), caller.ring(), caller.org().id, &[entry]).await?;
    let records: Vec<(bool, Uuid, Uuid)> =
        found.hits.iter().map(|hit| (hit.kind == "contact", hit.record_id, hit.parent_id)).collect();
    let customers = customers(caller, records.iter().map(|(_, _, customer)| *customer).collect()).await?;
    let contacts = contacts(caller, records.iter().filter(|(is, ..)| *is).map(|(_, id, _)| *id).collect()).await?;
    let mut disclosed = Vec::new();
    let mut out = Out::new();
    out.object(|out| {
        out.key("data").array(|out| {
            let mut seen = HashSet::new();
            for (is_contact, id, customer_id) in records {
                let Some(customer) = customers.iter().find(|row| row.id == customer_id) else { continue };
                let contact = contacts.iter().find(|row| row.id == id);
                if tells_hidden(caller, find, customer, is_contact) {
                    continue;
                }
                let mut beyond = || write(out, caller, customer, contact.filter(|_| is_contact));
                if seen.insert(id) && (!is_contact || contact.is_some()) && beyond() {
                    disclosed.push(disclosure::told_of(if is_contact { "contact" } else { "customer" }, id));
                }
            }
        });
    });
    disclosure::settle_lookup(caller, disclosed).await?;
    Ok(Answer { id: None, etag: None, body: out.into_text() })
}

async fn customers(caller: &Caller, ids: Vec<Uuid>) -> Result<Vec<customer::Model>, Failure> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(customer::Entity::find()
        .filter(customer::Column::OrgId.eq(caller.org().id))
        .filter(customer::Column::Id.is_in(padded(ids)))
        .filter(customer::Column::DeletedAt.is_null())
        .all(caller.db())
        .await?)
}

async fn contacts(caller: &Caller, ids: Vec<Uuid>) -> Result<Vec<contact::Model>, Failure> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(contact::Entity::find()
        .filter(contact::Column::OrgId.eq(caller.org().id))
        .filter(contact::Column::Id.is_in(padded(ids)))
        .filter(contact::Column::DeletedAt.is_null())
        .all(caller.db())
        .await?)
}

/// The first character, and that there is more.
fn masked_name(name: &str) -> String {
    name.chars().take(1).chain("**".chars()).collect()
}

/// Whether the value is one that the caller may not see of this record at all: then it is not found by it.
fn tells_hidden(caller: &Caller, find: Find, customer: &customer::Model, of_contact: bool) -> bool {
    let kind = if of_contact { Contact::KIND } else { Customer::KIND };
    let field = kind.fields.iter().find(|field| field.find == Some(find));
    let relation = standing(caller, customer).relation();
    field.is_some_and(|field| caller.sees(kind, field, relation) == Sight::Hidden)
}

fn standing(caller: &Caller, customer: &customer::Model) -> Standing {
    let shared = Collaborators::from_stored(customer.shared_with.as_deref());
    caller.standing(customer.owner_id, customer.team_id, &shared)
}

/// Writes one match; whether it is out of the caller's reach.
fn write(out: &mut Out, caller: &Caller, customer: &customer::Model, contact: Option<&contact::Model>) -> bool {
    let standing = standing(caller, customer);
    let reads = |kind: &str| caller.rights().reach(Action::Read, kind).covers(Action::Read, standing);
    let within_reach = reads(Customer::KIND.name) && (contact.is_none() || reads(Contact::KIND.name));
    let state = match standing {
        _ if customer.owner_id.is_none() => "in_pool",
        Standing { own: true, .. } => "yours",
        Standing { team: true, .. } => "team",
        _ => "owned",
    };
    let shown = |name: &str| if within_reach { name.to_owned() } else { masked_name(name) };
    out.object(|out| {
        out.key("resource").text(if contact.is_some() { "contact" } else { "customer" });
        let id = contact.map_or(customer.id, |contact| contact.id);
        out.key("id").id_or_null(Some(id).filter(|_| within_reach));
        out.key("name").text(&shown(contact.map_or(&customer.name, |contact| &contact.name)));
        out.key("customer").object(|out| {
            out.key("id").id_or_null(Some(customer.id).filter(|_| within_reach));
            out.key("number").text_or_null(Some(customer.number.as_str()).filter(|_| within_reach));
            out.key("name").text(&shown(&customer.name));
        });
        out.key("owner");
        match customer.owner_id {
            Some(owner) => out.object(|out| {
                out.key("id").id(owner);
                out.key("name").text_or_null(caller.org().name_of(owner).map(|name| name.name.as_str()));
            }),
            None => out.null(),
        }
        out.key("state").text(state);
        out.key("masked").texts(if within_reach { &[][..] } else { &["name"][..] }.iter().copied());
    });
    !within_reach
}
