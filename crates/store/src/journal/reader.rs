//! Reading the journal in its order, each entry once: a reader's place is a row that moves in the transaction of what
//! the reader did with the entries. Killed anywhere, it did both or neither; of two that do the same, one does.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::dialect::statement;
use crate::engine::rows::Reads;
use crate::engine::{self, Engine};
use crate::entities::{journal, journal_reader};
use crate::failure::Failure;

use super::header;

/// A reader, by its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader(pub(crate) &'static str);

impl Reader {
    /// The place up to which it has read.
    pub(crate) async fn place(self, db: &impl ConnectionTrait) -> Result<i64, Failure> {
        let row = journal_reader::Entity::find_by_id(self.0.to_owned()).one(db).await?;
        Ok(row.map_or(0, |row| row.seq))
    }

    /// Moves on, in the transaction of what was done with the entries between. Not, if somebody else has done it.
    pub(crate) async fn advance(self, db: &engine::Tx, from: i64, to: i64) -> Result<bool, Failure> {
        if from == 0 {
            let sql = "INSERT INTO journal_readers (name, seq) VALUES (?, 0) ON CONFLICT DO NOTHING";
            db.execute_raw(statement(db, sql, [self.0.into()])).await?;
        }
        let moved = journal_reader::Entity::update_many()
            .col_expr(journal_reader::Column::Seq, to.into())
            .filter(journal_reader::Column::Name.eq(self.0))
            .filter(journal_reader::Column::Seq.eq(from));
        Ok(moved.exec(db).await?.rows_affected == 1)
    }
}

/// Headers of entries of every organisation behind one place and up to another, in order.
pub(crate) async fn headers(db: &Engine, after: i64, to: i64, limit: u16) -> Result<Vec<journal::Model>, Failure> {
    let sql = format!("{} WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?", header::headers());
    let values = [after.into(), to.into(), i64::from(limit).into()];
    Ok(db.rows(statement(db, &sql, values)).await?)
}
