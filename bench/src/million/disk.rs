//! Bytes of each customer on the disk, by table and index, with its contacts, follow-ups, journal and search.

use std::collections::BTreeMap;

use anyhow::Result;
use rusqlite::{Connection, OpenFlags};

use super::kept::Kept;
use super::operations::short;
use super::options::Options;
use super::postgres;
use crate::load::float;
use crate::progress;
use crate::report::{Report, Table, number};
use crate::server::Home;

/// Bytes of each customer from which a table or an index is told by its name.
const WORTH: f64 = 20.0;

/// Bytes of a table or an index.
struct Object {
    name: String,
    table: String,
    bytes: u64,
}

/// Measures the largest size and tells.
///
/// # Errors
/// The database cannot be read.
pub(super) fn run(options: &Options, kept: &[Kept], report: &mut Report) -> Result<()> {
    let Some(kept) = kept.last() else { return Ok(()) };
    progress(&format!("tables and indexes of {} customers", kept.size));
    let home = kept.home()?;
    let objects = match home.url() {
        Some(url) => of_postgres(url)?,
        None => of_sqlite(&home)?,
    };
    tell(options, kept.size, &objects, report);
    Ok(())
}

fn of_sqlite(home: &Home) -> Result<Vec<Object>> {
    let path = home.folder().join("data/kehu.db");
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Of the whole table at once: a row for each page would be millions.
    let sql = "SELECT d.name, coalesce(s.tbl_name, d.name), d.pgsize FROM dbstat d \
               LEFT JOIN sqlite_schema s ON s.name = d.name WHERE d.aggregate = TRUE";
    let mut statement = db.prepare(sql)?;
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?));
    let mut objects = Vec::new();
    for found in statement.query_map([], row)? {
        let (name, table, bytes) = found?;
        objects.push(Object { name, table, bytes: u64::try_from(bytes)? });
    }
    let free: i64 =
        db.query_row("SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size", [], |row| {
            row.get(0)
        })?;
    objects.push(Object {
        name: "(free pages)".to_owned(),
        table: "(free pages)".to_owned(),
        bytes: u64::try_from(free)?,
    });
    Ok(objects)
}

fn of_postgres(url: &str) -> Result<Vec<Object>> {
    let sizes = postgres::sizes(url)?.into_iter();
    sizes.map(|(name, table, bytes)| Ok(Object { name, table, bytes: u64::try_from(bytes)? })).collect()
}

fn tell(options: &Options, customers: usize, objects: &[Object], report: &mut Report) {
    let each = |bytes: u64| float(usize::try_from(bytes / 1000).unwrap_or(usize::MAX)) * 1000.0 / float(customers);
    let all: u64 = objects.iter().map(|object| object.bytes).sum();
    let tables: u64 = objects.iter().filter(|object| object.name == object.table).map(|object| object.bytes).sum();
    report.say(&format!(
        "{}, {} customers with contacts and five follow-ups each: {} bytes of each customer, {} in tables and {} in \
         indexes; {} MiB altogether. Objects of less than {WORTH} bytes of each customer are in the last line.",
        options.engine.name(),
        short(customers),
        number(each(all)),
        number(each(tables)),
        number(each(all - tables)),
        all >> 20
    ));
    let mut by_table: BTreeMap<&str, Vec<&Object>> = BTreeMap::new();
    for object in objects {
        by_table.entry(object.table.as_str()).or_default().push(object);
    }
    let total = |objects: &[&Object]| objects.iter().map(|object| object.bytes).sum::<u64>();
    let mut groups: Vec<Vec<&Object>> = by_table.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(total(group)));
    let mut table = Table::new(["table, index", "MiB", "bytes of each customer", "% of all"]);
    let mut row = |name: String, bytes: u64| {
        let percent = each(bytes) * 100.0 / each(all).max(1.0);
        table.row(vec![name, (bytes >> 20).to_string(), format!("{:.0}", each(bytes)), format!("{percent:.1}")]);
    };
    let mut rest = 0;
    for mut group in groups {
        if each(total(&group)) < WORTH {
            rest += total(&group);
            continue;
        }
        let name = group.first().map(|object| object.table.clone()).unwrap_or_default();
        row(format!("**{name}** with indexes"), total(&group));
        group.sort_by_key(|object| std::cmp::Reverse(object.bytes));
        for object in group.iter().filter(|object| each(object.bytes) >= WORTH) {
            let what = if object.name == object.table { "the table".to_owned() } else { object.name.clone() };
            row(format!("– {what}"), object.bytes);
        }
    }
    row("others".to_owned(), rest);
    report.table(&table);
}
