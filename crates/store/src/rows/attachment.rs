//! Rows of attachments. The key of the file stands in a column that only taking and giving the file touch.

use kehu_domain::fields::{Collaborators, Line, RecordId, Ref};
use kehu_domain::kinds::{Attachment, Noted};
use kehu_domain::media;
use kehu_domain::record::{Base, Stored};
use kehu_domain::text::document::Document;

use crate::crypto::cell::FieldPath;
use crate::entities::attachment;
use crate::failure::Failure;
use crate::ops::places::{Place, settled};
use crate::sealed;
use crate::sealer::Opener;
use crate::tx::Tx;

use super::{Ownership, RowBase, Rows, base, known, name_columns, row};

impl Rows for Attachment {
    type Entity = attachment::Entity;
    const CUSTOM: FieldPath = sealed::attachment::CUSTOM;
    // Each comes with a file.
    const BATCHED: bool = false;
    const UPLOADED: bool = true;

    fn to_row(stored: &Stored<Self>, row: &RowBase<'_>) -> Result<attachment::ActiveModel, Failure> {
        let Self { record_kind, record_id, customer_id, name, media_type, size } = &stored.data;
        let (name_norm, name_sort) = name_columns(row, name.as_str());
        let media_type = media_type.as_ref().map_or(media::UNKNOWN, |line| line.as_str());
        Ok(row!(attachment::ActiveModel, stored, row, {
            // A change of the customer writes it.
            shared_with: Set(stored.base.shared.to_stored()),
            record_kind: Set(record_kind.key().to_owned()),
            record_id: Set(record_id.0),
            customer_id: Set(settled(*customer_id)?),
            name: Set(name.as_str().to_owned()),
            name_norm: Set(name_norm),
            name_sort: Set(name_sort),
            media_type: Set(media_type.to_owned()),
            size: Set(*size),
        }))
    }

    fn from_row(row: attachment::Model, opener: &Opener<'_>) -> Result<(Stored<Self>, String), Failure> {
        let data = Self {
            record_kind: known(Noted::from_key(&row.record_kind), "kind of record", row.id)?,
            record_id: RecordId(row.record_id),
            customer_id: Some(Ref::new(row.customer_id)),
            name: Line::from_stored(row.name),
            media_type: Some(Line::from_stored(row.media_type)),
            size: row.size,
        };
        let shared = Collaborators::from_stored(row.shared_with.as_deref());
        Ok((Stored { base: Base { shared, ..base!(row, opener, Self::CUSTOM) }, data }, row.touched))
    }

    fn name(&self) -> Option<&str> {
        Some(self.name.as_str())
    }

    fn document(&self) -> Document {
        Document::of([("name", self.name.as_str())])
    }

    fn ownership(&self) -> Ownership {
        // Before it is prepared it belongs to nobody, and no customer has that id.
        Ownership::OfCustomer(self.customer_id.map(|customer| customer.id).unwrap_or_default())
    }

    async fn prepare(&mut self, tx: &Tx<'_>, before: Option<&Stored<Self>>) -> Result<(), Failure> {
        let place = Place { kind: self.record_kind, id: self.record_id.0 };
        self.customer_id = place.settle(tx, self.customer_id, before.map(|before| &before.base)).await?;
        Ok(())
    }
}
