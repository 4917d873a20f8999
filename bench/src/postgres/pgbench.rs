//! pgbench, which comes with the server: what the database itself needs for a statement.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::core::Row;
use crate::floors::table::{TABLE, Table};
use crate::load::{CONNECTIONS, float};
use crate::server::folder;
use crate::usage::{Processes, postmaster};

/// CPU milliseconds of all of PostgreSQL's processes for one transaction.
pub(super) struct Beside {
    pub(super) select: f64,
    pub(super) insert: f64,
}

/// Measures both on a table of those rows.
///
/// # Errors
/// There is no pgbench, or it fails.
pub(super) fn measure(url: &str, rows: &[Row], time: Duration) -> Result<Beside> {
    let table = Table::make(url, rows)?;
    let select = transactions(
        url,
        &format!("\\set id random(1, {})\nSELECT * FROM {TABLE} WHERE id = :id;\n", rows.len()),
        time,
    )?;
    let insert = transactions(url, &insert(rows.first().context("no rows")?), time)?;
    table.drop()?;
    Ok(Beside { select, insert })
}

/// The row with another number every time.
fn insert(row: &Row) -> String {
    let values = crate::floors::table::values(row, 0).map(|value| format!("'{}'", value.replace('\'', "''")));
    let columns = crate::floors::table::COLUMNS;
    let values = columns.iter().zip(values).map(|(column, value)| match *column {
        "no" | "phone" => format!("{value} || nextval('{TABLE}_id_seq')"),
        _ => value,
    });
    let values: Vec<String> = values.collect();
    format!("BEGIN;\nINSERT INTO {TABLE} ({}) VALUES ({});\nCOMMIT;\n", columns.join(", "), values.join(", "))
}

fn transactions(url: &str, script: &str, time: Duration) -> Result<f64> {
    let folder = folder()?;
    let file = folder.path().join("script");
    std::fs::write(&file, script)?;
    let processes = Processes { server: 0, database: postmaster(url) };
    let before = processes.cpu();
    let done = pgbench(url, &file, time)?;
    let cpu = processes.cpu() - before;
    Ok(cpu.database.as_secs_f64() * 1000.0 / float(done.max(1)))
}

/// Runs a script; gives how many transactions there were.
fn pgbench(url: &str, script: &Path, time: Duration) -> Result<usize> {
    let mut command = Command::new("pgbench");
    command.args(["--no-vacuum", "--protocol=prepared", "--jobs=1", "--file"]).arg(script);
    command.arg(format!("--client={CONNECTIONS}")).arg(format!("--time={}", time.as_secs())).arg(url);
    let output = command.stdin(Stdio::null()).output().context("pgbench")?;
    ensure!(output.status.success(), "pgbench: {}", String::from_utf8_lossy(&output.stderr).trim());
    let text = String::from_utf8_lossy(&output.stdout);
    let said = text.lines().find_map(|line| line.strip_prefix("number of transactions actually processed: "));
    said.and_then(|count| count.trim().parse().ok()).context("pgbench says no number of transactions")
}
