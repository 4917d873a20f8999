//! Text search: the same tokens on both engines, in an FTS5 table or a `tsvector` column, and the text that they are
//! of, which is compared again.

mod few;
mod fill;
mod found;
mod words;

use kehu_domain::record::Kind;
use kehu_domain::text::document;
use sea_orm::{ConnectionTrait, Value};
use uuid::Uuid;

use crate::dialect::{has_fts5, statement};
use crate::engine;
use crate::failure::Failure;
use crate::inserts::{Insert, PLAIN};

pub(crate) use few::{holds_few, marks_few, may_hold, tells_few};
pub use fill::{FILLING, LOOK, fill, look};
pub(crate) use found::Searcher;
pub(crate) use words::{Ranks, Words};

/// One word that stands in every document of an organisation and kind, so that a search walks these only.
fn scope(org: Uuid, kind: &str) -> String {
    format!("z{}{}", org.simple(), kind.replace('_', ""))
}

/// Whether records of the kind have documents.
pub(crate) fn is_documented(kind: &Kind) -> bool {
    kind.fields.iter().any(|field| field.searched)
}

/// Whether a record of the kind without its document is found by no text: the others are few and are walked, too.
pub(crate) fn is_found_by_document(kind: &Kind) -> bool {
    matches!(kind.name, "customer" | "contact" | "follow_up" | "note")
}

/// Whether documents of the kind stay while a record is deleted with what it hangs on: there may be many of them.
pub(crate) fn stays(kind: &Kind) -> bool {
    matches!(kind.name, "follow_up" | "note" | "attachment")
}

/// The document of a record, to be written.
pub(crate) struct Document {
    pub(crate) kind: &'static str,
    pub(crate) record: Uuid,
    pub(crate) text: String,
    pub(crate) tokens: Vec<String>,
    /// Whether the record had none before.
    pub(crate) fresh: bool,
}

impl Document {
    pub(crate) fn new(kind: &'static str, record: Uuid, document: &document::Document, fresh: bool) -> Self {
        Self { kind, record, text: document.text(), tokens: document.tokens(), fresh }
    }
}

/// Writes or replaces documents, one of each record at the most. Gives what is left to insert.
pub(crate) async fn put(db: &engine::Tx, org: Uuid, documents: Vec<Document>) -> Result<Insert, Failure> {
    let mut rows = Vec::new();
    for Document { kind, record, text, mut tokens, fresh } in documents {
        tokens.push(scope(org, kind));
        let words = tokens.join(" ");
        if has_fts5(db) {
            put_fts5(db, org, (kind, record), (text, words), fresh).await?;
        } else {
            rows.push(vec![org.into(), kind.into(), record.into(), text.into(), words.into()]);
        }
    }
    let tokens = ("tokens", "array_to_tsvector(string_to_array(?, ' '))");
    let columns = [("org_id", PLAIN), ("kind", PLAIN), ("record_id", PLAIN), ("text", PLAIN), tokens];
    let replace = "ON CONFLICT (org_id, record_id) DO UPDATE SET text = excluded.text, tokens = excluded.tokens";
    Ok(Insert::into("search_text", &columns, rows).on_conflict(replace))
}

async fn put_fts5(
    db: &engine::Tx,
    org: Uuid,
    (kind, record): (&str, Uuid),
    (text, words): (String, String),
    fresh: bool,
) -> Result<(), Failure> {
    if !fresh {
        remove(db, org, record).await?;
    }
    let sql = "INSERT INTO search_text (org_id, kind, record_id, text) VALUES (?, ?, ?, ?)";
    let done = db.execute_raw(statement(db, sql, [org.into(), kind.into(), record.into(), text.into()])).await?;
    let sql = "INSERT INTO search_fts (rowid, tokens) VALUES (?, ?)";
    db.execute_raw(statement(db, sql, [done.last_insert_id().into(), words.into()])).await?;
    Ok(())
}

/// Takes the document of a record away.
pub(crate) async fn remove(db: &impl ConnectionTrait, org: Uuid, record: Uuid) -> Result<(), Failure> {
    let key = || -> [Value; 2] { [org.into(), record.into()] };
    if has_fts5(db) {
        let sql = "DELETE FROM search_fts WHERE rowid = \
                   (SELECT rid FROM search_text WHERE org_id = ? AND record_id = ?)";
        db.execute_raw(statement(db, sql, key())).await?;
    }
    db.execute_raw(statement(db, "DELETE FROM search_text WHERE org_id = ? AND record_id = ?", key())).await?;
    Ok(())
}
