//! The table of customers that floors are measured with, and itself in PostgreSQL.

use anyhow::Result;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::runtime::Runtime;

use crate::core::Row;

/// What it is called.
pub(crate) const TABLE: &str = "bench_floor";

/// Its columns, without the key.
pub(crate) const COLUMNS: [&str; 13] = [
    "no", "name", "industry", "stage", "owner", "source", "phone", "email", "address", "remark", "tags", "created",
    "updated",
];

/// The values of a row under [`COLUMNS`]; each has a number of its own.
pub(crate) fn values(row: &Row, number: usize) -> [String; 13] {
    let text = |text: &str| text.to_owned();
    [
        format!("{}-{number}", row.no),
        row.name.clone(),
        text(row.industry),
        text(row.stage),
        format!("u{:02}", row.owner),
        text(row.source),
        row.phone.clone(),
        row.email.clone(),
        row.address.clone(),
        text(row.remark),
        row.tags.join(","),
        row.created.clone(),
        row.updated.clone(),
    ]
}

/// The table and its indexes; `key` is what the database calls a number that it gives by itself.
pub(super) fn schema(key: &str) -> String {
    let columns = COLUMNS.map(|name| format!("{name} text NOT NULL")).join(", ");
    format!(
        "CREATE TABLE {TABLE} (id {key}, {columns}); CREATE UNIQUE INDEX {TABLE}_no ON {TABLE} (no); \
         CREATE INDEX {TABLE}_osu ON {TABLE} (owner, stage, updated); CREATE INDEX {TABLE}_ph ON {TABLE} (phone)"
    )
}

/// An insert; `mark` is how the database writes the value of that place, from 1.
pub(super) fn insert(mark: impl Fn(usize) -> String) -> String {
    let marks: Vec<String> = (1..=COLUMNS.len()).map(mark).collect();
    format!("INSERT INTO {TABLE} ({}) VALUES ({})", COLUMNS.join(", "), marks.join(", "))
}

/// The table in PostgreSQL, and a connection.
pub(crate) struct Table {
    runtime: Runtime,
    connection: PgConnection,
    insert: String,
    select: String,
}

impl Table {
    /// Makes it and fills it.
    ///
    /// # Errors
    /// The database refuses.
    pub(crate) fn make(url: &str, rows: &[Row]) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let connection = runtime.block_on(PgConnection::connect(url))?;
        let (insert, select) = (insert(|at| format!("${at}")), format!("SELECT * FROM {TABLE} WHERE id = $1"));
        let mut table = Self { runtime, connection, insert, select };
        table.execute(&format!("DROP TABLE IF EXISTS {TABLE}"))?;
        table.execute(&schema("bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"))?;
        table.execute("BEGIN")?;
        for (number, row) in rows.iter().enumerate() {
            table.add(row, number)?;
        }
        table.execute("COMMIT")?;
        table.execute(&format!("ANALYZE {TABLE}"))?;
        Ok(table)
    }

    /// Writes a row.
    ///
    /// # Errors
    /// The database refuses.
    pub(super) fn add(&mut self, row: &Row, number: usize) -> Result<()> {
        let mut query = sqlx::query(AssertSqlSafe(self.insert.clone()));
        for value in values(row, number) {
            query = query.bind(value);
        }
        self.runtime.block_on(query.execute(&mut self.connection))?;
        Ok(())
    }

    /// Reads the row of a key, all columns.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn read(&mut self, key: i64) -> Result<Vec<String>> {
        use sqlx::Row as _;
        let query = sqlx::query(AssertSqlSafe(self.select.clone())).bind(key);
        let row = self.runtime.block_on(query.fetch_one(&mut self.connection))?;
        Ok((1..=COLUMNS.len()).map(|at| row.try_get(at)).collect::<Result<_, _>>()?)
    }

    /// Removes it.
    ///
    /// # Errors
    /// The database refuses.
    pub(crate) fn drop(mut self) -> Result<()> {
        self.execute(&format!("DROP TABLE {TABLE}"))
    }

    fn execute(&mut self, sql: &str) -> Result<()> {
        self.runtime.block_on(self.connection.execute(AssertSqlSafe(sql.to_owned())))?;
        Ok(())
    }
}
