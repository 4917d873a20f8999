//! Databases of one cluster, one for each size.

use anyhow::Result;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// The address of another database of the cluster.
pub(super) fn at(cluster: &str, database: &str) -> String {
    cluster.replacen("/postgres?", &format!("/{database}?"), 1)
}

/// Whether there is such a database.
///
/// # Errors
/// The cluster does not answer.
pub(super) fn is_there(cluster: &str, database: &str) -> Result<bool> {
    wait(async {
        let mut connection = PgConnection::connect(cluster).await?;
        let found = sqlx::query("SELECT 1 FROM pg_database WHERE datname = $1").bind(database);
        Ok(found.fetch_optional(&mut connection).await?.is_some())
    })
}

/// Makes a database anew: empty, or a copy of that one.
///
/// # Errors
/// Somebody uses it, or the other one.
pub(super) fn renew(cluster: &str, database: &str, template: Option<&str>) -> Result<()> {
    remove(cluster, database)?;
    let template = template.map(|template| format!(" TEMPLATE {template}")).unwrap_or_default();
    run(cluster, &format!("CREATE DATABASE {database}{template}"))
}

/// Removes a database.
///
/// # Errors
/// Somebody uses it.
pub(super) fn remove(cluster: &str, database: &str) -> Result<()> {
    run(cluster, &format!("DROP DATABASE IF EXISTS {database}"))
}

/// Runs a statement.
///
/// # Errors
/// It fails.
pub(super) fn run(url: &str, sql: &str) -> Result<()> {
    wait(async {
        let mut connection = PgConnection::connect(url).await?;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
        Ok(())
    })
}

/// Tables and indexes with the table that they belong to, and bytes.
///
/// # Errors
/// The database does not answer.
pub(super) fn sizes(url: &str) -> Result<Vec<(String, String, i64)>> {
    const SQL: &str = "SELECT c.relname::text, coalesce(t.relname, c.relname)::text, \
         CASE WHEN c.relkind = 'i' THEN pg_relation_size(c.oid) ELSE pg_table_size(c.oid) END \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public' \
         LEFT JOIN pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_class t ON t.oid = i.indrelid \
         WHERE c.relkind IN ('r', 'i')";
    wait(async {
        let mut connection = PgConnection::connect(url).await?;
        Ok(sqlx::query_as(SQL).fetch_all(&mut connection).await?)
    })
}

fn wait<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_another_database() {
        assert_eq!(at("postgres://kehu@localhost/postgres?host=/k", "x"), "postgres://kehu@localhost/x?host=/k");
    }
}
