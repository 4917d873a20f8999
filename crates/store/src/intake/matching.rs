//! Whether the person is known: by phone, then e-mail, then WeChat.

use std::collections::BTreeSet;

use kehu_domain::fields::ElementValue;
use kehu_domain::intake::{Lead, flags};
use kehu_domain::text::normalise;
use kehu_domain::value::CreditCode;
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::crypto::index::IndexClass;
use crate::entities::{contact, customer};
use crate::failure::Failure;
use crate::ops::duplicates;
use crate::pii::{Entry, Hit, padded};
use crate::tx::Tx;

/// A record that is the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// The customer.
    pub(super) customer: Uuid,
    /// The person there, where it is a contact.
    pub(super) contact: Option<Uuid>,
    /// Customers that another of the values belongs to.
    pub(super) conflict: Vec<Uuid>,
}

impl Known {
    /// The record that holds the value.
    pub(super) fn record(&self) -> Uuid {
        self.contact.unwrap_or(self.customer)
    }
}

/// What a lead is found under, the best first.
fn entries(lead: &Lead) -> Vec<Entry> {
    let entry = |class, value: String, strong| Entry { class, value, strong, pointer: String::new() };
    let phones =
        lead.reach.phones.iter().map(|(phone, _)| {
            entry(IndexClass::Phone, ElementValue::index_form(phone), ElementValue::is_strong(phone))
        });
    let emails =
        lead.reach.emails.iter().map(|(email, _)| entry(IndexClass::Email, ElementValue::index_form(email), true));
    let wechat = lead.reach.wechat.iter().map(|(id, _)| entry(IndexClass::Wechat, id.to_lowercase(), false));
    phones.chain(emails).chain(wechat).collect()
}

/// Looks the person up. Until the transaction ends nobody else looks up the same values: two servers that take the same
/// lead at once make one customer.
pub(super) async fn find(tx: &Tx<'_>, lead: &mut Lead) -> Result<Option<Known>, Failure> {
    let entries = entries(lead);
    // Landlines and WeChat ids, too: two leads with the same one must not pass each other.
    let keys: Vec<Entry> = entries.iter().map(|entry| Entry { strong: true, ..entry.clone() }).collect();
    // And the credit code: whether it is taken is asked under the same lock.
    let code = lead.credit_code.as_ref().map(CreditCode::as_str);
    duplicates::lock(tx, duplicates::strong_keys(&keys, code)).await?;
    let mut hits = duplicates::look_up(tx, &entries).await?.hits;
    drop_strangers(tx, lead, &entries, &mut hits).await?;
    let known = choose(entries.len(), &hits);
    if known.as_ref().is_some_and(|known| !known.conflict.is_empty()) {
        lead.flag(flags::CONFLICT);
    }
    Ok(known)
}

/// The record that the first value with an owner points to, and the customers that others contradict it with.
fn choose(values: usize, hits: &[Hit]) -> Option<Known> {
    let mut known: Option<Known> = None;
    for at in 0..values {
        let mut of_value: Vec<&Hit> = hits.iter().filter(|hit| hit.entry == at).collect();
        // The oldest: ids rise with time.
        of_value.sort_unstable_by_key(|hit| (hit.parent_id, hit.record_id));
        let Some(first) = of_value.first() else { continue };
        match &mut known {
            None => {
                let contact = Some(first.record_id).filter(|_| first.kind == "contact");
                known = Some(Known { customer: first.parent_id, contact, conflict: Vec::new() });
            }
            Some(known) => {
                let agrees = of_value.iter().any(|hit| hit.parent_id == known.customer);
                if !agrees && !known.conflict.contains(&first.parent_id) {
                    known.conflict.push(first.parent_id);
                }
            }
        }
    }
    known
}

#[derive(FromQueryResult)]
struct Named {
    id: Uuid,
    name: String,
}

/// A landline is shared: it is the same person or company only where no name speaks against it.
async fn drop_strangers(tx: &Tx<'_>, lead: &mut Lead, entries: &[Entry], hits: &mut Vec<Hit>) -> Result<(), Failure> {
    let is_landline = |hit: &Hit| {
        entries.get(hit.entry).is_some_and(|entry| entry.class == IndexClass::Phone && !(entry.strong && hit.strong))
    };
    let said: BTreeSet<String> = lead.customer_name().into_iter().chain(lead.person_name()).map(normalise).collect();
    if said.is_empty() || !hits.iter().any(is_landline) {
        return Ok(());
    }
    let ids = || hits.iter().filter(|hit| is_landline(hit)).flat_map(|hit| [hit.record_id, hit.parent_id]);
    let customers = customer::Entity::find()
        .select_only()
        .columns([customer::Column::Id, customer::Column::Name])
        .filter(customer::Column::OrgId.eq(tx.org_id()))
        .filter(customer::Column::Id.is_in(padded(ids().collect())))
        .into_model::<Named>()
        .all(tx.db())
        .await?;
    let contacts = contact::Entity::find()
        .select_only()
        .columns([contact::Column::Id, contact::Column::Name])
        .filter(contact::Column::OrgId.eq(tx.org_id()))
        .filter(contact::Column::Id.is_in(padded(ids().collect())))
        .into_model::<Named>()
        .all(tx.db())
        .await?;
    let agrees = |id: Uuid| {
        let mut named = customers.iter().chain(&contacts).filter(|named| named.id == id);
        named.any(|named| said.contains(&normalise(&named.name)))
    };
    let before = hits.len();
    hits.retain(|hit| !is_landline(hit) || agrees(hit.record_id) || agrees(hit.parent_id));
    if hits.len() < before {
        lead.flag(flags::SHARED_LANDLINE);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(entry: usize, kind: &str, record: u128, parent: u128) -> Hit {
        let (record_id, parent_id) = (Uuid::from_u128(record), Uuid::from_u128(parent));
        Hit { entry, kind: kind.to_owned(), record_id, parent_id, strong: true }
    }

    #[test]
    fn the_first_value_with_an_owner_wins_and_others_may_contradict() {
        let id = Uuid::from_u128;
        assert_eq!(choose(2, &[]), None);
        let only = choose(2, &[hit(1, "contact", 12, 1)]).unwrap();
        assert_eq!((only.customer, only.record(), only.conflict.len()), (id(1), id(12), 0));
        let both = choose(2, &[hit(1, "customer", 2, 2), hit(0, "customer", 1, 1)]).unwrap();
        assert_eq!((both.customer, both.contact, both.conflict), (id(1), None, vec![id(2)]));
        let shared = choose(2, &[hit(0, "customer", 3, 3), hit(0, "customer", 1, 1), hit(1, "contact", 9, 1)]).unwrap();
        assert_eq!((shared.customer, shared.conflict.len()), (id(1), 0));
    }
}
