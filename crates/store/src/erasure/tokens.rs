//! Words of documents that were deleted, in the full-text index of SQLite: a deletion there only marks the document, and
//! its words stay until the segments of the index are merged.

use sea_orm::{ConnectionTrait, EntityTrait, PaginatorTrait};
use std::time::Duration;

use crate::dialect::{has_fts5, statement};
use crate::engine::{self, Kind};
use crate::entities::erasure;
use crate::failure::Failure;
use crate::gate::Gate;
use crate::queue::{Priority, Run, Spec, Work};

/// The job that merges them.
pub static TIDYING: Spec = Spec::new("search.tidy", 1).priority(Priority::Low).within(Duration::from_secs(6 * 3600));

/// Pages of the index that one transaction writes.
const PAGES: i64 = 256;

/// Does it.
///
/// # Errors
/// The job is to end before, or the database is away.
pub async fn tidy(work: Work) -> Run {
    let gate = work.caller().gate();
    // What is erased while it runs asks for no job of its own.
    let mut known = None;
    loop {
        let now = erased(gate).await?;
        if known.replace(now) == Some(now) {
            break;
        }
        let mut begins = true;
        while merge(gate, begins).await? {
            begins = false;
            work.go_on()?;
        }
    }
    gate.engine().forget();
    Ok(None)
}

impl Gate {
    /// Takes words of deleted documents out of the full-text index, and what was written over out of the log of the
    /// database, where it has them.
    pub(super) async fn tidy_search(&self) -> Result<(), Failure> {
        let mut begins = true;
        while merge(self, begins).await? {
            begins = false;
        }
        self.engine().forget();
        Ok(())
    }
}

/// How many records were erased so far.
async fn erased(gate: &Gate) -> Result<u64, Failure> {
    Ok(erasure::Entity::find().count(gate.engine()).await?)
}

/// Merges a part of the segments into one; whether something is left to merge.
async fn merge(gate: &Gate, begins: bool) -> Result<bool, Failure> {
    gate.write_raw(async move |db: &engine::Tx| {
        if !has_fts5(db) {
            return Ok(false);
        }
        let before = changes(db).await?;
        // A negative number begins: it makes all segments parts of one merge.
        let pages = if begins { -PAGES } else { PAGES };
        let sql = "INSERT INTO search_fts (search_fts, rank) VALUES ('merge', ?)";
        db.execute_raw(statement(db, sql, [pages.into()])).await?;
        // The command itself counts as one.
        Ok(changes(db).await? - before >= 2)
    })
    .await
}

async fn changes(db: &engine::Tx) -> Result<i64, Failure> {
    let alias = Kind::Integer.alias("n");
    let sql = format!("SELECT total_changes() AS {alias}");
    let row = db.query_one_raw(statement(db, &sql, [])).await?;
    Ok(row.map(|row| row.try_get("", &alias)).transpose()?.unwrap_or_default())
}
