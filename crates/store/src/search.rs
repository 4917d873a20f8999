//! Text search: the same tokens on both engines, in an FTS5 table or a `tsvector` column.

use kehu_domain::text::tokens;
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};
use uuid::Uuid;

use crate::dialect::{has_fts5, statement};
use crate::engine::rows::{Reads, row};
use crate::engine::{self, Kind as Column};
use crate::failure::Failure;
use crate::inserts::{Insert, PLAIN};

/// One word that stands in every document of an organisation and kind, so that a search walks these only.
fn scope(org: Uuid, kind: &str) -> String {
    format!("z{}{}", org.simple(), kind.replace('_', ""))
}

/// The text that a record is found by.
pub(crate) struct Document {
    pub(crate) kind: &'static str,
    pub(crate) record: Uuid,
    pub(crate) text: String,
    /// Whether the record had none before.
    pub(crate) fresh: bool,
}

/// Writes or replaces documents, one of each record at the most. Gives what is left to insert.
pub(crate) async fn put(db: &engine::Tx, org: Uuid, documents: Vec<Document>) -> Result<Insert, Failure> {
    let mut rows = Vec::new();
    for Document { kind, record, text, fresh } in documents {
        let mut words = tokens::index_tokens(&text);
        words.push(scope(org, kind));
        let words = words.join(" ");
        if has_fts5(db) {
            put_fts5(db, org, (kind, record), words, fresh).await?;
        } else {
            rows.push(vec![org.into(), kind.into(), record.into(), words.into()]);
        }
    }
    let tokens = ("tokens", "array_to_tsvector(string_to_array(?, ' '))");
    let columns = [("org_id", PLAIN), ("kind", PLAIN), ("record_id", PLAIN), tokens];
    let replace = "ON CONFLICT (org_id, record_id) DO UPDATE SET tokens = excluded.tokens";
    Ok(Insert::into("search_text", &columns, rows).on_conflict(replace))
}

async fn put_fts5(
    db: &engine::Tx,
    org: Uuid,
    (kind, record): (&str, Uuid),
    words: String,
    fresh: bool,
) -> Result<(), Failure> {
    if !fresh {
        remove(db, org, record).await?;
    }
    let sql = "INSERT INTO search_text (org_id, kind, record_id) VALUES (?, ?, ?)";
    let done = db.execute_raw(statement(db, sql, [org.into(), kind.into(), record.into()])).await?;
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

/// The condition that a record's document holds the tokens of a text; `None` where the text has no token to ask for.
pub(crate) fn matches(db: &impl ConnectionTrait, org: Uuid, kind: &str, text: &str) -> Option<SimpleExpr> {
    let terms = tokens::query_tokens(text);
    let scope = scope(org, kind);
    if has_fts5(db) {
        let words = format!("{scope} AND {}", tokens::fts5_match(&terms)?);
        Some(Expr::cust_with_values(
            "id IN (SELECT t.record_id FROM search_fts f JOIN search_text t ON t.rid = f.rowid \
             WHERE search_fts MATCH ?)",
            [words],
        ))
    } else {
        let words = format!("{scope} & {}", tokens::tsquery(&terms)?);
        Some(Expr::cust_with_values(
            "id IN (SELECT record_id FROM search_text WHERE org_id = $1 AND tokens @@ $2::tsquery)",
            [Value::from(org), words.into()],
        ))
    }
}

/// How many records make a condition that selects few.
const FEW: usize = 500;

/// Terms that a look-up of few records asks for; what they find is compared with the whole text anyway.
const TERMS: usize = 4;

/// How many documents are walked to find those few; others' count too.
const WALKED: usize = 1000;

/// The record of a document, where it is one of those that are asked for.
#[derive(FromQueryResult)]
struct Record {
    record_id: Option<Uuid>,
}

row!(Record { record_id });

/// Whether [`few`] can tell anything.
pub(crate) fn tells_few(db: &impl ConnectionTrait) -> bool {
    has_fts5(db)
}

/// The records whose documents may hold a text, where they are few. Asked on SQLite alone, whose planner cannot tell,
/// and would walk the index of the order instead.
pub(crate) async fn few(db: &impl Reads, org: Uuid, kind: &str, text: &str) -> Result<Option<Vec<Uuid>>, Failure> {
    let Some(words) = tokens::fts5_match(&tokens::rare_terms(text, TERMS)).filter(|_| has_fts5(db)) else {
        return Ok(None);
    };
    let limit = WALKED + 1;
    // The word that every document of the kind has is not asked for: its list is as long as the table.
    let sql = format!(
        "SELECT t.record_id FROM (SELECT rowid AS rid FROM search_fts WHERE search_fts MATCH ? LIMIT {limit}) f \
         LEFT JOIN search_text t ON t.rid = f.rid AND t.org_id = ? AND t.kind = ?"
    );
    let rows: Vec<Record> = db.rows(statement(db, &sql, [words.into(), org.into(), kind.into()])).await?;
    let walked = rows.len();
    let ids: Vec<Uuid> = rows.into_iter().filter_map(|row| row.record_id).collect();
    Ok(Some(ids).filter(|ids| walked <= WALKED && ids.len() <= FEW))
}

/// Whether a tag marks few records; as [`few`].
pub(crate) async fn marks_few(db: &impl ConnectionTrait, org: Uuid, tags: &[Uuid]) -> Result<bool, Failure> {
    links_few(db, org, tags, ("tag_links", "tag_id")).await
}

/// Whether segments that are lists hold few records; as [`few`].
pub(crate) async fn holds_few(db: &impl ConnectionTrait, org: Uuid, segments: &[Uuid]) -> Result<bool, Failure> {
    links_few(db, org, segments, ("segment_members", "segment_id")).await
}

async fn links_few(
    db: &impl ConnectionTrait,
    org: Uuid,
    tags: &[Uuid],
    (table, column): (&str, &str),
) -> Result<bool, Failure> {
    if !has_fts5(db) || tags.is_empty() {
        return Ok(false);
    }
    let alias = Column::Integer.alias("n");
    let (places, limit) = (vec!["?"; tags.len()].join(", "), FEW + 1);
    let sql = format!(
        "SELECT count(*) AS {alias} FROM \
         (SELECT 1 FROM {table} WHERE org_id = ? AND {column} IN ({places}) LIMIT {limit})"
    );
    let values = std::iter::once(Value::from(org)).chain(tags.iter().map(|tag| Value::from(*tag)));
    let row = db.query_one_raw(statement(db, &sql, values)).await?;
    let n: i64 = row.map(|row| row.try_get("", &alias)).transpose()?.unwrap_or(0);
    Ok(usize::try_from(n).is_ok_and(|n| n <= FEW))
}
