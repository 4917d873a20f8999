//! Several statements that read the same moment.

use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll};

use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use super::{
    Engine, EngineError,
    postgres::of_read,
    refuse_write,
    tx::{Inner, SUSPENDED, Tx},
};

/// One moment of the database, through sea-orm's [`ConnectionTrait`], for reads only. A clone of it is the same
/// moment, and worth nothing when [`Engine::snapshot`] has ended.
///
/// A statement that fails spoils the rest of them, as PostgreSQL has it.
#[derive(Clone)]
pub struct Snapshot(Arc<Tx>);

/// A handle that outlived its snapshot: the connection is not given back but closed with it.
pub(crate) const KEPT: EngineError = EngineError::Misuse("a snapshot was kept beyond its end");

impl Snapshot {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(Tx::new(inner)))
    }

    /// Runs the closure to its end. It awaits nothing but its statements, as that of a write.
    pub(crate) async fn run<T, E: From<EngineError>>(&self, job: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let mut job = pin!(job);
        poll_fn(|cx| match job.as_mut().poll(cx) {
            Poll::Pending if !self.0.in_statement() => Poll::Ready(Err(SUSPENDED.into())),
            polled => polled,
        })
        .await
    }

    /// The transaction that it is.
    pub(crate) fn tx(&self) -> &Tx {
        &self.0
    }

    /// The connection, if this is the last handle.
    pub(crate) fn into_inner(self) -> Option<Inner> {
        Some(Arc::into_inner(self.0)?.into_inner())
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Snapshot {
    fn get_database_backend(&self) -> DbBackend {
        self.0.get_database_backend()
    }

    async fn execute_raw(&self, _: Statement) -> Result<ExecResult, DbErr> {
        Err(refuse_write())
    }

    async fn execute_unprepared(&self, _: &str) -> Result<ExecResult, DbErr> {
        Err(refuse_write())
    }

    async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.0.query_one_raw(stmt).await.map_err(of_read)
    }

    async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.0.query_all_raw(stmt).await.map_err(of_read)
    }
}

/// What is read from: the database as it is at each statement, or one moment of it.
#[derive(Clone)]
pub(crate) enum Source {
    Now(Engine),
    Then(Snapshot),
}

#[async_trait::async_trait]
impl ConnectionTrait for Source {
    fn get_database_backend(&self) -> DbBackend {
        match self {
            Self::Now(engine) => engine.get_database_backend(),
            Self::Then(snapshot) => snapshot.get_database_backend(),
        }
    }

    async fn execute_raw(&self, _: Statement) -> Result<ExecResult, DbErr> {
        Err(refuse_write())
    }

    async fn execute_unprepared(&self, _: &str) -> Result<ExecResult, DbErr> {
        Err(refuse_write())
    }

    async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            Self::Now(engine) => engine.query_one_raw(stmt).await,
            Self::Then(snapshot) => snapshot.query_one_raw(stmt).await,
        }
    }

    async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Now(engine) => engine.query_all_raw(stmt).await,
            Self::Then(snapshot) => snapshot.query_all_raw(stmt).await,
        }
    }
}
