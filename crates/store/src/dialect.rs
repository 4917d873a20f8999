//! The only place that asks which engine it is.

use sea_orm::sea_query::{Alias, Expr};
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Builds a raw statement whose placeholders are written `?`.
pub(crate) fn statement(db: &impl ConnectionTrait, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    let backend = db.get_database_backend();
    Statement::from_sql_and_values(backend, placeholders(backend, sql), values)
}

fn placeholders(backend: DbBackend, sql: &str) -> String {
    if backend != DbBackend::Postgres {
        return sql.to_owned();
    }
    let mut count = 0;
    let mut out = String::with_capacity(sql.len() + 16);
    for c in sql.chars() {
        if c == '?' {
            count += 1;
            out.push('$');
            out.push_str(&count.to_string());
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether there are servers beside this one, so that what a transaction read may be changed before it commits.
pub(crate) fn has_concurrent_writers(db: &impl ConnectionTrait) -> bool {
    db.get_database_backend() == DbBackend::Postgres
}

/// The end of a query whose rows nobody else may change until the transaction ends.
pub(crate) fn locked(db: &impl ConnectionTrait) -> &'static str {
    if has_concurrent_writers(db) { "FOR UPDATE" } else { "" }
}

/// The number of an advisory lock on PostgreSQL: one for each purpose and organisation.
pub(crate) fn lane(purpose: &str, org: Uuid) -> i64 {
    let digest = Sha256::digest([purpose.as_bytes(), org.as_bytes()].concat());
    digest.first_chunk().copied().map(i64::from_be_bytes).unwrap_or_default()
}

/// Whether every statement is a round trip to a server.
pub(crate) fn has_round_trips(db: &impl ConnectionTrait) -> bool {
    db.get_database_backend() == DbBackend::Postgres
}

/// Whether full text is kept in an FTS5 table (SQLite) instead of a `tsvector` column (PostgreSQL).
pub(crate) fn has_fts5(db: &impl ConnectionTrait) -> bool {
    db.get_database_backend() == DbBackend::Sqlite
}

/// A sort column. Where few rows are selected by other means, SQLite is kept from walking the whole sort index to find
/// them: it has no statistics to know better.
pub(crate) fn sort_column(db: &impl ConnectionTrait, column: &str, few: bool) -> Expr {
    if few { unindexed(db, column) } else { Expr::col(Alias::new(column)) }
}

/// A column that SQLite is not to walk an index by; PostgreSQL has statistics to know better.
pub(crate) fn unindexed(db: &impl ConnectionTrait, column: &str) -> Expr {
    if has_fts5(db) { Expr::cust(format!("+\"{column}\"")) } else { Expr::col(Alias::new(column)) }
}

/// A time column in whole milliseconds since 1970.
pub(crate) fn millis(db: &impl ConnectionTrait, column: &str) -> String {
    match db.get_database_backend() {
        DbBackend::Postgres => format!("CAST(extract(epoch from \"{column}\") * 1000 AS bigint)"),
        _ => format!("\"{column}\""),
    }
}

/// A condition that one record in 64 keeps: by the last byte of its id, which is random (RFC 9562). The same text
/// stands in the partial indexes that hold these records.
pub(crate) fn sampled(db: &impl ConnectionTrait) -> Expr {
    match db.get_database_backend() {
        DbBackend::Postgres => Expr::cust(r#"get_byte(uuid_send("id"), 15) < 4"#),
        _ => Expr::cust(r#"substr("id", 16, 1) < x'04'"#),
    }
}

/// A condition that a text column contains a text, byte by byte.
pub(crate) fn position_function(db: &impl ConnectionTrait) -> &'static str {
    if has_fts5(db) { "instr" } else { "strpos" }
}

/// Whether the journal is a table for each month (PostgreSQL).
pub(crate) fn is_divided_by_months(db: &impl ConnectionTrait) -> bool {
    db.get_database_backend() == DbBackend::Postgres
}

/// The database's own time, in whole milliseconds, the same all through a statement: what servers whose clocks differ
/// have in common.
pub(crate) fn now(db: &impl ConnectionTrait) -> &'static str {
    match db.get_database_backend() {
        DbBackend::Postgres => "date_trunc('milliseconds', statement_timestamp())",
        // The sum has no affinity: a cast alone keeps an index over an expression from being used.
        _ => "(CAST(round(unixepoch('now', 'subsec') * 1000) AS integer) + 0)",
    }
}

/// A time so many milliseconds (the one value it takes) after the database's now.
pub(crate) fn after(db: &impl ConnectionTrait) -> &'static str {
    match db.get_database_backend() {
        DbBackend::Postgres => "(date_trunc('milliseconds', statement_timestamp()) + ? * interval '1 millisecond')",
        _ => "(CAST(round(unixepoch('now', 'subsec') * 1000) AS integer) + ?)",
    }
}

/// The end of a query for rows whose cells are rewritten: those that somebody is changing are passed over. Rows that
/// others only point to are taken: under load somebody always points to a user.
pub(crate) fn unchanging(db: &impl ConnectionTrait) -> &'static str {
    if has_concurrent_writers(db) { "FOR NO KEY UPDATE SKIP LOCKED" } else { "" }
}

/// The end of a query for rows that nobody else is changing: others are passed over, not waited for.
pub(crate) fn unlocked(db: &impl ConnectionTrait) -> &'static str {
    if has_concurrent_writers(db) { "FOR UPDATE SKIP LOCKED" } else { "" }
}
