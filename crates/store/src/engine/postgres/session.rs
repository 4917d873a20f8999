//! Statements on a connection, and the transaction of a write.

use std::sync::Arc;

use sea_orm::{DbErr, ExecResult, QueryResult, RuntimeErr, Statement, Value};
use sea_query_sqlx::SqlxValues;
use sqlx::{Executor, Postgres, query::Query};
use tokio::time::timeout;

use super::{
    super::{EngineError, error::Fault, sqlite::whole_millis},
    pool::{Lease, Pool},
};

impl Lease {
    async fn rows(&mut self, statement: &Statement) -> Result<Vec<QueryResult>, sqlx::Error> {
        let limit = self.limit();
        let done = timeout(limit, bound(statement).fetch_all(self.start()?)).await;
        Ok(self.finish(done)?.into_iter().map(QueryResult::from).collect())
    }

    async fn execute(&mut self, statement: &Statement) -> Result<ExecResult, sqlx::Error> {
        let limit = self.limit();
        let done = timeout(limit, bound(statement).execute(self.start()?)).await;
        self.finish(done).map(ExecResult::from)
    }

    /// Statements as text, not prepared.
    async fn text(&mut self, sql: String) -> Result<ExecResult, sqlx::Error> {
        let limit = self.limit();
        let done = timeout(limit, self.start()?.execute(sqlx::AssertSqlSafe(sql))).await;
        self.finish(done).map(ExecResult::from)
    }
}

/// One read. A connection may have died while nobody used it: that is seen by its next statement, which is then run on
/// another one.
pub(super) async fn read(pool: &Arc<Pool>, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
    let statement = whole_times(statement);
    let mut lease = pool.take().await.map_err(Fault::engine)?;
    loop {
        match lease.rows(&statement).await {
            Err(_) if lease.lost && lease.reused => lease.renew().await.map_err(Fault::engine)?,
            done => return done.map_err(query_error),
        }
    }
}

/// The transaction of one write. It begins with its first statement, and ends with its connection if it is dropped.
pub(crate) struct Transaction {
    lease: Lease,
    begun: bool,
}

impl Transaction {
    /// With a connection of this pool.
    pub(super) async fn open(pool: &Arc<Pool>) -> Result<Self, EngineError> {
        Ok(Self { lease: pool.take().await?, begun: false })
    }

    /// Rows of a statement.
    pub(crate) async fn rows(&mut self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.begin(None).await?;
        let done = self.lease.rows(&whole_times(statement)).await;
        self.stay(done).map_err(query_error)
    }

    /// Runs a statement.
    pub(crate) async fn execute(&mut self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.begin(None).await?;
        let done = self.lease.execute(&whole_times(statement)).await;
        self.stay(done).map_err(exec_error)
    }

    /// Runs statements as text, not prepared. As the first of the transaction they need no round trip of their own.
    pub(crate) async fn text(&mut self, sql: &str) -> Result<ExecResult, DbErr> {
        if let Some(done) = self.begin(Some(sql)).await? {
            return Ok(done);
        }
        let done = self.lease.text(sql.to_owned()).await;
        self.stay(done).map_err(exec_error)
    }

    /// Begins, if that is still to be done, and runs `first` at once. A connection that had died is replaced by another
    /// one: nothing was done on it.
    async fn begin(&mut self, first: Option<&str>) -> Result<Option<ExecResult>, DbErr> {
        while !self.begun {
            let sql = first.map_or_else(|| "BEGIN".to_owned(), |first| format!("BEGIN; {first}"));
            let done = self.lease.text(sql).await;
            if done.is_err() && self.lease.lost && self.lease.reused {
                self.lease.renew().await.map_err(Fault::engine)?;
                continue;
            }
            self.begun = true;
            return self.stay(done).map(Some).map_err(exec_error);
        }
        Ok(None)
    }

    /// With an open transaction a connection is not given back.
    fn stay<T>(&mut self, done: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        self.lease.fit = false;
        done
    }

    /// Commits, if none of these statements fails. If the connection is lost meanwhile, whether it took effect is not
    /// known.
    pub(super) async fn commit(mut self, mut checks: Vec<String>) -> Result<(), EngineError> {
        let checked = !checks.is_empty();
        checks.push("COMMIT".to_owned());
        let done = self.end(&checks.join("; ")).await;
        if checked && done.is_err() {
            self.rollback().await;
        }
        done
    }

    /// Undoes everything. If even that fails, the connection is closed, and the server undoes it by itself.
    pub(super) async fn rollback(mut self) {
        let _ = self.end("ROLLBACK").await;
    }

    async fn end(&mut self, sql: &str) -> Result<(), EngineError> {
        if self.begun {
            self.lease.text(sql.to_owned()).await.map_err(exec_error)?;
        }
        Ok(())
    }
}

fn bound(statement: &Statement) -> Query<'_, Postgres, SqlxValues> {
    let values = statement.values.clone().unwrap_or_else(|| sea_orm::Values(Vec::new()));
    let kept = keeps(&statement.sql, values.0.len());
    sqlx::query_with(sqlx::AssertSqlSafe(statement.sql.as_str()), SqlxValues(values)).persistent(kept)
}

/// Whether a statement is worth keeping prepared. Rows that are inserted together have a statement for each number of
/// rows: those of a batch hardly ever come again as they are, and are large.
fn keeps(sql: &str, values: usize) -> bool {
    values <= 256 || !sql.contains("INSERT INTO")
}

fn query_error(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

fn exec_error(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

/// Times are cut to milliseconds before they are bound: PostgreSQL would keep micro- and round to milliseconds.
fn whole_times(mut statement: Statement) -> Statement {
    for value in statement.values.iter_mut().flat_map(|values| &mut values.0) {
        if let Value::ChronoDateTimeUtc(Some(time)) = value {
            *time = whole_millis(*time);
        }
    }
    statement
}
