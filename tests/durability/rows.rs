//! The database itself, beside the server: what stands in its tables must fit together at any moment.

use std::path::Path;

use kehu_tests::cluster::Session;
use kehu_tests::server::Home;
use rusqlite::{Connection, OpenFlags};

/// One number out of the database.
pub(crate) fn number(home: &Home, sql: &str) -> i64 {
    match home.database_url() {
        Some(url) => Session::open(url).number(sql),
        None => number_of(&home.data().join("kehu.db"), sql),
    }
}

fn number_of(file: &Path, sql: &str) -> i64 {
    let row = open(file).query_row(sql, [], |row| row.get(0));
    row.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

fn open(file: &Path) -> Connection {
    let file = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    file.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    file
}

/// Rows of a table.
pub(crate) fn count(home: &Home, table: &str) -> i64 {
    number(home, &format!("SELECT count(*) FROM {table}"))
}

/// What SQLite itself says about its file.
pub(crate) fn intact(file: &Path) {
    let db = open(file);
    let found: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(found, "ok");
    let astray: i64 = db.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0)).unwrap();
    assert_eq!(astray, 0, "rows that point nowhere");
}

/// Nothing is half there, and what is kept twice is the same in both places. `customers` begin with one contact each.
pub(crate) fn sound(home: &Home) {
    sound_but_for(home, "");
}

/// What [`sound`] says of numbers that are counted: where the rules for numbers change, taken ones are passed over.
pub(crate) const COUNTED: &str = "numbers that are counted and not given";

/// The same without one of its findings.
pub(crate) fn sound_but_for(home: &Home, left_out: &str) {
    if home.database_url().is_none() {
        intact(&home.data().join("kehu.db"));
    }
    for (what, sql) in findings().into_iter().filter(|(what, _)| what != left_out) {
        assert_eq!(number(home, &sql), 0, "{what}: {sql}");
    }
}

/// Queries that count what must not be.
fn findings() -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut none = |what: &str, sql: String| all.push((what.to_owned(), sql));
    for (child, parent) in
        [("contacts", "customers"), ("follow_ups", "customers"), ("notes", "customers"), ("attachments", "customers")]
    {
        none(
            &format!("{child} without {parent}"),
            format!(
                "SELECT count(*) FROM {child} c WHERE NOT EXISTS (SELECT 1 FROM {parent} p WHERE p.org_id = c.org_id \
                 AND p.id = c.customer_id)"
            ),
        );
    }
    none(
        "customers without a contact",
        "SELECT count(*) FROM customers k WHERE NOT EXISTS (SELECT 1 FROM contacts c WHERE c.org_id = k.org_id AND \
         c.customer_id = k.id)"
            .to_owned(),
    );
    for (table, kind) in [
        ("customers", "customer"),
        ("contacts", "contact"),
        ("follow_ups", "follow_up"),
        ("notes", "note"),
        ("attachments", "attachment"),
    ] {
        let entries = "FROM journal j WHERE j.org_id = r.org_id AND j.record_id = r.id AND j.class = 'change'";
        none(
            &format!("{table} whose versions are not each in the journal once"),
            format!(
                "SELECT count(*) FROM {table} r WHERE r.version <> (SELECT count(*) {entries}) OR r.version <> (SELECT \
                 count(DISTINCT j.version) {entries}) OR r.version <> (SELECT max(j.version) {entries})"
            ),
        );
        none(
            &format!("journal entries of {table} that are not there"),
            format!(
                "SELECT count(*) FROM journal j WHERE j.kind = '{kind}' AND NOT EXISTS (SELECT 1 FROM {table} r WHERE \
                 r.org_id = j.org_id AND r.id = j.record_id)"
            ),
        );
    }
    for (table, kind) in [("customers", "customer"), ("contacts", "contact")] {
        for (index, what) in [("pii_index", "AND r.phones IS NOT NULL"), ("search_text", "")] {
            none(
                &format!("{table} that {index} does not have"),
                format!(
                    "SELECT count(*) FROM {table} r WHERE NOT EXISTS (SELECT 1 FROM {index} i WHERE i.org_id = \
                     r.org_id AND i.record_id = r.id) {what}"
                ),
            );
            none(
                &format!("entries of {index} whose {kind} is not there"),
                format!(
                    "SELECT count(*) FROM {index} i WHERE i.kind = '{kind}' AND NOT EXISTS (SELECT 1 FROM {table} r \
                     WHERE r.org_id = i.org_id AND r.id = i.record_id)"
                ),
            );
        }
    }
    for (table, kind) in [("follow_ups", "follow_up"), ("notes", "note"), ("attachments", "attachment")] {
        none(
            &format!("{table} without a document"),
            format!(
                "SELECT count(*) FROM {table} r WHERE r.deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM search_text i \
                 WHERE i.org_id = r.org_id AND i.record_id = r.id)"
            ),
        );
        none(
            &format!("documents whose {kind} is not there"),
            format!(
                "SELECT count(*) FROM search_text i WHERE i.kind = '{kind}' AND NOT EXISTS (SELECT 1 FROM {table} r \
                 WHERE r.org_id = i.org_id AND r.id = i.record_id)"
            ),
        );
    }
    none(
        "links of tags to customers that are not there",
        "SELECT count(*) FROM tag_links l WHERE l.kind = 'customer' AND NOT EXISTS (SELECT 1 FROM customers r WHERE \
         r.org_id = l.org_id AND r.id = l.record_id)"
            .to_owned(),
    );
    none("a number given twice", "SELECT count(*) - count(DISTINCT number) FROM customers".to_owned());
    none(
        COUNTED,
        "SELECT CAST(coalesce(sum(last), 0) AS bigint) - (SELECT count(*) FROM customers) FROM counters".to_owned(),
    );
    none(
        "submissions without what was sent",
        "SELECT count(*) FROM submissions s WHERE NOT EXISTS (SELECT 1 FROM submission_bodies b WHERE b.org_id = \
         s.org_id AND b.submission_id = s.id)"
            .to_owned(),
    );
    all
}
