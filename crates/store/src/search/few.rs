//! Looking beforehand how many records a text selects: SQLite's planner cannot tell, and would walk the index of the
//! order, or list what is found, whichever is longer.

use std::collections::HashSet;

use kehu_domain::record::Kind;
use kehu_domain::text::tokens;
use kehu_domain::text::words::Word;
use sea_orm::sea_query::{Alias, Asterisk, Cond, Expr, ExprTrait, Func, JoinType, Query};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};
use uuid::Uuid;

use crate::dialect::{has_fts5, statement};
use crate::engine::Kind as Column;
use crate::engine::rows::{Reads, row};
use crate::failure::Failure;
use crate::machine::read::col;
use crate::pii::padded;

use super::found::{Searcher, Terms, document_column};
use super::is_found_by_document;

/// How many records make a condition that selects few.
const FEW: usize = 500;

/// Links that are counted.
const MOST_LINKS: usize = 4000;

/// A page of 50, and that a record is passed over in a third of the time in which it is read.
const PASSED_OVER: usize = 16;

/// Terms that a look-up of few records asks for; what they find is compared with the whole text anyway.
const TERMS: usize = 4;

/// How many documents are walked to find those few; others' count too.
const WALKED: usize = 1000;

/// More records than that are not listed: looking at one after the other, in the order that is asked for, meets enough
/// of them sooner.
const LISTED: usize = 10_000;

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

/// The records that a word finds, where they are few.
pub(crate) async fn few<C: ConnectionTrait + Reads>(
    searcher: &Searcher<'_, C>,
    word: &Word,
) -> Result<Option<Vec<Uuid>>, Failure> {
    if !has_fts5(searcher.db) || !is_found_by_document(searcher.kind) || word.terms.is_empty() {
        return Ok(None);
    }
    let Some(own) = found(searcher, word).await? else { return Ok(None) };
    let mut ids: HashSet<Uuid> = own.into_iter().collect();
    if let Some(contacts) = searcher.contacts() {
        let Some(named) = found(&contacts, word).await? else { return Ok(None) };
        if !named.is_empty() {
            let mut select = contacts.customers_of(col("id").is_in(padded(named)));
            select.clear_selects().expr_as(Expr::cust("contacts.customer_id"), Alias::new(Column::Uuid.alias("id")));
            for row in searcher.db.query_all(&select).await? {
                ids.insert(row.try_get("", &Column::Uuid.alias("id"))?);
            }
        }
    }
    Ok(Some(ids.into_iter().collect::<Vec<Uuid>>()).filter(|ids| ids.len() <= FEW))
}

/// The records of the searcher's kind that a word finds, where few documents have to be looked at.
async fn found<C: ConnectionTrait + Reads>(
    searcher: &Searcher<'_, C>,
    word: &Word,
) -> Result<Option<Vec<Uuid>>, Failure> {
    let mut ids = Vec::new();
    let rare = tokens::rare_terms(&word.text, TERMS);
    let held = (Terms::All(&rare), Some(searcher.holds(&word.text)));
    for (terms, holds) in [held, (Terms::Any(&word.sounds), None)] {
        let Some(matching) = terms.fts5() else { continue };
        match walk(searcher, matching, holds).await? {
            Some(some) => ids.extend(some),
            None => return Ok(None),
        }
    }
    Ok(Some(ids))
}

/// The word that every document of the kind has is not asked for: its list is as long as the table.
async fn walk<C: ConnectionTrait + Reads>(
    searcher: &Searcher<'_, C>,
    matching: String,
    holds: Option<Expr>,
) -> Result<Option<Vec<Uuid>>, Failure> {
    let limit = u64::try_from(WALKED).unwrap_or(u64::MAX).saturating_add(1);
    let documents = Query::select()
        .expr_as(Expr::cust("rowid"), Alias::new("rid"))
        .from(Alias::new("search_fts"))
        .and_where(Expr::cust_with_values("search_fts MATCH ?", [matching]))
        .limit(limit)
        .to_owned();
    let mut those = Cond::all()
        .add(Expr::cust("search_text.rid = found.rid"))
        .add(document_column("org_id").eq(searcher.caller.org().id))
        .add(document_column("kind").eq(searcher.kind.name));
    if let Some(holds) = holds {
        those = those.add(holds);
    }
    let select = Query::select()
        .expr_as(document_column("record_id"), Alias::new("record_id"))
        .from_subquery(documents, Alias::new("found"))
        .join(JoinType::LeftJoin, Alias::new("search_text"), those)
        .to_owned();
    let rows: Vec<Record> = searcher.db.rows(searcher.db.get_database_backend().build(&select)).await?;
    let walked = rows.len();
    let ids = rows.into_iter().filter_map(|row| row.record_id).collect();
    Ok(Some(ids).filter(|_| walked <= WALKED))
}

