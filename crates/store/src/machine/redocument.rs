//! Writing the documents anew by which records are found, after the way they are written changed.

use kehu_domain::record::Stored;
use uuid::Uuid;

use crate::dialect::{statement, unchanging};
use crate::engine::rows::{self, Reads};
use crate::failure::Failure;
use crate::rows::Rows;
use crate::sealer::Opener;
use crate::search;
use crate::tx::Tx;

use super::{document, reindex};

/// Writes the documents of those records anew; the ones that somebody is changing are passed over. Gives how many were
/// done. Nothing of it is a change of a record.
pub(super) async fn redocument<R: Rows>(tx: &Tx<'_>, ids: &[Uuid]) -> Result<usize, Failure> {
    let places = vec!["?"; ids.len()].join(", ");
    let condition = format!("WHERE org_id = ? AND id IN ({places})");
    let values = || std::iter::once(tx.org_id().into()).chain(ids.iter().map(|id| (*id).into()));
    let sql = format!("{} {condition} {}", rows::select::<R::Entity>(), unchanging(tx.db()));
    let opener = Opener(tx.caller().ring());
    let mut done = 0;
    for row in tx.db().rows(statement(tx.db(), &sql, values())).await? {
        match R::from_row(row, &opener) {
            Ok((record, _)) => write(tx, &record),
            Err(failure) => {
                tracing::error!(org = %tx.org_id(), cause = %failure, "the document of a record cannot be written");
                continue;
            }
        }
        done += 1;
    }
    let gone = reindex::gone::<R>(tx, ids, &condition).await?;
    done += gone.len();
    gone.into_iter().for_each(|id| tx.unsearch(id));
    Ok(done)
}

/// Writes the document of a record; one without a text, or deleted from a kind whose texts go then, has none.
pub(super) fn write<R: Rows>(tx: &Tx<'_>, record: &Stored<R>) {
    let text = document(tx.caller().org(), record);
    if !text.is_empty() && (record.base.deleted_at.is_none() || search::stays(R::KIND)) {
        tx.search(R::KIND.name, record.base.id, &text, false);
    } else {
        tx.unsearch(record.base.id);
    }
}
