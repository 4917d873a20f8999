//! Results as Markdown: for the eye on standard output, and for the file that is kept.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::load::Load;
use crate::usage::Cpu;

/// A table.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with those columns.
    pub(crate) fn new<const N: usize>(columns: [&str; N]) -> Self {
        Self::with(columns.map(str::to_owned))
    }

    /// The same with columns that only the run knows.
    pub(crate) fn with(columns: impl IntoIterator<Item = String>) -> Self {
        Self { rows: vec![columns.into_iter().collect()] }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Markdown, its columns aligned.
    fn write(&self, out: &mut String) {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let cell = |row: &Vec<String>, column: usize| row.get(column).cloned().unwrap_or_default();
        let width = |column| self.rows.iter().map(|row| cell(row, column).chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (at, row) in self.rows.iter().enumerate() {
            for (column, width) in widths.iter().enumerate() {
                let text = cell(row, column);
                let blank = " ".repeat(width - text.chars().count());
                // Numbers to the right, words to the left.
                let _ = if column == 0 { write!(out, "| {text}{blank} ") } else { write!(out, "| {blank}{text} ") };
            }
            out.push_str("|\n");
            if at == 0 {
                for (column, width) in widths.iter().enumerate() {
                    let dashes = "-".repeat(width + 1);
                    let _ = if column == 0 { write!(out, "|{dashes}-") } else { write!(out, "|{dashes}:") };
                }
                out.push_str("|\n");
            }
        }
        out.push('\n');
    }
}

/// What is told, in order.
#[derive(Default)]
pub(crate) struct Report {
    text: String,
    /// Numbers that are quoted elsewhere, by name.
    pub(crate) quoted: BTreeMap<String, String>,
}

impl Report {
    /// A heading.
    pub(crate) fn heading(&mut self, text: &str) {
        let _ = writeln!(self.text, "## {text}\n");
    }

    /// A paragraph.
    pub(crate) fn say(&mut self, text: &str) {
        let _ = writeln!(self.text, "{text}\n");
    }

    /// A table.
    pub(crate) fn table(&mut self, table: &Table) {
        table.write(&mut self.text);
    }

    /// Keeps a number to be quoted elsewhere.
    pub(crate) fn quote(&mut self, name: &str, number: impl Into<String>) {
        self.quoted.insert(name.to_owned(), number.into());
    }

    /// All of it.
    pub(crate) fn text(&self) -> &str {
        self.text.trim_end()
    }
}

/// Milliseconds with three digits that count.
pub(crate) fn millis(time: Duration) -> String {
    number(time.as_secs_f64() * 1000.0)
}

/// CPU milliseconds of one of so many, of the program and of its database.
pub(crate) fn cpu_each(cpu: Cpu, count: usize) -> [String; 2] {
    let each = |time: Duration| time.as_secs_f64() * 1000.0 / crate::load::float(count.max(1));
    let database = if cpu.database.is_zero() { "–".to_owned() } else { number(each(cpu.database)) };
    [number(each(cpu.server)), database]
}

/// Mebibytes.
pub(crate) fn mebibytes(bytes: Option<u64>) -> String {
    let Some(bytes) = bytes else { return "–".to_owned() };
    let tenths = bytes * 10 / (1 << 20);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// A number with three digits that count.
pub(crate) fn number(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v if v >= 1.0 => format!("{v:.2}"),
        v => format!("{v:.3}"),
    }
}

/// Columns of a load: requests per second, CPU, p50 and p99.
pub(crate) const LOAD_COLUMNS: [&str; 5] =
    ["requests/s", "CPU ms/request", "database CPU ms/request", "p50 ms", "p99 ms"];

/// Cells of a load under [`LOAD_COLUMNS`].
pub(crate) fn load_cells(load: &Load, cpu: Cpu) -> Vec<String> {
    let [server, database] = cpu_each(cpu, load.requests());
    vec![number(load.rate()), server, database, millis(load.within(500)), millis(load.within(990))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_and_numbers_stand_to_the_right() {
        let mut table = Table::new(["what", "ms"]);
        table.row(vec!["get".to_owned(), "0.123".to_owned()]);
        let mut report = Report::default();
        report.table(&table);
        assert_eq!(report.text(), "| what |    ms |\n|------|------:|\n| get  | 0.123 |");
    }

    #[test]
    fn numbers_have_three_digits_that_count() {
        assert_eq!([0.1234, 1.234, 12.34, 1234.5].map(number), ["0.123", "1.23", "12.3", "1234"]);
        assert_eq!(mebibytes(Some(35 * 1024 * 1024 + 600 * 1024)), "35.5");
        assert_eq!(mebibytes(None), "–");
        let cpu = Cpu { server: Duration::from_secs(2), database: Duration::ZERO };
        assert_eq!(cpu_each(cpu, 1000), ["2.00", "–"]);
    }
}
