//! Rows of contacts.

use kehu_domain::fields::{Birthday, Collaborators, Emails, ExternalIds, Line, Phones, Ref, SealedText, Tags, Text};
use kehu_domain::kinds::{Attitude, Contact, DecisionRole};
use kehu_domain::record::{Base, Record as _, Stored};
use kehu_domain::text::document::Document;
use kehu_domain::value::IdNumber;
use uuid::Uuid;

use crate::crypto::cell::FieldPath;
use crate::entities::contact;
use crate::failure::Failure;
use crate::gate::Caller;
use crate::machine::read::count;
use crate::ops::summaries::Counted;
use crate::ops::{primary, reporting};
use crate::pii::Entry;
use crate::sealed;
use crate::sealed::contact::{BIRTHDAY, EMAILS, ID_NUMBER, PHONES, WECHAT};
use crate::sealer::Opener;
use crate::tx::Tx;

use super::found::{self, element_entries};
use super::{
    LeftBehind, Ownership, RowBase, Rows, base, ids_from_bytes, ids_to_bytes, initial_column, initial_of, name_columns,
    row,
};

impl Rows for Contact {
    type Entity = contact::Entity;
    const CUSTOM: FieldPath = sealed::contact::CUSTOM;
    const SAID: Option<FieldPath> = Some(sealed::contact::SAID);
    const ERASABLE: bool = true;

    fn to_row(stored: &Stored<Self>, row: &RowBase<'_>) -> Result<contact::ActiveModel, Failure> {
        let Self {
            customer_id,
            name,
            initial,
            position,
            role,
            attitude,
            reports_to_id,
            phones,
            emails,
            wechat,
            birthday,
            id_number,
            primary,
            remark,
            tags,
            external_ids,
        } = &stored.data;
        let (name_norm, name_sort) = name_columns(row, name.as_str());
        Ok(row!(contact::ActiveModel, stored, row, {
            // A change of the customer writes it.
            shared_with: Set(stored.base.shared.to_stored()),
            customer_id: Set(customer_id.id),
            name: Set(name.as_str().to_owned()),
            name_norm: Set(name_norm),
            name_sort: Set(name_sort),
            initial: Set(initial_column(initial.as_ref())),
            position: Set(position.as_ref().map(|position| position.as_str().to_owned())),
            role: Set(role.map(|role| role.key().to_owned())),
            attitude: Set(attitude.map(|attitude| attitude.key().to_owned())),
            reports_to_id: Set(reports_to_id.map(|contact| contact.id)),
            phones: row.sealer.cell("phones", PHONES, phones.to_stored().as_deref())?,
            emails: row.sealer.cell("emails", EMAILS, emails.to_stored().as_deref())?,
            wechat: row.sealer.cell("wechat", WECHAT, wechat.as_ref().map(SealedText::as_str))?,
            birthday: row.sealer.cell("birthday", BIRTHDAY, birthday.map(Birthday::to_text).as_deref())?,
            id_number: row.sealer.cell("id_number", ID_NUMBER, id_number.as_ref().map(IdNumber::as_str))?,
            primary: Set(*primary),
            remark: Set(remark.as_ref().map(|remark| remark.as_str().to_owned())),
            tag_ids: Set(ids_to_bytes(&tags.ids)),
            external_ids: Set(external_ids.to_stored()),
        }))
    }

