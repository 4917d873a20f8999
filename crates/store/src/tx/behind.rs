//! What stands behind records (index, search, links, summaries): written at the end of a transaction, or before, where
//! something else is to be done to the same records.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::engine;
use crate::entities::{custom_link, pii_index, tag_link};
use crate::failure::Failure;
use crate::inserts::{self, Insert};
use crate::pii::padded;
use crate::{ops, search};

use super::{Gathered, Tx, rows_of};

impl Tx<'_> {
    /// Writes what stands behind the records that were written until now. Whatever comes later in the transaction finds
    /// it as if it had been committed: of several things that are done to one record each is done as if by itself.
    pub(crate) async fn settle(&self) -> Result<(), Failure> {
        let summaries = std::mem::take(&mut self.gathered.borrow_mut().summaries);
        ops::summaries::refresh(self, summaries).await?;
        let behind = self.gathered.borrow_mut().behind();
        let inserts = self.clear_behind(behind).await?;
        inserts::write(self.db, inserts.into()).await?;
        // Who owns a customer may have changed, and what hangs on it.
        self.customers.borrow_mut().clear();
        Ok(())
    }

    /// Takes away what is out of date; what takes its place: index, search, links of tags and of choices.
    pub(super) async fn clear_behind(&self, behind: Gathered) -> Result<[Insert; 4], Failure> {
        let org = self.org_id();
        remove_index(self.db, org, behind.index_gone).await?;
        for record in behind.search_gone {
            search::remove(self.db, org, record).await?;
        }
        remove_links(self.db, behind.links_gone).await?;
        for pick in behind.picks_gone {
            let key = (pick.org_id, pick.field_id, pick.value, pick.record_id);
            custom_link::Entity::delete_by_id(key).exec(self.db).await?;
        }
        let documents = search::put(self.db, org, behind.search).await?;
        // One record may say the same number twice, in a field of its own and in a list.
        let index = rows_of(behind.index).on_conflict("ON CONFLICT DO NOTHING");
        let picks = rows_of(behind.picks).on_conflict("ON CONFLICT DO NOTHING");
        Ok([index, documents, rows_of(behind.links), picks])
    }
}

impl Gathered {
    /// Takes out what stands behind records.
    pub(super) fn behind(&mut self) -> Self {
        // Once it is written, the index itself tells who holds what.
        self.held.clear();
        Self {
            index: std::mem::take(&mut self.index),
            index_gone: std::mem::take(&mut self.index_gone),
            search: std::mem::take(&mut self.search),
            search_gone: std::mem::take(&mut self.search_gone),
            links: std::mem::take(&mut self.links),
            links_gone: std::mem::take(&mut self.links_gone),
            picks: std::mem::take(&mut self.picks),
            picks_gone: std::mem::take(&mut self.picks_gone),
            ..Self::default()
        }
    }
}

async fn remove_index(db: &engine::Tx, org: Uuid, gone: Vec<Uuid>) -> Result<(), Failure> {
    if gone.is_empty() {
        return Ok(());
    }
    let rows = pii_index::Entity::delete_many().filter(pii_index::Column::OrgId.eq(org));
    rows.filter(pii_index::Column::RecordId.is_in(padded(gone))).exec(db).await?;
    Ok(())
}

async fn remove_links(db: &engine::Tx, gone: Vec<tag_link::Model>) -> Result<(), Failure> {
    for link in gone {
        tag_link::Entity::delete_by_id((link.org_id, link.tag_id, link.kind, link.record_id)).exec(db).await?;
    }
    Ok(())
}