/// The records whose documents may hold a text, where they are few.
pub(crate) async fn may_hold(
    db: &impl Reads,
    org: Uuid,
    kind: &Kind,
    text: &str,
) -> Result<Option<Vec<Uuid>>, Failure> {
    let Some(words) = tokens::fts5_match(&tokens::rare_terms(text, TERMS)).filter(|_| has_fts5(db)) else {
        return Ok(None);
    };
    let limit = WALKED + 1;
    let sql = format!(
        "SELECT t.record_id FROM (SELECT rowid AS rid FROM search_fts WHERE search_fts MATCH ? LIMIT {limit}) f \
         LEFT JOIN search_text t ON t.rid = f.rid AND t.org_id = ? AND t.kind = ?"
    );
    let rows: Vec<Record> = db.rows(statement(db, &sql, [words.into(), org.into(), kind.name.into()])).await?;
    let walked = rows.len();
    let ids: Vec<Uuid> = rows.into_iter().filter_map(|row| row.record_id).collect();
    Ok(Some(ids).filter(|ids| walked <= WALKED && ids.len() <= FEW))
}

/// Whether so many documents have the terms that none of them is to be listed.
pub(crate) async fn are_many<C: ConnectionTrait>(
    searcher: &Searcher<'_, C>,
    terms: &Terms<'_>,
) -> Result<bool, Failure> {
    let db = searcher.db;
    // On SQLite others' count too: the word that every document of the kind has is not asked for.
    let matching = match has_fts5(db) {
        true => terms.fts5().map(|words| Expr::cust_with_values("search_fts MATCH ?", [words])),
        false => searcher.matching(terms),
    };
    let Some(matching) = matching else { return Ok(false) };
    let table = if has_fts5(db) { "search_fts" } else { "search_text" };
    let limit = u64::try_from(LISTED).unwrap_or(u64::MAX).saturating_add(1);
    let found = Query::select().expr(Expr::val(1)).from(Alias::new(table)).and_where(matching).limit(limit).to_owned();
    let alias = Column::Integer.alias("n");
    let count = Query::select()
        .expr_as(Func::count(Expr::col(Asterisk)), Alias::new(alias.as_str()))
        .from_subquery(found, Alias::new("found"))
        .to_owned();
    let row = db.query_one(&count).await?;
    let n: i64 = row.map(|row| row.try_get("", &alias)).transpose()?.unwrap_or(0);
    Ok(usize::try_from(n).is_ok_and(|n| n > LISTED))
}

/// Whether tags mark few records of a kind; as [`few`].
pub(crate) async fn marks_few(
    db: &impl ConnectionTrait,
    org: Uuid,
    kind: &Kind,
    tags: &[Uuid],
) -> Result<bool, Failure> {
    links_few(db, org, tags, ("tag_links", "tag_id"), kind).await
}

/// Whether segments that are lists hold few records of a kind; as [`may_hold`].
pub(crate) async fn holds_few(
    db: &impl ConnectionTrait,
    org: Uuid,
    kind: &Kind,
    segments: &[Uuid],
) -> Result<bool, Failure> {
    links_few(db, org, segments, ("segment_members", "segment_id"), kind).await
}

/// More than [`FEW`] are few as well where so many records would have to be passed over to find a page of them that
/// bringing all of them into order costs less: that is where their square is below [`PASSED_OVER`] times all records.
async fn links_few(
    db: &impl ConnectionTrait,
    org: Uuid,
    ids: &[Uuid],
    (table, column): (&str, &str),
    kind: &Kind,
) -> Result<bool, Failure> {
    if !has_fts5(db) || ids.is_empty() {
        return Ok(false);
    }
    let (places, limit) = (vec!["?"; ids.len()].join(", "), MOST_LINKS + 1);
    let sql = format!(
        "count(*) FROM (SELECT 1 FROM {table} WHERE org_id = ? AND {column} IN ({places}) LIMIT {limit}) AS some"
    );
    let values = std::iter::once(Value::from(org)).chain(ids.iter().map(|id| Value::from(*id)));
    let n = number(db, &sql, values.collect()).await?;
    if n <= FEW {
        return Ok(true);
    }
    // Rows are numbered: the last number is how many there are, at the most.
    let all = number(db, &format!("max(rowid) FROM {}", kind.path), Vec::new()).await?;
    Ok(n <= MOST_LINKS && n.saturating_mul(n) <= all.saturating_mul(PASSED_OVER))
}

async fn number(db: &impl ConnectionTrait, sql: &str, values: Vec<Value>) -> Result<usize, Failure> {
    let alias = Column::Integer.alias("n");
    let sql = sql.replacen(" FROM", &format!(" AS {alias} FROM"), 1);
    let row = db.query_one_raw(statement(db, &format!("SELECT {sql}"), values)).await?;
    let n = row.map(|row| row.try_get::<Option<i64>>("", &alias)).transpose()?.flatten();
    Ok(n.and_then(|n| usize::try_from(n).ok()).unwrap_or(0))
}