    fn from_row(row: contact::Model, opener: &Opener<'_>) -> Result<(Stored<Self>, String), Failure> {
        let id = row.id;
        let phones = opener.value(PHONES, id, row.phones.as_deref(), |text| Phones::from_stored(&text))?;
        let emails = opener.value(EMAILS, id, row.emails.as_deref(), |text| Emails::from_stored(&text))?;
        let wechat = opener.text(WECHAT, id, row.wechat.as_deref())?;
        let data = Self {
            customer_id: Ref::new(row.customer_id),
            name: Line::from_stored(row.name),
            initial: Some(Line::from_stored(row.initial)),
            position: row.position.map(Line::from_stored),
            role: row.role.as_deref().and_then(DecisionRole::from_key),
            attitude: row.attitude.as_deref().and_then(Attitude::from_key),
            reports_to_id: row.reports_to_id.map(Ref::new),
            phones: phones.unwrap_or_default(),
            emails: emails.unwrap_or_default(),
            wechat: wechat.map(SealedText::from_stored),
            birthday: opener.value(BIRTHDAY, id, row.birthday.as_deref(), |text| Birthday::parse(&text).ok())?,
            id_number: opener.text(ID_NUMBER, id, row.id_number.as_deref())?.map(IdNumber::from_stored),
            primary: row.primary,
            remark: row.remark.map(Text::from_stored),
            tags: Tags { ids: ids_from_bytes(&row.tag_ids), ..Tags::default() },
            external_ids: ExternalIds::from_stored(row.external_ids.as_deref()),
        };
        let shared = Collaborators::from_stored(row.shared_with.as_deref());
        Ok((Stored { base: Base { shared, ..base!(row, opener, Self::CUSTOM) }, data }, row.touched))
    }

    fn ownership(&self) -> Ownership {
        Ownership::OfCustomer(self.customer_id.id)
    }

    fn name(&self) -> Option<&str> {
        Some(self.name.as_str())
    }

    fn entries(&self) -> Vec<Entry> {
        let mut entries = element_entries(&self.phones, &self.emails, self.wechat.as_ref().map(SealedText::as_str));
        entries.extend(self.id_number.as_ref().map(found::id_number));
        entries.extend(self.birthday.map(found::birthday));
        entries.extend(found::external_ids(Self::KIND, &self.external_ids));
        entries
    }

    fn birthday(&self) -> Option<Birthday> {
        self.birthday
    }

    fn entry_count(&self) -> usize {
        let lists = self.phones.0.len() + self.emails.0.len();
        let single = [self.wechat.is_some(), self.id_number.is_some(), self.birthday.is_some()];
        lists + single.into_iter().filter(|is| *is).count() + self.external_ids.len()
    }

    fn external_ids(&self) -> Option<&ExternalIds> {
        Some(&self.external_ids)
    }

    fn document(&self) -> Document {
        Document::of([
            ("name", self.name.as_str()),
            ("position", self.position.as_ref().map(Line::as_str).unwrap_or_default()),
            ("remark", self.remark.as_ref().map(Text::as_str).unwrap_or_default()),
        ])
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }

    fn tags_mut(&mut self) -> Option<&mut Tags> {
        Some(&mut self.tags)
    }

    async fn left_behind(caller: &Caller, id: Uuid, customer: Uuid) -> Result<Vec<LeftBehind>, Failure> {
        // They stay with the customer, and go on naming the contact.
        let mut left = Vec::new();
        for (table, column, kind, how) in
            [("follow_ups", "contact_id", "follow_up", "naming"), ("contacts", "reports_to_id", "contact", "reporting")]
        {
            let from = format!("{table} WHERE org_id = ? AND customer_id = ? AND {column} = ? AND deleted_at IS NULL");
            let values = [caller.org().id, customer, id].map(sea_orm::Value::from);
            left.push(LeftBehind { kind, how, count: count(caller.db(), &from, values).await? });
        }
        Ok(left)
    }

    async fn prepare(&mut self, tx: &Tx<'_>, before: Option<&Stored<Self>>) -> Result<(), Failure> {
        self.initial = initial_of(self.name.as_str());
        let changed = before.is_none_or(|before| before.data.reports_to_id != self.reports_to_id);
        match (before, self.reports_to_id) {
            (Some(before), Some(above)) if changed => reporting::refuse_circle(tx, before, above.id).await,
            // Nobody reports to a new one yet.
            _ => Ok(()),
        }
    }

    async fn follow(tx: &Tx<'_>, before: Option<&Stored<Self>>, after: Option<&Stored<Self>>) -> Result<(), Failure> {
        if let Some(contact) = after.or(before) {
            let more = i64::from(after.is_some()) - i64::from(before.is_some());
            tx.count(contact.data.customer_id.id, Counted { contacts: more, ..Counted::default() });
        }
        match after {
            Some(after) if after.data.primary && !before.is_some_and(|before| before.data.primary) => {
                primary::only(tx, after).await
            }
            _ => Ok(()),
        }
    }
}
