//! Rows of notes.

use kehu_domain::fields::{Collaborators, ExternalIds, RecordId, Ref, Text};
use kehu_domain::kinds::{Note, Noted};
use kehu_domain::record::{Base, Record as _, Stored};
use kehu_domain::text::document::Document;

use crate::crypto::cell::FieldPath;
use crate::entities::note;
use crate::failure::Failure;
use crate::ops::places::{Place, settled};
use crate::pii::Entry;
use crate::sealed;
use crate::sealer::Opener;
use crate::tx::Tx;

use super::found;
use super::{Ownership, RowBase, Rows, base, known, row};

impl Rows for Note {
    type Entity = note::Entity;
    const CUSTOM: FieldPath = sealed::note::CUSTOM;
    const SAID: Option<FieldPath> = Some(sealed::note::SAID);
    const TOGETHER: bool = true;

    fn to_row(stored: &Stored<Self>, row: &RowBase<'_>) -> Result<note::ActiveModel, Failure> {
        let Self { record_kind, record_id, customer_id, body, pinned, external_ids } = &stored.data;
        Ok(row!(note::ActiveModel, stored, row, {
            // A change of the customer writes it.
            shared_with: Set(stored.base.shared.to_stored()),
            record_kind: Set(record_kind.key().to_owned()),
            record_id: Set(record_id.0),
            customer_id: Set(settled(*customer_id)?),
            body: Set(body.as_str().to_owned()),
            pinned: Set(*pinned),
            external_ids: Set(external_ids.to_stored()),
        }))
    }

    fn from_row(row: note::Model, opener: &Opener<'_>) -> Result<(Stored<Self>, String), Failure> {
        let data = Self {
            record_kind: known(Noted::from_key(&row.record_kind), "kind of record", row.id)?,
            record_id: RecordId(row.record_id),
            customer_id: Some(Ref::new(row.customer_id)),
            body: Text::from_stored(row.body),
            pinned: row.pinned,
            external_ids: ExternalIds::from_stored(row.external_ids.as_deref()),
        };
        let shared = Collaborators::from_stored(row.shared_with.as_deref());
        Ok((Stored { base: Base { shared, ..base!(row, opener, Self::CUSTOM) }, data }, row.touched))
    }

    fn ownership(&self) -> Ownership {
        // Before it is prepared it belongs to nobody, and no customer has that id.
        Ownership::OfCustomer(self.customer_id.map(|customer| customer.id).unwrap_or_default())
    }

    fn entries(&self) -> Vec<Entry> {
        found::external_ids(Self::KIND, &self.external_ids).collect()
    }

    fn entry_count(&self) -> usize {
        self.external_ids.len()
    }

    fn external_ids(&self) -> Option<&ExternalIds> {
        Some(&self.external_ids)
    }

    fn document(&self) -> Document {
        Document::of([("body", self.body.as_str())])
    }

    async fn prepare(&mut self, tx: &Tx<'_>, before: Option<&Stored<Self>>) -> Result<(), Failure> {
        let place = Place { kind: self.record_kind, id: self.record_id.0 };
        self.customer_id = place.settle(tx, self.customer_id, before.map(|before| &before.base)).await?;
        Ok(())
    }
}
